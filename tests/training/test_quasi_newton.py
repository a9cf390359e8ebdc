"""Limited-memory BFGS: SciPy's own moves, in one run or in many, and how it ends.

On the host alone: what is minimized here are plain functions of NumPy.
"""

import math
from itertools import islice

import numpy as np
import pytest

from dnn_xp.training.quasi_newton import (
    LBFGSState,
    NotFiniteError,
    Pairs,
    Point,
    converged,
    iterations,
    start_at,
)

optimize = pytest.importorskip("scipy.optimize", reason="L-BFGS searches lines with SciPy")

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(30, 8)), RNG.choice([-1.0, 1.0], size=30)


def rosenbrock(x):
    return optimize.rosen(x), optimize.rosen_der(x)


def quadratic(x):
    scales = np.geomspace(1.0, 100.0, x.size)
    return 0.5 * float(x @ (scales * x)), scales * x


def logistic(x):
    margins = B * (A @ x)
    cost = np.logaddexp(0.0, -margins).mean() + 0.005 * x @ x
    return float(cost), -(B / (1.0 + np.exp(margins))) @ A / 30 + 0.01 * x


class Counted:
    """An objective that counts how often it is asked."""

    def __init__(self, objective):
        self.objective, self.calls = objective, 0

    def __call__(self, x):
        self.calls += 1
        return self.objective(x)


@pytest.mark.parametrize("memory", [1, 4, 10])
@pytest.mark.parametrize("objective", [rosenbrock, quadratic, logistic])
def test_the_moves_are_those_of_scipy(objective, memory):
    """In 15 moves, some with steps other than 1.

    Rounding differs, from 1e-16 on (gradients reach 1e4), and what it does grows with each move.
    """
    ours, theirs, path = Counted(objective), Counted(objective), []
    start = np.linspace(-4.0, 4.0, 8)
    options = {"maxiter": 15, "maxcor": memory, "ftol": 0.0, "gtol": 0.0}
    optimize.minimize(
        theirs,
        start,
        jac=True,
        method="L-BFGS-B",
        options=options,
        callback=lambda x: path.append(x.copy()),
    )
    found = [point for point, _ in islice(iterations(ours, start_at(start), memory), 16)]
    assert len(path) == 15
    np.testing.assert_allclose([point.theta for point in found[1:]], path, rtol=0, atol=1e-10)
    assert ours.calls == theirs.calls
    for point in found:
        cost, gradient = objective(point.theta)
        assert point.cost == cost
        np.testing.assert_array_equal(point.gradient, gradient)


@pytest.mark.parametrize("times", [1, 7])
def test_runs_that_are_taken_up_are_one_run(times):
    """Bit for bit, also after the oldest pairs have gone."""
    start = start_at([-1.2, 1.0] * 4)
    whole = [point.theta for point, _ in islice(iterations(rosenbrock, start, 5), 15)]
    state, parts = start, [start.theta]
    for _ in range(14 // times):
        found = list(islice(iterations(rosenbrock, state, 5), 1, times + 1))
        parts += [point.theta for point, _ in found]
        state = LBFGSState(parts[-1], found[-1][1])
    np.testing.assert_array_equal(parts, whole)
    assert len(state.pairs.moves) == len(state.pairs.changes) == 5
    s, y = state.pairs.moves[0], state.pairs.changes[0]
    np.testing.assert_array_equal(s, whole[-5] - whole[-6])
    np.testing.assert_array_equal(y, rosenbrock(whole[-5])[1] - rosenbrock(whole[-6])[1])


def test_a_memory_that_has_shrunk_holds_the_newest():
    start = start_at([-1.2, 1.0])
    *_, (point, pairs) = islice(iterations(rosenbrock, start, 6), 7)
    _, kept = next(iterations(rosenbrock, LBFGSState(point.theta, pairs), 2))
    assert len(pairs.moves) == 6
    np.testing.assert_array_equal(kept.moves, pairs.moves[-2:])
    np.testing.assert_array_equal(kept.changes, pairs.changes[-2:])


def test_the_start_is_a_copy():
    theta = np.ones(3, dtype=np.float32)
    state = start_at(theta)
    theta[0] = 5.0
    np.testing.assert_array_equal(state.theta, [1.0, 1.0, 1.0])
    assert state.theta.dtype == np.float64


def test_pairs_that_point_uphill_are_forgotten():
    s = np.array([1.0, 2.0])
    state = LBFGSState(np.array([3.0, 1.0]), Pairs(s[None, :], -s[None, :]))
    fresh, misled = (
        islice(iterations(quadratic, one, 5), 3) for one in (start_at(state.theta), state)
    )
    for (point, pairs), (desired, expected) in list(zip(misled, fresh, strict=True))[1:]:
        np.testing.assert_array_equal(point.theta, desired.theta)
        assert len(pairs.moves) == len(expected.moves)


def test_a_straight_line_teaches_nothing():
    """Its gradient does not change; the search goes on to its longest step and no further."""
    _, (point, pairs) = islice(iterations(lambda x: (-x[0], -np.ones(1)), start_at([0.0]), 5), 2)
    assert pairs.moves.shape == pairs.changes.shape == (0, 1)
    assert 1e9 < point.theta[0] < np.inf


def test_it_ends_where_nothing_is_lower():
    """At a kink, with pairs and without."""
    pairs = Pairs(np.ones((1, 1)), np.ones((1, 1)))
    for state in (start_at([0.0]), LBFGSState(np.zeros(1), pairs)):
        (point, _), *more = iterations(lambda x: (float(abs(x[0])), np.ones(1)), state, 5)
        assert not more
        assert point.cost == 0.0


@pytest.mark.parametrize(
    ("cost", "slope", "message"),
    [
        (np.nan, 1.0, "the cost became nan"),
        (np.inf, 1.0, "the cost became inf"),
        (1.0, np.inf, "the gradient became infinite or undefined"),
        (1.0, np.nan, "the gradient became infinite or undefined"),
    ],
)
def test_quasi_newton_what_is_not_finite_is_said(cost, slope, message):
    """At the start, and where a line search meets it."""

    def bad_below_0(x):
        return (1.0 + x[0], np.ones(1)) if x[0] > 0.0 else (cost, np.array([slope]))

    with pytest.raises(NotFiniteError, match=f"^{message}$"):
        next(iterations(bad_below_0, start_at([-1.0]), 5))
    run = iterations(bad_below_0, start_at([0.5]), 5)
    next(run)
    with pytest.raises(NotFiniteError, match=f"^{message}$"):
        next(run)


def test_when_it_has_converged():
    def at(cost, *gradient):
        return Point(np.zeros(2), cost, np.array(gradient))

    first = at(8.0, 0.5, -2.0)
    assert converged(math.nan, first, 1.9, 1e9) is None
    assert "no element of the gradient is further than 2 from 0" in converged(
        math.nan, first, 2.0, 0.0
    )
    # A fall from 8 to 6 is a quarter of 8; below a cost of 1, falls count as they are.
    assert converged(first.cost, at(6.0, 1.0, 1.0), 0.0, 0.24) is None
    assert "the cost fell by no more than 2" in converged(first.cost, at(6.0, 1.0, 1.0), 0.0, 0.25)
    assert converged(at(0.5, 1.0, 1.0).cost, at(0.25, 1.0, 1.0), 0.0, 0.24) is None
    assert converged(at(0.5, 1.0, 1.0).cost, at(0.25, 1.0, 1.0), 0.0, 0.25).startswith(
        "converged: "
    )
