"""Initializers: moments, bounds, the article's legacy draws."""

import math

import numpy as np
import pytest

from dnn_xp.functions.initializers import INITIALIZERS
from tests.helpers import assert_values

SHAPE = (400, 600)  # outputs, inputs

# The variance of an element, and the largest that a uniform one may be.
VARIANCES = {
    "zeros": 0.0,
    "small_normal": 0.01**2,
    "glorot_normal": 2 / 1000,
    "glorot_uniform": 2 / 1000,
    "he_normal": 2 / 600,
    "he_uniform": 2 / 600,
    "lecun_normal": 1 / 600,
    "lecun_uniform": 1 / 600,
    "orthogonal": 1 / 600,
}

names = pytest.mark.parametrize("name", VARIANCES)


def draw(name, shape=SHAPE, seed=0):
    return INITIALIZERS[name](np.random.default_rng(seed), shape)


def test_every_initializer_is_tested():
    assert set(VARIANCES) == set(INITIALIZERS)


@names
def test_moments(name):
    W, n = draw(name), math.prod(SHAPE)
    assert W.shape == SHAPE
    assert W.dtype == np.float64
    deviation = math.sqrt(VARIANCES[name])
    # Five standard deviations of a mean of n draws, and of their mean square: at most the
    # normal's, sqrt(2 / n).
    assert abs(W.mean()) <= 5 * deviation / math.sqrt(n)
    assert abs(np.mean(W * W) - VARIANCES[name]) <= 5 * VARIANCES[name] * math.sqrt(2 / n)


@pytest.mark.parametrize("name", [name for name in VARIANCES if name.endswith("uniform")])
def test_uniform_draws_fill_their_bounds(name):
    W, bound = draw(name), math.sqrt(3 * VARIANCES[name])
    counts, _ = np.histogram(W, bins=100, range=(-bound, bound))
    assert counts.sum() == W.size  # none is outside
    # 2400 in each of 100 bins, within six standard deviations.
    assert np.abs(counts - W.size / 100).max() < 6 * math.sqrt(W.size / 100)


@pytest.mark.parametrize("name", [name for name in VARIANCES if name.endswith("normal")])
def test_normal_draws_have_the_tails_of_the_normal(name):
    part = np.mean(np.abs(draw(name)) > 2 * math.sqrt(VARIANCES[name]))
    expected = math.erfc(2 / math.sqrt(2))
    assert abs(part - expected) < 5 * math.sqrt(expected / math.prod(SHAPE))


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (1, 4), (4, 1)])
def test_orthogonal_is(shape):
    W = draw("orthogonal", shape)
    assert W.shape == shape
    gram = W @ W.T if shape[0] < shape[1] else W.T @ W
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-14)


def test_orthogonal_has_no_preferred_sign():
    """Over all rotations and reflections an element is as often positive as negative."""
    signs = [np.sign(draw("orthogonal", (3, 3), seed)) for seed in range(2000)]
    assert np.abs(np.mean(signs, axis=0)).max() < 5 / math.sqrt(2000)
    determinants = [np.linalg.det(draw("orthogonal", (3, 3), seed)) for seed in range(2000)]
    assert abs(np.mean(determinants)) < 5 / math.sqrt(2000)


@names
def test_a_seed_decides_all(name):
    np.testing.assert_array_equal(draw(name, seed=1), draw(name, seed=1))
    if name != "zeros":
        assert (draw(name, seed=1) != draw(name, seed=2)).all()


def test_the_articles_draws(array):
    """As it prints them, from the legacy stream: seed 1 for (3, 2, 1), seed 3 for (5, 4, 3)."""
    rng = np.random.RandomState(1)
    small = INITIALIZERS["small_normal"]
    W1 = [[0.01624345, -0.00611756, -0.00528172], [-0.01072969, 0.00865408, -0.02301539]]
    for shape, printed in (((2, 3), W1), ((1, 2), [[0.01744812, -0.00761207]])):
        assert_values(array(small(rng, shape)), printed, rtol=0, atol=0.51e-8)  # last digit
    W1 = small(np.random.RandomState(3), (4, 5))
    printed = [
        [0.01788628, 0.0043651, 0.00096497, -0.01863493, -0.00277388],
        [-0.00354759, -0.00082741, -0.00627001, -0.00043818, -0.00477218],
        [-0.01313865, 0.00884622, 0.00881318, 0.01709573, 0.00050034],
        [-0.00404677, -0.0054536, -0.01546477, 0.00982367, -0.01101068],
    ]
    assert_values(array(W1), printed, rtol=0, atol=0.51e-8)


def test_lecun_normal_is_the_articles_other_scale():
    W = INITIALIZERS["lecun_normal"](np.random.RandomState(1), (2, 3))
    np.testing.assert_array_equal(W, np.random.RandomState(1).randn(2, 3) / np.sqrt(3))
