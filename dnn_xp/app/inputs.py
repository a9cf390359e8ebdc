"""What is predicted: tables, arrays and pictures, read a part at a time.

Nothing here prints.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import HostArray
from dnn_xp.data.datasets import check_numbers
from dnn_xp.data.images import picture_suffixes, read_picture
from dnn_xp.data.picture_statistics import PictureRanges
from dnn_xp.files.arrays import SUFFIXES, list_arrays, read_arrays
from dnn_xp.files.hdf5 import find_data_set, naming, open_hdf5, stored_rows
from dnn_xp.files.npy import npy_rows
from dnn_xp.files.opening import check_file
from dnn_xp.models import Model
from dnn_xp.reprs import printable

__all__ = ["Asked", "find_pictures", "is_array_file", "read_columns", "read_one_picture"]

_USUAL = ("x", "X", "arr_0")
"""Names of examples; the last is NumPy's, of what has no name."""
BLOCK = 2**22
"""Numbers that are read at a time."""


class Asked(NamedTuple):
    """What the options say of how data are read.

    Attributes
    ----------
    x : str or None
        The name of the array.
    trusted, invert : bool
    crop_like : PictureRanges or None
        Of the training pictures, where pictures are cropped to their ink.
    """

    x: str | None = None
    trusted: bool = False
    invert: bool = False
    crop_like: PictureRanges | None = None


def is_array_file(path: Path) -> bool:
    """Return whether a file is one of arrays, by its suffix: .npz, .npy, .h5, .hdf5 or .mat."""
    return path.suffix.lower() in SUFFIXES


# ----------------------------------------------------------------------------- pictures


def find_pictures(folder: Path) -> tuple[list[Path], int]:
    """Return the pictures of a folder and of those in it, sorted, and how many other files it has.

    Hidden files and folders are passed over; a link to a folder is not followed.

    Raises
    ------
    ValueError
        Where there is none.
    """
    suffixes, pictures, n_others = picture_suffixes(), [], 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        for name in sorted(name for name in names if name[0] != "."):
            if Path(name).suffix.lower() in suffixes:
                pictures.append(Path(here, name))
            else:
                n_others += 1
    if not pictures:
        of = "file" if n_others == 1 else "files"
        others = f" ({n_others:,} {of} of other kinds)" if n_others else ""
        raise ValueError(f"{folder}: found no picture in it{others}, expected some")
    return pictures, n_others


def read_one_picture(path: Path, model: Model, asked: Asked) -> HostArray:
    """Return a picture as a column for a model of pictures.

    Raises
    ------
    OSError, ValueError, ImportError
        As `read_picture`, and where the model is none of pictures.
    """
    if model.image_shape is None or model.pixel_max is None:
        raise ValueError(
            f"{path}: found no table and no arrays, expected some for a model that was not trained "
            "on pictures: a .csv, .tsv, .parquet, .npz, .npy or .h5 file"
        )
    return read_picture(
        path, model.image_shape, model.pixel_max, invert=asked.invert, crop_like=asked.crop_like
    )


# ----------------------------------------------------------------------------- arrays


def read_columns(path: Path, model: Model, n_features: int, asked: Asked) -> Iterator[HostArray]:
    """Yield the examples of a file of arrays as columns, some at a time.

    Parameters
    ----------
    path : Path
    model : Model
    n_features : int
        That it takes.
    asked : Asked

    Yields
    ------
    ndarray, shape (n_features, k)

    Raises
    ------
    OSError, ValueError
        Where it cannot be read, lacks the array, or does not hold what the model takes.
    """
    with ExitStack() as opened:
        rows, name = _open_rows(path, asked, opened)
        if rows.dtype.kind not in "buif":
            raise ValueError(f"{name}: found the dtype {rows.dtype}, expected real numbers")
        if rows.shape and _is_one(rows.shape, model):
            rows = _as_rows(np.asarray(rows[:]), model)
        _check_shape(rows.shape, name, n_features)
        step = max(1, BLOCK // n_features)
        for start in range(0, rows.shape[0], step):
            with naming(name):
                block = np.asarray(rows[start : start + step])
            if model.table is None and model.encoder is None:  # an encoder knows what is missing
                check_numbers(block, name, start)
            columns = np.ascontiguousarray(block).reshape(len(block), -1).T
            if asked.invert:
                if model.pixel_max is None:
                    raise ValueError(f"--invert: found numbers in {path}, expected pictures")
                columns = model.pixel_max - columns.astype(np.float64)
            yield columns


def _open_rows(path: Path, asked: Asked, opened: ExitStack) -> tuple[Any, str]:
    """Return what is read by slices, and its name for errors."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    check_file(path)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        file = opened.enter_context(path.open("rb", buffering=0))
        try:
            return npy_rows(file), str(path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    if suffix in (".npz", ".mat"):
        name = asked.x or _choose(list_arrays(path), path)
        (x,) = read_arrays(path, [name], trusted=asked.trusted)
        return x if suffix == ".npz" else _from_matlab(x), f"{path}: {name}"
    file = opened.enter_context(open_hdf5(path, trusted=asked.trusted))
    with naming(path):
        # Names alone are looked at first: what has another one may be damaged.
        known = next((name for name in _USUAL if name in set(file)), None)
        name = asked.x or known or _choose(list_arrays(path, trusted=asked.trusted), path)
        data_set = find_data_set(file, name, trusted=asked.trusted, whole=False)
        return stored_rows(data_set, trusted=asked.trusted), f"{path}: {name}"


def _from_matlab(x: HostArray) -> HostArray:
    """Return an array whose axes HDF5 has the other way round; of pictures the last is examples."""
    return x.T if x.ndim < 3 else np.moveaxis(x.T, -1, 0)


def _choose(there: Sequence[str], path: Path) -> str:
    """Return the name of the examples, where it is plain which they are."""
    known = next((name for name in _USUAL if name in there), None)
    if known is not None or len(there) == 1:
        return known or there[0]
    found = ", ".join([*map(printable, there[:20]), *["..."][: len(there) > 20]]) or "nothing"
    raise ValueError(f"{path}: found {found}, expected x: say which holds the examples, --x NAME")


def _is_one(shape: tuple[int, ...], model: Model) -> bool:
    """Return whether this is the shape of one example, and not of several."""
    picture = model.image_shape
    if picture is not None and shape in ((picture,) if picture[2] > 1 else (picture, picture[:2])):
        return True
    return len(shape) == 1


def _as_rows(x: HostArray, model: Model) -> HostArray:
    """Return examples as rows, also where they are one, or have a single feature."""
    if _is_one(x.shape, model) and not (x.ndim == 1 and model.network.n_inputs == 1):
        return x[None]
    return x[:, None] if x.ndim == 1 else x


def _check_shape(shape: tuple[int, ...], name: str, n_features: int) -> None:
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"{name}: found the shape {shape}, expected (m, {n_features})")
    found = int(np.prod(shape[1:]))
    if found != n_features:
        way_out = (
            "; the examples seem to be columns: save x = x.T" if shape[0] == n_features else ""
        )
        raise ValueError(
            f"{name}: the examples have {found} features (shape {shape}), expected {n_features}, "
            f"as many as those that the model was trained on{way_out}"
        )
