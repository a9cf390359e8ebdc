"""Errors that the person at the keyboard can mend, apart from those that only a programmer can.

A command reads what it was given inside ``with user_errors():``. What fails there becomes one
line and exit code 2; what fails elsewhere is a bug and keeps its traceback.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from dnn_xp.backends import BackendError
from dnn_xp.reprs import printable

__all__ = ["Failure", "UserError", "say", "user_errors", "warnings_as_lines"]


class UserError(Exception):
    """Error of the user: what was asked for cannot be done; the message says why. Exit code 2."""

    exit_code = 2


class Failure(UserError):
    """Failure of a command: what was asked for was done, and did not come out well. Exit code 1."""

    exit_code = 1


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn the errors of bad input into `UserError`, and its warnings into a line on stderr each.

    Raises
    ------
    UserError
        In place of a ValueError, OSError, BackendError or MemoryError, and of an ImportError that
        names the extra to install.
    """
    try:
        with warnings_as_lines():
            yield
    except OSError as error:
        raise UserError(_describe(error)) from error
    except ImportError as error:
        if isinstance(error, BackendError) or "dnn-xp[" in str(error):
            raise UserError(str(error)) from error
        raise
    except (ValueError, BackendError, MemoryError) as error:
        raise UserError(_by_option(str(error)) or type(error).__name__) from error


@contextmanager
def warnings_as_lines(*always: type[Warning]) -> Iterator[None]:
    """Show warnings as a line on stderr each; those of some kinds as often as they come."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        say("warning", str(message))

    with warnings.catch_warnings():
        for category in always:
            warnings.simplefilter("always", category)
        warnings.showwarning = show
        yield


def say(kind: str, message: str) -> None:
    """Print a line on stderr, such as ``dnn-xp: warning: ...``."""
    print(f"dnn-xp: {kind}: {printable(message)}", file=sys.stderr)


_ARGUMENTS = (
    *("activation", "batch_size", "clip_norm", "ema_decay", "epochs", "highest", "learning_rate"),
    *("lowest", "metrics", "seed", "steps", "task"),
)
"""Of functions, by whose names a person at the keyboard knows options."""


def _by_option(message: str) -> str:
    """Return an error of a function's argument as one of the option that gave it."""
    name, found, rest = message.partition(": found ")
    if name not in _ARGUMENTS:
        return message
    option = "metric" if name == "metrics" else name.replace("_", "-")
    return f"--{option}{found}{rest}"


def _describe(error: OSError) -> str:
    """Return "cat.png: No such file or directory", without the number in front."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}"
