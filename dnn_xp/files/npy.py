"""Rows of an NPY file, which `numpy.save` writes."""

import io
import math
import os
from typing import IO, Any

import numpy as np

from dnn_xp.files.opening import check_file, describe_size, memory_size
from dnn_xp.files.rows import RowsInFile
from dnn_xp.reprs import printable

__all__ = ["is_npy", "npy_rows", "read_header"]


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


def npy_rows(file: io.FileIO) -> RowsInFile:
    """Return the rows of an NPY file, to be read by slices while it is open.

    Raises
    ------
    ValueError
        Where it is damaged, cut short, or its rows do not lie one after the other.
    """
    try:
        shape, by_columns, dtype = read_header(file)
    except Exception as error:  # NumPy fails in many ways on what is damaged
        raise ValueError(f"damaged: {printable(error)}") from error
    if dtype.hasobject:
        raise ValueError("found Python objects, expected numbers")
    if by_columns and sum(n > 1 for n in shape) > 1:
        raise ValueError(
            "found the order of Fortran, whose rows lie scattered, expected that of C: "
            "numpy.save(path, numpy.ascontiguousarray(x))"
        )
    begin = file.tell()
    held, declared = os.fstat(file.fileno()).st_size - begin, math.prod(shape) * dtype.itemsize
    if declared > held:
        found = describe_size(held)
        raise ValueError(f"is cut short: declares {describe_size(declared)}, found {found}")
    if math.prod(shape[1:]) * dtype.itemsize > memory_size():
        raise ValueError("found a row that is larger than the memory of this machine")
    return RowsInFile(file, begin, shape, dtype)
