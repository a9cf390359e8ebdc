"""Sums and means over examples, with weights, and NaN for a figure of nothing."""

import math
from typing import Any

from dnn_xp.backends import Array, asarray_like, namespace, plain_array, widened

__all__ = ["checked", "defined", "mean", "ratio", "total"]


def checked(
    A: Array, Y: Array, weights: Array | None, xp: Any
) -> tuple[Array, Array, Array | None, Any]:
    """See that targets and weights fit the predictions, and bring them to A's side.

    Parameters
    ----------
    A, Y : array, shape (n_outputs, m)
    weights : array, shape (m,), or None

    Returns
    -------
    A, Y, weights, xp
        In float32 at least, so that sums over examples do not overflow.

    Raises
    ------
    ValueError
        Where A is not floating, or the shapes are not those. (They would broadcast.)
    """
    A = plain_array("A", A)
    xp = xp or namespace(A)
    if not xp.isdtype(A.dtype, "real floating"):
        raise ValueError(f"A: found dtype {A.dtype}, expected a floating one")
    A, shape = widened(A), tuple(A.shape)
    Y = asarray_like(plain_array("Y", Y, readable=True), like=A)
    if len(shape) != 2 or tuple(Y.shape) != shape:
        raise ValueError(
            f"A and Y: found shapes {shape} and {tuple(Y.shape)}, expected (n_outputs, m) of both"
        )
    if weights is not None:
        weights = asarray_like(plain_array("weights", weights, readable=True), like=A)
        if tuple(weights.shape) != shape[1:]:
            raise ValueError(f"weights: found shape {tuple(weights.shape)}, expected {shape[1:]}")
    return A, Y, weights, xp


def defined(figure: Array, A: Array, Y: Array, weights: Array | None, xp: Any) -> Array:
    """Return a figure of predictions, or NaN where there is none, whatever was worked out.

    There is none of no examples, of predictions or targets that are NaN, which thresholds take for
    class 0, and of weights that are negative, not finite, or all 0.

    Parameters
    ----------
    figure : array
    A, Y, weights, xp
        As `checked` returns them.
    """
    none = xp.full_like(figure, math.nan)
    if not A.shape[-1]:
        return none
    wrong = xp.any(xp.isnan(A)) | xp.any(xp.isnan(Y))
    if weights is not None:
        whole = xp.sum(weights)
        wrong = wrong | ~(xp.all(weights >= 0.0) & (whole > 0.0) & xp.isfinite(whole))
    return xp.where(wrong, none, figure)


def total(values: Array, weights: Array | None, xp: Any) -> Array:
    """Return the weighted sum over examples, the last axis."""
    return xp.sum(values if weights is None else values * weights, axis=-1)


def mean(values: Array, weights: Array | None, xp: Any) -> Array:
    """Return the weighted mean over examples, the last axis; 0 where there is no weight."""
    if weights is None:
        return total(values, None, xp) / max(values.shape[-1], 1)
    return ratio(total(values, weights, xp), xp.sum(weights), xp)


def ratio(part: Array, whole: Array, xp: Any) -> Array:
    """Return part / whole, and the part itself, usually 0, where the whole is 0."""
    return part / (whole + xp.astype(whole == 0.0, whole.dtype))
