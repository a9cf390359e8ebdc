"""Plans: the same bits as the step itself, in memory of their own, and what cannot be planned."""

import copy
import tracemalloc

import numpy as np
import pytest

from dnn_xp import Dense, Network, record
from dnn_xp.backends import column_sums, replaying, row_sums, vector_sums
from dnn_xp.recording import ArrayType
from dnn_xp.recording.plan import PlanError, make_plan
from dnn_xp.recording.structure import leaves, map_leaves
from dnn_xp.training.optimizers import OPTIMIZERS
from tests.recording.networks import (
    COST_SPECS,
    DIAGONAL,
    STEP_CASES,
    layers_of,
    network_of,
    step_of,
)

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not replaying._IS_NEW, reason="where it rounds by where it writes to"),
]


def kept_of(state):
    return {f"state{path}": path for path, _ in leaves(state, "")}


def bits(tree):
    return [(path, np.asarray(x).tobytes()) for path, x in leaves(tree, "")]


def of_arrays(state):
    """Return a state of arrays alone, as a plan holds it."""
    return map_leaves(lambda _, x: np.array(x), state, "")


def check_step(network, optimizer, case, m=11):
    """Go some steps with the plan and without, and see that there is no bit of difference."""
    step = step_of(network, optimizer, case, m)
    state, *rest = step.arguments
    plan = make_plan(record(step.function, state, *rest), kept_of(state))
    planned, plain = of_arrays(state), of_arrays(state)
    for i in range(4):
        scalars = rest[-1]._replace(step=3 + i, learning_rate=0.02 / (i + 1))
        data = rest[0]._replace(X=rest[0].X + 0.01 * i)
        planned = plan.run(planned, data, rest[1], scalars)
        plain = step.function(plain, data, rest[1], scalars)
        assert bits(planned) == bits(plain)
    return plan


@pytest.mark.parametrize("case", STEP_CASES)
def test_each_kind_of_step_gives_the_same_bits(case):
    check_step(network_of("tanh", "softmax_cross_entropy"), "adam", STEP_CASES[case])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_gives_the_same_bits(optimizer):
    check_step(network_of("relu", "softmax_cross_entropy"), optimizer, STEP_CASES["plain"])


@pytest.mark.parametrize(("activation", "cost"), DIAGONAL, ids=str)
def test_each_activation_gives_the_same_bits(activation, cost):
    network = network_of(activation, "softmax_cross_entropy")
    check_step(network, "momentum", STEP_CASES["plain"])


@pytest.mark.parametrize("layers", layers_of("relu"))
def test_each_layer_gives_the_same_bits(layers):
    check_step(network_of("elu", "squared_error", layers), "adam", STEP_CASES["plain"])


@pytest.mark.parametrize("cost", COST_SPECS, ids=str)
def test_each_cost_gives_the_same_bits(cost):
    check_step(network_of("tanh", cost), "sgd", STEP_CASES["plain"])


def test_sums_have_the_order_in_which_the_package_has_them():
    """Its own as products with ones, those of others as the standard's."""
    x = np.random.default_rng(0).normal(size=(300, 700))

    def of_others(x):
        xp = x.__array_namespace__()
        return xp.sum(x, axis=-1, keepdims=True), xp.sum(x, axis=0), xp.sum(x[0, :])

    def own(x):
        return row_sums(x), column_sums(x), vector_sums(x[0, :])

    for function in (of_others, own):
        found, expected = make_plan(record(function, x), {}).run(x), function(x)
        assert bits(found) == bits(expected)
    assert bits(own(x)) != bits(of_others(x))


def test_what_comes_in_is_not_written_to():
    step = step_of(network_of("relu", "softmax_cross_entropy"), "adam", STEP_CASES["plain"], 11)
    state, *rest = step.arguments
    plan = make_plan(record(step.function, state, *rest), kept_of(state))
    before = bits(state), bits(rest[0])
    frozen = map_leaves(lambda _, x: _read_only(x), rest[0], "")
    plan.run(state, frozen, *rest[1:])
    assert (bits(state), bits(rest[0])) == before


def _read_only(x):
    x = np.array(x)
    x.flags.writeable = False
    return x


def test_arrays_that_are_given_become_its_own():
    step = step_of(network_of("relu", "softmax_cross_entropy"), "momentum", STEP_CASES["plain"], 11)
    state, *rest = step.arguments
    expected = step.function(copy.deepcopy(state), *rest)
    own = {"state.theta": state.theta}
    plan = make_plan(record(step.function, state, *rest), kept_of(state), own)
    found = plan.run(state, *rest)
    assert found.theta is state.theta
    assert bits(found) == bits(of_arrays(expected))
    assert plan.run(found, *rest).theta is state.theta


def test_nothing_is_allocated_in_a_step():
    """But views of what comes in, and the buffer of 64 kB by which NumPy makes floats of truths."""
    network = Network(50, (Dense(500, "relu"), Dense(10)), "softmax_cross_entropy")
    X, Y = np.ones((50, 64)), np.eye(10)[:, np.arange(64) % 10]
    program = record(network.cost_and_gradient, network.initialize(0), X, Y)
    plan = make_plan(program, {})
    arguments = network.initialize(0), X, Y
    plan.run(*arguments)
    tracemalloc.start()
    try:
        for _ in range(10):
            plan.run(*arguments)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 75_000, "a result of the hidden layer has 256,000 bytes"


def test_results_whose_memory_dies_make_room_for_others():
    """Of ten steps in a row each is in the place of the one before."""

    def function(x):
        for _ in range(10):
            x = x * 2.0 + 1.0
        return x

    plan = make_plan(record(function, np.ones(1000)), {})
    assert plan.nbytes == 8_000
    np.testing.assert_array_equal(plan.run(np.zeros(1000)), np.full(1000, 1023.0))


def test_other_shapes_are_left_to_others():
    plan = make_plan(record(lambda x: x + 1.0, np.ones((2, 3))), {})
    assert plan.run(np.ones((2, 4))) is None
    assert plan.run(np.ones((2, 3))) is not None


def test_its_source_can_be_read():
    plan = make_plan(record(lambda x, y: (x @ y) * 2.0, np.ones((2, 3)), np.ones((3, 4))), {})
    lines = [line.strip() for line in plan.source.splitlines()]
    assert any(line.startswith("dot(") for line in lines)
    assert any(line.startswith("multiply(") for line in lines)
    assert lines[-1].startswith("return ")


@pytest.mark.parametrize(
    ("function", "inputs", "said"),
    [
        (lambda x: x + 1.0, (ArrayType((3, None)),), "open axis"),
        (lambda x: x, (np.ones(3),), "is what came in"),
        (lambda x, n: (x + 1.0, n * 2), (np.ones(3), 4), "not known before a call"),
        (lambda x: x.__array_namespace__().cumulative_sum(x), (np.ones(3),), "cannot be"),
    ],
)
def test_what_cannot_be_planned_says_why(function, inputs, said):
    try:
        program = record(function, *inputs)
    except TypeError:  # which is not recorded, either
        return
    with pytest.raises(PlanError, match=said):
        make_plan(program, {})
