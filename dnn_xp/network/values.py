"""Checks of values: targets that a cost is made for, weights, and nothing that is not finite.

Each array is read once, before anything is computed from it, by a few reductions whose results are
moved to the host together. What is read a batch at a time is checked as it is read.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dnn_xp.backends import (
    Array,
    Matrix,
    Namespace,
    Vector,
    dtype_name,
    has_values,
    namespace,
    numbers_on_host,
    widened,
)
from dnn_xp.data.sources import Source, reference_array
from dnn_xp.functions.costs import CostSpec, TargetRange, find_cost, target_groups

__all__ = ["check_finite", "check_targets", "check_values", "checked_targets", "finite_source"]


class _Range(NamedTuple):
    """The smallest and the largest of an array's numbers; NaN where one of them is."""

    least: float
    most: float

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.least) and math.isfinite(self.most)


def check_values(
    cost: CostSpec,
    X: Matrix | Source,
    Y: Matrix | Source,
    weights: Vector | None = None,
    theta: Vector | None = None,
) -> None:
    """Refuse data whose values no network can learn from, or a cost is not made for.

    While a function is traced there are no values, and nothing is checked.

    Parameters
    ----------
    cost : str, tuple or Cost
    X : array or Source, shape (n_inputs, m)
    Y : array or Source, shape (n_targets, m)
    weights : array, shape (m,), optional
    theta : array, optional

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    arrays = {"X": X, "Y": Y, "weights": weights, "theta": theta}
    named = {name: x for name, x in arrays.items() if x is not None and not isinstance(x, Source)}
    if not all(has_values(x) for x in named.values()):
        return
    found, xp = find_cost(cost), namespace(reference_array(Y))
    figures = _extremes({name: x for name, x in named.items() if _has_floats(x)})
    groups = target_groups(found, Y.shape[0])
    if not isinstance(Y, Source):
        figures += [_furthest_from_one(Y[rows, :], xp) for rows in groups]
    if not figures:
        return
    numbers = numbers_on_host(figures)
    ranges = {}
    for name in (name for name, x in named.items() if _has_floats(x)):
        ranges[name], numbers = _Range(*numbers[:2]), numbers[2:]
        _check_range(name, named[name], ranges[name])
    if not isinstance(Y, Source):
        _check_targets("Y", found.targets, Y, ranges["Y"], max(numbers, default=0.0))
    if weights is not None:
        _check_weights(ranges["weights"])


def check_targets(cost: CostSpec, Y: Matrix, name: str = "Y") -> None:
    """Refuse targets that are not finite, or that a cost is not made for.

    Parameters
    ----------
    cost : str, tuple or Cost
    Y : array, shape (n_targets, m)
    name : str
        Of the argument, for the error.

    Raises
    ------
    ValueError
        What was found, and what was expected.
    """
    if not (has_values(Y) and _has_floats(Y)):
        return
    found, xp = find_cost(cost), namespace(Y)
    figures = _extremes({name: Y})
    figures += [_furthest_from_one(Y[rows, :], xp) for rows in target_groups(found, Y.shape[0])]
    least, most, *off = numbers_on_host(figures)
    _check_range(name, Y, _Range(least, most))
    _check_targets(name, found.targets, Y, _Range(least, most), max(off, default=0.0))


def check_finite(**arrays: Array) -> None:
    """Refuse arrays that hold NaN or infinity.

    Parameters
    ----------
    **arrays : array
        By the names that the error is to say. Those without floats, or without elements, pass.

    Raises
    ------
    ValueError
        Naming the array, and the first row in which such a number is.
    """
    named = {name: x for name, x in arrays.items() if _has_floats(x) and has_values(x)}
    if not named:
        return
    numbers = numbers_on_host(_extremes(named))
    for place, (name, x) in enumerate(named.items()):
        _check_range(name, x, _Range(*numbers[2 * place : 2 * place + 2]))


def finite_source(X: Matrix | Source) -> Matrix | Source:
    """Return a source that refuses examples with NaN or infinity as it reads them.

    Parameters
    ----------
    X : array or Source
        An array comes back as it is.
    """
    return _checked("X", X, lambda found: check_finite(X=found))


def checked_targets(cost: CostSpec, Y: Matrix | Source) -> Matrix | Source:
    """Return a source that refuses targets that a cost is not made for, as it reads them.

    Parameters
    ----------
    cost : str, tuple or Cost
    Y : array or Source
        An array comes back as it is.
    """
    return _checked("Y", Y, lambda found: check_targets(cost, found))


def _checked(name: str, source: Matrix | Source, look: Callable[[Array], None]) -> Matrix | Source:
    """Return a source that looks at what it has read."""
    if not isinstance(source, Source):
        return source
    n, read, like = source.shape[0], source.read, source.like

    def checked(which: Any) -> Array:
        found = read(which)
        if found.ndim != 2 or found.shape[0] != n or found.dtype != like.dtype:
            raise ValueError(
                f"{name}: read {dtype_name(found.dtype)} of shape {tuple(found.shape)}, expected "
                f"{dtype_name(like.dtype)} of shape ({n}, b), as its source says"
            )
        try:
            look(found)
        except ValueError as error:
            raise ValueError(f"{error} (among {_said(which, found.shape[1])})") from None
        return found

    return source._replace(read=checked)


def _said(which: Any, count: int) -> str:
    """Return which examples were read, in words."""
    if isinstance(which, slice):
        return f"the examples {which.start} to {which.stop - 1}"
    return f"the {count} examples of a batch"


def _has_floats(x: Array) -> bool:
    """Return whether there are numbers that can be NaN."""
    return math.prod(x.shape) > 0 and bool(namespace(x).isdtype(x.dtype, "real floating"))


def _extremes(named: Mapping[str, Array]) -> list[Array]:
    """Return the smallest and the largest number of each array, both NaN where one of them is."""
    return [extreme(x) for x in named.values() for extreme in (namespace(x).min, namespace(x).max)]


def _furthest_from_one(Y: Matrix, xp: Namespace) -> Array:
    """Return how far the sum of a column is from 1, at most."""
    return xp.max(xp.abs(xp.sum(widened(Y), axis=0) - 1.0))


def _check_range(name: str, x: Array, found: _Range) -> None:
    if found.is_finite:
        return
    xp = namespace(x)
    what = "NaN" if math.isnan(found.least) else "infinity"
    expected = "finite numbers"
    if what == "infinity" and getattr(x.dtype, "itemsize", 8) < 8:
        expected += f", no larger than {dtype_name(x.dtype)} holds"
    where = ""
    if x.ndim == 2:
        rows = xp.any(~xp.isfinite(x), axis=1)
        where = f" in row {int(xp.argmax(xp.astype(rows, xp.int32)))}"
    raise ValueError(f"{name}: found {what}{where}, expected {expected}")


def _check_targets(name: str, targets: TargetRange, Y: Matrix, found: _Range, off: float) -> None:
    lowest, highest, _, way_out = targets
    rounding = 4.0 * float(namespace(Y).finfo(Y.dtype).eps)
    if found.least < lowest - rounding or found.most > highest + rounding:
        end = "on" if highest == math.inf else f"to {highest:g}"
        least, most = found.least + 0.0, found.most + 0.0  # no -0
        raise ValueError(
            f"{name}: found numbers from {least:g} to {most:g}, expected them from {lowest:g} "
            f"{end}; {way_out}"
        )
    # A thousandth: whatever rounding and smoothing do to a column, a second label is more.
    if off > max(1e-3, rounding):
        raise ValueError(
            f"{name}: found columns whose sum is {off:g} from 1, expected distributions over the "
            f"classes, which sum to 1; {way_out}"
        )


def _check_weights(found: _Range) -> None:
    if found.least < 0.0:
        raise ValueError(f"weights: found {found.least:g}, expected numbers from 0 on")
    if found.most == 0.0:
        raise ValueError("weights: found a mean of 0.0, expected one above 0")
