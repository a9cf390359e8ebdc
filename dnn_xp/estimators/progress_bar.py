"""A bar that shows how far a fit is, with its loss and its score."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dnn_xp.backends import require
from dnn_xp.estimators.parameters import Parameters
from dnn_xp.training import Callback, Run, TrainingResult

__all__ = ["Bar", "shown"]


class Bar(Callback):
    """Move a bar from epoch to epoch.

    Parameters
    ----------
    estimator : Parameters
        Whose ``validation_scores_`` tell the score.
    progress : rich.progress.Progress
        Where it is shown.
    """

    comes_last = True  # so that the estimator knows the score of the epoch

    def __init__(self, estimator: Parameters, progress: Any) -> None:
        self._estimator, self._progress = estimator, progress

    def start(self, run: Run) -> None:
        """Show it, empty or as far as a fit is that goes on."""
        name = type(self._estimator).__name__
        self._task = self._progress.add_task(name, total=run.epochs, completed=run.epoch, text="")

    def epoch(self, run: Run) -> None:
        """Move it on."""
        text = f"loss {run.history['cost'][-1]:.4g}"
        if scores := getattr(self._estimator, "validation_scores_", None):
            text += f"  score {scores[-1]:.4g}"
        self._progress.update(self._task, completed=run.epoch, text=text)

    def end(self, result: TrainingResult) -> TrainingResult:
        """Fill it: there are no more epochs."""
        self._progress.update(self._task, total=result.epochs, completed=result.epochs)
        return result


@contextmanager
def shown(estimator: Parameters) -> Iterator[list[Bar]]:
    """Show a bar where an estimator is to, until the end of a block.

    Parameters
    ----------
    estimator : Parameters
        It is where ``verbose`` is ``"bar"``.

    Yields
    ------
    list of Bar
        To be told of the fit.
    """
    if estimator.verbose != "bar":
        yield []
        return
    rich = require("rich.progress", "app")
    columns = (
        rich.TextColumn("{task.description}  epoch {task.completed:.0f}/{task.total:.0f}"),
        rich.BarColumn(bar_width=20),
        rich.TextColumn("{task.fields[text]}", markup=False),
        rich.TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with rich.Progress(*columns) as progress:
        yield [Bar(estimator, progress)]
