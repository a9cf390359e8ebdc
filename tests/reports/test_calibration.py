"""Reliability diagrams: shares, counts and the error, by hand."""

import numpy as np
import pytest

from dnn_xp.reports import reliability_diagram
from dnn_xp.reports.calibration import reliability
from tests.reports.readable import assert_readable, words_of


def test_shares_counts_and_error_by_hand():
    """Two bins: 0.2 and 0.4 are right once, which is 0.2 too much; 0.9 and 1.0 once, 0.45 less."""
    figure = reliability_diagram([0.2, 0.4, 0.9, 1.0], [0, 1, 1, 0], bins=2, title="pets")
    upper, lower = figure.axes
    curve = upper.lines[1]
    np.testing.assert_allclose(curve.get_xdata(), [0.3, 0.95])
    np.testing.assert_allclose(curve.get_ydata(), [0.5, 0.5])
    assert [bar.get_height() for bar in lower.patches] == [2, 2]
    assert upper.get_title() == "pets\n4 predictions, ECE 32.50%"
    mean, accuracy = (set(line.get_xdata()) for line in lower.lines)
    assert mean == {0.625}
    assert accuracy == {0.5}
    assert words_of(figure.legends[0])[-2:] == ["mean confidence", "accuracy"]
    assert_readable(figure)


@pytest.mark.parametrize(
    ("sure", "place"), [(0.0, 0), (0.1, 0), (0.1000001, 1), (0.5, 4), (1.0, 9)]
)
def test_a_probability_on_an_edge_is_in_the_bin_below(sure, place):
    lower = reliability_diagram([sure], [True]).axes[1]
    heights = [bar.get_height() for bar in lower.patches]
    assert heights == [float(i == place) for i in range(10)]


def test_who_is_as_sure_as_right_has_no_error():
    figure = reliability_diagram([0.75] * 4, [1, 1, 1, 0])
    assert "ECE 0.00%" in figure.axes[0].get_title()


@pytest.mark.parametrize(
    ("sure", "right", "named"),
    [
        ([], [], "confidences"),
        ([1.5], [True], "confidences"),
        ([float("nan")], [True], "confidences"),
        ([[0.5]], [[True]], "confidences"),
        ([0.5], [True, False], "right"),
    ],
)
def test_what_is_no_prediction_is_refused(sure, right, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        reliability_diagram(sure, right)


def test_a_bin_of_nothing_has_no_part_that_is_right():
    found = reliability([0.3, 0.4, 1.0, 1.0], [1, 0, 1, 1], 3)
    np.testing.assert_array_equal(found.counts, [1, 1, 2])
    np.testing.assert_array_equal(reliability([0.9], [True], 3).counts, [0, 0, 1])
    np.testing.assert_array_equal(reliability([0.9], [True], 3).right, [np.nan, np.nan, 1.0])
    np.testing.assert_allclose(found.confidences, [0.3, 0.4, 1.0])
    np.testing.assert_allclose(found.error, (0.7 + 0.4) / 4)
    np.testing.assert_allclose(reliability([0.9] * 4, [1, 0, 0, 0]).spread()[8], np.sqrt(3) / 8)


def test_parts_and_error_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.calibration", reason="compares with scikit-learn")
    rng = np.random.default_rng(0)
    sure = 0.3 + 0.7 * rng.random(500)
    right = rng.random(500) < sure**2
    found = reliability(sure, right)
    there = found.counts > 0
    parts, means = sklearn.calibration_curve(right, sure, n_bins=10)
    np.testing.assert_allclose(found.right[there], parts, rtol=1e-12)
    np.testing.assert_allclose(found.confidences[there], means, rtol=1e-12)
    error = np.average(np.abs(parts - means), weights=found.counts[there])
    np.testing.assert_allclose(found.error, error, rtol=1e-12)
