"""Examples that are not one array in memory: they are read a batch at a time."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from dnn_xp.backends import (
    Array,
    HostArray,
    Matrix,
    Namespace,
    block_like,
    computes_lazily,
    from_blocks,
    take_examples,
)
from dnn_xp.data.windows import WindowOrder
from dnn_xp.reprs import outline

__all__ = [
    "Source",
    "StoredRows",
    "in_batches",
    "in_memory",
    "is_lazy",
    "read_examples",
    "reference_array",
]


class StoredRows(NamedTuple):
    """Rows that a source has fetched already, in the order in which they are wanted.

    Attributes
    ----------
    rows : ndarray
        As they are stored, an example in each.
    """

    rows: HostArray


class Source(NamedTuple):
    """Examples in a file, or in another form, from which batches of columns are made.

    Attributes
    ----------
    shape : (int, int)
        (n, m): columns are examples.
    read : callable
        ``read(which)`` is an array of shape (n, b) of the examples at a slice or at an array of
        NumPy's integers, in that order; where there is a `fetch`, of `StoredRows`, too.
    like : array
        An array with the library, device and dtype of what is read.
    order : WindowOrder, optional
        The order in which epochs take the examples. Default: that of an array.
    fetch : callable, optional
        ``fetch(places)`` is a NumPy array of the rows at rising places, as they are stored; it
        may be called by a thread. There must be one where there is an `order`.
    ahead : bool
        Whether training has a thread fetch the next window of the order.
    release : callable, optional
        ``release(rows)`` says that what `fetch` returned is not needed any more, so that the memory
        of it may be written over.
    """

    shape: tuple[int, int]
    read: Callable[[Any], Array]
    like: Array
    order: WindowOrder | None = None
    fetch: Callable[[HostArray], HostArray] | None = None
    ahead: bool = True
    release: Callable[[HostArray], None] | None = None

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)


def reference_array(X: Matrix | Source) -> Array:
    """Return an array that stands where the examples are, or where they are read to."""
    return X.like if isinstance(X, Source) else X


def is_lazy(X: Matrix | Source) -> bool:
    """Return whether the values of examples are read, or worked out, only when they are needed."""
    return isinstance(X, Source) or computes_lazily(X)


def in_memory(X: Matrix | Source) -> Matrix | Source:
    """Return a source that reads arrays in memory where it would read them on Dask.

    An array comes back as it is.
    """
    if not isinstance(X, Source) or not computes_lazily(X.like):
        return X
    read = X.read
    return X._replace(read=lambda which: from_blocks(read(which)), like=block_like(X.like))


def read_examples(X: Matrix | Source, which: Any, *, xp: Namespace = None) -> Matrix:
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


def in_batches(
    X: Matrix | Source, batch_size: int | None, xp: Namespace = None
) -> Iterator[tuple[Matrix, slice]]:
    """Yield the examples in their order, a batch at a time, and where they are.

    Parameters
    ----------
    X : array or Source, shape (n, m)
    batch_size : int, optional
        Default: all of them at once.
    """
    m = X.shape[1]
    size = batch_size or m
    if size >= m and not isinstance(X, Source):
        yield X, slice(0, m)
        return
    for start in range(0, m, size):
        which = slice(start, min(start + size, m))
        yield read_examples(X, which, xp=xp), which
