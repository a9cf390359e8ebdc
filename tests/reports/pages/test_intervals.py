"""Intervals on a page: coverage and width by hand."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.intervals import intervals_section
from tests.reports.pages.reading import read

pytestmark = pytest.mark.once


def test_coverage_and_width_by_hand():
    """Three of four hold their value, one at its edge; the widths are 2, 2, 2 and 6."""
    low, high = np.asarray([[0.0, 0.0, 0.0, 0.0]]), np.asarray([[2.0, 2.0, 2.0, 6.0]])
    found = read(intervals_section(low, high, [[1.0, 2.0, 3.0, 5.0]], ["price"], 0.9))
    assert "are to hold 90% of the true values hold 75.0% \u00b1 21.7% of 4" in found.words
    assert "mean width is 3." in found.words
    (table,) = found.tables
    assert [row[2:] for row in table["rows"][1:]] == [
        ["1", "100.0%"],
        ["1", "100.0%"],
        ["1", "0.0%"],
        ["1", "100.0%"],
    ]
    assert len(found.named("svg")) == 1


def test_infinite_intervals_hold_every_value_and_are_told():
    low, high = np.full((1, 3), -np.inf), np.full((1, 3), np.inf)
    found = read(intervals_section(low, high, [[1.0, 2.0, 3.0]], ["price"], 0.9))
    assert "hold 100.0%" in found.words
    assert "3 of them are infinite" in found.words
    assert not found.named("svg")


def test_what_is_not_a_number_is_left_out():
    nan = np.nan
    found = read(
        intervals_section([[0.0, nan, 0.0]], [[2.0, 2.0, 2.0]], [[1.0, 1.0, nan]], ["a"], 0.5)
    )
    assert "hold 100.0% \u00b1 0.0% of 1;" in found.words
    none = read(intervals_section([[nan]], [[nan]], [[1.0]], ["a"], 0.5))
    assert "No interval is known" in none.words


def test_many_examples_are_drawn_thinly():
    true = np.linspace(0.0, 1.0, 100_000)[None, :]
    found = read(intervals_section(true - 1.0, true + 1.0, true, ["price"], 0.9))
    assert "Of all 100,000 examples" in found.words
    assert len(found.html) < 60_000
    assert len(found.tables[0]["rows"]) == 11


@pytest.mark.parametrize("asked", [0.0, 1.0, 90])
def test_the_part_that_is_asked_for_is_one(asked):
    with pytest.raises(ValueError, match="asked"):
        intervals_section([[0.0]], [[1.0]], [[0.5]], ["a"], asked)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="low"):
        intervals_section([[0.0]], [[1.0, 2.0]], [[0.5, 0.5]], ["a"], 0.9)
