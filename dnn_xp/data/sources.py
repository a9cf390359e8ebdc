"""Examples that are not one array in memory: they are read a batch at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

from dnn_xp.backends import Array, take_examples

__all__ = ["Source", "reference_array", "read_examples"]


class Source(NamedTuple):
    """Examples in a file, or in another form, from which batches of columns are made.

    Attributes
    ----------
    shape : (int, int)
        (n, m): columns are examples.
    read : callable
        ``read(which)`` is an array of shape (n, b) of the examples at a slice or at an array of
        NumPy's integers, in that order.
    like : array
        An array with the library, device and dtype of what is read.
    """

    shape: tuple[int, int]
    read: Callable[[Any], Array]
    like: Array


def reference_array(X: Array | Source) -> Array:
    """Return an array that stands where the examples are, or where they are read to."""
    return X.like if isinstance(X, Source) else X


def read_examples(X: Array | Source, which: Any, *, xp: Any = None) -> Array:
    """Return some columns of X.

    Parameters
    ----------
    X : array or Source, shape (n, m)
    which : slice or array of integers
        A slice that ends within X; or places, beside X or, for a source, of NumPy's.
    """
    if isinstance(X, Source):
        return X.read(which)
    return X[:, which] if isinstance(which, slice) else take_examples(X, which, xp=xp)
