"""Sums and means over examples, with weights, finite where there is nothing to divide by."""

from typing import Any

from dnn_xp.backends import Array, asarray_like

__all__ = ["checked", "mean", "ratio", "total"]


def checked(A: Array, Y: Array, weights: Array | None, xp: Any) -> tuple[Array, Array | None]:
    """See that targets and weights fit the predictions, and bring them to A's side.

    Parameters
    ----------
    A, Y : array, shape (n_outputs, m)
    weights : array, shape (m,), or None

    Returns
    -------
    Y, weights

    Raises
    ------
    ValueError
        Where A is not floating, or the shapes are not those. (They would broadcast.)
    """
    if not xp.isdtype(A.dtype, "real floating"):
        raise ValueError(f"A: found dtype {A.dtype}, expected a floating one")
    shape = tuple(A.shape)
    Y = asarray_like(Y, like=A)
    if len(shape) != 2 or tuple(Y.shape) != shape:
        raise ValueError(
            f"A and Y: found shapes {shape} and {tuple(Y.shape)}, expected (n_outputs, m) of both"
        )
    if weights is not None:
        weights = asarray_like(weights, like=A)
        if tuple(weights.shape) != shape[1:]:
            raise ValueError(f"weights: found shape {tuple(weights.shape)}, expected {shape[1:]}")
    return Y, weights


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
