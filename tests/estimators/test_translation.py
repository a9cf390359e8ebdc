"""From an estimator's arguments to a network, an optimizer and rules."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp import Activation, BatchNorm, Dense, Dropout, LayerNorm, Network, check_gradient
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.estimators.translation import (
    describe_network,
    describe_optimizer,
    describe_regularization,
    hidden_activations,
    hidden_sizes,
    mean_squared_error,
    needs_steps,
)
from dnn_xp.training import (
    Regularization,
    adagrad,
    adam,
    adamw,
    amsgrad,
    lion,
    momentum,
    nadam,
    nesterov,
    rmsprop,
    sgd,
)
from tests.helpers import assert_values


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ((5, 3), [5, 3]),
        ([5], [5]),
        (7, [7]),
        (np.array([2, 3]), [2, 3]),
        ((), []),
        (np.int64(4), [4]),
    ],
)
def test_sizes(given, sizes):
    found = hidden_sizes(MLPRegressor(hidden_layer_sizes=given))
    assert found == sizes
    assert all(type(one) is int for one in found)


@pytest.mark.parametrize("bad", [0, (4, -1), [0]])
def test_sizes_below_1_are_refused(bad):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must be > 0, got \["):
        hidden_sizes(MLPRegressor(hidden_layer_sizes=bad))


def test_activations_have_the_words_of_layers():
    of = {"hidden_layer_sizes": (4, 3)}
    assert hidden_activations(MLPClassifier(activation="logistic", **of)) == ["sigmoid"] * 2
    assert hidden_activations(MLPClassifier(activation=["logistic", "gelu"], **of)) == [
        "sigmoid",
        "gelu",
    ]
    with pytest.raises(ValueError, match="activation: found 1 values, expected 2: one a hidden la"):
        hidden_activations(MLPClassifier(activation=["tanh"], **of))


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ({}, (Dense(4, "relu"), Dense(3, "relu"))),
        ({"dropout": 0.2}, (Dense(4, "relu"), Dropout(0.2), Dense(3, "relu"), Dropout(0.2))),
        ({"dropout": [0.0, 0.5]}, (Dense(4, "relu"), Dense(3, "relu"), Dropout(0.5))),
        (
            {"batch_norm": True, "activation": ["tanh", "silu"]},
            (
                *(Dense(4), BatchNorm(), Activation("tanh")),
                *(Dense(3), BatchNorm(), Activation("silu")),
            ),
        ),
        (
            {"batch_norm": True, "layer_norm": True, "dropout": [0.1, 0.0]},
            (
                *(Dense(4), BatchNorm(), LayerNorm(), Activation("relu"), Dropout(0.1)),
                *(Dense(3), BatchNorm(), LayerNorm(), Activation("relu")),
            ),
        ),
    ],
)
def test_networks(options, layers):
    estimator = MLPRegressor(hidden_layer_sizes=(4, 3), **options)
    found = describe_network(estimator, 6, 2, "squared_error")
    assert found == Network(6, (*layers, Dense(2)), "squared_error")


def test_a_network_without_hidden_layers():
    found = describe_network(MLPRegressor(hidden_layer_sizes=()), 6, 2, ("huber", 1.5))
    assert found == Network(6, (Dense(2),), ("huber", 1.5))


BETAS = {"beta_1": 0.8, "beta_2": 0.98, "epsilon": 1e-6}


@pytest.mark.parametrize(
    ("options", "optimizer"),
    [
        ({"solver": "sgd", "momentum": 0.0}, sgd(0.3)),
        ({"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False}, momentum(0.3, 0.5)),
        ({"solver": "sgd", "momentum": 0.5}, nesterov(0.3, 0.5)),
        (BETAS, adam(0.3, 0.8, 0.98, 1e-6, epsilon_hat=True)),
        ({"solver": "adamw", "weight_decay": 0.1} | BETAS, adamw(0.3, 0.8, 0.98, 1e-6, 0.1)),
        ({"solver": "nadam"} | BETAS, nadam(0.3, 0.8, 0.98, 1e-6)),
        ({"solver": "amsgrad"} | BETAS, amsgrad(0.3, 0.8, 0.98, 1e-6)),
        ({"solver": "rmsprop", "epsilon": 1e-6}, rmsprop(0.3, epsilon=1e-6)),
        ({"solver": "adagrad", "epsilon": 1e-6}, adagrad(0.3, epsilon=1e-6)),
        ({"solver": "lion", "weight_decay": 0.1}, lion(0.3, weight_decay=0.1)),
        ({"solver": momentum(0.1)}, momentum(0.1)),
    ],
)
def test_optimizers(options, optimizer):
    assert describe_optimizer(MLPRegressor(learning_rate_init=0.3, **options)) == optimizer


def test_rules():
    """alpha counts as in scikit-learn: the sum of a batch's losses and it, by the batch's size."""
    assert describe_regularization(MLPRegressor(alpha=0.0)) == Regularization()
    assert describe_regularization(MLPRegressor(alpha=0.1)) == Regularization(l2=0.1, summed=True)
    options = {"alpha": 0.0, "l1": 0.2, "max_norm": 3.0, "label_smoothing": 0.1}
    assert describe_regularization(MLPClassifier(**options)) == Regularization(
        l1=0.2, max_norm=3.0, label_smoothing=0.1, summed=True
    )


def test_what_means_something_to_steps_only():
    assert needs_steps(MLPClassifier()) == needs_steps(MLPRegressor()) == []
    options = {"l1": 0.1, "max_norm": 1.0, "clip_norm": 1.0, "label_smoothing": 0.1}
    assert needs_steps(MLPClassifier(**options)) == list(options)
    assert needs_steps(MLPRegressor(checkpoint="file")) == ["checkpoint"]


# ----------------------------------------------------------------------------- the cost

A, Y = (
    np.array([[1.0, 2.0], [0.0, 4.0], [3.0, 1.0]]),
    np.array([[0.0, 2.0], [2.0, 1.0], [0.0, 0.0]]),
)


def test_the_mean_over_outputs_by_hand(array):
    """Squares of 1, -2, 3 and of 0, 3, 1: their sums over 2 times 3."""
    for descends_the_sum in (True, False):
        cost = mean_squared_error(descends_the_sum=descends_the_sum)
        assert_values(cost.by_Z(array(A), array(Y)), [14.0 / 6.0, 10.0 / 6.0], rtol=1e-15)


def test_what_is_descended(array):
    """The differences; or these by the number of outputs, the derivative of the mean."""
    of_sum, of_mean = (mean_squared_error(descends_the_sum=one) for one in (True, False))
    assert_values(of_sum.back_by_Z(array(A), array(Y)), A - Y, rtol=0)
    assert_values(of_mean.back_by_Z(array(A), array(Y)), (A - Y) / 3.0, rtol=1e-15)


def test_the_gradient_of_the_mean_is_one(array):
    network = Network(2, (Dense(4, "tanh"), Dense(3)), mean_squared_error(descends_the_sum=False))
    rng = np.random.default_rng(0)
    X, targets = array(rng.normal(size=(2, 6))), array(rng.normal(size=(3, 6)))
    theta = network.initialize(0, like=X)
    assert check_gradient(network, theta, X, targets).relative_difference < 1e-7
