"""Counter-based draws: known bits, the same ones everywhere, and as good as random."""

from functools import lru_cache
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_xp.backends import to_host
from dnn_xp.functions.counters import Key, bernoulli, fold, random_bits
from tests import oracles
from tests.helpers import assert_close, assert_values


def draws(array, seed, step, examples):
    return Key(*(array(np.atleast_1d(n), "int32") for n in (seed, step, examples)))


@pytest.mark.parametrize(
    ("seed", "step", "layer"),
    [(0, 0, 1), (1, 0, 1), (0, 1, 1), (0, 0, 2), (2**31 - 1, 2**31 - 1, 50), (-1, 7, 3)],
)
def test_bits_are_those_of_whole_numbers(array, xp, seed, step, layer):
    examples = [0, 1, 2, 60_000, 2**31 - 1]
    bits = random_bits(fold(draws(array, seed, step, examples), layer), 6)
    assert bits.dtype == xp.int32
    assert_values(bits, oracles.random_bits(seed, step, layer, 6, examples))


def test_bits_do_not_depend_on_the_split_of_a_batch(array, xp):
    order = np.random.default_rng(0).permutation(30)
    whole = to_host(random_bits(fold(draws(array, 5, 6, order), 2), 7))
    for part in (slice(0, 1), slice(1, 11), slice(11, 30)):
        bits = random_bits(fold(draws(array, 5, 6, order[part]), 2), 7)
        assert_values(bits, whole[:, part])
    assert_values(
        random_bits(fold(draws(array, 5, 6, np.arange(30)), 2), 7), whole[:, np.argsort(order)]
    )


def test_bits_do_not_depend_on_the_number_of_units(array):
    place = draws(array, 5, 6, np.arange(9))
    assert_close(random_bits(fold(place, 2), 9)[:4, :], random_bits(fold(place, 2), 4))


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_bernoulli_compares_the_bits(array, xp, probability):
    place = draws(array, 5, 6, np.arange(1000))
    kept = bernoulli(fold(place, 2), probability, 50)
    assert kept.dtype == xp.bool
    bits = oracles.random_bits(5, 6, 2, 50, range(1000)).astype(np.int64)
    assert_values(kept, bits + 2**31 < probability * 2**32)


def test_keys_that_are_folded_twice_are_those_of_no_layer(array):
    """A layer within layer 2 draws what no layer of the network draws, nor another within."""
    key = draws(array, 5, 6, np.arange(64))
    streams = [fold(key, place) for place in (1, 2, 3, 4)]
    streams += [fold(fold(key, 2), place) for place in (1, 2, 3)] + [fold(fold(key, 1), 2)]
    drawn = [to_host(random_bits(stream, 32)) for stream in streams]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            assert not (one == other).any()  # of 2,048 bits, 2**-21 are expected to be equal


# ----------------------------------------------------------------------------- randomness
# On NumPy: the bits are the same on every library.

N_UNITS = N_EXAMPLES = 3200  # ten million draws


@lru_cache(maxsize=2)
def numpy_bits(seed=0, step=0, layer=1, units=N_UNITS, examples=N_EXAMPLES):
    bits = random_bits(fold(draws(np.asarray, seed, step, np.arange(examples)), layer), units)
    bits.flags.writeable = False  # the tests share them
    return bits.view(np.uint32)


def chi_square_quantile(probability, freedom):
    """Return a quantile of the chi-square distribution (Wilson and Hilferty 1931)."""
    a = 2 / (9 * freedom)
    return freedom * (1 - a + NormalDist().inv_cdf(probability) * a**0.5) ** 3


def assert_uniform(values, n_values):
    """Check that whole numbers below n_values are as even as random ones.

    Not less even than all but one in 100,000 samples of random ones, and not more either: the
    file asks about 100 such questions, always of the same bits.
    """
    counts = np.bincount(np.ravel(values), minlength=n_values)
    assert counts.size == n_values
    expected = counts.sum() / n_values
    chi_square = ((counts - expected) ** 2).sum() / expected
    low, high = (chi_square_quantile(p, n_values - 1) for p in (1e-5, 1 - 1e-5))
    assert low < chi_square < high, f"chi-square is {chi_square}, expected {low} to {high}"


def test_the_statistic_is_that_of_the_chi_square_distribution():
    # Abramowitz and Stegun, table 26.8; the approximation is worst where degrees are few.
    for freedom, low, high in ((30, 13.7867, 53.6720), (100, 67.3276, 140.169)):
        assert chi_square_quantile(0.005, freedom) == pytest.approx(low, rel=5e-3)
        assert chi_square_quantile(0.995, freedom) == pytest.approx(high, rel=5e-3)
    assert_uniform(np.random.default_rng(0).integers(16, size=100_000), 16)
    with pytest.raises(AssertionError, match="chi-square"):
        assert_uniform(np.random.default_rng(0).integers(33, size=100_000) % 16, 16)
    with pytest.raises(AssertionError, match="chi-square"):
        assert_uniform(np.arange(96_000), 96_000)  # too even to be random


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_bits_are_uniform(seed):
    bits = numpy_bits(seed)
    for shift in range(0, 32, 8):
        assert_uniform(bits >> shift & 0xFF, 256)
    assert_uniform(bits >> 16, 65536)


# Where the two members of a pair of draws stand.
NEIGHBOURS = {
    "units": lambda: (numpy_bits()[:-1], numpy_bits()[1:]),
    "examples": lambda: (numpy_bits()[:, :-1], numpy_bits()[:, 1:]),
    "steps": lambda: (numpy_bits(step=7), numpy_bits(step=8)),
    "layers": lambda: (numpy_bits(layer=1), numpy_bits(layer=2)),
    "seeds": lambda: (numpy_bits(seed=7), numpy_bits(seed=8)),
    "seed and step": lambda: (numpy_bits(seed=7, step=8), numpy_bits(seed=8, step=7)),
    "step and layer": lambda: (numpy_bits(step=1, layer=2), numpy_bits(step=2, layer=1)),
    "units and examples": lambda: (numpy_bits(), numpy_bits().T),
}


@pytest.mark.parametrize("where", NEIGHBOURS)
def test_neighbours_are_independent(where):
    """All pairs of their upper four bits, and of their lower four, come equally often."""
    one, other = NEIGHBOURS[where]()
    if where == "units and examples":  # the diagonal meets itself, and each pair comes twice
        above = np.tri(N_UNITS, dtype=bool) == 0
        one, other = one[above], other[above]
    assert_uniform((one >> 28) * 16 + (other >> 28), 256)
    assert_uniform((one & 15) * 16 + (other & 15), 256)


def assert_uncorrelated(one, other, n_pairs):
    """Check that the correlation is below five of its standard deviations, 1 / sqrt(n_pairs).

    Of numbers from 0 to 2^32, whose mean and variance are known.
    """
    one, other = (bits.ravel() / 2.0**32 - 0.5 for bits in (one, other))
    assert abs(one @ other) / one.size * 12.0 < 5.0 / n_pairs**0.5


@pytest.mark.parametrize("where", NEIGHBOURS)
def test_neighbours_are_uncorrelated(where):
    one, other = NEIGHBOURS[where]()
    if where == "units and examples":
        off = ~np.eye(N_UNITS, dtype=bool)
        assert_uncorrelated(one[off], other[off], one[off].size / 2)
    else:
        assert_uncorrelated(one, other, one.size)


@pytest.mark.parametrize("lag", [2, 3, 7, 16, 128, 1024, 2048])
def test_draws_further_apart_are_uncorrelated(lag):
    """Powers of two among them, of which a hash by shifts might know."""
    bits = numpy_bits()
    assert_uncorrelated(bits[:-lag], bits[lag:], bits[lag:].size)
    assert_uncorrelated(bits[:, :-lag], bits[:, lag:], bits[:, lag:].size)


def test_a_correlation_is_seen():
    """Of one in 400 with a neighbour, eight standard deviations."""
    bits = numpy_bits()
    mixed = bits.copy()
    mixed[::400] = bits[1::400]
    with pytest.raises(AssertionError):
        assert_uncorrelated(mixed[:-1], mixed[1:], bits.size)


def test_rectangles_are_independent():
    """A draw hashes a unit's key XOR an example's: four corners' keys cancel, not the draws."""
    kept = (numpy_bits() >> 31).astype(np.int64)
    corners = kept[:-1:2, :-1:2], kept[1::2, :-1:2], kept[:-1:2, 1::2], kept[1::2, 1::2]
    assert_uniform(sum(corner << i for i, corner in enumerate(corners)), 16)


def test_dropped_parts_of_units_and_examples_vary_as_they_should():
    """A unit is kept a binomial number of times, and so is an example."""
    kept = numpy_bits() < 0.8 * 2**32
    for axis, freedom in ((0, N_EXAMPLES), (1, N_UNITS)):
        n = kept.shape[axis]
        chi_square = ((kept.sum(axis=axis) - 0.8 * n) ** 2).sum() / (0.8 * 0.2 * n)
        low, high = (chi_square_quantile(p, freedom) for p in (1e-5, 1 - 1e-5))
        assert low < chi_square < high


@settings(deadline=None, max_examples=30)
@given(seeds=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2, unique=True))
def test_other_seeds_make_other_masks(seeds):
    one, other = (numpy_bits(seed, units=40, examples=40) for seed in seeds)
    assert abs((one >> 31 == other >> 31).mean() - 0.5) < 0.1  # 8 standard deviations
