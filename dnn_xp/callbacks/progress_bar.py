"""A bar that shows how far a run is, with its latest metrics beside it.

Needs ``[app]``, but not in a notebook.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

from dnn_xp.backends import require
from dnn_xp.callbacks.bar import bar_class
from dnn_xp.callbacks.notebook import NotebookBar, in_notebook
from dnn_xp.training.moments import Callback
from dnn_xp.training.result import TrainingResult
from dnn_xp.training.run import Run

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["ProgressBar", "describe_metrics", "make_bar", "open_bar"]


def make_bar(console: "Console | None" = None, *, elapsed: bool = True) -> "Progress":
    """Return a bar such as ``"epoch 3/10 ━━━╾────── cost 0.5 00:12"``, which is not shown yet.

    Its tasks have a field ``text``, which stands to the right of the bar.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where it is shown. Default: rich's own, which is stdout.
    elapsed : bool
        Whether the time that it took stands there in the end. Without, it is the time left all
        along, with that word after it.
    """
    require("rich.progress", "app")
    return bar_class()(console, elapsed=elapsed)


def open_bar() -> "Progress":
    """Return a bar for where this runs: a notebook, else what has Python's output."""
    as_rich_does: Any = NotebookBar  # as far as a bar of a run needs it
    return as_rich_does() if in_notebook() else make_bar()


def describe_metrics(run: Run) -> str:
    """Return the latest of all that a run measures, such as ``"cost 0.5, accuracy 0.9"``."""
    return ", ".join(f"{name} {values[-1]:.4g}" for name, values in run.history.items() if values)


NEXT_LOOK, NOT_AT_ONCE = 0.1, 0.3
"""Seconds after which a bar moves within an epoch, which lasts longer than these."""


class ProgressBar(Callback):
    """Show a bar that moves from epoch to epoch, and within one that takes long.

    Parameters
    ----------
    title : str
        What stands before the number of epochs.
    describe : callable
        ``describe(run)`` is the text beside the bar, asked for after each epoch.
    bar : rich.progress.Progress, optional
        One that is shown already, and still is after the run. Default: one of its own, shown from
        the start of the run to its end.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, train
    >>> network, X = Network(2, (Dense(1),), "squared_error"), np.ones((2, 4))
    >>> run = train(network, X, X[:1], callbacks=[ProgressBar()])  # doctest: +ELLIPSIS
    epoch 10/10 ━━━━━━━━━━━━━━━━━━━━ cost 0.00...
    """

    comes_last: ClassVar[bool] = True  # other callbacks may measure something, too
    writes: ClassVar[bool] = True

    def __init__(
        self,
        title: str = "epoch",
        describe: Callable[[Run], str] = describe_metrics,
        bar: "Progress | None" = None,
    ) -> None:
        if bar is None and not in_notebook():
            require("rich.progress", "app")
        self.title, self.describe = title, describe
        self.bar, self._current, self._shown = bar, bar, ExitStack()

    def start(self, run: Run) -> None:
        """Show it, empty or as far as a run is that goes on."""
        if self.bar is None:
            self._current = self._shown.enter_context(open_bar())
        assert self._current is not None  # one is given, or was made
        self._task = self._current.add_task(
            self.title, total=run.epochs, completed=run.epoch, text=""
        )
        self._began = self._looked = time.monotonic()

    def step(self, run: Run) -> None:
        """Move it on, in an epoch that takes long."""
        now = time.monotonic()
        if now - self._looked > NEXT_LOOK and now - self._began > NOT_AT_ONCE:
            self._looked = now
            self._update(completed=run.epoch + run.batch / run.n_batches)

    def epoch(self, run: Run) -> None:
        """Move it on."""
        self._began = time.monotonic()
        self._update(completed=run.epoch, text=self.describe(run))

    def end(self, result: TrainingResult) -> TrainingResult:
        """Fill it: there are no more epochs."""
        self._update(total=result.epochs, completed=result.epochs)
        return result

    def close(self) -> None:
        """Leave it as it is on the screen."""
        self._shown.close()
        self._current = self.bar

    def _update(self, **changes: Any) -> None:
        assert self._current is not None  # the run has started
        self._current.update(self._task, **changes)
