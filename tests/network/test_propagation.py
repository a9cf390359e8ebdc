"""The passes: several networks at once, and parts that add up. Gradients: test_gradient_check."""

import numpy as np
import pytest

from dnn_xp import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    Network,
    ParametricActivation,
    PeriodicEmbedding,
)
from dnn_xp.backends import namespace, to_host
from dnn_xp.network.propagation import mean_cost, no_gradient
from dnn_xp.training import momentum
from dnn_xp.training.step import Batch, Data, State, StepConfig, StepScalars, Strengths, step
from tests.helpers import assert_close, assert_values

K, M = 3, 7
HIDDEN = (
    Dense(5),
    BatchNorm(),
    Activation("tanh"),
    Dense(4, "elu"),
    LayerNorm(),
    Dropout(0.3),
    Dense(4),
)
EMBEDDED = (
    PeriodicEmbedding(2, 3, 3),
    Dense(4),
    BatchNorm(),
    ParametricActivation("elu"),
    Dense(4),
)
COSTS = {
    "sigmoid_cross_entropy": "probabilities",
    "softmax_cross_entropy": "distributions",
    ("grouped_softmax_cross_entropy", 1, 3): "groups",
    "squared_error": "values",
    ("huber", 0.7): "values",
    ("quantile", 0.2, 0.7): "two targets",
    "poisson": "counts",
}


def several(array, cost, seed=0, hidden=HIDDEN):
    """Return a network, thetas of K of them, X, Y and weights."""
    network, rng = Network(3, hidden, cost), np.random.default_rng(seed)
    thetas = rng.normal(size=(K, network.size))
    thetas[:, network.layout.n_parameters :] **= 2
    kind, Y = COSTS[cost], rng.normal(size=(4, M))
    if kind == "probabilities":
        Y = rng.uniform(size=(4, M))
    elif kind == "distributions":
        Y = rng.dirichlet(np.ones(4), size=M).T
    elif kind == "groups":
        Y = np.concatenate([np.ones((1, M)), rng.dirichlet(np.ones(3), size=M).T])
    elif kind == "two targets":
        Y = rng.normal(size=(2, M))
    elif kind == "counts":
        Y = rng.poisson(2.0, size=(4, M)).astype(float)
    X, weights = rng.normal(size=(3, M)), rng.uniform(0.5, 2.0, size=M)
    return network, array(thetas), array(X), array(Y), array(weights)


@pytest.mark.parametrize(
    ("cost", "hidden"),
    [*((cost, HIDDEN) for cost in COSTS), ("squared_error", EMBEDDED)],
    ids=[*map(str, COSTS), "embedded"],
)
def test_several_networks_at_once_are_each_by_itself(array, cost, hidden):
    """Costs, gradients, statistics, predictions, input gradients: theta of shape (k, size)."""
    network, thetas, X, Y, weights = several(array, cost, hidden=hidden)
    at_once = network.cost_and_gradient(thetas, X, Y, weights, seed=1, step=2)
    for i in range(K):
        alone = network.cost_and_gradient(thetas[i, :], X, Y, weights, seed=1, step=2)
        for found, expected in zip(at_once, alone, strict=True):
            # That of a bias before a batch norm is 0 but for the rounding of the others.
            largest = float(np.abs(to_host(expected)).max(initial=1.0))
            assert_close(found[i, ...], expected, rtol=1e-12, atol=1e-14 * largest)
    for method, *rest in (
        (network.forward,),
        (network.predict,),
        (network.evaluate_cost, Y, weights),
        (network.input_gradient, 1),
    ):
        found = method(thetas, X, *rest)
        for i in range(K):
            expected = method(thetas[i, :], X, *rest)
            assert_close(found[i, ...], expected, rtol=1e-12, atol=1e-13)


def test_vectors_of_several_networks_are_packed_and_unpacked(array):
    network, thetas, *_ = several(array, "squared_error")
    parameters = network.unpack(thetas)
    assert tuple(parameters["W1"].shape) == (K, 5, 3)
    assert_close(network.pack(parameters), thetas, rtol=0)
    with pytest.raises(ValueError, match="W4 of layer 4"):
        network.pack(parameters | {"W4": parameters["W4"][0, ...]})


def test_steps_of_several_networks_are_each_by_itself(array):
    """Penalties, clipping and max-norm act on each by itself."""
    network, thetas, X, Y, weights = several(array, "softmax_cross_entropy")
    # Not adam: of a slope that is 0 but for rounding, such as before batch norm, it makes a step.
    strengths = Strengths(l1=0.1, l2=0.2, max_norm=0.8, clip_norm=0.5, weight_decay=0.1)
    config = StepConfig(network, momentum(0.1), ema=True)
    data = Data(X, Y, weights, network.layout.weight_mask(like=X))

    def stepped(theta):
        theta = theta * 1.0
        zero = array(np.zeros(tuple(theta.shape[:-1])))
        state = State(theta, config.optimizer.init(theta), theta * 1.0, zero)
        for number in (1, 2):
            scalars = StepScalars(number, 5, 0.1, strengths, 0.9)
            state = step(config, state, data, Batch(None, M, M), scalars)
        return state

    at_once = stepped(thetas)
    for i in range(K):
        alone = stepped(thetas[i, :])
        for name in ("theta", "average", "total"):
            found, expected = getattr(at_once, name), getattr(alone, name)
            assert_close(found[i, ...], expected, rtol=1e-11, atol=1e-13)


def test_the_gradient_of_no_examples_adds_nothing(array):
    network, thetas, X, Y, _ = several(array, "squared_error")
    theta = thetas[0, :]
    sums = network.cost_and_gradient(theta, X, Y)
    none = no_gradient(network.layout, theta, namespace(theta))
    for some, nothing in zip(sums, none, strict=True):
        assert_close(some + nothing, some, rtol=0)


def test_mean_cost_is_weighted(array):
    Z, Y = array([[1.0, 2.0, 4.0]]), array([[1.0, 0.0, 0.0]])
    xp = namespace(Z)
    assert_values(mean_cost("squared_error", Z, Y, xp=xp), (0 + 2 + 8) / 3, rtol=1e-15)
    weights = array([1.0, 3.0, 0.0])
    assert_values(mean_cost("squared_error", Z, Y, weights, xp=xp), 6 / 4, rtol=1e-15)
