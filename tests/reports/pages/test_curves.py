"""Learning curves on a page: which chart has which lines."""

import math

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages import curves
from dnn_xp.reports.pages.curves import learning_curves
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once

HISTORY = {
    "cost": [3.0, 2.0, 1.0],
    "validation_cost": [3.0, 2.5, 2.0],
    "validation_accuracy": [0.5, 0.75, 0.875],
    "learning_rate": [0.1, 0.1, 0.01],
}


def test_training_and_held_out_lie_over_each_other(monkeypatch):
    drawn = {}

    def line_chart(lines, **options):
        drawn[options["y_name"]] = lines
        return "<svg></svg>"

    monkeypatch.setattr(curves, "line_chart", line_chart)
    learning_curves(HISTORY)
    assert drawn == {
        "cost": {"training": HISTORY["cost"], "held out": HISTORY["validation_cost"]},
        "accuracy": {"held out": HISTORY["validation_accuracy"]},
        "learning_rate": {"training": HISTORY["learning_rate"]},
    }


def test_each_panel_is_a_chart():
    assert len(read(learning_curves(HISTORY)).named("svg")) == 3


@pytest.mark.parametrize("history", [{}, {"cost": []}, {"cost": [math.nan, math.inf]}])
def test_of_no_epoch_there_is_no_section(history):
    assert learning_curves(history) is None


def test_a_long_run_stays_small():
    found = read(learning_curves({"cost": [1.0 / i for i in range(1, 100_001)]}))
    assert len(found.html) < 60_000


@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES if name])
def test_names_of_strangers_stay_names(name):
    found = read(learning_curves({"cost": [1.0, 0.5], name: [1.0, 2.0]}))
    assert not found.named("img")
    assert not found.named("script")
    assert "\u202e" not in found.html
