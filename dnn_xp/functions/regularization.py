"""What keeps a network from learning its examples by heart; each backward below its forward."""

from typing import Any

from dnn_xp.backends import Array, namespace
from dnn_xp.functions.counters import Draws, bernoulli

__all__ = ["back_dropout", "dropout"]


def dropout(
    A: Array, rate: float, draws: Draws, layer: int, *, xp: Any = None
) -> tuple[Array, Array]:
    """Set a random part of A to zero and scale the rest up to keep its mean.

    Parameters
    ----------
    A : array, shape (n, m)
    rate : float
        The probability that an element is set to zero, 0 <= rate < 1.
    draws : Draws
    layer : int
        Which layer this is, so that each has a mask of its own.

    Returns
    -------
    A, mask : array, shape (n, m)
        The mask holds 0 and 1 / (1 - rate) (Srivastava et al. 2014, in its inverted form).
    """
    xp = xp or namespace(A)
    keep = 1.0 - rate
    mask = xp.astype(bernoulli(draws, keep, layer, A.shape[0], xp=xp), A.dtype) / keep
    return A * mask, mask


def back_dropout(dA: Array, mask: Array) -> Array:
    """Return the gradient with respect to what `dropout` was given."""
    return dA * mask
