"""Learning curves: cost, metrics and learning rate over the epochs, of one run or of several."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_choice, shown
from dnn_xp.backends import require
from dnn_xp.functions.metrics import METRICS, mode_of
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import (
    COLOURS,
    DASHES,
    HELD_OUT,
    MARKERS,
    TRAINING,
    legend_name,
    say_instead,
    short,
    use_log_scale,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Curve",
    "axis_label",
    "curves_by_panel",
    "histories_by_run",
    "learning_curve",
    "scale_of",
]

_History = Mapping[str, Sequence[float]]
_Figures = np.ndarray[Any, Any]

_LARGE_SPREAD = 50.0
"""From so many times the lowest figure up to the highest, a linear scale shows an L."""

_UNITS = {"RMSE": "units of the target", "MAE": "units of the target", "R2": ""}


class Curve(NamedTuple):
    """Figures of one run in one panel.

    Attributes
    ----------
    run : str
        Its name; nothing where there is one alone.
    part : {"training", "held out"}
    figures : ndarray, shape (n_epochs,)
    """

    run: str
    part: str
    figures: _Figures


@drawn
def learning_curve(
    history: _History | Sequence[float] | Mapping[str, _History],
    *,
    learning_rate: float | None = None,
    unit: str = "epochs",
    title: str | None = None,
) -> "Figure":
    """Learning curves: a panel each for the cost, every metric, and the learning rate.

    Parameters
    ----------
    history : dict of str to sequence of float, a sequence of float, or a dict of histories
        Of a `TrainingResult`: a number an epoch. A sequence is taken for the cost. Histories by the
        names of their runs are drawn over each other. Rates are drawn where a history holds
        ``learning_rate``.
    learning_rate : float, optional
        Stands in the title.
    unit : str
        What the horizontal axis counts: ``"epochs"`` from 1, or ``"iterations"`` from 0, as in the
        article, where the first cost is that before any update.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        A panel is logarithmic where its figures spread over more than a factor of 50, and says so.
        Figures that are not finite are crosses at its upper edge.

    Raises
    ------
    TypeError
        Where the history is none.
    """
    check_choice("unit", unit, ("epochs", "iterations"))
    runs = histories_by_run(history)
    panels = curves_by_panel(runs)
    columns = 1 if len(panels) == 1 else 2 if len(panels) in (2, 4) else 3
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(*((6.0, 4.0) if columns == 1 else (4.2 * columns, 0.4 + 3.2 * rows)))
    for place, (name, curves) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(rows, columns, place, xlabel=unit)
        _draw_panel(axes, name, curves, list(runs), first=0 if unit == "iterations" else 1)
    if len(runs) > 1:
        _name_runs(figure, list(runs), panels)
    titles = [title] if title else []
    titles += [] if learning_rate is None else [f"Learning rate = {learning_rate:g}"]
    if titles and len(panels) == 1:
        figure.axes[0].set_title("\n".join(titles))
    elif titles:
        figure.suptitle("\n".join(titles))
    return figure


# ----------------------------------------------------------------------------- what there is


def histories_by_run(history: Any) -> dict[str, dict[str, _Figures]]:
    """Return the figures of each run by name, or refuse what is no history.

    Parameters
    ----------
    history : dict of str to sequence of float, a sequence of float, or a dict of histories
        See `learning_curve`.

    Raises
    ------
    TypeError
        Where it is none.
    """
    if not isinstance(history, Mapping):
        history = {"cost": history}
    of_several = bool(history) and all(isinstance(one, Mapping) for one in history.values())
    runs = history if of_several else {"": history}
    return {
        str(run): {str(name): _numbers(found) for name, found in one.items() if name != "epoch"}
        for run, one in runs.items()
    }


def _numbers(found: Any) -> _Figures:
    """Return figures, or refuse what is no list of numbers."""
    try:
        return np.asarray([float(figure) for figure in found])
    except (TypeError, ValueError) as error:
        expected = "a list of numbers, or a dictionary of such"
        raise TypeError(f"history: found {shown(found)}, expected {expected}") from error


def curves_by_panel(runs: Mapping[str, Mapping[str, _Figures]]) -> dict[str, list[Curve]]:
    """Return the curves of each panel: of the cost first, of the learning rate last."""
    panels: dict[str, list[Curve]] = {"cost": []}
    for run, history in runs.items():
        for key, figures in history.items():
            name = key.removeprefix("validation_")
            part = TRAINING if name == key else HELD_OUT
            panels.setdefault(name, []).append(Curve(run, part, figures))
    last = {"learning_rate": panels.pop("learning_rate")} if "learning_rate" in panels else {}
    return panels | last


# ----------------------------------------------------------------------------- drawing


def _draw_panel(
    axes: "Axes", name: str, curves: Sequence[Curve], runs: Sequence[str], first: int
) -> None:
    """Draw the curves of one name, and say on the axis what they are."""
    drawn_curves = [curve for curve in curves if curve.figures.size]
    for curve in drawn_curves:
        _draw_curve(axes, curve, runs, first)
    ticker = require("matplotlib.ticker", extra="app")
    whole_numbers = ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)
    axes.xaxis.set_major_locator(whole_numbers)
    found = np.concat([curve.figures for curve in drawn_curves] or [np.zeros(0)])
    finite = found[np.isfinite(found)]
    axes.set_ylabel(axis_label(name, _choose_scale(axes, name, finite)))
    if not found.size:
        say_instead(axes, "there is no whole epoch")
    elif not finite.size:
        axes.set_yticks([])
    if len(runs) == 1:
        handles = {str(line.get_label()): line for line in axes.lines}
        if len(handles) > 1:
            axes.legend(list(handles.values()), list(handles))
    if name == "learning_rate":
        return
    parts = {curve.part for curve in drawn_curves}
    if len(parts) == 1 and name != "cost":
        axes.set_title(parts.pop(), fontsize="medium")


def _draw_curve(axes: "Axes", curve: Curve, runs: Sequence[str], first: int) -> None:
    """Draw a line, marked where it is a single point or one run of several."""
    steps = np.arange(first, first + curve.figures.size)
    finite = np.isfinite(curve.figures)
    held_out, several = curve.part == HELD_OUT, len(runs) > 1
    place = runs.index(curve.run)
    marked = several or finite.sum() == 1
    (line,) = axes.plot(
        steps,
        np.where(finite, curve.figures, np.nan),
        DASHES[1] if held_out else DASHES[0],
        color=COLOURS[place % len(COLOURS) if several else int(held_out)],
        marker=MARKERS[place % len(MARKERS) if several else 0] if marked else None,
        markevery=max(1, steps.size // 6) if finite.sum() > 1 else None,
        markersize=4 if several else None,
        label=curve.part,
    )
    if not finite.all():
        axes.plot(
            steps[~finite],
            np.full(np.count_nonzero(~finite), 0.98),
            "x",
            color=line.get_color(),
            transform=axes.get_xaxis_transform(),
            label="not finite",
        )


def _choose_scale(axes: "Axes", name: str, finite: _Figures) -> str:
    """Set the scale that serves the figures of a panel, and return what is to be said of it."""
    scale = scale_of(name, finite)
    ticker = require("matplotlib.ticker", extra="app")
    if name.endswith("accuracy"):
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=None))
    if not scale:
        return ""
    lowest, highest = float(finite[finite > 0].min()), float(finite.max())
    if finite.min() > 0:
        use_log_scale(axes, "y", lowest, highest)
        return scale
    axes.set_yscale("symlog", linthresh=lowest)  # which has a place for 0
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    return scale


def scale_of(name: str, finite: _Figures) -> str:
    """Return what is to be said of the scale that serves figures: nothing of a linear one.

    Parameters
    ----------
    name : str
        Under which they are shown.
    finite : ndarray
        Those that are finite.
    """
    positive = finite[finite > 0]
    grows = mode_of(METRICS.get(name)) == "max" or name in ("R2", "top_5_accuracy")
    if grows or not positive.size or np.any(finite < 0):
        return ""
    lowest = float(positive.min())
    if float(positive.max()) <= _LARGE_SPREAD * lowest:
        return ""
    return "log scale" if positive.size == finite.size else f"log scale above {lowest:.3g}"


def axis_label(name: str, scale: str) -> str:
    """Return the name of what is drawn, with its unit and what is said of its scale."""
    remarks = [remark for remark in (_UNITS.get(name, ""), scale) if remark]
    label = short("learning rate" if name == "learning_rate" else name, 40)
    return f"{label} ({', '.join(remarks)})" if remarks else label


def _name_runs(
    figure: "Figure", runs: Sequence[str], panels: Mapping[str, Sequence[Curve]]
) -> None:
    """Say under the panels which line is which run, and which part of its data."""
    lines = require("matplotlib.lines", extra="app")
    handles = [
        lines.Line2D(
            [],
            [],
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=4,
            label=legend_name(run),
        )
        for place, run in enumerate(runs)
    ]
    there = {curve.part for curves in panels.values() for curve in curves if curve.figures.size}
    handles += [
        lines.Line2D([], [], color="#555555", linestyle=dashes, label=part)
        for part, dashes in ((TRAINING, DASHES[0]), (HELD_OUT, DASHES[1]))
        if part in there
    ]
    not_finite = any(
        not np.isfinite(curve.figures).all() for curves in panels.values() for curve in curves
    )
    if not_finite:
        handles.append(
            lines.Line2D([], [], color="#555555", marker="x", linestyle="", label="not finite")
        )
    width, height = (float(side) for side in figure.get_size_inches())
    columns = max(1, int(width // 2.2))
    figure.set_size_inches(width, height + 0.24 * -(-len(handles) // columns))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
