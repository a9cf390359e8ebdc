"""Metrics of predicted values: each is the mean, over outputs, of that of an output."""

import math
from typing import Any

from dnn_xp.backends import Array, device
from dnn_xp.functions.metrics.means import checked, defined, mean, ratio
from dnn_xp.functions.metrics.modes import larger_is_better, smaller_is_better

__all__ = ["mean_absolute_error", "r2", "root_mean_squared_error"]


@larger_is_better
def r2(A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None) -> Array:
    """Return the coefficient of determination: the part of the variance that is predicted.

    1 is perfect; 0 is as good as the mean of the targets; there is no lower bound. Targets that
    are all the same have no variance: then it is 1 if each is predicted exactly, else 0. It is NaN
    of a single example.

    Examples
    --------
    >>> import numpy as np
    >>> A, Y = np.asarray([[1.0, 2.0, 3.0, 5.0]]), np.asarray([[1.0, 2.0, 3.0, 4.0]])
    >>> float(r2(A, Y))
    0.8
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    centre = _column(mean(Y, weights, xp), xp)
    # Corrected by the mean of what is left, so that equal targets are their mean exactly.
    centre = centre + _column(mean(Y - centre, weights, xp), xp)
    missed, spread = A - Y, Y - centre
    unit = _unit(missed, spread, xp)
    error = mean((missed / unit) ** 2, weights, xp)
    variance = mean((spread / unit) ** 2, weights, xp)
    constant, wrong = (xp.astype(x, A.dtype) for x in (variance == 0.0, error > 0.0))
    figure = xp.mean(1.0 - (1.0 - constant) * ratio(error, variance, xp) - constant * wrong)
    if A.shape[1] == 1:  # which has no variance that could be told
        return xp.full_like(figure, math.nan)
    return defined(figure, A, Y, weights, xp)


def _unit(a: Array, b: Array, xp: Any) -> Array:
    """Return a power of two for each row, as a column, near its largest element.

    In its units squares are neither 0 nor infinite, and digits stay as they are.
    """
    if not a.shape[1]:
        return xp.ones((a.shape[0], 1), dtype=a.dtype, device=device(a))
    largest = xp.maximum(xp.max(xp.abs(a), axis=1), xp.max(xp.abs(b), axis=1))
    largest = largest + xp.astype(largest == 0.0, largest.dtype)
    return _column(xp.pow(xp.full_like(largest, 2.0), xp.floor(xp.log2(largest))), xp)


def _column(x: Array, xp: Any) -> Array:
    return xp.reshape(x, (-1, 1))


@smaller_is_better
def mean_absolute_error(
    A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None
) -> Array:
    """Return the mean of abs(A - Y), over outputs too, of which `absolute_error` is the sum.

    Examples
    --------
    >>> import numpy as np
    >>> A, Y = np.asarray([[1.0, 2.0]]), np.asarray([[4.0, -2.0]])
    >>> float(mean_absolute_error(A, Y)), round(float(root_mean_squared_error(A, Y)), 3)
    (3.5, 3.536)
    """
    A, Y, weights, xp = checked(A, Y, weights, xp)
    return defined(xp.mean(mean(xp.abs(A - Y), weights, xp)), A, Y, weights, xp)


@smaller_is_better
def root_mean_squared_error(
    A: Array, Y: Array, *, weights: Array | None = None, xp: Any = None
) -> Array:
    """Return the root of the mean of (A - Y)^2."""
    A, Y, weights, xp = checked(A, Y, weights, xp)
    unit = _unit(A - Y, A - Y, xp)
    figure = xp.mean(unit[:, 0] * xp.sqrt(mean(((A - Y) / unit) ** 2, weights, xp)))
    return defined(figure, A, Y, weights, xp)
