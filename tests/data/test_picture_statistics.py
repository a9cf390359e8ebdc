"""Statistics of pictures, and what is said of those that are unlike the ones of a training."""

import json

import numpy as np
import pytest

from dnn_xp.data import load_digits, split
from dnn_xp.data.picture_statistics import (
    PictureRanges,
    find_unlike,
    fit_ranges,
    measure_pictures,
)

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def digits():
    return split(load_digits(), 0.2, 0)


@pytest.fixture(scope="module")
def ranges(digits):
    return fit_ranges(digits[0].X, SHAPE, 16)


def test_statistics_of_a_bar_are_those_worked_out_by_hand():
    """Two columns of ink, the second and the third of four, on a ground of 0.2."""
    picture = np.full((4, 4, 1), 51.0)
    picture[:, 1:3] = 255.0
    picture[0] = picture[3] = 51.0
    found = measure_pictures(picture.reshape(-1, 1), (4, 4, 1), 255)
    expected = {
        "brightness": 0.2 + 0.8 * 4 / 16,
        "edge": 0.2,
        "contrast": 0.8 * np.sqrt(0.25 * 0.75),
        "across": 0.5,
        "down": 0.5,
        "width": 0.125,
        "height": 0.125,
        "ground": 0.2,
        "ink": 0.2,
        "peak": 0.8,
        "ink_width": 0.5,
        "ink_height": 0.5,
    }
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx([value], rel=1e-12), name


def test_ink_may_be_darker_than_its_ground():
    picture = np.full((4, 4), 200, np.uint8)
    picture[1, 2] = 0
    found = measure_pictures(picture.reshape(-1, 1), (4, 4, 1), 200)
    assert found.ink == pytest.approx([-1 / 16])
    assert (found.across[0], found.down[0]) == pytest.approx((2.5 / 4, 1.5 / 4))


def test_a_picture_of_one_colour_has_no_ink_and_no_place():
    found = measure_pictures(np.full((12, 2), 7), (2, 2, 3), 255)
    assert found.ink_width.tolist() == found.peak.tolist() == found.width.tolist() == [0.0, 0.0]
    assert found.across.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 1), (5, 1, 3), (2, 2, 1)])
def test_the_smallest_pictures_are_measured(shape):
    X = np.random.default_rng(0).uniform(0, 9, (np.prod(shape), 3))
    assert all(np.all(np.isfinite(values)) for values in measure_pictures(X, shape, 9))


def test_many_pictures_are_measured_as_each_is(digits):
    X = np.tile(digits[0].X, 7)[:, :9000]  # more than a window of them
    whole = np.stack(measure_pictures(X, SHAPE, 16))
    for i in (0, 8191, 8192, 8999):
        alone = np.stack(measure_pictures(X[:, [i]], SHAPE, 16))[:, 0]
        assert whole[:, i] == pytest.approx(alone, rel=1e-13)  # sums in another order


def test_pictures_of_the_same_kind_are_like_those_of_the_training(digits, ranges):
    said = find_unlike(digits[1].X, SHAPE, 16, ranges)
    assert said == [None] * len(said)


def changed(digits, how):
    pictures = digits[1].X.T.reshape(-1, 8, 8)
    return np.stack([how(picture) for picture in pictures]).reshape(len(pictures), -1).T


def half_size(picture):
    small = np.zeros((8, 8))
    small[:4, :4] = picture.reshape(4, 2, 4, 2).mean(axis=(1, 3))
    return small


@pytest.mark.parametrize(
    ("how", "share", "word", "inverted"),
    [
        (lambda picture: 16 - picture, 1.0, "much brighter than", True),
        (lambda picture: picture * 0.0, 1.0, "darker than", False),
        (lambda picture: 0.4 * picture, 1.0, "", False),
        (lambda picture: 0.5 * picture + 4, 1.0, "", False),
        (half_size, 1.0, "darker than", False),
        (lambda picture: np.pad(picture, ((3, 0), (0, 0)))[:8], 0.4, "", False),
        (lambda picture: np.pad(picture, ((0, 0), (0, 3)))[:, 3:], 0.9, "", False),
        (lambda picture: picture.T, 0.8, "", False),
    ],
)
def test_pictures_of_another_kind_are_told_apart(digits, ranges, how, share, word, inverted):
    said = find_unlike(changed(digits, how), SHAPE, 16, ranges)
    unlike = [one for one in said if one is not None]
    assert len(unlike) >= share * len(said)
    assert all(word in one.words and one.inverted == inverted for one in unlike)


def test_what_is_said_names_the_values(ranges):
    """A ground of 16 with one dark pixel: its mean is 15.75, those of the digits were looked up."""
    X = np.full((64, 1), 16.0)
    X[20] = 0.0
    (said,) = find_unlike(X, SHAPE, 16, ranges)
    low, high = 16 * ranges.lowest.brightness, 16 * ranges.highest.brightness
    assert said.words == (
        f"much brighter than the training pictures (mean 15.8 of 16, there {low:.3g} to {high:.3g})"
    )


def test_photographs_are_never_taken_for_inverted_ones():
    """Where the ground is of any brightness, a bright one does not tell that dark is light."""
    rng = np.random.default_rng(0)
    levels = rng.uniform(0.0, 200.0, (30, 1, 1, 1))
    photographs = levels + rng.uniform(0, 55, (30, 6, 6, 3))
    of_photographs = fit_ranges(photographs.reshape(30, -1).T, (6, 6, 3), 255)
    white = np.full((108, 1), 255.0)
    (said,) = find_unlike(white, (6, 6, 3), 255, of_photographs)
    assert said is not None
    assert not said.inverted


def test_ranges_of_few_pictures_are_wider(digits):
    X = digits[0].X
    few, many = fit_ranges(X[:, :8], SHAPE, 16), fit_ranges(X, SHAPE, 16)
    said = [sum(map(bool, find_unlike(digits[1].X, SHAPE, 16, one))) for one in (few, many)]
    assert said[1] == 0
    assert said[0] < 0.1 * digits[1].X.shape[1]


def test_ranges_are_kept_in_the_types_of_json(ranges):
    assert PictureRanges.of(json.loads(json.dumps(ranges.described()))) == ranges


@pytest.mark.parametrize(
    "change",
    [
        lambda described: None,
        lambda described: [described],
        lambda described: {},
        lambda described: described | {"lowest": None},
        lambda described: described | {"lowest": described["lowest"][:-1]},
        lambda described: described | {"middle": ["0.5"] * 12},
        lambda described: described | {"middle": [True] * 12},
        lambda described: described | {"highest": [1e9] * 12},
        lambda described: described | {"highest": [float("nan")] * 12},
        lambda described: described | {"n_pictures": 0},
        lambda described: described | {"n_pictures": 1.5},
        lambda described: described | {"more": 1},
    ],
)
def test_what_are_no_ranges_is_refused(ranges, change):
    with pytest.raises(ValueError, match="pictures"):
        PictureRanges.of(change(ranges.described()))
