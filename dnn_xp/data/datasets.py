"""Data sets: the bundled digits, the cat pictures, files of arrays, folders of pictures.

Everything is on the host, as it was read: columns are examples, pictures stay bytes. What a
network is fed is made from it by `dnn_xp.data.preprocessing`.
"""

import io
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dnn_xp.arguments import check_path
from dnn_xp.backends import HostArray
from dnn_xp.data.images import picture_suffixes, read_bytes
from dnn_xp.files.arrays import SUFFIXES, read_arrays

__all__ = [
    "Dataset",
    "load",
    "load_arrays",
    "load_cats",
    "load_digits",
    "load_picture_folder",
    "split",
    "with_classes",
]

UNDERSTOOD = (
    "'digits', 'cats', the name of an .h5, .hdf5 or .npz file that holds x and y, "
    "or of a folder with a subfolder of pictures for each class"
)


class Dataset(NamedTuple):
    """Examples and what is to be learnt about them.

    Attributes
    ----------
    X : ndarray, shape (n_features, m)
        As read; a view in which each example lies in one piece.
    y : ndarray
        Places in `classes`, int64 of shape (m,); or targets, floats of shape (n_outputs, m).
    classes : tuple of str, or None
        The names of the classes; None for targets.
    image_shape : tuple (height, width, channels), or None
        Each example is such a picture, flattened row by row, or is no picture.
    pixel_max : int or None
        The value of a picture's brightest pixel; None for what is no picture.
    """

    X: HostArray
    y: HostArray
    classes: tuple[str, ...] | None
    image_shape: tuple[int, int, int] | None
    pixel_max: int | None


# ----------------------------------------------------------------------------- loading


def load(
    data: str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] | None = None,
    image_size: tuple[int, int] = (64, 64),
) -> tuple[Dataset, Dataset | None]:
    """Load data by name: a built-in set, a file of arrays or a folder of pictures.

    Parameters
    ----------
    data : str or path
        ``"digits"``, ``"cats"``, an ``.h5``, ``.hdf5`` or ``.npz`` file for `load_arrays`, or a
        folder for `load_picture_folder`. A folder that is called digits is ``"./digits"``.
    folder : path, optional
        Where the cat pictures are; see `load_cats`.
    image_size : tuple (height, width)
        To which the pictures of a folder are brought.

    Returns
    -------
    tuple (Dataset, Dataset or None)
        The examples, and the test examples where the data come with some of their own.

    Raises
    ------
    ValueError, OSError
        Where the data are not there, not understood or damaged.
    """
    if data == "digits":
        return load_digits(), None
    if data == "cats":
        return load_cats(folder)
    path = check_path("data", data)
    if path.is_dir():
        return load_picture_folder(path, image_size), None
    if path.suffix.lower() in SUFFIXES:
        return load_arrays(path), None
    problem = "such a file is not understood" if path.exists() else "there is no such file"
    raise ValueError(f"data: found {str(data)!r} ({problem}), expected {UNDERSTOOD}")


def load_digits() -> Dataset:
    """Load the bundled hand-written digits: 1,797 pictures of 8 x 8, 0 (paper) to 16 (ink).

    E. Alpaydin & C. Kaynak, Optical Recognition of Handwritten Digits (UCI Machine Learning
    Repository, DOI 10.24432/C50P49, CC BY 4.0); see ``digits-NOTICE.txt``.
    """
    arrays = np.load(io.BytesIO((files("dnn_xp.data") / "digits.npz").read_bytes()))
    names = tuple(str(digit) for digit in range(10))
    return Dataset(_columns(arrays["x"]), arrays["y"].astype(np.int64), names, (8, 8, 1), 16)


def load_cats(folder: str | os.PathLike[str] | None = None) -> tuple[Dataset, Dataset]:
    """Load the cat and non-cat pictures: 209 for training and 50 for testing, 64 x 64 in colour.

    Parameters
    ----------
    folder : path, optional
        Holds ``train_catvnoncat.h5`` and ``test_catvnoncat.h5``. Default: the folder that the
        environment variable ``DNN_XP_CAT_DATA`` names.

    Returns
    -------
    tuple (Dataset, Dataset)
        Training and test examples.

    Raises
    ------
    FileNotFoundError
        Where neither names a folder, or a file is not in it.
    ValueError
        Where a file does not hold what it should.
    """
    named = folder or os.environ.get("DNN_XP_CAT_DATA")
    if not named:
        raise FileNotFoundError(
            "the cat pictures come as two files, train_catvnoncat.h5 and test_catvnoncat.h5, that "
            "are not part of this package: say in which folder they are, by the argument folder=, "
            "the option --data-dir or the environment variable DNN_XP_CAT_DATA"
        )
    there = check_path("folder", named)
    return _cats(there, "train"), _cats(there, "test")


def _cats(folder: Path, part: str) -> Dataset:
    path = folder / f"{part}_catvnoncat.h5"
    names = (f"{part}_set_x", f"{part}_set_y", "list_classes")
    x, y, classes = read_arrays(path, names)
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[3] != 3 or y.shape != x.shape[:1]:
        raise ValueError(
            f"{path}: found {names[0]} {x.dtype}{x.shape} and {names[1]} {y.shape}, expected "
            "uint8(m, height, width, 3) and (m,)"
        )
    if y.dtype.kind not in "iu" or not np.all((y >= 0) & (y < classes.size)):
        raise ValueError(f"{path}: {names[1]}: expected places in {names[2]}")
    return Dataset(_columns(x), y.astype(np.int64), _texts(classes), x.shape[1:], 255)


def load_arrays(path: str | os.PathLike[str]) -> Dataset:
    """Load the arrays ``x`` and ``y`` from an HDF5 or NPZ file in which rows are examples.

    Parameters
    ----------
    path : path
        ``x`` has the shape (m, ...): numbers, flattened after the first axis. Bytes of the shape
        (m, height, width), or with a last axis of 1 or 3 channels, are taken for pictures.
        ``y`` has the shape (m,): integers, truth values or strings are classes; floats, also of
        the shape (m, n_outputs), are targets.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where it is damaged, lacks an array, or holds what cannot be learnt from.
    """
    path = check_path("path", path)
    x, y = read_arrays(path, ("x", "y"))
    if x.dtype.kind not in "buif":
        raise ValueError(f"{path}: x: found the dtype {x.dtype}, expected real numbers")
    if x.ndim < 2 or x.size == 0:
        raise ValueError(f"{path}: x: found the shape {x.shape}, expected (m, ...), none of them 0")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"{path}: found {x.shape[0]} examples in x and the shape {y.shape} of y, "
            "expected as many rows in both"
        )
    for name, values in (("x", x), ("y", y)):
        if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
            where = np.argwhere(~np.isfinite(values))[0]
            raise ValueError(f"{path}: {name}: found {values[tuple(where)]} in row {where[0]}")
    shape = _picture_shape(x)
    labels, classes = _labels(y, path)
    return Dataset(_columns(x), labels, classes, shape, None if shape is None else 255)


def load_picture_folder(
    path: str | os.PathLike[str], image_size: tuple[int, int] = (64, 64)
) -> Dataset:
    """Load the pictures of a folder that has a subfolder for each class.

    Parameters
    ----------
    path : path
        The subfolders' names, sorted, are the classes. Hidden files, and files whose suffix is
        not that of a picture, are passed over.
    image_size : tuple (height, width)
        Every picture is brought to this size, in colour; see `dnn_xp.data.images`.

    Raises
    ------
    NotADirectoryError
        Where there is no such folder.
    ValueError
        Where there are fewer than two subfolders, one holds no picture, or a picture is damaged.
    """
    path = check_path("path", path)
    if not path.is_dir():
        raise NotADirectoryError(f"{path}: expected a folder with a subfolder for each class")
    subfolders = sorted(
        folder for folder in path.iterdir() if folder.is_dir() and folder.name[0] != "."
    )
    if len(subfolders) < 2:
        found = ", ".join(folder.name for folder in subfolders) or "none"
        raise ValueError(f"{path}: found the subfolders: {found}; expected one for each class")
    suffixes = picture_suffixes()
    shape = (*image_size, 3)
    pictures, labels = [], []
    for label, subfolder in enumerate(subfolders):
        named = sorted(
            picture
            for picture in subfolder.iterdir()
            if picture.suffix.lower() in suffixes and picture.name[0] != "." and picture.is_file()
        )
        if not named:
            raise ValueError(f"{subfolder}: found no picture, expected those of a class")
        pictures += [read_bytes(picture, shape) for picture in named]
        labels += [label] * len(named)
    names = tuple(folder.name for folder in subfolders)
    return Dataset(_columns(np.stack(pictures)), np.asarray(labels), names, shape, 255)


# ----------------------------------------------------------------------------- arranging


def split(dataset: Dataset, fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """Set a part of the examples aside for testing, the same part of every class.

    Parameters
    ----------
    dataset : Dataset
    fraction : float
        Of the examples that go to the second part, between 0 and 1. Each class gives this part
        of its own examples, rounded up or down.
    seed : int
        The same seed chooses the same examples.

    Returns
    -------
    tuple (Dataset, Dataset)
        The rest and the part set aside, each in the order of the data set.

    Raises
    ------
    ValueError
        Where the fraction is not between 0 and 1, or would leave one part empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction: found {fraction}, expected a number between 0 and 1")
    m = dataset.X.shape[1]
    order = np.random.default_rng(seed).permutation(m)
    if dataset.classes is not None:
        order = order[np.argsort(dataset.y[order], kind="stable")]
    # Systematic sampling: along the classes, every (1 / fraction)-th example is taken.
    steps = np.floor(np.arange(m + 1) * fraction + 0.5)
    taken = np.zeros(m, dtype=bool)
    taken[order] = np.diff(steps) > 0
    if taken.all() or not taken.any():
        raise ValueError(f"fraction: found {fraction} of {m} examples, which leaves one part empty")
    return _examples(dataset, np.flatnonzero(~taken)), _examples(dataset, np.flatnonzero(taken))


def with_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """Give the labels the numbers that they have in another data set or a model, by name.

    Parameters
    ----------
    dataset : Dataset
    classes : sequence of str
        The names in the order wanted; there may be more of them than the data have.

    Raises
    ------
    ValueError
        Where the data have targets, or a class that is not among the names.
    """
    if dataset.classes is None:
        raise ValueError(f"the data have targets, expected the classes {list(classes)}")
    unknown = [name for name in dataset.classes if name not in classes]
    if unknown:
        raise ValueError(f"the data have the classes {unknown}, expected some of {list(classes)}")
    places = np.asarray([list(classes).index(name) for name in dataset.classes], dtype=np.int64)
    return dataset._replace(y=places[dataset.y], classes=tuple(classes))


def _examples(dataset: Dataset, places: HostArray) -> Dataset:
    return dataset._replace(X=dataset.X[:, places], y=dataset.y[..., places])


# ----------------------------------------------------------------------------- reading


def _columns(x: HostArray) -> HostArray:
    """Turn (m, ...) into the view (n_features, m)."""
    return np.ascontiguousarray(x).reshape(x.shape[0], -1).T


def _picture_shape(x: HostArray) -> tuple[int, int, int] | None:
    if x.dtype == np.uint8 and x.ndim == 3:
        return (x.shape[1], x.shape[2], 1)
    if x.dtype == np.uint8 and x.ndim == 4 and x.shape[3] in (1, 3):
        return (x.shape[1], x.shape[2], x.shape[3])
    return None


def _labels(y: HostArray, path: Path) -> tuple[HostArray, tuple[str, ...] | None]:
    """Turn y as stored into places and names of classes, or into targets and None."""
    if y.dtype.kind == "f" and y.ndim in (1, 2):
        return (y[None, :] if y.ndim == 1 else y.T), None
    if y.dtype.kind not in "biuSUO" or y.ndim != 1:
        raise ValueError(
            f"{path}: y: found {y.dtype}{y.shape}, expected integers or strings of the shape (m,) "
            "for classes, or floats of the shape (m,) or (m, n_outputs) for targets"
        )
    values = np.asarray(_texts(y)) if y.dtype.kind in "SO" else y
    classes, places = np.unique(values, return_inverse=True)
    return places.astype(np.int64), tuple(str(name) for name in classes.tolist())


def _texts(values: HostArray) -> tuple[str, ...]:
    return tuple(
        text.decode() if isinstance(text, bytes) else str(text) for text in values.tolist()
    )
