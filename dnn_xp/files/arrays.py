"""Arrays out of HDF5, MATLAB, NPZ and NPY files, whole and without pickle."""

import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_path
from dnn_xp.files.array_names import ArrayNames, choose_names
from dnn_xp.files.hdf5 import ERRORS, find_data_set, list_members, naming, open_hdf5, read_stored
from dnn_xp.files.npy import is_npy, read_header
from dnn_xp.files.opening import check_file, describe_size, memory_size, seeming
from dnn_xp.reprs import printable

__all__ = [
    "SUFFIXES",
    "StoredExamples",
    "find_examples",
    "list_arrays",
    "read_arrays",
    "read_examples",
]

HostArray = np.ndarray[Any, Any]

SUFFIXES = (".h5", ".hdf5", ".mat", ".npz", ".npy")
"""Of the files that `read_examples` reads."""

_NAMED = (".h5", ".hdf5", ".mat", ".npz")
"""Of the files that `read_arrays` reads."""

_DEPTH, _MOST = 3, 200
"""Groups within groups, and arrays, up to which a file is looked at."""


class StoredExamples(NamedTuple):
    """Examples and targets as they are stored; rows are examples.

    Attributes
    ----------
    x, y : ndarray, shape (m, ...)
    test : (ndarray, ndarray) or None
        A test part, where the file has one.
    notes : tuple of str
        What was taken without being asked for, as sentences.
    """

    x: HostArray
    y: HostArray
    test: tuple[HostArray, HostArray] | None = None
    notes: tuple[str, ...] = ()


def read_examples(
    path: str | os.PathLike[str],
    x: str | None = None,
    y: str | None = None,
    *,
    trusted: bool = False,
) -> StoredExamples:
    """Read examples and targets from a file of arrays.

    Parameters
    ----------
    path : path
        An HDF5 file (``.h5``, ``.hdf5``; ``.mat`` of MATLAB's v7.3), an NPZ file or an NPY file.
    x, y : str, optional
        Names of the arrays, such as ``"train/x"``; see `dnn_xp.files.array_names.choose_names`. Of
        an NPY file, y is another NPY file with the targets, which are its last column by default.
    trusted : bool
        As in `read_arrays`.

    Raises
    ------
    OSError, ValueError
        As `read_arrays`; and where names do not tell which arrays are meant.
    """
    path = check_path("path", path)
    if path.suffix.lower() == ".npy":
        return _read_npy_examples(path, x, y)
    names = find_examples(path, x, y, trusted=trusted)
    wanted = [names.x, names.y, *(names.test or ())]
    arrays = read_arrays(path, wanted, trusted=trusted)
    notes = [names.note] if names.note else []
    if path.suffix.lower() == ".mat":
        arrays[:2] = _from_matlab(*arrays[:2])
        arrays[2:] = _from_matlab(*arrays[2:]) if names.test else ()
        notes.append(f"{names.x} is {_by(arrays[0].shape)}, rows are examples: as MATLAB has it")
    found_x, found_y, *test = arrays
    return StoredExamples(found_x, found_y, (test[0], test[1]) if test else None, tuple(notes))


def find_examples(
    path: str | os.PathLike[str],
    x: str | None = None,
    y: str | None = None,
    *,
    trusted: bool = False,
) -> ArrayNames:
    """Return the names of the arrays that `read_examples` reads from an HDF5 or NPZ file.

    Raises
    ------
    OSError, ValueError
        As `read_examples`.
    """
    there = list_arrays(path, trusted=trusted)
    try:
        return choose_names(there, x, y)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _from_matlab(x: HostArray, y: HostArray) -> tuple[HostArray, HostArray]:
    """Return arrays of MATLAB, whose axes HDF5 has the other way round, with examples as rows.

    Of pictures they are the last axis in MATLAB.
    """
    x, y = x.T, y.T
    y = y.T if y.ndim == 2 and y.shape[0] == 1 else y
    if x.ndim > 1 and x.shape[0] != len(y) and x.shape[-1] == len(y):
        x = np.moveaxis(x, -1, 0)
    return x, y


def _read_npy_examples(path: Path, x: str | None, y: str | None) -> StoredExamples:
    if x is not None:
        raise ValueError(f"{path}: found --x {printable(x)}, but an NPY file is a single array")
    values = _read_npy(path)
    if y is not None:
        return StoredExamples(values, _read_npy(Path(y)))
    if values.ndim != 2 or values.shape[1] < 2 or values.dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: found {values.dtype}{values.shape}, expected numbers of the shape (m, n), of "
            "which the last column is the target, or the file of the targets: --y FILE.npy"
        )
    note = f"the last of {values.shape[1]} columns is the target: --y FILE.npy names another"
    return StoredExamples(values[:, :-1], values[:, -1], None, (note,))


def list_arrays(path: str | os.PathLike[str], *, trusted: bool = False) -> list[str]:
    """Return the names of the arrays in an HDF5 or NPZ file, such as ``"train/x"``.

    Raises
    ------
    OSError, ValueError
        As `read_arrays`.
    """
    path = Path(path)
    _check_named(path)
    if path.suffix.lower() == ".npz":
        with _opened_npz(path) as (_, members):
            return [*members]
    with open_hdf5(path, trusted=trusted) as file, naming(path):
        return _arrays_within(file, "", _DEPTH)


def _arrays_within(group: Any, prefix: str, depth: int) -> list[str]:
    import h5py

    found: list[str] = []
    for name in group:
        if len(found) >= _MOST or isinstance(name, bytes) or name.startswith("#"):
            continue  # a name that is no UTF-8; what MATLAB keeps for itself
        is_group = False
        # Links are not followed. Already to look at a virtual data set is to read its heap: of such
        # arrays whoever wants one is told why it is not read.
        if group.id.links.get_info(name.encode()).type == h5py.h5l.TYPE_HARD:
            with suppress(*ERRORS):
                kind = h5py.h5o.get_info(group.id, name.encode()).type
                is_group = kind == h5py.h5o.TYPE_GROUP
        if not is_group:
            found.append(prefix + name)
        elif depth:
            found += _arrays_within(group[name], f"{prefix}{name}/", depth - 1)
    return found[:_MOST]


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
    _check_named(path)
    if path.suffix.lower() == ".npz":
        return _read_npz(path, names)
    return _read_hdf5(path, names, trusted)


def _check_named(path: Path) -> None:
    """Refuse what is no file of named arrays by its suffix, or none at all, or older than HDF5."""
    if path.suffix.lower() not in _NAMED:
        raise ValueError(f"{path}: found the suffix {path.suffix!r}, expected {_NAMED}")
    _check_there(path)
    if path.suffix.lower() == ".mat":
        with path.open("rb") as file:
            if file.read(19).startswith(b"MATLAB 5.0 MAT-file"):
                raise ValueError(
                    f"{path}: found a MAT-file of version 7 or older, expected 7.3, which is HDF5: "
                    "save('data.mat', 'x', 'y', '-v7.3')"
                )


def _check_there(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    check_file(path)


def _read_hdf5(path: Path, names: Sequence[str], trusted: bool) -> list[HostArray]:
    with open_hdf5(path, trusted=trusted) as file:
        with naming(path):
            top = set(file)
            if missing := [name for name in names if name.split("/")[0] not in top]:
                raise ValueError(_lacking(missing, names, list_members(file)))
            data_sets = {name: find_data_set(file, name, trusted=trusted) for name in names}
        arrays = []
        for name, data_set in data_sets.items():
            with naming(f"{path}: {name}"):
                arrays.append(read_stored(data_set, trusted=trusted))
        return arrays


# ----------------------------------------------------------------------------- NPZ


def _read_npz(path: Path, names: Sequence[str]) -> list[HostArray]:
    with _opened_npz(path) as (archive, members):
        if missing := [name for name in names if name not in members]:
            raise ValueError(f"{path}: {_lacking(missing, names, [*map(printable, members)])}")
        arrays = []
        for name in names:
            try:
                arrays.append(_read_member(archive, members[name]))
            except Exception as error:
                raise ValueError(f"{path}: {name}: cannot be read: {printable(error)}") from error
        return arrays


@contextmanager
def _opened_npz(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
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
        yield archive, members


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> HostArray:
    _check_member(archive, member)
    with archive.open(member) as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read()  # to the end, where the checksum is compared
    return np.asarray(array)


def _read_npy(path: Path) -> HostArray:
    """Return the array of an NPY file."""
    _check_there(path)
    if path.suffix.lower() != ".npy" or not is_npy(path):
        with path.open("rb") as file:
            raise ValueError(f"{path}: not an NPY file{seeming(file.read(512))}")
    with path.open("rb") as file:
        try:
            shape, _, dtype = read_header(file)
            begin = file.tell()
            _check_size(shape, dtype, os.fstat(file.fileno()).st_size - begin)
            file.seek(0)
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        except Exception as error:  # NumPy fails in many ways on what is damaged
            raise ValueError(f"{path}: cannot be read: {printable(error)}") from error


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuse an array whose size is not that of its member, before memory is set aside for it."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("found a packing that is not NumPy's, expected deflate or none")
    with archive.open(member) as stream:
        shape, _, dtype = read_header(stream)
        begin = stream.tell()
    _check_size(shape, dtype, member.file_size - begin)


def _check_size(shape: tuple[int, ...], dtype: np.dtype[Any], held: int) -> None:
    if dtype.hasobject:
        raise ValueError("found Python objects, expected numbers or text: save y.astype(str)")
    size = math.prod(shape) * dtype.itemsize
    if size != held:
        raise ValueError(f"declares {describe_size(size)}, found {describe_size(held)}")
    if size > memory_size():
        raise ValueError(f"found {describe_size(size)}, more than the memory of this machine")


def _lacking(missing: Sequence[str], names: Sequence[str], there: Sequence[str]) -> str:
    found = ", ".join([*there[:20], *(["..."] if len(there) > 20 else [])]) or "nothing"
    return (
        f"lacks {', '.join(missing)}: found {found}, expected {', '.join(names)} at the top of "
        "the file"
    )
