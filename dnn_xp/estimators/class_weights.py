"""Weights of examples by their classes, as scikit-learn's ``class_weight`` says them."""

import math
from numbers import Real
from typing import Any, Literal

import numpy as np

from dnn_xp.estimators.data import HostArray
from dnn_xp.estimators.multioutput import ClassLabels
from dnn_xp.training import class_weights

__all__ = ["ClassWeight", "weights_by_class"]

ClassWeight = dict[Any, float] | list[dict[Any, float]] | Literal["balanced"] | None


def weights_by_class(given: Any, labels: ClassLabels, Y: HostArray) -> HostArray | None:
    """Return the weights that examples have by their class, shape (m,), or None.

    Parameters
    ----------
    given : "balanced", dict, list of dict or None
        A list has one for each column of y.
    labels : Labels
    Y : ndarray, shape (n_outputs, m)

    Raises
    ------
    ValueError
        Where it is none of these, or names a class that is not known.
    """
    if given is None:
        return None
    choices, by_column = labels.choices, given
    if isinstance(given, str) or (isinstance(given, dict) and len(choices) == 1):
        by_column = [given] * len(choices)
    if not isinstance(by_column, list) or len(by_column) != len(choices):
        raise ValueError(
            f"class_weight: found {given!r}, expected 'balanced' or a list of "
            f"{len(choices)}, one a column of y"
        )
    by_choice = [
        class_weights(Y[rows].astype(float), _by_place(of_classes, known))
        for of_classes, (rows, known) in zip(by_column, choices, strict=True)
    ]
    return np.asarray(np.prod(by_choice, axis=0))


def _by_place(weights: Any, known: HostArray) -> Literal["balanced"] | dict[int, float]:
    """Return weights of classes by the places of these; the others stay at 1."""
    if isinstance(weights, str) and weights == "balanced":
        return "balanced"
    if not isinstance(weights, dict | None):
        raise ValueError(f"class_weight: found {weights!r}, expected 'balanced', a dict or None")
    places = {label: place for place, label in enumerate(known.tolist())}
    for label, weight in (weights or {}).items():
        if label not in places:
            raise ValueError(f"class_weight: found {label!r}, expected one of {list(places)}")
        if not (isinstance(weight, Real) and 0.0 <= float(weight) < math.inf):
            raise ValueError(
                f"class_weight: found {weight!r} for {label!r}, expected a number from 0 on"
            )
    return {places[label]: float(weight) for label, weight in (weights or {}).items()}
