"""Texts and arrays in HDF5 files, none of them of variable length.

HDF5 keeps data of variable length in heaps, in which a damaged or hostile file can lead a reader
round for ever. Texts are UTF-8 bytes of a fixed length instead.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import h5py

__all__ = ["fixed", "read_array", "read_text", "read_texts"]


def fixed(value: str | Sequence[str]) -> Any:
    """Return a text, or several, in the form in which a data set or an attribute holds them.

    Raises
    ------
    ValueError
        Where a text ends with a NUL, which such a form would lose.
    """
    texts = [value] if isinstance(value, str) else list(value)
    if bad := [text for text in texts if text.endswith("\0")]:
        raise ValueError(f"text: found {bad[0]!r}, expected one that does not end with a NUL")
    encoded = np.asarray([text.encode() or b"\0" for text in texts] or np.empty(0, "S1"))
    return encoded[0] if isinstance(value, str) else encoded


def read_text(data_set: "h5py.Dataset") -> str:
    """Return the text that a data set holds.

    Raises
    ------
    TypeError
        Where it holds something else.
    """
    (text,) = _texts(data_set, shape=())
    return text


def read_texts(data_set: "h5py.Dataset") -> tuple[str, ...]:
    """Return the texts that a data set of one dimension holds.

    Raises
    ------
    TypeError
        Where it holds something else.
    """
    return tuple(_texts(data_set, shape=data_set.shape[:1]))


def _texts(data_set: "h5py.Dataset", shape: tuple[int, ...]) -> list[str]:
    if data_set.dtype.kind != "S" or data_set.shape != shape:
        found = f"{data_set.dtype}{data_set.shape}"
        raise TypeError(f"{data_set.name}: found {found}, expected text of fixed length")
    return [text.decode() for text in np.ravel(data_set[()]).tolist()]


def read_array(data_set: "h5py.Dataset") -> Any:
    """Return what a data set holds, a number or an array.

    Raises
    ------
    TypeError
        Where it holds texts, objects or parts of variable length.
    """
    if data_set.dtype.kind not in "biuf":
        raise TypeError(f"{data_set.name}: found {data_set.dtype}, expected numbers")
    return data_set[()]
