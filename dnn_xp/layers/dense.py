"""Dense layers, and activations by themselves."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dnn_xp.arguments import check, check_whole
from dnn_xp.backends import Array
from dnn_xp.functions.activations import ActivationFunction, find_activation
from dnn_xp.functions.initializers import INITIALIZERS, Generator
from dnn_xp.functions.linear import linear_activation_backward, linear_activation_forward
from dnn_xp.layers.base import Arrays, Context, HostArrays, Layer, Shape, Shapes

__all__ = ["Activation", "ActivationSpec", "Dense", "ParametricActivation"]

ActivationSpec = str | tuple[str, float] | ActivationFunction


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

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """

    units: int
    activation: ActivationSpec = "identity"
    initializer: str = "glorot_uniform"

    def __post_init__(self) -> None:
        _check_activation(self)
        object.__setattr__(self, "units", check_whole("units", self.units, 1))
        known = isinstance(self.initializer, str) and self.initializer in INITIALIZERS
        check("initializer", self.initializer, known, f"one of {', '.join(INITIALIZERS)}")

    def output_shape(self, input_shape: Shape) -> Shape:
        return (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> Shapes:
        return {"W": (self.units, math.prod(input_shape)), "b": (self.units, 1)}

    def initialize(self, input_shape: Shape, rng: Generator) -> HostArrays:
        W = INITIALIZERS[self.initializer](rng, (self.units, math.prod(input_shape)))
        return {"W": W, "b": np.zeros((self.units, 1))}

    def multiplications(self, input_shape: Shape) -> int:
        return self.units * math.prod(input_shape)

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        activation = find_activation(self.activation)
        return linear_activation_forward(
            A_prev, parameters["W"], parameters["b"], activation, xp=context.xp
        )

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        out = context.out
        dA_prev, dW, db = linear_activation_backward(
            dA,
            cache,
            find_activation(self.activation),
            input_gradient=context.input_gradient,
            out=out,
            xp=context.xp,
        )
        return dA_prev, {"W": dW, "b": db} if out is None else out


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

    def multiplications(self, input_shape: Shape) -> int:
        return 0  # but those of g

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        activation = find_activation(self.activation)
        A = activation.function(A_prev, *activation.parameters, xp=context.xp)
        return A, (A_prev, A)

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        activation = find_activation(self.activation)
        return activation.derivative(dA, *cache, *activation.parameters, xp=context.xp), {}


@dataclass(frozen=True)
class ParametricActivation(Layer):
    """A = A_prev + a (g(A_prev) - A_prev): an activation of which each unit learns its part.

    Each unit has an `a` of its own, which starts at 1, where the layer is `Activation`; at 0 it is
    the identity. (For relu that is the parametric relu of He et al. 2015, of slope 1 - a.) It is
    no weight: no penalty or decay acts on it.

    Parameters
    ----------
    activation : str, (str, float) or functions.ActivationFunction
        g, as in `Dense`.
    """

    activation: ActivationSpec

    def __post_init__(self) -> None:
        _check_activation(self)

    def parameter_shapes(self, input_shape: Shape) -> Shapes:
        return {"a": (math.prod(input_shape), 1)}

    def initialize(self, input_shape: Shape, rng: Generator) -> HostArrays:
        return {"a": np.ones((math.prod(input_shape), 1))}

    def multiplications(self, input_shape: Shape) -> int:
        return math.prod(input_shape)

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        activation, a = find_activation(self.activation), parameters["a"]
        G = activation.function(A_prev, *activation.parameters, xp=context.xp)
        bend = G - A_prev
        A = a * bend
        A += A_prev
        return A, (A_prev, G, bend, a)

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        activation, (A_prev, G, bend, a) = find_activation(self.activation), cache
        dG = activation.derivative(dA, A_prev, G, *activation.parameters, xp=context.xp)
        dA_prev = dG - dA
        dA_prev *= a
        dA_prev += dA
        if not context.training:
            return dA_prev, {}
        return dA_prev, {"a": context.xp.vecdot(dA, bend)[..., None]}


def _check_activation(layer: Dense | Activation | ParametricActivation) -> None:
    """Refuse unknown activations when the layer is described, not when it first runs."""
    found = find_activation(layer.activation)
    for part in (found.function, found.derivative):
        check("activation", found, callable(part), "one made of two functions")
    if not isinstance(layer.activation, str | ActivationFunction):
        # Hashable, and in numbers of Python's own, as descriptions must be.
        object.__setattr__(layer, "activation", (found.name, *found.parameters))
