"""Dense layers and activations."""

import numpy as np
import pytest

from dnn_xp.functions.activations import ACTIVATIONS
from dnn_xp.layers import Activation, Context, Dense
from tests.helpers import assert_close, assert_values


def test_dense_starts_as_its_initializer_says():
    drawn = Dense(500, initializer="he_normal").initialize((400,), np.random.default_rng(0))
    # Five standard deviations of a mean square of 200,000 normal draws.
    assert drawn["W"].var() == pytest.approx(2 / 400, rel=5 * (2 / 200_000) ** 0.5)
    assert not drawn["b"].any()


def test_activation_stands_by_itself_or_in_dense(array, xp):
    A_prev, W, b = array([[-1.0, 2.0]]), array([[1.0]]), array([[0.0]])
    alone, _ = Activation(("leaky_relu", 0.5)).forward(A_prev, {}, Context(xp))
    within, _ = Dense(1, ("leaky_relu", 0.5)).forward(A_prev, {"W": W, "b": b}, Context(xp))
    assert_values(alone, [[-0.5, 2.0]])
    assert_close(within, alone)


def test_a_list_becomes_a_hashable_tuple():
    """As a description that was read from a file may hold."""
    for made, meant in (
        (Dense(1, ["elu", 2.0]), Dense(1, ("elu", 2.0))),
        (Activation(["elu", 2.0]), Activation(("elu", 2.0))),
    ):
        assert made == meant
        assert hash(made) == hash(meant)


def test_activations_of_ones_own():
    own = ACTIVATIONS["tanh"]._replace(name="mine")
    assert Dense(1, own).activation is own
    assert Dense(1, own) == Dense(1, own)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(0), "units: found 0, expected a whole number from 1 on"),
        (lambda: Dense(2.5), "units: found 2.5, expected a whole number"),
        (lambda: Dense(True), "units: found True, expected a whole number"),
        (lambda: Dense(1, "rleu"), "activation: found 'rleu', expected one of"),
        (lambda: Dense(1, initializer="ones"), "initializer: found 'ones', expected one of zeros"),
        (lambda: Activation("softmax"), "cost='softmax_cross_entropy'"),
    ],
)
def test_dense_that_cannot_be_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()
