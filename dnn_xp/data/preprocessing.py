"""Preprocessing of data before a network sees them: fitted once, kept with the model.

Host arrays only, columns are examples. Targets are left as they are: a network's cost and its
predictions are in the units of the data. What is computed in float64 is a window of examples at a
time: a copy of all bytes in it would be eight times the data.
"""

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np

from dnn_xp.backends import HostArray
from dnn_xp.data.datasets import Dataset
from dnn_xp.reprs import outline

__all__ = [
    "Preprocessing",
    "Statistics",
    "apply",
    "fit_pictures",
    "fit_preprocessing",
    "measure_features",
    "merge",
    "standardize",
]

_TINY = 1e-300
"""A spread whose inverse would be near to overflow counts as none."""

_ELEMENTS = 2**19
"""Numbers in a window: as float64 they stay in the cache while they are gone over several times."""


class Preprocessing(NamedTuple):
    """The network sees ``(X - shift) * scale``.

    Attributes
    ----------
    shift, scale : ndarray of float64 (or float), shape () or (n_features, 1)
    """

    shift: HostArray
    scale: HostArray

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)


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
        return fit_pictures(dataset.pixel_max)
    if dataset.X.shape[1] == 0:
        raise ValueError("X: found no examples, expected at least one")
    return standardize(measure_features(dataset.X))


def fit_pictures(pixel_max: int) -> Preprocessing:
    """Return what brings pictures from 0 to 1."""
    return Preprocessing(np.asarray(0.0), np.asarray(1 / pixel_max))


class Statistics(NamedTuple):
    """Statistics of features over some examples, which those of others can be merged with.

    Attributes
    ----------
    n_examples : int
        How many they are.
    lowest, highest, mean : ndarray of float64, shape (n_features, 1)
    squares : ndarray of float64, shape (n_features, 1)
        The sum of the squared deviations from the mean, in units of ``(highest - lowest)**2``:
        squares of very small numbers are 0, and those of very large ones infinite.
    """

    n_examples: int
    lowest: HostArray
    highest: HostArray
    mean: HostArray
    squares: HostArray


def measure_features(X: HostArray) -> Statistics:
    """Return the statistics of some examples, of which there must be one.

    Parameters
    ----------
    X : ndarray, shape (n_features, m)
    """
    return reduce(merge, (_measure_window(X[:, window]) for window in _windows(X)))


def _measure_window(X: HostArray) -> Statistics:
    lowest = X.min(axis=1, keepdims=True).astype(np.float64)
    highest = X.max(axis=1, keepdims=True).astype(np.float64)
    X = X.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = X.mean(axis=1, keepdims=True)
        X -= mean
        X /= _unit(lowest, highest)
        X *= X
        return Statistics(X.shape[1], lowest, highest, mean, X.sum(axis=1, keepdims=True))


def merge(one: Statistics, other: Statistics) -> Statistics:
    """Return the statistics of the examples of both, without looking at them again.

    T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm for
    computing sample variances (1979).
    """
    n_examples = one.n_examples + other.n_examples
    lowest, highest = np.minimum(one.lowest, other.lowest), np.maximum(one.highest, other.highest)
    with np.errstate(over="ignore", invalid="ignore"):
        unit, apart = _unit(lowest, highest), other.mean - one.mean
        squares = (apart / unit) ** 2 * (one.n_examples * other.n_examples / n_examples)
        for part in (one, other):
            squares += part.squares * ((part.highest - part.lowest) / unit) ** 2
        mean = one.mean + apart * (other.n_examples / n_examples)
    return Statistics(n_examples, lowest, highest, mean, squares)


def _unit(lowest: HostArray, highest: HostArray) -> HostArray:
    """Return the spread of each feature, or 1 where there is none to divide by."""
    spread = highest - lowest
    return np.where(spread < _TINY, 1.0, spread)


def standardize(found: Statistics) -> Preprocessing:
    """Return what brings features of such statistics to the mean 0 and the deviation 1.

    Raises
    ------
    ValueError
        Where they are not finite, or too large.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        spread = found.highest - found.lowest
    if bad := np.count_nonzero(~(np.isfinite(spread) & np.isfinite(found.mean))):
        raise ValueError(
            f"X: found {bad} of {len(spread)} features with values that are not finite, or too "
            "large for their mean and spread, expected finite ones; scale them"
        )
    # Rounding gives a constant 0.1 another mean and a deviation above 0: no division by that.
    constant = spread < _TINY
    deviation = np.sqrt(found.squares / found.n_examples) * spread
    return Preprocessing(
        np.where(constant, found.lowest, found.mean), 1 / np.where(constant, 1.0, deviation)
    )


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
    result = np.empty_like(X, dtype=dtype)
    for window in _windows(X):
        shifted = np.subtract(X[:, window], preprocessing.shift, dtype=np.float64)
        shifted *= preprocessing.scale
        result[:, window] = shifted
    return result


def _windows(X: HostArray) -> Iterator[slice]:
    """Yield some examples at a time, all of them once."""
    step = max(1, _ELEMENTS // max(1, X.shape[0]))
    for start in range(0, X.shape[1], step):
        yield slice(start, min(start + step, X.shape[1]))
