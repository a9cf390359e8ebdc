"""Charts of bars."""

import math
from xml.etree import ElementTree

import pytest

from dnn_xp.svg import bar_chart

SVG = "{http://www.w3.org/2000/svg}"


def bars(chart):
    found = ElementTree.fromstring(chart).iter(f"{SVG}rect")
    return [(float(one.get("x")), float(one.get("width"))) for one in found]


def texts(chart):
    return [one.text for one in ElementTree.fromstring(chart).iter(f"{SVG}text")]


def test_a_bar_is_as_long_as_its_number():
    (_, long), (_, short), (_, nothing) = bars(bar_chart([4.0, 1.0, 0.0], list("abc"), x_name="n"))
    assert long == pytest.approx(4.0 * short, abs=0.3)
    assert nothing == 0.0


def test_what_is_below_nothing_reaches_left():
    (left, width), (right, _) = bars(bar_chart([-1.0, 2.0], ["a", "b"], x_name="n"))
    assert left + width == pytest.approx(right)


def test_whiskers_are_within_the_chart_and_are_said():
    chart = bar_chart([1.0, -1.0], ["a", "b"], x_name="n", spread=[0.5, 3.0])
    assert {"1 ± 0.5", "-1 ± 3"} <= set(texts(chart))
    whiskers = [
        one.get("d")
        for one in ElementTree.fromstring(chart).iter(f"{SVG}path")
        if "v8" in one.get("d")
    ]
    assert len(whiskers) == 2
    for one in whiskers:
        low = float(one.split()[0][1:])
        assert 0 < low < 480


def test_a_number_that_is_none_has_its_row_without_a_bar():
    chart = bar_chart([1.0, math.nan], ["a", "b"], x_name="n")
    assert len(bars(chart)) == 1
    assert {"b", "nan"} <= set(texts(chart))


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf]])
def test_nothing_is_drawn_of_nothing(values):
    assert bar_chart(values, ["a"] * len(values), x_name="n") == ""


@pytest.mark.parametrize("values", [[0.0], [1e300, -1e300], [1e-300], [1.0] * 500])
def test_every_list_of_numbers_is_drawn(values):
    assert len(bars(bar_chart(values, ["a"] * len(values), x_name="n"))) == len(values)


def test_names_are_escaped_cut_and_stand_left_of_their_bars():
    names = ["<script>", "x" * 10_000, "a\u202eb"]
    chart = bar_chart([1.0, 2.0, 3.0], names, x_name="<i>")
    assert "<script>" in texts(chart)
    assert "style=" not in chart
    assert len(chart) < 5_000
    root = ElementTree.fromstring(chart)
    start = min(x for x, _ in bars(chart))
    ends = [one for one in root.iter(f"{SVG}text") if one.get("text-anchor") == "end"]
    assert all(float(one.get("x")) < start or float(one.get("x")) > 470 for one in ends)
