"""Predicted values against true ones, and what is left between them."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.backends import HostArray
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, FAINT, headed
from dnn_xp.reports.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ResidualFigures", "residual_figures", "residual_plot"]


@drawn
def residual_plot(
    predicted: Any, actual: Any, *, name: str = "target", title: str | None = None
) -> "Figure":
    """Predicted against true values, and their residuals over what was predicted.

    Parameters
    ----------
    predicted, actual : array_like, shape (m,)
    name : str
        Of what is predicted, with its unit.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        Its title says the root mean squared error, and R2 where the true values differ.

    Raises
    ------
    ValueError
        Where there are no values, or not as many of each.
    """
    values, true = (np.asarray(one, dtype=np.float64) for one in (predicted, actual))
    check("predicted", values.shape, values.ndim == 1 and values.size > 0, "values, shape (m,)")
    check("actual", true.shape, true.shape == values.shape, f"the shape {values.shape}")
    residuals = true - values
    finite = np.isfinite(residuals)
    figure = new_figure(9.0, 4.4)
    left, right = figure.subplots(1, 2)
    style = {
        "s": float(np.clip(3000.0 / values.size, 4.0, 22.0)),
        "alpha": float(np.clip(300.0 / values.size, 0.25, 0.8)),
        "color": COLOURS[0],
        "linewidths": 0,
        "rasterized": values.size > 5000,  # else each point would be an object of the SVG or PDF
    }
    left.scatter(true, values, **style)
    both = np.concat([values[finite], true[finite]])
    ends = [float(both.min()), float(both.max())] if both.size else [0.0, 1.0]
    left.plot(ends, ends, "--", color=COLOURS[1], label="predicted = true")
    left.set(xlabel=f"true {name}", ylabel=f"predicted {name}")
    left.legend()
    right.scatter(values, residuals, **style)
    right.axhline(0.0, linestyle="--", color=COLOURS[1])
    right.set(xlabel=f"predicted {name}", ylabel="residual: true - predicted")
    for axes in (left, right):
        axes.grid(True, color=FAINT)
    figure.suptitle(headed(title, _summary(residual_figures(values, true))))
    return figure


class ResidualFigures(NamedTuple):
    """Figures of what is left between true and predicted values, as far as both are finite.

    Attributes
    ----------
    n : int
        How many examples they are of.
    n_left_out : int
        How many are not finite.
    rmse, mae : float
        NaN of no examples.
    r2 : float
        NaN where the true values do not differ.
    spread : float
        The RMSE of who always says the mean of the true values.
    """

    n: int
    n_left_out: int
    rmse: float
    mae: float
    r2: float
    spread: float


def residual_figures(predicted: HostArray, true: HostArray) -> ResidualFigures:
    """Return the figures of residuals.

    Parameters
    ----------
    predicted, true : ndarray, shape (m,)
    """
    with np.errstate(invalid="ignore"):
        residuals = true - predicted
    finite = np.isfinite(residuals)
    left, known, n_left_out = residuals[finite], true[finite], int(np.count_nonzero(~finite))
    if not left.size:
        return ResidualFigures(0, n_left_out, *(math.nan,) * 4)
    squares, spread = float(np.mean(left**2)), float(np.mean((known - known.mean()) ** 2))
    r2 = 1.0 - squares / spread if spread > 0.0 else math.nan
    mae = float(np.mean(np.abs(left)))
    return ResidualFigures(left.size, n_left_out, math.sqrt(squares), mae, r2, math.sqrt(spread))


def _summary(figures: ResidualFigures) -> str:
    words = [counted(figures.n, "example")]
    if figures.n:
        words.append(f"RMSE {figures.rmse:.4g}")
    if not math.isnan(figures.r2):
        words.append(f"R2 {figures.r2:.4g}")
    if figures.n_left_out:
        words.append(f"{figures.n_left_out:,} that are not finite left out")
    return ", ".join(words)
