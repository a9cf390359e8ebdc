"""Arrays of the article's functions: brought together, and checked against the shapes it names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dnn_xp.arguments import check, check_kind, check_number, check_whole
from dnn_xp.backends import (
    Array,
    asarray_like,
    default_dtype,
    device,
    from_host,
    namespace,
    plain_array,
)
from dnn_xp.network.checks import bring
from dnn_xp.network.values import check_targets

__all__ = [
    "as_floats",
    "check_labels",
    "check_linear",
    "check_parameters",
    "check_rate",
    "check_shape",
    "check_sizes",
    "together",
]

Arrays = dict[str, Array]


def together(**named: Any) -> list[Array]:
    """Return arrays of one library and one dtype, as ``np.dot`` would make of NumPy's.

    Lists and data frames go where the other arguments are, or to the current backend where all
    are such; NumPy's arrays follow those of another library. Whole numbers beside floats become
    floats.

    Parameters
    ----------
    **named : array_like
        By the names that an error is to say.

    Raises
    ------
    ValueError
        Where one holds no real numbers.
    """
    arrays = [plain_array(name, x, readable=True) for name, x in named.items()]
    if not any(_is_array(x) for x in named.values()):
        arrays = [from_host(x) for x in arrays]
    like = next((x for x in arrays if not isinstance(x, np.ndarray)), arrays[0])
    xp, where = namespace(like), device(like)
    is_floating = xp.isdtype(like.dtype, "real floating")
    arrays = [
        x
        if namespace(x) is xp
        else asarray_like(x, like=like, dtype=like.dtype if is_floating else None)
        for x in arrays
    ]
    floats = [x.dtype for x in arrays if xp.isdtype(x.dtype, "real floating")]
    # Sums of products of bytes would overflow in bytes.
    dtype = xp.result_type(*floats) if floats else default_dtype(xp, "integral", device=where)
    return [xp.astype(x, dtype, copy=False) for x in arrays]


def _is_array(x: Any) -> bool:
    try:
        namespace(x)
    except TypeError:
        return False
    return True


def as_floats(name: str, x: Any) -> Array:
    """Return an array of floats: one that is some already as it is, whole numbers in float64.

    Parameters
    ----------
    name : str
    x : array_like

    Raises
    ------
    ValueError
        Where it holds no real numbers.
    """
    (x,) = together(**{name: x})
    xp = namespace(x)
    if xp.isdtype(x.dtype, "real floating"):
        return x
    return xp.astype(x, default_dtype(xp, device=device(x)))


def check_shape(name: str, x: Array, shape: tuple[int | str, ...]) -> None:
    """Refuse an array of another shape.

    Parameters
    ----------
    name : str
    x : array
    shape : tuple of int or str
        A word for what may be any number.

    Raises
    ------
    ValueError
        What was found, what was expected, and how a vector becomes a column.
    """
    found = tuple(x.shape)
    fits = len(found) == len(shape) and all(
        isinstance(expected, str) or expected == length
        for expected, length in zip(shape, found, strict=True)
    )
    if fits:
        return
    expected = f"({', '.join(map(str, shape))})"
    if len(found) == 1 and len(shape) == 2:
        expected += f"; a column is {name}.reshape(-1, 1)"
    raise ValueError(f"{name}: found shape {found}, expected {expected}")


def check_linear(name: str, A: Array, W: Array, b: Array, place: str = "") -> None:
    """Refuse what does not fit W A + b.

    Parameters
    ----------
    name : str
        Of A.
    A, W, b : array
    place : str
        What follows the names of W and b.

    Raises
    ------
    ValueError
        Naming the argument.
    """
    check_shape(name, A, ("n_prev", "m"))
    check_shape(f"W{place}", W, ("n", A.shape[0]))
    check_shape(f"b{place}", b, (W.shape[0], 1))


def check_parameters(parameters: Mapping[str, Any]) -> Arrays:
    """Return the parameters of a network together, or refuse what is no network.

    Parameters
    ----------
    parameters : dict of str to array_like
        ``W1``, ``b1``, ``W2``, ...

    Raises
    ------
    ValueError, TypeError
        Naming what is missing, unknown or of another shape.
    """
    check_kind("parameters", parameters, Mapping, "a dictionary of W1, b1, ...")
    n_layers = max(1, len(parameters) // 2)
    names = [f"{kind}{layer}" for layer in range(1, n_layers + 1) for kind in "Wb"]
    if set(parameters) != set(names):
        found = ", ".join(map(str, parameters)) or "nothing"
        raise ValueError(f"parameters: found {found}, expected {', '.join(names)}")
    arrays = dict(zip(names, together(**{name: parameters[name] for name in names}), strict=True))
    n_prev: int | str = "n_prev"
    for layer in range(1, n_layers + 1):
        W, b = arrays[f"W{layer}"], arrays[f"b{layer}"]
        check_shape(f"W{layer}", W, ("n", n_prev))
        check_shape(f"b{layer}", b, (W.shape[0], 1))
        n_prev = W.shape[0]
    return arrays


def check_labels(name: str, Y: Any, AL: Array) -> Array:
    """Return labels beside predictions and of their shape, or refuse what are none.

    Parameters
    ----------
    name : str
    Y : array_like, shape (n_y, m); for one output also (m,) or (m, 1)
    AL : array of floats, shape (n_y, m)

    Raises
    ------
    ValueError
        Where they are not as many, not finite, or not from 0 to 1.
    """
    Y = bring(name, Y, like=AL)
    found, expected = tuple(Y.shape), tuple(AL.shape)
    n_y, m = expected
    flat = {(m,), (m, 1)} | ({()} if m == 1 else set())
    if found != expected and not (n_y == 1 and found in flat):
        raise ValueError(f"{name}: found shape {found}, expected {expected}")
    Y = namespace(AL).reshape(Y, expected)
    check_targets("sigmoid_cross_entropy", Y, name)
    return Y


def check_sizes(name: str, sizes: Sequence[int]) -> list[int]:
    """Return the sizes of layers as Python's whole numbers, inputs first.

    Raises
    ------
    ValueError
        Where they are not two or more whole numbers from 1 on.
    """
    expected = "whole numbers from 1 on: the inputs, then the units of each layer"
    try:
        found = [*sizes]
    except TypeError:
        found = []
    check(name, sizes, len(found) >= 2 and not isinstance(sizes, str | bytes), expected)
    return [check_whole(name, size, 1) for size in found]


def check_rate(learning_rate: Any) -> Any:
    """Return a learning rate in a form that changes no dtype; an array of one is left as it is.

    Raises
    ------
    ValueError
        Where it is no finite number.
    """
    is_array = _is_array(learning_rate) and not isinstance(learning_rate, np.generic)
    if is_array and tuple(learning_rate.shape) == ():
        return learning_rate
    return check_number("learning_rate", learning_rate, lambda x: True, "a number")
