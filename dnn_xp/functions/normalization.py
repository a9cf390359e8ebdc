"""Layer and batch normalization; each backward below its forward.

Columns are examples: Z is (n, m), gamma and beta are (n, 1). Both normalizations subtract a mean
and divide by a standard deviation, then scale by gamma and shift by beta; they differ in what the
mean is taken over. Squares and sums are of float32 at least.
"""

from typing import Any, NamedTuple

from dnn_xp.backends import Array, namespace, row_sums, widened

__all__ = [
    "BatchNormCache",
    "LayerNormCache",
    "back_scale_and_shift",
    "batch_norm_backward",
    "batch_norm_forward",
    "layer_norm_backward",
    "layer_norm_forward",
    "scale_and_shift",
]


class LayerNormCache(NamedTuple):
    """Cache of `layer_norm_forward`."""

    Z_hat: Array
    inverse_std: Array
    gamma: Array


def layer_norm_forward(
    Z: Array, gamma: Array, beta: Array, epsilon: float = 1e-5, *, xp: Any = None
) -> tuple[Array, LayerNormCache]:
    """Normalize each example over its units (Ba et al. 2016)."""
    xp, wide = xp or namespace(Z), widened(Z)
    centred = wide - xp.mean(wide, axis=-2, keepdims=True)
    inverse_std = 1.0 / xp.sqrt(xp.mean(centred * centred, axis=-2, keepdims=True) + epsilon)
    Z_hat = centred * inverse_std
    return _as(gamma * Z_hat + beta, Z), LayerNormCache(Z_hat, inverse_std, gamma)


def _as(found: Array, Z: Array) -> Array:
    """Return what was worked out in float32 at least, in the dtype of what came in."""
    return found if found.dtype == Z.dtype else namespace(Z).astype(found, Z.dtype)


def layer_norm_backward(
    dA: Array, cache: LayerNormCache, *, xp: Any = None
) -> tuple[Array, Array, Array]:
    """Return dZ, dgamma and dbeta; the last two are sums over examples."""
    xp = xp or namespace(dA)
    Z_hat, inverse_std, gamma = cache
    narrow, dA = dA, widened(dA)
    dZ_hat = dA * gamma
    mean = xp.mean(dZ_hat, axis=-2, keepdims=True)
    slope = xp.mean(dZ_hat * Z_hat, axis=-2, keepdims=True)
    dZ = inverse_std * (dZ_hat - mean - Z_hat * slope)
    dgamma, dbeta = (row_sums(x, xp=xp) for x in (dA * Z_hat, dA))
    return _as(dZ, narrow), dgamma, dbeta


class BatchNormCache(NamedTuple):
    """Cache of `batch_norm_forward`, and the batch's statistics."""

    Z_hat: Array
    inverse_std: Array
    gamma: Array
    normalized_weights: Any
    mean: Array
    variance: Array


def batch_norm_forward(
    Z: Array,
    gamma: Array,
    beta: Array,
    weights: Array | None = None,
    epsilon: float = 1e-5,
    *,
    xp: Any = None,
) -> tuple[Array, BatchNormCache]:
    """Normalize each unit over the examples of the batch (Ioffe and Szegedy 2015, algorithm 1).

    Parameters
    ----------
    Z : array, shape (n, m)
    gamma, beta : array, shape (n, 1)
    weights : array, shape (m,), optional
        An example of weight 2 counts as two, one of weight 0 not at all.
    epsilon : float
        Added to the variance.
    """
    xp = xp or namespace(Z)
    wide = widened(Z)
    fractions = 1.0 / Z.shape[-1] if weights is None else _normalized(widened(weights), xp)
    mean = row_sums(fractions * wide, xp=xp)
    centred = wide - mean
    variance = row_sums(fractions * centred * centred, xp=xp)
    inverse_std = 1.0 / xp.sqrt(variance + epsilon)
    Z_hat = centred * inverse_std
    cache = BatchNormCache(Z_hat, inverse_std, gamma, fractions, mean, variance)
    return _as(gamma * Z_hat + beta, Z), cache


def _normalized(weights: Array, xp: Any) -> Array:
    """Return weights that sum to 1, or to 0 where nothing counts."""
    total = xp.sum(weights)
    return weights / (total + xp.astype(total == 0, weights.dtype))


def batch_norm_backward(
    dA: Array, cache: BatchNormCache, *, xp: Any = None
) -> tuple[Array, Array, Array]:
    """Return dZ, dgamma and dbeta; mean and variance depend on Z, so each example on all."""
    xp = xp or namespace(dA)
    Z_hat, inverse_std, gamma, fractions, _, _ = cache
    narrow, dA = dA, widened(dA)
    dgamma = row_sums(dA * Z_hat, xp=xp)
    dbeta = row_sums(dA, xp=xp)
    dZ = gamma * inverse_std * (dA - fractions * (dbeta + Z_hat * dgamma))
    return _as(dZ, narrow), dgamma, dbeta


def scale_and_shift(
    Z: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float = 1e-5,
    *,
    xp: Any = None,
) -> Array:
    """Normalize by given statistics: batch normalization once training is over."""
    xp = xp or namespace(Z)
    return (Z - mean) * (gamma / xp.sqrt(variance + epsilon)) + beta


def back_scale_and_shift(
    dA: Array, gamma: Array, variance: Array, epsilon: float = 1e-5, *, xp: Any = None
) -> Array:
    """Return dZ: given statistics depend on no example, so each example on itself alone."""
    xp = xp or namespace(dA)
    return dA * (gamma / xp.sqrt(variance + epsilon))
