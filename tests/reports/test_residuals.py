"""Predicted against true values, and their residuals."""

import numpy as np
import pytest

from dnn_xp.reports import residual_plot
from tests.reports.readable import assert_readable


def test_points_residuals_and_figures_by_hand():
    """The squares of the residuals are 1, 1, 0: 2 / 3; those of the true values about 2 are 2."""
    figure = residual_plot([2.0, 1.0, 3.0], [1.0, 2.0, 3.0], name="price in EUR", title="cars")
    left, right = figure.axes
    np.testing.assert_array_equal(left.collections[0].get_offsets(), [[1, 2], [2, 1], [3, 3]])
    np.testing.assert_array_equal(right.collections[0].get_offsets(), [[2, -1], [1, 1], [3, 0]])
    assert (left.get_xlabel(), left.get_ylabel()) == ("true price in EUR", "predicted price in EUR")
    assert right.get_ylabel() == "residual: true - predicted"
    assert figure.get_suptitle() == "cars\n3 examples, RMSE 0.8165, R2 0"
    assert_readable(figure)


@pytest.mark.parametrize(
    ("predicted", "actual", "said"),
    [
        ([1.0], [1.0], "1 example, RMSE 0"),
        ([1.0, 2.0], [5.0, 5.0], "2 examples, RMSE 3.536"),
        ([np.nan, 2.0], [1.0, 2.0], "1 example, RMSE 0, 1 that are not finite left out"),
        ([np.inf], [1.0], "0 examples, 1 that are not finite left out"),
    ],
)
def test_few_and_broken_values(predicted, actual, said):
    figure = residual_plot(predicted, actual)
    assert figure.get_suptitle() == said
    assert_readable(figure)


def test_many_points_are_pixels_in_a_drawing_of_lines():
    values = np.arange(6000.0)
    assert residual_plot(values, values).axes[0].collections[0].get_rasterized()
    assert not residual_plot([1.0], [1.0]).axes[0].collections[0].get_rasterized()


@pytest.mark.parametrize(
    ("predicted", "actual", "named"),
    [([], [], "predicted"), ([[1.0]], [[1.0]], "predicted"), ([1.0], [1.0, 2.0], "actual")],
)
def test_a_prediction_for_each_value_is_needed(predicted, actual, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        residual_plot(predicted, actual)
