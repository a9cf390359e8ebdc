"""The section of learning curves."""

import math
import re

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.curves import scale_of
from dnn_xp.reports.pages.curves import learning_curves
from dnn_xp.reports.pages.page import Page

pytestmark = pytest.mark.once

NAN, INF = math.nan, math.inf


def html(history, **options):
    return Page("a", "", [], [learning_curves(history, **options)]).html().split("<main>")[1]


def headings(text):
    return re.findall(r"<h3>(.*?)</h3>", text)


def test_there_is_a_chart_of_each_figure_the_cost_first_and_the_rate_last():
    history = {
        "epoch": [1, 2],
        "learning_rate": [0.1, 0.01],
        "validation_RMSE": [3.0, 2.0],
        "cost": [1.0, 0.5],
        "validation_cost": [1.5, 1.0],
        "validation_accuracy": [0.5, 0.75],
    }
    text = html(history)
    assert headings(text) == [
        "Cost",
        "RMSE (units of the target), held out",
        "Accuracy, held out",
        "Learning rate",
    ]
    assert text.count("<svg") == text.count("As a table") == 4


def test_the_parts_keep_their_looks_in_every_chart():
    text = html({"cost": [1.0, 0.5], "validation_cost": [2.0, 1.0], "validation_f1": [0.5, 0.75]})
    cost, f1 = text.split("<figure>")[1:]
    look = re.search(r'data-line="held out" data-x=.*?stroke="(\S+)".*?dasharray="(.*?)"', cost)
    assert f'stroke="{look[1]}" stroke-width="2" stroke-dasharray="{look[2]}"' in f1
    assert 'data-line="training"' in cost
    assert 'data-line="training"' not in f1


@pytest.mark.parametrize(("rates", "is_drawn"), [([0.1, 0.1], 0), ([0.1, 0.05], 1), ([0.1], 0)])
def test_a_learning_rate_that_stays_is_not_drawn(rates, is_drawn):
    text = html({"cost": [1.0] * len(rates), "learning_rate": rates})
    assert headings(text) == ["Cost", "Learning rate"][: 1 + is_drawn]


@pytest.mark.parametrize("history", [{}, {"cost": []}, {"cost": [], "learning_rate": []}])
def test_there_is_no_section_without_an_epoch(history):
    assert learning_curves(history) is None


@pytest.mark.parametrize(
    ("name", "values", "scale"),
    [
        ("cost", [1000.0, 1.0], "log scale"),
        ("cost", [1000.0, 2.0, 0.0], "log scale above 2"),
        ("cost", [49.0, 1.0], ""),
        ("cost", [1000.0, -1.0], ""),
        ("accuracy", [0.001, 0.99], ""),
        ("R2", [0.001, 0.99], ""),
    ],
)
def test_the_scale_is_that_of_the_figures(name, values, scale):
    assert scale_of(name, np.asarray(values)) == scale
    assert (
        (scale in headings(html({name: values}))[0]) if scale else "log" not in html({name: values})
    )


@pytest.mark.parametrize("n", [1, 2, 50, 51, 1000, 100_000])
def test_the_table_has_the_first_and_the_last_epoch_and_few_rows(n):
    text = html({"cost": [1.0 + i for i in range(n)]})
    rows = re.findall(r'<tr><th scope="row">([\d,]+)</th><td>(.*?)</td>', text)
    assert len(rows) == min(n, 50)
    assert (rows[0][0], rows[-1][0]) == ("1", f"{n:,}")
    assert (f"50 of {n:,} epochs" in text) == (n > 50)
    assert len(text) < 60_000


def test_figures_are_in_percent_where_they_are_shares():
    text = html({"cost": [1.0], "validation_accuracy": [0.9749]})
    assert "<td>97.49%</td>" in text
    assert 'data-y="97.49"' in text


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ([1.0, NAN, 2.0], "The gaps are 1 figure that is not finite."),
        ([INF, NAN, 2.0], "The gaps are 2 figures that are not finite."),
        ([NAN, NAN], "No figure is finite."),
    ],
)
def test_what_is_not_finite_is_said(costs, said):
    text = html({"cost": costs})
    assert said in text
    assert "<td>nan</td>" in text


def test_a_part_that_began_later_has_empty_cells():
    text = html({"cost": [3.0, 2.0], "validation_cost": [4.0]})
    assert "<td>2</td><td></td>" in text


def test_iterations_are_said():
    assert ">iterations</text>" in html({"cost": [1.0, 2.0]}, x_name="iterations")


def test_hostile_names_of_figures_stay_texts():
    text = html({"<script>alert(1)</script>" + "x" * 10_000: [1.0, 2.0], "\u202ea": [1.0]})
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert len(text) < 40_000


@pytest.mark.parametrize("history", [{"cost": "abc"}, {"cost": None}])
def test_what_is_no_history_is_refused(history):
    with pytest.raises(TypeError, match=r"^history: found .*, expected a list of numbers"):
        learning_curves(history)
