"""Checks of what is handed to a network: theta, examples, targets, weights."""

import math
from typing import Any

from dnn_xp.arguments import shown
from dnn_xp.backends import (
    Array,
    Matrix,
    Vector,
    asarray_like,
    block_like,
    default_dtype,
    device,
    is_of_kind,
    namespace,
    plain_array,
)
from dnn_xp.data.sources import Source, reference_array
from dnn_xp.network.layout import Layout
from dnn_xp.network.targets import bring_targets, class_targets

__all__ = [
    "bring",
    "check_data",
    "check_examples",
    "check_floating",
    "check_learns",
    "check_library",
    "check_theta",
    "float_reference",
]


def check_theta(layout: Layout, theta: Vector, *, several: bool = False) -> None:
    """Refuse a vector of another size.

    Parameters
    ----------
    layout : Layout
    theta : array
    several : bool
        Whether it may be those of several networks, shape (k, size).

    Raises
    ------
    ValueError
        What was found, and what was expected.
    """
    shape = getattr(theta, "shape", ())
    shape = tuple(shape) if isinstance(shape, tuple) else ()  # a class has one, too
    if shape[-1:] != (layout.size,) or len(shape) > 1 + several:
        raise ValueError(
            f"theta: found shape {shape}, expected {(layout.size,)} for "
            f"{len(layout.layers)} layers from {layout.n_inputs} inputs"
        )


def check_library(theta: Vector, X: Matrix | Source, *, by_block: bool = False) -> None:
    """Refuse parameters of another library than the examples.

    Parameters
    ----------
    theta : array
    X : array or Source
    by_block : bool
        Whether they may be of the library of X's blocks, one of which is computed from at a time.

    Raises
    ------
    TypeError
        With both libraries, and the way out.
    """
    if isinstance(X, Source) and not by_block:
        raise TypeError("X: found a Source, expected an array, of which all is computed at once")
    like = reference_array(X)
    known = [namespace(like), *([namespace(block_like(like))] if by_block else [])]
    if namespace(theta) not in known:
        raise TypeError(
            f"theta: found a {_full_name(theta)}, expected an array of X's library, which is a "
            f"{_full_name(like)}; backends.asarray_like(theta, like=X) brings it there"
        )


def _full_name(x: Array) -> str:
    return f"{type(x).__module__.partition('.')[0]}.{type(x).__name__}"


def check_data(
    layout: Layout,
    X: Matrix | Source,
    Y: Any = None,
    weights: Any = None,
    *,
    n_targets: int | None = None,
) -> tuple[Any, Any, Any]:
    """See that data fit the network, and bring Y and the weights to X's side.

    Their values are looked at by `dnn_xp.network.values.check_values`.

    Parameters
    ----------
    layout : Layout
    X : array of floats or Source, shape (n_inputs, m)
        Of integers, where the first layer takes them.
    Y : array or Source, shape (n_targets, m), optional
    weights : array, shape (m,), optional
    n_targets : int, optional
        Rows of Y. Default: as many as there are outputs.

    Returns
    -------
    X : array or Source
        In the byte order of the machine.
    Y, weights : array or None
        In X's library and on its device, of its dtype, or of the default where X is of integers.

    Raises
    ------
    ValueError, TypeError
        Naming the layer, what came and what was expected.
    """
    X = X if isinstance(X, Source) else plain_array("X", X)
    like = float_reference(layout, X)
    shape = tuple(X.shape)
    if len(shape) != 2 or shape[0] != layout.n_inputs:
        raise ValueError(
            f"{layout.describe(1)}: X has shape {shape}, expected ({layout.n_inputs}, m); "
            "columns are examples"
        )
    if isinstance(shape[1], float) and math.isnan(shape[1]):
        raise ValueError("X: found an unknown number of examples; compute its chunk sizes first")
    if Y is not None:
        if shape[1] == 0:
            raise ValueError("X: found no examples, expected at least one")
        Y = bring_targets(Y, like) if isinstance(Y, Source) else bring("Y", Y, like=like)
        n_targets = n_targets or layout.n_outputs
        if tuple(Y.shape) != (n_targets, shape[1]):
            each = layout.n_outputs // n_targets
            words = "" if each == 1 else f", and each target has {each} outputs"
            raise ValueError(
                f"{layout.describe(len(layout.layers))}: Y has shape {tuple(Y.shape)}, "
                f"expected {(n_targets, shape[1])} as X has {shape[1]} examples{words}"
            )
    if weights is not None:
        weights = bring("weights", weights, like=like)
        if tuple(weights.shape) != (shape[1],):
            raise ValueError(f"weights: found shape {tuple(weights.shape)}, expected {(shape[1],)}")
    return X, Y, weights


def check_examples(
    network: Any, X: Matrix | Source, Y: Any, weights: Any = None
) -> tuple[Any, Any, Any]:
    """See that examples with their targets fit a network: `check_data`, where Y must be there.

    Parameters
    ----------
    network : Network
    X, Y, weights
        As in `check_data`; of a softmax's classes Y may hold the numbers.

    Raises
    ------
    ValueError, TypeError
        Where the network is none, or something does not fit it.
    """
    layout = getattr(network, "layout", None)
    if not isinstance(layout, Layout):
        raise TypeError(f"network: found {shown(network)}, expected a Network")
    if Y is None:
        raise TypeError("Y: found None, expected targets, one column for each example")
    X = X if isinstance(X, Source) else plain_array("X", X)
    if len(X.shape) == 2:
        like = float_reference(layout, X)
        Y = class_targets(network.cost, layout.n_outputs, X, Y, like)
    return check_data(layout, X, Y, weights, n_targets=network.n_targets)


def check_learns(layout: Layout) -> None:
    """Refuse to train a network that has no parameters.

    Raises
    ------
    ValueError
        Saying so.
    """
    if not layout.n_parameters:
        raise ValueError(
            f"network: found no parameters in {layout.layers}, expected a layer that learns, such "
            "as Dense"
        )


def bring(argument: str, value: Any, *, like: Array) -> Array:
    """Return numbers that a user handed in beside an array, or refuse what is none.

    Parameters
    ----------
    argument : str
        Its name, for the error.
    value : array_like
        An array of any library, a list, a data frame.
    like : array
        It gets the library, the device and the dtype of this one.

    Raises
    ------
    ValueError
        Where it has a mask, is a matrix, is sparse, or holds what is no real number.
    """
    return asarray_like(plain_array(argument, value, readable=True), like=like)


def float_reference(layout: Layout, X: Matrix | Source) -> Array:
    """Return an array of the library, the device and the dtype in which a network computes for X.

    Raises
    ------
    ValueError
        Where X is of integers, and the first layer does not take them.
    """
    like = reference_array(X)
    if layout.layers[0].takes_integers and is_of_kind(like, "integral"):
        dtype = default_dtype(namespace(like), device=device(like))
        return asarray_like(0.0, like=like, dtype=dtype)
    check_floating("X", like)
    return like


def check_floating(argument: str, x: Array) -> None:
    """Refuse an array that does not hold real floating-point numbers.

    Raises
    ------
    ValueError
        Naming the argument and its dtype.
    """
    fits = is_of_kind(x, "real floating")
    if not fits or getattr(x.dtype, "itemsize", 4) < 2:  # of 8 bits they cannot be computed with
        raise ValueError(
            f"{argument}: found dtype {x.dtype}, expected a floating one; scale pictures first"
        )
