"""Intervals on a page: what they hold by hand, without ends, and of quantile networks."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.intervals import (
    interval_figures,
    intervals_section,
    quantile_interval,
)
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once


def test_the_figures_by_hand():
    """The ends belong to an interval: of 0, 1, 2, 3 within [0.5, 2], [1, 2] holds two."""
    found = interval_figures([0.5, 0.5, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0], [0.0, 1.0, 2.0, 3.0], 0.5)
    assert (found.n, found.found, found.below, found.above) == (4, 0.5, 0.25, 0.25)
    assert found.width == 1.25
    assert found.width_of_mean == 1.5  # from 0.75 to 2.25, the quartiles of the true values
    assert found.error == 0.25


def test_a_row_says_what_is_within_below_and_above():
    m = 400
    true = np.arange(float(m))
    low, high = true - 1.0, true + 1.0
    low[:20], high[:20] = true[:20] + 1.0, true[:20] + 2.0  # 5% lie below
    high[-40:], low[-40:] = true[-40:] - 1.0, true[-40:] - 2.0  # 10% lie above
    found = read(intervals_section([low], [high], [true], ["price"], 0.9, [true]))
    assert found.tables[0]["rows"][1][:4] == ["price", "85.0% ± 1.5%", "5.0%", "10.0%"]
    assert "hold 85.0% of 400 examples: too few: too narrow" in found.words
    assert found.tables[0]["caption"] == "What the intervals hold (asked for: 90%)"
    by_part = found.tables[1]["rows"][1:]
    assert [row[1] for row in by_part] == ["40"] * 10
    assert [row[2].split()[0] for row in by_part] == ["50.0%", *["100.0%"] * 8, "0.0%"]


def test_rising_predictions_divide_the_examples():
    true = np.arange(20.0)
    order_by = np.where(true < 10, 7.0, -3.0)
    low, high = np.zeros(20), np.full(20, 9.0)
    found = read(intervals_section([low], [high], [true], ["y"], 0.5, [order_by]))
    rows = found.tables[1]["rows"][1:]
    assert [(" ".join(row[0].split()), row[2].split()[0]) for row in rows] == [
        ("-3 to -3", "0.0%"),
        ("7 to 7", "100.0%"),
    ]


def test_intervals_that_hold_as_many_as_they_should_are_told_so():
    true = np.arange(100.0)
    low, high = true - 1.0, true + np.where(true < 88, 1.0, -0.5)
    found = read(intervals_section([low], [high], [true], ["y"], 0.9))
    assert "as many as they should" in found.words
    found = read(intervals_section([low], [true + 1.0], [true], ["y"], 0.5))
    assert "more than they should: too wide" in found.words


def test_intervals_without_ends_hold_all_and_have_no_width():
    low, high = [-np.inf, 0.0, 0.0], [np.inf, 2.0, np.inf]
    found = read(intervals_section([low], [high], [[5.0, 1.0, 9.0]], ["y"], 0.9))
    assert found.tables[0]["rows"][1][1].startswith("100.0%")
    assert found.tables[0]["rows"][1][4] == "2"
    assert "2 intervals without end" in found.words
    assert (
        read(intervals_section([[-np.inf]], [[np.inf]], [[1.0]], ["y"], 0.9)).tables[0]["rows"][1][
            4
        ]
        == "inf"
    )


def test_what_is_nan_is_left_out():
    low, high, true = [0.0, np.nan, 0.0, 0.0], [1.0, 1.0, np.nan, 1.0], [0.5, 0.5, 0.5, np.nan]
    found = read(intervals_section([low], [high], [true], ["y"], 0.9))
    assert found.tables[0]["rows"][1][6] == "1"
    assert "3 examples left out" in found.words


@pytest.mark.parametrize(
    ("low", "high", "true"),
    [(None, None, [[1.0]]), ([[]], [[]], [[]]), ([[np.nan]], [[np.nan]], [[1.0]])],
)
def test_without_intervals_there_is_no_section(low, high, true):
    assert intervals_section(low, high, true, ["y"], 0.9) is None


def test_many_examples_and_targets_stay_small():
    true = np.random.default_rng(0).normal(size=(600, 2_000))
    names = [f"y{i}" for i in range(600)]
    found = read(intervals_section(true - 1.0, true + 1.0, true, names, 0.9))
    assert len(found.named("svg", role="img")) == 12
    assert "100 more targets have no row here" in found.words
    assert "Below, 12 of the targets are shown one by one." in found.words
    assert len(found.html) < 300_000
    assert "Of 0 of 600 targets they do" in found.words
    many = np.zeros((1, 200_000))
    found = read(intervals_section(many - 1.0, many + 1.0, many, ["y"], 0.9))
    assert "100 of 200,000" in found.words
    assert len(found.html) < 20_000


def test_names_of_strangers_stay_texts():
    n = len(HOSTILE_NAMES)
    ones = np.ones((n, 3))
    found = read(intervals_section(ones - 1.0, ones + 1.0, ones, HOSTILE_NAMES, 0.9))
    assert len({row[0] for row in found.tables[0]["rows"][1:]}) == n
    assert len(found.html) < 60_000


def test_quantiles_of_a_network_are_intervals():
    outputs = np.arange(12.0).reshape(6, 2)
    low, high, asked = quantile_interval(outputs, (0.05, 0.5, 0.95))
    np.testing.assert_array_equal(low, [[0.0, 1.0], [6.0, 7.0]])
    np.testing.assert_array_equal(high, [[4.0, 5.0], [10.0, 11.0]])
    assert asked == pytest.approx(0.9)
    for broken, levels in ((outputs, (0.5,)), (outputs[:5], (0.1, 0.9)), (outputs[0], (0.1, 0.9))):
        with pytest.raises(ValueError, match=r"^(levels|outputs): found"):
            quantile_interval(broken, levels)


@pytest.mark.parametrize(
    ("low", "high", "true", "names", "asked", "named"),
    [
        ([0.0], [1.0], [1.0], ["y"], 0.9, "low"),
        ([[0.0]], [[1.0, 2.0]], [[1.0]], ["y"], 0.9, "high"),
        ([[0.0]], [[1.0]], [[1.0, 2.0]], ["y"], 0.9, "true"),
        ([[2.0]], [[1.0]], [[1.0]], ["y"], 0.9, "high"),
        ([[0.0]], [[1.0]], [[1.0]], [], 0.9, "names"),
        ([[0.0]], [[1.0]], [[1.0]], ["y"], 90, "asked"),
        ([[0.0]], [[1.0]], [[1.0]], ["y"], float("nan"), "asked"),
    ],
)
def test_what_is_no_interval_is_refused(low, high, true, names, asked, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        intervals_section(low, high, true, names, asked)
