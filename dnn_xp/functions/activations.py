"""Activations, each directly above its derivative.

An activation maps the linear output Z of a layer to A, element by element. Its derivative takes
the gradient dA together with what the forward pass has kept, Z and A, and returns
dZ = dA * g'(Z). Arrays have any shape; results have the dtype and device of Z.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from dnn_xp.arguments import check_number, shown
from dnn_xp.backends import Array, column_maxima, column_sums, namespace
from dnn_xp.functions.special import normal_cdf, normal_pdf
from dnn_xp.reprs import outline

__all__ = [
    "ACTIVATIONS",
    "ActivationFunction",
    "back_elu",
    "back_gelu",
    "back_gelu_tanh",
    "back_identity",
    "back_leaky_relu",
    "back_mish",
    "back_relu",
    "back_selu",
    "back_sigmoid",
    "back_silu",
    "back_softplus",
    "back_tanh",
    "elu",
    "find_activation",
    "gelu",
    "gelu_tanh",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]


class ActivationFunction(NamedTuple):
    """An activation with its derivative and the values of its parameters, if it has any.

    A network takes one of these wherever it takes a name, so a user can bring his own pair.

    Attributes
    ----------
    name : str
    function : callable
        ``function(Z, *parameters, xp=xp) -> A``.
    derivative : callable
        ``derivative(dA, Z, A, *parameters, xp=xp) -> dZ``.
    parameters : tuple of float
    """

    name: str
    function: Callable[..., Array]
    derivative: Callable[..., Array]
    parameters: tuple[float, ...] = ()

    def __repr__(self) -> str:
        """Return one line, functions by their names."""
        return outline(self)


def identity(Z: Array, *, xp: Any = None) -> Array:
    """Return Z itself."""
    return Z


def back_identity(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA itself."""
    return dA


def sigmoid(Z: Array, *, xp: Any = None) -> Array:
    """Return 1 / (1 + exp(-Z)), without overflow for any Z."""
    xp = xp or namespace(Z)
    e = xp.exp(-xp.abs(Z))
    positive = xp.astype(Z >= 0, Z.dtype)
    # 1 / (1 + e) where Z >= 0 and e / (1 + e) elsewhere; a mask costs less than `where`.
    return (e + positive * (1.0 - e)) / (1.0 + e)


def back_sigmoid(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA * A * (1 - A)."""
    return dA * A * (1.0 - A)


def tanh(Z: Array, *, xp: Any = None) -> Array:
    """Return the hyperbolic tangent."""
    return (xp or namespace(Z)).tanh(Z)


def back_tanh(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA * (1 - A^2)."""
    return dA * (1.0 - A * A)


def relu(Z: Array, *, xp: Any = None) -> Array:
    """Return max(0, Z)."""
    return (xp or namespace(Z)).maximum(Z, 0.0)


def back_relu(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA where Z > 0, else 0."""
    return dA * (xp or namespace(Z)).astype(Z > 0, Z.dtype)


def leaky_relu(Z: Array, slope: float = 0.01, *, xp: Any = None) -> Array:
    """Return Z where Z > 0, else slope * Z (Maas et al. 2013)."""
    xp = xp or namespace(Z)
    return xp.maximum(Z, 0.0) + slope * xp.minimum(Z, 0.0)


def back_leaky_relu(dA: Array, Z: Array, A: Array, slope: float = 0.01, *, xp: Any = None) -> Array:
    """Return dA where Z > 0, else slope * dA."""
    positive = (xp or namespace(Z)).astype(Z > 0, Z.dtype)
    return dA * (slope + (1.0 - slope) * positive)


def elu(Z: Array, alpha: float = 1.0, *, xp: Any = None) -> Array:
    """Return Z where Z > 0, else alpha * (exp(Z) - 1) (Clevert et al. 2016)."""
    xp = xp or namespace(Z)
    return xp.maximum(Z, 0.0) + alpha * xp.expm1(xp.minimum(Z, 0.0))


def back_elu(dA: Array, Z: Array, A: Array, alpha: float = 1.0, *, xp: Any = None) -> Array:
    """Return dA where Z > 0, else dA * (A + alpha)."""
    xp = xp or namespace(Z)
    positive = xp.astype(Z > 0, Z.dtype)
    return dA * (positive + (1.0 - positive) * (xp.minimum(A, 0.0) + alpha))


# The fixed point of mean 0 and variance 1 (Klambauer et al. 2017, equation 14).
_SELU_SCALE = 1.0507009873554804934
_SELU_ALPHA = 1.6732632423543772848


def selu(Z: Array, *, xp: Any = None) -> Array:
    """Return the scaled elu that keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    return _SELU_SCALE * elu(Z, _SELU_ALPHA, xp=xp)


def back_selu(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA times the derivative of `selu`."""
    return _SELU_SCALE * back_elu(dA, Z, A / _SELU_SCALE, _SELU_ALPHA, xp=xp)


def gelu(Z: Array, *, xp: Any = None) -> Array:
    """Return Z * Phi(Z), Phi being the normal distribution (Hendrycks and Gimpel 2016)."""
    return Z * normal_cdf(Z, xp=xp)


def back_gelu(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA * (Phi(Z) + Z * phi(Z))."""
    return dA * (normal_cdf(Z, xp=xp) + Z * normal_pdf(Z, xp=xp))


_GELU_SLOPE = 0.7978845608028653559  # sqrt(2 / pi)
_GELU_CUBIC = 0.044715


def _gelu_inner(Z: Array, xp: Any) -> Array:
    return xp.tanh(_GELU_SLOPE * (Z + _GELU_CUBIC * Z * Z * Z))


def gelu_tanh(Z: Array, *, xp: Any = None) -> Array:
    """Return the gelu with its tanh approximation (Hendrycks and Gimpel 2016, section 2)."""
    return 0.5 * Z * (1.0 + _gelu_inner(Z, xp or namespace(Z)))


def back_gelu_tanh(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA times the derivative of `gelu_tanh`."""
    t = _gelu_inner(Z, xp or namespace(Z))
    slope = _GELU_SLOPE * (1.0 + 3.0 * _GELU_CUBIC * Z * Z)
    return dA * (0.5 * (1.0 + t) + 0.5 * Z * (1.0 - t * t) * slope)


def silu(Z: Array, *, xp: Any = None) -> Array:
    """Return Z * sigmoid(Z) (Elfwing et al. 2018)."""
    return Z * sigmoid(Z, xp=xp)


def back_silu(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA * (s + A * (1 - s)) with s = sigmoid(Z)."""
    s = sigmoid(Z, xp=xp)
    return dA * (s + A * (1.0 - s))


def softplus(Z: Array, *, xp: Any = None) -> Array:
    """Return log(1 + exp(Z)), without overflow for any Z."""
    xp = xp or namespace(Z)
    return xp.maximum(Z, 0.0) + xp.log1p(xp.exp(-xp.abs(Z)))


def back_softplus(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA * sigmoid(Z), which is dA * (1 - exp(-A))."""
    return -dA * (xp or namespace(Z)).expm1(-A)


def mish(Z: Array, *, xp: Any = None) -> Array:
    """Return Z * tanh(softplus(Z)) (Misra 2019)."""
    xp = xp or namespace(Z)
    return Z * xp.tanh(softplus(Z, xp=xp))


def back_mish(dA: Array, Z: Array, A: Array, *, xp: Any = None) -> Array:
    """Return dA * (t + Z * (1 - t^2) * sigmoid(Z)) with t = tanh(softplus(Z))."""
    xp = xp or namespace(Z)
    t = xp.tanh(softplus(Z, xp=xp))
    return dA * (t + Z * (1.0 - t * t) * sigmoid(Z, xp=xp))


def softmax(Z: Array, *, xp: Any = None) -> Array:
    """Return exp(Z) divided by its sum over each column: an output, not a hidden activation.

    Its derivative is part of the softmax cross-entropy, where it is simple and exact.
    """
    xp = xp or namespace(Z)
    A = xp.exp(Z - column_maxima(Z, xp=xp))
    total = column_sums(A, xp=xp)
    A /= total if A.ndim == 2 else total[..., None, :]
    return A


def log_softmax(Z: Array, *, xp: Any = None) -> Array:
    """Return the logarithm of softmax(Z), finite also where softmax(Z) rounds to 0."""
    xp = xp or namespace(Z)
    shifted = Z - column_maxima(Z, xp=xp)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-2, keepdims=True))


def log_sigmoid(Z: Array, *, xp: Any = None) -> Array:
    """Return the logarithm of sigmoid(Z), finite also where sigmoid(Z) rounds to 0."""
    return -softplus(-Z, xp=xp)


ACTIVATIONS: dict[str, ActivationFunction] = {
    activation.name: activation
    for activation in (
        ActivationFunction("identity", identity, back_identity),
        ActivationFunction("sigmoid", sigmoid, back_sigmoid),
        ActivationFunction("tanh", tanh, back_tanh),
        ActivationFunction("relu", relu, back_relu),
        ActivationFunction("leaky_relu", leaky_relu, back_leaky_relu, (0.01,)),
        ActivationFunction("elu", elu, back_elu, (1.0,)),
        ActivationFunction("selu", selu, back_selu),
        ActivationFunction("gelu", gelu, back_gelu),
        ActivationFunction("gelu_tanh", gelu_tanh, back_gelu_tanh),
        ActivationFunction("silu", silu, back_silu),
        ActivationFunction("softplus", softplus, back_softplus),
        ActivationFunction("mish", mish, back_mish),
    )
}
"""The activations of hidden layers, by name."""


def find_activation(spec: str | tuple[str, float] | ActivationFunction) -> ActivationFunction:
    """Return the activation that a name, or a name with a parameter, stands for.

    Parameters
    ----------
    spec : str, (str, float) or ActivationFunction
        ``"relu"``, ``("leaky_relu", 0.2)``, or a pair of functions of one's own.

    Raises
    ------
    ValueError
        For a name that is not in `ACTIVATIONS`, or a parameter where there is none.
    """
    found = ACTIVATIONS.get(spec) if isinstance(spec, str) else None
    if found is not None:  # the way of every step of a run
        return found
    if isinstance(spec, ActivationFunction):
        return spec
    words = spec if isinstance(spec, tuple | list) and spec else (spec,)
    try:
        return _find_activation(*words)
    except TypeError:  # what cannot be hashed is neither a name nor a number
        raise ValueError(f"activation: found {shown(spec)}, expected a name, or {_PAIR}") from None


_PAIR = "a name with a number, such as ('leaky_relu', 0.2)"


@lru_cache(maxsize=128, typed=True)  # it is asked in every step
def _find_activation(name: Any, *parameters: Any) -> ActivationFunction:
    if isinstance(name, str) and name == "softmax":
        raise ValueError(
            "activation: found 'softmax', which is an output and not a hidden activation; leave "
            "the last layer linear and choose cost='softmax_cross_entropy'"
        )
    if not isinstance(name, str) or name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"activation: found {shown(name)}, expected one of {known}")
    found = ACTIVATIONS[name]
    if len(parameters) > len(found.parameters):
        found_here = (name, *parameters)
        raise ValueError(f"activation: found {found_here!r}, but {name!r} takes no parameter")
    if not parameters:
        return found
    numbers = [
        check_number(f"activation {name!r}", number, lambda x: True, "a number")
        for number in parameters
    ]
    return found._replace(parameters=tuple(map(float, numbers)))
