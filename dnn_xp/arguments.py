"""Checks of arguments, and the one form of their errors."""

from numbers import Integral
from typing import Any

__all__ = ["check", "check_whole"]


def check(name: str, found: Any, fits: bool, expected: str) -> None:
    """Refuse an argument that does not fit.

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    if not fits:
        raise ValueError(f"{name}: found {found!r}, expected {expected}")


def check_whole(name: str, found: Any, least: int) -> None:
    """Refuse what is not a whole number from `least` on; a truth value is none.

    Raises
    ------
    ValueError
        Where it is none.
    """
    fits = isinstance(found, Integral) and not isinstance(found, bool) and int(found) >= least
    check(name, found, fits, f"a whole number from {least} on")
