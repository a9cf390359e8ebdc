"""The standard's dtypes, and what becomes of two of them."""

from typing import Any

import numpy as np

from dnn_xp.recording.number import Number, RecordingError

__all__ = ["DTYPES", "DType", "dtype_name", "find_dtype", "promoted", "with_number"]

DType = np.dtype[Any]

DTYPES: dict[str, DType] = {
    name: np.dtype(name)
    for name in (
        "bool",
        *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
        *("float16", "float32", "float64"),
    )
}
"""The dtypes that are recorded, by name: the standard's real ones, and float16."""


def dtype_name(dtype: Any) -> str:
    """Return the name of a dtype of any library, such as ``"float32"``."""
    return str(dtype).rpartition(".")[2].removesuffix("'>")  # JAX's may be classes


def find_dtype(dtype: Any) -> DType:
    """Return the dtype of a name, or of one of any library's.

    Parameters
    ----------
    dtype : str or dtype

    Raises
    ------
    RecordingError
        Where it is none that is recorded.
    """
    name = dtype_name(dtype)
    if name not in DTYPES:
        known = ", ".join(DTYPES)
        raise RecordingError(f"dtype: found {name}, expected one of {known}")
    return DTYPES[name]


def promoted(operation: str, *dtypes: DType) -> DType:
    """Return the dtype of arrays of several dtypes together, by the standard's table.

    Parameters
    ----------
    operation : str
        Its name, for the error.
    *dtypes : dtype

    Raises
    ------
    RecordingError
        Where the table has none: of numbers of several kinds, and of uint64 beside signed ones.
    """
    found = dtypes[0]
    for other in dtypes[1:]:
        both = np.promote_types(found, other)
        kinds = {_kind(found), _kind(other), _kind(both)}
        if len(kinds) > 1:
            raise RecordingError(
                f"{operation}: found {found} beside {other}, for which the standard has no common "
                "dtype, expected numbers of one kind; convert one: xp.astype(x, dtype)"
            )
        found = both
    return found


def _kind(dtype: DType) -> str:
    return "integer" if dtype.kind in "iu" else dtype.kind


def with_number(operation: str, dtype: DType, number: Any) -> DType:
    """Return the dtype of an array beside a number of Python's: that of the array.

    Parameters
    ----------
    operation : str
    dtype : dtype
    number : bool, int, float or Number

    Raises
    ------
    RecordingError
        Where the standard does not let them stand together.
    """
    kind = number.kind if isinstance(number, Number) else type(number)
    fits = {bool: dtype.kind == "b", int: dtype.kind in "iuf", float: dtype.kind == "f"}
    if not fits.get(kind, False):
        raise RecordingError(
            f"{operation}: found {dtype} beside {number!r}, expected a number of its kind; convert "
            "the array: xp.astype(x, dtype)"
        )
    return dtype
