"""Networks described in JSON's types. Layers of one's own: tests/layers/test_base.py."""

import dataclasses
import json

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
from dnn_xp.functions.activations import ActivationFunction
from dnn_xp.layers import Layer
from dnn_xp.network.description import UnknownLayerError, describe_network, network_of

OWN = ActivationFunction("own", np.tanh, lambda dA, Z, A, xp: dA * (1.0 - A * A))


@pytest.mark.parametrize(
    ("layers", "cost"),
    [
        ((Dense(3, ("elu", 0.5)), BatchNorm(0.8), Activation("tanh"), Dense(2)), ("huber", 2.0)),
        ((PeriodicEmbedding(3, 5, 2, 0.3), ParametricActivation("silu"), Dense(5)), "poisson"),
        ((Dropout(0.2), LayerNorm(1e-3), Dense(5)), ("grouped_softmax_cross_entropy", 2, 3)),
        ((Dense(6),), ("quantile", [0.1, 0.5, 0.9])),
    ],
)
def test_description_gives_the_network_again(layers, cost):
    network = Network(4, layers, cost)
    description = json.loads(json.dumps(describe_network(network)))
    assert network_of(description) == network


def test_description_of_functions_of_ones_own_is_their_name_where_that_is_enough():
    network = Network(4, (Dense(3, OWN), Dense(1)), "squared_error")
    with pytest.raises(ValueError, match="network: found 'own', a function of your own, which can"):
        describe_network(network)
    described = describe_network(network, own_functions=True)
    assert described["layers"][0]["activation"] == {"own": "own"}


def test_description_with_an_unknown_layer_is_refused():
    with pytest.raises(UnknownLayerError, match=r"the layer 'Mine', .*layers=\{'Mine': ...\}"):
        network_of({"n_inputs": 3, "layers": [{"kind": "Mine"}], "cost": "squared_error"})


def test_description_of_a_layer_with_a_field_called_kind_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Own(Layer):
        kind: str = "Dense"

    with pytest.raises(ValueError, match="network: found Own with a field called 'kind'"):
        describe_network(Network(3, (Own(),), "squared_error"))
