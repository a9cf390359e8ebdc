"""Ends of a run that come from outside: the clock, and Ctrl-C."""

import signal
import time
from types import FrameType, TracebackType
from typing import Any, ClassVar

from dnn_xp.arguments import check_number
from dnn_xp.training.moments import Callback
from dnn_xp.training.result import Ending
from dnn_xp.training.run import Run

__all__ = ["Interruptible", "TimeLimit"]


class TimeLimit(Callback):
    """End a run after the step at which its time is over.

    Parameters
    ----------
    seconds : float
        Above 0, counted from the beginning; a run that goes on has them anew.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = check_number("seconds", seconds, lambda x: x > 0.0, "a number above 0")

    def start(self, run: Run) -> None:
        """Look at the clock."""
        self._end = time.monotonic() + self.seconds

    def step(self, run: Run) -> str | None:
        """Look at the clock again."""
        return f"{self.seconds:g} s are over" if time.monotonic() >= self._end else None

    def epoch(self, run: Run) -> str | None:
        """Look at the clock again: measuring takes time, too."""
        return self.step(run)


class Interruptible(Callback):
    """End a run in good order on Ctrl-C.

    The step under way is finished, and the run ends as it would by itself, with the ending
    ``INTERRUPTED``: a `Checkpoint` is written, the result is returned. A second Ctrl-C raises
    KeyboardInterrupt at once. For the main thread only, which is the one that is told of signals.

    Examples
    --------
    When the run ends, Ctrl-C means again what it meant before. As a context manager it listens
    also before the run and after it:

    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, train
    >>> network, X = Network(2, (Dense(1),), "squared_error"), np.ones((2, 4))
    >>> with Interruptible() as ctrl_c:
    ...     run = train(network, X, X[:1], callbacks=[ctrl_c])
    >>> run.reason
    '10 epochs'
    """

    ending: ClassVar[Ending] = Ending.INTERRUPTED

    def __init__(self) -> None:
        self._entered, self._listens, self._asked = False, False, False

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C was pressed since it began to listen."""
        return self._asked

    def __enter__(self) -> "Interruptible":
        self._entered = True
        self._listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._entered = False
        self._give_back()

    def start(self, run: Run) -> None:
        """Listen from now on."""
        self._listen()

    def step(self, run: Run) -> str | None:
        """End the run where that was asked for."""
        return "interrupted" if self._asked else None

    def epoch(self, run: Run) -> str | None:
        """End the run where that was asked for."""
        return self.step(run)

    def close(self) -> None:
        """Listen no more, unless a ``with`` block goes on."""
        if not self._entered:
            self._give_back()

    def _listen(self) -> None:
        if not self._listens:
            self._asked = False
            self._before: Any = signal.signal(signal.SIGINT, self._note)
            self._listens = True  # only now: other threads are refused

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            self._give_back()
            raise KeyboardInterrupt
        self._asked = True

    def _give_back(self) -> None:
        if self._listens:
            self._listens = False
            # None: whoever listened before was no Python function, and cannot be put back.
            signal.signal(signal.SIGINT, self._before or signal.SIG_DFL)
