"""Importances of columns on a page: their order, spread and number."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.importances import by_importance
from dnn_xp.reports.pages.column_importances import importances_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once


def test_the_largest_comes_first():
    found = read(importances_section([0.1, 0.5, -0.2], [0.05, 0.125, 0.1], ["a", "b", "c"]))
    assert found.tables[0]["rows"] == [
        ["column", "importance", "standard deviation"],
        ["b", "0.5", "0.12"],
        ["a", "0.1", "0.05"],
        ["c", "-0.2", "0.1"],
    ]
    assert "1 of 3 columns have no importance that stands out of its spread" in found.words
    assert found.named("td", **{"data-value": "0.5"})


def test_without_spread_and_names():
    found = read(importances_section([0.1, 0.0]))
    assert found.tables[0]["rows"][1:] == [["feature 1", "0.1"], ["feature 2", "0"]]
    assert "1 of 2 columns have none" in found.words


def test_what_is_nan_comes_last():
    assert by_importance([np.nan, 1.0, 2.0]).tolist() == [2, 1, 0]
    found = read(importances_section([np.nan, 1.0], [np.nan, 0.1], ["a", "b"]))
    assert [row[:2] for row in found.tables[0]["rows"][1:]] == [["b", "1"], ["a", "-"]]


def test_of_many_columns_the_largest_have_bars():
    found = read(importances_section(np.arange(1_500.0), None, [f"c{i}" for i in range(1_500)]))
    assert "The 30 largest of 1,500" in found.words
    assert found.html.count("<rect") == 30
    assert len(found.tables[0]["rows"]) == 1 + 1_000
    assert "500 more columns have less" in found.words
    assert len(found.html) < 200_000


def test_no_columns_no_section():
    assert importances_section([], None, []) is None


def test_names_of_strangers_stay_texts():
    n = len(HOSTILE_NAMES)
    found = read(importances_section(np.ones(n), np.ones(n), HOSTILE_NAMES))
    assert len({row[0] for row in found.tables[0]["rows"][1:]}) == n
    assert len(found.html) < 20_000


@pytest.mark.parametrize(
    ("importances", "spread", "names", "named"),
    [
        ([[1.0]], None, None, "importances"),
        ([1.0], [1.0, 2.0], None, "spread"),
        ([1.0], None, ["a", "b"], "names"),
    ],
)
def test_what_does_not_fit_is_refused(importances, spread, names, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        importances_section(importances, spread, names)
