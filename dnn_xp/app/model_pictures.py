"""Pictures of what a model has learnt, from the model and from examples that it is shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dnn_xp.backends import HostArray, dtype_name, from_host, to_host
from dnn_xp.data import Dataset, apply
from dnn_xp.functions.costs import central_outputs, find_cost
from dnn_xp.models import Model
from dnn_xp.reports import (
    confusion_heatmap,
    decision_boundary,
    importance_bars,
    mislabeled_pictures,
    reliability_diagram,
    residual_plot,
    saliency_pictures,
    weight_pictures,
)
from dnn_xp.training.evaluation import AT_ONCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DRAWN_FROM_EXAMPLES", "Examples", "draw_importances", "draw_weights"]

_MOST_PICTURES = 10


class Examples(NamedTuple):
    """What a model is shown.

    Attributes
    ----------
    name : str
        Such as ``"digits, held out"``.
    part : Dataset
    outputs : ndarray, shape (n_outputs, m), optional
        What an estimator of tables says of them: probabilities, or values. Default: what the
        network of the model says.
    """

    name: str
    part: Dataset
    outputs: HostArray | None = None


# ----------------------------------------------------------------------------- the model by itself


def draw_weights(model: Model, name: str) -> "Figure":
    """Return the weights of the first layer as pictures, by the values of the pictures themselves.

    Raises
    ------
    ValueError
        Where the model is not of pictures.
    """
    _check_is_network(model, "weights")
    shape = _image_shape(model, "weights")
    parameters = model.network.unpack(model.theta)
    if "W1" not in parameters:
        raise ValueError("weights: the first layer has none that could be drawn")
    W = to_host(parameters["W1"]) * np.reshape(model.preprocessing.scale, (1, -1))
    return weight_pictures(W, shape, title=name)


def draw_importances(model: Model, name: str) -> "Figure":
    """Return the importances of the features of a model of tables.

    Raises
    ------
    ValueError
        Where it is not of tables, or was fitted without them.
    """
    if model.table is None:
        raise ValueError(
            "importances: found one network, which keeps none; expected a model of tables, fitted "
            "with importances=True"
        )
    from dnn_xp import estimators

    fitted = getattr(estimators, str(model.table["estimator"])).from_model(model)
    try:
        importances, spread = fitted.feature_importances_, fitted.feature_importances_std_
    except AttributeError as error:
        raise ValueError(
            "importances: the model keeps none; train it with --importances (importances=True)"
        ) from error
    names = getattr(fitted, "feature_names_in_", None)
    return importance_bars(importances, spread, names, title=name)


# ----------------------------------------------------------------------------- with examples


def _draw_confusion(model: Model, shown: Examples) -> "Figure":
    classes, y = _classes(model, shown, "confusion")
    predicted = _probabilities(model, shown).argmax(axis=0)
    counts = np.zeros((len(classes), len(classes)))
    np.add.at(counts, (y, predicted), 1.0)
    return confusion_heatmap(counts, classes, title=shown.name)


def _draw_calibration(model: Model, shown: Examples) -> "Figure":
    _, y = _classes(model, shown, "calibration")
    A = _probabilities(model, shown)
    return reliability_diagram(A.max(axis=0), A.argmax(axis=0) == y, title=shown.name)


def _draw_mistakes(model: Model, shown: Examples) -> "Figure":
    classes, y = _classes(model, shown, "mistakes")
    pictures = _pictures(model, shown, "mistakes")
    A = _probabilities(model, shown)
    predicted, every = A.argmax(axis=0), np.arange(len(y))
    return mislabeled_pictures(
        pictures,
        [classes[k] for k in predicted],
        [classes[k] for k in y],
        probabilities=np.stack([A[predicted, every], A[y, every]]),
        title=shown.name,
    )


def _draw_saliency(model: Model, shown: Examples) -> "Figure":
    few = shown._replace(
        part=shown.part._replace(
            X=shown.part.X[:, :_MOST_PICTURES], y=shown.part.y[..., :_MOST_PICTURES]
        )
    )
    classes, y = _classes(model, few, "saliency")
    pictures = _pictures(model, few, "saliency")
    A = _probabilities(model, few)
    predicted = A.argmax(axis=0)
    network, X = model.network, _scaled(model, few.part.X)
    outputs: Any = 0
    if network.n_outputs > 1:
        outputs = from_host(np.eye(network.n_outputs)[:, predicted].astype(X.dtype))
    gradients = to_host(network.input_gradient(model.theta, from_host(X), outputs))
    gradients = gradients * np.reshape(model.preprocessing.scale, (-1, 1))
    captions = [
        f"{classes[k]} ({A[k, i]:.0%})\ntrue: {classes[y[i]]}" for i, k in enumerate(predicted)
    ]
    return saliency_pictures(
        pictures, gradients.T.reshape(pictures.shape), captions, title=shown.name
    )


def _draw_boundary(model: Model, shown: Examples) -> "Figure":
    classes, y = _classes(model, shown, "boundary")
    _check_is_network(model, "boundary")
    if model.network.n_inputs != 2:
        raise ValueError(f"boundary: found {model.network.n_inputs} features, expected 2")
    return decision_boundary(
        lambda X: _predict(model, X), shown.part.X, y, classes, title=shown.name
    )


def _draw_residuals(model: Model, shown: Examples) -> "Figure":
    if model.classes is not None:
        raise ValueError("residuals: found classes, expected real targets; see confusion")
    targets = shown.part.y
    if targets.shape[0] != 1:
        raise ValueError(f"residuals: found {targets.shape[0]} targets, expected one")
    A = shown.outputs
    if A is None:
        A = _predict(model, shown.part.X)[central_outputs(find_cost(model.network.cost)), :]
    return residual_plot(A[0], targets[0], title=shown.name)


DRAWN_FROM_EXAMPLES: dict[str, Callable[[Model, Examples], "Figure"]] = {
    "boundary": _draw_boundary,
    "calibration": _draw_calibration,
    "confusion": _draw_confusion,
    "mistakes": _draw_mistakes,
    "residuals": _draw_residuals,
    "saliency": _draw_saliency,
}
"""What draws a kind of picture, by name: a ValueError says what the model is not made for."""


# ----------------------------------------------------------------------------- what the model says


def _scaled(model: Model, X: HostArray) -> HostArray:
    return apply(model.preprocessing, X, dtype_name(model.theta.dtype))


def _predict(model: Model, X: HostArray) -> HostArray:
    X = from_host(_scaled(model, X))
    return to_host(model.network.predict(model.theta, X, batch_size=AT_ONCE))


def _probabilities(model: Model, shown: Examples) -> HostArray:
    """Return the probability of each class, also where the network gives that of the second."""
    A = _predict(model, shown.part.X) if shown.outputs is None else shown.outputs
    return np.concat([1.0 - A, A]) if A.shape[0] == 1 else A


def _classes(model: Model, shown: Examples, kind: str) -> tuple[tuple[str, ...], HostArray]:
    if model.classes is None:
        raise ValueError(f"{kind}: found real targets, expected classes; see residuals")
    if shown.part.y.ndim != 1:
        raise ValueError(f"{kind}: found several labels an example, expected one class")
    return shown.part.classes or model.classes, shown.part.y


def _check_is_network(model: Model, kind: str) -> None:
    if model.table is not None:
        raise ValueError(f"{kind}: found a {model.table['estimator']}, expected one network")


def _image_shape(model: Model, kind: str) -> tuple[int, int, int]:
    if model.image_shape is None:
        raise ValueError(f"{kind}: the model was not trained on pictures")
    return model.image_shape


def _pictures(model: Model, shown: Examples, kind: str) -> HostArray:
    """Return the examples as pictures from 0 to 1."""
    pictures = shown.part.X.T.reshape(-1, *_image_shape(model, kind))
    return pictures / float(model.pixel_max or 1)
