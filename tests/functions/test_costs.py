"""Costs, by Z and by A: worked examples, derivatives, agreement, and what happens far out."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from dnn_xp.functions import costs as formulas
from dnn_xp.functions.costs import (
    COSTS,
    Cost,
    back_exponential,
    central_outputs,
    exponential,
    find_cost,
    quantiles_of,
)
from tests import oracles
from tests.helpers import assert_close, assert_values

# Worked by hand: the spec, Z, A, Y, the costs of the two examples, dZ and dA.
# Logits of log 3 are odds of 3 to 1, a probability of 3/4.
LOG2, LOG3, LOG7 = math.log(2), math.log(3), math.log(7)
N = 0.6744897501960817  # the upper quartile of the standard normal distribution
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
    (  # steps of softplus: of 0, log 3 and log 7 it is log 2, twice and three times that
        ("quantile", 0.25, 0.5, 0.75),
        [[0.0, LOG3], [1.0, 0.0], [0.0, LOG7]],
        [[1.0 - N, -2 * N], [1.0, 0.0], [1.0 + N, 3 * N]],
        [[1.0, 1.0]],
        [N / 6, (0.5 + 1.25 * N) / 3],
        [[N / LOG2 / 24, N / LOG2 / 16], [0.0, -1 / 6], [N / LOG2 / 24, N / LOG2 * 7 / 96]],
        [[-1 / 12, -1 / 12], [0.0, -1 / 6], [1 / 12, 1 / 12]],
    ),
    (  # two targets, of each its median and a quantile above it: their sum
        ("quantile", 0.5, 0.75),
        [[1.0], [0.0], [3.0], [LOG3]],
        [[1.0], [1.0 + N], [3.0], [3.0 + 2 * N]],
        [[0.0], [3.0]],
        [(0.5 + 0.25 * (1 + N)) / 2 + N / 4],
        [[0.375], [N / LOG2 / 16], [0.125], [N / LOG2 * 3 / 32]],
        [[0.25], [0.125], [0.0], [0.125]],
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
SPECS = [*COSTS, ("huber", 2.0), ("quantile", 0.25), ("quantile", 0.3, 0.9)]
SOFTMAX = ("softmax_cross_entropy", "grouped_softmax_cross_entropy")

specs = pytest.mark.parametrize("spec", SPECS, ids=str)
with_groups = pytest.mark.parametrize(
    "spec",
    [*SPECS, ("grouped_softmax_cross_entropy", 2, 3), ("quantile", 0.05, 0.2, 0.6, 0.95)],
    ids=str,
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


def of_outputs(cost):
    """Return a cost of the outputs, with its derivative."""
    if cost.outputs_per_target > 1:
        return formulas.quantiles_by_A, formulas.back_quantiles_by_A
    return BY_A[cost.name]


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
    by_A, back_by_A = of_outputs(cost)
    assert_close(by_A(A, Y, *cost.parameters), costs, **tolerance)
    assert_close(cost.back_by_Z(Z, Y, *cost.parameters), dZ, **tolerance, **atol)
    assert_close(back_by_A(A, Y, *cost.parameters), dA, **tolerance, **atol)


def draw(spec, seed=0, m=40):
    """Return Z, A and Y on the host: targets of the kind that the cost is for."""
    rng, groups = np.random.default_rng(seed), spec[1:] if "grouped" in spec[0] else ()
    levels = spec[1:] if spec[0] == "quantile" and len(spec) > 2 else ()
    rows = sum(groups) or 2 * len(levels) or 3
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
    if levels:
        return Z, in_order(Z, levels), Y[:2]
    return Z, Z, Y


def in_order(Z, levels):
    """Return what `ordered_quantiles` promises: sums of steps from the one nearest to 1/2."""
    count = len(levels)
    steps = np.logaddexp(0.0, Z) / LOG2
    normal = [NormalDist().inv_cdf(q) for q in levels]
    first = int(np.argmin(np.abs(np.array(levels) - 0.5)))
    A = np.empty_like(Z)
    for target in range(0, len(Z), count):
        for k in range(count):
            up = [(normal[j] - normal[j - 1]) * steps[target + j] for j in range(first + 1, k + 1)]
            down = [(normal[j + 1] - normal[j]) * steps[target + j] for j in range(k, first)]
            A[target + k] = Z[target + first] + sum(up) - sum(down)
    return A


forms = pytest.mark.parametrize("form", ["by_Z", "by_A"])


def functions(cost, form):
    """Return a cost and its derivative, by Z or by A."""
    return (cost.by_Z, cost.back_by_Z) if form == "by_Z" else of_outputs(cost)


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
    by_A, back_by_A = of_outputs(cost)
    assert_close(by_A(A, Y, *p), cost.by_Z(Z, Y, *p), rtol=1e-11)
    dA, dZ = back_by_A(A, Y, *p), cost.back_by_Z(Z, Y, *p)

    def through_softmax():
        return A * (dA - (dA * A)[0:1, :] - (dA * A)[1:2, :] - (dA * A)[2:, :])

    if cost.outputs_per_target > 1:
        through = formulas.back_ordered_quantiles(dA, Z, *p)
        assert_close(through, dZ, rtol=1e-11, atol=1e-12)
        return
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
        if cost.outputs_per_target == 2:
            arguments = (array(Z, dtype), array(Y[:1], dtype), *cost.parameters)
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
    A, Y = [ends] * cost.outputs_per_target, array([[count] * len(ends)], dtype)
    A = array(A, dtype)
    costs, dA = (function(A, Y, *cost.parameters) for function in of_outputs(cost))
    assert bool(xp.all(xp.isfinite(costs)))
    assert bool(xp.all(xp.isfinite(dA)))


# ----------------------------------------------------------------------------- several quantiles

LEVELS = [(0.05, 0.5, 0.95), (0.1, 0.9), (0.9, 0.95, 0.99), tuple(np.arange(1, 20) / 20)]


@pytest.mark.parametrize("levels", LEVELS, ids=len)
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4, 1e30])
def test_quantiles_never_cross(array, dtype, xp, levels, scale):
    rng = np.random.default_rng(3)
    Z = scale * rng.normal(size=(2 * len(levels), 200))
    Z[rng.uniform(size=Z.shape) < 0.2] = 0.0
    A = find_cost(("quantile", levels)).output(array(Z, dtype))
    for start in (0, len(levels)):
        rows = A[start : start + len(levels), :]
        assert bool(xp.all(rows[1:, :] >= rows[:-1, :]))


def test_of_several_networks_quantiles_are_each_networks_own(array):
    cost = find_cost(("quantile", [0.2, 0.5, 0.7]))
    Z, Y = np.random.default_rng(0).normal(size=(2, 4, 6, 5))
    Y = array(Y[0, :2])
    found = cost.output(array(Z)), *cost.with_derivative(array(Z), Y)
    for i in range(4):
        alone = cost.output(array(Z[i])), *cost.with_derivative(array(Z[i]), Y)
        for all_of_them, one in zip(found, alone, strict=True):
            assert_close(all_of_them[i, ...], one, rtol=1e-15)


def test_zeros_are_the_quantiles_of_a_normal_distribution(array):
    levels = (0.01, 0.3, 0.5, 0.9)
    A = formulas.ordered_quantiles(array(np.zeros((4, 1))), *levels)
    expected = [[NormalDist().inv_cdf(q)] for q in levels]
    assert_close(A, array(expected), rtol=1e-14, atol=1e-15)


def test_a_target_has_an_output_for_each_quantile():
    cost = find_cost(("quantile", [0.1, 0.5, 0.7]))
    assert (cost.outputs_per_target, quantiles_of(cost)) == (3, (0.1, 0.5, 0.7))
    assert central_outputs(cost) == slice(1, None, 3)
    for one in ("quantile", ("quantile", 0.3), ("quantile", [0.3]), "softmax_cross_entropy"):
        cost = find_cost(one)
        assert (cost.outputs_per_target, quantiles_of(cost)) == (1, ())
        assert central_outputs(cost) == slice(0, None, 1)
    assert central_outputs(COSTS["huber"]._replace(outputs_per_target=2)) == slice(0, None, 2)


@pytest.mark.parametrize(
    "several",
    [[0.1, 0.5], (0.1, 0.5), np.array([0.1, 0.5]), np.array([0.1, 0.5], "float64").tolist()],
    ids=lambda several: type(several).__name__,
)
def test_quantiles_are_a_list_or_a_vector(several):
    assert find_cost(("quantile", several)) == find_cost(("quantile", 0.1, 0.5))


def test_one_quantile_in_a_list_is_that_quantile():
    assert find_cost(("quantile", [0.3])) == find_cost(("quantile", 0.3))


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([], "found no quantiles, expected at least one"),
        (np.array([]), "found no quantiles"),
        ([0.0, 0.5], "found 0.0, expected a number between 0 and 1"),
        ([0.5, 1], "found 1, expected a number between 0 and 1"),
        ([-0.1, 0.5], "found -0.1, expected a number"),
        ([5, 50, 95], "found 5, expected a number between 0 and 1"),
        ([0.5, math.nan], "found nan, expected a number"),
        ([0.5, math.inf], "found inf, expected a number"),
        ([0.1, "0.5"], "found '0.5', expected a number"),
        ([0.1, None], "found None, expected a number"),
        ([True, 0.5], "found True, expected a number"),
        ([[0.1, 0.5]], r"found \[0.1, 0.5\], expected a number"),
        ([0.1, 0.5j], "found 0.5j, expected a number"),
        ([0.9, 0.5, 0.1], r"found the quantiles \[0.9, 0.5, 0.1\], expected them rising"),
        ([0.1, 0.9, 0.5], "expected them rising, each once"),
        ([0.5, 0.5], "expected them rising, each once"),
        ({0.1, 0.5}, "expected a name, or a name with numbers"),
        (np.array([[0.1, 0.5]]), "expected a name, or a name with numbers"),
        (np.array(["a", "b"]), "found 'a', expected a number"),
    ],
)
def test_quantiles_that_are_none_are_refused(levels, message):
    with pytest.raises(ValueError, match=f"^cost: .*{message}"):
        find_cost(("quantile", levels))


def test_outputs_that_are_no_multiple_of_the_quantiles_are_refused(array):
    cost = find_cost(("quantile", [0.1, 0.5, 0.9]))
    with pytest.raises(ValueError, match="cost: found 4 outputs, expected 3 for each target"):
        cost.output(array(np.zeros((4, 2))))


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
