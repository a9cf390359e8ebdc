"""From a network's vector to scikit-learn's attributes, and back."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp import Activation, BatchNorm, Dense, Dropout, LayerNorm, Network, backends
from dnn_xp.estimators.coefficients import Weights, bring_weights, by_layer, from_theta, to_theta
from dnn_xp.network.propagation import logits
from tests.helpers import assert_close, assert_values

PLAIN = Network(3, (Dense(4, "tanh"), Dense(2)), "squared_error")
NORMALIZED = Network(
    3,
    (Dense(4), BatchNorm(), LayerNorm(), Activation("relu"), Dropout(0.5), Dense(2)),
    "squared_error",
)


def test_weights_are_scikit_learns(array):
    """theta holds W1 row by row, then b1: here 0, 1, 2, ... in that order."""
    theta = array(np.arange(26.0))
    found = from_theta(PLAIN, theta)
    assert_values(found.coefs[0], np.arange(12.0).reshape(4, 3).T)
    assert_values(found.intercepts[0], np.arange(12.0, 16.0))
    assert_values(found.coefs[1], np.arange(16.0, 24.0).reshape(2, 4).T)
    assert_values(found.intercepts[1], [24.0, 25.0])
    assert found.norms == []


def test_norms_come_in_their_order(array):
    theta = NORMALIZED.initialize(0, like=array(np.zeros(1)))
    found = from_theta(NORMALIZED, theta)
    named = NORMALIZED.unpack(theta)
    assert [set(one) for one in found.norms] == [
        {"gamma", "beta", "mean", "variance"},
        {"gamma", "beta"},
    ]
    assert_values(found.norms[0]["variance"], backends.to_host(named["variance2"])[:, 0])
    assert len(found.coefs) == len(found.intercepts) == 2


@pytest.mark.parametrize("network", [PLAIN, NORMALIZED])
def test_estimator_weights_there_and_back(array, dtype, network):
    theta = array(np.random.default_rng(0).normal(size=network.size), dtype)
    assert_close(to_theta(network, from_theta(network, theta)), theta, rtol=0)


@pytest.mark.parametrize(
    ("network", "other", "message"),
    [
        (PLAIN, NORMALIZED, "norms_: found 0, expected 2, one a layer"),
        (NORMALIZED, PLAIN, "norms_: found 2, expected 0, one a layer"),
        (PLAIN, Network(3, (Dense(2),), PLAIN.cost), "coefs_: found 2, expected 1, one a layer"),
        (
            PLAIN,
            Network(3, (Dense(5), Dense(2)), PLAIN.cost),
            r"coefs_\[0\]: found \(3, 4\), expected an array of shape",
        ),
    ],
)
def test_those_of_another_network_are_refused(network, other, message):
    with pytest.raises(ValueError, match=message):
        to_theta(other, from_theta(network, np.zeros(network.size)))


@pytest.mark.parametrize("network", [PLAIN, NORMALIZED])
def test_layers_get_what_a_network_has(array, network):
    theta = array(np.random.default_rng(0).uniform(0.5, 1.0, size=network.size))
    X = array(np.random.default_rng(1).normal(size=(3, 5)))
    layers = by_layer(network, from_theta(network, theta))
    xp = backends.namespace(theta)
    for found, expected in zip(layers, network.layout.views(theta, xp), strict=True):
        assert found.keys() == expected.keys()
        for key, one in found.items():
            assert_close(one, expected[key], rtol=0)
    Z = logits(network, layers, X, xp=xp)
    assert_close(Z, network.forward(theta, X), rtol=1e-13)


def test_moving(array, xp, device, dtype):
    host = from_theta(NORMALIZED, np.linspace(0.0, 1.0, NORMALIZED.size).astype(dtype))
    there = bring_weights(host, array([0.0]))
    for one, expected in zip(flat(there), flat(host), strict=True):
        assert backends.namespace(one) is xp
        assert backends.device(one) == device
        assert_values(one, expected, rtol=0)
    wide = bring_weights(host, array([0.0]), xp.float64)
    assert all(one.dtype == xp.float64 for one in flat(wide))
    again = bring_weights(there, np.zeros(1))
    for one, expected in zip(flat(again), flat(host), strict=True):
        assert_close(one, expected, rtol=0)


def flat(weights: Weights) -> list:
    of_norms = [one for of_layer in weights.norms for one in of_layer.values()]
    return [*weights.coefs, *weights.intercepts, *of_norms]
