"""Part 1 of the article: each step of a network, under the article's names.

Columns are examples: X is (n_x, m), A and Z of layer l are (n[l], m), W is (n[l], n[l-1]), b is
(n[l], 1) and Y is (1, m). Parameters and gradients are dictionaries with the keys ``W1``, ``b1``,
``dW1``, ... The mathematics is that of `dnn_xp.functions`; what belongs to the article are its
names, its shapes and its factor 1/m.

The functions follow their arguments. Only initialization makes arrays: on the current backend, in
float64 unless another dtype is named.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from dnn_xp.arguments import (
    check,
    check_choice,
    check_kind,
    check_number,
    check_whole,
    naming_argument,
    shown,
)
from dnn_xp.article.arrays import (
    as_floats,
    check_labels,
    check_linear,
    check_parameters,
    check_rate,
    check_shape,
    check_sizes,
    together,
)
from dnn_xp.backends import (
    Array,
    current_backend,
    float_name,
    from_host,
    namespace,
    plain_array,
    to_host,
)
from dnn_xp.functions import activations, costs, linear
from dnn_xp.functions.initializers import lecun_normal
from dnn_xp.functions.linear import LinearCache
from dnn_xp.network.checks import bring

__all__ = [
    "Cache",
    "LinearCache",
    "Scale",
    "L_model_backward",
    "L_model_forward",
    "back_relu",
    "back_sigmoid",
    "compute_cost",
    "draw_parameters",
    "initialize_parameters",
    "initialize_parameters_deep",
    "linear_activation_backward",
    "linear_activation_forward",
    "linear_backward",
    "linear_forward",
    "print_grads",
    "relu",
    "sigmoid",
    "update_parameters",
]

Arrays = dict[str, Array]
Scale = float | Literal["1/sqrt(n_prev)"]
"""What the standard normal draws of W are multiplied by."""


class Cache(NamedTuple):
    """Cache of `linear_activation_forward`: ``((A_prev, W, b), Z)``."""

    linear: LinearCache
    Z: Array


# ----------------------------------------------------------------------------- activations


def sigmoid(Z: Array) -> tuple[Array, Array]:
    """Return A = 1 / (1 + exp(-Z)), without overflow for any Z, and Z as the cache."""
    Z = as_floats("Z", Z)
    return activations.sigmoid(Z), Z


def back_sigmoid(dA: Array, cache: Array) -> Array:
    """Return dZ = dA * A * (1 - A) (article, equation 8); the cache is Z."""
    dA, Z = _with_cache(dA, cache)
    return activations.back_sigmoid(dA, Z, activations.sigmoid(Z))


def relu(Z: Array) -> tuple[Array, Array]:
    """Return A = max(0, Z), and Z as the cache."""
    Z = as_floats("Z", Z)
    return activations.relu(Z), Z


def back_relu(dA: Array, cache: Array) -> Array:
    """Return dZ, which is dA where Z > 0 and 0 elsewhere (article, equation 8); the cache is Z."""
    dA, Z = _with_cache(dA, cache)
    return activations.back_relu(dA, Z, Z)


def _with_cache(dA: Array, cache: Array) -> tuple[Array, Array]:
    """Return dA and the Z that was cached, which are of one shape."""
    dA, Z = together(dA=as_floats("dA", dA), cache=as_floats("cache", cache))
    check_shape("dA", dA, tuple(Z.shape))
    return dA, Z


# ----------------------------------------------------------------------------- initialization


def draw_parameters(
    layer_dims: Sequence[int], seed: int, scale: Scale
) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Draw parameters on the host, in float64, from the stream of ``numpy.random.seed``.

    The stream is a generator of its own: the global random state is neither used nor changed.

    Parameters
    ----------
    layer_dims : sequence of int
        Inputs, then the units of each layer.
    seed : int
    scale : float or "1/sqrt(n_prev)"

    Returns
    -------
    dict of str to ndarray
        ``W1``, ``b1``, ``W2``, ...; b is zero.

    Raises
    ------
    ValueError
        Where the scale is neither a number nor that text, the seed no whole number, or a size none
        from 1 on.
    """
    layer_dims = check_sizes("layer_dims", layer_dims)
    by_inputs = isinstance(scale, str) and scale == "1/sqrt(n_prev)"
    if not by_inputs:
        expected = "a number or '1/sqrt(n_prev)'"
        scale = check_number("scale", scale, lambda x: True, expected)
    check_whole("seed", seed, 0)
    check("seed", seed, seed < 2**32, "a whole number below 2**32, as numpy.random.seed takes")
    rng = np.random.RandomState(seed)
    parameters: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
    for layer, (n_prev, n) in enumerate(pairwise(layer_dims), 1):
        if by_inputs:
            W = lecun_normal(rng, (n, n_prev))
        else:
            W = float(scale) * rng.standard_normal((n, n_prev))
        parameters |= {f"W{layer}": W, f"b{layer}": np.zeros((n, 1))}
    return parameters


def initialize_parameters(
    n_x: int,
    n_h: int,
    n_y: int,
    *,
    seed: int = 1,
    scale: Scale = 0.01,
    dtype: str = "float64",
) -> Arrays:
    """Make the parameters of a network of two layers, on the current backend.

    Parameters
    ----------
    n_x, n_h, n_y : int
        Inputs, hidden units, outputs.
    seed : int
        Of the draws; every backend gets the same ones.
    scale : float or "1/sqrt(n_prev)"
        What the standard normal draws of W are multiplied by; n_prev is the layer's inputs.
    dtype : str

    Returns
    -------
    dict of str to array
        ``W1`` (n_h, n_x), ``b1`` (n_h, 1), ``W2`` (n_y, n_h), ``b2`` (n_y, 1); b is zero.

    Examples
    --------
    >>> import dnn_xp
    >>> with dnn_xp.use_backend("numpy"):
    ...     parameters = initialize_parameters(3, 2, 1)
    >>> print(parameters["W1"])
    [[ 0.01624345 -0.00611756 -0.00528172]
     [-0.01072969  0.00865408 -0.02301539]]
    """
    for name, size in (("n_x", n_x), ("n_h", n_h), ("n_y", n_y)):
        check_whole(name, size, 1)
    return initialize_parameters_deep((n_x, n_h, n_y), seed=seed, scale=scale, dtype=dtype)


def initialize_parameters_deep(
    layer_dims: Sequence[int],
    *,
    seed: int = 3,
    scale: Scale = 0.01,
    dtype: str = "float64",
) -> Arrays:
    """Make the parameters of a network of any depth, on the current backend.

    Parameters
    ----------
    layer_dims : sequence of int
        Inputs, then the units of each layer.
    seed, scale, dtype
        As for `initialize_parameters`. The seed and scale here are those that the article prints;
        the table of its deep network comes from ``seed=1, scale="1/sqrt(n_prev)"``, which is what
        `dnn_xp.article.L_layer_model` uses. From 0.01 a deep network learns next to nothing.

    Returns
    -------
    dict of str to array
        ``W1`` (layer_dims[1], layer_dims[0]), ``b1`` (layer_dims[1], 1), ...; b is zero.
    """
    dtype = float_name(dtype, current_backend().xp)
    drawn = draw_parameters(layer_dims, seed, scale)
    return {name: from_host(value, dtype=dtype) for name, value in drawn.items()}


# ----------------------------------------------------------------------------- forward


def linear_forward(A: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    """Return Z = W A + b and the cache (A, W, b) (article, equation 3).

    Parameters
    ----------
    A : array_like, shape (n_prev, m)
    W : array_like, shape (n, n_prev)
    b : array_like, shape (n, 1)

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    return _linear_forward("A", A, W, b)


def _linear_forward(name: str, A: Array, W: Array, b: Array) -> tuple[Array, LinearCache]:
    A, W, b = together(**{name: A, "W": W, "b": b})
    check_linear(name, A, W, b)
    return linear.linear_forward(A, W, b)


def linear_activation_forward(
    A_prev: Array, W: Array, b: Array, activation: str
) -> tuple[Array, Cache]:
    """Return A = g(W A_prev + b) and the cache ((A_prev, W, b), Z).

    Parameters
    ----------
    A_prev : array_like, shape (n_prev, m)
    W : array_like, shape (n, n_prev)
    b : array_like, shape (n, 1)
    activation : str
        ``"sigmoid"`` or ``"relu"``.

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    activate = _of(activation, sigmoid, relu)
    Z, linear_cache = _linear_forward("A_prev", A_prev, W, b)
    A, activation_cache = activate(Z)
    return A, Cache(linear_cache, activation_cache)


def L_model_forward(X: Array, parameters: Mapping[str, Array]) -> tuple[Array, list[Cache]]:
    """Return the output of [LINEAR -> RELU] * (L-1) -> LINEAR -> SIGMOID, and a cache a layer.

    Parameters
    ----------
    X : array_like, shape (n_x, m)
        Brought to the library, device and dtype of the parameters.
    parameters : dict of str to array
        ``W1``, ``b1``, ``W2``, ...

    Returns
    -------
    AL : array, shape (n_y, m)
        Probabilities.
    caches : list of Cache

    Raises
    ------
    ValueError, TypeError
        Naming the argument or the parameter, what was found and what was expected.
    """
    parameters = check_parameters(parameters)
    W1 = as_floats("W1", parameters["W1"])
    A, caches = bring("X", X, like=W1), []
    check_shape("X", A, (W1.shape[1], "m"))
    n_layers = len(parameters) // 2
    for layer in range(1, n_layers + 1):
        activation = "relu" if layer < n_layers else "sigmoid"
        W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
        A, cache = linear_activation_forward(A, W, b, activation)
        caches.append(cache)
    return A, caches


# ----------------------------------------------------------------------------- cost


def compute_cost(AL: Array, Y: Array) -> Array:
    """Return the mean cross-entropy (article, equation 4), finite also for AL of 0 and 1.

    Parameters
    ----------
    AL : array, shape (1, m)
        Probabilities.
    Y : array_like, shape (1, m)
        Labels, 0 and 1.

    Returns
    -------
    array, shape ()

    Raises
    ------
    ValueError
        Where Y is not as many labels from 0 to 1 as AL has.
    """
    AL = _predictions(AL)
    Y = check_labels("Y", Y, AL)
    # A product, not a mean: the article's rounding, to the last of its 17 digits.
    return (1.0 / AL.shape[1]) * namespace(AL).sum(costs.binary_cross_entropy(AL, Y))


def _predictions(AL: Array) -> Array:
    AL = as_floats("AL", AL)
    check_shape("AL", AL, ("n_y", "m"))
    if not AL.shape[1]:
        raise ValueError("AL: found no examples, expected at least one")
    return AL


# ----------------------------------------------------------------------------- backward


def linear_backward(dZ: Array, cache: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Return dA_prev, dW and db (article, equations 5 to 7).

    dW and db are means over the examples; dA_prev, like dZ, belongs to each example by itself and
    has no factor 1/m.

    Parameters
    ----------
    dZ : array, shape (n, m)
    cache : tuple (A_prev, W, b)
        Of `linear_forward`.

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    A_prev, W, b = _unpacked("cache", cache, ("A_prev", "W", "b"))
    dZ, A_prev, W, b = together(dZ=as_floats("dZ", dZ), A_prev=A_prev, W=W, b=b)
    check_linear("A_prev", A_prev, W, b)
    check_shape("dZ", dZ, (W.shape[0], A_prev.shape[1]))
    dA_prev, dW, db = linear.linear_backward(dZ, LinearCache(A_prev, W, b))
    m = A_prev.shape[1]
    return dA_prev, dW / m, db / m


def linear_activation_backward(
    dA: Array, cache: tuple[tuple[Array, Array, Array], Array], activation: str
) -> tuple[Array, Array, Array]:
    """Return dA_prev, dW and db for a given dA (article, equation 8).

    Parameters
    ----------
    dA : array, shape (n, m)
    cache : tuple ((A_prev, W, b), Z)
        Of `linear_activation_forward`.
    activation : str
        ``"sigmoid"`` or ``"relu"``.

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    linear_cache, activation_cache = _unpacked("cache", cache, ("(A_prev, W, b)", "Z"))
    dZ = _of(activation, back_sigmoid, back_relu)(dA, activation_cache)
    return linear_backward(dZ, linear_cache)


def L_model_backward(
    AL: Array, Y: Array, caches: Sequence[tuple[tuple[Array, Array, Array], Array]]
) -> Arrays:
    """Return the gradients of [LINEAR -> RELU] * (L-1) -> LINEAR -> SIGMOID.

    The derivative with respect to AL comes from AL and Y; it then passes the sigmoid at the Z that
    was cached. So AL may be any numbers, not only the sigmoid of that Z.

    Parameters
    ----------
    AL : array, shape (1, m)
    Y : array_like, shape (1, m) or (m,)
        Labels, 0 and 1.
    caches : sequence of Cache
        As `L_model_forward` returns them.

    Returns
    -------
    dict of str to array
        ``dWl`` and ``dbl`` for l = 1, ..., L, and ``dAl`` for l = 0, ..., L, each the gradient
        with respect to A of layer l: ``dA0`` belongs to X, ``dAL`` to the output. (The article
        keeps the gradient of A[l-1] under ``dA{l}``, and prints ``dA2`` under the label dA1.)

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    check_kind("caches", caches, tuple | list, "a list of caches, one for each layer")
    AL, n_layers = _predictions(AL), len(caches)
    if not n_layers:
        raise ValueError("caches: found none, expected one for each layer")
    dA = costs.back_binary_cross_entropy(AL, check_labels("Y", Y, AL))
    grads = {f"dA{n_layers}": dA}
    for layer in range(n_layers, 0, -1):
        activation = "relu" if layer < n_layers else "sigmoid"
        with naming_argument(f"caches[{layer - 1}]"):
            dA, dW, db = linear_activation_backward(dA, caches[layer - 1], activation)
        grads |= {f"dW{layer}": dW, f"db{layer}": db, f"dA{layer - 1}": dA}
    return grads


def print_grads(grads: Mapping[str, Array]) -> None:
    """Print the gradients of the first layer of two, in the form of the article."""
    names = ("dW1", "db1", "dA1")
    _check_grads(grads, names)
    for name in names:
        print(f"{name} = {to_host(grads[name])}")


# ----------------------------------------------------------------------------- update


def update_parameters(
    parameters: Mapping[str, Array], grads: Mapping[str, Array], learning_rate: float
) -> Arrays:
    """Return the parameters after one step of gradient descent (article, equations 10 and 11).

    The result is a new dictionary of new arrays. What was handed in stays as it is; the article's
    function overwrites the arrays of its caller.

    Parameters
    ----------
    parameters : dict of str to array
        ``W1``, ``b1``, ...
    grads : dict of str to array
        ``dW1``, ``db1``, ...
    learning_rate : float

    Raises
    ------
    ValueError
        Where a gradient is missing or of another shape, or the rate no number.
    """
    learning_rate = check_rate(learning_rate)
    check_kind("parameters", parameters, Mapping, "a dictionary of W1, b1, ...")
    _check_grads(grads, [f"d{name}" for name in parameters])
    parameters = {name: plain_array(f"parameters: {name}", x) for name, x in parameters.items()}
    grads = {
        f"d{name}": bring(f"grads: d{name}", grads[f"d{name}"], like=value)
        for name, value in parameters.items()
    }
    for name, value in parameters.items():
        check_shape(f"d{name}", grads[f"d{name}"], tuple(value.shape))
    # The optimizers of `dnn_xp.training` work in place, and may not be handed a caller's arrays.
    return {name: value - learning_rate * grads[f"d{name}"] for name, value in parameters.items()}


def _check_grads(grads: Mapping[str, Array], names: Sequence[str]) -> None:
    """Refuse gradients among which one is missing."""
    check_kind("grads", grads, Mapping, f"a dictionary of arrays: {', '.join(names)}, ...")
    if missing := [name for name in names if name not in grads]:
        found = ", ".join(map(str, grads)) or "nothing"
        raise ValueError(f"grads: found {found}, expected {missing[0]} among them")


# ----------------------------------------------------------------------------- the door


def _unpacked(name: str, cache: Any, parts: tuple[str, ...]) -> Any:
    """Return the parts of a cache, which may be any tuple of as many."""
    if not isinstance(cache, tuple | list) or len(cache) != len(parts):
        raise ValueError(f"{name}: found {shown(cache)}, expected ({', '.join(parts)})")
    return cache


def _of(activation: str, for_sigmoid: Any, for_relu: Any) -> Any:
    check_choice("activation", activation, ("sigmoid", "relu"))
    return for_sigmoid if activation == "sigmoid" else for_relu
