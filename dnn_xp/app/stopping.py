"""SIGTERM and SIGHUP as what Ctrl-C is: an exception out of whatever a command is doing.

While it trains, `Interruptible` hears them first.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["stopping_signals"]

_NAMES = ("SIGTERM", "SIGHUP")


@contextmanager
def stopping_signals() -> Iterator[list[int]]:
    """Have signals raise KeyboardInterrupt, but those that are ignored, as under ``nohup``.

    Yields
    ------
    list of int
        The signals that came: an interrupt without one is Ctrl-C.
    """
    heard: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)  # not every system has each
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, stop)
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
