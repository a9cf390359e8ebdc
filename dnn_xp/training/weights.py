"""Weights of examples: by their class, and of a mean of 1."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dnn_xp.arguments import check_number, shown
from dnn_xp.backends import Array, asarray_like, namespace, plain_array, widened
from dnn_xp.functions.metrics.means import ratio

__all__ = ["class_weights", "normalize_weights"]


def class_weights(
    Y: Array, weights: Literal["balanced"] | Mapping[int, float] | Sequence[float] = "balanced"
) -> Array:
    """Return the weight of each example by its class, for ``train(..., weights=...)``.

    Parameters
    ----------
    Y : array of floats, shape (n_classes, m), or (1, m) for two classes
        Targets: each column is a distribution over the classes, usually 1 in one row and else 0;
        a single row is the probability of class 1.
    weights : "balanced", dict or sequence
        ``"balanced"``: every class that occurs counts the same in all, and an example
        ``m / (number of classes * examples of its class)``. A dict gives weights by class, from
        0, and leaves the others at 1; a sequence gives all of them in order.

    Returns
    -------
    array, shape (m,)
        In Y's library, dtype and device. To weigh examples by more than their class, multiply.

    Raises
    ------
    ValueError
        Where Y is not of that form, as independent labels are not, or the weights do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> Y = np.asarray([[0.0, 0.0, 0.0, 1.0]])
    >>> class_weights(Y, {1: 3.0}).tolist()
    [1.0, 1.0, 1.0, 3.0]
    >>> class_weights(Y).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    Y = plain_array("Y", Y)
    xp = namespace(Y)
    probabilities = _class_probabilities(Y, xp)
    n_classes, m = probabilities.shape
    if isinstance(weights, str):
        if weights != "balanced":
            raise ValueError(f"weights: found {weights!r}, expected 'balanced' or numbers")
        counts = xp.sum(widened(probabilities), axis=1)
        occur = xp.astype(counts > 0, counts.dtype)
        of_class = xp.astype(ratio(m * occur, counts * xp.sum(occur), xp), Y.dtype)
    else:
        of_class = asarray_like(_numbers(weights, n_classes), like=Y)
    return of_class @ probabilities


def _class_probabilities(Y: Array, xp: Any) -> Array:
    """Return how much of each class an example is, one row for each class."""
    shape = tuple(Y.shape)
    if len(shape) != 2 or not shape[1] or not xp.isdtype(Y.dtype, "real floating"):
        raise ValueError(
            f"Y: found dtype {Y.dtype} and shape {shape}, expected floats, (n_classes, m)"
        )
    probabilities = xp.concat([1.0 - Y, Y]) if shape[0] == 1 else Y
    # A thousandth: whatever rounding and smoothing do to a column, a second label is more.
    off = float(xp.max(xp.abs(xp.sum(probabilities, axis=0) - 1.0)))
    if not (off < 1e-3 and float(xp.min(probabilities)) >= 0.0):
        raise ValueError("Y: found columns that are no distributions over classes")
    return probabilities


def _numbers(weights: Mapping[int, float] | Sequence[float], n_classes: int) -> list[float]:
    if isinstance(weights, Mapping):
        if unknown := [label for label in weights if label not in range(n_classes)]:
            raise ValueError(f"weights: found class {unknown[0]!r} of {n_classes} classes from 0")
        numbers = [weights.get(label, 1.0) for label in range(n_classes)]
    else:
        try:
            numbers = [*weights]
        except TypeError as error:
            expected = "'balanced', or numbers by class"
            raise TypeError(f"weights: found {shown(weights)}, expected {expected}") from error
        if len(numbers) != n_classes:
            raise ValueError(f"weights: found {len(numbers)} for {n_classes} classes")
    return [
        float(check_number("weights", weight, lambda x: x >= 0.0, "numbers from 0 on"))
        for weight in numbers
    ]


def normalize_weights(weights: Array) -> Array:
    """Return weights scaled to a mean of 1, since only their ratios matter.

    Parameters
    ----------
    weights : array, shape (m,)

    Raises
    ------
    ValueError
        Where one is below 0 or not finite, or all are 0.
    """
    xp, weights = namespace(weights), widened(weights)
    mean, least = float(xp.mean(weights)), float(xp.min(weights))
    if least >= 0 and mean == math.inf and math.isfinite(most := float(xp.max(weights))):
        return normalize_weights(weights / most)  # their sum is too large
    if not (least >= 0 and math.isfinite(mean)):
        found = least if least < 0 else "one that is not finite"
        raise ValueError(f"weights: found {found}, expected numbers from 0 on")
    if not mean > 0:
        raise ValueError(f"weights: found a mean of {mean}, expected one above 0")
    return weights / mean
