"""Costs, each directly above its derivative.

A cost compares what comes out of the last layer with the targets Y, both (n_outputs, m), and
returns one number an example, shape (m,): the sum over outputs. Its derivative has the shape of
its first argument. Nothing is averaged here. Axes before these two are of several networks.

Costs *by Z* take the logits, the linear output of the last layer, and contain the output function
(sigmoid, softmax, exp): stable for every Z. Costs *by A* take what the output function has made
of them, as textbooks do. Where the output function is the identity the two are one.

Of several quantiles each target has as many outputs: then Y has a row for each target.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from numbers import Real
from statistics import NormalDist
from typing import Any, NamedTuple

from dnn_xp.arguments import check_number, shown
from dnn_xp.backends import Array, column_maxima, column_sums, namespace
from dnn_xp.functions.activations import identity, sigmoid, softmax, softplus
from dnn_xp.reprs import outline

__all__ = [
    "COSTS",
    "Cost",
    "CostSpec",
    "TargetRange",
    "absolute_error",
    "back_absolute_error",
    "back_binary_cross_entropy",
    "back_categorical_cross_entropy",
    "back_exponential",
    "back_grouped_categorical_cross_entropy",
    "back_grouped_softmax_cross_entropy",
    "back_huber",
    "back_ordered_quantiles",
    "back_poisson",
    "back_poisson_by_A",
    "back_quantile",
    "back_quantiles",
    "back_quantiles_by_A",
    "back_sigmoid_cross_entropy",
    "back_softmax_cross_entropy",
    "back_squared_error",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "central_outputs",
    "classes_of_outputs",
    "exponential",
    "find_cost",
    "grouped_categorical_cross_entropy",
    "grouped_softmax",
    "grouped_softmax_cross_entropy",
    "huber",
    "ordered_quantiles",
    "poisson",
    "poisson_by_A",
    "quantile",
    "quantiles",
    "quantiles_by_A",
    "quantiles_of",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
    "target_groups",
]


class TargetRange(NamedTuple):
    """The range of the targets that a cost is made for; they are finite in any case.

    Attributes
    ----------
    lowest, highest : float
    distributions : bool
        Whether each column, or each group of its rows, sums to 1.
    way_out : str
        What helps where they are others.
    """

    lowest: float = -math.inf
    highest: float = math.inf
    distributions: bool = False
    way_out: str = ""


class Cost(NamedTuple):
    """A cost of logits, with its derivative and the output function that belongs to it.

    Attributes
    ----------
    name : str
    output : callable
        ``output(Z, xp=xp) -> A``: what the network predicts.
    by_Z, back_by_Z : callable
        ``by_Z(Z, Y, *parameters, xp=xp)`` of shape (m,), and its derivative with respect to Z.
    parameters : tuple of float
    both_by_Z : callable, optional
        ``by_Z`` and ``back_by_Z`` at once, where that saves an exponential.
    targets : TargetRange
        The targets that it is made for. Default: any finite numbers.
    outputs_per_target : int
        How many rows of Z, after each other, belong to a row of Y.
    """

    name: str
    output: Callable[..., Array]
    by_Z: Callable[..., Array]
    back_by_Z: Callable[..., Array]
    parameters: tuple[float, ...] = ()
    both_by_Z: Callable[..., tuple[Array, Array]] | None = None
    targets: TargetRange = TargetRange()
    outputs_per_target: int = 1

    def __repr__(self) -> str:
        """Return one line, functions by their names."""
        return outline(self)

    def with_derivative(self, Z: Array, Y: Array, *, xp: Any = None) -> tuple[Array, Array]:
        """Return ``by_Z`` and ``back_by_Z``, with what they share worked out once."""
        if self.both_by_Z is not None:
            return self.both_by_Z(Z, Y, *self.parameters, xp=xp)
        return (
            self.by_Z(Z, Y, *self.parameters, xp=xp),
            self.back_by_Z(Z, Y, *self.parameters, xp=xp),
        )


# ------------------------------------------------------------------ two classes, or many labels


def sigmoid_cross_entropy(Z: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return the binary cross-entropy of sigmoid(Z): log(1 + exp(Z)) - Y * Z.

    One output is a choice between two classes; several are as many independent labels.
    """
    xp = xp or namespace(Z)
    return column_sums(softplus(Z, xp=xp) - Y * Z, xp=xp)


def back_sigmoid_cross_entropy(Z: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return sigmoid(Z) - Y."""
    return sigmoid(Z, xp=xp) - Y


def binary_cross_entropy(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return -(Y log A + (1 - Y) log(1 - A)), finite also where A is exactly 0 or 1."""
    xp = xp or namespace(A)
    return -xp.sum(Y * xp.log(_nonzero(A, xp)) + (1.0 - Y) * xp.log(_nonzero(1.0 - A, xp)), axis=-2)


def back_binary_cross_entropy(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return (1 - Y) / (1 - A) - Y / A, finite also where A is exactly 0 or 1."""
    xp = xp or namespace(A)
    return (1.0 - Y) / _nonzero(1.0 - A, xp) - Y / _nonzero(A, xp)


def _nonzero(A: Array, xp: Any) -> Array:
    """Lift zeros and subnormal numbers, whose inverse overflows, and leave all else as it is."""
    smallest = float(xp.finfo(A.dtype).smallest_normal)
    return A + smallest * xp.astype(xp.abs(A) < smallest, A.dtype)


# ------------------------------------------------------------------ many classes


def softmax_cross_entropy(Z: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return the cross-entropy of softmax(Z): log(sum(exp(Z))) - sum(Y * Z).

    Each column of Y is a distribution over the classes: it sums to 1.
    """
    xp = xp or namespace(Z)
    shifted = Z - column_maxima(Z, xp=xp)
    return xp.log(xp.sum(xp.exp(shifted), axis=-2)) - xp.sum(Y * shifted, axis=-2)


def back_softmax_cross_entropy(Z: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return softmax(Z) - Y."""
    return softmax(Z, xp=xp) - Y


def _both_softmax_cross_entropy(Z: Array, Y: Array, *, xp: Any = None) -> tuple[Array, Array]:
    xp = xp or namespace(Z)
    shifted = Z - column_maxima(Z, xp=xp)
    A = xp.exp(shifted)
    total = column_sums(A, xp=xp)
    A /= total if A.ndim == 2 else total[..., None, :]
    A -= Y
    return xp.log(total) - column_sums(Y * shifted, xp=xp), A


def categorical_cross_entropy(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return -sum(Y log A), finite also where A is exactly 0."""
    xp = xp or namespace(A)
    return -xp.sum(Y * xp.log(_nonzero(A, xp)), axis=-2)


def back_categorical_cross_entropy(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return -Y / A, finite also where A is exactly 0."""
    return -Y / _nonzero(A, xp or namespace(A))


# ------------------------------------------------------------------ several choices at once


def grouped_softmax(Z: Array, *sizes: int, xp: Any = None) -> Array:
    """Return the softmax of each group of rows by itself.

    Parameters
    ----------
    Z : array, shape (n_outputs, m)
    *sizes : int
        The rows of each group. Default: one group of all.
    """
    xp = xp or namespace(Z)
    return xp.concat([softmax(Z[..., rows, :], xp=xp) for rows in _groups(Z, sizes)], axis=-2)


def _groups(Z: Array, sizes: tuple[float, ...]) -> Iterator[slice]:
    """Yield the rows of each group."""
    n_outputs = Z.shape[-2]
    sizes, start = sizes or (n_outputs,), 0
    if sum(sizes) != n_outputs:
        raise ValueError(f"cost: found groups of {sizes} outputs, expected {n_outputs} in all")
    for size in map(int, sizes):
        yield slice(start, start + size)
        start += size


def grouped_softmax_cross_entropy(Z: Array, Y: Array, *sizes: int, xp: Any = None) -> Array:
    """Return the cross-entropy of `grouped_softmax`, summed over groups.

    Each group is a choice of its own between classes: each column of its part of Y sums to 1.
    """
    groups = _groups(Z, sizes)
    costs: Array = sum(
        softmax_cross_entropy(Z[..., rows, :], Y[..., rows, :], xp=xp) for rows in groups
    )
    return costs


def back_grouped_softmax_cross_entropy(Z: Array, Y: Array, *sizes: int, xp: Any = None) -> Array:
    """Return grouped_softmax(Z) - Y."""
    return grouped_softmax(Z, *sizes, xp=xp) - Y


def grouped_categorical_cross_entropy(A: Array, Y: Array, *sizes: int, xp: Any = None) -> Array:
    """Return -sum(Y log A), in which the groups of A need not be told apart."""
    return categorical_cross_entropy(A, Y, xp=xp)


def back_grouped_categorical_cross_entropy(
    A: Array, Y: Array, *sizes: int, xp: Any = None
) -> Array:
    """Return -Y / A, finite also where A is exactly 0."""
    return back_categorical_cross_entropy(A, Y, xp=xp)


# ------------------------------------------------------------------ real values


def squared_error(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return (A - Y)^2 / 2 summed over outputs: minus a Gaussian's log-likelihood."""
    E = A - Y
    return 0.5 * column_sums(E * E, xp=xp)


def back_squared_error(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return A - Y."""
    return A - Y


def absolute_error(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return abs(A - Y) summed over outputs; its minimum is the median."""
    xp = xp or namespace(A)
    return column_sums(xp.abs(A - Y), xp=xp)


def back_absolute_error(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return the sign of A - Y."""
    return (xp or namespace(A)).sign(A - Y)


def huber(A: Array, Y: Array, delta: float = 1.0, *, xp: Any = None) -> Array:
    """Return the squared error within delta, and its tangent beyond (Huber 1964)."""
    xp = xp or namespace(A)
    E = xp.abs(A - Y)
    inner = xp.minimum(E, delta)
    return column_sums(inner * (E - 0.5 * inner), xp=xp)


def back_huber(A: Array, Y: Array, delta: float = 1.0, *, xp: Any = None) -> Array:
    """Return A - Y, clipped to delta either way."""
    xp = xp or namespace(A)
    return xp.minimum(xp.maximum(A - Y, -delta), delta)


def quantile(A: Array, Y: Array, q: float = 0.5, *, xp: Any = None) -> Array:
    """Return the pinball cost, whose minimum is the q-quantile (Koenker and Bassett 1978)."""
    xp = xp or namespace(A)
    E = Y - A
    return column_sums(xp.maximum(q * E, (q - 1.0) * E), xp=xp)


def back_quantile(A: Array, Y: Array, q: float = 0.5, *, xp: Any = None) -> Array:
    """Return 1 - q where A > Y, -q where A < Y, and 0 where they are equal."""
    xp = xp or namespace(A)
    above, below = xp.astype(A > Y, A.dtype), xp.astype(A < Y, A.dtype)
    return (1.0 - q) * above - q * below


# ------------------------------------------------------------------ several quantiles at once


def ordered_quantiles(Z: Array, *levels: float, xp: Any = None) -> Array:
    """Return quantiles that never cross: each a step of softplus(Z) beyond the one before it.

    The first, from which the steps go up and down, is the one nearest to the median: there it is Z
    itself. The unit of a step is such that Z = 0 gives quantiles of the standard normal
    distribution, but for that first one.

    Parameters
    ----------
    Z : array, shape (n_targets * n_quantiles, m)
        The rows of a target follow each other.
    *levels : float
        Between 0 and 1, rising.
    """
    xp = xp or namespace(Z)
    return _interleaved(_ordered(Z, levels, xp), Z, xp)


def back_ordered_quantiles(dA: Array, Z: Array, *levels: float, xp: Any = None) -> Array:
    """Return the derivative by Z: a step moves all quantiles beyond it."""
    rows = _rows_of_quantiles(dA, len(levels))
    return _back_ordered(rows, Z, levels, xp or namespace(Z))


def _ordered(Z: Array, levels: tuple[float, ...], xp: Any) -> list[Array]:
    """Return the rows of each quantile, shape (n_targets, m)."""
    first, widths = _nearest_to_median(levels), _step_widths(levels)
    A = _rows_of_quantiles(Z, len(levels))
    steps = _rows_of_quantiles(softplus(Z, xp=xp), len(levels))
    # One after the other: however it is rounded, what is added is not below 0.
    for k in range(first + 1, len(A)):
        A[k] = A[k - 1] + widths[k - 1] * steps[k]
    for k in range(first - 1, -1, -1):
        A[k] = A[k + 1] - widths[k] * steps[k]
    return A


def _back_ordered(dA: list[Array], Z: Array, levels: tuple[float, ...], xp: Any) -> Array:
    first, widths = _nearest_to_median(levels), _step_widths(levels)
    slopes = _rows_of_quantiles(sigmoid(Z, xp=xp), len(levels))
    dZ, moved = [*dA], [*dA]  # what each and all beyond it add up to
    for k in range(len(dA) - 2, first - 1, -1):
        moved[k] = moved[k] + moved[k + 1]
        dZ[k + 1] = widths[k] * slopes[k + 1] * moved[k + 1]
    for k in range(first):
        dZ[k] = -widths[k] * slopes[k] * moved[k]
        moved[k + 1] = moved[k + 1] + moved[k]
    dZ[first] = moved[first]
    return _interleaved(dZ, Z, xp)


def _rows_of_quantiles(Z: Array, count: int) -> list[Array]:
    """Return the rows of each quantile, one a target."""
    if Z.shape[-2] % count:
        raise ValueError(f"cost: found {Z.shape[-2]} outputs, expected {count} for each target")
    return [Z[..., k::count, :] for k in range(count)]


def _interleaved(rows: list[Array], like: Array, xp: Any) -> Array:
    """Return the rows of all quantiles, those of a target after each other."""
    return xp.reshape(xp.stack(rows, axis=-2), like.shape)


def _nearest_to_median(levels: tuple[float, ...]) -> int:
    """Return the place of the quantile that is nearest to one half."""
    return min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))


@lru_cache(maxsize=128)  # it is asked in every step
def _step_widths(levels: tuple[float, ...]) -> list[float]:
    """Return by how much a normal distribution's quantiles are apart, over softplus(0)."""
    normal = [NormalDist().inv_cdf(q) for q in levels]
    return [(b - a) / math.log(2.0) for a, b in pairwise(normal)]


def quantiles(Z: Array, Y: Array, *levels: float, xp: Any = None) -> Array:
    """Return the mean pinball cost of the quantiles that `ordered_quantiles` makes of Z.

    Parameters
    ----------
    Z : array, shape (n_targets * n_quantiles, m)
    Y : array, shape (n_targets, m)
    *levels : float
        Between 0 and 1, rising.
    """
    xp = xp or namespace(Z)
    return _mean_pinball(_ordered(Z, levels, xp), Y, levels, xp)


def back_quantiles(Z: Array, Y: Array, *levels: float, xp: Any = None) -> Array:
    """Return the derivative by Z: that by A, through the steps."""
    return _both_quantiles(Z, Y, *levels, xp=xp)[1]


def _both_quantiles(Z: Array, Y: Array, *levels: float, xp: Any = None) -> tuple[Array, Array]:
    xp = xp or namespace(Z)
    A = _ordered(Z, levels, xp)
    dA = _back_mean_pinball(A, Y, levels, xp)
    return _mean_pinball(A, Y, levels, xp), _back_ordered(dA, Z, levels, xp)


def quantiles_by_A(A: Array, Y: Array, *levels: float, xp: Any = None) -> Array:
    """Return the mean over quantiles of their pinball costs, summed over targets."""
    rows = _rows_of_quantiles(A, len(levels))
    return _mean_pinball(rows, Y, levels, xp or namespace(A))


def back_quantiles_by_A(A: Array, Y: Array, *levels: float, xp: Any = None) -> Array:
    """Return the derivative of each pinball cost, over the number of quantiles."""
    xp, rows = xp or namespace(A), _rows_of_quantiles(A, len(levels))
    return _interleaved(_back_mean_pinball(rows, Y, levels, xp), A, xp)


def _mean_pinball(A: list[Array], Y: Array, levels: tuple[float, ...], xp: Any) -> Array:
    costs: Array = sum(quantile(a, Y, q, xp=xp) for a, q in zip(A, levels, strict=True))
    return costs / len(A)


def _back_mean_pinball(A: list[Array], Y: Array, levels: tuple[float, ...], xp: Any) -> list[Array]:
    pairs = zip(A, levels, strict=True)
    return [back_quantile(a, Y, q, xp=xp) / len(A) for a, q in pairs]


# ------------------------------------------------------------------ counts


def exponential(Z: Array, *, xp: Any = None) -> Array:
    """Return exp(Z), the mean of a Poisson count.

    Above the square root of the largest number, e^44 in float32 and e^354 in float64, it stays
    at that value, so that sums and gradients remain finite.
    """
    xp = xp or namespace(Z)
    return xp.exp(xp.minimum(Z, 0.5 * math.log(xp.finfo(Z.dtype).max)))


def back_exponential(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA * A."""
    return dA * A


def poisson(Z: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return half the Poisson deviance of the mean exp(Z): exp(Z) - Y + Y (log Y - Z)."""
    xp = xp or namespace(Z)
    return column_sums(exponential(Z, xp=xp) - Y + Y * (xp.log(_nonzero(Y, xp)) - Z), xp=xp)


def back_poisson(Z: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return exp(Z) - Y."""
    return exponential(Z, xp=xp) - Y


def poisson_by_A(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return half the Poisson deviance of the mean A: A - Y + Y log(Y / A)."""
    xp = xp or namespace(A)
    return xp.sum(A - Y + Y * (xp.log(_nonzero(Y, xp)) - xp.log(_nonzero(A, xp))), axis=-2)


def back_poisson_by_A(A: Array, Y: Array, *, xp: Any = None) -> Array:
    """Return 1 - Y / A, finite also where A is exactly 0, whatever the count."""
    xp = xp or namespace(A)
    smallest = float(xp.finfo(A.dtype).smallest_normal)
    return 1.0 - Y / xp.maximum(A, smallest * xp.maximum(Y, 1.0))


def _on_values(
    name: str, cost: Callable[..., Array], back: Callable[..., Array], *parameters: float
) -> Cost:
    return Cost(name, identity, cost, back, parameters)


_LABELS = TargetRange(0.0, 1.0, way_out="name two classes 0 and 1, or take a cost of values")
_DISTRIBUTIONS = TargetRange(
    0.0, 1.0, distributions=True, way_out="one_hot makes such columns of classes"
)
_COUNTS = TargetRange(0.0, way_out="a count is not negative")

COSTS: dict[str, Cost] = {
    cost.name: cost
    for cost in (
        Cost(
            "sigmoid_cross_entropy",
            sigmoid,
            sigmoid_cross_entropy,
            back_sigmoid_cross_entropy,
            targets=_LABELS,
        ),
        Cost(
            "softmax_cross_entropy",
            softmax,
            softmax_cross_entropy,
            back_softmax_cross_entropy,
            both_by_Z=_both_softmax_cross_entropy,
            targets=_DISTRIBUTIONS,
        ),
        Cost(
            "grouped_softmax_cross_entropy",
            grouped_softmax,
            grouped_softmax_cross_entropy,
            back_grouped_softmax_cross_entropy,
            targets=_DISTRIBUTIONS,
        ),
        _on_values("squared_error", squared_error, back_squared_error),
        _on_values("absolute_error", absolute_error, back_absolute_error),
        _on_values("huber", huber, back_huber, 1.0),
        _on_values("quantile", quantile, back_quantile, 0.5),
        Cost("poisson", exponential, poisson, back_poisson, targets=_COUNTS),
    )
}
"""The costs, by the name of their form by Z."""


CostSpec = str | tuple[str, *tuple[float, ...]] | tuple[str, Sequence[float]] | Cost
"""A name, a name with parameters, or a cost of one's own."""


def find_cost(spec: CostSpec) -> Cost:
    """Return the cost that a name, or a name with parameters, stands for.

    Parameters
    ----------
    spec : str, tuple or Cost
        ``"softmax_cross_entropy"``, ``("huber", 2.0)``, or a cost of one's own. Two choices, among
        three classes and among four: ``("grouped_softmax_cross_entropy", 3, 4)``. Several
        quantiles of each target: ``("quantile", [0.05, 0.5, 0.95])``.

    Raises
    ------
    ValueError
        For a name that is not in `COSTS`, or parameters that it has not.
    """
    found = COSTS.get(spec) if isinstance(spec, str) else None
    if found is not None:  # the way of every step of a run
        return found
    if isinstance(spec, Cost):
        return spec
    words = spec if isinstance(spec, tuple | list) and spec else (spec,)
    try:
        levels = _listed(words[1]) if len(words) == 2 and words[0] == "quantile" else None
        if levels is not None:
            return _find_quantiles(levels)
        return _find_cost(*words)
    except TypeError:  # what cannot be hashed is neither a name nor a number
        expected = "a name, or a name with numbers, such as ('huber', 2.0)"
        raise ValueError(f"cost: found {shown(spec)}, expected {expected}") from None


@lru_cache(maxsize=128, typed=True)  # it is asked in every step
def _find_cost(name: Any, *parameters: Any) -> Cost:
    spec = (name, *parameters)
    if not isinstance(name, str) or name not in COSTS:
        raise ValueError(f"cost: found {shown(name)}, expected one of {', '.join(COSTS)}")
    found = COSTS[name]
    if not parameters:
        return found
    if found.output is grouped_softmax:
        return _with_groups(found, [*parameters])
    if found.by_Z is quantile and len(parameters) > 1:
        return _with_quantiles(found, [*parameters])
    if len(parameters) > len(found.parameters):
        takes = "one parameter" if found.parameters else "no parameter"
        raise ValueError(f"cost: found {spec!r}, but {name!r} takes {takes}")
    # huber's delta, a quantile
    below = 1.0 if found.by_Z is quantile else math.inf
    return found._replace(parameters=_numbers_below(below, [*parameters]))


def _numbers_below(end: float, numbers: list[Any]) -> tuple[float, ...]:
    expected = f"a number between 0 and {end:g}"
    checked = [check_number("cost", x, lambda x: 0.0 < x < end, expected) for x in numbers]
    return tuple(map(float, checked))


def _listed(value: Any) -> list[Any] | None:
    """Return what is in a list or a vector, or None of anything else."""
    if isinstance(value, list | tuple):
        return [*value]
    return [*value.tolist()] if getattr(value, "ndim", 0) == 1 else None


def _find_quantiles(levels: list[Any]) -> Cost:
    """Return the cost of a list of quantiles."""
    if not levels:
        raise ValueError("cost: found no quantiles, expected at least one, such as [0.1, 0.5, 0.9]")
    return _find_cost("quantile", *_numbers_below(1.0, levels))


def _with_quantiles(cost: Cost, numbers: list[float]) -> Cost:
    """Return the cost of several quantiles, and the output that belongs to it."""
    levels = _numbers_below(1.0, numbers)
    if any(a >= b for a, b in pairwise(levels)):
        raise ValueError(
            f"cost: found the quantiles {shown(list(levels))}, expected them rising, each once: "
            "the outputs of a target are in that order"
        )

    def ordered(Z: Array, *, xp: Any = None) -> Array:
        return ordered_quantiles(Z, *levels, xp=xp)

    return cost._replace(
        output=ordered,
        by_Z=quantiles,
        back_by_Z=back_quantiles,
        both_by_Z=_both_quantiles,
        parameters=levels,
        outputs_per_target=len(levels),
    )


def quantiles_of(cost: Cost) -> tuple[float, ...]:
    """Return the quantiles of which each target has one output each; none of any other cost.

    Parameters
    ----------
    cost : Cost
    """
    return cost.parameters if cost.by_Z is quantiles else ()


def central_outputs(cost: Cost) -> slice:
    """Return the rows of outputs that stand for a target by themselves: usually all.

    Where a target has several outputs: its quantile nearest to the median, or, of a cost of one's
    own, its first output.

    Parameters
    ----------
    cost : Cost
    """
    levels = quantiles_of(cost)
    first = _nearest_to_median(levels) if levels else 0
    return slice(first, None, cost.outputs_per_target)


def classes_of_outputs(cost: Cost, n_outputs: int) -> list[int]:
    """Return between how many classes each output decides; nothing where they are values.

    Parameters
    ----------
    cost : Cost
    n_outputs : int
    """
    if cost.output is sigmoid:
        return [2] * n_outputs
    if cost.output is softmax:
        return [n_outputs] * n_outputs
    if cost.by_Z is grouped_softmax_cross_entropy:
        sizes = map(int, cost.parameters or (n_outputs,))
        return [size for size in sizes for _ in range(size)]
    return []


def _with_groups(cost: Cost, sizes: list[float]) -> Cost:
    """Return a cost, and the output that belongs to it, of groups of these sizes."""
    groups = tuple(map(_group_size, sizes))

    def softmax_of_groups(Z: Array, *, xp: Any = None) -> Array:
        return grouped_softmax(Z, *groups, xp=xp)

    return cost._replace(output=softmax_of_groups, parameters=groups)


def _group_size(size: float) -> int:
    if not isinstance(size, Real) or isinstance(size, bool) or size not in range(1, 2**31):
        raise ValueError(f"cost: found a group of {shown(size)} outputs, expected 1 or more")
    return int(size)


def target_groups(cost: Cost, n_outputs: int) -> list[slice]:
    """Return the rows of targets that are a distribution each; none where targets are no such.

    Parameters
    ----------
    cost : Cost
    n_outputs : int

    Raises
    ------
    ValueError
        Where the groups of the cost are not of so many outputs, or are all of one, whose
        probability is 1, whatever is learnt.
    """
    if not cost.targets.distributions:
        return []
    sizes = tuple(map(int, cost.parameters)) or (n_outputs,)
    if sum(sizes) != n_outputs:
        raise ValueError(f"cost: found groups of {sizes} outputs, expected {n_outputs} in all")
    if max(sizes) == 1:
        raise ValueError(
            f"cost: found {cost.name!r} of one output, whose probability is always 1, expected 2 "
            "outputs or more; two classes with one output are 'sigmoid_cross_entropy'"
        )
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
