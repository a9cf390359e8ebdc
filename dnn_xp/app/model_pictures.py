"""Pictures of what a model has learnt, from the model and from examples that it is shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

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
from dnn_xp.reports.confusion import count_pairs
from dnn_xp.reports.examples import (
    Examples,
    check_is_network,
    classes_of,
    first_layer_weights,
    image_shape,
    pictures_of,
    predict,
    probabilities_of,
    saliency_of,
    values_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DRAWN_FROM_EXAMPLES", "draw_importances", "draw_weights"]

_MOST_PICTURES = 10


# ----------------------------------------------------------------------------- the model by itself


def draw_weights(model: Model, name: str) -> "Figure":
    """Return the weights of the first layer as pictures, by the values of the pictures themselves.

    Raises
    ------
    ValueError
        Where the model is not of pictures.
    """
    check_is_network(model, "weights")
    shape = image_shape(model, "weights")
    return weight_pictures(first_layer_weights(model, "weights"), shape, title=name)


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
    classes, y = classes_of(model, shown, "confusion")
    predicted = probabilities_of(model, shown).argmax(axis=0)
    counts = count_pairs(len(classes), y, predicted)
    return confusion_heatmap(counts, classes, title=shown.name)


def _draw_calibration(model: Model, shown: Examples) -> "Figure":
    _, y = classes_of(model, shown, "calibration")
    A = probabilities_of(model, shown)
    return reliability_diagram(A.max(axis=0), A.argmax(axis=0) == y, title=shown.name)


def _draw_mistakes(model: Model, shown: Examples) -> "Figure":
    classes, y = classes_of(model, shown, "mistakes")
    pictures = pictures_of(model, shown, "mistakes")
    A = probabilities_of(model, shown)
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
    classes, y = classes_of(model, few, "saliency")
    pictures = pictures_of(model, few, "saliency")
    A = probabilities_of(model, few)
    predicted = A.argmax(axis=0)
    gradients = saliency_of(model, few)
    captions = [
        f"{classes[k]} ({A[k, i]:.0%})\ntrue: {classes[y[i]]}" for i, k in enumerate(predicted)
    ]
    return saliency_pictures(
        pictures, gradients.T.reshape(pictures.shape), captions, title=shown.name
    )


def _draw_boundary(model: Model, shown: Examples) -> "Figure":
    classes, y = classes_of(model, shown, "boundary")
    check_is_network(model, "boundary")
    if model.network.n_inputs != 2:
        raise ValueError(f"boundary: found {model.network.n_inputs} features, expected 2")
    return decision_boundary(
        lambda X: predict(model, X), shown.part.X, y, classes, title=shown.name
    )


def _draw_residuals(model: Model, shown: Examples) -> "Figure":
    if model.classes is not None:
        raise ValueError("residuals: found classes, expected real targets; see confusion")
    targets = shown.part.y
    if targets.shape[0] != 1:
        raise ValueError(f"residuals: found {targets.shape[0]} targets, expected one")
    return residual_plot(values_of(model, shown)[0], targets[0], title=shown.name)


DRAWN_FROM_EXAMPLES: dict[str, Callable[[Model, Examples], "Figure"]] = {
    "boundary": _draw_boundary,
    "calibration": _draw_calibration,
    "confusion": _draw_confusion,
    "mistakes": _draw_mistakes,
    "residuals": _draw_residuals,
    "saliency": _draw_saliency,
}
"""What draws a kind of picture, by name: a ValueError says what the model is not made for."""
