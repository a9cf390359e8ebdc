"""Preprocessing of data before a network sees them: fitted once, kept with the model.

Host arrays only, columns are examples. Targets are left as they are: a network's cost and its
predictions are in the units of the data.
"""

from typing import NamedTuple

import numpy as np

from dnn_xp.backends import HostArray
from dnn_xp.data.datasets import Dataset

__all__ = ["Preprocessing", "apply", "fit_preprocessing"]

_TINY = 1e-300
"""A spread whose inverse would be near to overflow counts as none."""


class Preprocessing(NamedTuple):
    """The network sees ``(X - shift) * scale``.

    Attributes
    ----------
    shift, scale : ndarray of float64 (or float), shape () or (n_features, 1)
    """

    shift: HostArray
    scale: HostArray


def fit_preprocessing(dataset: Dataset) -> Preprocessing:
    """Find out how data of this kind are brought to the order of one.

    Pictures go from 0 to 1 (the article's "standardize"). Each feature of other data gets the
    mean 0 and the standard deviation 1 over these examples; one that is constant becomes 0.

    Raises
    ------
    ValueError
        Where X holds numbers that are not finite, or so large that their mean is not.
    """
    if dataset.pixel_max is not None:
        return Preprocessing(np.asarray(0.0), np.asarray(1 / dataset.pixel_max))
    X = np.asarray(dataset.X, dtype=np.float64)
    lowest, highest = X.min(axis=1, keepdims=True), X.max(axis=1, keepdims=True)
    with np.errstate(over="ignore", invalid="ignore"):
        spread, mean = highest - lowest, X.mean(axis=1, keepdims=True)
    if bad := np.count_nonzero(~(np.isfinite(spread) & np.isfinite(mean))):
        raise ValueError(
            f"X: found {bad} of {len(X)} features with values that are not finite, or too large "
            "for their mean and spread, expected finite ones; scale them"
        )
    # Rounding gives a constant 0.1 another mean and a deviation above 0: no division by that.
    constant = spread < _TINY
    shift = np.where(constant, lowest, mean)
    spread = np.where(constant, 1.0, spread)
    # In units of the spread, because squares of very small numbers are 0.
    deviation = np.std((X - shift) / spread, axis=1, keepdims=True)
    return Preprocessing(shift, 1 / np.where(constant, 1.0, deviation * spread))


def apply(preprocessing: Preprocessing, X: HostArray, dtype: str) -> HostArray:
    """Return ``(X - shift) * scale``, computed in float64 and then rounded to `dtype`.

    Parameters
    ----------
    preprocessing : Preprocessing
    X : ndarray, shape (n_features, m)
    dtype : str
        Such as ``"float32"``.

    Raises
    ------
    ValueError
        Where X does not have the features that the preprocessing was fitted on.
    """
    expected = np.shape(preprocessing.shift)[:1]
    if X.ndim != 2 or (expected and X.shape[:1] != expected):
        rows = expected[0] if expected else "n_features"
        raise ValueError(f"X: found the shape {X.shape}, expected ({rows}, m)")
    shifted = np.subtract(X, preprocessing.shift, dtype=np.float64)
    shifted *= preprocessing.scale
    return shifted.astype(dtype, copy=False)
