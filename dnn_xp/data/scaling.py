"""Numbers of tables in the order of one: by medians and quartiles, which outliers do not move.

Rows are examples. Statistics are of any library's arrays, and come to the host; what they are
computed from is the same everywhere, and so are their bits.
"""

from typing import NamedTuple

import numpy as np

from dnn_xp.backends import Array, HostArray, asarray_like, device, namespace, to_host

__all__ = ["Spread", "in_double", "measure_spread", "scale_numbers"]

_QUANTILES = np.asarray([[0.0], [0.25], [0.5], [0.75], [1.0]])

_FARTHEST = 1e15
"""Scaled numbers beyond it are at the ends of the smooth clip, to the last digit."""


class Spread(NamedTuple):
    """Spread of columns of numbers, those that are not missing.

    Attributes
    ----------
    n_missing : ndarray of int, shape (n,)
    centre : ndarray of float64, shape (n,)
        The median.
    scale : ndarray of float64, shape (n,)
        The distance of the quartiles; where that is 0, half of that from the least to the greatest;
        0 where the column is constant, or all is missing.
    is_finite : ndarray of bool, shape (n,)
        Whether no number is infinite, and none so far from another that their distance is.
    """

    n_missing: HostArray
    centre: HostArray
    scale: HostArray
    is_finite: HostArray


def in_double(X: Array) -> Array:
    """Return numbers in float64, or in float32 where their device has no other."""
    xp = namespace(X)
    there = xp.__array_namespace_info__().dtypes(kind="real floating", device=device(X))
    return xp.astype(X, there.get("float64", xp.float32), copy=False)


def measure_spread(X: Array) -> Spread:
    """Return the spread of columns.

    Parameters
    ----------
    X : array, shape (m, n)
        Of real numbers, NaN where they are missing; m is not 0.
    """
    X = in_double(X)
    xp = namespace(X)
    missing = xp.isnan(X)
    n_missing = to_host(xp.sum(xp.astype(missing, xp.int32), axis=0)).astype(np.int64)
    # The standard does not say where NaN is sorted to; what is infinite comes last.
    ordered = xp.sort(xp.where(missing, xp.inf, X), axis=0)
    positions = _QUANTILES * np.maximum(X.shape[0] - n_missing - 1, 0)
    places = np.stack([np.floor(positions), np.ceil(positions)]).astype(np.int32)
    rows, where = np.unique(places, return_inverse=True)
    chosen = xp.take(ordered, asarray_like(rows, like=ordered, dtype=xp.int32), axis=0)
    low, high = to_host(chosen).astype(np.float64)[
        where.reshape(places.shape), np.arange(X.shape[1])
    ]
    with np.errstate(over="ignore", invalid="ignore"):
        least, lower, median, upper, most = low + (high - low) * (positions - places[0])
        apart, between = most - least, upper - lower
    nothing = n_missing == X.shape[0]
    scale = np.where(between > 0, between, apart / 2)
    return Spread(
        n_missing,
        np.where(nothing, 0.0, median),
        np.where(nothing, 0.0, scale),
        nothing | np.isfinite(apart),
    )


def scale_numbers(X: Array, centre: HostArray, scale: HostArray) -> tuple[Array, Array]:
    """Return numbers brought to the order of one, and where they are missing.

    With z = (x - centre) / scale they are z / sqrt(1 + (z / 3)**2): near to z where that is small,
    and nowhere beyond 3 or -3. What is missing is 0, the centre.

    Parameters
    ----------
    X : array of floats, shape (m, n)
    centre, scale : ndarray of float64, shape (n,)

    Returns
    -------
    Z : array, shape (m, n)
        In the dtype of X.
    missing : array of bool, shape (m, n)
    """
    # A call of NumPy's own is a part of what one row takes.
    xp = np if isinstance(X, np.ndarray) else namespace(X)
    scale = np.maximum(scale, float(xp.finfo(X.dtype).smallest_normal))
    if xp is np:
        centre, scale = np.asarray(centre, X.dtype), np.asarray(scale, X.dtype)
    else:
        centre, scale = asarray_like(centre, like=X), asarray_like(scale, like=X)
    missing = xp.isnan(X)
    with np.errstate(over="ignore"):
        Z = xp.minimum(xp.maximum((X - centre) / scale, -_FARTHEST), _FARTHEST)
    Z = Z / xp.sqrt(1.0 + (Z / 3.0) ** 2)
    return xp.where(missing, 0.0, Z), missing
