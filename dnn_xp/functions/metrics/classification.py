"""What tells a person how well a network does, computed where the arrays are.

Columns are examples: the outputs A and the targets Y are (n_outputs, m). A metric returns an
array of shape (), and nothing leaves the device.
"""

from typing import Any

from dnn_xp.backends import Array, bring, device, namespace

__all__ = ["accuracy", "one_hot"]


def one_hot(y: Array, n_classes: int, *, like: Array) -> Array:
    """Return the targets of a softmax: 1 in the row of each example's class, else 0.

    Parameters
    ----------
    y : array of integers, shape (m,)
        Classes, from 0.
    n_classes : int
    like : array
        Usually X: the result gets its library, device and dtype.

    Returns
    -------
    array, shape (n_classes, m)
    """
    xp = namespace(like)
    y = bring(y, like=like, dtype=xp.int32)
    classes = xp.reshape(xp.arange(n_classes, dtype=xp.int32, device=device(like)), (-1, 1))
    return xp.astype(classes == y, like.dtype)


def accuracy(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return the part of the examples whose class is predicted.

    Parameters
    ----------
    A : array, shape (n_outputs, m)
        Probabilities. One row: the class is 1 where it is above 0.5; several: its largest row.
    Y : array, shape (n_outputs, m)
        Targets, 0 and 1.
    """
    xp = xp or namespace(A)
    if A.shape[0] == 1:
        right = (A > 0.5) == (Y > 0.5)
    else:
        right = xp.argmax(A, axis=0) == xp.argmax(Y, axis=0)
    return xp.mean(xp.astype(right, A.dtype))
