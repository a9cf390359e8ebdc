"""The curve of a range test: which learning rates make the cost fall."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, use_log_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["learning_rate_curve"]


@drawn
def learning_rate_curve(range_test: Any, *, title: str | None = None) -> "Figure":
    """Cost over the learning rate as it grew, and the point that the proposed rate comes from.

    A cost that blows up leaves the picture at twice the cost of the first step.

    Parameters
    ----------
    range_test : RangeTest
        Of `dnn_xp.training.learning_rate_range_test`.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(6.0, 4.0)
    axes = figure.add_subplot(xlabel="learning rate (log scale)", ylabel="cost of a batch")
    rates, costs, smoothed, proposed = range_test
    blue, vermilion = COLOURS[:2]
    best = int(np.argmin(smoothed))
    axes.plot(rates, costs, ".", color=blue, alpha=0.35, label="each step")
    axes.plot(rates, smoothed, "-", color=blue, label="smoothed")
    axes.plot(
        rates[best],
        smoothed[best],
        "o",
        color=vermilion,
        label=f"lowest: {rates[best]:.2g}",
    )
    axes.axvline(
        proposed,
        color=vermilion,
        linestyle="--",
        label=f"proposed, a quarter of it: {proposed:.2g}",
    )
    use_log_scale(axes, "x", min(*rates, proposed), rates[-1])
    lowest = min(costs)
    height = 1.05 * (min(max(costs), 2.0 * smoothed[0]) - lowest)
    axes.set_ylim(lowest - 0.05 * height, lowest + height)
    axes.legend()
    if title:
        axes.set_title(title)
    return figure
