"""Saliency over pictures."""

import numpy as np
import pytest

from dnn_xp.reports import saliency_pictures
from tests.reports.readable import assert_readable

GREY = np.asarray([0.299, 0.587, 0.114])
"""How bright a printer makes red, green and blue."""


def test_the_pixel_that_moves_the_output_most_is_red_and_others_stay_pale():
    picture, gradient = np.zeros((1, 2, 2, 1)), np.zeros((1, 2, 2, 1))
    picture[0, 0, 0], gradient[0, 1, 1] = 1.0, -3.0
    above, below = saliency_pictures(picture, gradient, ["7 (90%)\ntrue: 1"]).axes
    assert above.get_title() == "7 (90%)\ntrue: 1"
    np.testing.assert_array_equal(above.images[0].get_array()[..., 0], [[1, 0], [0, 0]])
    shown = below.images[0].get_array()
    red, *others = shown[1, 1]
    assert red > 0.5
    assert others == [0.0, 0.0]
    assert shown[1, 1] @ GREY < 0.6 - 0.3, "it is told from what is pale without colours, too"
    np.testing.assert_allclose(shown[0, 0], [1.0, 1.0, 1.0])
    np.testing.assert_allclose(shown[0, 1], [0.6, 0.6, 0.6])


@pytest.mark.parametrize("n", [1, 3, 25])
@pytest.mark.parametrize(("channels", "dtype"), [(1, "uint8"), (3, "uint8"), (3, "float64")])
def test_pictures_of_any_kind(n, channels, dtype):
    pictures = np.ones((n, 4, 5, channels), dtype)
    figure = saliency_pictures(pictures, np.zeros(pictures.shape), ["a long name of a class"] * n)
    assert len(figure.axes) == 2 * min(n, 10)
    for axes in figure.axes:
        assert axes.images[0].get_array().shape == (4, 5, 3)
    assert_readable(figure)


@pytest.mark.parametrize("shape", [(2, 4, 4, 3), (3, 4, 4), (3, 4, 4, 1)])
def test_a_gradient_for_each_picture_is_needed(shape):
    with pytest.raises(ValueError, match=r"^gradients: found"):
        saliency_pictures(np.ones((3, 4, 4, 3)), np.ones(shape))
    with pytest.raises(ValueError, match=r"^captions: found 1"):
        saliency_pictures(np.ones((3, 4, 4, 3)), np.ones((3, 4, 4, 3)), ["a"])
