"""Rows that lie one after the other in a file, read by slices into memory that is there.

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
    begin : int
        The place of the first row's first byte.
    shape : tuple of int
    dtype : dtype
    """

    def __init__(
        self, file: io.FileIO, begin: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._file, self._begin, self.shape, self.dtype = file, begin, shape, dtype
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
        read_into(self._file, self._begin + start * self._row, target)


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
