"""Standard output and standard error that may be closed, full, or read by nobody any more.

What a command prints is never worth what it computes: it goes on in silence.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO

__all__ = ["Output", "standard_streams"]


class Output:
    """A text stream that falls silent where it cannot be written to.

    Parameters
    ----------
    stream : text stream
        All else is asked of it.
    on_problem : callable
        Called once with the OSError, where it is more than a reader that has gone away.

    Attributes
    ----------
    lost : bool
        Whether something that somebody wanted to read was not written.
    """

    def __init__(self, stream: TextIO, on_problem: Callable[[OSError], object]) -> None:
        self._stream, self._on_problem = stream, on_problem
        self._silent, self.lost = False, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, or let it be."""
        if not self._silent:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._fall_silent(error)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written, or let it be."""
        if not self._silent:
            try:
                self._stream.flush()
            except OSError as error:
                self._fall_silent(error)

    def fall_silent(self) -> None:
        """Write no more of what is to come."""
        self.flush()
        self._silent = True

    def _fall_silent(self, error: OSError) -> None:
        self._silent = True
        # What Python still holds back for the stream goes nowhere when the process ends.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        if error.errno != errno.EPIPE:
            self.lost = True
            self._on_problem(error)


@contextmanager
def standard_streams() -> Iterator[Output]:
    """Have no trouble with standard output or standard error end a command.

    Yields
    ------
    Output
        Standard output, which stands in its place.
    """
    streams = [_usable(stream) for stream in (sys.stdout, sys.stderr)]
    error = Output(streams[1], lambda problem: None)  # there is nowhere to say it
    output = Output(streams[0], lambda problem: _say(error, problem))
    with redirect_stdout(output), redirect_stderr(error):
        yield output
        output.flush()


def _usable(stream: TextIO | None) -> TextIO:
    """Return a stream to write to; Python has None where it was closed from the start."""
    if stream is None:  # it stays open as long as the process: others may take up its number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        return open(nowhere, "w", encoding="utf-8", closefd=False)
    # A name that the terminal cannot show is no error.
    with suppress(AttributeError):  # a stand-in
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    return stream


def _say(stream: Output, problem: OSError) -> None:
    reason = problem.strerror or problem
    stream.write(f"dnn-xp: warning: standard output: {reason}; what follows is not shown\n")
    stream.flush()
