"""Layers: what each promises apart from its gradient, which test_gradient_check.py is about."""

import dataclasses

import numpy as np
import pytest

from dnn_xp.backends import to_host
from dnn_xp.functions.activations import ACTIVATIONS
from dnn_xp.functions.counters import Draws
from dnn_xp.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm, Training
from tests.helpers import assert_close, assert_values

LAYERS = [Dense(3, "relu"), Activation("tanh"), Dropout(0.5), LayerNorm(), BatchNorm(), Layer()]

layers = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)


@pytest.fixture
def run(array, xp):
    """Return a function that runs a layer of four inputs forward, with its drawn parameters."""

    def forward(layer, A_prev, training=None, place=2):
        drawn = layer.initialize(4, np.random.default_rng(0))
        parameters = {name: array(value, "float64") for name, value in drawn.items()}
        return layer.forward(array(A_prev), parameters, training, place, xp)

    return forward


@layers
def test_parameters_are_drawn_in_their_shapes(layer):
    drawn = layer.initialize(4, np.random.default_rng(0))
    shapes = layer.parameter_shapes(4) | layer.statistic_shapes(4)
    assert {name: value.shape for name, value in drawn.items()} == shapes
    assert all(value.dtype == np.float64 for value in drawn.values())


@layers
def test_outputs_are_as_wide_as_announced(run, layer):
    A, _ = run(layer, np.ones((4, 7)))
    assert A.shape == (layer.n_outputs(4), 7)


@layers
def test_descriptions_are_frozen_values(layer):
    same = dataclasses.replace(layer)
    assert same == layer
    assert hash(same) == hash(layer)
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.units = 3


def test_different_descriptions_differ():
    different = [
        *LAYERS,
        Dense(4, "relu"),
        Dense(3, "tanh"),
        Dense(3, "relu", initializer="zeros"),
        Dropout(0.4),
        LayerNorm(1e-3),
        BatchNorm(0.5),
        BatchNorm(epsilon=1e-3),
    ]
    assert len(set(different)) == len(different)


def test_dense_starts_as_its_initializer_says():
    drawn = Dense(500, initializer="he_normal").initialize(400, np.random.default_rng(0))
    # Five standard deviations of a mean square of 200,000 normal draws.
    assert drawn["W"].var() == pytest.approx(2 / 400, rel=5 * (2 / 200_000) ** 0.5)
    assert not drawn["b"].any()


def test_dropout_drops_in_training_only(run, array, xp):
    draws = Draws(*(array(n, "int32") for n in ([0], [0], np.arange(50))))
    A_prev = np.ones((4, 50))
    for training in (None, Training(None, None)):
        assert_values(run(Dropout(0.5), A_prev, training)[0], A_prev)
    assert_values(run(Dropout(0.0), A_prev, Training(draws, None))[0], A_prev)
    dropped, _ = run(Dropout(0.5), A_prev, Training(draws, None))
    assert set(np.unique(to_host(dropped))) == {0.0, 2.0}
    elsewhere, _ = run(Dropout(0.5), A_prev, Training(draws, None), place=3)
    assert bool(xp.any(elsewhere != dropped))


def test_batch_norm_normalizes_by_the_batch_while_it_trains(run, xp):
    A_prev = np.random.default_rng(1).normal(5.0, 3.0, size=(4, 9))
    A, cache = run(BatchNorm(epsilon=0.0), A_prev, Training(None, None))
    assert_values(xp.mean(A, axis=1), np.zeros(4), atol=1e-14)
    assert_values(xp.mean(A * A, axis=1), np.ones(4), rtol=1e-14)
    statistics = BatchNorm().statistics(cache)
    assert_values(statistics["mean"], A_prev.mean(axis=1, keepdims=True), rtol=1e-14)
    assert_values(statistics["variance"], A_prev.var(axis=1, keepdims=True), rtol=1e-13)


def test_batch_norm_normalizes_by_running_statistics_afterwards(array, xp):
    layer, A_prev = BatchNorm(epsilon=0.0), array([[3.0, 5.0]])
    parameters = {"gamma": 2.0, "beta": 1.0, "mean": 1.0, "variance": 4.0}
    arrays = {name: array([[value]]) for name, value in parameters.items()}
    A, _ = layer.forward(A_prev, arrays, None, 1, xp)
    assert_values(A, [[3.0, 5.0]])  # (3 - 1) / 2 * 2 + 1, (5 - 1) / 2 * 2 + 1


def test_batch_norm_moves_its_running_statistics(array):
    moved = BatchNorm(momentum=0.75).updated_statistics(array([[4.0]]), array([[8.0]]))
    assert_values(moved, [[5.0]])


def test_layer_norm_makes_each_example_its_own_measure(run, xp):
    A, _ = run(LayerNorm(epsilon=0.0), np.random.default_rng(1).normal(5.0, 3.0, size=(4, 9)))
    assert_values(xp.mean(A, axis=0), np.zeros(9), atol=1e-14)
    assert_values(xp.mean(A * A, axis=0), np.ones(9), rtol=1e-14)


def test_activation_stands_by_itself_or_in_dense(array, xp):
    A_prev, W, b = array([[-1.0, 2.0]]), array([[1.0]]), array([[0.0]])
    alone, _ = Activation(("leaky_relu", 0.5)).forward(A_prev, {}, None, 1, xp)
    within, _ = Dense(1, ("leaky_relu", 0.5)).forward(A_prev, {"W": W, "b": b}, None, 1, xp)
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
        (lambda: Dropout(1.0), "rate: found 1.0, expected 0 <= rate < 1"),
        (lambda: Dropout(-0.1), "rate: found -0.1, expected 0 <= rate < 1"),
        (lambda: Dropout(float("nan")), "rate: found nan"),
        (lambda: BatchNorm(momentum=1.0), "momentum: found 1.0, expected 0 <= momentum < 1"),
    ],
)
def test_what_cannot_be_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()
