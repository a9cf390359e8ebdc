"""How a network learnt: cost, metrics and learning rate over the epochs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dnn_xp.reports.curves import axis_label, curves_by_panel, histories_by_run, scale_of
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.style import HELD_OUT, TRAINING, short
from dnn_xp.reports.words import counted, describe_metric
from dnn_xp.svg import line_chart

__all__ = ["figures_table", "learning_curves"]

_MOST_ROWS = 50
"""Of the table that says what a chart shows."""

_RATE = "learning_rate"


def learning_curves(
    history: Mapping[str, Sequence[float]], *, x_name: str = "epochs"
) -> Section | None:
    """Section of learning curves: a chart each for the cost and every metric; None without epochs.

    Training and held-out figures lie over each other. The learning rate has a chart where it
    changes.

    Parameters
    ----------
    history : mapping of str to sequence of float
        Of a `TrainingResult`: a number an epoch.
    x_name : str
        What is counted.

    Raises
    ------
    TypeError
        Where the history is none.
    """
    charts = []
    for name, curves in curves_by_panel(histories_by_run(history)).items():
        by_part = {curve.part: curve.figures for curve in curves if curve.figures.size}
        lines = {part: by_part[part] for part in (TRAINING, HELD_OUT) if part in by_part}
        if name == _RATE:
            changing = [one for one in lines.values() if np.any(one != one[0])]
            lines = {"learning rate": changing[0]} if changing else {}
        if lines:
            charts.append(_chart(name, lines, x_name))
    if not charts:
        return None
    return Section("How it learnt", "curves", {"charts": charts})


def _chart(name: str, lines: Mapping[str, np.ndarray[Any, Any]], x_name: str) -> dict[str, Any]:
    """Return a chart of one figure, its heading, and a table for who cannot see it."""
    figures = np.concat([*lines.values()])
    scale = scale_of(name, figures[np.isfinite(figures)])
    is_rate, unit = name == _RATE, axis_label(name, scale)
    parts = [*lines]
    heading = unit if is_rate or len(parts) > 1 or parts == [TRAINING] else f"{unit}, {parts[0]}"
    broken = sum(int(np.count_nonzero(~np.isfinite(one))) for one in lines.values())
    heading = heading[:1].upper() + heading[1:]
    return {
        "heading": heading,
        "drawing": line_chart(
            ({} if is_rate else dict.fromkeys((TRAINING, HELD_OUT), ()))
            | {part: one.tolist() for part, one in lines.items()},
            x_name=x_name,
            y_name=short("rate" if is_rate else name, 20),
            y_is_log=bool(scale),
            y_is_share=name.endswith("accuracy"),
            hover=True,
        ),
        "broken": f"{counted(broken, 'figure')} that {'is' if broken == 1 else 'are'} not finite"
        if broken
        else "",
        "table": figures_table(name, lines, heading, x_name=x_name),
    }


def figures_table(
    name: str,
    lines: Mapping[str, np.ndarray[Any, Any]],
    heading: str,
    *,
    x_name: str = "epochs",
    most_rows: int = _MOST_ROWS,
) -> dict[str, Any]:
    """Return the table that says what a chart of lines shows; ``as_table.html.j2`` writes it.

    Parameters
    ----------
    name : str
        Of the figure, such as ``"accuracy"``.
    lines : mapping of str to ndarray, shape (n_epochs,)
        One or more.
    heading : str
        Of the chart.
    x_name : str
        What is counted.
    most_rows : int
        Of more, so many are there: evenly chosen, with the first and the last.
    """
    n = max(one.size for one in lines.values())
    kept = range(n) if n <= most_rows else [round(i) for i in np.linspace(0, n - 1, most_rows)]
    return {
        "heading": heading,
        "x_name": x_name,
        "names": [*lines],
        "rows": [(i + 1, [_said(name, one, i) for one in lines.values()]) for i in kept],
        "n": n,
    }


def _said(name: str, figures: np.ndarray[Any, Any], place: int) -> str:
    """Return a figure as a table says it; nothing of an epoch without one."""
    if place >= figures.size:
        return ""
    figure = float(figures[place])
    return describe_metric(name, figure) if math.isfinite(figure) else str(figure)
