"""Metrics of decisions: which class, or which labels, a network chooses.

One row of A is the probability of class 1, which is chosen above 0.5; of several rows the largest
is chosen, the first of equals.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dnn_xp.arguments import check, check_whole
from dnn_xp.backends import Array, asarray_like, device, namespace, plain_array
from dnn_xp.functions.metrics.means import checked, defined, mean, ratio, total
from dnn_xp.functions.metrics.modes import larger_is_better, smaller_is_better

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "confusion_matrix",
    "f1",
    "grouped_accuracy",
    "hamming_loss",
    "multilabel_accuracy",
    "multilabel_f1",
    "one_hot",
    "precision",
    "recall",
]


def one_hot(y: Array, n_classes: int, *, like: Array) -> Array:
    """Return the targets of a softmax: 1 in the row of each example's class, else 0.

    Parameters
    ----------
    y : array of whole numbers, shape (m,)
        Classes, from 0.
    n_classes : int
    like : array
        Usually X: the result gets its library, device and dtype.

    Returns
    -------
    array, shape (n_classes, m)

    Raises
    ------
    ValueError
        Where y holds what is not a class: no column of the result would say so.

    Examples
    --------
    >>> import numpy as np
    >>> one_hot([2, 0], 3, like=np.zeros(1)).tolist()
    [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
    """
    n_classes, xp = check_whole("n_classes", n_classes, 1), namespace(plain_array("like", like))
    y = _whole_numbers(plain_array("y", y, readable=True))
    y = asarray_like(y, like=like, dtype=xp.int32)
    if y.shape[0] and not 0 <= int(xp.min(y)) <= int(xp.max(y)) < n_classes:
        raise ValueError(
            f"y: found classes from {int(xp.min(y))} to {int(xp.max(y))}, "
            f"expected them from 0 to {n_classes - 1}"
        )
    return _mark(y, n_classes, like, xp)


def _whole_numbers(y: Array) -> Array:
    """Return classes, or refuse fractions, which would be cut off, and NaN, which would be any."""
    if len(y.shape) != 1:
        raise ValueError(f"y: found shape {tuple(y.shape)}, expected (m,)")
    xp = namespace(y)
    if y.shape[0] and xp.isdtype(y.dtype, "real floating"):
        fits = xp.all(xp.isfinite(y) & (y == xp.round(y)))
        check("y", y, bool(fits), "whole numbers, from 0 on")
    return y


def _mark(classes: Array, n_classes: int, like: Array, xp: Any) -> Array:
    """Return `one_hot` of classes that are known to be some, in a form that can be traced."""
    rows = xp.reshape(xp.arange(n_classes, dtype=classes.dtype, device=device(like)), (-1, 1))
    return xp.astype(rows == classes, like.dtype)


@larger_is_better
def accuracy(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the part of the examples whose class is predicted.

    Parameters
    ----------
    A : array, shape (n_outputs, m)
        Probabilities. One row: the class is 1 where it is above 0.5; several: its largest row.
    Y : array, shape (n_outputs, m)
        Targets, 0 and 1.
    weights : array, shape (m,), optional

    Examples
    --------
    >>> import numpy as np
    >>> A, Y = np.asarray([[0.9, 0.2, 0.6, 0.4]]), np.asarray([[1, 0, 0, 1]])
    >>> float(accuracy(A, Y)), float(accuracy(A, Y, weights=[3, 3, 1, 1]))
    (0.5, 0.75)
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    if A.shape[0] == 1:
        return multilabel_accuracy(A, Y, weights=weights, xp=xp)
    right = xp.argmax(A, axis=0) == xp.argmax(Y, axis=0)
    return defined(mean(xp.astype(right, A.dtype), weights, xp), A, Y, weights, xp)


@larger_is_better
def multilabel_accuracy(
    A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None
) -> Array:
    """Return the part of the examples all of whose labels are right: the exact match.

    Each row of A is the probability of a label by itself, which is given above 0.5.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.asarray([[0.9, 0.9, 0.1], [0.8, 0.2, 0.3]])
    >>> Y = np.asarray([[1, 1, 0], [1, 1, 0]])
    >>> round(float(multilabel_accuracy(A, Y)), 3)
    0.667
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    right = xp.all((A > 0.5) == (Y > 0.5), axis=0)
    return defined(mean(xp.astype(right, A.dtype), weights, xp), A, Y, weights, xp)


@larger_is_better
def multilabel_f1(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the mean over labels of each label's `f1` ("macro average").

    As in `precision`, over those that occur in the targets or the predictions.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.asarray([[0.9, 0.9, 0.1], [0.8, 0.2, 0.3]])
    >>> Y = np.asarray([[1, 1, 0], [1, 1, 0]])
    >>> round(float(multilabel_f1(A, Y)), 3)
    0.833
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    given, true = (xp.astype(one > 0.5, A.dtype) for one in (A, Y))
    both = total(given, weights, xp) + total(true, weights, xp)
    values = ratio(2.0 * total(given * true, weights, xp), both, xp)
    return defined(_mean_over_classes(values, both, xp), A, Y, weights, xp)


@smaller_is_better
def hamming_loss(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the part of the labels, of all examples, that are wrong.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.asarray([[0.9, 0.9, 0.1], [0.8, 0.2, 0.3]])
    >>> Y = np.asarray([[1, 1, 0], [1, 1, 0]])
    >>> round(float(hamming_loss(A, Y)), 3)
    0.167
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    wrong = xp.mean(xp.astype((A > 0.5) != (Y > 0.5), A.dtype), axis=0)
    return defined(mean(wrong, weights, xp), A, Y, weights, xp)


@larger_is_better
def grouped_accuracy(
    A: Array, Y: Array, sizes: Sequence[int], *, weights: Array | None = None, xp: Any = None
) -> Array:
    """Return the part of the examples whose class in every group is predicted.

    Parameters
    ----------
    A, Y, weights
        As in `accuracy`; each group of rows is a choice between classes of its own.
    sizes : sequence of int
        The rows of each group.

    Raises
    ------
    ValueError
        Where the groups do not have as many rows as A.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.asarray([[0.9, 0.2], [0.1, 0.8], [0.7, 0.4], [0.2, 0.5], [0.1, 0.1]])
    >>> Y = np.asarray([[1, 0], [0, 1], [1, 1], [0, 0], [0, 0]])
    >>> float(grouped_accuracy(A, Y, (2, 3)))
    0.5
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    expected = f"whole numbers from 1 on, of a sum of {A.shape[0]}"
    check("sizes", sizes, isinstance(sizes, Sequence), expected)
    sizes = [check_whole("sizes", size, 1) for size in sizes]
    check("sizes", sizes, sum(sizes) == A.shape[0], expected)
    right, start = xp.ones(A.shape[1], dtype=xp.bool, device=device(A)), 0
    for size in sizes:
        rows = slice(start, start + size)
        right = right & (xp.argmax(A[rows, :], axis=0) == xp.argmax(Y[rows, :], axis=0))
        start += size
    return defined(mean(xp.astype(right, A.dtype), weights, xp), A, Y, weights, xp)


def confusion_matrix(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return how many examples of each class are taken for each class.

    Returns
    -------
    array, shape (n_classes, n_classes)
        The row is the true class and the column the predicted one; of A's dtype. One row of A is
        two classes.

    Examples
    --------
    >>> import numpy as np
    >>> A, Y = np.asarray([[0.9, 0.2, 0.6, 0.7]]), np.asarray([[1, 0, 0, 1]])
    >>> confusion_matrix(A, Y).tolist()
    [[1.0, 1.0], [0.0, 2.0]]
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    true, predicted = _classes(Y, A, xp), _classes(A, A, xp)
    weighted = true if weights is None else true * weights
    return defined(weighted @ xp.matrix_transpose(predicted), A, Y, weights, xp)


@larger_is_better
def balanced_accuracy(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the mean, over the classes of which there are examples, of each class's accuracy."""
    A, Y, weights, xp = checked(A, Y, weights, xp)
    right, true, _ = _counts(A, Y, weights, xp)
    figure = _mean_over_classes(ratio(right, true, xp), true, xp)
    return defined(figure, A, Y, weights, xp)


@larger_is_better
def precision(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the part of the examples taken for positive that are.

    Of several classes, it is the mean over those that occur in the targets or the predictions,
    each in turn the positive one ("macro average"). A class that is never predicted has 0.

    Examples
    --------
    >>> import numpy as np
    >>> A, Y = np.asarray([[0.9, 0.2, 0.6, 0.4]]), np.asarray([[1, 0, 1, 1]])
    >>> float(precision(A, Y)), round(float(recall(A, Y)), 3), float(f1(A, Y))
    (1.0, 0.667, 0.8)
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    counts = _counts(A, Y, weights, xp)
    figure = _of_the_positive(A, ratio(counts.right, counts.predicted, xp), counts, xp)
    return defined(figure, A, Y, weights, xp)


@larger_is_better
def recall(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the part of the positive examples that are found.

    Of several classes, the mean as in `precision`. A class without examples has 0.
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    counts = _counts(A, Y, weights, xp)
    figure = _of_the_positive(A, ratio(counts.right, counts.true, xp), counts, xp)
    return defined(figure, A, Y, weights, xp)


@larger_is_better
def f1(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the harmonic mean of `precision` and `recall`.

    Of several classes, the mean, as in `precision`, of each class's F1. A class that is never
    rightly predicted has 0.
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    counts = _counts(A, Y, weights, xp)
    values = ratio(2.0 * counts.right, counts.true + counts.predicted, xp)
    return defined(_of_the_positive(A, values, counts, xp), A, Y, weights, xp)


class _Counts(NamedTuple):
    """The weight of each class: rightly predicted, true and predicted; shape (n_classes,)."""

    right: Array
    true: Array
    predicted: Array


def _counts(A: Array, Y: Array, weights: Array | None, xp: Any) -> _Counts:
    true, predicted = _classes(Y, A, xp), _classes(A, A, xp)
    return _Counts(*(total(marks, weights, xp) for marks in (true * predicted, true, predicted)))


def _classes(outputs: Array, A: Array, xp: Any) -> Array:
    """Return 1 in the row of the class that is chosen, else 0, shape (n_classes, m)."""
    if outputs.shape[0] == 1:
        positive = xp.astype(outputs > 0.5, A.dtype)
        return xp.concat([1.0 - positive, positive])
    return _mark(xp.argmax(outputs, axis=0), outputs.shape[0], A, xp)


def _of_the_positive(A: Array, values: Array, counts: _Counts, xp: Any) -> Array:
    """Return the value of class 1 of two, or the mean over the classes that occur."""
    if A.shape[0] == 1:
        return values[1]
    return _mean_over_classes(values, counts.true + counts.predicted, xp)


def _mean_over_classes(values: Array, occurrences: Array, xp: Any) -> Array:
    occurs = xp.astype(occurrences > 0.0, values.dtype)
    return ratio(xp.sum(values * occurs), xp.sum(occurs), xp)
