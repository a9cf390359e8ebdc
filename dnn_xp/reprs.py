"""Representations: the call that makes an object, to be typed back; texts that are safe to show."""

import inspect
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import PurePath
from typing import Any

__all__ = ["printable", "typed_call"]

_STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories: control, format (marks of no width, directions), half characters, ends of lines."""


def typed_call(make: Callable[..., Any], values: Mapping[str, Any], name: str = "") -> str:
    """Return the call of a function that makes something of these values.

    Parameters
    ----------
    make : callable
        A function or a class.
    values : mapping of str to object
        Of its arguments, by name; what has its default is left out.
    name : str, optional
        By which it is called. Default: its own.

    Examples
    --------
    >>> def make(rate, decay=0.9, *, seed=0): ...
    >>> typed_call(make, {"rate": 0.5, "decay": 0.9, "seed": 3})
    'make(0.5, seed=3)'
    """
    said: list[str] = []
    by_place = True
    for argument in _signature(make).parameters.values():
        by_place = by_place and argument.kind is argument.POSITIONAL_OR_KEYWORD
        if argument.name not in values:
            by_place = False
            continue
        value = values[argument.name]
        default = argument.default
        if value is default or (type(value) is type(default) and value == default):
            by_place = False
            continue
        text = repr(str(value)) if isinstance(value, PurePath) else repr(value)
        first = (by_place and not said) or (by_place and default is argument.empty)
        said.append(text if first else f"{argument.name}={text}")
    return f"{name or make.__name__}({', '.join(said)})"


@lru_cache
def _signature(make: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(make)


def printable(text: object) -> str:
    r"""Return a text of unknown origin as it can be shown: what would steer a terminal is escaped.

    Control characters, ends of lines, and marks that have no width or turn the direction of writing
    become their escapes; letters of all scripts stay.

    Examples
    --------
    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    return "".join(_escaped(one) if _steers(one) else one for one in str(text))


def _steers(character: str) -> bool:
    return unicodedata.category(character) in _STEERING


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
