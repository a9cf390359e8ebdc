"""Thumbnails: means of blocks, whatever is strange in a picture."""

import numpy as np
import pytest

from dnn_xp.reports.pages import thumbnails
from dnn_xp.reports.pages.thumbnails import picture_thumbnail, shrink, signed_thumbnail

pytestmark = pytest.mark.once


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of the pixels that are made into pictures from now on."""
    found = []
    monkeypatch.setattr(thumbnails, "picture_url", lambda pixels: found.append(pixels) or "")
    return found


def test_a_point_is_the_mean_of_a_block_by_hand():
    picture = np.arange(16.0).reshape(4, 4, 1)
    np.testing.assert_array_equal(shrink(picture, 2)[..., 0], [[2.5, 4.5], [10.5, 12.5]])


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((64, 64, 3), 32, (32, 32, 3)),
        ((100, 50, 1), 64, (64, 32, 1)),
        ((1, 10_000, 1), 64, (1, 64, 1)),
        ((10_000, 3, 2), 64, (64, 1, 2)),
        ((65, 65, 4), 64, (64, 64, 4)),
        ((8, 8, 1), 64, (8, 8, 1)),
        ((1, 1, 1), 1, (1, 1, 1)),
    ],
)
def test_no_side_is_longer_and_none_is_gone(shape, side, expected):
    picture = np.random.default_rng(0).random(shape)
    found = shrink(picture, side)
    assert found.shape == expected
    assert picture.min() <= found.min() <= found.max() <= picture.max()
    if max(shape) <= side:
        np.testing.assert_array_equal(found, picture)


def test_blocks_of_several_sizes_are_means_too():
    np.testing.assert_allclose(shrink(np.full((7, 5, 3), 0.3), 4), np.full((4, 3, 3), 0.3))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_colours_are_kept_and_other_channels_are_grey(drawn, channels):
    picture_thumbnail(np.linspace(0.0, 1.0, 6 * channels).reshape(2, 3, channels), 9)
    (pixels,) = drawn
    assert pixels.dtype == np.uint8
    assert pixels.shape == (2, 3, 3 if channels == 3 else 1)


@pytest.mark.parametrize(
    ("values", "bytes_"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.2, 0.4, 0.6], [51, 102, 153]),
        ([0.0, 2.0, 4.0], [0, 128, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([np.nan, np.inf, 1.0], [0, 0, 255]),
        ([0.0, 0.0, 0.0], [0, 0, 0]),
        ([-1e300, 1e300, -0.6e300], [0, 255, 51]),
    ],
)
def test_what_goes_beyond_is_stretched_and_what_is_no_number_black(drawn, values, bytes_):
    picture_thumbnail(np.reshape(values, (1, 3, 1)), 9)
    np.testing.assert_array_equal(drawn[0].ravel(), bytes_)


def test_signs_are_colours_and_the_sum_of_channels_counts(drawn):
    signed_thumbnail(np.asarray([[[2.0, 2.0], [-2.0, -2.0], [1.0, -1.0]]]), 9)
    above, below, zero = drawn[0][0].astype(int)
    assert above[0] > above[2]
    assert below[2] > below[0]
    np.testing.assert_array_equal(zero, [255, 255, 255])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_what_has_no_sign_is_white(drawn, value):
    signed_thumbnail(np.full((2, 2, 1), value), 9)
    np.testing.assert_array_equal(drawn[0], np.full((2, 2, 3), 255))


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1e300])
def test_the_largest_number_has_the_full_colour_however_large_it_is(drawn, scale):
    for factor in (1.0, scale):
        signed_thumbnail(np.reshape([factor, -factor, 0.0], (1, 3, 1)), 9)
    np.testing.assert_array_equal(drawn[1], drawn[0])
