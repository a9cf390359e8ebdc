"""SIGINT, SIGTERM and SIGHUP: the first is an exception out of what a command is doing.

While it trains, `Interruptible` hears them first.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from dnn_xp.wakeup import WakeUp, print_at_once

__all__ = ["say_at_once", "stopping_signals"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_WORTH_A_WORD = 0.1
"""Seconds after which it is said that a signal was heard, where nothing else is said by then."""
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
    with ExitStack() as listening:
        if taken:
            with suppress(OSError, RuntimeError):
                listening.callback(WakeUp(_acknowledge(heard, stop)).close)
        try:
            yield
        finally:
            listening.close()
            for number in taken:
                signal.signal(number, signal.SIG_DFL)


def say_at_once(text: str) -> None:
    """Print a line on stderr, over the ^C that a terminal shows.

    Parameters
    ----------
    text : str
    """
    print_at_once(f"dnn-xp: {text}")


def _acknowledge(heard: list[int], stop: Callable[..., object]) -> Callable[[int], None]:
    """Return what answers signals that Python does not come to for a while, as in a long product.

    Those that `Interruptible` hears are answered there.
    """
    waiting: list[int] = []

    def told(number: int) -> None:
        if signal.getsignal(number) is not stop:
            return
        if waiting and not heard:
            _leave_at_once(number)
        waiting.append(number)
        end = time.monotonic() + _WORTH_A_WORD
        while not heard and time.monotonic() < end:
            time.sleep(0.01)
        if not heard:
            say_at_once("stopping, ^C again to stop at once")

    return told


def _leave_at_once(number: int) -> None:
    """End the process in the midst of whatever it does, without a word."""
    if os.isatty(1):  # a bar may have hidden it
        os.write(1, _SHOW_CURSOR)
    os._exit(128 + number)
