"""Results of runs, and how they ended."""

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from html import escape
from typing import NamedTuple

from dnn_xp.backends import Array
from dnn_xp.reprs import html_table, printable
from dnn_xp.svg import line_chart
from dnn_xp.training.progress import History, Progress
from dnn_xp.training.quasi_newton import LBFGSState

__all__ = ["Ending", "TrainingResult"]


class Ending(StrEnum):
    """Ending of a run."""

    COMPLETED = "completed"
    """All epochs, or iterations, were done."""
    STOPPED = "stopped"
    """A callback said that it was enough."""
    CONVERGED = "converged"
    """A tolerance was met."""
    DIVERGED = "diverged"
    """The cost became infinite or undefined."""
    INTERRUPTED = "interrupted"
    """A person or the system asked for the end."""
    EXHAUSTED = "exhausted"
    """Evaluations were used up, or no move lowers the cost."""


class TrainingResult(NamedTuple):
    """The result of a run.

    Attributes
    ----------
    theta : array, shape (size,)
    history : dict of str to list of float
        ``cost`` is the mean over the epoch's examples, each at the parameters with which its step
        began; what was asked for besides is measured after the epoch.
    epochs : int
        How many were done.
    ending : Ending
    reason : str
        Why the run ended, for a person to read; of several reasons, all.
    progress : Progress, optional
        For the run to go on from, for more epochs or after it was stopped. None where the run
        diverged.
    state : LBFGSState, optional
        For `lbfgs` to go on from.
    """

    theta: Array
    history: History
    epochs: int
    ending: Ending
    reason: str
    progress: Progress | None = None
    state: LBFGSState | None = None

    def __repr__(self) -> str:
        """Return one line: how long the run was, how it ended, its last figures; no arrays."""
        figures = [f"{name} {values[-1]:.4g}" for name, values in self.history.items() if values]
        more = [f"{len(figures) - _MOST} more figures"] if len(figures) > _MOST else []
        said = ", ".join((self._words(), *figures[:_MOST], *more))
        return printable(f"TrainingResult({said})")

    def _repr_html_(self) -> str:
        """Return the curve of the cost and a table of the figures, for a notebook."""
        drawn = {
            label: self.history[name]
            for name, label in (("cost", "training"), ("validation_cost", "validation"))
            if name in self.history
        }
        chart = line_chart(drawn, x_name=self._unit)
        rows = [[*_summary(name, values)] for name, values in self.history.items() if values]
        unit = self._unit[:-1]
        head = ("figure", "last", f"lowest ({unit})", f"highest ({unit})")
        table = html_table(head, rows) if rows else ""
        title = f"<p><b>TrainingResult</b>: {escape(printable(self._words()))}</p>"
        return f"<div>{title}{chart}{table}</div>"

    def _words(self) -> str:
        """Return how long the run was, and how and why it ended."""
        done = f"{self.epochs} {self._unit if self.epochs != 1 else self._unit[:-1]}"
        if self.ending is Ending.COMPLETED:
            return f"{done}, {self.ending}"
        # Most reasons begin with the ending's own word.
        reason = self.reason.removeprefix(f"{self.ending}").removeprefix(": ")
        return f"{done}, {self.ending}: {reason}" if reason else f"{done}, {self.ending}"

    @property
    def _unit(self) -> str:
        return "epochs" if self.state is None else "iterations"


_MOST = 6
"""Figures that a line has room for."""


def _summary(name: str, values: Sequence[float]) -> Iterator[str]:
    """Yield the name of a figure, its last value, and its extremes with the epochs they are of."""
    yield name
    yield f"{values[-1]:.4g}"
    finite = [(value, place) for place, value in enumerate(values, 1) if math.isfinite(value)]
    for extreme in (min, max):
        value, place = extreme(finite, key=lambda one: one[0], default=(math.nan, 0))
        yield f"{value:.4g} ({place})" if finite else "-"
