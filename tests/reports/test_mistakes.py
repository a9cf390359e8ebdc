"""Mistakes: which pictures are drawn, in which order, under which names."""

import numpy as np
import pytest

from dnn_xp.reports import mislabeled_pictures
from dnn_xp.reports.mistakes import surest_first
from tests.reports.readable import assert_readable

DIGITS = np.arange(9.0 * 64).reshape(9, 8, 8)


def test_only_mislabeled_pictures_are_drawn_under_both_names():
    predicted, actual = list("012345678"), list("010345668")
    figure = mislabeled_pictures(DIGITS, predicted, actual)
    assert figure.get_suptitle() == "2 of 9 pictures mislabeled"
    assert [axes.get_title() for axes in figure.axes] == [
        "predicted: 2\ntrue: 0",
        "predicted: 7\ntrue: 6",
    ]
    for axes, picture in zip(figure.axes, DIGITS[[2, 7]], strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), picture)
    assert_readable(figure)


@pytest.mark.parametrize("n_wrong", [0, 1, 4, 5, 6, 9])
def test_long_names_lie_beside_each_other(n_wrong):
    actual = ["COMMON WOMBAT (VOMBATUS)"] * 9
    predicted = ["WILDEBEEST-WILDEBEEST-"] * n_wrong + actual[n_wrong:]
    figure = mislabeled_pictures(DIGITS, predicted, actual)
    assert len(figure.axes) == max(1, n_wrong)
    assert_readable(figure)


def test_many_mislabeled_pictures_are_not_all_drawn():
    figure = mislabeled_pictures(DIGITS, ["a"] * 9, ["b"] * 9, at_most=7)
    assert len(figure.axes) == 7
    assert figure.get_suptitle() == "9 of 9 pictures mislabeled; the first 7"


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 4, 4, 1), (2, 4, 4, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_grey_and_coloured_pictures_are_drawn(shape, dtype):
    pictures = np.ones(shape, dtype=dtype)
    figure = mislabeled_pictures(pictures, ["a", "b"], ["b", "a"])
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == (shape[1:] if shape[3:] == (3,) else shape[1:3])
    assert_readable(figure)


def test_as_many_names_as_pictures_are_needed():
    with pytest.raises(ValueError, match="pictures: found 9 of them, 2 predicted and 9 actual"):
        mislabeled_pictures(DIGITS, ["a", "b"], ["a"] * 9)


def test_the_surest_mistake_comes_first_with_both_probabilities():
    sure, true = np.linspace(0.5, 0.9, 9), np.linspace(0.4, 0.05, 9)
    figure = mislabeled_pictures(
        DIGITS, ["a"] * 8 + ["b"], ["b"] * 9, probabilities=[sure, true], at_most=2, title="pets"
    )
    assert figure.get_suptitle() == "pets\n8 of 9 pictures mislabeled; the surest 2"
    assert [axes.get_title() for axes in figure.axes] == [
        "predicted: a (85.0%)\ntrue: b (9.4%)",
        "predicted: a (80.0%)\ntrue: b (13.8%)",
    ]
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), DIGITS[7])
    assert_readable(figure)


@pytest.mark.parametrize(("n", "said"), [(9, "every class is right"), (0, "there is no picture")])
def test_where_none_is_wrong_the_picture_says_so(n, said):
    figure = mislabeled_pictures(DIGITS[:n], ["a"] * n, ["a"] * n)
    assert [text.get_text() for text in figure.axes[0].texts] == [said]
    assert min(figure.get_size_inches()) >= 2


def test_as_many_probabilities_as_pictures_are_needed():
    with pytest.raises(ValueError, match=r"^probabilities: found shape \(2, 8\), expected"):
        mislabeled_pictures(DIGITS, ["a"] * 9, ["b"] * 9, probabilities=np.ones((2, 8)))


def test_of_equally_sure_mistakes_the_first_comes_first_and_those_of_nan_last():
    sure = [0.9, np.nan, 0.5, 0.9, 0.7, np.nan]
    assert surest_first([5, 1, 2, 0, 3], sure).tolist() == [0, 3, 2, 5, 1]
    assert surest_first([], sure).tolist() == []
