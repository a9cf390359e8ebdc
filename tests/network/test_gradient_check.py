"""The gradient of every network, and the checker that it is checked with.

Every cost, activation, kind of layer and weighting meet: the gradient is that of the cost along a
random direction, and that of torch and JAX of the same network written down for them. The checker
earns its trust by catching planted errors.
"""

from functools import cache, partial
from itertools import product

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
    check_gradient,
)
from dnn_xp.data.sources import Source
from dnn_xp.functions.activations import ACTIVATIONS, ActivationFunction, find_activation, tanh
from dnn_xp.functions.costs import COSTS, find_cost
from tests import oracles
from tests.helpers import assert_values

N_INPUTS, UNITS, M, RATE = 3, 4, 6, 0.4

COST_SPECS = [
    *COSTS,
    ("huber", 0.5),
    ("quantile", 0.3),
    ("quantile", 0.2, 0.6, 0.9),
    ("grouped_softmax_cross_entropy", 2, 1),
]
ACTIVATION_SPECS = [*ACTIVATIONS, ("leaky_relu", 0.2), ("elu", 2.0)]
HIDDEN = {
    "plain": lambda activation: (Dense(UNITS, activation),),
    "dropout": lambda activation: (Dense(UNITS, activation), Dropout(RATE)),
    "parametric": lambda activation: (Dense(UNITS), ParametricActivation(activation)),
    "layer norm": lambda activation: (Dense(UNITS), LayerNorm(), Activation(activation)),
    "batch norm": lambda activation: (Dense(UNITS), BatchNorm(), Activation(activation)),
}
VARIANTS = list(product(HIDDEN, (False, True)))  # with and without weights

costs = pytest.mark.parametrize("cost", COST_SPECS, ids=str)
activations = pytest.mark.parametrize("activation", ACTIVATION_SPECS, ids=str)


def network_of(kind, activation, cost):
    n_outputs = 1 if cost == "sigmoid_cross_entropy" and kind == "plain" else 3
    return Network(N_INPUTS, (*HIDDEN[kind](activation), Dense(n_outputs)), cost)


def draw(network, weighted):
    """Return theta, X, Y and weights on the host.

    All of theta is random: where biases are zero and all inputs of a unit are dropped, Z would
    lie on the kink of relu, where there is no derivative. (Running variances are positive, but
    training has no use for them.)
    The seed is one for which the checker's direction is nearly perpendicular to no gradient:
    a derivative of nearly nothing is a difference of roundings.
    """
    rng = np.random.default_rng(12)
    theta = rng.normal(size=network.size)
    theta[network.layout.n_parameters :] **= 2
    X, Y = rng.normal(size=(N_INPUTS, M)), 3.0 * rng.normal(size=(network.n_targets, M))
    name = find_cost(network.cost).name
    if name == "sigmoid_cross_entropy":
        Y = (Y > 0).astype(float)
    if name.endswith("softmax_cross_entropy"):
        sizes = find_cost(network.cost).parameters or (network.n_outputs,)
        Y = np.concatenate([np.eye(size)[:, rng.integers(size, size=M)] for size in sizes])
    if name == "poisson":
        Y = rng.poisson(2.0, size=Y.shape).astype(float)
    weights = rng.uniform(0.5, 2.0, size=M)
    return theta, X, Y, weights if weighted else None


def variants(library, cost, activation):
    """Return the kinds of layer and weightings that this cost and activation are checked with.

    All ten; but Dask takes 25 ms to run the smallest graph, so there it is one of the ten in
    turn: every two of cost, activation and variant still meet.
    """
    if library.backend != "dask":
        return VARIANTS
    turn = COST_SPECS.index(cost) + ACTIVATION_SPECS.index(activation)
    return [VARIANTS[turn % len(VARIANTS)]]


@costs
@activations
def test_gradient_is_that_of_the_cost(array, library, cost, activation):
    for kind, weighted in variants(library, cost, activation):
        network = network_of(kind, activation, cost)
        arrays = [None if x is None else array(x) for x in draw(network, weighted)]
        check = check_gradient(network, *arrays)
        assert check.relative_difference < 1e-7, f"{kind}, weighted: {weighted}: {check}"


@pytest.mark.parametrize("oracle", oracles.ORACLES)
@costs
@activations
def test_gradient_is_that_of_automatic_differentiation(array, library, cost, activation, oracle):
    for kind, weighted in variants(library, cost, activation):
        network = network_of(kind, activation, cost)
        arrays = [None if x is None else array(x) for x in draw(network, weighted)]
        gradient = network.cost_and_gradient(*arrays).gradient
        desired = oracle_gradient(oracle, kind, activation, cost, weighted)
        assert_values(gradient, desired, rtol=0, atol=1e-10 * np.abs(desired).max())


@cache
def oracle_gradient(oracle, kind, activation, cost, weighted):
    """Return the gradient of the same network, written down anew."""
    network = network_of(kind, activation, cost)
    theta, X, Y, weights = draw(network, weighted)
    weights = np.ones(M) if weights is None else weights
    oracle = oracles.load(oracle)
    one, last = find_activation(activation), find_cost(cost)
    bits = oracles.random_bits(0, 0, 2, UNITS, range(M)).astype(np.int64)
    mask = np.where(bits + 2**31 < (1 - RATE) * 2**32, 1 / (1 - RATE), 0.0)

    def total_cost(theta):
        x, y, w, dropped = (oracle.array(host) for host in (X, Y, weights, mask))
        at = 0

        def take(*shape):
            nonlocal at
            at += int(np.prod(shape))
            return theta[at - int(np.prod(shape)) : at].reshape(shape)

        Z = take(UNITS, N_INPUTS) @ x + take(UNITS, 1)
        if kind == "layer norm":
            mean, square = Z.mean(0), (Z * Z).mean(0)
        if kind == "batch norm":
            mean = ((w * Z).sum(1) / w.sum()).reshape(-1, 1)
            square = ((w * Z * Z).sum(1) / w.sum()).reshape(-1, 1)
        if kind.endswith("norm"):
            Z = take(UNITS, 1) * (Z - mean) / (square - mean**2 + 1e-5) ** 0.5 + take(UNITS, 1)
        A = oracle.activations[one.name](Z, *one.parameters)
        if kind == "parametric":
            A = Z + take(UNITS, 1) * (A - Z)
        if kind == "dropout":
            A = A * dropped
        logits = take(network.n_outputs, UNITS) @ A + take(network.n_outputs, 1)
        return (w * oracle.costs_by_Z[last.name](logits, y, *last.parameters)).sum()

    return oracle.gradient(total_cost, theta)


# ----------------------------------------------------------------------------- planted errors


class SummedBatchNorm(BatchNorm):
    def backward(self, dA, cache, context):
        """Forget to divide by the number of examples."""
        return super().backward(dA, cache._replace(normalized_weights=1.0), context)


class UnweightedBatchNorm(BatchNorm):
    def backward(self, dA, cache, context):
        return super().backward(dA, cache._replace(normalized_weights=1.0 / M), context)


class FixedLayerNorm(LayerNorm):
    def backward(self, dA, cache, context):
        """Take the mean and the deviation for constants."""
        _, gradients = super().backward(dA, cache, context)
        return dA * cache.gamma * cache.inverse_std, gradients


class SignOfOneBias(Dense):
    def backward(self, dA, cache, context):
        dA_prev, gradients = super().backward(dA, cache, context)
        b, xp = gradients["b"], context.xp
        return dA_prev, gradients | {"b": xp.concat([b[:2, :], -b[2:3, :], b[3:, :]])}


class OneElementOff(Dense):
    def backward(self, dA, cache, context):
        dA_prev, gradients = super().backward(dA, cache, context)
        W, xp = gradients["W"], context.xp
        row = xp.concat([W[1:2, :2], 1.01 * W[1:2, 2:]], axis=1)
        return dA_prev, gradients | {"W": xp.concat([W[:1, :], row, W[2:, :]])}


class NoInputGradient(Dense):
    def backward(self, dA, cache, context):
        """Hand on dA without W."""
        _, gradients = super().backward(dA, cache, context)
        return dA, gradients


class UnscaledDropout(Dropout):
    def backward(self, dA, cache, context):
        return dA * cache * (1.0 - self.rate), {}


class UnweightedGradient(Network):
    def cost_and_gradient(self, theta, X, Y, weights=None, **draws):
        right = super().cost_and_gradient(theta, X, Y, weights, **draws)
        wrong = super().cost_and_gradient(theta, X, Y, None, **draws)
        return right._replace(gradient=wrong.gradient)


class MeanGradient(Network):
    def cost_and_gradient(self, *arguments, **draws):
        right = super().cost_and_gradient(*arguments, **draws)
        return right._replace(gradient=right.gradient / M)


SQUARED = COSTS["squared_error"]
WRONG_FACTOR = SQUARED._replace(back_by_Z=lambda Z, Y, xp: 2.0 * (Z - Y))
WRONG_SIGN = SQUARED._replace(back_by_Z=lambda Z, Y, xp: Y - Z)
WRONG_TANH = ActivationFunction("tanh", tanh, lambda dA, Z, A, xp: dA * (1.0 - A))
OUT = Dense(3)
PLANTED = {
    "wrong factor of the cost": Network(3, (Dense(4, "tanh"), OUT), WRONG_FACTOR),
    "wrong sign of the cost": Network(3, (Dense(4, "tanh"), OUT), WRONG_SIGN),
    "wrong derivative of the activation": Network(3, (Dense(4, WRONG_TANH), OUT), SQUARED),
    "missing weights": UnweightedGradient(3, (Dense(4, "tanh"), OUT), SQUARED),
    "mean instead of sum": MeanGradient(3, (Dense(4, "tanh"), OUT), SQUARED),
    "missing 1/m in batch norm": Network(3, (Dense(4), SummedBatchNorm(), OUT), SQUARED),
    "missing weights in batch norm": Network(3, (Dense(4), UnweightedBatchNorm(), OUT), SQUARED),
    "constants in layer norm": Network(3, (Dense(4), FixedLayerNorm(), OUT), SQUARED),
    "unscaled dropout": Network(3, (Dense(4, "tanh"), UnscaledDropout(0.4), OUT), SQUARED),
    "wrong sign of one bias": Network(3, (SignOfOneBias(4, "tanh"), OUT), SQUARED),
    "one element of W off by 1 %": Network(3, (OneElementOff(4, "tanh"), OUT), SQUARED),
    "no W on the way back": Network(3, (Dense(3, "tanh"), NoInputGradient(3), OUT), SQUARED),
}


@pytest.mark.parametrize("error", PLANTED)
def test_planted_errors_are_caught(array, error):
    theta, X, Y, weights = (array(x) for x in draw(PLANTED[error], weighted=True))
    check = check_gradient(PLANTED[error], theta, X, Y, weights)
    assert check.relative_difference > 1e-5  # a right gradient is below 1e-7


# ----------------------------------------------------------------------------- the checker


def test_the_figures_are_those_of_a_network_worked_by_hand(array):
    """One weight, one example: the cost (w x + b - y)^2 / 2 has the gradient (E x, E)."""
    network = Network(1, (Dense(1),), "squared_error")
    check = check_gradient(network, array([2.0, 1.0]), array([[3.0]]), array([[4.0]]), seed=5)
    direction = np.random.default_rng(5).normal(size=2)
    expected = np.dot([9.0, 3.0], direction / np.linalg.norm(direction))
    assert check.analytic == pytest.approx(expected, rel=1e-14)
    assert check.numeric == pytest.approx(expected, rel=1e-8)
    difference = abs(check.analytic - check.numeric) / max(abs(check.analytic), abs(check.numeric))
    assert check.relative_difference == pytest.approx(difference, rel=1e-12)


def test_a_cost_that_nothing_changes_passes(array):
    """Where all is zero there is nothing to divide by."""
    network = Network(3, (Dense(1, "relu"),), "squared_error")  # a unit that is never above 0
    X, theta = array(np.zeros((3, 5))), array([0.0, 0.0, 0.0, -1.0])
    assert check_gradient(network, theta, X, X[:1, :]) == (0.0, 0.0, 0.0)


def test_float32_is_refused(array):
    network = Network(2, (Dense(1),), "squared_error")
    arrays = [array(np.zeros(shape), "float32") for shape in (network.size, (2, 4), (1, 4))]
    with pytest.raises(ValueError, match=r"theta: found dtype .*float32, expected float64"):
        check_gradient(network, *arrays)


@pytest.mark.parametrize("other", ["theta", "X"])
def test_parameters_of_another_library_than_the_examples_are_refused(array, library, other):
    """NumPy's beside those of Dask, too, whose blocks are NumPy's: all is computed at once."""
    theta, X, Y = np.ones(4), np.ones((3, 5)), np.ones((1, 5))
    if library.backend == "numpy":
        pytest.skip("there is no other library")
    network = Network(3, (Dense(1),), "squared_error")
    given = (array(theta), X, Y) if other == "theta" else (theta, array(X), array(Y))
    for compute in (network.cost_and_gradient, partial(check_gradient, network)):
        with pytest.raises(TypeError, match=r"^theta: found a \w+\.\w+, expected .*X's library"):
            compute(*given)


def test_a_source_is_refused(array):
    network, X = Network(3, (Dense(1),), "squared_error"), array(np.ones((3, 5)))
    source = Source((3, 5), lambda which: X[:, which], X)
    for compute in (network.cost_and_gradient, partial(check_gradient, network)):
        with pytest.raises(TypeError, match="X: found a Source, expected an array"):
            compute(array(np.ones(4)), source, X[:1, :])


def test_seeds_choose_the_direction(array):
    network = Network(3, (Dense(4, "tanh"), OUT), "squared_error")
    theta, X, Y, _ = (None if x is None else array(x) for x in draw(network, False))
    one, same, other = (check_gradient(network, theta, X, Y, seed=s).analytic for s in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_level_direction_is_no_error():
    """Along a direction across the gradient, rounding is all that the two numbers differ by."""
    X, Y = np.random.default_rng(0).normal(size=(2, 3, 9))
    network = Network(3, (Dense(3),), "squared_error")
    theta = network.initialize(0, like=X)
    for seed in range(40):
        assert check_gradient(network, theta, X, Y, seed=seed).relative_difference < 1e-8
