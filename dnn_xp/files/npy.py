"""Rows of an NPY file, which `numpy.save` writes, read by slices.

The file is not mapped into memory: a map that is larger than the memory that a process may have
cannot be made, and one of a file that is cut short ends the process.
"""

import math
import os
from types import TracebackType
from typing import IO, Any

import numpy as np

from dnn_xp.files.opening import check_file, describe_size, memory_size

__all__ = ["NpyRows", "is_npy", "read_header"]

HostArray = np.ndarray[Any, Any]


def is_npy(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins as NPY files do.

    Raises
    ------
    OSError, ValueError
        Where it is no file, or may not be read.
    """
    check_file(path)
    with open(path, "rb") as file:
        return file.read(6) == b"\x93NUMPY"


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether the first axis is the closest in memory, and dtype of an array.

    Raises
    ------
    ValueError
        Where it is in a form for other things than numbers and text.
    """
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"found an array of format {version}, expected numbers or text")
    return readers[version](stream)


class NpyRows:
    """Rows of an NPY file, by slices, while it is open.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype

    Raises
    ------
    OSError
        Where there is no such file, or it may not be read.
    ValueError
        Where it is damaged, cut short, or its rows do not lie one after the other.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        try:
            self._begin = self._check()
        except Exception as error:  # NumPy fails in many ways on what is damaged
            self._file.close()
            raise ValueError(f"{os.fspath(path)}: {error}") from error

    def __enter__(self) -> "NpyRows":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _check(self) -> int:
        """Read the header, and return where the rows begin."""
        self.shape, by_columns, self.dtype = read_header(self._file)
        if self.dtype.hasobject:
            raise ValueError("found Python objects, expected numbers")
        if by_columns and sum(n > 1 for n in self.shape) > 1:
            raise ValueError(
                "found the order of Fortran, whose rows lie scattered, expected that of C: "
                "numpy.save(path, numpy.ascontiguousarray(x))"
            )
        begin, size = self._file.tell(), os.fstat(self._file.fileno()).st_size
        declared = math.prod(self.shape) * self.dtype.itemsize
        if declared > size - begin:
            raise ValueError(
                f"is cut short: declares {describe_size(declared)}, found "
                f"{describe_size(size - begin)}"
            )
        if math.prod(self.shape[1:]) * self.dtype.itemsize > memory_size():
            raise ValueError("found a row that is larger than the memory of this machine")
        return begin

    def __getitem__(self, rows: slice) -> HostArray:
        """Return the rows of a slice, each step of which is 1.

        Raises
        ------
        ValueError
            Where the file ends before them.
        """
        start, stop, _ = rows.indices(self.shape[0])
        found = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        if found.size == 0:
            return found
        self._file.seek(self._begin + start * math.prod(self.shape[1:]) * self.dtype.itemsize)
        bytes_of_found: Any = found.reshape(-1).view(np.uint8)
        rest = memoryview(bytes_of_found)
        while len(rest):
            count = self._file.readinto(rest)
            if not count:
                raise ValueError("is cut short: it ends before its last row")
            rest = rest[count:]
        return found
