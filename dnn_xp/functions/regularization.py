"""Regularization and clipping: what keeps a network from learning its examples by heart.

Columns are examples. Each backward stands below its forward.
"""

from typing import Any

from dnn_xp.backends import Array, namespace
from dnn_xp.functions.counters import Key, bernoulli, standard_normal

__all__ = [
    "add_noise",
    "back_dropout",
    "clip_by_norm",
    "clip_by_value",
    "dropout",
    "mix",
    "penalty",
    "smooth_labels",
]


def dropout(A: Array, rate: float, key: Key, *, xp: Any = None) -> tuple[Array, Array]:
    """Set a random part of A to zero and scale the rest up to keep its mean.

    Parameters
    ----------
    A : array, shape (..., n, m)
    rate : float
        The probability that an element is set to zero, 0 <= rate < 1.
    key : Key
        Of the layer, so that each has a mask of its own.

    Returns
    -------
    A, mask : array, shape (..., n, m) and (n, m)
        The mask holds 0 and 1 / (1 - rate) (Srivastava et al. 2014, in its inverted form).
    """
    xp = xp or namespace(A)
    keep = 1.0 - rate
    mask = xp.astype(bernoulli(key, keep, A.shape[-2], xp=xp), A.dtype) / keep
    return A * mask, mask


def back_dropout(dA: Array, mask: Array) -> Array:
    """Return the gradient with respect to what `dropout` was given."""
    return dA * mask


def penalty(
    theta: Array, mask: Array, l1: float | None, l2: float, scale: Any = 1.0, *, xp: Any = None
) -> tuple[Array, Array]:
    """Return scale * (l1 * sum(abs(w)) + l2 / 2 * sum(w^2)) and its derivative.

    Parameters
    ----------
    theta, mask : array, shape (..., n) and (n,)
        The weights w are theta where the mask is 1; elsewhere it is 0.
    l1 : float or None
        None spares the pass that it takes.
    l2 : float
    scale : number or array, shape ()

    Returns
    -------
    value : array, shape (...)
    slope : array, shape (..., n)
    """
    xp = xp or namespace(theta)
    w = theta * mask
    value = _dot(w, w, xp) * (0.5 * l2 * scale)
    if l1 is None:
        w *= l2 * scale
        return value, w
    signs = xp.sign(w)
    return value + _dot(w, signs, xp) * (l1 * scale), (l2 * w + l1 * signs) * scale


def _dot(x: Array, y: Array, xp: Any) -> Array:
    """Return the product of two vectors, or of each of several pairs."""
    return x @ y if x.ndim == 1 else xp.vecdot(x, y)


def clip_by_value(gradient: Array, limit: float, *, xp: Any = None) -> Array:
    """Return the gradient with each element brought within -limit and limit."""
    xp = xp or namespace(gradient)
    return xp.minimum(xp.maximum(gradient, -limit), limit)


def clip_by_norm(gradient: Array, limit: float, *, xp: Any = None) -> Array:
    """Return the gradient, shortened to a norm of limit where it is longer (Pascanu et al. 2013).

    The norm is that of the whole vector; of several vectors, shape (..., n), each has its own.
    """
    xp = xp or namespace(gradient)
    largest = xp.max(xp.abs(gradient), axis=-1, keepdims=True)
    # Scaled by its largest element, so that no square overflows or vanishes.
    unit = largest + xp.astype(largest == 0, gradient.dtype)
    scaled = gradient / unit
    norm = xp.sqrt(xp.sum(scaled * scaled, axis=-1, keepdims=True)) * unit
    return gradient * (limit / xp.maximum(norm, limit))


def smooth_labels(Y: Array, amount: float, n_classes: Array) -> Array:
    """Return targets of which a part is spread evenly over the classes (Szegedy et al. 2016).

    Parameters
    ----------
    Y : array, shape (n_outputs, m)
        Of 0 and 1.
    amount : float
        The part, 0 <= amount < 1.
    n_classes : array, shape (n_outputs, 1)
        Between which each output decides: see `costs.classes_of_outputs`.
    """
    return (1.0 - amount) * Y + amount / n_classes


def add_noise(X: Array, deviation: float, key: Key, *, xp: Any = None) -> Array:
    """Return X with normal noise of the given standard deviation added (Bishop 1995)."""
    return X + deviation * standard_normal(key, X.shape[0], dtype=X.dtype, xp=xp)


def mix(A: Array, other: Array, coefficient: Array) -> Array:
    """Return coefficient * A + (1 - coefficient) * other (Zhang et al. 2018).

    Parameters
    ----------
    A, other : array, shape (n, m)
    coefficient : array, shape (m,)
        Between 0 and 1.
    """
    return other + coefficient * (A - other)
