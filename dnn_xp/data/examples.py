"""Examples that stay in a file, from which batches are read as they are needed."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from dnn_xp.arguments import check_flag, check_path, check_whole, shown
from dnn_xp.backends import (
    Array,
    HostArray,
    asarray_like,
    dtype_name,
    namespace,
    plain_array,
    to_host,
)
from dnn_xp.data.preprocessing import Preprocessing, apply
from dnn_xp.data.sources import Source, StoredRows
from dnn_xp.data.stored import Runs
from dnn_xp.data.windows import WindowOrder, run_of_chunks
from dnn_xp.files.chunks import RowsInChunks
from dnn_xp.files.hdf5 import find_data_set, naming, open_hdf5, stored_rows
from dnn_xp.files.npy import is_npy, npy_rows
from dnn_xp.files.opening import check_file
from dnn_xp.files.rows import RowsInFile

__all__ = ["open_examples"]

WINDOW = 16_384
"""Examples in a window, where they are not too wide."""
WINDOW_BYTES = 2**27
"""Bytes of a window, unless its examples are counted by the user."""


@contextmanager
def open_examples(
    path: Any,
    name: str = "x",
    *,
    like: Array,
    prepare: Callable[[HostArray], HostArray] | None = None,
    preprocessing: Preprocessing | None = None,
    trusted: bool = False,
    window: int | None = None,
    ahead: bool = True,
) -> Iterator[Source]:
    """Open examples for training and prediction, of which two windows are in memory, or three.

    `train` takes them in another order than those of an array, unless all fit into one window:
    runs of neighbouring rows, drawn at random, are shuffled among each other a window at a time.
    Targets, or class numbers, may be opened as well; they are read along with X. The order
    depends on the seed, the epoch, the rows of a chunk, and the window, and on nothing else.

    Parameters
    ----------
    path : path, or rows
        An HDF5 file, or an NPY file that `numpy.save` wrote. Or what has a shape, a dtype and
        slices, of which the first axis counts the examples: a Zarr array, a `numpy.memmap`.
    name : str
        Of a data set in an HDF5 file with an example in each row, shape (m, ...); further axes are
        flattened. It is read fastest where it is in one piece, or in chunks of whole rows, and not
        packed. Chunks of parts of rows (``chunks=True``) take up to four times as long, and gzip
        as long as inflating does: half of that with isal, ``dnn-xp[gzip]``.
    like : array
        What is read gets its library, device and dtype.
    prepare : callable, optional
        Makes of the rows of a batch, a NumPy array as stored, those that the network is fed:
        ``lambda rows: np.log1p(rows)``.
    preprocessing : Preprocessing, optional
        Shift and scale of what is read. Numbers that the dtype holds as they are, such as the
        bytes of pictures, are moved to the device as they are stored and scaled there.
    trusted : bool
        Whether the data set may be virtual, with parts in other files, and packed by filters of
        all kinds.
    window : int, optional
        Rows that are shuffled among each other. Default: 16,384, or as many as 128 MiB hold. A
        chunk that has more is a window of its own.
    ahead : bool
        Whether a thread reads the next window while one is trained on.

    Yields
    ------
    Source
        For `train`, `lbfgs`, `Network.predict` and `Network.evaluate_cost`, while the file is open.

    Raises
    ------
    OSError
        Where there is no such file, or it may not be read.
    TypeError
        Where `like` is no array.
    ValueError
        Where it is of another kind or is damaged, cut short or changed, here or while it is read;
        holds no numbers of that name and form; or they lie in another file.

    Examples
    --------
    Twenty pictures of four bytes, written and then learnt ten at a time:

    >>> import h5py, numpy as np, tempfile
    >>> from pathlib import Path
    >>> from dnn_xp import Dense, Network, Preprocessing, train
    >>> from dnn_xp import open_examples
    >>> pictures = np.random.default_rng(0).integers(0, 256, (20, 4), dtype=np.uint8)
    >>> like = np.empty(0, np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "data.h5")
    ...     with h5py.File(path, "w") as file:
    ...         file["x"], file["y"] = pictures, pictures[:, 0] // 128
    ...     network = Network(4, (Dense(2),), "softmax_cross_entropy")
    ...     scale = Preprocessing(shift=0.0, scale=1 / 255)
    ...     with (
    ...         open_examples(path, "x", like=like, preprocessing=scale) as X,
    ...         open_examples(path, "y", like=like) as Y,
    ...     ):
    ...         run = train(network, X, Y, batch_size=10, epochs=50)
    >>> run.history["cost"][-1] < run.history["cost"][0]
    True
    """
    if window is not None:
        window = check_whole("window", window, 1)
    check_flag("ahead", ahead)
    like = plain_array("like", like)
    with _open_rows(path, name, trusted) as reader:
        rows = reader.rows
        convert = _converter(like, prepare, preprocessing)

        def read(which: slice | HostArray | StoredRows) -> Array:
            if isinstance(which, StoredRows):
                return convert(which.rows)
            if isinstance(which, slice):
                return convert(reader.fetch(which))
            places, where = np.unique(which, return_inverse=True)
            if len(places) and not 0 <= places[0] <= places[-1] < rows.shape[0]:
                found = f"{places[0]} to {places[-1]}"
                raise IndexError(f"places: found {found}, expected 0 to {rows.shape[0] - 1}")
            return convert(reader.fetch(places)[where])

        # One example tells how many features there are once they are prepared.
        n_features = _prepared(reader.fetch(slice(0, 1)), prepare).shape[1]
        _check_preprocessing(preprocessing, n_features)
        shape = n_features, rows.shape[0]
        order = WindowOrder(rows.shape[0], _run_of(rows), window or _default_window(rows))
        yield Source(shape, read, like, order, reader.fetch, ahead, reader.release)


def _check_preprocessing(preprocessing: Preprocessing | None, n_features: int) -> None:
    """Refuse a shift or scale of other features."""
    for part in () if preprocessing is None else preprocessing._fields:
        found = np.shape(getattr(preprocessing, part))
        if found not in ((), (n_features, 1)):
            raise ValueError(
                f"preprocessing: found {part} of shape {found}, expected () or ({n_features}, 1)"
            )


def _default_window(rows: Any) -> int:
    """Return how many examples a window holds, whatever memory there is."""
    row: int = math.prod(rows.shape[1:]) * rows.dtype.itemsize
    return max(1, min(WINDOW, WINDOW_BYTES // row))


def _run_of(rows: Any) -> int:
    """Return how many neighbouring rows are read together."""
    chunks = getattr(rows, "chunks", None)
    chunk = chunks[0] if chunks and isinstance(chunks[0], int) else 1
    return run_of_chunks(chunk)


# ----------------------------------------------------------------------------- reading


class _Reader:
    """Rows that are read by slices, by one thread at a time, from a file that does not change.

    Parameters
    ----------
    rows : object with shape, dtype and slices
    label : str
        What errors call them.
    path : path, optional
        Of their file.
    begun : stat_result, optional
        What the file was when it was opened.
    """

    def __init__(
        self, rows: Any, label: str, path: Any = None, begun: os.stat_result | None = None
    ) -> None:
        if len(rows.shape) < 1 or rows.dtype.kind not in "fiub" or 0 in rows.shape:
            found = f"{rows.dtype}{tuple(rows.shape)}"
            raise ValueError(f"{label}: found {found}, expected numbers, an example a row")
        self.rows, self._label, self._path, self._begun = rows, label, path, begun
        self._lock, self._is_open = Lock(), True
        # A large window in new memory costs more than to read it: the system clears each page.
        self._spare: list[HostArray] = []
        self._lent: WeakValueDictionary[int, HostArray] = WeakValueDictionary()

    def fetch(self, which: slice | HostArray) -> HostArray:
        """Return the rows at a slice, or at rising places, as they are stored.

        Those at places are in memory that was released, where it is enough.
        """
        with self._lock:
            if not self._is_open:
                raise ValueError(f"{self._label}: is closed, expected to be read while it is open")
            with naming(self._label):
                self._check_unchanged()  # a memory map of a file that is cut ends the process
                if isinstance(which, slice):
                    found = np.asarray(self.rows[slice(*which.indices(self.rows.shape[0]))])
                else:
                    found = self._memory(len(which))
                    _take_rows(self.rows, which, found)
                self._check_unchanged()
            return found

    def _memory(self, count: int) -> HostArray:
        """Return memory for so many rows."""
        owner = self._spare.pop() if self._spare else None
        if owner is None or len(owner) < count:
            owner = np.empty((count, *self.rows.shape[1:]), self.rows.dtype)
        self._lent[id(owner)] = owner
        return owner[:count]

    def release(self, rows: HostArray) -> None:
        """Have the next rows at places fetched into the memory of these, if it is ours."""
        with self._lock:
            owner = self._lent.pop(id(rows.base), None)
            if owner is not None and self._is_open:
                self._spare.append(owner)

    def _check_unchanged(self) -> None:
        """Refuse a file that was written to, replaced or removed since it was opened."""
        if self._begun is not None:
            try:
                now = _state_of(os.stat(self._path))
            except OSError:
                now = None
            if now != _state_of(self._begun):
                raise ValueError("has changed since it was opened, expected a file that stays")

    def close(self) -> None:
        """Read no more."""
        with self._lock:
            self._is_open = False
            self._spare.clear()


def _state_of(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _take_rows(rows: Any, which: HostArray, found: HostArray) -> None:
    """Fill an array with the rows at rising places, neighbouring ones by one slice."""
    cuts = np.flatnonzero(np.diff(which) != 1) + 1
    firsts, ends = [0, *cuts.tolist()], [*cuts.tolist(), len(which)]
    for first, end in zip(firsts, ends, strict=True):
        if first == end:  # there are none
            continue
        start = int(which[first])
        if isinstance(rows, RowsInFile | RowsInChunks | Runs):
            rows.read_into(start, found[first:end])
        else:
            found[first:end] = rows[start : start + end - first]


@contextmanager
def _open_rows(path: Any, name: str, trusted: bool) -> Iterator[_Reader]:
    """Open rows by their path, or take those that are open."""
    with ExitStack() as stack:
        if isinstance(path, str | os.PathLike):
            reader = _open_file(check_path("path", path), name, trusted, stack)
        elif all(hasattr(path, part) for part in ("shape", "dtype", "__getitem__")) and isinstance(
            path.dtype, np.dtype
        ):
            held_in = getattr(path, "filename", None)  # of a memory map
            begun = getattr(path, "begun", None)  # known where more was read before
            begun = os.stat(held_in) if begun is None and held_in is not None else begun
            reader = _Reader(path, str(held_in or "path"), held_in, begun)
        else:
            raise TypeError(
                f"path: found {shown(path)}, expected a path, or rows that have slices and a dtype "
                "of NumPy's"
            )
        stack.callback(reader.close)
        yield reader


def _open_file(path: Path, name: str, trusted: bool, stack: ExitStack) -> _Reader:
    """Open the rows of a file until a stack is closed."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    if path.is_dir():
        raise IsADirectoryError(
            f"{path}: found a folder, expected a file, or a Zarr array: zarr.open_array(path)"
        )
    check_file(path)
    raw = stack.enter_context(path.open("rb", buffering=0))
    begun = os.fstat(raw.fileno())
    if is_npy(path):
        with naming(path):
            return _Reader(npy_rows(raw), os.fspath(path), path, begun)
    file = stack.enter_context(open_hdf5(path, trusted=trusted))
    with naming(path):
        data_set = find_data_set(file, name, trusted=trusted, whole=False)
        rows = stored_rows(data_set, trusted=trusted, file=raw)
    return _Reader(rows, f"{path}: {name}", path, begun)


# ----------------------------------------------------------------------------- bringing


def _converter(
    like: Array,
    prepare: Callable[[HostArray], HostArray] | None,
    preprocessing: Preprocessing | None,
) -> Callable[[HostArray], Array]:
    """Return what makes columns beside an array of rows as they are stored."""
    shifts, scale = [], None
    if preprocessing is not None:
        shifts = _in_parts(np.transpose(preprocessing.shift), like)
        scale = asarray_like(np.transpose(preprocessing.scale), like=like)
    xp, name = namespace(like), dtype_name(like.dtype)

    def convert(rows: HostArray) -> Array:
        rows = _prepared(rows, prepare)
        if not _is_held(rows.dtype, name, xp):
            if preprocessing is not None:
                return asarray_like(apply(preprocessing, rows.T, "float64"), like=like)
            return asarray_like(rows.T, like=like)
        native = rows.astype(rows.dtype.newbyteorder("="), copy=False)
        moved = asarray_like(native, like=like, dtype=getattr(xp, native.dtype.name))
        found = xp.astype(moved, like.dtype, copy=preprocessing is not None)
        for shift in shifts:
            found -= shift
        if scale is not None:
            found *= scale
        return found.T

    return convert


def _in_parts(shift: HostArray, like: Array) -> list[Array]:
    """Return a shift as the array's dtype holds it, and what that lacks.

    One after the other they take away the mean of numbers that are large beside their spread,
    without a loss: the first difference is exact, or nearly so.
    """
    shift = np.asarray(shift, np.float64)
    first = asarray_like(shift, like=like)
    rest = shift - to_host(first)
    parts = [(shift, first), (rest, asarray_like(rest, like=like))]
    return [part for numbers, part in parts if numbers.any()]


def _prepared(rows: HostArray, prepare: Callable[[HostArray], HostArray] | None) -> HostArray:
    """Return rows in the form in which a network is fed them, still on the host."""
    if prepare is not None:
        count, rows = len(rows), np.asarray(prepare(rows))
        if rows.shape[:1] != (count,):
            raise ValueError(
                f"prepare: found shape {rows.shape} of what it makes of {count} rows, expected a "
                "row for each"
            )
    return rows.reshape(len(rows), math.prod(rows.shape[1:]))


def _is_held(stored: np.dtype[Any], name: str, xp: Any) -> bool:
    """Return whether a dtype holds all numbers of another, which its library has, too."""
    if not hasattr(xp, stored.name):
        return False
    known = isinstance(getattr(np, name, None), type)
    return np.can_cast(stored, name if known else "float16")
