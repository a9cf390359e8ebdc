"""The layers of a network: frozen descriptions that know their own forward and backward pass.

A layer holds no arrays. Its parameters come in as a dictionary and its gradients go out as one,
under the same keys. Columns are examples: A_prev is (n_inputs, m), A is (n_outputs, m).
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dnn_xp.backends import Array
from dnn_xp.functions.activations import ActivationFunction, find_activation
from dnn_xp.functions.counters import Draws
from dnn_xp.functions.initializers import INITIALIZERS, Generator
from dnn_xp.functions.linear import linear_activation_backward, linear_activation_forward
from dnn_xp.functions.normalization import (
    BatchNormCache,
    back_scale_and_shift,
    batch_norm_backward,
    batch_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
    scale_and_shift,
)
from dnn_xp.functions.regularization import back_dropout, dropout

__all__ = ["Activation", "BatchNorm", "Dense", "Dropout", "Layer", "LayerNorm", "Training"]

Arrays = dict[str, Array]
Shapes = dict[str, tuple[int, int]]
ActivationSpec = str | tuple[str, float] | ActivationFunction


class Training(NamedTuple):
    """What a layer is told when it trains: the place of its draws, and the examples' weights."""

    draws: Draws | None
    weights: Array | None


@dataclass(frozen=True)
class Layer:
    """What every layer has; by itself it passes on what it is given.

    ``forward`` returns A with a cache, ``backward`` takes that cache and returns dA_prev (None
    where ``input_gradient`` is False) with the gradients. ``place`` is the layer's place in the
    network, from 1; ``training`` is None where the network is only evaluated, after which dA_prev
    is all that ``backward`` is asked for; ``into`` holds arrays into which a layer may write its
    gradients to save a copy.

    Attributes
    ----------
    weights : tuple of str
        The keys of the parameters that penalties and decay act on.
    """

    weights: ClassVar[tuple[str, ...]] = ("W",)

    def n_outputs(self, n_inputs: int) -> int:
        """Return the number of rows of A."""
        return n_inputs

    def parameter_shapes(self, n_inputs: int) -> Shapes:
        """Return the shapes of what is learned by gradient descent."""
        return {}

    def statistic_shapes(self, n_inputs: int) -> Shapes:
        """Return the shapes of what is gathered while training and used afterwards."""
        return {}

    def initialize(self, n_inputs: int, rng: Generator) -> dict[str, np.ndarray[Any, Any]]:
        """Return initial parameters and statistics, on the host in float64."""
        return {}

    def forward(
        self, A_prev: Array, parameters: Arrays, training: Training | None, place: int, xp: Any
    ) -> tuple[Array, Any]:
        """Return A and what the backward pass needs."""
        return A_prev, None

    def backward(
        self, dA: Array, cache: Any, input_gradient: bool, xp: Any, into: Arrays | None = None
    ) -> tuple[Array | None, Arrays]:
        """Return dA_prev and the gradients, which are sums over examples."""
        return dA, {}

    def squares_beyond(self, A_prev: Array, parameters: Arrays, xp: Any) -> Any:
        """Return by how much the squares of its weights exceed those of the parameters."""
        return 0.0

    def statistics(self, cache: Any) -> Arrays:
        """Return the statistics of the batch that the cache belongs to."""
        return {}

    def updated_statistics(self, running: Array, batch: Array) -> Array:
        """Return the running statistics after one more batch."""
        return batch


@dataclass(frozen=True)
class Dense(Layer):
    """A = g(W A_prev + b).

    Parameters
    ----------
    units : int
        Rows of A.
    activation : str, (str, float) or functions.ActivationFunction
        The name of g, the name with a parameter, or functions of one's own.
    initializer : str
        How W is drawn; b starts at zero.
    """

    units: int
    activation: ActivationSpec = "identity"
    initializer: str = "glorot_uniform"

    def __post_init__(self) -> None:
        _check_activation(self)
        if isinstance(self.units, bool) or not isinstance(self.units, int) or self.units < 1:
            raise ValueError(f"units: found {self.units!r}, expected a whole number from 1 on")
        if self.initializer not in INITIALIZERS:
            known = ", ".join(INITIALIZERS)
            raise ValueError(f"initializer: found {self.initializer!r}, expected one of {known}")

    def n_outputs(self, n_inputs: int) -> int:
        return self.units

    def parameter_shapes(self, n_inputs: int) -> Shapes:
        return {"W": (self.units, n_inputs), "b": (self.units, 1)}

    def initialize(self, n_inputs: int, rng: Generator) -> dict[str, np.ndarray[Any, Any]]:
        W = INITIALIZERS[self.initializer](rng, (self.units, n_inputs))
        return {"W": W, "b": np.zeros((self.units, 1))}

    def forward(
        self, A_prev: Array, parameters: Arrays, training: Training | None, place: int, xp: Any
    ) -> tuple[Array, Any]:
        return linear_activation_forward(
            A_prev, parameters["W"], parameters["b"], find_activation(self.activation), xp=xp
        )

    def backward(
        self, dA: Array, cache: Any, input_gradient: bool, xp: Any, into: Arrays | None = None
    ) -> tuple[Array | None, Arrays]:
        dA_prev, dW, db = linear_activation_backward(
            dA,
            cache,
            find_activation(self.activation),
            input_gradient=input_gradient,
            into=into,
            xp=xp,
        )
        return dA_prev, {"W": dW, "b": db}


@dataclass(frozen=True)
class Activation(Layer):
    """A = g(A_prev): an activation by itself, such as one that follows a normalization.

    Parameters
    ----------
    activation : str, (str, float) or functions.ActivationFunction
        As in `Dense`.
    """

    activation: ActivationSpec

    def __post_init__(self) -> None:
        _check_activation(self)

    def forward(
        self, A_prev: Array, parameters: Arrays, training: Training | None, place: int, xp: Any
    ) -> tuple[Array, Any]:
        activation = find_activation(self.activation)
        A = activation.function(A_prev, *activation.parameters, xp=xp)
        return A, (A_prev, A)

    def backward(
        self, dA: Array, cache: Any, input_gradient: bool, xp: Any, into: Arrays | None = None
    ) -> tuple[Array | None, Arrays]:
        activation = find_activation(self.activation)
        return activation.derivative(dA, *cache, *activation.parameters, xp=xp), {}


@dataclass(frozen=True)
class Dropout(Layer):
    """Set a random part of A_prev to zero, in training only (Srivastava et al. 2014).

    Parameters
    ----------
    rate : float
        The part that is set to zero, 0 <= rate < 1; what is kept is scaled by 1 / (1 - rate).
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate < 1.0:
            raise ValueError(f"rate: found {self.rate!r}, expected 0 <= rate < 1")

    def forward(
        self, A_prev: Array, parameters: Arrays, training: Training | None, place: int, xp: Any
    ) -> tuple[Array, Any]:
        if training is None or training.draws is None or self.rate == 0.0:
            return A_prev, None
        return dropout(A_prev, self.rate, training.draws, place, xp=xp)

    def backward(
        self, dA: Array, cache: Any, input_gradient: bool, xp: Any, into: Arrays | None = None
    ) -> tuple[Array | None, Arrays]:
        return (dA if cache is None else back_dropout(dA, cache)), {}


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Normalize each example over its units, then scale and shift (Ba et al. 2016).

    Parameters
    ----------
    epsilon : float
        Added to the variance.
    """

    epsilon: float = 1e-5

    def parameter_shapes(self, n_inputs: int) -> Shapes:
        return {"gamma": (n_inputs, 1), "beta": (n_inputs, 1)}

    def initialize(self, n_inputs: int, rng: Generator) -> dict[str, np.ndarray[Any, Any]]:
        return {"gamma": np.ones((n_inputs, 1)), "beta": np.zeros((n_inputs, 1))}

    def forward(
        self, A_prev: Array, parameters: Arrays, training: Training | None, place: int, xp: Any
    ) -> tuple[Array, Any]:
        gamma, beta = parameters["gamma"], parameters["beta"]
        return layer_norm_forward(A_prev, gamma, beta, self.epsilon, xp=xp)

    def backward(
        self, dA: Array, cache: Any, input_gradient: bool, xp: Any, into: Arrays | None = None
    ) -> tuple[Array | None, Arrays]:
        dA_prev, dgamma, dbeta = layer_norm_backward(dA, cache, xp=xp)
        return dA_prev, {"gamma": dgamma, "beta": dbeta}


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Normalize each unit over the batch, then scale and shift (Ioffe and Szegedy 2015).

    Once training is over, running averages take the place of the batch's mean and variance.

    Parameters
    ----------
    momentum : float
        The part of a running average that stays at each step, 0 <= momentum < 1.
    epsilon : float
        Added to the variance.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        if not 0.0 <= self.momentum < 1.0:
            raise ValueError(f"momentum: found {self.momentum!r}, expected 0 <= momentum < 1")

    def parameter_shapes(self, n_inputs: int) -> Shapes:
        return {"gamma": (n_inputs, 1), "beta": (n_inputs, 1)}

    def statistic_shapes(self, n_inputs: int) -> Shapes:
        return {"mean": (n_inputs, 1), "variance": (n_inputs, 1)}

    def initialize(self, n_inputs: int, rng: Generator) -> dict[str, np.ndarray[Any, Any]]:
        one, nought = np.ones((n_inputs, 1)), np.zeros((n_inputs, 1))
        return {"gamma": one, "beta": nought, "mean": nought, "variance": one}

    def forward(
        self, A_prev: Array, parameters: Arrays, training: Training | None, place: int, xp: Any
    ) -> tuple[Array, Any]:
        if training is None:
            A = scale_and_shift(A_prev, **parameters, epsilon=self.epsilon, xp=xp)
            return A, (parameters["gamma"], parameters["variance"])
        gamma, beta = parameters["gamma"], parameters["beta"]
        return batch_norm_forward(A_prev, gamma, beta, training.weights, self.epsilon, xp=xp)

    def backward(
        self, dA: Array, cache: Any, input_gradient: bool, xp: Any, into: Arrays | None = None
    ) -> tuple[Array | None, Arrays]:
        if not isinstance(cache, BatchNormCache):
            gamma, variance = cache
            return back_scale_and_shift(dA, gamma, variance, self.epsilon, xp=xp), {}
        dA_prev, dgamma, dbeta = batch_norm_backward(dA, cache, xp=xp)
        return dA_prev, {"gamma": dgamma, "beta": dbeta}

    def statistics(self, cache: Any) -> Arrays:
        return {"mean": cache.mean, "variance": cache.variance}

    def updated_statistics(self, running: Array, batch: Array) -> Array:
        return self.momentum * running + (1.0 - self.momentum) * batch


def _check_activation(layer: Dense | Activation) -> None:
    """Refuse unknown activations when the layer is described, not when it first runs."""
    find_activation(layer.activation)
    if isinstance(layer.activation, list):  # hashable, as descriptions must be
        object.__setattr__(layer, "activation", tuple(layer.activation))
