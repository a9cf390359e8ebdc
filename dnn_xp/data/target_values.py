"""Values of y: what rows of targets hold, as far as it tells what is to be learnt."""

from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import HostArray
from dnn_xp.data.class_names import texts

__all__ = [
    "MOST_FRACTIONS",
    "Values",
    "check_kind_of",
    "look_at",
    "merge_values",
    "numbers_of",
    "parsed",
    "plain_values",
]

MOST_FRACTIONS = 100
"""Numbers that are not whole are taken for classes, where that is asked for, up to so many."""
MOST = 2**20
"""Different values beyond these are not counted: they are no classes."""
_WHOLE_BELOW = 2.0**53
"""From here on a double has no fractions."""


class Values(NamedTuple):
    """What the rows of y hold, as far as it decides the task; those of two parts can be merged.

    Attributes
    ----------
    kind : {"text", "truth value", "number"}
    n_rows : int
    n_columns : int
    distinct, counts : ndarray or None
        The different values of a single column, rising, and how often each is there. None where
        there are too many of them, or several columns.
    whole : bool
        Whether all are whole numbers.
    lowest, highest : float
        Of text 0.
    zero_one, signs : bool
        Whether all are 0 or 1, and whether all are -1 or 1.
    one_hot : bool
        Whether each row holds 1 once.
    """

    kind: str
    n_rows: int
    n_columns: int
    distinct: HostArray | None
    counts: HostArray | None
    whole: bool
    lowest: float
    highest: float
    zero_one: bool
    signs: bool
    one_hot: bool


def check_kind_of(y: Any, where: str = "y") -> None:
    """Refuse an array, or a data set of a file, that holds no task, by its dtype and shape.

    Raises
    ------
    ValueError
        Naming both.
    """
    single = y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)
    several = y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "biuf"
    if not (several or (single and y.dtype.kind in "biufSUO")):
        raise ValueError(
            f"{where}: found {y.dtype}{y.shape}, expected numbers or text of the shape (m,), or "
            "numbers of the shape (m, n_outputs)"
        )


def plain_values(y: Any, where: str = "y") -> HostArray:
    """Return y as numbers, truth values or text, one column as a vector.

    Raises
    ------
    ValueError
        Where it holds something else, or text that is not in UTF-8.
    """
    found = np.asarray(y)
    check_kind_of(found, where)
    found = found[:, 0] if found.shape[1:] == (1,) else found
    if found.dtype.kind == "O":
        return _of_objects(found, where)
    return _decoded(found, where) if found.dtype.kind == "S" else found


def _of_objects(y: HostArray, where: str) -> HostArray:
    """Return what the objects of a column are, which are all there."""
    for place, one in enumerate(y.tolist()):
        if one is None or one != one or type(one).__name__ == "NAType":  # NaN is not itself
            raise ValueError(
                f"{where}: found {one} in row {place}, expected a value in each row: leave out the "
                "rows that lack one"
            )
    if all(isinstance(one, bool | np.bool_) for one in y):
        return y.astype(bool)
    if all(isinstance(one, int | float | np.number | np.bool_) for one in y):
        return np.asarray(y.tolist())
    return _decoded(y, where)


def _decoded(y: HostArray, where: str) -> HostArray:
    """Return text, each one decoded once, for it repeats."""
    distinct, places = (
        np.unique(y, return_inverse=True) if y.dtype.kind == "S" else _unique_objects(y)
    )
    return np.asarray(texts(distinct, where))[places]


def _unique_objects(y: HostArray) -> tuple[HostArray, HostArray]:
    """Return the different ones in the order in which they come: not all can be sorted."""
    found: dict[Any, int] = {}
    places = [found.setdefault(one, len(found)) for one in y.tolist()]
    return np.asarray([*found], dtype=object), np.asarray(places, dtype=np.int64)


def look_at(y: HostArray, where: str = "y", first: int = 0) -> Values:
    """Return what some rows of y hold.

    Parameters
    ----------
    y : ndarray, shape (m,) or (m, n_outputs)
        As `plain_values` returns it.
    where : str
    first : int
        The number of the first row.

    Raises
    ------
    ValueError
        Where a number is not finite, or there is none.
    """
    if y.size == 0:
        raise ValueError(f"{where}: found no examples, expected at least one")
    n_columns = 1 if y.ndim == 1 else y.shape[1]
    kind = {"U": "text", "b": "truth value"}.get(y.dtype.kind, "number")
    found = (False, 0.0, 0.0, False, False, False)
    if kind != "text":
        found = _look_at_numbers(y if y.dtype.kind != "b" else y.astype(np.uint8), where, first)
    distinct = counts = None
    # Of many fractions it is not worth the time to sort them all.
    few = found[0] or kind == "text" or len(np.unique(y[:10_000])) <= MOST_FRACTIONS
    if n_columns == 1 and few:
        distinct, counts = np.unique(y, return_counts=True)
    return _limited(Values(kind, len(y), n_columns, distinct, counts, *found))


def _look_at_numbers(
    y: HostArray, where: str, first: int
) -> tuple[bool, float, float, bool, bool, bool]:
    """Return the fields of `Values` from `whole` on."""
    lowest, highest = y.min(), y.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        place = np.argwhere(~np.isfinite(y))[0]
        raise ValueError(
            f"{where}: found {y[tuple(place)]} in row {first + place[0]}, expected finite numbers"
        )
    whole = y.dtype.kind != "f" or bool(
        -_WHOLE_BELOW < float(lowest) <= float(highest) < _WHOLE_BELOW and np.all(y == np.rint(y))
    )
    signs = bool(whole and lowest >= -1 and highest <= 1 and np.all(y != 0))
    one_hot = False
    zero_one = bool(whole and lowest >= 0 and highest <= 1)
    if y.ndim == 2 and (zero_one or signs):
        one_hot = bool(np.all(np.count_nonzero(y == 1, axis=1) == 1))
    return whole, float(lowest), float(highest), zero_one, signs, one_hot


def merge_values(first: Values, second: Values) -> Values:
    """Return what the rows of two parts of y hold together."""
    distinct = counts = None
    if first.distinct is not None and second.distinct is not None:
        assert first.counts is not None
        assert second.counts is not None
        both = np.concatenate([first.distinct, second.distinct])
        distinct, places = np.unique(both, return_inverse=True)
        counts = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(counts, places, np.concatenate([first.counts, second.counts]))
    return _limited(
        Values(
            first.kind,
            first.n_rows + second.n_rows,
            first.n_columns,
            distinct,
            counts,
            first.whole and second.whole,
            min(first.lowest, second.lowest),
            max(first.highest, second.highest),
            first.zero_one and second.zero_one,
            first.signs and second.signs,
            first.one_hot and second.one_hot,
        )
    )


def _limited(values: Values) -> Values:
    most = MOST if values.whole else MOST_FRACTIONS
    many = values.distinct is not None and len(values.distinct) > most and values.kind != "text"
    return values._replace(distinct=None, counts=None) if many else values


def numbers_of(values: Values) -> Values | None:
    """Return the values of text that is numbers, all of it, or None."""
    if values.kind != "text" or values.distinct is None or values.counts is None:
        return None
    found = [parsed(one) for one in values.distinct.tolist()]
    if None in found:
        return None
    numbers = look_at(np.asarray(found, dtype=np.float64))
    return numbers._replace(n_rows=values.n_rows, counts=values.counts)


def parsed(text: str) -> float | None:
    """Return the finite number that a text is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
