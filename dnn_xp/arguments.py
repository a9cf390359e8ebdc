"""Checks of arguments, and the one form of their errors."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any

__all__ = [
    "check",
    "check_choice",
    "check_flag",
    "check_kind",
    "check_not_negative",
    "check_number",
    "check_path",
    "check_positive",
    "check_whole",
    "naming_argument",
    "shown",
]

LONGEST = 120
"""Characters of a value that an error shows; an array of a million numbers has more."""


def check(name: str, found: Any, fits: bool, expected: str) -> None:
    """Refuse an argument that does not fit.

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    if not fits:
        raise ValueError(f"{name}: found {shown(found)}, expected {expected}")


def check_whole(name: str, found: Any, least: int) -> int:
    """Return a whole number as Python's own, or refuse it.

    One of NumPy's would carry its dtype into arrays, and its name into files. A truth value is no
    number.

    Raises
    ------
    ValueError
        Where it is none from `least` on.
    """
    fits = isinstance(found, Integral) and not isinstance(found, bool) and int(found) >= least
    check(name, found, fits, f"a whole number from {least} on")
    return int(found)


def check_number(name: str, found: Any, fits: Callable[[float], bool], expected: str) -> float:
    """Return a finite number as Python's own, a whole one as an int, or refuse it.

    Parameters
    ----------
    name : str
    found : object
    fits : callable
        Whether a finite number fits.
    expected : str

    Raises
    ------
    ValueError
        Where it is no number, infinite, NaN, or does not fit; a truth value is no number.
    """
    number = math.nan
    if isinstance(found, Real) and not isinstance(found, bool):
        with suppress(OverflowError):  # a whole number that is larger than any float
            number = float(found)
    check(name, found, math.isfinite(number) and fits(number), expected)
    return int(found) if isinstance(found, Integral) else number


def check_positive(name: str, found: Any) -> float:
    """Return a finite number above 0, as `check_number` does.

    Raises
    ------
    ValueError
        Where it is none.
    """
    return check_number(name, found, lambda x: x > 0.0, "a number above 0")


def check_not_negative(name: str, found: Any) -> float:
    """Return a finite number from 0 on, as `check_number` does.

    Raises
    ------
    ValueError
        Where it is none.
    """
    return check_number(name, found, lambda x: x >= 0.0, "a number from 0 on")


def check_flag(name: str, found: Any) -> bool:
    """Return a truth value as Python's own, or refuse what is none.

    Raises
    ------
    ValueError
        Where it is neither True nor False, though it may be true or false in a condition.
    """
    # NumPy's own truth values are equal to Python's, and so are 0 and 1.
    fits = type(found).__name__ in ("bool", "bool_") and found in (True, False)
    check(name, found, fits, "True or False")
    return bool(found)


def check_choice(name: str, found: Any, choices: Sequence[str]) -> None:
    """Refuse what is none of some words.

    Raises
    ------
    ValueError
        Naming them.
    """
    *others, last = map(repr, choices)
    fits = isinstance(found, str) and found in choices
    check(name, found, fits, f"{', '.join(others)} or {last}")


def check_kind(name: str, found: Any, kind: type | UnionType, expected: str) -> None:
    """Refuse what is of another class.

    Raises
    ------
    TypeError
        Naming the argument, what was found and what was expected.
    """
    if not isinstance(found, kind):
        raise TypeError(f"{name}: found {shown(found)}, expected {expected}")


def check_path(name: str, found: Any) -> Path:
    """Return the path of a file or folder, its ``~`` expanded, which no shell does in a program.

    Raises
    ------
    TypeError
        Where it is neither a text nor a path.
    ValueError
        Where the text is empty, which would be the folder of the process.
    """
    expected = "the path of a file or a folder"
    check_kind(name, found, str | os.PathLike, expected)
    check(name, found, os.fspath(found) != "", expected)
    return Path(os.path.expanduser(found))


@contextmanager
def naming_argument(name: str) -> Iterator[None]:
    """Put the name of an argument before the errors of what is done with its parts.

    Raises
    ------
    ValueError, TypeError
        As those were.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        # Not by its own class: some of them, as UnicodeDecodeError, are not made of a text.
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{name}: {error}") from error


def shown(found: Any) -> str:
    """Return a value in the words of an error: short, and on one line."""
    shape = getattr(found, "shape", None)
    if isinstance(shape, tuple) and shape and hasattr(found, "dtype"):
        return f"a {type(found).__name__} of {found.dtype} and shape {shape}"
    text = " ".join(repr(found).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
