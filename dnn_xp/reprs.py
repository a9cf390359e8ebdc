"""Representations: the call that makes an object, to be typed back; texts that are safe to show."""

import inspect
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import PurePath
from typing import Any

__all__ = ["brief", "html_table", "outline", "printable", "typed_call"]

_LONGEST = 160
"""Characters of a value within a representation."""

_MOST = 6
"""Values of a list, or numbers of an array, that are shown one by one."""

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


def outline(thing: Any) -> str:
    """Return a NamedTuple on one line, without what has its default; see `brief`.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> class Point(NamedTuple):
    ...     place: list
    ...     name: str = ""
    >>> outline(Point([0.5] * 1000))
    'Point(place=<list of 1,000>)'
    """
    defaults = thing._field_defaults
    said = [
        f"{name}={brief(value)}"
        for name, value in zip(thing._fields, thing, strict=True)
        if not (name in defaults and _is_same(value, defaults[name]))
    ]
    return f"{type(thing).__name__}({', '.join(said)})"


def _is_same(value: Any, default: Any) -> bool:
    plain = isinstance(default, str | int | float | tuple | None)
    return value is default or (plain and type(value) is type(default) and value == default)


def brief(value: Any) -> str:
    """Return a value in few characters on one line, as it is typed where it is short.

    Arrays stay where they are: of one that is large, or not NumPy's, the kind, dtype and shape are
    said. Of a long list it is the length, of a function the name.
    """
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _brief_array(value)
    if isinstance(value, Mapping):
        if len(value) > _MOST:
            return f"<{type(value).__name__} of {len(value):,}>"
        return _cut(f"{{{', '.join(f'{brief(k)}: {brief(v)}' for k, v in value.items())}}}")
    # A NamedTuple without a representation of its own would show all that its arrays hold.
    if getattr(type(value).__repr__, "__module__", None) == "collections":
        return outline(value)
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        if len(value) > _MOST:
            return f"<{type(value).__name__} of {len(value):,}>"
        begin, end = "[]" if isinstance(value, list) else "()"
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return _cut(f"{begin}{', '.join(map(brief, value))}{comma}{end}")
    if inspect.isroutine(value):
        return f"<function {printable(value.__qualname__)}>"
    return _cut(printable(" ".join(repr(value).split())))


def _brief_array(array: Any) -> str:
    kind, shape = type(array), tuple(array.shape)
    if kind.__module__ == "numpy" and array.size <= _MOST:  # on the host, and quickly read
        return " ".join(repr(array).split())
    dtype = str(array.dtype).rpartition(".")[2]
    return f"<{kind.__name__} of {dtype}, shape {shape}>"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """Return a table of texts, which are escaped, as HTML without colours of its own.

    Parameters
    ----------
    head : sequence of str
    rows : iterable of sequence of str
    words : int
        How many columns, from the first on, hold words: they begin at the left, numbers end at the
        right.
    """

    def cells(kind: str, texts: Sequence[str]) -> str:
        return "".join(
            f'<{kind} style="text-align:{"left" if i < words else "right"}">'
            f"{escape(printable(text))}</{kind}>"
            for i, text in enumerate(texts)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"


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
