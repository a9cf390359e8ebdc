"""Predicted values against true ones, and what is left between them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, FAINT, headed
from dnn_xp.reports.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["residual_plot"]


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
    said = _summary(residuals[finite], true[finite], int(np.count_nonzero(~finite)))
    figure.suptitle(headed(title, said))
    return figure


def _summary(residuals: np.ndarray[Any, Any], true: np.ndarray[Any, Any], n_left_out: int) -> str:
    words = [counted(residuals.size, "example")]
    if residuals.size:
        words.append(f"RMSE {np.sqrt(np.mean(residuals**2)):.4g}")
        spread = np.mean((true - true.mean()) ** 2)
        if spread > 0:
            words.append(f"R2 {1.0 - np.mean(residuals**2) / spread:.4g}")
    if n_left_out:
        words.append(f"{n_left_out:,} that are not finite left out")
    return ", ".join(words)
