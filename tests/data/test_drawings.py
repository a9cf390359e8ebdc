"""Drawings, cropped to their ink and made as strong as those of a training."""

import numpy as np
import pytest

from dnn_xp.data import load_digits
from dnn_xp.data.drawings import as_strong, crop_to_ink
from dnn_xp.data.picture_statistics import PictureRanges, PictureStatistics, fit_ranges

Image = pytest.importorskip("PIL.Image")


def ranges_with(**values):
    """Return ranges of a dark ground with bright ink that fills half of each side, but for some."""
    usual = {
        **{"brightness": 0.2, "edge": 0.0, "contrast": 0.3, "across": 0.5, "down": 0.5},
        **{"width": 0.2, "height": 0.2, "ground": 0.0, "ink": 0.2, "peak": 1.0},
        **{"ink_width": 0.5, "ink_height": 0.5},
    }
    middle = PictureStatistics(**usual | values)
    return PictureRanges(10, middle, middle, middle)


def paper(size, box, ground=0, ink=255, mode="L"):
    """Return a paper of a size, (width, height), with a box of ink: left, top, right, bottom."""
    image = Image.new(mode, size, ground)
    image.paste(ink, box)
    return image


def ink_of(image, level=128):
    pixels = np.asarray(image.convert("L"))
    down, across = (np.flatnonzero((pixels > level).any(axis=axis)) for axis in (1, 0))
    return across[0], down[0], across[-1] + 1, down[-1] + 1


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((100, 100), (10, 10, 30, 30)),
        ((100, 100), (0, 0, 20, 20)),
        ((100, 40), (75, 10, 95, 30)),
        ((21, 21), (0, 1, 20, 21)),
        ((400, 300), (380, 280, 400, 300)),
    ],
)
def test_the_ink_is_in_the_middle_with_the_margin_of_the_training(size, box):
    cropped = crop_to_ink(paper(size, box), (8, 8, 1), ranges_with())
    assert cropped.size == (40, 40)
    assert ink_of(cropped) == (10, 10, 30, 30)


def test_a_large_picture_is_cropped_to_a_few_pixels():
    cropped = crop_to_ink(paper((3000, 2000), (300, 400, 1100, 1200)), (8, 8, 1), ranges_with())
    assert np.abs(np.subtract(cropped.size, 1600)).max() <= 20
    assert np.abs(np.subtract(ink_of(cropped), (400, 400, 1200, 1200))).max() <= 20


def test_tall_ink_keeps_its_proportions():
    cropped = crop_to_ink(paper((100, 100), (40, 10, 50, 50)), (8, 8, 1), ranges_with())
    assert cropped.size == (80, 80)
    assert ink_of(cropped) == (35, 20, 45, 60)


def test_ink_that_is_wider_than_that_of_the_training_is_squeezed():
    ranges = ranges_with(ink_width=0.4, ink_height=0.8)
    cropped = crop_to_ink(paper((100, 100), (10, 10, 50, 50)), (8, 8, 1), ranges)
    assert cropped.size == (100, 50)  # so that 40 pixels are 0.4 and 0.8 of the sides


def test_what_is_cut_out_has_the_proportions_of_the_training_pictures():
    cropped = crop_to_ink(paper((100, 100), (10, 10, 30, 30)), (6, 12, 1), ranges_with())
    assert cropped.size == (80, 40)


def test_the_margin_has_the_colour_of_the_edge():
    image = paper((30, 30), (0, 5, 20, 25), ground=(10, 20, 30), ink=(250, 240, 0), mode="RGB")
    cropped = crop_to_ink(image, (8, 8, 3), ranges_with())
    assert cropped.getpixel((0, 0)) == (10, 20, 30)
    assert cropped.getpixel((20, 20)) == (250, 240, 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (700, 900)])
def test_a_picture_of_one_colour_is_refused(size):
    with pytest.raises(ValueError, match="one colour"):
        crop_to_ink(Image.new("L", size, 40), (8, 8, 1), ranges_with())


def test_a_pale_drawing_becomes_as_strong_as_the_training_pictures():
    pixels = np.full((8, 8, 1), 30, np.uint8)
    pixels[2:6, 3:5] = 70
    strong = as_strong(pixels, ranges_with(ink=0.125)) / 255
    assert strong.min() == 0.0  # the ground of the training
    assert strong.mean() == pytest.approx(0.125, abs=1 / 255)
    assert strong[3, 3, 0] == pytest.approx(1.0, abs=1 / 255)


def test_lines_are_thickened_by_their_grey_borders():
    pixels = np.zeros((8, 8, 1), np.uint8)
    pixels[1:7, 3], pixels[1:7, 4] = 100, 40
    strong = as_strong(pixels, ranges_with(ink=0.15)) / 255
    assert strong.mean() == pytest.approx(0.15, abs=1 / 255)
    assert strong[3, 3, 0] == 1.0 > strong[3, 4, 0] > 0.4


@pytest.mark.parametrize("pixels", [np.full((3, 3, 1), 9), np.full((3, 3, 3), 255)])
def test_without_ink_nothing_becomes_stronger(pixels):
    pixels = pixels.astype(np.uint8)
    assert np.array_equal(as_strong(pixels, ranges_with()), pixels)


def test_dark_on_light_is_left_where_the_training_was_light_on_dark():
    pixels = np.full((8, 8, 1), 250, np.uint8)
    pixels[2:6, 3:5] = 0
    assert np.array_equal(as_strong(pixels, ranges_with()), pixels)
    as_here = ranges_with(ground=1.0, ink=-0.125)
    assert (as_strong(pixels, as_here) / 255).mean() == pytest.approx(0.875, abs=1 / 255)


def test_training_pictures_change_little():
    digits = load_digits()
    ranges = fit_ranges(digits.X, (8, 8, 1), 16)
    alike = []
    for column in digits.X.T[:50]:
        picture = np.rint(column.reshape(8, 8) * (255 / 16)).astype(np.uint8)
        large = Image.fromarray(np.kron(picture, np.ones((6, 6), np.uint8)))
        cropped = crop_to_ink(large, (8, 8, 1), ranges).resize((8, 8), Image.Resampling.BOX)
        found = as_strong(np.asarray(cropped).reshape(8, 8, 1), ranges)[..., 0]
        alike.append(np.corrcoef(found.ravel(), picture.ravel())[0, 1])
    assert np.mean(alike) > 0.85
