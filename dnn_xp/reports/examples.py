"""Examples that a model is shown for a report, and what it says of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import HostArray, dtype_name, from_host, to_host
from dnn_xp.data import Dataset, apply
from dnn_xp.data.stored import StoredDataset, some_runs
from dnn_xp.data.tasks import task_of
from dnn_xp.functions.costs import central_outputs, find_cost
from dnn_xp.models import Model
from dnn_xp.training.evaluation import AT_ONCE

__all__ = [
    "MOST_EXAMPLES",
    "Examples",
    "check_is_network",
    "classes_of",
    "first_layer_weights",
    "image_shape",
    "in_memory",
    "model_task",
    "pictures_of",
    "predict",
    "probabilities_of",
    "saliency_of",
    "values_of",
]


class Examples(NamedTuple):
    """What a model is shown.

    Attributes
    ----------
    name : str
        Such as ``"digits, held out"``.
    part : Dataset
    outputs : ndarray, shape (n_outputs, m), optional
        What an estimator says of them: probabilities, or values. Default: what the network of the
        model says.
    interval : (low, high, asked), optional
        Ends of the intervals that an estimator gives, of shape (n_targets, m) each, and which part
        of the true values they should hold.
    training : Examples, optional
        What the model was trained on.
    is_held_out : bool
        Whether it was not.
    notes : tuple of str
        What else is to be said of them, in sentences.
    names : sequence of str, optional
        Of the examples. Default: their numbers, from 0.
    """

    name: str
    part: Dataset
    outputs: HostArray | None = None
    interval: tuple[HostArray, HostArray, float] | None = None
    training: "Examples | None" = None
    is_held_out: bool = False
    notes: tuple[str, ...] = ()
    names: Sequence[str] | None = None


MOST_EXAMPLES = 20_000
"""Of data that are larger than memory."""


def in_memory(part: StoredDataset, seed: int) -> tuple[Dataset, tuple[str, ...]]:
    """Return examples of data that are large, and a sentence where they are not all of them.

    Parameters
    ----------
    part : StoredDataset
    seed : int
        Of the choice.
    """
    few = some_runs(part, MOST_EXAMPLES, seed)
    y = few.y.read()
    y = y if few.classes is None or few.task == "labels" else y[0].astype(np.int64)
    found = Dataset(few.X.read(), y, few.classes, few.image_shape, few.pixel_max, few.task)
    m, of = found.X.shape[1], part.X.shape[1]
    said = f"Of {of:,} examples {m:,} are shown, drawn at random."
    return found, (said,) if m < of else ()


# ----------------------------------------------------------------------------- what the model says


def predict(model: Model, X: HostArray) -> HostArray:
    """Return what the network of a model says of examples as they are read.

    Parameters
    ----------
    model : Model
    X : ndarray, shape (n_features, m)

    Returns
    -------
    ndarray, shape (n_outputs, m)
    """
    scaled = from_host(_scaled(model, X))
    return to_host(model.network.predict(model.theta, scaled, batch_size=AT_ONCE))


def probabilities_of(model: Model, shown: Examples) -> HostArray:
    """Return the probability of each class, also where the network gives that of the second."""
    A = predict(model, shown.part.X) if shown.outputs is None else shown.outputs
    return np.concat([1.0 - A, A]) if A.shape[0] == 1 else A


def values_of(model: Model, shown: Examples) -> HostArray:
    """Return the predicted targets; of several quantiles the one nearest to the median."""
    if shown.outputs is not None:
        return shown.outputs
    return predict(model, shown.part.X)[central_outputs(find_cost(model.network.cost)), :]


def saliency_of(model: Model, shown: Examples) -> HostArray:
    """Return how much each input raises the logit of the predicted class, or the only output.

    Parameters
    ----------
    model : Model
        One network.
    shown : Examples

    Returns
    -------
    ndarray, shape (n_features, m)
        Derivatives by the inputs as they are read, not by scaled ones.
    """
    network, X = model.network, _scaled(model, shown.part.X)
    outputs: Any = 0
    if network.n_outputs > 1:
        predicted = probabilities_of(model, shown).argmax(axis=0)
        outputs = from_host(np.eye(network.n_outputs)[:, predicted].astype(X.dtype))
    gradients = to_host(network.input_gradient(model.theta, from_host(X), outputs))
    return np.asarray(gradients * np.reshape(model.preprocessing.scale, (-1, 1)))


def first_layer_weights(model: Model, kind: str) -> HostArray:
    """Return the weights of the first layer, by the inputs as they are read.

    Parameters
    ----------
    model : Model
        One network.
    kind : str
        What they are for, as an error says it.

    Returns
    -------
    ndarray, shape (units, n_features)

    Raises
    ------
    ValueError
        Where the first layer has none.
    """
    parameters = model.network.unpack(model.theta)
    if "W1" not in parameters:
        raise ValueError(f"{kind}: the first layer has none that could be drawn")
    scale = np.reshape(model.preprocessing.scale, (1, -1))
    return np.asarray(to_host(parameters["W1"]) * scale)


def _scaled(model: Model, X: HostArray) -> HostArray:
    return apply(model.preprocessing, X, dtype_name(model.theta.dtype))


# ----------------------------------------------------------------------------- what they are


def model_task(model: Model) -> str:
    """Return what a model has learnt: what is written down with it, else what its cost tells."""
    cost = find_cost(model.network.cost).name
    several = model.network.n_outputs > 1
    learnt = {"poisson": "counts"} | ({"sigmoid_cross_entropy": "labels"} if several else {})
    return model.about.get("task") or learnt.get(cost) or task_of(None, model.classes)


def classes_of(model: Model, shown: Examples, kind: str) -> tuple[tuple[str, ...], HostArray]:
    """Return the names of the classes, and the class of each example.

    Raises
    ------
    ValueError
        Where there are no classes, or several labels an example.
    """
    if model.classes is None:
        raise ValueError(f"{kind}: found real targets, expected classes; see residuals")
    if shown.part.y.ndim != 1:
        raise ValueError(f"{kind}: found several labels an example, expected one class")
    return shown.part.classes or model.classes, shown.part.y


def check_is_network(model: Model, kind: str) -> None:
    """Refuse an estimator of tables.

    Raises
    ------
    ValueError
    """
    if model.table is not None:
        raise ValueError(f"{kind}: found a {model.table['estimator']}, expected one network")


def image_shape(model: Model, kind: str) -> tuple[int, int, int]:
    """Return height, width and channels of the pictures that a model was trained on.

    Raises
    ------
    ValueError
        Where it was trained on something else.
    """
    if model.image_shape is None:
        raise ValueError(f"{kind}: the model was not trained on pictures")
    return model.image_shape


def pictures_of(model: Model, shown: Examples, kind: str) -> HostArray:
    """Return the examples as pictures from 0 to 1, shape (m, height, width, channels)."""
    pictures = shown.part.X.T.reshape(-1, *image_shape(model, kind))
    return pictures / float(model.pixel_max or 1)
