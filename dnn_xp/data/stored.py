"""Data sets that stay in their file, since they are large: read a few runs of rows at a time.

A run is a number of neighbouring rows, whole chunks of the file where it has some. Parts of the
data are sets of runs, so that each is read in long pieces, and by one process as by another.
"""

import math
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_path
from dnn_xp.backends import HostArray
from dnn_xp.data.class_names import check_class_names
from dnn_xp.data.datasets import (
    check_numbers,
    check_rows,
    check_same_labels,
    picture_shape,
    places_among,
)
from dnn_xp.data.preprocessing import Statistics, measure_features, merge
from dnn_xp.data.tasks import (
    Values,
    arrange,
    choose_task,
    look_at,
    merge_values,
    plain_values,
)
from dnn_xp.data.windows import run_of_chunks
from dnn_xp.files.chunks import RowsInChunks
from dnn_xp.files.hdf5 import find_data_set, naming, open_hdf5, stored_rows
from dnn_xp.files.rows import RowsInFile

__all__ = [
    "Columns",
    "Runs",
    "StoredDataset",
    "absent_stored_classes",
    "blocks",
    "is_large",
    "measure_columns",
    "open_stored",
    "scan",
    "some_runs",
    "split_runs",
    "with_stored_classes",
]

LARGE = 2**28
"""Bytes of examples, as float32, up to which they are held in memory.

It is a number, and not the memory that happens to be free, since it decides in which order the
examples are learnt, and so the result.
"""

FEWEST_RUNS = 20
"""Runs are shorter than a chunk where there would be fewer of them, to be divided into parts."""
BLOCK = 2**22
"""Numbers that are read at a time, where a run does not have more."""

Told = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Runs:
    """Rows of a file, by slices: those of some runs, one after the other.

    Attributes
    ----------
    rows : rows of a data set
        What has a shape, a dtype and slices.
    filename : str
    run : int
        Rows in a run; the last one of the file may have fewer.
    numbers : ndarray of int, shape (n_runs,)
        Which runs, rising.
    begun : stat_result, optional
        What the file was when it was opened.
    """

    rows: Any
    filename: str
    run: int
    numbers: HostArray
    begun: os.stat_result | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """That of an array of these rows."""
        n_rows, *others = self.rows.shape
        lacking = -n_rows % self.run if self.numbers[-1] == (n_rows - 1) // self.run else 0
        return (len(self.numbers) * self.run - lacking, *others)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the rows."""
        found: np.dtype[Any] = self.rows.dtype
        return found

    @property
    def chunks(self) -> tuple[int, ...]:
        """What is read together."""
        return (self.run, *self.shape[1:])

    def __getitem__(self, which: slice) -> HostArray:
        """Return rows, each step of the slice 1.

        Raises
        ------
        ValueError, OSError
            Where the file is damaged, or has been cut short.
        """
        start, stop, _ = which.indices(self.shape[0])
        found = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        self.read_into(start, found)
        return found

    def read_into(self, start: int, found: HostArray) -> None:
        """Fill an array with the rows from a place on."""
        at, stop = start, start + len(found)
        while at < stop:
            place, inside = divmod(at, self.run)
            end = place + 1  # of the runs that lie one after the other in the file, too
            while end * self.run < stop and self.numbers[end] == self.numbers[end - 1] + 1:
                end += 1
            until, top = min(end * self.run, stop), int(self.numbers[place]) * self.run + inside
            target = found[at - start : until - start]
            if isinstance(self.rows, RowsInFile | RowsInChunks):
                self.rows.read_into(top, target)
            else:
                part = self.rows[top : top + until - at]
                if len(part) != until - at:
                    raise ValueError(f"is cut short: found no row {top + len(part)}")
                target[...] = part
            at = until


@dataclass(frozen=True, eq=False)
class _Learnt:
    """Rows of y as they are learnt: places among all classes, labels of 0 and 1, numbers."""

    rows: Any
    where: str
    task: str
    values: Values
    places: HostArray  # of the classes

    @property
    def shape(self) -> tuple[int, ...]:
        """One number for each row, or one for each label."""
        m, *others = self.rows.shape
        return (m, *others) if self.task == "labels" else (m,)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the places, of labels, or of targets that are stored as text."""
        if self.task == "classes":
            found: np.dtype[Any] = self.places.dtype
            return found
        return np.dtype(np.uint8 if self.task == "labels" else np.float64)

    def __getitem__(self, which: slice) -> HostArray:
        y = plain_values(self.rows[which], self.where)
        found, _ = arrange(y, self.task, self.values, self.where)
        return (
            self.places[found] if self.task == "classes" else found.T.reshape(-1, *self.shape[1:])
        )


class Columns(NamedTuple):
    """Rows of a file as the columns that they stand for.

    Attributes
    ----------
    rows : Runs
    """

    rows: Runs

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of an example, and how many examples there are."""
        n_examples, *others = self.rows.shape
        return math.prod(others), n_examples

    def read(self, which: slice = slice(None)) -> HostArray:
        """Return some columns, in memory.

        Raises
        ------
        ValueError
            Where the file is damaged: which.
        """
        with naming(self.rows.filename):
            rows = self.rows[which]
        return rows.reshape(len(rows), -1).T


class StoredDataset(NamedTuple):
    """A `Dataset` whose examples stay in their file, while that is open.

    Attributes
    ----------
    X : Columns, shape (n_features, m)
    y : Columns
        Places in `classes`, of shape (1, m); or labels or targets, of shape (n_outputs, m).
    classes, image_shape, pixel_max, task, notes
        As in `Dataset`.
    """

    X: Columns
    y: Columns
    classes: tuple[str, ...] | None
    image_shape: tuple[int, int, int] | None
    pixel_max: int | None
    task: str | None = None
    notes: tuple[str, ...] = ()


# ----------------------------------------------------------------------------- opening


def is_large(data: str | os.PathLike[str], *, trusted: bool = False) -> bool:
    """Return whether data are an HDF5 file whose examples are too large to be held in memory.

    Parameters
    ----------
    data : str or path
        As in `load`.
    trusted : bool
        As in `load_arrays`.
    """
    path = check_path("data", data)
    if path.suffix.lower() not in (".h5", ".hdf5") or not path.is_file():
        return False
    with suppress(OSError, ValueError), open_hdf5(path, trusted=trusted) as file:
        x = find_data_set(file, "x", trusted=trusted, whole=False)
        size: int = math.prod(x.shape) * np.dtype(np.float32).itemsize
        return size > LARGE
    return False  # whoever loads it says what is wrong with it


@contextmanager
def open_stored(
    path: str | os.PathLike[str], *, trusted: bool = False, task: str | None = None
) -> Iterator[StoredDataset]:
    """Open the data sets ``x`` and ``y`` of an HDF5 file, as `load_arrays` loads them.

    Numbers are looked at by `scan`; y is read here once, to tell the task.

    Parameters
    ----------
    path, trusted, task
        As in `load_arrays`.

    Yields
    ------
    StoredDataset

    Raises
    ------
    OSError, ValueError
        As `load_arrays`.
    """
    path = check_path("path", path)
    with open_hdf5(path, trusted=trusted) as file, path.open("rb", buffering=0) as raw:
        begun = os.fstat(raw.fileno())
        with naming(path):
            x, y = (find_data_set(file, name, trusted=trusted, whole=False) for name in "xy")
        check_rows(x, y, path)
        run = _run_of(x)
        numbers = np.arange(-(-x.shape[0] // run))
        where = f"{path}: y"
        values = _look_at_rows(y, where, trusted)
        chosen, why = choose_task(values, task, where)
        rows, classes = _learnt_rows(stored_rows(y, trusted=trusted), chosen, values, where)
        shape = picture_shape(x)
        name = os.fspath(path)
        yield StoredDataset(
            Columns(Runs(stored_rows(x, trusted=trusted, file=raw), name, run, numbers, begun)),
            Columns(Runs(rows, name, run, numbers, begun)),
            classes,
            shape,
            None if shape is None else 255,
            chosen,
            (why,) if task is None else (),
        )


def _run_of(x: Any) -> int:
    """Return how many rows are read together: those of chunks, unless there are few of these."""
    n_rows, run = x.shape[0], run_of_chunks(x.chunks[0] if x.chunks else 1)
    return run if -(-n_rows // run) >= FEWEST_RUNS else max(1, n_rows // FEWEST_RUNS)


def _look_at_rows(y: Any, where: str, trusted: bool) -> Values:
    """Return what all rows of y hold, read a block at a time."""
    rows, step = stored_rows(y, trusted=trusted), max(1, BLOCK // math.prod(y.shape[1:]))

    def looked_at() -> Iterator[Values]:
        for start in range(0, y.shape[0], step):
            with naming(where):
                some = rows[start : start + step]
            yield look_at(plain_values(some, where), where, start)

    return reduce(merge_values, looked_at())


def _learnt_rows(
    rows: Any, task: str, values: Values, where: str
) -> tuple[Any, tuple[str, ...] | None]:
    """Return rows of y as they are learnt, and the names of classes or labels."""
    if task in ("regression", "counts") and values.kind != "text":
        return rows, None
    _, classes = arrange(plain_values(rows[0:1], where), task, values, where)
    check_class_names(where, classes or ())
    places = np.arange(len(classes or ()), dtype=np.int32)
    return _Learnt(rows, where, task, values, places), classes


# ----------------------------------------------------------------------------- reading


def blocks(columns: Columns) -> Iterator[tuple[int, HostArray]]:
    """Yield the columns a few runs at a time, and where they begin.

    Raises
    ------
    ValueError
        Where the file is damaged.
    """
    n, m = columns.shape
    run = columns.rows.run
    step = run * max(1, BLOCK // max(1, n * run))
    for start in range(0, m, step):
        yield start, columns.read(slice(start, min(start + step, m)))


def scan(dataset: StoredDataset, advance: Told | None = None) -> int:
    """Look at all numbers once, and return one by which the same data are known again.

    It is another one where the rows are divided into other runs.

    Parameters
    ----------
    dataset : StoredDataset
    advance : callable, optional
        ``advance(done, total)`` is told how many examples were read, and how many there are.

    Raises
    ------
    ValueError
        Where the file is damaged, or holds numbers that nothing can be learnt from.
    """
    path, m = dataset.X.rows.filename, dataset.X.shape[1]
    found = zlib.crc32(f"runs of {dataset.X.rows.run} rows".encode())
    for name, columns in (("y", dataset.y), ("x", dataset.X)):
        for start, block in blocks(columns):
            rows = np.ascontiguousarray(block.T)
            check_numbers(rows, f"{path}: {name}", start)
            found = zlib.crc32(rows.data, found)
            if advance is not None and name == "x":
                advance(start + len(rows), m)
    return found


def measure_columns(columns: Columns, advance: Told | None = None) -> Statistics:
    """Return the statistics of each row of some columns, in one pass.

    Parameters
    ----------
    columns : Columns
    advance : callable, optional
        As in `scan`.
    """

    def measured() -> Iterator[Statistics]:
        for start, block in blocks(columns):
            yield measure_features(block)
            if advance is not None:
                advance(start + block.shape[1], columns.shape[1])

    return reduce(merge, measured())


def split_runs(
    dataset: StoredDataset, fraction: float, most: int, seed: int
) -> tuple[StoredDataset, StoredDataset, StoredDataset]:
    """Set some runs aside for testing, and choose as many of the others to be measured.

    Parameters
    ----------
    dataset : StoredDataset
    fraction : float
        Of the runs that are set aside.
    most : int
        Examples that are set aside, or measured, at most, but that it is a run at least.
    seed : int
        The same seed chooses the same runs.

    Returns
    -------
    tuple (StoredDataset, StoredDataset, StoredDataset)
        The rest, the part set aside, and a part of the rest that is about as large.

    Raises
    ------
    ValueError
        Where there is one run only.
    """
    run, n_runs = dataset.X.rows.run, len(dataset.X.rows.numbers)
    if n_runs < 2:
        raise ValueError(f"found {dataset.X.shape[1]} examples, expected some to set aside")
    n_aside = max(1, min(round(fraction * n_runs), most // run))
    order = np.random.default_rng(seed).permutation(n_runs)
    return (
        _part(dataset, order[n_aside:]),
        _part(dataset, order[:n_aside]),
        _part(dataset, order[n_aside : 2 * n_aside]),
    )


def some_runs(dataset: StoredDataset, most: int, seed: int) -> StoredDataset:
    """Return all runs, or some of them, spread by chance, where they are more than `most` examples.

    Parameters
    ----------
    dataset, most, seed
        As in `split_runs`.
    """
    order = np.random.default_rng(seed).permutation(len(dataset.X.rows.numbers))
    return _part(dataset, order[: max(1, most // dataset.X.rows.run)])


def with_stored_classes(dataset: StoredDataset, classes: Sequence[str]) -> StoredDataset:
    """Give the labels other numbers, as `with_classes` does."""
    if dataset.task == "labels":
        check_same_labels(dataset.classes, classes)
        return dataset
    places = places_among(dataset.classes, classes).astype(np.int32)
    rows = dataset.y.rows
    y = Columns(replace(rows, rows=replace(rows.rows, places=places)))
    return dataset._replace(y=y, classes=tuple(classes))


def absent_stored_classes(dataset: StoredDataset) -> tuple[str, ...]:
    """Return what `absent_classes` does; no more is read than it takes."""
    names = dataset.classes or ()
    there = np.zeros(len(names), dtype=bool)
    for _, block in blocks(dataset.y) if names else ():
        if dataset.task == "labels":
            there |= block.any(axis=1)
        else:
            there[np.unique(block)] = True
        if there.all():
            break
    return tuple(name for name, found in zip(names, there, strict=True) if not found)


def _part(dataset: StoredDataset, places: HostArray) -> StoredDataset:
    places = np.sort(places)

    def of(columns: Columns) -> Columns:
        return Columns(replace(columns.rows, numbers=columns.rows.numbers[places]))

    return dataset._replace(X=of(dataset.X), y=of(dataset.y))
