"""Named arrays out of HDF5 and NPZ files, whole and without pickle."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["SUFFIXES", "read_arrays"]

HostArray = np.ndarray[Any, Any]

SUFFIXES = (".h5", ".hdf5", ".npz")
"""Of the files that `read_arrays` reads."""


def read_arrays(path: str | os.PathLike[str], names: Sequence[str]) -> list[HostArray]:
    """Read the arrays of these names from a file, as they were stored.

    Parameters
    ----------
    path : path
        An HDF5 file (``.h5``, ``.hdf5``) or an NPZ file (``.npz``).
    names : sequence of str

    Returns
    -------
    list of ndarray
        In the order of the names. Strings of HDF5 are bytes or objects that hold bytes.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where it is of another kind, damaged, lacks an array, or an array holds objects.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: found the suffix {path.suffix!r}, expected {SUFFIXES}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    return (_read_npz if path.suffix.lower() == ".npz" else _read_hdf5)(path, names)


def _read_hdf5(path: Path, names: Sequence[str]) -> list[HostArray]:
    import h5py  # takes 30 ms to load, and not every run reads a file

    try:
        with h5py.File(path, "r") as file:
            data_sets = {
                name: item for name, item in file.items() if isinstance(item, h5py.Dataset)
            }
            _check_names(path, names, data_sets)
            for name in names:
                dtype = data_sets[name].dtype
                if dtype.hasobject and h5py.check_string_dtype(dtype) is None:
                    raise ValueError(f"{path}: {name}: found objects, expected numbers or strings")
            return [np.asarray(data_sets[name][()]) for name in names]
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"{path}: not an HDF5 file, or damaged: {error}") from error


def _read_npz(path: Path, names: Sequence[str]) -> list[HostArray]:
    with path.open("rb") as file:
        # NumPy, zipfile and zlib fail in many ways on what is no archive or a damaged one.
        try:
            archive = np.load(file, allow_pickle=False)
        except Exception as error:
            raise ValueError(f"{path}: not an NPZ file, or damaged: {error}") from error
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError(f"{path}: found a single array, expected an NPZ file of several")
        _check_names(path, names, archive.files)
        arrays = []
        for name in names:
            try:
                arrays.append(np.asarray(archive[name]))
            except Exception as error:
                raise ValueError(f"{path}: {name}: cannot be read: {error}") from error
        return arrays


def _check_names(path: Path, names: Sequence[str], found: Iterable[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(
            f"{path}: lacks {', '.join(missing)}: found {', '.join(found) or 'nothing'}, "
            f"expected {', '.join(names)}"
        )
