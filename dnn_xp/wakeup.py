"""Signals heard at once, by a thread of their own, wherever the main thread is.

Python calls a signal's handler between two of its own instructions: after a long product of
matrices, not within it. The number of the signal, though, is written to a descriptor as it comes.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

__all__ = ["WakeUp", "print_at_once"]

_END = b"\0"  # no signal has this number
_PATIENCE = 1.0
"""Seconds that the thread has to end: it may be writing where nobody reads."""


class WakeUp:
    """A thread that is told of each signal that somebody listens to, until it is closed.

    A wake-up descriptor that was there before, such as that of asyncio, is woken up as before, and
    put back in the end.

    Parameters
    ----------
    told : callable
        ``told(number)`` is called in that thread.

    Raises
    ------
    ValueError
        Outside of the main thread.
    OSError, RuntimeError
        Where the system has no descriptor left, or no thread.
    """

    def __init__(self, told: Callable[[int], object]) -> None:
        self._told, self._before, self._open = told, -1, True
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._thread = threading.Thread(target=self._listen, name="dnn_xp signals", daemon=True)
        try:
            self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            self._thread.start()
        except (ValueError, RuntimeError):
            self.close()
            raise

    def close(self) -> None:
        """Hear no more. What a signal breaks off may be called again."""
        if not self._open:
            return
        with suppress(ValueError):  # outside of the main thread, where it was never put in place
            current = signal.set_wakeup_fd(-1)
            # Who came meanwhile stays.
            signal.set_wakeup_fd(self._before if current in (-1, self._writer) else current)
        if self._thread.ident is None:
            os.close(self._reader)
        else:
            os.write(self._writer, _END)
            self._thread.join(_PATIENCE)
        self._open = False
        os.close(self._writer)

    def _listen(self) -> None:
        try:
            while numbers := os.read(self._reader, 64):
                heard = numbers.partition(_END)[0]
                self._pass_on(heard)
                for number in heard:
                    self._told(number)
                if heard != numbers:
                    return
        finally:
            os.close(self._reader)

    def _pass_on(self, numbers: bytes) -> None:
        if self._before != -1 and numbers:
            with suppress(OSError):  # where it is full, its reader is awake
                os.write(self._before, numbers)


def print_at_once(text: str) -> None:
    """Print a line on stderr, over the ^C that a terminal shows.

    Parameters
    ----------
    text : str
    """
    with suppress(OSError, ValueError):  # the end of the terminal, or a stream that is closed
        over = "\r" if sys.stderr.isatty() else ""
        print(f"{over}{text}", file=sys.stderr, flush=True)
