"""Metrics of the probabilities themselves, before a class is chosen."""

import math
from typing import Any

from dnn_xp.arguments import check_whole
from dnn_xp.backends import Array, device
from dnn_xp.functions.costs import binary_cross_entropy, categorical_cross_entropy
from dnn_xp.functions.metrics.means import checked, defined, mean, ratio
from dnn_xp.functions.metrics.modes import larger_is_better, smaller_is_better

__all__ = ["log_loss", "roc_auc", "top_k_accuracy"]

_ROUNDING = 1e-3
"""How far probabilities may be from 0, from 1 and from a sum of 1, also in half precision."""


@larger_is_better
def top_k_accuracy(
    A: Array, Y: Array, k: int = 5, *, weights: Array | None = None, xp: Any = None
) -> Array:
    """Return the part of the examples whose class is among the k most probable ones.

    Parameters
    ----------
    A : array, shape (n_classes, m)
        Two classes or more. Of equal probabilities the first comes first, so that for k = 1 this
        is `accuracy`.
    Y : array, shape (n_classes, m)
    k : int
        From 1 on. With as many classes or fewer, the answer is 1.
    weights : array, shape (m,), optional

    Raises
    ------
    ValueError
        Where A has one row, or k is not a whole number from 1 on.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.asarray([[0.5, 0.1], [0.3, 0.2], [0.2, 0.7]])
    >>> Y = np.asarray([[0, 1], [1, 0], [0, 0]])
    >>> [float(top_k_accuracy(A, Y, k)) for k in (1, 2, 3)]
    [0.0, 0.5, 1.0]
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    n_classes = A.shape[0]
    if n_classes == 1:
        raise ValueError("A: found 1 row, expected one for each of several classes")
    k = min(check_whole("k", k, 1), n_classes)
    rows = xp.reshape(xp.arange(n_classes, dtype=xp.int32, device=device(A)), (-1, 1))
    true = xp.astype(xp.argmax(Y, axis=0, keepdims=True), xp.int32)
    own = xp.sum(A * xp.astype(rows == true, A.dtype), axis=0, keepdims=True)
    below = (own > A) | ((own == A) & (rows > true))
    right = xp.sum(xp.astype(below, xp.int32), axis=0) >= n_classes - k
    return defined(mean(xp.astype(right, A.dtype), weights, xp), A, Y, weights, xp)


@larger_is_better
def roc_auc(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the area under the receiver operating characteristic of two classes.

    It is the probability that a positive example has a higher score than a negative one, where a
    tie counts a half (Hanley and McNeil 1982). Where all examples are of one class it is 0.5,
    that of chance.

    Parameters
    ----------
    A : array, shape (1, m)
        Scores: probabilities, or anything that rises with them. On Dask they are sorted as one
        chunk, so a number for each example must fit into memory.
    Y : array, shape (1, m)
    weights : array, shape (m,), optional

    Raises
    ------
    ValueError
        Where A has several rows.

    Examples
    --------
    >>> import numpy as np
    >>> A, Y = np.asarray([[0.1, 0.4, 0.4, 0.8]]), np.asarray([[0, 0, 1, 1]])
    >>> float(roc_auc(A, Y))
    0.875
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    if A.shape[0] != 1:
        raise ValueError(
            f"A: found {A.shape[0]} rows, expected 1; ask for one class at a time: "
            "A[k:k+1, :], Y[k:k+1, :]"
        )
    positive = xp.astype(Y[0, :] > 0.5, A.dtype)
    negative = 1.0 - positive
    if weights is not None:
        positive, negative = positive * weights, negative * weights
    order = xp.argsort(A[0, :])
    scores, positive, negative = (xp.take(x, order) for x in (A[0, :], positive, negative))
    below = xp.cumulative_sum(negative, include_initial=True)
    # The negative weight below each score, and half of that which is level with it.
    first, last = (xp.searchsorted(scores, scores, side=side) for side in ("left", "right"))
    beaten = 0.5 * (xp.take(below, first) + xp.take(below, last))
    pairs = xp.sum(positive) * xp.sum(negative)
    one_class = xp.astype(pairs == 0.0, A.dtype)
    figure = ratio(xp.sum(positive * beaten), pairs, xp) + 0.5 * one_class
    return defined(figure, A, Y, weights, xp)


@smaller_is_better
def log_loss(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the mean cross-entropy, -log of the probability of what is true.

    It is finite also where that probability is exactly 0, which counts as the smallest normal
    number: 708 in float64, 87 in float32. Where predictions or targets are no probabilities, from
    0 to 1 and of several classes with a sum of 1, it is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> A, Y = np.asarray([[0.5, 0.25]]), np.asarray([[1, 1]])
    >>> round(float(log_loss(A, Y)), 4), round(float(1.5 * np.log(2)), 4)
    (1.0397, 1.0397)
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    wrong = _is_none(A, xp) | _is_none(Y, xp)
    if A.shape[0] > 1:
        wrong = wrong | xp.any(xp.abs(xp.sum(Y, axis=0) - 1.0) > _ROUNDING)
    cost = binary_cross_entropy if A.shape[0] == 1 else categorical_cross_entropy
    # What is no probability has no logarithm, perhaps, but a warning.
    costs = cost(xp.clip(A, 0.0, 1.0), xp.clip(Y, 0.0, 1.0), xp=xp)
    figure = defined(mean(costs, weights, xp), A, Y, weights, xp)
    return xp.where(wrong, xp.full_like(figure, math.nan), figure)


def _is_none(x: Array, xp: Any) -> Array:
    """Return whether some of what should be probabilities are none."""
    return xp.any((x < -_ROUNDING) | (x > 1.0 + _ROUNDING))
