"""Levels of a categorical feature: learnt from values, and values as columns of 0 and 1."""

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import shown
from dnn_xp.backends import HostArray
from dnn_xp.data.columns import as_key

__all__ = ["Levels", "learn_levels", "make_encoder"]

_UNSEEN, _UNKNOWN = -1, -2
"""Codes of a level that was not there in training, and of a value that is met the first time."""

_OF_TWO = np.asarray([-1.0, 1.0, 0.0], np.float32)
"""What the codes 0, 1 and -1 become where there are two levels."""


class Levels(NamedTuple):
    """Levels of a categorical feature.

    Attributes
    ----------
    own : tuple of str, int or float
        The levels that have a column of their own: numbers first, each kind in its order.
    kind : str
        "text", "numbers" or "both".
    n_levels : int
        How many there were.
    n_missing : int
        How many values were missing. Where some were, that is a level, the last one.
    n_buckets : int
        How many columns all other levels share; 0 where each has its own.
    """

    own: tuple[str | int | float, ...]
    kind: str
    n_levels: int
    n_missing: int
    n_buckets: int

    @property
    def width(self) -> int:
        """How many columns the feature becomes."""
        width = len(self.own) + bool(self.n_missing)
        if self.n_buckets:
            return width + self.n_buckets
        return width if width > 2 else max(0, width - 1)


def learn_levels(values: Sequence[Any], most: int, n_buckets: int, label: str) -> Levels:
    """Return the levels among values, in no order of theirs.

    Parameters
    ----------
    values : sequence
    most : int
        Columns that a feature has at most, `n_buckets` and two more. Where there are more levels,
        the most frequent keep their own, and all others share `n_buckets` of these.
    n_buckets : int
    label : str
        Of the feature, for the error.

    Raises
    ------
    ValueError, TypeError
        Where a value is no level.
    """
    counts: Counter[Any] = Counter()
    for value, count in _count(values, label).items():
        counts[as_key(value, label)] += count
    n_missing = counts.pop(None, 0)
    levels = sorted(counts, key=_in_order)
    kinds = {isinstance(level, str) for level in levels}
    kind = "both" if len(kinds) > 1 else "text" if True in kinds else "numbers"
    room = most - bool(n_missing)
    if len(levels) <= room:
        return Levels(tuple(levels), kind, len(levels), n_missing, 0)
    frequent = sorted(levels, key=lambda level: -counts[level])[: room - n_buckets]
    own = tuple(sorted(frequent, key=_in_order))
    return Levels(own, kind, len(levels), n_missing, n_buckets)


def _count(values: Sequence[Any], label: str) -> Counter[Any]:
    try:
        return Counter(values)
    except TypeError:  # one of them has no hash
        return Counter(as_key(value, label) for value in values)


def _in_order(level: str | int | float) -> tuple[bool, Any]:
    return isinstance(level, str), level


def make_encoder(levels: Levels, label: str) -> Callable[[Sequence[Any], HostArray], None]:
    """Return ``encode(values, out)``, which writes values as columns.

    Two levels become one column of -1 and 1, and more of them a column each, which is 1 where the
    value is that level. `out` is of 0 before, and stays so where a level was not there in training,
    unless levels share columns: then it shares them, too.

    Parameters
    ----------
    levels : Levels
    label : str
        Of the feature, for errors.
    """
    codes: dict[Any, int] = {level: i for i, level in enumerate(levels.own)}
    missing = len(codes) if levels.n_missing else _UNSEEN
    codes |= {None: missing, np.nan: missing}
    shared = len(levels.own) + bool(levels.n_missing)

    def find(value: Any) -> int:
        key = as_key(value, label)
        if key in codes:
            return codes[key]
        kind = "text" if isinstance(key, str) else "numbers"
        if levels.kind not in ("both", kind):
            raise ValueError(
                f"X: found {shown(key)} in {label}, expected {levels.kind}, as all its levels in "
                f"training were; {kind} and {levels.kind} are not the same levels"
            )
        return shared + _bucket(key, levels.n_buckets) if levels.n_buckets else _UNSEEN

    def encode(values: Sequence[Any], out: HostArray) -> None:
        found = np.asarray(_look_up(values, codes, find), np.intp)
        if levels.width <= 1:
            out[:] = _OF_TWO[found, None]
            return
        (rows,) = (found >= 0).nonzero()
        out[rows, found[rows]] = 1.0

    return encode


def _look_up(values: Sequence[Any], codes: dict[Any, int], find: Callable[[Any], int]) -> list[int]:
    """Return the codes of values: by one look each, but for those that are met the first time."""
    get = codes.get
    try:
        found = [get(value, _UNKNOWN) for value in values]
    except TypeError:  # one of them has no hash
        return [find(value) for value in values]
    if _UNKNOWN in found:
        places = [i for i, code in enumerate(found) if code == _UNKNOWN]
        others = {value: find(value) for value in {values[i] for i in places}}
        for i in places:
            found[i] = others[values[i]]
    return found


def _bucket(key: Any, n_buckets: int) -> int:
    """Return a bucket by a hash that is the same in each process; Python's own is not."""
    text = key if isinstance(key, str) else f"\0{key!r}"
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % n_buckets
