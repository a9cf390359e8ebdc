"""Targets in the form in which a network is given them: an array, or a source of batches.

Class numbers, from 0, stand for targets of 1 in the row of each example's class. Beside examples
that are read a batch at a time they become such targets a batch at a time, too.
"""

from typing import Any

from dnn_xp.backends import (
    Array,
    Matrix,
    Vector,
    asarray_like,
    device,
    has_values,
    namespace,
    numbers_on_host,
    plain_array,
)
from dnn_xp.data.sources import Source
from dnn_xp.functions.activations import softmax
from dnn_xp.functions.costs import CostSpec, find_cost

__all__ = ["bring_targets", "class_targets"]


def class_targets(cost: CostSpec, n_outputs: int, X: Matrix | Source, Y: Any, like: Array) -> Any:
    """Return class numbers as targets of 0 and 1, and all other targets as they are.

    Parameters
    ----------
    cost : str, tuple or Cost
    n_outputs : int
    X : array or Source, shape (n_inputs, m)
    Y : array of integers or Source, shape (m,) or (1, m)
        Class numbers where the cost is that of a softmax; a source may give them as floats.
    like : array
        The targets get its library, device and dtype.

    Returns
    -------
    array or Source, shape (n_targets, m)

    Raises
    ------
    ValueError
        Where a number is none of a class; of a source where it is read.
    """
    if find_cost(cost).output is not softmax:
        return Y
    m = X.shape[1]
    if isinstance(Y, Source):
        if Y.shape != (1, m):
            return Y
        read = Y.read

        def read_marked(which: Any) -> Matrix:
            y = read(which)[0, :]
            _check_classes(y, n_outputs)
            y = asarray_like(y, like=like, dtype=namespace(like).int32)
            return _mark(y, n_outputs, like)

        return Y._replace(shape=(n_outputs, m), read=read_marked, like=like)
    y = plain_array("Y", Y, readable=True)
    if tuple(y.shape) not in ((m,), (1, m)) or not namespace(y).isdtype(y.dtype, "integral"):
        return y
    y = namespace(y).reshape(y, (-1,))
    _check_classes(y, n_outputs)
    xp = namespace(like)
    y = asarray_like(y, like=like, dtype=xp.int32)
    if not isinstance(X, Source):
        return _mark(y, n_outputs, like)

    def read_classes(which: Any) -> Matrix:
        if not isinstance(which, slice):
            return _mark(xp.take(y, asarray_like(which, like=y)), n_outputs, like)
        return _mark(y[which], n_outputs, like)

    return Source((n_outputs, m), read_classes, like)


def bring_targets(Y: Source, like: Array) -> Source:
    """Return a source of targets whose batches come beside an array, of its dtype."""
    read = Y.read
    return Y._replace(read=lambda which: asarray_like(read(which), like=like), like=like)


def _check_classes(y: Vector, n_classes: int) -> None:
    """Refuse numbers that are no class; no column of the targets would say so."""
    if not has_values(y) or not y.shape[0]:
        return
    xp = namespace(y)
    ends = [xp.min(y), xp.max(y)]
    if xp.isdtype(y.dtype, "real floating"):
        ends.append(xp.max(xp.abs(y - xp.round(y))))
    least, most, *off = numbers_on_host([xp.astype(end, ends[-1].dtype) for end in ends])
    if not (least >= 0 and most < n_classes) or any(off):  # so that NaN is refused, too
        raise ValueError(
            f"Y: found class numbers from {least:g} to {most:g}, expected whole ones from 0 to "
            f"{n_classes - 1}"
        )


def _mark(y: Vector, n_classes: int, like: Array) -> Matrix:
    """Return 1 in the row of each class, else 0."""
    xp = namespace(y)
    classes = xp.reshape(xp.arange(n_classes, dtype=y.dtype, device=device(y)), (-1, 1))
    return xp.astype(xp.reshape(y, (1, -1)) == classes, like.dtype)
