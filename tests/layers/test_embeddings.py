"""Embeddings of numbers. That they train and are stored: the tests of all layers."""

import numpy as np
import pytest

from dnn_xp import Dense, Network, check_gradient
from dnn_xp.backends import to_host
from dnn_xp.layers import Context, PeriodicEmbedding
from tests import oracles
from tests.helpers import assert_values

LAYER = PeriodicEmbedding(2, n_frequencies=3, width=4, sigma=0.5)
N, ADDED, M = 3, 2 * 3, 7
RNG = np.random.default_rng(0)
A_PREV, DA = RNG.normal(size=(N, M)), RNG.normal(size=(N + ADDED, M))
PARAMETERS = {key: RNG.normal(size=s) for key, s in LAYER.parameter_shapes((N,)).items()}


def in_words(A_prev, frequencies, phases, V, c, cos=np.cos):
    """Return the groups of rows that come out, by the definition: number by number."""
    groups = [A_prev[:2]]
    for i in range(2):
        w, b = frequencies[i].reshape(-1, 1), phases[i].reshape(-1, 1)
        rows = slice(3 * i, 3 * i + 3)
        groups.append(V[rows] @ cos(2 * np.pi * w * A_prev[i] + b) + c[rows])
    return [*groups, A_prev[2:]]


EXPECTED = np.concatenate(in_words(A_PREV, **PARAMETERS))
ROWS_OF_GROUPS = [slice(0, 2), slice(2, 5), slice(5, 8), slice(8, 9)]


def forward(array, xp, A_prev, dtype="float64"):
    """Return what the layer gives in training, its cache and its context."""
    parameters = {key: array(value, dtype) for key, value in PARAMETERS.items()}
    context = Context(xp, training=True, input_shape=(N,))
    return *LAYER.forward(A_prev, parameters, context), context


def test_periodic_embedding_is_that_of_the_definition(array, xp, dtype):
    A, *_ = forward(array, xp, array(A_PREV, dtype), dtype)
    assert A.dtype == getattr(xp, dtype)
    # Angles of up to 20 lose 20 eps, which the matrices of three terms near 1 hand on.
    assert_values(A, EXPECTED, rtol=0, atol=100 * float(np.finfo(dtype).eps))


def test_periodic_embedding_takes_examples_that_lie_in_rows(array, xp):
    """As those of a table do, and the batches of them."""
    A, *_ = forward(array, xp, xp.matrix_transpose(array(A_PREV.T)))
    assert_values(A, EXPECTED, rtol=0, atol=1e-13)


@pytest.mark.parametrize("oracle", oracles.ORACLES)
def test_gradients_of_periodic_embedding_are_those_of_automatic_differentiation(array, xp, oracle):
    _, cache, context = forward(array, xp, array(A_PREV))
    dA_prev, gradients = LAYER.backward(array(DA), cache, context)
    assert gradients.keys() == PARAMETERS.keys()
    oracle = oracles.load(oracle)
    arguments = {"A_prev": A_PREV} | PARAMETERS
    for name, actual in ({"A_prev": dA_prev} | gradients).items():

        def cost(x, name=name):
            others = {key: oracle.array(value) for key, value in arguments.items()}
            groups = in_words(**others | {name: x}, cos=oracle.cos)
            pairs = zip(ROWS_OF_GROUPS, groups, strict=True)
            return sum((oracle.array(DA[rows]) * A).sum() for rows, A in pairs)

        # Rounding of sums of twenty terms near 10, and of angles of up to 20.
        assert_values(actual, oracle.gradient(cost, arguments[name]), rtol=1e-10, atol=1e-10)


def test_gradient_of_periodic_embedding_is_that_of_the_cost(array):
    """As the first layer, whose inputs' derivative nobody asks for, and behind another."""
    for layers in ((LAYER,), (Dense(N, "tanh"), LAYER), (PeriodicEmbedding(N, 1, 2),)):
        network = Network(N, (*layers, Dense(2, "tanh"), Dense(1)), "squared_error")
        rng = np.random.default_rng(3)
        theta, X, Y = (rng.normal(size=s) for s in (network.size, (N, M), (1, M)))
        weights = rng.uniform(0.5, 2.0, size=M)
        check = check_gradient(network, *map(array, (theta, X, Y, weights)))
        assert check.relative_difference < 1e-7, f"{layers}: {check}"


def test_periodic_embedding_gives_only_what_is_asked_for(array, xp):
    _, cache, context = forward(array, xp, array(A_PREV))
    first, _ = LAYER.backward(array(DA), cache, context._replace(input_gradient=False))
    dA_prev, gradients = LAYER.backward(array(DA), cache, context._replace(training=False))
    assert first is None
    assert gradients == {}
    assert tuple(dA_prev.shape) == A_PREV.shape


def test_periodic_embedding_starts_as_its_authors_say():
    drawn = PeriodicEmbedding(300, 25, sigma=0.2).initialize((400,), np.random.default_rng(0))
    w, b, V, c = (drawn[key] for key in ("frequencies", "phases", "V", "c"))
    # Five standard deviations of a mean square of 7,500 normal draws.
    assert w.var() == pytest.approx(0.04, rel=5 * (2 / 7500) ** 0.5)
    for values, limit in ((b, np.pi), (V, 0.2), (c, 0.2)):  # 1 / sqrt(25)
        assert np.abs(values).max() <= limit
        # The square of a uniform draw has a variance of 4/5 of its squared mean.
        assert values.var() == pytest.approx(limit**2 / 3, rel=5 * (0.8 / values.size) ** 0.5)


def test_only_the_matrices_of_periodic_embedding_are_weights(array):
    network = Network(N, (LAYER, Dense(1)), "squared_error")
    mask = network.unpack(network.layout.weight_mask(like=array([1.0])))
    weights = {name for name, value in mask.items() if to_host(value).any()}
    assert weights == {"V1", "W2"}
    assert all(to_host(mask[name]).all() for name in weights)


def test_periodic_embedding_of_more_numbers_than_inputs_is_refused():
    for n_numbers in (4, 5, 100):
        with pytest.raises(ValueError, match=f"n_numbers: found {n_numbers}, expected no more"):
            Network(3, (PeriodicEmbedding(n_numbers), Dense(1)), "squared_error")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeriodicEmbedding(0), "n_numbers: found 0, expected a whole number from 1 on"),
        (lambda: PeriodicEmbedding(2.0), "n_numbers: found 2.0, expected a whole number"),
        (lambda: PeriodicEmbedding(2, 0), "n_frequencies: found 0, expected a whole number"),
        (lambda: PeriodicEmbedding(2, width=1), "width: found 1, expected a whole number from 2"),
        (lambda: PeriodicEmbedding(2, sigma=0), "sigma: found 0, expected a number above 0"),
    ],
)
def test_periodic_embedding_that_cannot_be_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_periodic_embedding_holds_numbers_of_pythons_own():
    layer = PeriodicEmbedding(np.int64(2), np.int8(3), np.int16(4), np.float32(0.5))
    assert layer == LAYER
    assert [type(value) for value in vars(layer).values()] == [int, int, int, float]
