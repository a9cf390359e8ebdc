"""What is drawn: scikit-learn's numbers, out of the same generator."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.neural_network import MLPRegressor
from sklearn.utils import shuffle

from dnn_xp import BatchNorm, Dense, Dropout, Network
from dnn_xp.estimators.coefficients import from_theta
from dnn_xp.estimators.initialization import Shuffles, draw_theta

NETWORK = Network(3, (Dense(4), Dense(5), Dense(2)), "squared_error")
X, Y = np.zeros((2, 3)), np.zeros((2, 2))


@pytest.mark.parametrize("activation", ["logistic", "relu"])
def test_parameters_are_scikit_learns(activation):
    """Its own are as drawn where nothing is learnt: from zeros, at a rate of next to nothing."""
    settings = {"max_iter": 1, "learning_rate_init": 1e-300, "solver": "sgd", "alpha": 0.0}
    peer = MLPRegressor("squared_error", (4, 5), activation, random_state=7, **settings)
    with pytest.warns(match="hasn't converged"):
        peer.fit(X, Y)
    words = ["sigmoid" if activation == "logistic" else activation] * 2
    rng = np.random.RandomState(7)
    found = from_theta(NETWORK, draw_theta(NETWORK, words, rng))
    for ours, theirs in zip(
        (*found.coefs, *found.intercepts), (*peer.coefs_, *peer.intercepts_), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_each_layer_is_drawn_by_its_own_activation():
    """The logistic one's range is 3 to the power of 1/2 narrower, all else equal."""
    found = [
        from_theta(NETWORK, draw_theta(NETWORK, words, np.random.RandomState(0)))
        for words in (["tanh", "tanh"], ["sigmoid", "tanh"], ["tanh", "sigmoid"])
    ]
    narrow = [[one.coefs[i][0, 0] / found[0].coefs[i][0, 0] for i in range(3)] for one in found[1:]]
    third = 3.0**-0.5
    np.testing.assert_allclose(narrow, [[third, 1.0, 1.0], [1.0, third, third]], rtol=1e-14)


def test_what_scikit_learn_has_not_draws_nothing():
    layers = (Dense(4), BatchNorm(), Dropout(0.5), Dense(5), Dense(2))
    network = Network(3, layers, "squared_error")
    generators = [np.random.RandomState(0) for _ in range(2)]
    words = ["relu", "relu"]
    found = from_theta(network, draw_theta(network, words, generators[0]))
    plain = from_theta(NETWORK, draw_theta(NETWORK, words, generators[1]))
    for one, other in zip(found.coefs, plain.coefs, strict=True):
        np.testing.assert_array_equal(one, other)
    assert generators[0].rand() == generators[1].rand()
    (norm,) = found.norms
    for key, value in {"gamma": 1.0, "beta": 0.0, "mean": 0.0, "variance": 1.0}.items():
        np.testing.assert_array_equal(norm[key], np.full(4, value))


def test_without_a_hidden_layer():
    network = Network(3, (Dense(2),), "squared_error")
    theta = draw_theta(network, [], np.random.RandomState(0))
    bound = (6.0 / 5.0) ** 0.5
    expected = np.random.RandomState(0).uniform(-bound, bound, (3, 2))
    np.testing.assert_array_equal(from_theta(network, theta).coefs[0], expected)


def test_each_order_is_shuffled_out_of_the_one_before():
    order, rng = np.arange(9), np.random.RandomState(3)
    shuffles = Shuffles(9, np.random.RandomState(3))
    for epoch in range(4):
        order = shuffle(order, random_state=rng)
        np.testing.assert_array_equal(shuffles(epoch), order)
        np.testing.assert_array_equal(shuffles(epoch), order)  # asked twice, drawn once


def test_epochs_that_are_left_out_are_drawn():
    """So a run that is taken up goes on in the order of one that was never stopped."""
    whole = Shuffles(9, np.random.RandomState(3))
    orders = [whole(epoch).copy() for epoch in range(4)]
    np.testing.assert_array_equal(Shuffles(9, np.random.RandomState(3))(3), orders[3])
    assert len({tuple(one) for one in orders}) == 4


def test_without_a_generator_examples_stay_in_their_order():
    np.testing.assert_array_equal(Shuffles(5, None)(3), np.arange(5))
