"""The protocol of layers, and layers of one's own. Gradients are test_gradient_check's subject."""

import dataclasses

import numpy as np
import pytest

from dnn_xp import (
    Model,
    ModelFileError,
    Network,
    Preprocessing,
    check_gradient,
    load_model,
    save_model,
    sgd,
    train,
)
from dnn_xp.backends import asarray_like, device, namespace, to_host
from dnn_xp.functions.counters import fold, make_key, standard_normal
from dnn_xp.layers import LAYERS as PUBLIC
from dnn_xp.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
    ParametricActivation,
    PeriodicEmbedding,
)
from dnn_xp.network.propagation import forward
from dnn_xp.training import Regularization, adam
from tests.helpers import assert_close, assert_values

LAYERS = [
    Dense(3, "relu"),
    Activation("tanh"),
    ParametricActivation("tanh"),
    PeriodicEmbedding(3, 5),
    Dropout(0.5),
    LayerNorm(),
    BatchNorm(),
    Layer(),
]

layers = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)


@layers
def test_parameters_are_drawn_in_their_shapes(layer):
    drawn = layer.initialize((4,), np.random.default_rng(0))
    shapes = layer.parameter_shapes((4,)) | layer.statistic_shapes((4,))
    assert {name: value.shape for name, value in drawn.items()} == shapes
    assert all(value.dtype == np.float64 for value in drawn.values())


@layers
def test_outputs_are_as_wide_as_announced(run, layer):
    A, _ = run(layer, np.ones((4, 7)))
    assert A.shape == (*layer.output_shape((4,)), 7)


@layers
def test_descriptions_are_frozen_values(layer):
    same = dataclasses.replace(layer)
    assert same == layer
    assert hash(same) == hash(layer)
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.units = 3


def test_base_different_descriptions_differ():
    different = [
        *LAYERS,
        Dense(4, "relu"),
        Dense(3, "tanh"),
        Dense(3, "relu", initializer="zeros"),
        ParametricActivation("relu"),
        PeriodicEmbedding(2, 5),
        PeriodicEmbedding(3, 6),
        PeriodicEmbedding(3, 5, 5),
        PeriodicEmbedding(3, 5, sigma=0.2),
        Dropout(0.4),
        LayerNorm(1e-3),
        BatchNorm(0.5),
        BatchNorm(epsilon=1e-3),
    ]
    assert len(set(different)) == len(different)


def test_layers_are_known_by_name():
    known = {type(layer).__name__: type(layer) for layer in LAYERS}
    assert known == PUBLIC | {"Layer": Layer}


# ----------------------------------------------------------------------------- of one's own
# Written as a user would, against the public protocol alone.


@dataclasses.dataclass(frozen=True)
class Picture(Layer):
    """What comes in is a picture of this shape, flattened row by row."""

    shape: tuple

    def output_shape(self, input_shape):
        return self.shape


@dataclasses.dataclass(frozen=True)
class Convolution(Layer):
    """Filters of kernel x kernel over the channels of a picture, with stride 1 and no border."""

    filters: int
    kernel: int

    def output_shape(self, input_shape):
        _, height, width = input_shape
        return self.filters, height - self.kernel + 1, width - self.kernel + 1

    def parameter_shapes(self, input_shape):
        return {
            "W": (self.filters, input_shape[0], self.kernel, self.kernel),
            "b": (self.filters, 1),
        }

    def initialize(self, input_shape, rng):
        shapes = self.parameter_shapes(input_shape)
        return {"W": rng.normal(size=shapes["W"]) / self.kernel, "b": np.zeros(shapes["b"])}

    def forward(self, A_prev, parameters, context):
        xp, k = context.xp, self.kernel
        channels, height, width = context.input_shape
        h, w = height - k + 1, width - k + 1
        pictures = xp.reshape(A_prev, (channels, height, width, -1))
        shifted = [pictures[:, i : i + h, j : j + w, :] for i in range(k) for j in range(k)]
        patches = xp.reshape(xp.stack(shifted, axis=1), (channels * k * k, h, w, -1))
        W = xp.reshape(parameters["W"], (self.filters, -1))
        Z = xp.tensordot(W, patches, axes=1) + xp.reshape(parameters["b"], (-1, 1, 1, 1))
        return xp.reshape(Z, (self.filters * h * w, -1)), (patches, W)

    def backward(self, dA, cache, context):
        xp, k, (patches, W) = context.xp, self.kernel, cache
        channels, height, width = context.input_shape
        h, w = height - k + 1, width - k + 1
        dZ = xp.reshape(dA, (self.filters, h, w, -1))
        dW = xp.tensordot(dZ, patches, axes=((1, 2, 3), (1, 2, 3)))
        db = xp.sum(dZ, axis=(1, 2, 3))
        d_patches = xp.tensordot(xp.matrix_transpose(W), dZ, axes=1)
        d_patches = xp.reshape(d_patches, (channels, k * k, h, w, -1))
        dX = 0.0
        for i in range(k):
            for j in range(k):
                dX = dX + padded(d_patches[:, i * k + j, ...], i, j, height, width, xp)
        gradients = {"W": xp.reshape(dW, (-1, channels, k, k)), "b": xp.reshape(db, (-1, 1))}
        return xp.reshape(dX, (channels * height * width, -1)), gradients


def padded(x, top, left, height, width, xp):
    """Return pictures with zeros around them."""

    def zeros(h, w):
        shape = (x.shape[0], h, w, x.shape[3])
        return xp.zeros(shape, dtype=x.dtype, device=device(x))

    h, w = x.shape[1:3]
    x = xp.concat([zeros(h, left), x, zeros(h, width - left - w)], axis=2)
    return xp.concat([zeros(top, width), x, zeros(height - top - h, width)], axis=1)


@dataclasses.dataclass(frozen=True)
class Jitter(Layer):
    """Noise on every unit, in training only."""

    deviation: float

    random = True

    def forward(self, A_prev, parameters, context):
        if context.key is None:
            return A_prev, None
        noise = standard_normal(context.key, A_prev.shape[-2], dtype=A_prev.dtype, xp=context.xp)
        return A_prev + self.deviation * noise, None


@dataclasses.dataclass(frozen=True)
class Residual(Layer):
    """A layer made of layers, around which what came in is led past."""

    layers: tuple

    random = True

    def _prefixed(self, kind, input_shape, *rest):
        found, shape = {}, input_shape
        for place, layer in enumerate(self.layers, 1):
            own = getattr(layer, kind)(shape, *rest)
            found |= {f"{place}_{key}": value for key, value in own.items()}
            shape = layer.output_shape(shape)
        return found

    def parameter_shapes(self, input_shape):
        return self._prefixed("parameter_shapes", input_shape)

    def initialize(self, input_shape, rng):
        return self._prefixed("initialize", input_shape, rng)

    def forward(self, A_prev, parameters, context):
        A, caches = A_prev, []
        for place, layer in enumerate(self.layers, 1):
            prefix = f"{place}_"
            own = {k.removeprefix(prefix): p for k, p in parameters.items() if k.startswith(prefix)}
            key = None if context.key is None else fold(context.key, place)
            A, cache = layer.forward(A, own, context._replace(key=key))
            caches.append(cache)
        return A_prev + A, caches

    def backward(self, dA, cache, context):
        gradients, d = {}, dA
        inner = context._replace(input_gradient=True, out=None, key=None)
        for place in range(len(self.layers), 0, -1):
            d, own = self.layers[place - 1].backward(d, cache[place - 1], inner)
            gradients |= {f"{place}_{key}": value for key, value in own.items()}
        return dA + d, gradients


@dataclasses.dataclass(frozen=True)
class Embedding(Layer):
    """A row of a table for each of some codes, which are integers."""

    codes: int
    width: int

    takes_integers = True

    def output_shape(self, input_shape):
        return input_shape[0], self.width

    def parameter_shapes(self, input_shape):
        return {"W": (self.codes, self.width)}

    def initialize(self, input_shape, rng):
        return {"W": rng.normal(size=(self.codes, self.width))}

    def forward(self, A_prev, parameters, context):
        xp, (n, m) = context.xp, A_prev.shape
        codes = xp.arange(self.codes, dtype=A_prev.dtype, device=device(A_prev))
        W = parameters["W"]
        marks = xp.astype(xp.reshape(A_prev, (n, 1, m)) == xp.reshape(codes, (1, -1, 1)), W.dtype)
        A = xp.matrix_transpose(W) @ marks  # (n, width, m)
        return xp.reshape(A, (n * self.width, m)), marks

    def backward(self, dA, cache, context):
        xp, (n, _, m) = context.xp, cache.shape
        dA = xp.reshape(dA, (n, self.width, m))
        return None, {"W": xp.sum(cache @ xp.matrix_transpose(dA), axis=0)}


CONVOLUTIONAL = Network(
    2 * 5 * 4,
    (Picture((2, 5, 4)), Convolution(3, 2), Activation("tanh"), Convolution(2, 2), Dense(3)),
    "softmax_cross_entropy",
)
RESIDUAL = Network(
    4,
    (
        Dense(5),
        Residual((Dense(5, "tanh"), Dropout(0.4), Residual((Jitter(0.1), Dense(5))))),
        Dense(3),
    ),
    "softmax_cross_entropy",
)
OWN = {"convolution": CONVOLUTIONAL, "layers of layers": RESIDUAL}
own = pytest.mark.parametrize("name", OWN)
MINE = {layer.__name__: layer for layer in (Picture, Convolution, Jitter, Residual, Embedding)}


def data_for(network, array, m=12):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(network.n_inputs, m)), np.eye(3)[:, rng.integers(3, size=m)]
    return array(X), array(Y)


@own
def test_gradient_of_layers_of_ones_own(array, name):
    network = OWN[name]
    X, Y = data_for(network, array)
    theta = network.initialize(1, like=X) + 0.1
    weights = array(np.linspace(0.5, 2.0, 12))
    check = check_gradient(network, theta, X, Y, weights)
    assert check.relative_difference < 1e-7


@own
def test_input_gradient_of_layers_of_ones_own(array, name):
    """Along a direction, by a difference."""
    network = OWN[name]
    X, Y = data_for(network, array)
    theta = network.initialize(1, like=X)
    direction = array(np.random.default_rng(1).normal(size=X.shape))
    above, below = (network.forward(theta, X + h * direction) for h in (1e-6, -1e-6))
    slope = to_host(network.input_gradient(theta, X, Y) * direction).sum(axis=0)
    numeric = (to_host((above - below) * Y)).sum(axis=0) / 2e-6
    np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-8)


@own
def test_layers_of_ones_own_train_save_load_and_resume(array, library, name, tmp_path):
    network = OWN[name]
    X, Y = data_for(network, array)
    options = {"optimizer": adam(0.02), "batch_size": 6, "seed": 3}
    options["regularization"] = Regularization(l2=1e-3, max_norm=2.0)
    epochs = 2 if library.backend == "dask" else 40  # tens of milliseconds a step
    run = train(network, X, Y, epochs=epochs, **options)
    assert run.history["cost"][-1] < run.history["cost"][0]
    first = train(network, X, Y, epochs=1, **options)
    again = train(network, X, Y, epochs=epochs, resume=first.progress, **options)
    assert_close(again.theta, run.theta, rtol=0)

    path, plain = tmp_path / "own.h5", Preprocessing(np.asarray(0.0), np.asarray(1.0))
    save_model(path, Model(network, run.theta, plain, None, None, None, {}))
    with pytest.raises(ModelFileError, match=r"layers=\{"):
        load_model(path)
    model = load_model(path, layers=MINE, backend=library.backend)
    assert model.network == network
    assert_values(model.theta, to_host(run.theta), rtol=0)
    theta = asarray_like(model.theta, like=X)
    assert_close(model.network.predict(theta, X), network.predict(run.theta, X), rtol=1e-12)


def test_max_norm_acts_on_all_of_a_filter(array):
    theta = array(np.random.default_rng(0).normal(size=CONVOLUTIONAL.size))
    shortened = CONVOLUTIONAL.unpack(CONVOLUTIONAL.layout.limit_norms(theta * 1.0, 0.5))
    for name in ("W2", "W4", "W5"):
        W = to_host(shortened[name])
        norms = np.linalg.norm(W.reshape(W.shape[0], -1), axis=1)
        np.testing.assert_allclose(norms, 0.5, rtol=1e-12)


def test_a_random_layer_of_ones_own_draws_in_training_only(array):
    network = Network(3, (Jitter(1.0), Dense(1)), "squared_error")
    X, Y = array(np.zeros((3, 5))), array(np.zeros((1, 5)))
    theta = array(np.ones(4))
    costs = [float(network.cost_and_gradient(theta, X, Y, step=step).cost) for step in (1, 2, 1)]
    assert costs[0] == costs[2] != costs[1]
    assert_values(network.predict(theta, X), np.ones((1, 5)))


def test_layers_in_layers_have_random_keys_of_their_own(array):
    """Two that stand within one, and one that stands beside it."""
    network = Network(4, (Jitter(1.0), Residual((Jitter(1.0), Jitter(1.0)))), "squared_error")
    zeros = array(np.zeros((4, 50)))
    key = make_key(3, 1, array(np.arange(50, dtype=np.int32)))
    seen = []
    for layers in ((1,), (2, 1), (2, 2)):
        own = key
        for place in layers:
            own = fold(own, place)
        seen.append(to_host(standard_normal(own, 4, dtype=zeros.dtype)))
    contexts = network.layout.contexts(namespace(zeros), training=True, key=key)
    A, _ = forward(network.layers, [{}, {}], zeros, contexts)
    assert_values(A, 2.0 * seen[0] + seen[1] + seen[2], rtol=1e-12, atol=1e-12)
    assert np.abs(np.corrcoef([one.ravel() for one in seen]) - np.eye(3)).max() < 0.3


def test_integers_reach_a_layer_that_takes_them(array, xp):
    """Its network is that of the marks of each code."""
    codes = np.array([[0, 2, 1, 2, 0], [1, 1, 0, 2, 2]])
    network = Network(2, (Embedding(3, 4), Dense(1)), "squared_error")
    X, Y = array(codes), array(np.arange(5.0)[None, :])
    run = train(network, X, Y, epochs=3, batch_size=2, optimizer=sgd(0.05))
    assert xp.isdtype(run.theta.dtype, "real floating")
    assert run.history["cost"][-1] < run.history["cost"][0]
    table, W, b = (to_host(one) for one in network.unpack(run.theta).values())
    expected = [W @ table[column].ravel() + b[:, 0] for column in codes.T]
    assert_values(network.predict(run.theta, X), np.transpose(expected), rtol=1e-5)


def test_integers_are_refused_by_layers_that_do_not_take_them(array):
    with pytest.raises(ValueError, match=r"X: found dtype .*int64, expected a floating one"):
        train(Network(2, (Dense(1),), "squared_error"), array(np.ones((2, 3), "int64")), [[1] * 3])


def test_a_layer_that_draws_another_shape_than_it_said_is_named():
    @dataclasses.dataclass(frozen=True)
    class Wrong(Layer):
        def parameter_shapes(self, input_shape):
            return {"W": (2, 3)}

        def initialize(self, input_shape, rng):
            return {"W": np.zeros((3, 2))}

    network = Network(3, (Wrong(),), "squared_error")
    with pytest.raises(ValueError, match=r"W1 of layer 1, .*: found shape \(3, 2\) drawn"):
        network.initialize()


def test_integers_stay_integers_in_validation_data(array):
    codes = np.array([[0, 2, 1, 2, 0], [1, 1, 0, 2, 2]])
    network = Network(2, (Embedding(3, 4), Dense(1)), "squared_error")
    X, Y = array(codes), array(np.arange(5.0)[None, :])
    run = train(network, X, Y, epochs=3, validation=(X, Y))
    last = float(network.evaluate_cost(run.theta, X, Y))
    assert run.history["validation_cost"][-1] == pytest.approx(last, rel=1e-5)


@pytest.mark.parametrize("name", ["noise", "mixup"])
def test_integers_are_not_mixed(name):
    network = Network(2, (Embedding(3, 4), Dense(1)), "squared_error")
    X, rules = np.ones((2, 3), "int64"), Regularization(**{name: 0.1})
    with pytest.raises(
        ValueError, match=rf"{name}: found 0\.1 with X of integers, expected 0 or X of"
    ):
        train(network, X, np.ones((1, 3)), regularization=rules)


@dataclasses.dataclass(frozen=True)
class Scale(Layer):
    """A factor for each row, whose backward pass may be wrong."""

    gives: str = "right"
    key: str = "gamma"

    def parameter_shapes(self, input_shape):
        return {self.key: (*input_shape, 1)}

    def initialize(self, input_shape, rng):
        return {self.key: np.ones((*input_shape, 1))}

    def forward(self, A_prev, parameters, context):
        gamma = parameters[self.key]
        return gamma * A_prev, (gamma, A_prev)

    def backward(self, dA, cache, context):
        gamma, A_prev = cache
        right = context.xp.sum(dA * A_prev, axis=-1, keepdims=True)
        wrong = {"nothing": {}, "a number": {self.key: right[0, 0]}, "a row": {self.key: right.T}}
        return gamma * dA, wrong.get(self.gives, {self.key: right})


@pytest.mark.parametrize("gives", ["nothing", "a number", "a row"])
@pytest.mark.parametrize("micro_batch", [None, 2])
def test_a_gradient_of_another_shape_is_refused_and_its_layer_named(array, gives, micro_batch):
    network = Network(3, (Scale(gives), Dense(1)), "squared_error")
    X, Y = array(np.ones((3, 4))), array(np.ones((1, 4)))
    with pytest.raises(ValueError, match=r"layer 1, .*Scale\(.*: found (a gradient|gradients) of"):
        train(network, X, Y, micro_batch=micro_batch)
    with pytest.raises(ValueError, match=r"layer 1, .*Scale\(.*: found (a gradient|gradients) of"):
        network.cost_and_gradient(network.initialize(like=X), X, Y)


def test_two_parameters_of_one_name_are_refused():
    layers = (Scale(key="W1"), *[Activation("relu")] * 9, Dense(2))
    with pytest.raises(
        ValueError, match=r"layer 11, .*: found the parameter 'W11', expected a name"
    ):
        Network(3, layers, "squared_error").initialize()


def test_a_key_with_a_slash_is_refused():
    with pytest.raises(ValueError, match=r"'in/s1', expected a name .* without a slash"):
        Network(3, (Scale(key="in/s"),), "squared_error").initialize()


@dataclasses.dataclass(frozen=True)
class Gathers(Layer):
    """Means and variances of what comes in, told in another order than they are kept."""

    def statistic_shapes(self, input_shape):
        return {"mean": (*input_shape, 1), "variance": (*input_shape, 1)}

    def initialize(self, input_shape, rng):
        return {"mean": np.zeros((*input_shape, 1)), "variance": np.ones((*input_shape, 1))}

    def forward(self, A_prev, parameters, context):
        xp = context.xp
        return A_prev, (
            xp.mean(A_prev, axis=-1, keepdims=True),
            xp.var(A_prev, axis=-1, keepdims=True),
        )

    def backward(self, dA, cache, context):
        return dA, {}

    def statistics(self, cache):
        return {"variance": cache[1], "mean": cache[0]}


def test_statistics_are_known_by_their_keys_and_shared_by_several_networks(array):
    network = Network(3, (Gathers(), Dense(2)), "squared_error")
    X, Y = np.arange(12.0).reshape(3, 4) ** 2, array(np.ones((2, 4)))
    expected = np.concatenate([X.mean(axis=1), X.var(axis=1)])
    initial = [network.initialize(seed, like=np.ones(1)) for seed in range(3)]
    thetas = np.stack(initial)
    one = network.cost_and_gradient(array(thetas[0]), array(X), Y).statistics
    three = network.cost_and_gradient(array(thetas), array(X), Y).statistics
    assert_values(one, expected, rtol=1e-5)
    assert_values(three, np.stack([expected] * 3), rtol=1e-5)
