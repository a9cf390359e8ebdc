"""Learning curves on a page: a chart each for the cost, every metric, and the learning rate."""

from collections.abc import Mapping, Sequence
from typing import Any

from dnn_xp.reports.curves import panels_of
from dnn_xp.reports.pages.page import Section
from dnn_xp.svg import line_chart

__all__ = ["learning_curves"]


def learning_curves(
    history: Mapping[str, Sequence[float]], *, x_name: str = "epochs"
) -> Section | None:
    """Section with the learning curves of a run, or None where there is no whole epoch.

    Parameters
    ----------
    history : dict of str to sequence of float
        A number an epoch, by name; what was held out begins with ``validation_``.
    x_name : str
        What is counted.
    """
    charts: list[dict[str, Any]] = []
    for panel, curves in panels_of(history).items():
        lines = {curve.part: curve.figures.tolist() for curve in curves if curve.figures.size}
        if chart := line_chart(lines, x_name=x_name, y_name=panel, hover=True):
            charts.append({"title": panel.replace("_", " "), "chart": chart})
    return Section("How it learnt", "curves", {"charts": charts}) if charts else None
