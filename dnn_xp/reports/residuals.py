"""Predicted values against true ones, and what is left between them."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, FAINT, headed
from dnn_xp.reports.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ResidualFigures", "residual_figures", "residual_plot"]


class ResidualFigures(NamedTuple):
    """How far predicted values are from the true ones, of those that are finite.

    Attributes
    ----------
    n, n_left_out : int
        Examples that count, and those of which a value is not finite.
    rmse, mae, bias : float
        Root mean squared, mean absolute and mean residual, true - predicted; NaN of no examples.
    rmse_of_mean, mae_of_mean : float
        Those of always predicting the mean of the true values.
    r2 : float
        NaN where the true values do not differ.
    rmse_error, mae_error : float
        Standard errors of `rmse` and `mae`; NaN of fewer than two examples.
    """

    n: int
    n_left_out: int
    rmse: float
    mae: float
    bias: float
    rmse_of_mean: float
    mae_of_mean: float
    r2: float
    rmse_error: float
    mae_error: float


def residual_figures(predicted: Any, actual: Any) -> ResidualFigures:
    """Return how far predicted values are from the true ones.

    Parameters
    ----------
    predicted, actual : array_like, shape (m,)
    """
    values, true = (np.asarray(one, dtype=np.float64) for one in (predicted, actual))
    finite = np.isfinite(values) & np.isfinite(true)
    n, n_left_out = int(finite.sum()), int((~finite).sum())
    if not n:
        return ResidualFigures(0, n_left_out, *[math.nan] * 8)
    values, true = values[finite], true[finite]
    # Squares and sums of the largest numbers would overflow: all is counted in units of a power of
    # two, by which nothing is rounded.
    largest = float(max(np.abs(values).max(), np.abs(true).max()))
    unit = math.ldexp(1.0, math.frexp(largest)[1] - 1)
    residuals, apart = true / unit - values / unit, true / unit - (true / unit).mean()
    rmse, rmse_of_mean = _root_mean_square(residuals), _root_mean_square(apart)
    differ = bool(true.max() > true.min()) and rmse_of_mean > 0.0
    errors = (math.nan, math.nan)
    if n > 1:
        of_squares = _root_mean_square(residuals**2 - rmse**2) / math.sqrt(n - 1)
        of_sizes = float(np.std(np.abs(residuals), ddof=1)) / math.sqrt(n)
        errors = (of_squares / (2.0 * rmse) if rmse else 0.0, of_sizes)
    return ResidualFigures(
        n,
        n_left_out,
        unit * rmse,
        unit * float(np.abs(residuals).mean()),
        unit * float(residuals.mean()),
        unit * rmse_of_mean if differ else 0.0,
        unit * float(np.abs(apart).mean()) if differ else 0.0,
        1.0 - (rmse / rmse_of_mean) ** 2 if differ else math.nan,
        unit * errors[0],
        unit * errors[1],
    )


def _root_mean_square(values: np.ndarray[Any, Any]) -> float:
    """Return the root of the mean square, also where squares are too small for a float."""
    largest = float(np.abs(values).max())
    return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest else 0.0


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


def _summary(found: ResidualFigures) -> str:
    words = [counted(found.n, "example")]
    if found.n:
        words.append(f"RMSE {found.rmse:.4g}")
    if not math.isnan(found.r2):
        words.append(f"R2 {found.r2:.4g}")
    if found.n_left_out:
        words.append(f"{found.n_left_out:,} that are not finite left out")
    return ", ".join(words)
