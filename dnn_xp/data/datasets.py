"""Data sets: the bundled digits, the cat pictures, files of arrays, folders of pictures.

Everything is on the host, as it was read: columns are examples, pictures stay bytes. What a
network is fed is made from it by `dnn_xp.data.preprocessing`.
"""

import io
import math
import os
import warnings
from collections.abc import Callable, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_choice, check_path
from dnn_xp.backends import HostArray
from dnn_xp.data.class_names import check_class_names, texts
from dnn_xp.data.folders import describe_passed_over, find_pictures
from dnn_xp.data.images import picture_suffixes, read_pictures
from dnn_xp.data.tasks import TASKS, check_kind_of, decide_task
from dnn_xp.files.arrays import SUFFIXES, read_arrays
from dnn_xp.reprs import outline, printable

__all__ = [
    "Dataset",
    "absent_classes",
    "check_numbers",
    "check_rows",
    "check_same_labels",
    "load",
    "load_arrays",
    "load_cats",
    "load_digits",
    "load_picture_folder",
    "picture_shape",
    "places_among",
    "split",
    "with_classes",
]

LARGEST = 1e150
"""Of larger numbers no mean square can be taken."""

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
        Places in `classes`, int64 of shape (m,); or targets, floats of shape (n_outputs, m); or
        labels, 0 and 1 of shape (n_labels, m).
    classes : tuple of str, or None
        The names of the classes or labels; None for targets.
    image_shape : tuple (height, width, channels), or None
        Each example is such a picture, flattened row by row, or is no picture.
    pixel_max : int or None
        The value of a picture's brightest pixel; None for what is no picture.
    task : {"classes", "labels", "regression", "counts"}, or None
        What is to be learnt: see `dnn_xp.data.tasks`. None: classes, where they have names, else
        regression.
    notes : tuple of str
        What was decided without being asked for, in sentences.
    """

    X: HostArray
    y: HostArray
    classes: tuple[str, ...] | None
    image_shape: tuple[int, int, int] | None
    pixel_max: int | None
    task: str | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)


# ----------------------------------------------------------------------------- loading


def load(
    data: str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] | None = None,
    image_size: tuple[int, int] = (64, 64),
    trusted: bool = False,
    task: str | None = None,
    classes: Sequence[str] | None = None,
    advance: Callable[[int, int], None] | None = None,
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
    trusted, task
        As in `load_arrays`; what is no file of arrays has classes.
    classes, advance
        As in `load_picture_folder`.

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
        _check_classes_asked(data, task)
        return load_digits(), None
    if data == "cats":
        _check_classes_asked(data, task)
        return load_cats(folder, trusted=trusted)
    path = check_path("data", data)
    if path.is_dir():
        _check_classes_asked(path, task)
        return load_picture_folder(path, image_size, advance, classes=classes), None
    if path.suffix.lower() in SUFFIXES:
        return load_arrays(path, trusted=trusted, task=task), None
    problem = "such a file is not understood" if path.exists() else "there is no such file"
    raise ValueError(f"data: found {str(data)!r} ({problem}), expected {UNDERSTOOD}")


def _check_classes_asked(data: str | os.PathLike[str], task: str | None) -> None:
    """Refuse another task for data that have classes, and nothing else."""
    if task is not None:
        check_choice("task", task, TASKS)
    if task not in (None, "classes"):
        raise ValueError(f"{data}: found classes, expected data for {task}")


def load_digits() -> Dataset:
    """Load the bundled hand-written digits: 1,797 pictures of 8 x 8, 0 (paper) to 16 (ink).

    E. Alpaydin & C. Kaynak, Optical Recognition of Handwritten Digits (UCI Machine Learning
    Repository, DOI 10.24432/C50P49, CC BY 4.0); see ``digits-NOTICE.txt``.
    """
    arrays = np.load(io.BytesIO((files("dnn_xp.data") / "digits.npz").read_bytes()))
    names = tuple(str(digit) for digit in range(10))
    return Dataset(_columns(arrays["x"]), arrays["y"].astype(np.int64), names, (8, 8, 1), 16)


def load_cats(
    folder: str | os.PathLike[str] | None = None, *, trusted: bool = False
) -> tuple[Dataset, Dataset]:
    """Load the cat and non-cat pictures: 209 for training and 50 for testing, 64 x 64 in colour.

    Parameters
    ----------
    folder : path, optional
        Holds ``train_catvnoncat.h5`` and ``test_catvnoncat.h5``. Default: the folder that the
        environment variable ``DNN_XP_CAT_DATA`` names.
    trusted : bool
        As in `load_arrays`.

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
    named = os.environ.get("DNN_XP_CAT_DATA") if folder is None else folder
    if not named and folder is None:
        raise FileNotFoundError(
            "the cat pictures come as two files, train_catvnoncat.h5 and test_catvnoncat.h5, that "
            "are not part of this package: say in which folder they are, by the argument folder=, "
            "the option --data-dir or the environment variable DNN_XP_CAT_DATA"
        )
    there = check_path("folder", named)
    return _cats(there, "train", trusted), _cats(there, "test", trusted)


def _cats(folder: Path, part: str, trusted: bool) -> Dataset:
    path = folder / f"{part}_catvnoncat.h5"
    names = (f"{part}_set_x", f"{part}_set_y", "list_classes")
    x, y, classes = read_arrays(path, names, trusted=trusted)
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[3] != 3 or y.shape != x.shape[:1]:
        raise ValueError(
            f"{path}: found {names[0]} {x.dtype}{x.shape} and {names[1]} {y.shape}, expected "
            "uint8(m, height, width, 3) and (m,)"
        )
    if y.dtype.kind not in "iu" or not np.all((y >= 0) & (y < classes.size)):
        raise ValueError(f"{path}: {names[1]}: expected places in {names[2]}")
    called = texts(classes, f"{path}: {names[2]}")
    check_class_names(f"{path}: {names[2]}", called)
    return Dataset(_columns(x), y.astype(np.int64), called, x.shape[1:], 255)


def load_arrays(
    path: str | os.PathLike[str], *, trusted: bool = False, task: str | None = None
) -> Dataset:
    """Load the arrays ``x`` and ``y`` from an HDF5 or NPZ file in which rows are examples.

    Parameters
    ----------
    path : path
        ``x`` has the shape (m, ...): numbers, flattened after the first axis. Bytes of the shape
        (m, height, width), or with a last axis of 1 or 3 channels, are taken for pictures.
        ``y`` has the shape (m,) or (m, n_outputs). Its values tell whether they are classes,
        labels or targets, whatever their dtype; the first of `notes` says what was taken.
    trusted : bool
        Whether an HDF5 file may be read that asks for more trust than one of unknown origin gets:
        with virtual data sets, whose parts may lie in other files; with text of variable length,
        whose reading a hostile file can keep from ending; packed by other filters than gzip,
        shuffle and fletcher32, or in part never written. Links to other files are never followed.
    task : {"classes", "labels", "regression", "counts"}, optional
        What y is to be taken for. Default: what `dnn_xp.data.tasks.decide_task` decides.

    Raises
    ------
    OSError
        Where there is no such file, or it may not be read.
    ValueError
        Where it is damaged, lacks an array, or holds what cannot be learnt from.
    """
    path = check_path("path", path)
    x, y = read_arrays(path, ("x", "y"), trusted=trusted)
    check_rows(x, y, path)
    for name, values in (("x", x), ("y", y)):
        check_numbers(values, f"{path}: {name}")
    shape = picture_shape(x)
    decided = decide_task(y, task, where=f"{path}: y")
    check_class_names(f"{path}: y", decided.classes or ())
    return Dataset(
        _columns(x),
        decided.y,
        decided.classes,
        shape,
        None if shape is None else 255,
        decided.name,
        (decided.why,) if task is None else (),
    )


def check_rows(x: Any, y: Any, path: Path) -> None:
    """Refuse arrays, or data sets of a file, that are no examples with their classes or targets.

    Raises
    ------
    ValueError
        Naming the file, the array, what it is and what was expected.
    """
    if x.dtype.kind not in "buif":
        raise ValueError(f"{path}: x: found the dtype {x.dtype}, expected real numbers")
    if x.ndim < 2 or x.size == 0:
        raise ValueError(f"{path}: x: found the shape {x.shape}, expected (m, ...), none of them 0")
    shape = tuple(y.shape[:1] if y.ndim == 2 and y.shape[1] == 1 else y.shape)
    if shape[:1] != x.shape[:1]:
        raise ValueError(
            f"{path}: found {_counted(x.shape[0])} in x and the shape {shape} of y, expected as "
            f"many rows in both{_transposed(x.shape, shape)}"
        )
    check_kind_of(y, f"{path}: y")


def _transposed(x: tuple[int, ...], y: tuple[int, ...]) -> str:
    """Return what to do where the examples seem to be columns, by the shapes, or nothing."""
    m = math.prod(y) if len(y) < 2 or y[0] == 1 else y[-1]
    wrong = [name for name, shape in (("x", x), ("y", y)) if shape[:1] != (m,)]
    if len(x) != 2 or m not in x or m not in y or not wrong:
        return ""
    saved = " and ".join(f"{name} = {name}.T" for name in wrong)
    return f"; the examples seem to be columns: save {saved}, so that they are rows"


def check_numbers(values: HostArray, name: str, first: int = 0) -> None:
    """Refuse numbers that are not finite, or so large that their squares are not.

    Parameters
    ----------
    values : ndarray, shape (m, ...)
    name : str
        For the error.
    first : int
        The number of the first row.

    Raises
    ------
    ValueError
        Naming the number and its row.
    """
    if values.dtype.kind != "f" or values.size == 0:
        return
    # Both are NaN where one number is: nothing as large as the data is made to know that.
    lowest, highest = float(np.min(values)), float(np.max(values))
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        where = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            f"{name}: found {values[tuple(where)]} in row {first + where[0]}, expected finite "
            "numbers"
        )
    if max(highest, -lowest) > LARGEST:
        where = np.argwhere(np.abs(values) > LARGEST)[0]
        raise ValueError(
            f"{name}: found {values[tuple(where)]} in row {first + where[0]}, expected numbers up "
            f"to {LARGEST:g}, whose mean and spread can be taken: scale them"
        )


def load_picture_folder(
    path: str | os.PathLike[str],
    image_size: tuple[int, int] = (64, 64),
    advance: Callable[[int, int], None] | None = None,
    *,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Load the pictures of a folder that has a subfolder for each class.

    Parameters
    ----------
    path : path
        The subfolders' names, sorted, are the classes; folders within them belong to their class.
        Hidden files are passed over; so are files whose suffix is not that of a picture that can be
        read, and a warning counts them by kind.
    image_size : tuple (height, width)
        Every picture is brought to this size, in colour; see `dnn_xp.data.images`.
    advance : callable, optional
        ``advance(done, total)`` is told how many pictures have been read, and how many there are.
    classes : sequence of str, optional
        Those of a model: there may be pictures of some of them only, and of no others.

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
    pictures, passed_over = find_pictures(path, picture_suffixes())
    said = describe_passed_over(passed_over)
    if classes is None and len(pictures) < 2:
        there = ", ".join(map(printable, pictures)) or "none"
        raise ValueError(f"{path}: found the subfolders: {there}; expected one for each class")
    if classes is not None:
        pictures = {name: files for name, files in pictures.items() if files}
        places_among([*pictures], classes)  # before all are read
    empty = [path / name for name, files in pictures.items() if not files]
    if empty or not pictures:
        raise ValueError(
            f"{printable(empty[0] if empty else path)}: found no picture, expected those of a class"
            f"{said and f'; {said}'}"
        )
    shape, names = (*image_size, 3), tuple(pictures)
    labels = np.repeat(np.arange(len(names)), [len(files) for files in pictures.values()])
    X = _columns(read_pictures([*chain.from_iterable(pictures.values())], shape, advance))
    if said:
        warnings.warn(f"{printable(path)}: {said}", stacklevel=2)
    check_class_names(str(path), names)
    return Dataset(X, labels.astype(np.int64), names, shape, 255)


# ----------------------------------------------------------------------------- arranging


def split(dataset: Dataset, fraction: float, seed: int) -> tuple[Dataset, Dataset]:
    """Set a part of the examples aside for testing, the same part of every class.

    Of labels it is the same part of those with the same labels, as far as that can be, the rarest
    labels first.

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
    if dataset.y.ndim == 1:
        order = order[np.argsort(dataset.y[order], kind="stable")]
    elif dataset.task == "labels":
        rarest_last = np.argsort(-np.count_nonzero(dataset.y, axis=1), kind="stable")
        order = order[np.lexsort(dataset.y[rarest_last][:, order])]
    # Systematic sampling: along the classes, every (1 / fraction)-th example is taken.
    steps = np.floor(np.arange(m + 1) * fraction + 0.5)
    taken = np.zeros(m, dtype=bool)
    taken[order] = np.diff(steps) > 0
    if taken.all() or not taken.any():
        fewest = max(math.ceil(0.5 / fraction), math.floor(0.5 / (1 - fraction)) + 1)
        raise ValueError(
            f"found {_counted(m)}, of which a part of {fraction} cannot be set aside without "
            f"leaving one part empty, expected at least {max(2, fewest)}"
        )
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
        Where the data have targets, or a class that is not among the names; or other labels.
    """
    if dataset.task == "labels":
        check_same_labels(dataset.classes, classes)
        return dataset
    return dataset._replace(
        y=places_among(dataset.classes, classes)[dataset.y], classes=tuple(classes)
    )


def check_same_labels(found: Sequence[str] | None, labels: Sequence[str]) -> None:
    """Refuse labels that are others, or in another order.

    Raises
    ------
    ValueError
        Naming both.
    """
    if found is None or tuple(found) != tuple(labels):
        raise ValueError(
            f"the data have the labels {_listed(found or ())}, expected {_listed(labels)}"
        )


def absent_classes(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the classes, or labels, of which there is no example."""
    names = dataset.classes or ()
    if dataset.y.ndim == 1:
        there = np.bincount(dataset.y, minlength=len(names))
    else:
        there = np.count_nonzero(dataset.y, axis=1)
    return tuple(name for name, count in zip(names, there, strict=False) if not count)


def places_among(found: Sequence[str] | None, classes: Sequence[str]) -> HostArray:
    """Return at which place among the names of some classes each of those found is.

    Raises
    ------
    ValueError
        Where there are none, or one that is not among the names.
    """
    if found is None:
        raise ValueError(f"the data have targets, expected the classes {_listed(classes)}")
    unknown = [name for name in found if name not in classes]
    if unknown:
        raise ValueError(
            f"the data have the classes {_listed(unknown)}, expected some of {_listed(classes)}"
        )
    return np.asarray([list(classes).index(name) for name in found], dtype=np.int64)


def _listed(names: Sequence[str], most: int = 10) -> str:
    """Return names as a list, of many the first ones."""
    if len(names) <= most:
        return str(list(names))
    return f"{str(list(names[:most]))[:-1]}, ... and {len(names) - most} more]"


def _examples(dataset: Dataset, places: HostArray) -> Dataset:
    return dataset._replace(X=dataset.X[:, places], y=dataset.y[..., places])


# ----------------------------------------------------------------------------- reading


def _columns(x: HostArray) -> HostArray:
    """Turn (m, ...) into the view (n_features, m)."""
    return np.ascontiguousarray(x).reshape(x.shape[0], -1).T


def picture_shape(x: Any) -> tuple[int, int, int] | None:
    """Return (height, width, channels) of arrays that are taken for pictures, else None."""
    if x.dtype == np.uint8 and x.ndim == 3:
        return (x.shape[1], x.shape[2], 1)
    if x.dtype == np.uint8 and x.ndim == 4 and x.shape[3] in (1, 3):
        return (x.shape[1], x.shape[2], x.shape[3])
    return None


def _counted(n: int, what: str = "example") -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
