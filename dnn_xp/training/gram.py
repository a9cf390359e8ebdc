"""Full-batch gradient descent in example space.

The gradient of the first layer's weights is dW = dZ X^T, so W only ever moves within the span of
the examples: W = a W0 + C X^T. In these coordinates Z = a W0 X + C G + b, with G = X^T X computed
once, and what C moves along is dZ itself; a is 1 but that an L2 penalty shrinks it, as it does C.
For pictures, whose features outnumber the examples, that is a small part of the arithmetic: 12,288
features and 209 examples make it one in 59.

It is a change of coordinates, so it is a layer in place of the first and data in place of X; the
training loop does not know. It is exact where an update is linear in the gradient.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import (
    Array,
    Namespace,
    asarray_like,
    device,
    from_blocks,
    namespace,
    threads_for,
)
from dnn_xp.functions.activations import find_activation
from dnn_xp.functions.initializers import Generator
from dnn_xp.functions.linear import LinearActivationCache, LinearCache
from dnn_xp.layers import (
    ActivationSpec,
    Arrays,
    Context,
    Dense,
    HostArrays,
    Layer,
    Shape,
    Shapes,
)
from dnn_xp.network import Network
from dnn_xp.training.regularization import Regularization
from dnn_xp.training.settings import Settings

__all__ = [
    "ExampleSpace",
    "GramDense",
    "example_space_problem",
    "for_examples_from",
    "pays_in_example_space",
    "to_example_space",
]


@dataclass(frozen=True)
class GramDense(Layer):
    """The first layer of a network in example space: A = g(C G + a W0 X + b).

    It is fed one array, shape (m + units + 1, m): G, below it W0 X, and below that a row of the
    sum of the squares of W0, which is no part of the description, since it differs by the seed.

    Parameters
    ----------
    units : int
    activation : str, (str, float) or functions.ActivationFunction
    first : int, optional
        Where it is fed a part of the examples: the place of the first of them.
    """

    units: int
    activation: ActivationSpec
    first: int | None = None

    weights = ("C", "a")

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of A for an example."""
        return (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> Shapes:
        """Return the shapes of C, a and b."""
        (n_inputs,) = input_shape
        return {"C": (self.units, n_inputs - self.units - 1), "a": (1, 1), "b": (self.units, 1)}

    def initialize(self, input_shape: Shape, rng: Generator) -> HostArrays:
        """Return zeros, and 1 for a: the run begins at W0."""
        shapes = self.parameter_shapes(input_shape)
        return {key: np.zeros(shape) + (key == "a") for key, shape in shapes.items()}

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        """Return A and its cache."""
        activation, C, b = find_activation(self.activation), parameters["C"], parameters["b"]
        G, start, _ = self._parts(A_prev)
        Z = C @ G + parameters["a"] * start + b
        A = activation.function(Z, *activation.parameters, xp=context.xp)
        return A, LinearActivationCache(LinearCache(A_prev, C, b), Z, A)

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        """Return what C, a and b move along: dW = dZ X^T is dZ in these coordinates, and not W0."""
        activation, xp = find_activation(self.activation), context.xp
        dZ = activation.derivative(dA, cache.Z, cache.A, *activation.parameters, xp=xp)
        no_move = xp.zeros_like(dZ[:1, :1])
        dC = dZ if self.first is None else self._among_all(dZ, self.first, cache, xp)
        return None, {"C": dC, "a": no_move, "b": xp.sum(dZ, axis=1, keepdims=True)}

    def squared_norm(self, A_prev: Array, parameters: Arrays, xp: Namespace) -> Any:
        """Return the squares of W = a W0 + C X^T, summed."""
        C, a = parameters["C"], parameters["a"][0, 0]
        G, start, squares = self._parts(A_prev)
        return a * a * squares[0, 0] + xp.sum(C * (C @ G + 2.0 * a * start))

    def _among_all(self, dZ: Array, first: int, cache: Any, xp: Namespace) -> Array:
        """Return dZ with zeros for the examples that are not in the part."""
        m, last = cache.linear.W.shape[1], first + dZ.shape[1]
        before, after = (xp.zeros_like(cache.linear.W[:, :n]) for n in (first, m - last))
        return xp.concat([before, dZ, after], axis=1)

    def _parts(self, A_prev: Array) -> tuple[Array, Array, Array]:
        """Return G, W0 X and the row of squares."""
        m = A_prev.shape[0] - self.units - 1
        return A_prev[:m, :], A_prev[m:-1, :], A_prev[-1:, :]


class ExampleSpace(NamedTuple):
    """A run in example space.

    Attributes
    ----------
    network : Network
        With `GramDense` in place of the first layer.
    theta : array
        Where the run begins.
    project : callable
        ``project(X)`` is what the network is fed instead of X, of these or other examples.
    to_theta : callable
        ``to_theta(theta)`` is the theta of the network that this one stands for.
    """

    network: Network
    theta: Array
    project: Callable[[Array], Array]
    to_theta: Callable[[Array], Array]


def example_space_problem(network: Network, settings: Settings, n_examples: int) -> str | None:
    """Return why a run in example space would not be exact, or None where it is."""
    optimizer, rules, batch_size = settings.optimizer, settings.regularization, settings.batch_size
    if batch_size is not None and batch_size < n_examples:
        return f"batch_size is {batch_size}, and each step must see all {n_examples} examples"
    if settings.micro_batch is not None and settings.micro_batch < n_examples:
        return f"micro_batch is {settings.micro_batch}, and the examples are its coordinates"
    if type(network.layers[0]) is not Dense:  # a class of one's own may do something else
        return f"the first layer is {network.layers[0]}, and must be Dense"
    if not optimizer.linear or optimizer.weight_decay:
        return "the optimizer's update is not linear in the gradient"
    if settings.clip_value is not None or settings.clip_norm is not None:
        return "clipping is not linear in the gradient"
    exact = ("label_smoothing", "l2", "summed")
    if rules != Regularization()._replace(**{name: getattr(rules, name) for name in exact}):
        return f"{rules} moves the weights out of the span of the examples"
    return None


def for_examples_from(network: Network, first: int) -> Network:
    """Return the network that is fed the examples from a place on; outside the space the same.

    Parameters
    ----------
    network : Network
    first : int
        The place of the first example of a part.
    """
    inner = network.layers[0]
    if not isinstance(inner, GramDense):
        return network
    return Network(
        network.n_inputs, (replace(inner, first=first), *network.layers[1:]), network.cost
    )


def pays_in_example_space(network: Network, n_examples: int, epochs: int) -> bool:
    """Return whether a run saves more arithmetic than the products at its start cost."""
    first = network.layers[0]
    units = math.prod(first.output_shape((network.n_inputs,)))
    return network.n_inputs > n_examples and 2 * epochs * units > n_examples


def to_example_space(network: Network, X: Array, theta: Array) -> ExampleSpace:
    """Return the run in example space that begins where theta is.

    Parameters
    ----------
    network : Network
        Its first layer is Dense.
    X : array, shape (n_inputs, m)
    theta : array, shape (size,)
    """
    # Of X on Dask, theta is here, and products with X are promises until they are asked for.
    xp, own, first = namespace(X), namespace(theta), network.layers[0]
    assert isinstance(first, Dense)  # example_space_problem has seen to it
    m, n_weights = X.shape[1], math.prod(network.shapes["W1"])
    W0 = asarray_like(own.reshape(theta[:n_weights], network.shapes["W1"]), like=X)
    layers = (GramDense(first.units, first.activation), *network.layers[1:])
    inner = Network(m + first.units + 1, layers, network.cost)
    # b and all that follows the first layer's weights lie in the same order in both vectors.
    no_move = own.zeros(first.units * m, dtype=theta.dtype, device=device(theta))
    start = own.concat([no_move, own.ones_like(theta[:1]), theta[n_weights:]])

    def project(X_other: Array) -> Array:
        squares = xp.zeros_like(X_other[:1, :]) + xp.sum(W0 * W0)
        with threads_for(max(m, first.units) * math.prod(X_other.shape), like=X):
            return xp.concat([xp.matrix_transpose(X) @ X_other, W0 @ X_other, squares])

    def to_theta(moved: Array) -> Array:
        n_coordinates = first.units * m
        C = asarray_like(own.reshape(moved[:n_coordinates], (first.units, m)), like=X)
        with threads_for(n_weights * m, like=X):
            W = from_blocks(moved[n_coordinates] * W0 + C @ xp.matrix_transpose(X))
        return own.concat([own.reshape(W, (-1,)), moved[n_coordinates + 1 :]])

    return ExampleSpace(inner, start, project, to_theta)
