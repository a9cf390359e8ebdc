"""Costs, by Z and by A: worked examples, derivatives, agreement, and what happens far out."""

import math

import numpy as np
import pytest

from dnn_xp.functions import costs as formulas
from dnn_xp.functions.costs import COSTS, Cost, back_exponential, exponential, find_cost
from tests import oracles
from tests.helpers import assert_close, assert_values

# Worked by hand: the spec, Z, A, Y, the costs of the two examples, dZ and dA.
# Logits of log 3 are odds of 3 to 1, a probability of 3/4.
LOG2, LOG3 = math.log(2), math.log(3)
WORKED = [
    (
        "sigmoid_cross_entropy",
        [[LOG3, 0.0]],
        [[0.75, 0.5]],
        [[1.0, 0.0]],
        [math.log(4 / 3), LOG2],
        [[-0.25, 0.5]],
        [[-4 / 3, 2.0]],
    ),
    (  # several labels: their sum
        "sigmoid_cross_entropy",
        [[LOG3, 0.0], [-LOG3, LOG3]],
        [[0.75, 0.5], [0.25, 0.75]],
        [[1.0, 0.0], [1.0, 0.0]],
        [math.log(4 / 3) + math.log(4), LOG2 + math.log(4)],
        [[-0.25, 0.5], [-0.75, 0.75]],
        [[-4 / 3, 2.0], [-4.0, 4.0]],
    ),
    (
        "softmax_cross_entropy",
        [[0.0, 0.0], [LOG2, 0.0], [math.log(5), LOG2]],
        [[0.125, 0.25], [0.25, 0.25], [0.625, 0.5]],
        [[0.0, 0.5], [1.0, 0.0], [0.0, 0.5]],
        [math.log(4), 0.5 * math.log(4) + 0.5 * LOG2],
        [[0.125, -0.25], [-0.75, 0.25], [0.625, 0.0]],
        [[0.0, -2.0], [-4.0, 0.0], [0.0, -1.0]],
    ),
    (  # no groups: one of all
        "grouped_softmax_cross_entropy",
        [[0.0], [LOG2], [math.log(5)]],
        [[0.125], [0.25], [0.625]],
        [[0.0], [1.0], [0.0]],
        [math.log(4)],
        [[0.125], [-0.75], [0.625]],
        [[0.0], [-4.0], [0.0]],
    ),
    (  # a choice between two classes and one among three: their sum
        ("grouped_softmax_cross_entropy", 2, 3),
        [[LOG3, 0.0], [0.0, 0.0], [0.0, 0.0], [LOG2, 0.0], [math.log(5), LOG2]],
        [[0.75, 0.5], [0.25, 0.5], [0.125, 0.25], [0.25, 0.25], [0.625, 0.5]],
        [[0.0, 1.0], [1.0, 0.0], [0.0, 0.5], [1.0, 0.0], [0.0, 0.5]],
        [2 * math.log(4), LOG2 + 0.5 * math.log(4) + 0.5 * LOG2],
        [[0.75, -0.5], [-0.75, 0.5], [0.125, -0.25], [-0.75, 0.25], [0.625, 0.0]],
        [[0.0, -2.0], [-4.0, 0.0], [0.0, -2.0], [-4.0, 0.0], [0.0, -1.0]],
    ),
    (
        "squared_error",
        *[[[3.0, 1.0], [-1.0, 1.0]]] * 2,
        [[1.0, 1.0], [0.0, 4.0]],
        [2.5, 4.5],
        *[[[2.0, 0.0], [-1.0, -3.0]]] * 2,
    ),
    (
        "absolute_error",
        *[[[3.0, 1.0], [-1.0, 1.0]]] * 2,
        [[1.0, 1.0], [0.0, 4.0]],
        [3.0, 3.0],
        *[[[1.0, 0.0], [-1.0, -1.0]]] * 2,
    ),
    (  # within 1: E^2 / 2; beyond: |E| - 1/2
        "huber",
        *[[[3.0, 1.0], [-0.5, 1.0]]] * 2,
        [[1.0, 1.0], [0.0, 4.0]],
        [1.625, 2.5],
        *[[[1.0, 0.0], [-0.5, -1.0]]] * 2,
    ),
    (  # within 2: E^2 / 2; beyond: 2 (|E| - 1)
        ("huber", 2.0),
        *[[[3.0, 1.0], [-0.5, 1.0]]] * 2,
        [[1.0, 1.0], [0.0, 4.0]],
        [2.125, 4.0],
        *[[[2.0, 0.0], [-0.5, -2.0]]] * 2,
    ),
    (  # a quarter of what is missing, three quarters of what is too much
        ("quantile", 0.25),
        *[[[3.0, 1.0], [-1.0, 1.0]]] * 2,
        [[1.0, 1.0], [0.0, 5.0]],
        [1.75, 1.0],
        *[[[0.75, 0.0], [-0.25, -0.25]]] * 2,
    ),
    (
        "poisson",
        [[LOG2, LOG3]],
        [[2.0, 3.0]],
        [[3.0, 0.0]],
        [2 - 3 + 3 * math.log(3 / 2), 3.0],
        [[-1.0, 3.0]],
        [[-0.5, 1.0]],
    ),
]
SPECS = [*COSTS, ("huber", 2.0), ("quantile", 0.25)]
SOFTMAX = ("softmax_cross_entropy", "grouped_softmax_cross_entropy")

specs = pytest.mark.parametrize("spec", SPECS, ids=str)
with_groups = pytest.mark.parametrize(
    "spec", [*SPECS, ("grouped_softmax_cross_entropy", 2, 3)], ids=str
)


# What textbooks write: of the outputs, not of the logits.
BY_A = {
    "sigmoid_cross_entropy": (
        formulas.binary_cross_entropy,
        formulas.back_binary_cross_entropy,
    ),
    "softmax_cross_entropy": (
        formulas.categorical_cross_entropy,
        formulas.back_categorical_cross_entropy,
    ),
    "grouped_softmax_cross_entropy": (
        formulas.grouped_categorical_cross_entropy,
        formulas.back_grouped_categorical_cross_entropy,
    ),
    "poisson": (formulas.poisson_by_A, formulas.back_poisson_by_A),
} | {
    name: (COSTS[name].by_Z, COSTS[name].back_by_Z)
    for name in ("squared_error", "absolute_error", "huber", "quantile")
}


def test_every_cost_is_worked():
    assert {find_cost(spec).name for spec, *_ in WORKED} == set(COSTS)


@pytest.mark.parametrize(("spec", "Z", "A", "Y", "costs", "dZ", "dA"), WORKED)
def test_cost_worked_examples(array, dtype, spec, Z, A, Y, costs, dZ, dA):
    cost = find_cost(spec)
    Z, A, Y, costs, dZ, dA = (array(x, dtype) for x in (Z, A, Y, costs, dZ, dA))
    tolerance = {"rtol": 1e-6 if dtype == "float32" else 1e-14}
    atol = {"atol": tolerance["rtol"]}  # for the zeros
    assert_close(cost.output(Z), A, **tolerance)
    assert_close(cost.by_Z(Z, Y, *cost.parameters), costs, **tolerance)
    by_A, back_by_A = BY_A[cost.name]
    assert_close(by_A(A, Y, *cost.parameters), costs, **tolerance)
    assert_close(cost.back_by_Z(Z, Y, *cost.parameters), dZ, **tolerance, **atol)
    assert_close(back_by_A(A, Y, *cost.parameters), dA, **tolerance, **atol)


def draw(spec, seed=0, m=40):
    """Return Z, A and Y on the host: targets of the kind that the cost is for."""
    rng, groups = np.random.default_rng(seed), spec[1:] if "grouped" in spec[0] else ()
    rows = sum(groups) or 3
    Z, name = 2.0 * rng.normal(size=(rows, m)), find_cost(spec).name
    Y = 2.0 * rng.normal(size=(rows, m))
    if name == "sigmoid_cross_entropy":
        Y = rng.uniform(size=(rows, m))
        Y[:, ::2] = Y[:, ::2] > 0.5
        return Z, 1 / (1 + np.exp(-Z)), Y
    if name in SOFTMAX:
        A, start = np.exp(Z), 0
        for size in groups or (rows,):
            group = slice(start, start + size)
            Y[group] = rng.dirichlet(np.ones(size), size=m).T
            Y[group, ::2] = np.eye(size)[:, rng.integers(size, size=m // 2)]
            A[group] /= A[group].sum(axis=0)
            start += size
        return Z, A, Y
    if name == "poisson":
        return Z, np.exp(Z), rng.poisson(2.0, size=(rows, m)).astype(float)
    return Z, Z, Y


forms = pytest.mark.parametrize("form", ["by_Z", "by_A"])


def functions(cost, form):
    """Return a cost and its derivative, by Z or by A."""
    return (cost.by_Z, cost.back_by_Z) if form == "by_Z" else BY_A[cost.name]


@with_groups
@forms
def test_derivative_is_that_of_the_cost(array, spec, form):
    cost = find_cost(spec)
    Z, A, Y = draw(spec)
    x, (value, slope) = Z if form == "by_Z" else A, functions(cost, form)
    Y, h = array(Y), 1e-6 * np.minimum(1.0, np.abs(A) * np.abs(1 - A))
    for row in range(len(x)):  # a cost is a sum over rows: one at a time
        step = h * (np.arange(len(x)) == row)[:, None]
        above, below = (value(array(x + s), Y, *cost.parameters) for s in (step, -step))
        numeric = (above - below) / array(2 * h[row])
        analytic = slope(array(x), Y, *cost.parameters)[row, :]
        # The rounding of a cost of about 10, and of x, over 1e-6; truncation is below it.
        assert_close(analytic, numeric, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("oracle", oracles.ORACLES)
@with_groups
@forms
def test_cost_derivative_is_that_of_automatic_differentiation(array, spec, form, oracle):
    cost, oracle = find_cost(spec), oracles.load(oracle)
    Z, A, Y = draw(spec)
    x = Z if form == "by_Z" else A
    table = oracle.costs_by_Z if form == "by_Z" else oracle.costs_by_A()
    desired = oracle.gradient(
        lambda x: table[cost.name](x, oracle.array(Y), *cost.parameters).sum(), x
    )
    _, slope = functions(cost, form)
    actual = slope(array(x), array(Y), *cost.parameters)
    assert_values(actual, desired, rtol=1e-10, atol=1e-10)


@specs
def test_both_forms_agree(array, spec):
    """Also their derivatives, through that of the output."""
    cost = find_cost(spec)
    Z, A, Y = (array(x) for x in draw(spec))
    p = cost.parameters
    assert_close(cost.output(Z), A, rtol=1e-13)
    # 1 - A has lost up to 1 / (1 - A) of its digits.
    by_A, back_by_A = BY_A[cost.name]
    assert_close(by_A(A, Y, *p), cost.by_Z(Z, Y, *p), rtol=1e-11)
    dA, dZ = back_by_A(A, Y, *p), cost.back_by_Z(Z, Y, *p)

    def through_softmax():
        return A * (dA - (dA * A)[0:1, :] - (dA * A)[1:2, :] - (dA * A)[2:, :])

    through_output = {
        "sigmoid_cross_entropy": lambda: dA * A * (1.0 - A),
        "softmax_cross_entropy": through_softmax,
        "grouped_softmax_cross_entropy": through_softmax,
        "poisson": lambda: dA * A,
    }.get(cost.name, lambda: dA)
    assert_close(through_output(), dZ, rtol=1e-11, atol=1e-12)


def test_the_derivative_of_the_output_of_poisson(array):
    Z, dA = np.random.default_rng(0).normal(size=(2, 3, 20))
    actual = back_exponential(array(dA), array(Z), exponential(array(Z)))
    assert_values(actual, dA * np.exp(Z), rtol=1e-14)


# ----------------------------------------------------------------------------- far out


@specs
def test_finite_far_out(array, dtype, xp, spec):
    cost = find_cost(spec)
    far = [0.0, -0.0, 1e-30, 1.0, 80.0, 100.0, 750.0, 1e4]
    Z = np.array([far + [-z for z in far], [-z for z in far] * 2])
    for Y in (np.zeros((2, 16)), np.ones((2, 16)), np.repeat([[1.0], [0.0]], 16, axis=1)):
        if cost.name in SOFTMAX:
            Y[1] = 1.0 - Y[0]  # each column is a distribution
        arguments = (array(Z, dtype), array(Y, dtype), *cost.parameters)
        costs, dZ = cost.by_Z(*arguments), cost.back_by_Z(*arguments)
        assert costs.dtype == dZ.dtype == getattr(xp, dtype)
        assert bool(xp.all(xp.isfinite(costs)))
        assert bool(xp.all(xp.isfinite(dZ)))
        assert bool(xp.all(costs >= 0.0))


def test_far_out_costs_are_exact(array, dtype):
    """A wrong answer of a million to one costs what it should, and a right one nothing."""
    Z, Y = array([[1e4, -1e4, 1e4, -1e4]], dtype), array([[0.0, 1.0, 1.0, 0.0]], dtype)
    assert_values(COSTS["sigmoid_cross_entropy"].by_Z(Z, Y), [1e4, 1e4, 0.0, 0.0])
    assert_values(COSTS["sigmoid_cross_entropy"].back_by_Z(Z, Y), [[1.0, -1.0, 0.0, 0.0]])
    Z, Y = array([[1e4, -1e4], [-1e4, 1e4]], dtype), array([[0.0, 0.0], [1.0, 1.0]], dtype)
    assert_values(COSTS["softmax_cross_entropy"].by_Z(Z, Y), [2e4, 0.0])
    assert_values(COSTS["softmax_cross_entropy"].back_by_Z(Z, Y), [[1.0, 0.0], [-1.0, 0.0]])


@specs
@pytest.mark.parametrize("count", [0.0, 1.0, 1000.0])
def test_finite_where_A_is_at_or_near_its_ends(array, dtype, xp, spec, count):
    """Exactly 0 and 1, below the smallest normal number, and next to 1."""
    cost = find_cost(spec)
    info = np.finfo(dtype)
    ends = [0.0, 1.0, float(info.smallest_subnormal), float(info.tiny), 1.0 - float(info.epsneg)]
    if cost.name in ("sigmoid_cross_entropy", *SOFTMAX):
        count = min(count, 1.0)
    A, Y = array([ends], dtype), array([[count] * len(ends)], dtype)
    costs, dA = (function(A, Y, *cost.parameters) for function in BY_A[cost.name])
    assert bool(xp.all(xp.isfinite(costs)))
    assert bool(xp.all(xp.isfinite(dA)))


# ----------------------------------------------------------------------------- names


def test_cost_names_and_parameters():
    assert find_cost("huber").parameters == (1.0,)
    assert find_cost(("quantile", 0.9)).parameters == (0.9,)
    own = Cost("own", *[lambda *_: None] * 3)
    assert find_cost(own) is own
    assert find_cost(["grouped_softmax_cross_entropy", 2.0, 3.0]).parameters == (2, 3)


def test_groups_of_other_outputs_are_refused(array):
    cost, Z = find_cost(("grouped_softmax_cross_entropy", 2, 2)), array(np.zeros((3, 5)))
    for function in (cost.output, lambda Z: cost.by_Z(Z, Z, 2, 2)):
        with pytest.raises(ValueError, match=r"cost: found groups of \(2, 2\) outputs, expected 3"):
            function(Z)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hubert", "found 'hubert', expected one of sigmoid_cross_entropy"),
        (("squared_error", 2.0), "'squared_error' takes no parameter"),
        (("huber", 2.0, 3.0), "'huber' takes one parameter"),
        (("huber", -1.0), "expected a number between 0 and inf"),
        (("quantile", 1.5), "expected a number between 0 and 1"),
        (("quantile", float("nan")), "expected a number between 0 and 1"),
        (("grouped_softmax_cross_entropy", 2, 0), "found a group of 0 outputs, expected 1 or"),
        (("grouped_softmax_cross_entropy", 2.5), "found a group of 2.5 outputs"),
    ],
)
def test_cost_unknown_names_are_refused(spec, message):
    with pytest.raises(ValueError, match=f"^cost: .*{message}"):
        find_cost(spec)
