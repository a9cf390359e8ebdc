"""Scale of targets: what a regressor trains on instead of y, and the warning where it should."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from dnn_xp.backends import Matrix, asarray_like, block_like, computed, to_host
from dnn_xp.data.sources import reference_array
from dnn_xp.estimators.checkpoints import FitData
from dnn_xp.estimators.data import HostArray, as_columns
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.network import Network
from dnn_xp.training.evaluation import AT_ONCE

__all__ = ["fit_scale", "scaled", "unscaled", "warn_of_scale"]

NEAR_ONE = 1.0 / 30.0, 30.0
"""Spreads of y with which the defaults fit; measured, R2 falls to 0 within a factor of 30 more."""
BAD_FIT = 0.3


def fit_scale(Y: HostArray, weights: HostArray | None) -> tuple[HostArray, HostArray]:
    """Return the weighted mean and standard deviation of each target, of a constant one 1.

    Parameters
    ----------
    Y : ndarray, shape (n_targets, m)
    weights : ndarray, shape (m,), or None

    Returns
    -------
    mean, std : ndarray of float64, shape (n_targets,)
    """
    if weights is not None:
        Y, weights = Y[:, weights > 0.0], weights[weights > 0.0].astype(np.float64)
    values = Y.astype(np.float64)
    # In units of a power of two no sum overflows and no digit is lost; equal values are 0 above.
    exponent = np.frexp(np.abs(values).max(axis=1, keepdims=True))[1]
    values = np.ldexp(values, -exponent)
    least = values.min(axis=1, keepdims=True)
    above = values - least
    mean = np.average(above, axis=1, weights=weights, keepdims=True)
    widest = above.max(axis=1, keepdims=True)
    deviations = (above - mean) / np.where(widest == 0.0, 1.0, widest)
    variance = np.average(deviations**2, axis=1, weights=weights, keepdims=True)
    std = np.ldexp(widest * np.sqrt(variance), exponent)
    shift = np.ldexp(least + mean, exponent)
    return shift[:, 0], np.where(std == 0.0, 1.0, std)[:, 0]


def scaled(Y: HostArray, mean: HostArray, std: HostArray) -> HostArray:
    """Return targets of the mean 0 and the standard deviation 1, in float64.

    Parameters
    ----------
    Y : ndarray, shape (n_targets, m)
    mean, std : ndarray, shape (n_targets,)
    """
    return np.asarray((Y.astype(np.float64) - mean[:, None]) / std[:, None])


def unscaled(A: Matrix, mean: HostArray, std: HostArray) -> Matrix:
    """Return outputs in the units of y, however many each target has.

    Parameters
    ----------
    A : array, shape (n_outputs, m)
    mean, std : ndarray, shape (n_targets,)
    """
    columns = (np.repeat(x, A.shape[0] // len(x))[:, None] for x in (mean, std))
    shift, factor = (asarray_like(x, like=A) for x in columns)
    return A * factor + shift


def warn_of_scale(estimator: FittedNetwork, network: Network, data: FitData) -> None:
    """Warn where the spread of y is far from 1, and a squared error has hardly been learnt.

    The loss of the fit tells most fits that are good, at no price; of others it is measured.

    Parameters
    ----------
    estimator : FittedNetwork
        That has just been fitted.
    network : Network
        Of a squared error.
    data : FitData
        That it was trained on.
    """
    Y, weights = data.Y.astype(np.float64), data.weights
    with np.errstate(over="ignore"):
        squares = np.where(Y.min(axis=1) < Y.max(axis=1), fit_scale(Y, weights)[1], 0.0) ** 2
    variance, (low, high) = float(np.mean(squares)), NEAR_ONE
    if not 0.0 < variance < np.inf or low <= variance**0.5 <= high:
        return
    loss = getattr(estimator, "loss_", None)
    if loss is None or 1.0 - 2.0 * loss / variance >= BAD_FIT:
        return
    X = as_columns(data.X)
    theta = asarray_like(estimator.theta_, like=block_like(reference_array(X)))
    A = to_host(computed(network.forward(theta, X, batch_size=AT_ONCE))).astype(np.float64)
    with np.errstate(over="ignore"):
        error = float(np.average(np.mean((A - Y) ** 2, axis=0), weights=weights))
    r2 = 1.0 - error / variance
    if r2 < BAD_FIT:
        warnings.warn(
            f"y: found a standard deviation of {variance**0.5:.3g}, far from 1, which the learning "
            f"rate and the initial parameters are made for, and a bad fit, of R2 {r2:.2g} on the "
            "examples trained on; scale_target=True scales y in the fit, and predictions back",
            ConvergenceWarning,
            stacklevel=5,
        )
