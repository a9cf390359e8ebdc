"""Summaries of networks: shapes, parameters and multiplications, layer by layer."""

from dataclasses import dataclass

import numpy as np
import pytest

from dnn_xp import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
    Network,
    ParametricActivation,
    PeriodicEmbedding,
)


@dataclass(frozen=True)
class Doubled(Layer):
    """A layer of one's own that counts."""

    def forward(self, A_prev, parameters, context):
        return 2.0 * A_prev, None

    def multiplications(self, input_shape):
        return input_shape[0]


@dataclass(frozen=True)
class Around(Layer):
    """A layer made of another, which says nothing of its multiplications."""

    inner: Layer
    word: str = "plain"

    def output_shape(self, input_shape):
        return self.inner.output_shape(input_shape)

    def parameter_shapes(self, input_shape):
        return self.inner.parameter_shapes(input_shape)

    def forward(self, A_prev, parameters, context):
        return self.inner.forward(A_prev, parameters, context)


@dataclass(frozen=True)
class Chain(Layer):
    """A layer made of several."""

    layers: tuple

    def forward(self, A_prev, parameters, context):
        return A_prev, None


@dataclass(frozen=True)
class Squared(Dense):
    """Another forward pass than that of the class it is made from, whose count is not its own."""

    def forward(self, A_prev, parameters, context):
        return parameters["W"] @ (A_prev * A_prev), None


@dataclass(frozen=True)
class Renamed(Dense):
    """The same forward pass."""


@dataclass(frozen=True)
class Picture(Layer):
    """What comes in is a picture."""

    def output_shape(self, input_shape):
        return (1, 2, 3)


@dataclass(frozen=True)
class Counted(Layer):
    """A count that is handed in."""

    count: object = 0

    def multiplications(self, input_shape):
        return self.count


@dataclass(frozen=True)
class Worded(Layer):
    """A representation of one's own."""

    def __repr__(self):
        return "<b>words\x1b[2J of my own</b>"


@pytest.mark.parametrize(
    ("layer", "shape", "parameters", "statistics", "multiplications"),
    [
        (Dense(5, "relu"), (5,), 6 * 5 + 5, 0, 6 * 5),
        (Renamed(5), (5,), 6 * 5 + 5, 0, 6 * 5),
        (Squared(5), (5,), 6 * 5 + 5, 0, None),
        (Activation("tanh"), (6,), 0, 0, 0),
        (ParametricActivation("relu"), (6,), 6, 0, 6),
        (Dropout(0.5), (6,), 0, 0, 0),
        (LayerNorm(), (6,), 12, 0, 3 * 6),
        (BatchNorm(), (6,), 12, 12, 6),
        # Two numbers: 16 frequencies and 16 phases each; 3 rows of V and of c each; w x and V cos.
        (PeriodicEmbedding(2), (12,), 2 * (32 + 48 + 3), 0, 2 * (16 + 48)),
        (Doubled(), (6,), 0, 0, 6),
        (Around(Dense(4)), (4,), 28, 0, None),
        (Picture(), (1, 2, 3), 0, 0, 0),
    ],
)
def test_each_layer_is_counted(layer, shape, parameters, statistics, multiplications):
    (found,) = Network(6, (layer,), "squared_error").summary().layers
    assert found == (layer, shape, parameters, statistics, multiplications)


def test_dense_layers_multiply_as_often_as_their_products_do():
    """Counted in the passes themselves: a product of (a, b) with (b, m) is a * b * m of them."""
    products = []

    class Counting(np.ndarray):
        def __matmul__(self, other):
            products.append(self.shape[0] * self.shape[1] * other.shape[1])
            return np.asarray(self) @ np.asarray(other)

    class Recorded(Dense):
        def forward(self, A_prev, parameters, context):
            W = parameters["W"].view(Counting)
            return W @ A_prev + parameters["b"], None

    layers = tuple(map(Recorded, (7, 3, 2)))
    network, X = Network(5, layers, "squared_error"), np.ones((5, 4))
    network.predict(network.initialize(like=X), X)
    plain = Network(5, tuple(map(Dense, (7, 3, 2))), "squared_error")
    assert sum(products) == 4 * plain.summary().multiplications


def test_the_totals_are_those_of_theta():
    network = Network(6, (Dense(4), BatchNorm(), Dense(3)), "softmax_cross_entropy")
    found = network.summary()
    assert found.parameters + found.statistics == network.size
    assert found.multiplications == 6 * 4 + 4 + 4 * 3


@pytest.mark.parametrize("show", [repr, str])
def test_the_table_stands_in_columns(show):
    layers = (Dense(400, "relu"), Picture(), Around(Dense(2, "tanh"), "other"), Dense(1))
    title, head, *rows, total = show(Network(30, layers, "squared_error").summary()).splitlines()
    assert title == "Network of 30 inputs, cost squared_error"
    assert head.split("  ")[0] == "place"
    assert len({len(line) for line in (head, *rows) if not line.strip().startswith("·")}) == 1
    assert "12,400" in rows[0]
    assert "1 × 2 × 3" in rows[1]
    assert rows[2].endswith(" -")
    assert rows[3].strip() == "· Dense(2, activation='tanh')"
    assert total.endswith("at least 12,002")


def test_layers_within_layers_are_named():
    layers = (Chain((Dense(3), Chain((Dropout(0.1),)))),)
    text = repr(Network(3, layers, "squared_error").summary())
    assert "· Dense(3)" in text
    assert "· Chain((Dropout(0.1),))" in text


@pytest.mark.parametrize("cost", ["squared_error", ("quantile", [0.05, 0.5, 0.95]), ("huber", 1)])
def test_it_fits_eighty_columns(cost):
    layers = (Dense(65_536, "leaky_relu", initializer="orthogonal"), Dense(3))
    text = repr(Network(10_000, layers, cost).summary())
    assert max(map(len, text.splitlines())) <= 80
    assert (cost if isinstance(cost, str) else cost[0]) in text


@pytest.mark.parametrize("count", [-1, 2.5, "7", True, float("nan")])
def test_a_count_that_is_none_is_refused_by_name(count):
    network = Network(2, (Dense(2), Counted(count)), "squared_error")
    with pytest.raises(ValueError, match=r"multiplications of layer 2, Counted\(count=.*: found"):
        network.summary()


def test_the_html_is_the_same_table_and_escaped():
    network = Network(2, (Worded(), Dense(2000)), "squared_error")
    html = network._repr_html_()
    assert html == network.summary()._repr_html_()
    assert "&lt;b&gt;words\\x1b[2J of my own&lt;/b&gt;" in html
    assert "6,000" in html
    assert "<b>words" not in html
