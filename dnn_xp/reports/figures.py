"""Pictures of a run: its curves, and the examples that a network gets wrong.

Everything here takes host data and returns a Matplotlib figure that belongs to no window: save it
with ``figure.savefig(path)``, or hand it to `show`. Matplotlib is loaded when it is needed.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check_choice, shown
from dnn_xp.backends import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["can_show", "learning_curve", "learning_rate_curve", "mislabeled_pictures", "show"]

# Two colours that everybody can tell apart (Okabe and Ito 2008); lines differ in style, too.
_BLUE, _VERMILION = "#0072B2", "#D55E00"


def learning_curve(
    history: Mapping[str, Sequence[float]] | Sequence[float],
    *,
    learning_rate: float | None = None,
    unit: str = "epochs",
) -> "Figure":
    """Draw how the cost fell.

    Parameters
    ----------
    history : dict of str to sequence of float, or a sequence of float
        Of a `TrainingResult`: ``cost`` and, where it is there, ``validation_cost``, a number an
        epoch. A sequence is taken for the cost.
    learning_rate : float, optional
        Stands in the title.
    unit : str
        What the horizontal axis counts: ``"epochs"`` from 1, or ``"iterations"`` from 0, as in the
        article, where the first cost is that before any update.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if not isinstance(history, Mapping):
        history = {"cost": history}
    check_choice("unit", unit, ("epochs", "iterations"))
    first = 0 if unit == "iterations" else 1
    figure = _figure(6.0, 4.0)
    axes = figure.add_subplot()
    for name, label, colour, style in (
        ("cost", "training", _BLUE, "-"),
        ("validation_cost", "validation", _VERMILION, "--"),
    ):
        costs = _figures(history.get(name, ()))
        # A single point makes no line: it is marked.
        marker = "o" if np.isfinite(costs).sum() == 1 else None
        if costs.size:
            steps = np.arange(first, first + costs.size)
            axes.plot(steps, costs, style, color=colour, marker=marker, label=label)
    if len(axes.lines) > 1:
        axes.legend(frameon=False)
    axes.set_xlabel(unit)
    axes.set_ylabel("cost")
    ticker = require("matplotlib.ticker", extra="app")
    whole_numbers = ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)
    axes.xaxis.set_major_locator(whole_numbers)
    axes.spines[["top", "right"]].set_visible(False)
    if learning_rate is not None:
        axes.set_title(f"Learning rate = {learning_rate:g}")
    return figure


def _figures(found: Sequence[float]) -> np.ndarray[Any, Any]:
    """Return the figures of a history, or refuse what is no list of numbers."""
    try:
        figures = np.asarray([float(figure) for figure in found])
    except (TypeError, ValueError) as error:
        expected = "a list of numbers, or a dictionary of such"
        raise TypeError(f"history: found {shown(found)}, expected {expected}") from error
    return figures


def learning_rate_curve(range_test: Any) -> "Figure":
    """Draw how the cost changed as the learning rate grew, and the rate that is proposed.

    A cost that blows up leaves the picture at twice the cost of the first step.

    Parameters
    ----------
    range_test : RangeTest
        Of `dnn_xp.training.range_test`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = _figure(6.0, 4.0)
    axes = figure.add_subplot()
    rates, costs, smoothed, proposed = range_test
    axes.plot(rates, costs, ".", color=_BLUE, alpha=0.35, label="each step")
    axes.plot(rates, smoothed, "-", color=_BLUE, label="smoothed")
    axes.axvline(proposed, color=_VERMILION, linestyle="--", label=f"proposed: {proposed:.2g}")
    axes.set_xscale("log")
    lowest = min(costs)
    height = 1.05 * (min(max(costs), 2.0 * smoothed[0]) - lowest)
    axes.set_ylim(lowest - 0.05 * height, lowest + height)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("cost")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def mislabeled_pictures(
    pictures: Any, predicted: Sequence[str], actual: Sequence[str], *, at_most: int = 30
) -> "Figure":
    """Draw the pictures whose predicted class is not their own, each under both names.

    Parameters
    ----------
    pictures : array_like, shape (m, height, width) or (m, height, width, channels)
        Bytes, or floats; a channel of bytes goes to 255. Floats go to 1 where there are channels;
        grey is stretched over what there is.
    predicted, actual : sequence of str, length m
        Names of classes.
    at_most : int
        How many are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Its title says how many of how many pictures are mislabeled.

    Raises
    ------
    ValueError
        Where there are not as many classes as pictures.
    """
    pictures = np.asarray(pictures)
    if not len(pictures) == len(predicted) == len(actual):
        raise ValueError(
            f"pictures: found {len(pictures)} of them, {len(predicted)} predicted and "
            f"{len(actual)} actual classes, expected as many of each"
        )
    if pictures.ndim == 4 and pictures.shape[3] == 1:
        pictures = pictures[..., 0]
    wrong = [i for i in range(len(pictures)) if predicted[i] != actual[i]]
    drawn = wrong[:at_most]

    columns = min(5, max(1, len(drawn)))
    rows = math.ceil(len(drawn) / columns)
    figure = _figure(max(4.0, 2.1 * columns), 0.5 + 2.5 * rows)
    title = f"{len(wrong)} of {len(pictures)} pictures mislabeled"
    if len(drawn) < len(wrong):
        title += f"; the first {len(drawn)}"
    figure.suptitle(title)
    for place, i in enumerate(drawn, 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(pictures[i], cmap="gray", interpolation="nearest")
        axes.set_title(
            f"predicted: {_short(predicted[i])}\ntrue: {_short(actual[i])}", fontsize="small"
        )
        axes.set_axis_off()
    return figure


def can_show() -> bool:
    """Return whether Matplotlib shows figures here: in windows, or in a notebook."""
    pyplot = require("matplotlib.pyplot", extra="app")
    registry = require("matplotlib.backends", extra="app")
    silent = registry.backend_registry.list_builtin(registry.BackendFilter.NON_INTERACTIVE)
    return pyplot.get_backend().lower() not in silent


def show(figure: "Figure") -> None:
    """Show a figure in its window or notebook; where there is neither, do nothing.

    Like ``matplotlib.pyplot.show``, which it calls, it waits for the windows to be closed unless
    Matplotlib is in interactive mode, and shows all other figures of pyplot, too.
    """
    if can_show():
        pyplot = require("matplotlib.pyplot", extra="app")
        # Its public way of putting a figure under pyplot's care: a "class" that is our figure.
        pyplot.figure(FigureClass=lambda *_, **__: figure)
        pyplot.show()


def _figure(width: float, height: float) -> "Figure":
    """Return an empty figure, its size in inches, that keeps its labels apart."""
    made: Figure = require("matplotlib.figure", extra="app").Figure(
        figsize=(width, height), layout="constrained"
    )
    return made


def _short(name: str, length: int = 14) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"
