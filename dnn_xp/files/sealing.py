"""A seal on an HDF5 file: damage is found before anything is read.

The first 512 bytes (the "user block", which HDF5 leaves to applications) name the kind of the
file and hold a SHA-256 of the rest.
"""

import hashlib
import io
import os
from numbers import Integral
from pathlib import Path

from dnn_xp.files.opening import read_whole, seeming

__all__ = ["BLOCK", "is_of_kind", "read_sealed", "seal", "seal_problem", "version_problem"]

BLOCK = 512
"""The size of the user block, in bytes."""


def seal(buffer: io.BytesIO, kind: str) -> memoryview:
    """Seal a file that was built in memory, and return its content.

    In memory, because HDF5 does not survive a disk that fills up while it writes.

    Parameters
    ----------
    buffer : io.BytesIO
        The first `BLOCK` bytes are left free.
    kind : str
        What the file holds, such as ``"model"``.
    """
    content = buffer.getbuffer()
    content[:BLOCK] = _head(content, kind)
    return content


def read_sealed(path: str | os.PathLike[str], kind: str) -> bytes:
    """Return the content of a file that was sealed, and is whole.

    What is of another kind is known by its first block, and not read any further.

    Raises
    ------
    OSError
        Where it cannot be opened.
    ValueError
        Where it is something else, larger than the memory, damaged or truncated.
    """
    content = read_whole(path, begins=_signature(kind))
    if problem := seal_problem(content, kind):
        raise ValueError(f"{os.fspath(path)}: {problem}")
    return content


def seal_problem(content: bytes, kind: str) -> str | None:
    """Return what is wrong with the content of a file, in words, or None where it is whole."""
    if not content.startswith(_signature(kind)):
        return f"not a {kind} that dnn_xp saved{seeming(content)}"
    if content[:BLOCK] != _head(memoryview(content), kind):
        return "damaged or truncated: its checksum does not fit"
    return None


def version_problem(found: object, expected: int) -> str | None:
    """Return why a file of a format version cannot be read, in words, or None where it can.

    Raises
    ------
    TypeError
        Where the version is no whole number.
    """
    if not isinstance(found, Integral):
        raise TypeError(f"version: found {found!r}, expected a whole number")
    if found == expected:
        return None
    age = "a newer" if int(found) > expected else "an older"
    return f"found format version {found}, expected {expected}: it was saved by {age} dnn_xp"


def is_of_kind(path: Path, kind: str) -> bool:
    """Return whether a path is a file that begins as those of a kind do, damaged or not."""
    signature = _signature(kind)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(signature)) == signature


def _head(content: memoryview, kind: str) -> bytes:
    digest = hashlib.sha256(content[BLOCK:]).hexdigest().encode()
    return (_signature(kind) + digest + b"\n").ljust(BLOCK, b"\0")


def _signature(kind: str) -> bytes:
    return f"dnn_xp {kind}\nsha256 ".encode()
