"""Rows that lie in a file as they are, read by slices into memory that is there.

A file is not mapped into memory: a map that is larger than the memory that a process may have
cannot be made, and one of a file that is cut short ends the process.
"""

import io
import math
import os
from typing import Any

import numpy as np

__all__ = ["RowsInFile", "read_into"]

HostArray = np.ndarray[Any, Any]


class RowsInFile:
    """Rows that lie one after the other in a file, by slices, while it is open.

    Parameters
    ----------
    file : io.FileIO
    begins : int, or array of int64, shape (n_chunks,)
        The place of the first row's first byte; or that of each chunk's.
    shape : tuple of int
    dtype : dtype
    chunks : tuple of int, optional
        The shape of a chunk, which is one of whole rows. Default: all are in one piece.
    """

    def __init__(
        self,
        file: io.FileIO,
        begins: int | HostArray,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        chunks: tuple[int, ...] | None = None,
    ) -> None:
        self._file, self._begins = file, np.atleast_1d(np.asarray(begins, np.int64))
        self.shape, self.dtype, self.chunks = shape, dtype, chunks
        self._row = math.prod(shape[1:]) * dtype.itemsize

    def __getitem__(self, rows: slice) -> HostArray:
        """Return the rows of a slice, each step of which is 1.

        Raises
        ------
        ValueError
            Where the file ends before them.
        """
        start, stop, _ = rows.indices(self.shape[0])
        found = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        self.read_into(start, found)
        return found

    def read_into(self, start: int, target: HostArray) -> None:
        """Fill an array with the rows from a place on."""
        if target.size == 0:
            return
        step = self.shape[0] if self.chunks is None else self.chunks[0]
        top, stop = start // step, start + len(target)
        begins = self._begins[top : -(-stop // step)]
        cuts = np.flatnonzero(np.diff(begins) != step * self._row) + top + 1
        firsts = [start, *(cuts * step).tolist()]  # of chunks that lie one after the other
        for first, end in zip(firsts, [*firsts[1:], stop], strict=True):
            place = int(self._begins[first // step]) + first % step * self._row
            read_into(self._file, place, target[first - start : end - start])


def read_into(file: io.FileIO, place: int, target: HostArray) -> None:
    """Fill an array with the bytes that a file holds from a place on.

    Parameters
    ----------
    file : io.FileIO
        Whose own position does not change, where the system can do that.
    place : int
    target : ndarray
        In the order of C.

    Raises
    ------
    ValueError
        Where the file ends before.
    """
    if target.size == 0:
        return
    bytes_of_target: Any = target.reshape(-1).view(np.uint8)
    rest = memoryview(bytes_of_target)
    while len(rest):
        if hasattr(os, "preadv"):
            count = os.preadv(file.fileno(), [rest], place)
        else:  # on Windows
            file.seek(place)
            count = file.readinto(rest) or 0
        if not count:
            raise ValueError("is cut short: it ends before its last row")
        place, rest = place + count, rest[count:]
