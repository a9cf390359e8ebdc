"""Ends of a run that come from outside: the clock, and signals such as Ctrl-C."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, ClassVar

from dnn_xp.arguments import check_positive
from dnn_xp.training.moments import Callback
from dnn_xp.training.result import Ending
from dnn_xp.training.run import Run
from dnn_xp.wakeup import WakeUp, print_at_once

__all__ = ["Interruptible", "TimeLimit"]

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl-C, the system's wish for an end, and the end of the terminal."""


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
        self.seconds = check_positive("seconds", seconds)

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
    """End a run in good order on Ctrl-C, and where the system asks for it (SIGTERM, SIGHUP).

    The step under way is finished, and the run ends as it would by itself, with the ending
    ``INTERRUPTED``: a `Checkpoint` is written, the result is returned. A line says so at once, also
    where the step takes long. The second signal does at once what it would have done without this:
    a second Ctrl-C raises KeyboardInterrupt. A signal that is ignored stays ignored, as under
    ``nohup``. For the main thread only, which is the one that is told of signals.

    Parameters
    ----------
    say : callable
        ``say(text)`` is called by a thread of its own, as the first signal comes. Default: print
        it on stderr.

    Attributes
    ----------
    number : signal.Signals or None
        The signal that came since it began to listen.

    Examples
    --------
    When the run ends, signals mean again what they meant before. As a context manager it listens
    also before the run and after it, until what was learnt is kept:

    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, train
    >>> network, X = Network(2, (Dense(1),), "squared_error"), np.ones((2, 4))
    >>> with Interruptible() as ctrl_c:
    ...     run = train(network, X, X[:1], callbacks=[ctrl_c])
    >>> run.reason
    '10 epochs'
    """

    ending: ClassVar[Ending] = Ending.INTERRUPTED

    def __init__(self, say: Callable[[str], object] = print_at_once) -> None:
        self.number: signal.Signals | None = None
        self._say, self._said, self._in_a_run = say, False, False
        self._entered, self._before = False, dict[signal.Signals, Any]()
        self._wake_up: WakeUp | None = None

    @property
    def interrupted(self) -> bool:
        """Whether a signal came since it began to listen."""
        return self.number is not None

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
        self._in_a_run = True
        self._listen()

    def step(self, run: Run) -> str | None:
        """End the run where that was asked for."""
        return "interrupted" if self.number is not None else None

    def epoch(self, run: Run) -> str | None:
        """End the run where that was asked for."""
        return self.step(run)

    def close(self) -> None:
        """Listen no more, unless a ``with`` block goes on."""
        self._in_a_run = False
        if not self._entered:
            self._give_back()

    def _listen(self) -> None:
        if self._before:
            return
        self.number, self._said = None, False
        for name in SIGNALS:
            number = getattr(signal, name, None)  # not every system has each
            before = None if number is None else signal.getsignal(number)
            if number is not None and before is not signal.SIG_IGN:
                self._before[number] = before  # first: the signal may come in the next line
                signal.signal(number, self._note)
        with suppress(OSError, RuntimeError):  # no thread: the end comes all the same
            self._wake_up = WakeUp(self._acknowledge)

    def _acknowledge(self, number: int) -> None:
        if self._said or number not in self._before:
            return
        self._said = True
        of = "" if number == signal.SIGINT else f"{signal.Signals(number).name}: "
        work = "finishing this step" if self._in_a_run else "finishing up"
        again = "^C again" if number == signal.SIGINT else "again"
        self._say(f"{of}{work}, {again} to stop at once")

    def _note(self, number: int, frame: FrameType | None) -> None:
        sign = signal.Signals(number)
        if self.number is None and sign in self._before:
            self.number = sign
            return
        # Called here, rather than given back and raised anew: a third one may come meanwhile.
        before = self._before.get(sign, signal.getsignal(sign))
        if callable(before):
            before(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _give_back(self) -> None:
        try:
            if self._wake_up is not None:
                self._wake_up.close()
                self._wake_up = None
            for number, handler in [*self._before.items()]:
                # None: whoever listened before was no Python function, and cannot be put back.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
                del self._before[number]
        except KeyboardInterrupt:  # from the one that was just given back
            self._give_back()
            raise
