"""Columns of tables, of a frame or of NumPy's: of which kind they are, and what they hold.

A column is known by what it offers, whichever library it is of. Whatever holds them, the same
values are read as the same.
"""

import datetime
import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

import numpy as np

from dnn_xp.arguments import shown
from dnn_xp.backends import HostArray

__all__ = [
    "KINDS",
    "MISSING_TYPES",
    "Column",
    "as_key",
    "feature_label",
    "infinity_found",
    "kind_of",
    "numbers_of",
    "is_text_of_numbers",
    "values_of",
]

Column = Any
"""A column of a frame, or an array of NumPy's of shape (m,)."""

MISSING_TYPES = ("NoneType", "NAType", "NaTType")
"""Names of the classes whose values are missing, each a library's own."""

KINDS = {
    **{"b": "boolean", "i": "number", "u": "number", "f": "number"},
    **{"M": "time", "m": "duration", "O": "objects", "U": "category", "T": "category"},
}
"""Kinds of columns by the letters of NumPy's dtypes, which pandas gives to its own, too."""

_WORDS = {
    **{"Boolean": "boolean", "String": "category", "Categorical": "category", "Enum": "category"},
    **{"Date": "time", "Datetime": "time", "Duration": "duration"},
    **{"Null": "objects", "Object": "objects"},
}
"""Kinds of columns by the names of the dtypes of frames that have no such letters."""


_TIMES = (datetime.date, np.datetime64)
_DURATIONS = (datetime.timedelta, np.timedelta64)


def feature_label(names: Sequence[Any] | None, place: int) -> str:
    """Return how an error calls a feature."""
    return f"feature {place if names is None else shown(names[place])}"


# ----------------------------------------------------------------------------- one column


def kind_of(column: Column, label: str) -> str:
    """Return the kind of a column: "number", "boolean", "category", "time" or "duration".

    Objects are numbers where all of them are, and so on; of several kinds they are categories.

    Raises
    ------
    ValueError
        Where it is of none of them.
    """
    kind = _kind_of_dtype(column)
    if kind == "objects":
        return _kind_of_values(values_of(column))
    if getattr(column.dtype, "kind", "") == "c":
        raise ValueError(f"Complex data not supported\nX: found {column.dtype} in {label}\n")
    if not kind:
        raise ValueError(
            f"X: found {column.dtype} in {label}, expected numbers, text, categories, truth "
            "values, dates or durations; make one of these of it, or leave it out"
        )
    return kind


def _kind_of_dtype(column: Column) -> str:
    dtype = column.dtype
    letter = getattr(dtype, "kind", None)
    if letter is not None:
        is_category = letter == "O" and hasattr(dtype, "categories")
        return "category" if is_category else KINDS.get(letter, "")
    word = str(dtype).partition("(")[0]
    return "number" if dtype.is_numeric() else _WORDS.get(word, "")


def _kind_of_values(values: Sequence[Any]) -> str:
    kinds = {kind for kind in set(map(type, values)) if kind.__name__ not in MISSING_TYPES}

    def all_of(*classes: type) -> bool:
        return all(issubclass(kind, classes) for kind in kinds)

    if kinds and all_of(*_TIMES):
        return "time"
    if kinds and all_of(*_DURATIONS):
        return "duration"
    if not all_of(Real, Decimal, np.bool_) or any(issubclass(kind, _DURATIONS) for kind in kinds):
        return "category"
    if not kinds & {bool, np.bool_}:
        return "number"
    numbers = [value for value in values if isinstance(value, float)]
    return "boolean" if all(map(math.isnan, numbers)) else "category"


def values_of(column: Column) -> list[Any]:
    """Return the values of a column as Python's objects, times and durations as seconds."""
    if (kind := _kind_of_dtype(column)) in ("time", "duration"):
        return list(_seconds(_as_times(column), kind).tolist())
    return list(column.to_list() if hasattr(column, "to_list") else column.tolist())


def numbers_of(column: Column, kind: str, label: str) -> HostArray:
    """Return a column as numbers, NaN where they are missing.

    Parameters
    ----------
    column : series or ndarray, shape (m,)
    kind : str
        "time" and "duration" become seconds, of a time since 1970 in UTC; all else numbers.
    label : str
        Of the feature, for the error.

    Returns
    -------
    ndarray of real numbers or truth values, shape (m,)

    Raises
    ------
    ValueError
        Where its values are of another kind.
    """
    own = _kind_of_dtype(column)
    if own not in ("number", "boolean", "time", "duration"):
        return _numbers_of_values(values_of(column), kind, label)
    if own in ("time", "duration"):
        seconds = _seconds(_as_times(column), own)
        if own != kind and not np.isnan(seconds).all():
            raise _other_kind_found(own, kind, label)
        return seconds
    if kind in ("time", "duration"):
        if not np.isnan(numbers := numbers_of(column, "number", label)).all():
            raise _other_kind_found(own, kind, label)
        return numbers
    if isinstance(column.dtype, np.dtype):
        return np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)
    if hasattr(column.dtype, "is_numeric"):
        numbers = column.to_numpy()  # objects where truth values are missing, or of decimals
        return np.asarray(column.cast(float) if numbers.dtype.kind == "O" else numbers)
    return np.asarray(column.to_numpy(np.float64, na_value=np.nan))


def _other_kind_found(own: str, kind: str, label: str) -> ValueError:
    return ValueError(f"X: found values of the kind {own} in {label}, expected the kind {kind}")


def _numbers_of_values(values: Sequence[Any], kind: str, label: str) -> HostArray:
    own = _kind_of_values(values)
    if own != kind and (own in ("time", "duration") or kind in ("time", "duration")):
        if any(as_key(value, label) is not None for value in values):
            raise _other_kind_found(own, kind, label)
        return np.full(len(values), np.nan)
    if own in ("time", "duration"):
        return _seconds([_as_naive(value) for value in values], kind)
    if own == "category":
        values = [_number_of_text(value, label) for value in values]
    try:
        return np.array(values, np.float64)
    except TypeError:  # a library's own word for what is missing
        return np.array([as_key(value, label) for value in values], np.float64)
    except OverflowError:  # a whole number larger than any float
        raise infinity_found(label) from None


def _number_of_text(value: Any, label: str) -> Any:
    key = as_key(value, label)
    if isinstance(value, _TIMES + _DURATIONS) or (isinstance(key, str) and not _is_number(key)):
        raise ValueError(
            f"X: could not convert string to float: found {shown(key)} in {label}, expected "
            "numbers; name it in categorical_features, or fit with 'from_dtype', which takes text "
            "as categories"
        )
    return key


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_text_of_numbers(column: Column) -> bool:
    """Return whether a column of an array of text holds nothing but what reads as numbers."""
    is_text = isinstance(column, np.ndarray) and column.dtype.kind in "UT"
    return is_text and all(map(_is_number, column.tolist()))


def _as_times(column: Column) -> HostArray:
    """Return a column of times or durations as NumPy's; pandas brings times of zones to UTC."""
    if hasattr(column.dtype, "is_numeric"):
        return np.asarray(column.to_numpy())
    word = "datetime64[us]" if _kind_of_dtype(column) == "time" else "timedelta64[us]"
    try:
        return np.asarray(column, word)
    except ValueError:  # dates on Arrow of which some are missing
        return np.asarray([_as_naive(value) for value in column.tolist()], word)


def _seconds(times: Any, kind: str) -> HostArray:
    # By microseconds, to which all libraries have come.
    if kind == "time":
        apart = np.asarray(times, "datetime64[us]") - np.datetime64(0, "us")
    else:
        apart = np.asarray(times, "timedelta64[us]")
    return np.asarray(apart / np.timedelta64(1, "s"), np.float64)


def _as_naive(value: Any) -> Any:
    """Return a time in UTC without its zone, and None for what is missing."""
    if type(value).__name__ in MISSING_TYPES:
        return None
    if getattr(value, "tzinfo", None) is not None:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    return value


# ----------------------------------------------------------------------------- one value


def as_key(value: Any, label: str) -> str | int | float | None:
    """Return the text or the number that a value is told from others by; None where it is missing.

    Numbers are compared by value, truth values are 0 and 1, times and durations their seconds, and
    text is no number. What is neither is compared by its text, as intervals are.

    Raises
    ------
    ValueError
        Where it is infinite, complex or bytes.
    TypeError
        Where it is a container, or has no text of its own.
    """
    if isinstance(value, str):
        return str(value)
    if type(value).__name__ in MISSING_TYPES:
        return None
    if isinstance(value, _TIMES + _DURATIONS):  # of which NumPy's are Integral, too
        kind = "time" if isinstance(value, _TIMES) else "duration"
        return as_key(_seconds([_as_naive(value)], kind).item(), label)
    if isinstance(value, Integral | np.bool_):
        return int(value)
    if isinstance(value, Real | Decimal | Fraction):
        number = float(value)
        if math.isinf(number):
            raise infinity_found(label)
        return None if math.isnan(number) else int(number) if number.is_integer() else number
    if isinstance(value, complex):
        raise ValueError(f"Complex data not supported\nX: found {value} in {label}\n")
    if isinstance(value, bytes):
        raise ValueError(f"X: found bytes in {label}, expected text, as decode makes of them")
    own: Any = type(value)
    nameless = (own.__str__, own.__repr__) == (object.__str__, object.__repr__)
    if own.__hash__ is None or nameless:
        raise TypeError(
            f"X: found {shown(value)} in {label}, a {type(value).__name__}; each argument must be "
            "a string or a number, or a value with a text of its own"
        )
    return str(value)


def infinity_found(label: str) -> ValueError:
    """Return the error of numbers that are infinite, or too far apart."""
    return ValueError(
        f"X: found infinity in {label}, or numbers whose distance is, expected finite ones, or NaN "
        "where they are missing; replace them"
    )
