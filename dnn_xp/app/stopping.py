"""SIGINT, SIGTERM and SIGHUP: the first is an exception out of what a command is doing.

While it trains, `Interruptible` hears them first.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stopping_signals"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def stopping_signals(heard: list[int]) -> Iterator[None]:
    """Have the first signal raise KeyboardInterrupt, and the second one end the process.

    Those that are ignored, as under ``nohup``, or heard by somebody else are let be. Afterwards
    they end the process by themselves: Ctrl-C prints no traceback while Python shuts down.

    Parameters
    ----------
    heard : list of int
        To which the signal that came is added; where one is there already, the next one is the
        second.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if heard:
            _leave_at_once(number)
        heard.append(number)
        raise KeyboardInterrupt

    taken: list[int] = []
    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)  # not every system has each
            usual = (signal.SIG_DFL, signal.default_int_handler)
            if number is not None and signal.getsignal(number) in usual:
                signal.signal(number, stop)
                taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _leave_at_once(number: int) -> None:
    """End the process in the midst of whatever it does, without a word."""
    if os.isatty(1):  # a bar may have hidden it
        os.write(1, _SHOW_CURSOR)
    os._exit(128 + number)
