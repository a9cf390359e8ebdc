"""Dense layers and activations."""

import numpy as np
import pytest

from dnn_xp.functions.activations import ACTIVATIONS, ActivationFunction
from dnn_xp.layers import (
    Activation,
    BatchNorm,
    Context,
    Dense,
    Dropout,
    LayerNorm,
    ParametricActivation,
    PeriodicEmbedding,
)
from dnn_xp.network import Network
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


def test_parametric_activation_bends_each_unit_by_its_own_part(array, xp):
    A_prev, a = array([[-1.0, 2.0]] * 3), array([[0.0], [0.5], [1.0]])
    A, _ = ParametricActivation("relu").forward(A_prev, {"a": a}, Context(xp))
    assert_values(A, [[-1.0, 2.0], [-0.5, 2.0], [0.0, 2.0]])


@pytest.mark.parametrize("activation", ["identity", "relu", "silu", "mish", ("elu", 2.0)], ids=str)
def test_parametric_activation_starts_as_the_activation(run, xp, activation):
    A_prev = np.random.default_rng(1).normal(size=(4, 9))
    A, cache = run(ParametricActivation(activation), A_prev)
    expected, other = run(Activation(activation), A_prev)
    assert_close(A, expected, rtol=1e-15, atol=1e-15)
    dA = xp.ones_like(A)
    slope, gradients = ParametricActivation(activation).backward(dA, cache, Context(xp))
    expected, _ = Activation(activation).backward(dA, other, Context(xp))
    assert_close(slope, expected, rtol=1e-15, atol=1e-15)
    assert gradients == {}  # where nothing is trained


def test_a_list_becomes_a_hashable_tuple():
    """As a description that was read from a file may hold."""
    for made, meant in (
        (Dense(1, ["elu", 2.0]), Dense(1, ("elu", 2.0))),
        (Activation(["elu", 2.0]), Activation(("elu", 2.0))),
        (ParametricActivation(["elu", 2.0]), ParametricActivation(("elu", 2.0))),
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
        (lambda: ParametricActivation("rleu"), "activation: found 'rleu', expected one of"),
    ],
)
def test_dense_that_cannot_be_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()


WRONG_NUMBERS = ["1", None, float("nan"), float("inf"), True, [1], -1.0, np.zeros(2)]


@pytest.mark.parametrize("found", WRONG_NUMBERS, ids=repr)
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("units", Dense),
        ("units", lambda found: Dense(2.5 if isinstance(found, str) else found)),
        ("n_numbers", PeriodicEmbedding),
        ("n_frequencies", lambda found: PeriodicEmbedding(2, found)),
        ("width", lambda found: PeriodicEmbedding(2, width=found)),
        ("sigma", lambda found: PeriodicEmbedding(2, sigma=found)),
        ("rate", Dropout),
        ("momentum", BatchNorm),
        ("epsilon", lambda found: BatchNorm(epsilon=found)),
        ("epsilon", lambda found: LayerNorm(found)),
        ("n_inputs", lambda found: Network(found, (Dense(1),), "squared_error")),
    ],
)
def test_fields_that_are_no_numbers_are_named_when_a_layer_is_made(name, make, found):
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected "):
        make(found)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(2, None), "activation: found None, expected one of identity"),
        (lambda: Dense(2, np.tanh), "activation: found <ufunc 'tanh'>, expected one of"),
        (lambda: Dense(2, 3), "activation: found 3, expected one of"),
        (lambda: Dense(2, ()), r"activation: found \(\), expected one of"),
        (lambda: Dense(2, ("elu", "1")), "activation 'elu': found '1', expected a number"),
        (lambda: Dense(2, ("elu", float("nan"))), "activation 'elu': found nan"),
        (lambda: Dense(2, ("elu", True)), "activation 'elu': found True"),
        (lambda: Dense(2, ("elu", [1.0])), "activation: found .*, expected a name"),
        (lambda: Activation(["elu", None]), "activation 'elu': found None"),
        (lambda: Dense(2, ActivationFunction("own", 1, 2)), "activation: found .*two functions"),
        (lambda: Dense(2, initializer=None), "initializer: found None, expected one of zeros"),
        (lambda: Dense(2, initializer=["zeros"]), r"initializer: found \['zeros'\]"),
        (lambda: ParametricActivation(None), "activation: found None, expected one of identity"),
        (lambda: BatchNorm(across=None), "across: found None, expected 'batch' or 'part'"),
        (lambda: Network(2, Dense(1), "squared_error"), "layers: found Dense.*expected a tuple"),
        (lambda: Network(2, "Dense", "squared_error"), "layers: found 'Dense', expected a tuple"),
        (lambda: Network(2, ("Dense",), "squared_error"), "layers: found 'Dense' at place 1"),
        (lambda: Network(2, (Dense(1),), None), "cost: found None, expected one of"),
        (lambda: Network(2, (Dense(1),), 3), "cost: found 3, expected one of"),
        (lambda: Network(2, (Dense(1),), ("huber", "1")), "cost: found '1', expected a number"),
        (lambda: Network(2, (Dense(1),), ("huber", np.inf)), "cost: found inf, expected a number"),
        (lambda: Network(2, (Dense(1),), ("huber", [0.5])), "cost: found .*, expected a name"),
        (
            lambda: Network(2, (Dense(1),), ("grouped_softmax_cross_entropy", "2")),
            "cost: found a group of '2' outputs",
        ),
    ],
)
def test_fields_of_another_kind_are_named_when_a_description_is_made(make, message):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        make()


def test_descriptions_hold_numbers_of_pythons_own():
    assert Dense(np.int64(2), ["elu", np.float32(0.5)]) == Dense(2, ("elu", 0.5))
    network = Network(np.int8(3), [Dense(1)], ["huber", np.float32(0.5)])
    assert network == Network(3, (Dense(1),), ("huber", 0.5))
    assert type(network.n_inputs) is int
    assert type(network.cost[1]) is float
