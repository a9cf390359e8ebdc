"""The linear part of a layer, alone and with its activation; each backward below its forward.

Columns are examples: A is (n_inputs, m), W (n_outputs, n_inputs), b (n_outputs, 1) and
Z (n_outputs, m). Gradients of W and b are sums over examples. Axes before these two are of several
networks, each with weights of its own.
"""

from typing import Any, NamedTuple

from dnn_xp.backends import Array, namespace, product, row_sums, transposed
from dnn_xp.functions.activations import ActivationFunction

__all__ = [
    "LinearActivationCache",
    "LinearCache",
    "linear_activation_backward",
    "linear_activation_forward",
    "linear_backward",
    "linear_forward",
]


class LinearCache(NamedTuple):
    """Cache of `linear_forward`."""

    A_prev: Array
    W: Array
    b: Array


class LinearActivationCache(NamedTuple):
    """Cache of `linear_activation_forward`."""

    linear: LinearCache
    Z: Array
    A: Array


def linear_forward(A_prev: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    """Return Z = W A_prev + b and its cache (article, equation 3)."""
    Z = product(W, A_prev)
    Z += b
    return Z, LinearCache(A_prev, W, b)


def linear_backward(
    dZ: Array,
    cache: LinearCache,
    *,
    input_gradient: bool = True,
    out: dict[str, Array] | None = None,
    xp: Any = None,
) -> tuple[Array | None, Array, Array]:
    """Return dA_prev, dW and db for a given dZ (article, equations 5 to 7, before 1/m).

    Parameters
    ----------
    dZ : array, shape (n_outputs, m)
    cache : LinearCache
    input_gradient : bool
        False for the first layer of a network in training, which has no use for dA_prev (it is
        then None) and would pay as much for it as for its forward pass.
    out : dict of str to array, optional
        Where dW ("W") and db ("b") are written, on a library that writes into arrays.
    """
    out_W, out_b = (None, None) if out is None else (out["W"], out["b"])
    A_prev, W, _ = cache
    dW = product(dZ, A_prev.T if A_prev.ndim == 2 else transposed(A_prev), out=out_W, xp=xp)
    db = row_sums(dZ, out=out_b, xp=xp)
    if not input_gradient:
        return None, dW, db
    return product(W.T if W.ndim == 2 else transposed(W), dZ), dW, db


def linear_activation_forward(
    A_prev: Array, W: Array, b: Array, activation: ActivationFunction, *, xp: Any = None
) -> tuple[Array, LinearActivationCache]:
    """Return A = g(W A_prev + b) and its cache."""
    Z, linear = linear_forward(A_prev, W, b)
    A = activation.function(Z, *activation.parameters, xp=xp or namespace(Z))
    return A, LinearActivationCache(linear, Z, A)


def linear_activation_backward(
    dA: Array,
    cache: LinearActivationCache,
    activation: ActivationFunction,
    *,
    input_gradient: bool = True,
    out: dict[str, Array] | None = None,
    xp: Any = None,
) -> tuple[Array | None, Array, Array]:
    """Return dA_prev, dW and db for a given dA (article, equation 8)."""
    xp = xp or namespace(dA)
    dZ = activation.derivative(dA, cache.Z, cache.A, *activation.parameters, xp=xp)
    return linear_backward(dZ, cache.linear, input_gradient=input_gradient, out=out, xp=xp)
