"""Weights of the first layer as pictures."""

import numpy as np
import pytest

from dnn_xp.reports import weight_pictures
from tests.reports.readable import assert_readable


def test_zero_is_grey_and_the_largest_weight_white_or_black():
    figure = weight_pictures([[0.0, 2.0, -1.0, 0.5], [0.0, 0.0, 0.0, -9.0]], (2, 2, 1))
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("unit 2", "unit 1"), "the longest first"
    np.testing.assert_allclose(first.images[0].get_array(), [[0.5, 0.5], [0.5, 0.0]])
    np.testing.assert_allclose(second.images[0].get_array(), [[0.5, 1.0], [0.25, 0.625]])
    assert_readable(figure)


@pytest.mark.parametrize(
    ("channels", "shape"), [(1, (4, 5)), (2, (4, 5)), (3, (4, 5, 3)), (4, (4, 5))]
)
def test_weights_of_colour_and_of_grey(channels, shape):
    W = np.random.default_rng(0).normal(size=(3, 20 * channels))
    drawn = weight_pictures(W, (4, 5, channels)).axes[0].images[0].get_array()
    assert drawn.shape == shape
    assert 0.0 <= drawn.min() <= drawn.max() <= 1.0


@pytest.mark.parametrize("n", [1, 7, 65])
def test_so_many_units_as_can_be_seen(n):
    figure = weight_pictures(np.ones((n, 4)), (2, 2, 1), title="runs/a")
    assert len(figure.axes) == min(n, 64)
    assert ("longest of" in figure.get_suptitle()) == (n > 64)
    assert_readable(figure)


def test_weights_of_nothing_are_grey():
    (axes,) = weight_pictures(np.zeros((1, 4)), (2, 2, 1)).axes
    np.testing.assert_array_equal(axes.images[0].get_array(), np.full((2, 2), 0.5))


@pytest.mark.parametrize("shape", [(2, 2, 1), (5,), (3, 3)])
def test_weights_of_other_pictures_are_refused(shape):
    with pytest.raises(ValueError, match=r"^W: found \(2, 5\)"):
        weight_pictures(np.ones((2, 5)), shape)
