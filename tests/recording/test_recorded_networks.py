"""Recorded networks and steps: a program does what the function does, on every library.

On array-api-strict it does the very same operations, so that each bit is the same. On NumPy the
package sums by products with ones, which is another order; where nothing is summed so, each bit is
the same there, too.
"""

import numpy as np
import pytest

from dnn_xp import record
from dnn_xp.backends import to_host
from dnn_xp.functions.activations import ACTIVATIONS
from dnn_xp.recording import ArrayType, open_batch
from dnn_xp.recording.structure import leaves, map_leaves
from dnn_xp.training.optimizers import OPTIMIZERS
from tests.recording.networks import (
    COST_SPECS,
    DIAGONAL,
    FEW,
    STEP_CASES,
    StepCase,
    examples_of,
    layers_of,
    network_of,
    step_of,
    theta_of,
)

M = 11
"""Examples of a recorded batch: no other axis is as long, so that it can be told from them."""

EACH, ALL = 4, 16
"""Roundings where one layer sums up in another order, and where each of four in a row does."""


def functions_of(network):
    """Return each function of a network, which examples it takes, and whether it sums."""
    sums = network.cost in ("softmax_cross_entropy",) or "grouped" in str(network.cost)
    return {
        "forward": (network.forward, ("X",), False),
        "predict": (network.predict, ("X",), sums),
        "saliency": (network.input_gradient, ("X", "dZ"), False),
        "gradient": (network.cost_and_gradient, ("X", "Y"), True),
    }


def on(array, tree):
    return map_leaves(lambda _, x: array(x) if hasattr(x, "shape") else x, tree, "")


def opened(tree):
    """Return arrays with their axes of M examples open."""

    def of(_, x):
        if not hasattr(x, "shape"):
            return x
        return ArrayType(tuple(None if n == M else n for n in x.shape), x.dtype.name)

    return map_leaves(of, tree, "")


def assert_same(found, expected, ulps):
    """Compare all that two calls returned: bits, or so many roundings of the largest element."""
    found, expected = dict(leaves(found, "")), dict(leaves(expected, ""))
    assert found.keys() == expected.keys()
    for path, a in found.items():
        a, b = to_host(a), to_host(expected[path])
        assert (a.dtype, a.shape) == (b.dtype, b.shape), path
        if ulps == 0:
            np.testing.assert_array_equal(a, b, err_msg=path)
        else:
            scale = np.abs(b).max(initial=0.0)
            atol = ulps * np.finfo(b.dtype).eps * scale
            np.testing.assert_allclose(a, b, rtol=0.0, atol=atol, err_msg=path)


def check_network(
    network, xp, array, ulps, sizes=(7, 1), kinds=("forward", "predict", "saliency", "gradient")
):
    theta = array(theta_of(network))
    for kind in kinds:
        function, names, sums = functions_of(network)[kind]
        recorded = examples_of(network, M)._asdict()
        program = record(function, theta, *(open_batch(recorded[name]) for name in names))
        for m in sizes:
            some = examples_of(network, m)._asdict()
            inputs = [array(some[name]) for name in names]
            found, expected = program.run(xp, theta, *inputs), function(theta, *inputs)
            assert_same(found, expected, ulps[1] if sums else ulps[0])


def ulps_of(library):
    """Return how many roundings results may differ by, without and with another order of sums."""
    if library.backend == "array-api-strict":
        return 0, 0
    if library.backend == "numpy":
        return 0, ALL
    # Other kernels for strided arrays, fused or blocked by Dask; Z of order 1, sums of 100 terms.
    return 64, 256


@pytest.mark.once
@pytest.mark.parametrize("cost", COST_SPECS, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_and_cost_with_all_layers(activation, cost):
    check_network(network_of(activation, cost), np, np.asarray, (0, ALL), sizes=(7,))


@pytest.mark.once
@pytest.mark.parametrize("layers", layers_of("relu"))
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_and_layer(activation, layers):
    network = network_of(activation, "softmax_cross_entropy", layers)
    check_network(network, np, np.asarray, (0, ALL if layers == "all" else EACH))


@pytest.mark.once
@pytest.mark.parametrize(("activation", "cost"), DIAGONAL, ids=str)
def test_networks_on_the_standard_alone_to_the_last_bit(activation, cost):
    strict = pytest.importorskip("array_api_strict")
    check_network(network_of(activation, cost), strict, strict.asarray, (0, 0))


@pytest.mark.parametrize(("activation", "cost"), FEW, ids=str)
def test_networks_on_every_library(activation, cost, library, xp, array):
    check_network(network_of(activation, cost), xp, array, ulps_of(library), sizes=(6,))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_networks_of_narrower_floats(dtype, library, xp, array):
    if library.backend == "array-api-strict" and dtype == "float16":
        pytest.skip("which has no float16")
    network = network_of("tanh", "softmax_cross_entropy", "LayerNorm")
    theta, (X, Y, _) = theta_of(network), examples_of(network, M)
    inputs = [array(x, dtype) for x in (theta, X, Y)]
    program = record(network.cost_and_gradient, *inputs)
    found, expected = program.run(xp, *inputs), network.cost_and_gradient(*inputs)
    assert_same(found, expected, ulps_of(library)[1])


# ------------------------------------------------------------------ steps


def check_step(
    optimizer,
    case,
    xp,
    array,
    ulps,
    sizes,
    activation="tanh",
    layers="all",
    cost="softmax_cross_entropy",
):
    network = network_of(activation, cost, layers)
    recorded = step_of(network, optimizer, case, M)
    program = record(recorded.function, *opened(recorded.arguments))
    for m in sizes:
        step = step_of(network, optimizer, case, m)
        found = program.run(xp, *on(array, step.arguments))
        # A copy for each: the step changes its state in place where it can.
        expected = step.function(
            *on(lambda x: array(x) + 0 if x.ndim else array(x), step.arguments)
        )
        assert_same(found, expected, ulps)


@pytest.mark.once
@pytest.mark.parametrize("case", STEP_CASES)
def test_steps(case):
    check_step("adam", STEP_CASES[case], np, np.array, ALL, (M, 13))


@pytest.mark.once
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_of_each_optimizer(optimizer):
    check_step(optimizer, STEP_CASES["everything"], np, np.array, ALL, (M, 13))


@pytest.mark.once
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_on_the_standard_alone_to_the_last_bit(optimizer):
    strict = pytest.importorskip("array_api_strict")
    check_step(optimizer, STEP_CASES["everything"], strict, strict.asarray, 0, (M, 13))


@pytest.mark.parametrize("optimizer", ["adam"])
def test_steps_on_every_library(optimizer, library, xp, array):
    if library.backend in ("dask",):
        pytest.skip("on which a step goes block by block")
    check_step(optimizer, STEP_CASES["everything"], xp, array, ulps_of(library)[1], (13,))


@pytest.mark.once
@pytest.mark.parametrize("cost", COST_SPECS, ids=str)
def test_steps_of_each_cost(cost):
    check_step("adam", STEP_CASES["everything"], np, np.array, ALL, (13,), cost=cost)


@pytest.mark.once
def test_steps_in_parts_of_a_known_size():
    network = network_of("relu", "squared_error", "LayerNorm")
    step = step_of(network, "momentum", StepCase({"micro_batch": 4}), M)
    found = record(step.function, *step.arguments).run(np, *on(np.array, step.arguments))
    assert_same(found, step.function(*on(np.array, step.arguments)), 4)


@pytest.mark.once
def test_numbers_of_a_step_are_inputs():
    network = network_of("relu", "squared_error", "Dense")
    state, data, batch, scalars = step_of(network, "adam", STEP_CASES["plain"], M).arguments
    function = step_of(network, "adam", STEP_CASES["plain"], M).function
    program = record(function, state, data, batch, scalars)
    later = scalars._replace(step=9, learning_rate=0.5)
    found = program.run(np, *on(np.array, (state, data, batch, later)))
    assert_same(found, function(*on(np.array, (state, data, batch, later))), 4)
