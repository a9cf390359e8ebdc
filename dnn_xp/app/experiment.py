"""Experiments before they run: data become arrays, and a network is made for them.

Nothing here prints. Arrays are made on the current backend; columns are examples.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dnn_xp.backends import Array, HostArray, asarray_like, dtype_name, from_host
from dnn_xp.data import Dataset, Preprocessing, Source, apply, fit_preprocessing, load, split
from dnn_xp.data.datasets import absent_classes
from dnn_xp.data.picture_statistics import PictureRanges, fit_ranges
from dnn_xp.data.sources import is_lazy
from dnn_xp.data.stored import StoredDataset, absent_stored_classes
from dnn_xp.data.tables import TableEncoder
from dnn_xp.data.tasks import task_of
from dnn_xp.files.hdf5 import fixed
from dnn_xp.functions.costs import classes_of_outputs, find_cost
from dnn_xp.functions.metrics import one_hot
from dnn_xp.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from dnn_xp.network import Network
from dnn_xp.network.checks import check_examples
from dnn_xp.training import Regularization

__all__ = [
    "ExampleArrays",
    "Experiment",
    "Told",
    "bring_examples",
    "bring_targets",
    "build_network",
    "check_data_dir",
    "check_features",
    "check_names_can_be_kept",
    "check_precision",
    "check_rules",
    "describe_absent",
    "fingerprint",
    "fit_targets",
    "hidden_layers",
    "initial_theta",
    "fit_pictures_of",
    "parse_layers",
    "prepare",
    "scale_targets",
    "split_parts",
]

Told = Callable[[int, int], None]
"""Told how much is done, and how much there is."""

COSTS = {
    "labels": "sigmoid_cross_entropy",
    "regression": "squared_error",
    "counts": "poisson",
}
"""By which networks of such tasks learn; of classes it depends on how many there are."""

HELD_OUT = 0.2
"""The part of the examples that is held out where the data have no test part of their own."""


class ExampleArrays(NamedTuple):
    """Data as a network takes them.

    Attributes
    ----------
    X : array or Source, shape (n_features, m)
    Y : array, shape (n_outputs, m); or Source
        A source gives the numbers of classes, or targets as they are learnt.
    """

    X: Array | Source
    Y: Array | Source


class Experiment(NamedTuple):
    """All that a run needs.

    Attributes
    ----------
    fingerprint : int
        Of the data before they were divided.
    part, held_out_part : Dataset or StoredDataset
        As read: what is learnt from, and what is kept back.
    preprocessing : Preprocessing
    targets : Preprocessing or None
        The same for real targets: what brings them to the order of one while a network learns.
    network : Network
    theta : array
        Initial parameters.
    examples, held_out : ExampleArrays
        The two parts as arrays of the backend.
    measured : ExampleArrays
        What of the first is measured in the end: all, or some of it where it is large.
    reading : str or None
        How the examples are read where they stay in their file.
    notes : tuple of str
        What is to be said of the data: what was decided, and what they lack.
    encoder : TableEncoder or None
        Of a table, fitted on the part that is learnt from.
    target : str or None
        The column of a table that is learnt.
    pictures : PictureRanges or None
        What those that are learnt from look like, where they are pictures.
    """

    fingerprint: int
    part: Dataset | StoredDataset
    held_out_part: Dataset | StoredDataset
    preprocessing: Preprocessing
    targets: Preprocessing | None
    network: Network
    theta: Array
    examples: ExampleArrays
    held_out: ExampleArrays
    measured: ExampleArrays
    reading: str | None = None
    notes: tuple[str, ...] = ()
    encoder: TableEncoder | None = None
    target: str | None = None
    pictures: PictureRanges | None = None


def prepare(
    data: str,
    *,
    data_dir: Path | None = None,
    trusted: bool = False,
    x: str | None = None,
    y: str | None = None,
    hidden: Sequence[int],
    activation: str,
    dropout: float = 0.0,
    norm: str | None = None,
    seed: int,
    dtype: str,
    task: str | None = None,
    advance: Told | None = None,
) -> Experiment:
    """Load data and make a network for them.

    Parameters
    ----------
    data, data_dir, trusted, x, y, task
        As in `dnn_xp.data.load`.
    hidden, activation, dropout, norm
        As in `build_network`.
    seed : int
        Of the parameters, and of the part that is held out.
    dtype : str
    advance : callable, optional
        ``advance(done, total)`` is told how much of the data has been read.

    Raises
    ------
    ValueError, OSError, ImportError, BackendError
        Where what is asked for is not there, or does not fit.
    """
    dataset, test = load(
        data, folder=data_dir, trusted=trusted, x=x, y=y, task=task, advance=advance
    )
    check_names_can_be_kept(dataset.classes)
    known_by, all_y = fingerprint(dataset), dataset.y
    part, rest = split_parts(dataset, test, seed)
    del dataset  # the parts are copies of its examples
    network = build_network(part, hidden, activation, dropout, norm)
    preprocessing = fit_preprocessing(part)
    examples = bring_examples(part, preprocessing, network, dtype)
    held_out = bring_examples(rest, preprocessing, network, dtype)
    theta = initial_theta(network, part, seed, examples.X)
    targets = fit_targets(part) if task_of(part.task, part.classes) == "regression" else None
    if targets is not None:
        check_precision(all_y, 1.0 / float(targets.scale), dtype)
    return Experiment(
        known_by,
        part,
        rest,
        preprocessing,
        targets,
        network,
        theta,
        examples,
        held_out,
        examples,
        notes=(*part.notes, *describe_absent({"training": part, "held out": rest})),
        pictures=fit_pictures_of(part, part.X),
    )


def initial_theta(
    network: Network, dataset: Dataset | StoredDataset, seed: int, like: Array
) -> Array:
    """Return parameters to begin with; a network of counts begins with their mean.

    Its outputs are powers of e, and from 1 it is a long way to counts of thousands.
    """
    theta = network.initialize(seed, like=like)
    if dataset.task != "counts":
        return theta
    y = dataset.y if isinstance(dataset, Dataset) else dataset.y.read()
    mean = np.maximum(y.mean(axis=1, keepdims=True, dtype=np.float64), 1.0 / y.shape[1])
    b = from_host(np.log(mean), dtype=dtype_name(theta.dtype))
    return network.pack(network.unpack(theta) | {f"b{len(network.layers)}": b})


def describe_absent(parts: Mapping[str, Dataset | StoredDataset]) -> tuple[str, ...]:
    """Return a sentence for each part of the data that lacks examples of some classes."""
    sentences = []
    for name, part in parts.items():
        absent = absent_classes(part) if isinstance(part, Dataset) else absent_stored_classes(part)
        if absent:
            kind = "label" if part.task == "labels" else "class"
            which = repr(absent[0])
            if len(absent) > 1:
                shown = ", ".join(map(repr, absent[:10])) + (", ..." if len(absent) > 10 else "")
                kind = "labels" if kind == "label" else "classes"
                which = f"{shown} ({len(absent):,} of {len(part.classes or ()):,})"
            sentences.append(f"{name}: no example of the {kind} {which}")
    return tuple(sentences)


def check_data_dir(data: str, data_dir: Path | None) -> None:
    """Refuse ``--data-dir`` where nothing would be read from there.

    Raises
    ------
    ValueError
        Naming the option and the data.
    """
    if data_dir is not None and data != "cats":
        raise ValueError(
            f"--data-dir: found {data_dir}, but it is where the cat pictures are, and the data are "
            f"{data}; leave it out"
        )


def check_precision(y: HostArray, spread: float, dtype: str) -> None:
    """Refuse real targets that a dtype cannot tell apart, or whose squares it does not hold.

    Raises
    ------
    ValueError
        Naming the option, the targets, and the way out.
    """
    limits, largest = np.finfo(dtype), float(np.max(np.abs(y)))
    apart = largest * float(limits.eps) <= 0.01 * spread
    if not (apart and float(limits.tiny) ** 0.5 < spread < float(limits.max) ** 0.5):
        raise ValueError(
            f"--dtype: found {dtype}, which does not hold targets from {np.min(y):.6g} to "
            f"{np.max(y):.6g} with a spread of {spread:.3g}; add --dtype float64, or write them in "
            "other units"
        )


def check_names_can_be_kept(classes: Sequence[str] | None) -> None:
    """Refuse the name of a class that no model could hold, before anything is learnt.

    Raises
    ------
    ValueError
        Naming the class.
    """
    for name in classes or ():
        try:
            fixed(name)
        except ValueError as error:
            raise ValueError(
                f"found the class {name!a}, whose name cannot be kept with a model; expected "
                "names in UTF-8 that do not end with a NUL"
            ) from error


def check_rules(rules: Regularization, network: Network, examples: ExampleArrays) -> None:
    """Refuse regularization that the data of a run do not allow.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if rules.label_smoothing and not classes_of_outputs(find_cost(network.cost), network.n_outputs):
        raise ValueError(
            f"--label-smoothing: found {rules.label_smoothing:g} for targets that are numbers, "
            "expected classes or labels; leave it out"
        )
    if rules.mixup and (is_lazy(examples.X) or is_lazy(examples.Y)):
        raise ValueError(
            f"--mixup: found {rules.mixup:g} for data that are not in memory whole, where an "
            "example is mixed with any other; --noise and --label-smoothing take each by itself"
        )


def split_parts(dataset: Dataset, test: Dataset | None, seed: int) -> tuple[Dataset, Dataset]:
    """Return a part to learn from and a part that is held out.

    Parameters
    ----------
    dataset, test
        As `dnn_xp.data.load` returns them.
    seed : int
        Of the choice, where the data have no test part of their own.
    """
    return (dataset, test) if test is not None else split(dataset, HELD_OUT, seed)


def fingerprint(dataset: Dataset) -> int:
    """Return a number by which the same data are known again, under whatever name."""
    # X transposed, because there each example lies in one piece: nothing is copied.
    return zlib.crc32(dataset.y.tobytes(), zlib.crc32(np.ascontiguousarray(dataset.X.T).data))


def parse_layers(text: str) -> tuple[int, ...]:
    """Turn ``"64,32"`` into (64, 32), and an empty text into no hidden layer at all.

    Raises
    ------
    ValueError
        Naming the option.
    """
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ValueError(
            f"--layers: found {text!r}, expected the units of each hidden layer, such as '64,32'"
        )
    return tuple(int(word) for word in words)


def hidden_layers(
    units: Sequence[int], activation: str, dropout: float = 0.0, norm: str | None = None
) -> list[Layer]:
    """Return the hidden layers of a network, each normalized before its activation.

    Parameters
    ----------
    units : sequence of int
        Of each.
    activation : str
    dropout : float
        The part of the outputs of each that is left out in training.
    norm : "batch" or "layer", optional
    """
    layers: list[Layer] = []
    for n in units:
        if norm is None:
            layers.append(Dense(n, activation, "he_normal"))
        else:
            layers += [Dense(n, initializer="he_normal"), _NORMS[norm](), Activation(activation)]
        if dropout:
            layers.append(Dropout(dropout))
    return layers


_NORMS: dict[str, type[BatchNorm | LayerNorm]] = {"batch": BatchNorm, "layer": LayerNorm}


def build_network(
    dataset: Dataset | StoredDataset,
    hidden: Sequence[int],
    activation: str,
    dropout: float = 0.0,
    norm: str | None = None,
) -> Network:
    """Return a network for data: they decide what the outputs and the cost are.

    Parameters
    ----------
    dataset : Dataset or StoredDataset
    hidden : sequence of int
        The units of each hidden layer.
    activation : str
        Of the hidden layers.
    dropout, norm
        As in `hidden_layers`.

    Raises
    ------
    ValueError
        Where the data have one class only.
    """
    task = task_of(dataset.task, dataset.classes)
    if task != "classes":
        n_outputs, cost = dataset.y.shape[0], COSTS[task]
    elif dataset.classes is None:
        raise ValueError("the data have no names of classes, expected several")
    elif len(dataset.classes) == 1:
        raise ValueError(f"the data have the one class {dataset.classes[0]!r}, expected several")
    elif len(dataset.classes) == 2:
        n_outputs, cost = 1, "sigmoid_cross_entropy"
    else:
        n_outputs, cost = len(dataset.classes), "softmax_cross_entropy"
    layers = (*hidden_layers(hidden, activation, dropout, norm), Dense(n_outputs))
    return Network(dataset.X.shape[0], layers, cost)


def fit_targets(dataset: Dataset) -> Preprocessing:
    """Find out how real targets are brought to the mean 0, and to a spread of 1 all together.

    One scale for all of them keeps their ratios, and so what a squared error is small for.
    """
    shift = dataset.y.mean(axis=1, keepdims=True, dtype=np.float64)
    spread = np.sqrt(np.mean((dataset.y - shift) ** 2))
    return Preprocessing(shift, np.asarray(1.0 / spread if spread > 0 else 1.0))


def bring_examples(
    dataset: Dataset, preprocessing: Preprocessing, network: Network, dtype: str
) -> ExampleArrays:
    """Put data on the current backend, in the form that a network takes.

    Raises
    ------
    ValueError
        Where they do not fit the network.
    """
    check_features(dataset.X.shape[0], network)
    # What was made here nobody else holds: where the backend can, it takes it as it is.
    X = asarray_like(apply(preprocessing, dataset.X, dtype), like=from_host(np.empty(0, dtype)))
    Y = bring_targets(dataset.y, network, X)
    X, Y, _ = check_examples(network, X, Y)
    return ExampleArrays(X, Y)


def check_features(n_features: int, network: Network) -> None:
    """Refuse examples that do not have the features of a network.

    Raises
    ------
    ValueError
        Naming both.
    """
    if n_features != network.n_inputs:
        raise ValueError(
            f"the examples have {n_features} features, expected {network.n_inputs}, as many as "
            "those that the model was trained on"
        )


def bring_targets(y: HostArray, network: Network, like: Array) -> Array:
    """Put targets beside examples, in the form that a network takes.

    Parameters
    ----------
    y : ndarray
        As in `Dataset`: of the shape (m,) it is of classes.
    network : Network
    like : array
    """
    if y.ndim == 1 and network.n_outputs > 1:
        return one_hot(y, network.n_outputs, like=like)
    return from_host(y.reshape(-1, y.shape[-1]), dtype=dtype_name(like.dtype))


def fit_pictures_of(dataset: Dataset | StoredDataset, X: HostArray) -> PictureRanges | None:
    """Return what pictures of a data set look like, or None where they are none.

    Parameters
    ----------
    dataset : Dataset or StoredDataset
    X : ndarray, shape (n_features, m)
        Some of its examples.
    """
    if dataset.image_shape is None or dataset.pixel_max is None:
        return None
    return fit_ranges(X, dataset.image_shape, dataset.pixel_max)


def scale_targets(
    examples: ExampleArrays, dataset: Dataset | StoredDataset, targets: Preprocessing | None
) -> ExampleArrays:
    """Return the examples with the targets that are learnt: real ones in units of their spread.

    Parameters
    ----------
    examples : ExampleArrays
        What is read a batch at a time is in these units already.
    dataset : Dataset or StoredDataset
        The same as they were read.
    targets : Preprocessing or None
        None leaves them as they are.
    """
    if targets is None or isinstance(examples.Y, Source):
        return examples
    y = dataset.y if isinstance(dataset, Dataset) else dataset.y.read()
    return examples._replace(Y=from_host(apply(targets, y, dtype_name(examples.Y.dtype))))
