"""Pictures as addresses, read back by Pillow."""

import base64
from io import BytesIO

import numpy as np
import pytest

from dnn_xp.svg import picture_url, signed_colours

pytestmark = pytest.mark.once


def read_back(url, mode):
    image = pytest.importorskip("PIL.Image", reason="reading PNG back needs Pillow")
    head, _, body = url.partition(",")
    assert head == "data:image/png;base64"
    with image.open(BytesIO(base64.b64decode(body))) as found:
        return np.asarray(found.convert(mode))


@pytest.mark.parametrize(
    ("shape", "mode"), [((5, 7), "L"), ((5, 7, 1), "L"), ((3, 9, 3), "RGB"), ((4, 4, 4), "RGBA")]
)
@pytest.mark.parametrize("levels", [1, 2, 3, 5, 17, 256])
def test_pixels_come_back_as_they_were(shape, mode, levels):
    rng = np.random.default_rng(levels)
    pixels = (rng.integers(0, levels, shape) * (255 // max(levels - 1, 1))).astype(np.uint8)
    np.testing.assert_array_equal(read_back(picture_url(pixels), mode).reshape(shape), pixels)


@pytest.mark.parametrize("make", [np.asfortranarray, lambda a: a[::-1, ::2], lambda a: a.copy()])
def test_any_order_of_memory_is_read(make):
    pixels = make(np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3))
    np.testing.assert_array_equal(read_back(picture_url(pixels), "RGB"), pixels)


def test_the_form_is_the_smallest():
    grey = np.tile(np.arange(64, dtype=np.uint8).reshape(8, 8, 1), (1, 1, 3))
    assert len(picture_url(grey)) == len(picture_url(grey[..., :1]))
    opaque = np.dstack([grey, np.full((8, 8, 1), 255, np.uint8)])
    assert len(picture_url(opaque)) == len(picture_url(grey))
    two = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(np.uint8) * 255
    assert len(picture_url(two)) < (64 * (64 / 8 + 1) + 150) * 4 / 3, "a bit for each"


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 2)),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros(3, np.uint8),
        np.zeros((0, 2), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(ValueError, match=r"^pixels: found .*, expected of uint8 and"):
        picture_url(pixels)


def test_signs_have_colours_and_magnitudes_have_strength():
    above, half, zero, below = signed_colours(np.array([[2.0, 1.0, 0.0, -2.0]]))[0].astype(int)
    assert tuple(zero) == (255, 255, 255)
    assert above[0] > above[2], "orange"
    assert below[2] > below[0], "blue"
    np.testing.assert_allclose(255 - half, (255 - above) / 2, atol=1)


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.full((2, 3), np.nan), np.zeros((0, 3))])
def test_no_magnitude_has_no_colour(values):
    colours = signed_colours(values)
    assert colours.shape == (*values.shape, 3)
    assert np.all(colours == (128 if np.isnan(values).any() else 255))
