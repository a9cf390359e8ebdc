"""Calibration on a page: the table and the error by hand, and how they are said."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages import certainty
from dnn_xp.reports.pages.certainty import calibration_section
from tests.reports.pages.reading import read

pytestmark = pytest.mark.once


def said_of(sure):
    """Return probabilities of two classes, of which the first has these."""
    return np.stack([np.asarray(sure), 1.0 - np.asarray(sure)])


def test_the_table_and_the_error_by_hand():
    """Of four that are 75% sure two are right, and of one that is 95% sure it is."""
    found = read(calibration_section([0, 0, 1, 1, 0], said_of([0.75] * 4 + [0.95])))
    (table,) = found.tables
    assert table["rows"] == [
        ["confidence", "says", "is right", "examples"],
        ["70% to 80%", "75.0%", "50.0% \u00b1 25.0%", "4"],
        ["90% to 100%", "95.0%", "100.0% \u00b1 0.0%", "1"],
    ]
    assert "says 79.0% on average and is right 60.0% of the time: too sure by 19.0" in found.words
    assert "21.0 percentage points apart" in found.words
    assert "ECE: 0.2100" in found.words


@pytest.mark.parametrize(
    ("true", "sure", "word"),
    [
        ([0, 0, 0, 1], [0.75] * 4, "about as sure as it should be"),
        ([0, 0, 0, 0], [0.75] * 4, "too careful by 25.0 points"),
        ([1, 1, 1, 1], [0.75] * 4, "too sure by 75.0 points"),
    ],
)
def test_it_is_said_which_way_it_is_wrong(true, sure, word):
    assert word in read(calibration_section(true, said_of(sure))).words


def test_the_chart_shows_what_the_table_says(monkeypatch):
    drawn = {}

    def scatter_chart(x, y, **options):
        drawn.update(options, x=x, y=y)
        return "<svg></svg>"

    monkeypatch.setattr(certainty, "scatter_chart", scatter_chart)
    found = read(calibration_section([0, 0, 1, 1, 0], said_of([0.75] * 4 + [0.95])))
    np.testing.assert_allclose(drawn["x"], [0.75, 0.95])
    np.testing.assert_allclose(drawn["y"], [0.5, 1.0])
    np.testing.assert_allclose(drawn["spread"], [[0.25, 1.0], [0.75, 1.0]])
    assert drawn["line"] == "diagonal"
    assert len(found.named("svg")) == 1


def test_a_standard_error_does_not_leave_the_probabilities(monkeypatch):
    drawn = {}
    monkeypatch.setattr(certainty, "scatter_chart", lambda *_, **options: drawn.update(options))
    sure = [0.95] * 10 + [0.55] * 2
    calibration_section([0] * 9 + [1] * 2 + [0], said_of(sure))
    low, high = np.asarray(drawn["spread"])
    assert low.min() >= 0.0
    assert high.max() <= 1.0


def test_what_is_no_number_is_left_out_and_said():
    A = said_of([0.75] * 4 + [0.95])
    A[1, 4] = np.nan
    found = read(calibration_section([0, 0, 1, 1, 0], A))
    assert len(found.tables[0]["rows"]) == 2
    assert "Of 1 example probabilities are not numbers (NaN): left out." in found.words
    only = read(calibration_section([0], np.full((2, 1), np.nan)))
    assert "There are no predictions that are numbers." in only.words
    assert "There are no predictions." in read(calibration_section([], np.empty((2, 0)))).words


def test_a_probability_that_rounding_made_larger_than_1_is_1():
    A = np.asarray([[np.nextafter(np.float32(1), np.float32(2))], [0.0]], dtype=np.float32)
    assert read(calibration_section([0], A)).tables[0]["rows"][1][1:] == [
        *("100.0%", "100.0% \u00b1 0.0%", "1")
    ]


@pytest.mark.parametrize(
    ("true", "A", "named"),
    [
        ([0], [[0.5, 0.5]], "probabilities"),
        ([0], [0.5], "probabilities"),
        ([0], [[5.0], [1.0]], "confidences"),
        ([0], [[-5.0], [-1.0]], "confidences"),
    ],
)
def test_what_is_no_probability_is_refused(true, A, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        calibration_section(true, A)
