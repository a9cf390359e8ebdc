"""Charts of lines."""

import math
import re
from xml.etree import ElementTree

import pytest

from dnn_xp.svg import line_chart

SVG = "{http://www.w3.org/2000/svg}"


def texts(chart):
    return [one.text for one in ElementTree.fromstring(chart).iter(f"{SVG}text")]


def curve(chart):
    """Return the points of the first line: the path that has a colour of its own."""
    paths = ElementTree.fromstring(chart).iter(f"{SVG}path")
    found = next(p.get("d") for p in paths if p.get("stroke") and "v" not in p.get("d"))
    return [tuple(map(float, one.split())) for one in re.split("[ML]", found)[1:]]


def test_a_falling_line_falls_within_the_frame():
    points = curve(line_chart({"training": [4.0, 3.0, 2.0, 1.0]}))
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted(y for _, y in points), "down is larger in SVG"
    assert all(0 < x < 480 and 0 < y < 220 for x, y in points)


@pytest.mark.parametrize(
    "values",
    [
        [1.0], [0.0, 0.0], [1e300, 1e-300], [-1.7e308, 1.7e308], [5e-324, 1.0], [1e-5] * 3,
        [1.0, math.nan, 2.0], [math.inf, 1.0], [1e9, 1e9 + 1e-7], [-3.0, -2.0],
        [1, 2], [2**1023, 1],
    ],
)  # fmt: skip
def test_every_line_of_numbers_is_drawn_where_it_is_finite(values):
    chart = line_chart({"a": values})
    circles = len([*ElementTree.fromstring(chart).iter(f"{SVG}circle")])
    assert circles or curve(chart)
    assert "nan" not in chart
    assert "inf" not in chart


@pytest.mark.parametrize("lines", [{}, {"a": []}, {"a": [math.nan, math.inf]}])
def test_nothing_is_drawn_of_nothing(lines):
    assert line_chart(lines) == ""


def test_what_is_not_finite_is_a_gap_and_a_point_alone_is_marked():
    chart = line_chart({"a": [1.0, 2.0, math.nan, 3.0, math.nan]})
    root = ElementTree.fromstring(chart)
    (line,) = [p for p in root.iter(f"{SVG}path") if p.get("d").count("M") > 1]
    assert line.get("d").count("L") == 1
    assert len([*root.iter(f"{SVG}circle")]) == 1


@pytest.mark.parametrize(
    ("values", "marks"), [([1000.0, 1e-3], ["0.01", "100"]), ([9.0, 1.0], ["4", "8"])]
)
def test_costs_over_decades_are_on_a_logarithmic_scale(values, marks):
    words = texts(line_chart({"a": values}))
    assert set(marks) <= set(words)


def test_a_long_line_keeps_its_peaks():
    values = [1.0] * 100_000
    values[77_777], values[5] = 50.0, -50.0
    chart = line_chart({"a": values})
    assert len(chart) < 20_000
    points = curve(chart)
    assert len({y for _, y in points}) == 3


def test_names_are_escaped():
    chart = line_chart(
        {'<script>alert("1")</script>\x1b[2J&': [1.0, 2.0]}, x_name="<i>", y_name='"'
    )
    assert "<script" not in chart
    assert "\x1b" not in chart
    assert '<script>alert("1")</script>\\x1b[2J&' in texts(chart)


@pytest.mark.parametrize("n", [4, 16])
def test_each_line_has_a_colour_and_a_dash_of_its_own(n):
    chart = line_chart({str(i): [1.0, 2.0] for i in range(n)})
    paths = [p for p in ElementTree.fromstring(chart).iter(f"{SVG}path") if p.get("stroke")]
    looks = {(p.get("stroke"), p.get("stroke-dasharray")) for p in paths}
    assert len(looks) == n
    assert all("#" in color for color, _ in looks)


def test_rates_stand_on_a_logarithmic_axis():
    chart = line_chart(
        {"a": [3.0, 2.0, 1.0]}, [1e-4, 1e-2, 1.0], x_name="learning rate", x_is_log=True
    )
    (left, _), (middle, _), (right, _) = curve(chart)
    assert middle - left == pytest.approx(right - middle, abs=0.2)
    assert "learning rate" in texts(chart)


def test_on_a_page_a_line_tells_its_numbers_where_they_are_drawn():
    lines = {"training": [4.0, math.nan, 0.5], "<b>\x1b": [3.0, 2.0, 1.0]}
    root = ElementTree.fromstring(line_chart(lines, hover=True))
    assert (root.get("class"), root.get("data-points")) == ("chart", "line")
    groups = [one for one in root.iter(f"{SVG}g") if one.get("class") != "key"]
    assert [one.get("data-line") for one in groups] == ["training", "<b>\\x1b"]
    assert [one.get("data-x") for one in groups] == ["1 3", "1 2 3"]
    assert [one.get("data-y") for one in groups] == ["4 0.5", "3 2 1"]
    for one in groups:
        places = re.findall(r"[\d.]+", one.find(f"{SVG}path").get("d"))
        assert len(places) == 2 * len(one.get("data-x").split())
    keys = [one.get("data-line") for one in root.iter(f"{SVG}g") if one.get("class") == "key"]
    assert keys == ["training", "<b>\\x1b"]


def test_on_a_page_no_chart_has_a_style_of_its_own():
    assert "style=" in line_chart({"a": [1.0, 2.0]}), "which a notebook needs"
    assert "style=" not in line_chart({"a": [1.0, 2.0]}, hover=True)


@pytest.mark.parametrize("name", ["a", "run 12 of the study", "x" * 10_000])
def test_on_a_page_names_stand_within_the_chart_on_a_phone_too(name):
    lines = {f"{name} {i}": [1.0, 2.0] for i in range(12)}
    chart = line_chart(lines, y_name="root mean squared error", hover=True)
    root = ElementTree.fromstring(chart)
    assert len(chart) < 30_000
    ends = {}
    for key in (one for one in root.iter(f"{SVG}g") if one.get("class") == "key"):
        text = key.find(f"{SVG}text")
        start, row = float(text.get("x")), text.get("y")
        assert start - 26 >= ends.get(row, 0.0)
        ends[row] = start + 8.4 * len(text.text)
        assert ends[row] <= 480
        assert float(row) < min(float(y) for _, y in curve(chart))


@pytest.mark.parametrize(
    ("values", "asked", "logarithmic"),
    [([1.0, 60.0, 8.0], True, True), ([1.0, 600.0, 8.0], False, False), ([1.0, 60.0], None, False)],
)
def test_who_draws_may_choose_the_scale(values, asked, logarithmic):
    words = texts(line_chart({"a": values}, y_is_log=asked))
    assert ("10" in words and "20" not in words) == logarithmic


def test_a_logarithmic_scale_has_a_place_for_nothing():
    chart = line_chart({"a": [1000.0, 1.0, 0.0]}, y_is_log=True)
    (_, high), (_, low), (_, nothing) = curve(chart)
    assert high < low < nothing
    assert nothing - low == pytest.approx((low - high) / 3.0, abs=0.2), "a decade's room"
    assert {"0", "1"} <= set(texts(chart))
    assert line_chart({"a": [0.0, 0.0]}, y_is_log=True)


def test_shares_are_in_percent():
    chart = line_chart({"a": [0.5, 0.8, 0.9]}, y_name="accuracy", y_is_share=True, hover=True)
    assert {"50%", "90%"} <= set(texts(chart))
    assert 'data-y="50 80 90"' in chart
    assert 'data-y-unit="%"' in chart


@pytest.mark.parametrize("hover", [False, True])
@pytest.mark.parametrize("empty", [[], [math.nan]])
def test_a_line_without_numbers_keeps_the_colours_of_the_others(hover, empty):
    whole = line_chart({"a": [1.0, 2.0], "b": [3.0, 4.0]}, hover=hover)
    chart = line_chart({"a": empty, "b": [3.0, 4.0]}, hover=hover)
    looks = [
        (one.get("stroke"), one.get("stroke-dasharray"))
        for one in ElementTree.fromstring(whole).iter(f"{SVG}path")
        if one.get("stroke")
    ]
    assert f'stroke="{looks[-1][0]}"' in chart
    assert ("a" in texts(chart)) is not hover, "on a page a name without a line says nothing"
    assert "b" in texts(chart)
