"""Limited-memory BFGS, on the host in float64 (Nocedal 1980).

Curvature is learnt from the last few moves and stays in a state of its own, so a run that is
taken up where another one ended is one long run. Each move is found by SciPy's line search, and
the moves are those of SciPy's L-BFGS-B without bounds, which itself cannot be taken up.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import require
from dnn_xp.reprs import outline

__all__ = [
    "LBFGSState",
    "NotFiniteError",
    "Objective",
    "Point",
    "Vector",
    "converged",
    "iterations",
    "start_at",
]

Vector = np.ndarray[Any, np.dtype[np.float64]]
Objective = Callable[[Vector], tuple[float, Vector]]
"""``objective(theta)`` is the cost and its gradient."""

_EPSILON = float(np.finfo(np.float64).eps)


class NotFiniteError(ArithmeticError):
    """The cost or its gradient is not finite; the message says which, and what it is."""


class Pairs(NamedTuple):
    """Curvature pairs: the last moves, and what they changed of the gradient.

    Attributes
    ----------
    moves : ndarray of float64, shape (k, size)
        Oldest first.
    changes : ndarray of float64, shape (k, size)
        Of the gradient, in each move.
    """

    moves: Any
    changes: Any

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)


class LBFGSState(NamedTuple):
    """State of L-BFGS, on the host.

    Attributes
    ----------
    theta : ndarray of float64, shape (size,)
    pairs : Pairs, optional
        Default: nothing is known yet.
    """

    theta: Vector
    pairs: Pairs | None = None

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)


class Point(NamedTuple):
    """The cost and its gradient at theta."""

    theta: Vector
    cost: float
    gradient: Vector


def start_at(theta: Any) -> LBFGSState:
    """Return the state of a run that knows nothing yet, of an array on the host."""
    theta = np.array(theta, dtype=np.float64)
    return LBFGSState(theta, _no_pairs(theta))


def _no_pairs(theta: Vector) -> Pairs:
    none = np.empty((0, theta.size))
    return Pairs(none, none)


def iterations(
    objective: Objective, state: LBFGSState, memory: int
) -> Iterator[tuple[Point, Pairs]]:
    """Yield the point where a run starts, then the one after each move, and the pairs by then.

    The end is where the line search finds no lower cost, not even along the gradient.

    Parameters
    ----------
    objective : callable
    state : LBFGSState
    memory : int
        How many pairs are kept at most.

    Raises
    ------
    NotFiniteError
    """
    point, pairs = _look(objective, state.theta), state.pairs or _no_pairs(state.theta)
    pairs = Pairs(pairs.moves[-memory:], pairs.changes[-memory:])
    yield point, pairs
    while True:
        found = _search(objective, point, _direction(point.gradient, pairs))
        if found is None and len(pairs.moves):  # they mislead, as SciPy finds too: begin anew
            pairs = _no_pairs(point.theta)
            found = _search(objective, point, _direction(point.gradient, pairs))
        if found is None:
            return
        pairs = _with_move(pairs, point, found, memory)
        point = found
        yield point, pairs


def converged(
    cost_before: float, point: Point, tolerance: float, cost_tolerance: float
) -> str | None:
    """Return in words why a run may end, by the two tests of SciPy's L-BFGS-B, or None.

    Parameters
    ----------
    cost_before : float
        Before the last move; NaN where there was none.
    point : Point
    tolerance, cost_tolerance : float
        Of the largest element of the gradient, and of the cost's fall relative to the cost.
    """
    if float(np.max(np.abs(point.gradient))) <= tolerance:
        return f"converged: no element of the gradient is further than {tolerance:g} from 0"
    least = cost_tolerance * max(abs(cost_before), abs(point.cost), 1.0)
    if cost_before - point.cost <= least:
        return f"converged: the cost fell by no more than {least:g}"
    return None


def _look(objective: Objective, theta: Vector) -> Point:
    point = Point(theta, *objective(theta))
    if not math.isfinite(point.cost):
        raise NotFiniteError(f"the cost became {point.cost}")
    if not np.isfinite(point.gradient).all():
        raise NotFiniteError("the gradient became infinite or undefined")
    return point


def _direction(gradient: Vector, pairs: Pairs) -> Vector:
    """Return minus the inverse Hessian times the gradient (Nocedal and Wright, algorithm 7.4).

    Without pairs: the direction of steepest descent, of length 1.
    """
    if not len(pairs.moves):
        return -gradient / float(np.sqrt(gradient @ gradient))
    couples = list(zip(*pairs, strict=True))
    q, alphas = gradient, []
    for s, y in reversed(couples):
        alphas.append((s @ q) / (s @ y))
        q = q - alphas[-1] * y
    s, y = couples[-1]
    q = q * ((s @ y) / (y @ y))
    for (s, y), alpha in zip(couples, reversed(alphas), strict=True):
        q = q + (alpha - (y @ q) / (s @ y)) * s
    return -np.asarray(q)


def _search(objective: Objective, start: Point, direction: Vector) -> Point | None:
    """Return the point that SciPy's line search accepts, from a step of 1, or None.

    That search (Moré and Thuente 1994) has no name of its own in SciPy, but it is all that the
    first iteration of L-BFGS-B does with one variable, the step. The fall is measured in units
    of the slope, which makes the slope at the start -1 and so the first step tried 1.
    """
    slope = float(start.gradient @ direction)
    if not slope < 0.0:
        return None
    last = start

    def fall(step: Vector) -> tuple[float, Vector]:
        nonlocal last
        if step[0] == 0.0:
            return 0.0, np.array([-1.0])
        last = _look(objective, start.theta + step[0] * direction)
        return (last.cost - start.cost) / -slope, np.array([last.gradient @ direction]) / -slope

    options = {"maxiter": 1, "ftol": 0.0, "gtol": 0.0}
    minimize = require("scipy.optimize", "scipy").minimize
    found = minimize(fall, np.zeros(1), jac=True, method="L-BFGS-B", options=options)
    return last if found.nit else None


def _with_move(pairs: Pairs, before: Point, after: Point, memory: int) -> Pairs:
    """Return the pairs with one more move, unless it would make the Hessian indefinite."""
    s, y = after.theta - before.theta, after.gradient - before.gradient
    if not s @ y > -_EPSILON * (before.gradient @ s):
        return pairs
    moves, changes = np.vstack([pairs.moves, s]), np.vstack([pairs.changes, y])
    return Pairs(moves[-memory:], changes[-memory:])
