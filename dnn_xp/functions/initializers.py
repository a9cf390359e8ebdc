"""Seeded draws of initial weights, on the host in float64.

An initializer takes a NumPy generator (``RandomState`` for the article's legacy stream) and the
shape (n_outputs, n_inputs) of W. The array is then moved to the library that trains: a seed
means the same weights on every one of them.
"""

import math
from collections.abc import Callable
from functools import wraps
from numbers import Integral
from typing import Any

import numpy as np

from dnn_xp.arguments import check, check_kind, check_whole

__all__ = [
    "INITIALIZERS",
    "find_generator",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "small_normal",
    "zeros",
]

Generator = np.random.Generator | np.random.RandomState
Shape = tuple[int, int]
Weights = np.ndarray[Any, np.dtype[np.float64]]
HostArrays = dict[str, Weights]


def find_generator(seed: int | Generator) -> Generator:
    """Return the generator of a seed, or the one that was handed in.

    Parameters
    ----------
    seed : int or NumPy generator

    Raises
    ------
    ValueError
        Where it is neither a whole number from 0 on nor a generator.
    """
    if isinstance(seed, np.random.Generator | np.random.RandomState):
        return seed
    fits = isinstance(seed, Integral) and not isinstance(seed, bool) and seed >= 0
    check("seed", seed, fits, "a whole number from 0 on, or a generator of NumPy's")
    return np.random.default_rng(int(seed))


def _checked(draw: Callable[[Generator, Shape], Weights]) -> Callable[[Generator, Shape], Weights]:
    """Return an initializer that refuses what is no generator, or no shape."""

    @wraps(draw)
    def checked(rng: Generator, shape: Shape) -> Weights:
        check_kind("rng", rng, Generator, "a generator of NumPy's, such as default_rng(0)")
        check_kind("shape", shape, tuple | list, "a tuple (n_outputs, n_inputs)")
        check("shape", shape, len(shape) == 2, "a tuple (n_outputs, n_inputs)")
        n_outputs, n_inputs = (check_whole("shape", length, 1) for length in shape)
        return draw(rng, (n_outputs, n_inputs))

    return checked


@_checked
def zeros(rng: Generator, shape: Shape) -> Weights:
    """Return zeros: every unit of a hidden layer then learns the same."""
    return np.zeros(shape)


@_checked
def small_normal(rng: Generator, shape: Shape) -> Weights:
    """Return 0.01 times standard normal draws, the article's choice for two layers."""
    return 0.01 * rng.standard_normal(shape)


@_checked
def glorot_normal(rng: Generator, shape: Shape) -> Weights:
    """Return draws of variance 2 / (n_inputs + n_outputs) (Glorot and Bengio 2010)."""
    return _normal(rng, shape, 2.0 / sum(shape))


@_checked
def glorot_uniform(rng: Generator, shape: Shape) -> Weights:
    """Return uniform draws of variance 2 / (n_inputs + n_outputs) (Glorot and Bengio 2010)."""
    return _uniform(rng, shape, 2.0 / sum(shape))


@_checked
def he_normal(rng: Generator, shape: Shape) -> Weights:
    """Return draws of variance 2 / n_inputs, for relu (He et al. 2015)."""
    return _normal(rng, shape, 2.0 / shape[1])


@_checked
def he_uniform(rng: Generator, shape: Shape) -> Weights:
    """Return uniform draws of variance 2 / n_inputs, for relu (He et al. 2015)."""
    return _uniform(rng, shape, 2.0 / shape[1])


@_checked
def lecun_normal(rng: Generator, shape: Shape) -> Weights:
    """Return draws of variance 1 / n_inputs (LeCun et al. 1998), the article's for deep nets."""
    return rng.standard_normal(shape) / math.sqrt(shape[1])


@_checked
def lecun_uniform(rng: Generator, shape: Shape) -> Weights:
    """Return uniform draws of variance 1 / n_inputs (LeCun et al. 1998)."""
    return _uniform(rng, shape, 1.0 / shape[1])


@_checked
def orthogonal(rng: Generator, shape: Shape) -> Weights:
    """Return rows, or columns where there are fewer, that are orthonormal (Saxe et al. 2014)."""
    tall = rng.standard_normal((max(shape), min(shape)))
    Q, R = np.linalg.qr(tall)
    Q *= np.copysign(1.0, np.diagonal(R))  # makes the draw uniform over such matrices
    return Q if shape[0] >= shape[1] else Q.T


def _normal(rng: Generator, shape: Shape, variance: float) -> Weights:
    return math.sqrt(variance) * rng.standard_normal(shape)


def _uniform(rng: Generator, shape: Shape, variance: float) -> Weights:
    limit = math.sqrt(3.0 * variance)
    return rng.uniform(-limit, limit, shape)


INITIALIZERS: dict[str, Callable[[Generator, Shape], Weights]] = {
    initializer.__name__: initializer
    for initializer in (
        zeros,
        small_normal,
        glorot_normal,
        glorot_uniform,
        he_normal,
        he_uniform,
        lecun_normal,
        lecun_uniform,
        orthogonal,
    )
}
"""The initializers, by name."""
