"""Named arrays out of HDF5 and NPZ files, whole and without pickle."""

import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dnn_xp.files.hdf5 import find_data_set, list_members, naming, open_hdf5, read_stored
from dnn_xp.files.npy import read_header
from dnn_xp.files.opening import check_file, describe_size, memory_size, seeming
from dnn_xp.reprs import printable

__all__ = ["SUFFIXES", "read_arrays"]

HostArray = np.ndarray[Any, Any]

SUFFIXES = (".h5", ".hdf5", ".npz")
"""Of the files that `read_arrays` reads."""


def read_arrays(
    path: str | os.PathLike[str], names: Sequence[str], *, trusted: bool = False
) -> list[HostArray]:
    """Read the arrays of these names from a file, as they were stored.

    Parameters
    ----------
    path : path
        An HDF5 file (``.h5``, ``.hdf5``) or an NPZ file (``.npz``).
    names : sequence of str
    trusted : bool
        Whether an HDF5 file may take parts of an array from other files (virtual data sets), hold
        text of variable length, and be packed by filters of all kinds.

    Returns
    -------
    list of ndarray
        In the order of the names. Strings of HDF5 are bytes or objects that hold bytes.

    Raises
    ------
    OSError
        Where there is no such file, or it may not be read.
    ValueError
        Where it is of another kind, damaged, lacks an array, an array holds objects, lies in
        another file or is larger than the file or the memory can hold.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: found the suffix {path.suffix!r}, expected {SUFFIXES}")
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    check_file(path)
    if path.suffix.lower() == ".npz":
        return _read_npz(path, names)
    return _read_hdf5(path, names, trusted)


def _read_hdf5(path: Path, names: Sequence[str], trusted: bool) -> list[HostArray]:
    with open_hdf5(path, trusted=trusted) as file:
        with naming(path):
            if missing := [name for name in names if name not in set(file)]:
                raise ValueError(_lacking(missing, names, list_members(file)))
            data_sets = {name: find_data_set(file, name, trusted=trusted) for name in names}
        arrays = []
        for name, data_set in data_sets.items():
            with naming(f"{path}: {name}"):
                arrays.append(read_stored(data_set, trusted=trusted))
        return arrays


# ----------------------------------------------------------------------------- NPZ


def _read_npz(path: Path, names: Sequence[str]) -> list[HostArray]:
    with path.open("rb") as file:
        head = file.read(512)
        if head.startswith(b"\x93NUMPY"):
            raise ValueError(f"{path}: found a single array, expected an NPZ file of several")
        # zipfile, zlib and NumPy fail in many ways on what is no archive or a damaged one.
        try:
            archive = zipfile.ZipFile(file)
            members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
        except Exception as error:
            raise ValueError(f"{path}: not an NPZ file, or damaged{seeming(head)}") from error
        if missing := [name for name in names if name not in members]:
            raise ValueError(f"{path}: {_lacking(missing, names, [*map(printable, members)])}")
        arrays = []
        for name in names:
            try:
                arrays.append(_read_member(archive, members[name]))
            except Exception as error:
                raise ValueError(f"{path}: {name}: cannot be read: {printable(error)}") from error
        return arrays


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> HostArray:
    _check_member(archive, member)
    with archive.open(member) as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read()  # to the end, where the checksum is compared
    return np.asarray(array)


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuse an array whose size is not that of its member, before memory is set aside for it."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("found a packing that is not NumPy's, expected deflate or none")
    with archive.open(member) as stream:
        shape, _, dtype = read_header(stream)
        begin = stream.tell()
    if dtype.hasobject:
        raise ValueError("found Python objects, expected numbers or text: save y.astype(str)")
    size = math.prod(shape) * dtype.itemsize
    if begin + size != member.file_size:
        raise ValueError(
            f"declares {describe_size(size)}, found {describe_size(member.file_size - begin)}"
        )
    if size > memory_size():
        raise ValueError(f"found {describe_size(size)}, more than the memory of this machine")


def _lacking(missing: Sequence[str], names: Sequence[str], there: Sequence[str]) -> str:
    found = ", ".join([*there[:20], *(["..."] if len(there) > 20 else [])]) or "nothing"
    return (
        f"lacks {', '.join(missing)}: found {found}, expected {', '.join(names)} at the top of "
        "the file"
    )
