"""Tasks: what is to be learnt, told by the values of y where nobody says it.

The dtype does not decide: MATLAB keeps classes as doubles, and prices may be whole numbers. What
is decided is said in a sentence, with the ways to change it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_choice, shown
from dnn_xp.backends import HostArray
from dnn_xp.data.class_names import texts

__all__ = [
    "TASKS",
    "Task",
    "Values",
    "arrange",
    "check_kind_of",
    "choose_task",
    "decide_task",
    "look_at",
    "merge_values",
    "plain_values",
    "task_of",
]

TASKS = ("classes", "labels", "regression", "counts")
"""One of several classes; several labels, each by itself; real targets; counts, from 0 on."""

FEW = 10
"""So many whole numbers, or fewer, are classes wherever each is there twice in the mean."""
MOST_FRACTIONS = 100
"""Numbers that are not whole are taken for classes, where that is asked for, up to so many."""
MOST = 2**20
"""Different values beyond these are not counted: they are no classes."""


class Task(NamedTuple):
    """A task, and y in the form in which it is learnt.

    Attributes
    ----------
    name : {"classes", "labels", "regression", "counts"}
    y : ndarray
        Of classes their places among all, int64 of shape (m,). Else of shape (n_outputs, m): labels
        0 and 1, uint8; targets and counts, floats.
    classes : tuple of str, or None
        The names of classes or labels.
    why : str
        What was found, what was taken, and how to change it, in a sentence.
    """

    name: str
    y: HostArray
    classes: tuple[str, ...] | None
    why: str


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


# ----------------------------------------------------------------------------- the decision


def decide_task(y: Any, asked: str | None = None, *, where: str = "y") -> Task:
    """Decide what is to be learnt: classes, labels, real targets or counts.

    Text and truth values are classes; so are few whole numbers, whatever their dtype: up to 10
    of them, and more where they run from 0 or 1 without a gap, each about as often. Columns of 0
    and 1, or -1 and 1, are classes where each row holds a single 1, and labels otherwise. All else
    is regression. Counts are never guessed.

    Parameters
    ----------
    y : array_like, shape (m,), (m, 1) or (m, n_outputs)
        On the host; rows are examples.
    asked : {"classes", "labels", "regression", "counts"}, optional
        What to take it for, whatever it seems to be.
    where : str
        What y is called in errors.

    Raises
    ------
    ValueError
        Where y cannot be learnt from, or not as what is asked for.

    Examples
    --------
    >>> decide_task([0.0, 2.0, 0.0, 2.0])[2:]
    (('0', '2'), '4 whole numbers of 2 values from 0 to 2: classes; --task regression or counts to \
change')
    >>> decide_task([[1, 1, 0], [0, 0, 1]]).name
    'labels'
    >>> decide_task([3, 7, 4], "counts").y.tolist()
    [[3.0, 7.0, 4.0]]
    """
    y = plain_values(y, where)
    values = look_at(y, where)
    name, why = choose_task(values, asked, where)
    return Task(name, *arrange(y, name, values, where), why)


def choose_task(values: Values, asked: str | None = None, where: str = "y") -> tuple[str, str]:
    """Return the name of the task for some values, and the sentence that says why.

    Parameters
    ----------
    values : Values
    asked, where
        As in `decide_task`.

    Raises
    ------
    ValueError
        Where the values are none for the task that is asked for.
    """
    numbers = _numbers_of(values)
    if asked is not None:
        check_choice("task", asked, TASKS)
        _check_asked(values if numbers is None or asked == "classes" else numbers, asked, where)
        return asked, f"{_found(values, asked)}: {asked}, as was asked for"
    name = _proposed(values if numbers is None or _seem_classes(numbers) else numbers)
    others = [task for task in TASKS if task != name and _suits(values, numbers, task)]
    change = f"; --task {' or '.join(others)} to change" if others else ""
    return name, f"{_found(values, name)}: {name}{change}"


def task_of(task: str | None, classes: Sequence[str] | None) -> str:
    """Return the task of a data set or a model: what it says, else what its classes tell."""
    return task or ("regression" if classes is None else "classes")


def _proposed(values: Values) -> str:
    if values.n_columns > 1:
        marks = (values.zero_one or values.signs) and values.lowest < values.highest
        return ("classes" if values.one_hot else "labels") if marks else "regression"
    return "classes" if values.kind != "number" or _seem_classes(values) else "regression"


def _seem_classes(values: Values) -> bool:
    """Return whether numbers look like those of classes."""
    if not values.whole or values.distinct is None or values.counts is None:
        return False
    n = len(values.distinct)
    if n <= FEW:
        return n <= 2 or values.n_rows >= 2 * n
    without_gap = values.lowest in (0, 1) and values.highest - values.lowest == n - 1
    fewest, most = values.counts.min(), values.counts.max()
    return bool(without_gap and fewest >= 2 and most <= 10 * fewest)


def _suits(values: Values, numbers: Values | None, task: str) -> bool:
    """Return whether a task is worth to be named as another way to take the values."""
    if task == "classes":
        return values.one_hot or (values.n_columns == 1 and (values.whole or values.kind == "text"))
    found = values if numbers is None else numbers
    if found.kind == "text":
        return False
    if task == "labels":
        return found.n_columns > 1 and (found.zero_one or found.signs)
    return task == "regression" or (found.whole and found.lowest >= 0 and found.highest > 1)


def _found(values: Values, task: str) -> str:
    """Return what the values are, such as "120 whole numbers of 3 values from 0 to 2"."""
    numbers, n = _numbers_of(values), values.n_rows
    if values.n_columns > 1:
        rows = f"{n:,} row{'' if n == 1 else 's'}"
        if values.one_hot:
            return f"{rows} of a single 1 in {values.n_columns} columns"
        if values.zero_one or values.signs:
            least = 0 if values.zero_one else -1
            return f"{rows} of {least} and 1 in {values.n_columns} columns"
        return f"{rows} of {values.n_columns} numbers from {_range(values)}"
    kind = "whole number" if values.kind == "number" and values.whole else values.kind
    found = f"{n:,} {kind}{'' if n == 1 else 's'}"
    if values.distinct is not None and task == "classes" and values.kind != "truth value":
        found += f" of {len(values.distinct):,} value{'' if len(values.distinct) == 1 else 's'}"
    if numbers is not None and task != "classes":
        return f"{found}, numbers from {_range(numbers)}"
    return f"{found} from {_range(values)}" if values.kind == "number" else found


def _range(values: Values) -> str:
    lowest, highest = values.lowest, values.highest
    return " to ".join(str(int(x)) if values.whole else f"{x:.6g}" for x in (lowest, highest))


def _check_asked(values: Values, asked: str, where: str) -> None:
    """Refuse values that are none for a task."""
    columns = f"{values.n_columns} columns" if values.n_columns > 1 else "one column"
    if asked != "classes" and values.kind == "text":
        assert values.distinct is not None  # of text there is one column
        some = next(one for one in values.distinct.tolist() if _number(one) is None)
        raise ValueError(f"{where}: found {shown(some)}, expected numbers for {asked}")
    if asked == "classes":
        _check_as_classes(values, where)
    if asked == "labels" and not (values.n_columns > 1 and (values.zero_one or values.signs)):
        raise ValueError(
            f"{where}: found {columns} of values from {_range(values)}, expected several columns "
            "of 0 and 1 for labels"
        )
    if asked == "counts" and not (values.whole and values.lowest >= 0):
        whole = "whole numbers" if values.whole else "numbers"
        raise ValueError(
            f"{where}: found {whole} from {_range(values)}, expected whole ones from 0 on for "
            "counts"
        )


def _check_as_classes(values: Values, where: str) -> None:
    if values.n_columns > 1:
        if not values.one_hot:
            raise ValueError(
                f"{where}: found {values.n_columns} columns, of which not each row holds a single "
                "1, expected one column, or such rows, for classes"
            )
    elif values.distinct is None or not (
        values.whole or values.kind != "number" or len(values.distinct) <= MOST_FRACTIONS
    ):
        n = "too many" if values.distinct is None else f"{len(values.distinct):,}"
        raise ValueError(
            f"{where}: found {n} different numbers from {_range(values)}, expected whole ones, or "
            "few, for classes"
        )


# ----------------------------------------------------------------------------- the values


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
    distinct = counts = None
    if n_columns == 1:
        distinct, counts = np.unique(y, return_counts=True)
    kind = {"U": "text", "b": "truth value"}.get(y.dtype.kind, "number")
    if kind == "text":
        found = (False, 0.0, 0.0, False, False, False)
    else:
        found = _look_at_numbers(y if y.dtype.kind != "b" else y.astype(np.uint8), where, first)
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
    whole = y.dtype.kind != "f" or bool(np.all(y == np.rint(y)))
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
    many = values.distinct is not None and len(values.distinct) > MOST and values.kind != "text"
    return values._replace(distinct=None, counts=None) if many else values


def _numbers_of(values: Values) -> Values | None:
    """Return the values of text that is numbers, all of it, or None."""
    if values.kind != "text" or values.distinct is None or values.counts is None:
        return None
    found = [_number(one) for one in values.distinct.tolist()]
    if None in found:
        return None
    numbers = look_at(np.asarray(found, dtype=np.float64))
    return numbers._replace(n_rows=values.n_rows, counts=values.counts)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


# ----------------------------------------------------------------------------- the form


def arrange(
    y: HostArray, task: str, values: Values, where: str = "y"
) -> tuple[HostArray, tuple[str, ...] | None]:
    """Return some rows of y as they are learnt, and the names of classes or labels.

    Parameters
    ----------
    y : ndarray, shape (m,) or (m, n_outputs)
        As `plain_values` returns it: of all rows, or of some of them.
    task : str
        As `choose_task` has chosen it.
    values : Values
        Of all rows.
    where : str

    Returns
    -------
    tuple (y, classes)
        As in `Task`.

    Raises
    ------
    ValueError
        Where a class is there that is not among the values.
    """
    if task == "labels":
        return (y > 0).astype(np.uint8).T, _numbered(values.n_columns)
    if task == "classes" and values.n_columns > 1:
        return np.argmax(y, axis=1).astype(np.int64), _numbered(values.n_columns)
    if task == "classes":
        assert values.distinct is not None  # or else it would not have been chosen
        places = np.minimum(np.searchsorted(values.distinct, y), len(values.distinct) - 1)
        if not np.array_equal(values.distinct[places], y):
            raise ValueError(f"{where}: found another class than before: the file has changed")
        return places.astype(np.int64), _names(values)
    targets = y if y.dtype.kind == "f" else y.astype(np.float64)
    return (targets[None, :] if targets.ndim == 1 else targets.T), None


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(map(str, range(n)))


def _names(values: Values) -> tuple[str, ...]:
    """Return the names of classes: whole numbers without a point, whatever their dtype."""
    assert values.distinct is not None
    if values.kind == "number" and values.whole:
        return tuple(str(int(one)) for one in values.distinct.tolist())
    return tuple(str(one) for one in values.distinct)
