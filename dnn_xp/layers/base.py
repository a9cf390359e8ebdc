"""The protocol of layers.

A layer holds no arrays. Its parameters come in as a dictionary and its gradients go out as one,
under the same keys. Columns are examples: A_prev is (n_inputs, m), A is (n_outputs, m). Axes before
these two are of several networks that are trained at once.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from dnn_xp.backends import Array, Namespace
from dnn_xp.functions.counters import Key
from dnn_xp.functions.initializers import Generator, HostArrays

__all__ = ["Arrays", "Context", "HostArrays", "Layer", "Shape", "Shapes"]

Arrays = dict[str, Array]
Shape = tuple[int, ...]
Shapes = dict[str, Shape]


class Context(NamedTuple):
    """Context of a layer: what it is told besides its inputs and parameters.

    Attributes
    ----------
    xp : namespace
        Of the arrays.
    training : bool
        Whether the network is trained: layers then draw, and gather statistics. Else it is only
        evaluated, and dA_prev is all that ``backward`` is asked for.
    weights : array, shape (m,), or None
        Of the examples, in training; None where all count the same.
    key : Key or None
        The random key of this layer in this step, in training, where the layer is `random`.
    input_shape : tuple of int
        Of what comes in for one example, as ``output_shape`` is handed it.
    input_gradient : bool
        Whether ``backward`` is asked for dA_prev; else that may be None.
    out : dict of str to array, or None
        Arrays of the parameters' keys and shapes into which ``backward`` may write its gradients,
        to save a copy; it must then return these very arrays.
    """

    xp: Namespace
    training: bool = False
    weights: Array | None = None
    key: Key | None = None
    input_shape: Shape = ()
    input_gradient: bool = True
    out: Arrays | None = None


@dataclass(frozen=True)
class Layer:
    """Base class of layers; by itself the identity.

    A layer of your own is a frozen dataclass that overrides what it needs. Its fields describe
    it: they are of JSON's types, or layers, where it is to be saved. In ``forward`` and
    ``backward`` write the array API's operations only, and never into an array that came in.

    Attributes
    ----------
    weights : tuple of str
        The keys of the parameters that penalties, decay and max-norm act on.
    random : bool
        Whether it draws random numbers in training.
    takes_integers : bool
        Whether it takes integers, such as places in a table, as the first layer of a network.

    Examples
    --------
    A layer that scales each of its inputs by a parameter:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from dnn_xp import Dense, Layer, Network, check_gradient
    >>> @dataclass(frozen=True)
    ... class Scale(Layer):
    ...     def parameter_shapes(self, input_shape):
    ...         return {"s": (*input_shape, 1)}
    ...
    ...     def initialize(self, input_shape, rng):
    ...         return {"s": np.ones((*input_shape, 1))}
    ...
    ...     def forward(self, A_prev, parameters, context):
    ...         return parameters["s"] * A_prev, (parameters["s"], A_prev)
    ...
    ...     def backward(self, dA, cache, context):
    ...         s, A_prev = cache
    ...         ds = context.xp.sum(dA * A_prev, axis=-1, keepdims=True)
    ...         return s * dA, {"s": ds}
    >>> X, Y = np.random.default_rng(0).normal(size=(2, 3, 8))
    >>> network = Network(3, (Scale(), Dense(3)), cost="squared_error")
    >>> check_gradient(network, network.initialize(like=X), X, Y).relative_difference < 1e-7
    True
    """

    weights: ClassVar[tuple[str, ...]] = ("W",)
    random: ClassVar[bool] = False
    takes_integers: ClassVar[bool] = False

    @property
    def couples_examples(self) -> bool:
        """Whether, in training, what comes out for an example depends on others of its batch."""
        return False

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of what comes out for one example.

        Parameters
        ----------
        input_shape : tuple of int
            Of what comes in for one example: ``(n_inputs,)``, or such as (channels, height,
            width). A_prev holds it flattened, row by row, with as many rows as it has elements.

        Returns
        -------
        tuple of int
            A has as many rows as this has elements.
        """
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> Shapes:
        """Return the shapes, of any rank, of what is learned by gradient descent."""
        return {}

    def statistic_shapes(self, input_shape: Shape) -> Shapes:
        """Return the shapes of what is gathered while training and used afterwards."""
        return {}

    def initialize(self, input_shape: Shape, rng: Generator) -> HostArrays:
        """Return initial parameters and statistics, on the host in float64, of these shapes."""
        return {}

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        """Return A and what the backward pass needs.

        Parameters
        ----------
        A_prev : array, shape (n_inputs, m)
        parameters : dict of str to array
            And the statistics, by their keys.
        context : Context

        Returns
        -------
        A : array, shape (n_outputs, m)
        cache
            Anything; ``backward`` is handed it.
        """
        return A_prev, None

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        """Return dA_prev and the gradients of the parameters, which are sums over examples.

        Parameters
        ----------
        dA : array, shape (n_outputs, m)
        cache
            As ``forward`` returned it.
        context : Context

        Returns
        -------
        dA_prev : array, shape (n_inputs, m), or None
        gradients : dict of str to array
            Of the parameters' keys and shapes; empty where the network is only evaluated.
        """
        return dA, {}

    def multiplications(self, input_shape: Shape) -> int | None:
        """Return how often ``forward`` multiplies for one example, or None where it is not known.

        `Network.summary` shows it. What counts are the products and scalings of a network that
        predicts; what is added, and functions such as exp, do not. A layer that has a ``forward``
        of its own but no such count is not known.
        """
        return 0

    def squared_norm(self, A_prev: Array, parameters: Arrays, xp: Namespace) -> Any:
        """Return the sum of the squares of its weights, for the L2 penalty.

        Overridden where the weights are not the parameters themselves; that of the first layer is
        handed its inputs.
        """
        vectors = [parameters[key] for key in self.weights if key in parameters]
        return sum((xp.sum(W * W) for W in vectors), start=0.0)

    def statistics(self, cache: Any) -> Arrays:
        """Return the statistics of the batch that the cache belongs to, by their keys."""
        return {}

    def updated_statistics(self, running: Array, batch: Array) -> Array:
        """Return running statistics after one more batch, of which these are the statistics."""
        return batch
