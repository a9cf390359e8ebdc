"""Importances of columns on a page: in order, with their spread."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.column_importances import importances_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once


def test_the_largest_stands_first():
    found = read(importances_section([0.1, 0.5, -0.01], [0.01, 0.02, 0.03], ["a", "b", "c"]))
    assert found.tables[0]["rows"] == [
        ["column", "growth of the cost", "standard deviation"],
        ["b", "0.5", "0.02"],
        ["a", "0.1", "0.01"],
        ["c", "-0.01", "0.03"],
    ]
    assert len(found.named("svg")) == 1


def test_without_spread_and_names():
    found = read(importances_section([0.1, 0.5]))
    assert found.tables[0]["rows"] == [
        ["column", "growth of the cost"],
        ["feature 2", "0.5"],
        ["feature 1", "0.1"],
    ]


def test_of_many_the_largest_are_drawn():
    found = read(importances_section(np.arange(5_000.0)))
    assert "The 30 largest of 5,000." in found.words
    assert len(found.tables[0]["rows"]) == 1_001
    assert "4,000 columns that matter less are not listed." in found.words
    assert len(found.html) < 250_000


def test_names_of_strangers_stay_names():
    found = read(importances_section(np.ones(len(HOSTILE_NAMES)), names=HOSTILE_NAMES))
    assert not found.named("img")
    assert "\u202e" not in found.html


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="spread"):
        importances_section([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="names"):
        importances_section([1.0, 2.0], names=["a"])
