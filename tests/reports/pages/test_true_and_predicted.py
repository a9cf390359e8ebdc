"""Predicted against true values on a page: figures by hand, and what is left out."""

import math

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages import true_and_predicted
from dnn_xp.reports.pages.true_and_predicted import values_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once

TRUE = np.asarray([[1.0, 2.0, 3.0, 4.0]])
PREDICTED = np.asarray([[1.0, 2.0, 3.0, 8.0]])  # one is 4 off: RMSE 2, MAE 1


def test_figures_by_hand():
    """Always the mean, 2.5, would be the root of 1.25 off; R2 is 1 - 4 / 1.25."""
    found = read(values_section(PREDICTED, TRUE, ["price"]))
    assert "(RMSE) is 2;" in found.words
    assert f"would be {math.sqrt(1.25):.4g} off" in found.words
    assert "R2 is -2.2" in found.words
    assert "(MAE) 1." in found.words
    quantiles, worst = found.tables
    assert quantiles["rows"][1][0] == "-4"
    assert quantiles["rows"][1][-1] == "0"
    assert worst["rows"][1] == ["4", "4", "8", "-4"]
    assert len(found.named("svg")) == 2


def test_charts_are_of_the_values(monkeypatch):
    drawn = []

    def scatter_chart(x, y, **options):
        drawn.append((x, y, options["line"]))
        return "<svg></svg>"

    monkeypatch.setattr(true_and_predicted, "scatter_chart", scatter_chart)
    values_section(PREDICTED, TRUE, ["price"])
    assert drawn == [
        (TRUE[0].tolist(), PREDICTED[0].tolist(), "diagonal"),
        (PREDICTED[0].tolist(), [0.0, 0.0, 0.0, -4.0], "zero"),
    ]


def test_what_is_not_finite_is_left_out_and_counted():
    predicted = np.asarray([[1.0, np.nan, 3.0, np.inf]])
    found = read(values_section(predicted, TRUE, ["price"]))
    assert "Of 2 examples" in found.words
    assert "2 that are not finite are left out" in found.words
    nothing = read(values_section(predicted * np.nan, TRUE, ["price"]))
    assert "There is no example" in nothing.words


def test_true_values_that_are_all_the_same_have_no_r2():
    found = read(values_section([[1.0, 2.0]], [[3.0, 3.0]], ["price"]))
    assert "All true values are the same" in found.words
    assert "R2 is" not in found.words


def test_one_example_is_enough():
    assert "Of 1 examples" in read(values_section([[1.0]], [[2.0]], ["price"])).words


def test_figures_are_of_all_where_few_are_drawn():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(1, 200_000))
    found = read(values_section(true + 1.0, true, ["price"]))
    assert "Of 200,000 examples the root mean squared error (RMSE) is 1;" in found.words
    assert "are drawn" in found.words
    assert len(found.html) < 250_000


def test_targets_stand_in_a_table_of_their_own():
    true = np.arange(60.0).reshape(20, 3)
    found = read(values_section(true + 1.0, true, [f"t{i}" for i in range(20)]))
    by_target = found.tables[0]["rows"]
    assert len(by_target) == 21
    assert by_target[1][:2] == ["t0", "1"]
    assert len(found.named("svg")) == 24
    assert "Charts are drawn of the first 12 targets." in found.words


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_of_strangers_stay_names(name):
    found = read(values_section(PREDICTED, TRUE, [name]))
    assert not found.named("img")
    assert not found.named("script")
    assert "\u202e" not in found.html
    assert len(found.html) < 40_000


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="true"):
        values_section(PREDICTED, TRUE[:, :2], ["price"])
    with pytest.raises(ValueError, match="names"):
        values_section(PREDICTED, TRUE, [])
