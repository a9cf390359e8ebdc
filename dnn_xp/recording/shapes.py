"""Shapes in which the batch may be open, by the standard's rules."""

import math
import operator
from collections.abc import Sequence
from typing import Any

from dnn_xp.recording.number import RecordingError, Size

__all__ = [
    "Shape",
    "as_shape",
    "axes_of",
    "axis_of",
    "broadcast",
    "matmul_shape",
    "reduced",
    "reshaped",
    "shown_shape",
    "size_of",
]

Shape = tuple[Any, ...]
"""Of int, and of `Size` where an axis is open."""


def shown_shape(shape: Shape) -> str:
    """Return a shape in words: ``[10, m]``."""
    return f"[{', '.join(str(x).removeprefix('(').removesuffix(')') for x in shape)}]"


def as_shape(operation: str, shape: Any) -> Shape:
    """Return a shape as a tuple of int and Size.

    Parameters
    ----------
    operation : str
        Its name, for the error.
    shape : int, Size or a sequence of them

    Raises
    ------
    RecordingError
        Where it holds anything else.
    """
    parts = shape if isinstance(shape, tuple | list) else (shape,)
    try:
        return tuple(x if isinstance(x, Size) else operator.index(x) for x in parts)
    except TypeError:
        raise RecordingError(
            f"{operation}: found the shape {shape!r}, expected whole numbers, or sizes of axes"
        ) from None


def broadcast(operation: str, *shapes: Shape) -> Shape:
    """Return the shape of arrays of several shapes together.

    Parameters
    ----------
    operation : str
    *shapes : tuple

    Raises
    ------
    RecordingError
        Where they do not fit. An open axis stands beside an axis of 1, or of its own size.
    """
    rank = max(map(len, shapes))
    result: list[Any] = [1] * rank
    for shape in shapes:
        for place, size in enumerate(shape, rank - len(shape)):
            if _is_one(result[place]):
                result[place] = size
            elif not _is_one(size) and not _same(result[place], size):
                raise RecordingError(
                    f"{operation}: found shapes {' and '.join(map(str, shapes))}, expected axes of "
                    "one size, or of 1"
                )
    return tuple(result)


def _is_one(size: Any) -> bool:
    return not isinstance(size, Size) and bool(size == 1)


def _same(a: Any, b: Any) -> bool:
    """Return whether two sizes are one for every batch."""
    if isinstance(a, Size) and isinstance(b, Size):
        return (a.factor, a.offset) == (b.factor, b.offset)
    return not isinstance(a, Size) and not isinstance(b, Size) and bool(a == b)


def size_of(operation: str, shape: Shape) -> Any:
    """Return the number of elements: the product of the axes.

    Raises
    ------
    RecordingError
        Where it is not linear in the batch.
    """
    if 0 in [x for x in shape if not isinstance(x, Size)]:
        return 0
    if sum(isinstance(x, Size) for x in shape) > 1:
        raise RecordingError(
            f"{operation}: found the shape {shape}, expected one open axis at most where elements "
            "are counted; record the function with an axis of a known size"
        )
    return math.prod(shape)


def reshaped(shape: Shape, wanted: Shape) -> Shape:
    """Return the shape that an array of a shape gets, with what -1 stands for.

    Parameters
    ----------
    shape, wanted : tuple

    Raises
    ------
    RecordingError
        Where it holds another number of elements.
    """
    places = [i for i, x in enumerate(wanted) if not isinstance(x, Size) and x == -1]
    refusal = RecordingError(f"reshape: found the shape {shape}, expected one that makes {wanted}")
    if len(places) > 1:
        raise refusal
    # Axes of one size on both sides say nothing, so that several may be open.
    have, want = [*shape], [x for i, x in enumerate(wanted) if i not in places]
    for size in [x for x in want if isinstance(x, Size)]:
        found = next((i for i, x in enumerate(have) if _same(x, size)), None)
        if found is not None:
            del have[found]
            want.pop(next(i for i, x in enumerate(want) if x is size))
    total, known = size_of("reshape", tuple(have)), size_of("reshape", tuple(want))
    if not places:
        if not _same(total, known):
            raise refusal
        return wanted
    rest = _quotient(total, known)
    if rest is None:
        raise refusal
    return (*wanted[: places[0]], rest, *wanted[places[0] + 1 :])


def _quotient(total: Any, known: Any) -> Any:
    """Return the size by which a size is multiplied to be another, or None where there is none."""
    if isinstance(known, Size):
        if isinstance(total, Size):
            times = total.factor // known.factor
            return times if times and _same(known * times, total) else None
        return 0 if total == 0 else None
    if known == 0:
        return None
    if not isinstance(total, Size):
        return total // known if total % known == 0 else None
    if total.factor % known or total.offset % known:
        return None
    return Size(total.factor // known, total.offset // known)


def axis_of(operation: str, axis: Any, rank: int) -> int:
    """Return an axis as a number from 0 on.

    Raises
    ------
    RecordingError
        Where there is no such axis.
    """
    try:
        place = operator.index(axis)
    except TypeError:
        place = rank
    if not -rank <= place < rank:
        raise RecordingError(f"{operation}: found axis {axis!r}, expected one of {rank} axes")
    return place % rank


def axes_of(operation: str, axis: Any, rank: int) -> tuple[int, ...]:
    """Return the axes that are meant, each from 0 on: all of them by None.

    Raises
    ------
    RecordingError
        Where there is no such axis, or one is named twice.
    """
    if axis is None:
        return tuple(range(rank))
    named = axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(axis_of(operation, x, rank) for x in named)
    if len(set(axes)) < len(axes):
        raise RecordingError(f"{operation}: found axis {axis!r}, expected each axis once")
    return axes


def reduced(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """Return the shape that is left where some axes are made one number."""
    if keepdims:
        return tuple(1 if i in axes else x for i, x in enumerate(shape))
    return tuple(x for i, x in enumerate(shape) if i not in axes)


def matmul_shape(a: Shape, b: Shape) -> Shape:
    """Return the shape of a matrix product, by the standard's rules for vectors and stacks.

    Raises
    ------
    RecordingError
        Where there is no such product.
    """
    if not a or not b:
        raise RecordingError(f"matmul: found shapes {a} and {b}, expected one axis at least")
    if not _same(a[-1], b[-1] if len(b) == 1 else b[-2]):
        raise RecordingError(
            f"matmul: found shapes {a} and {b}, expected as many columns as there are rows"
        )
    lead = broadcast("matmul", a[:-2], b[:-2])
    return (*lead, *(a[-2:-1] if len(a) > 1 else ()), *(b[-1:] if len(b) > 1 else ()))
