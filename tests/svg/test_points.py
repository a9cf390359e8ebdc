"""Charts of points."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from dnn_xp.svg import scatter_chart

SVG = "{http://www.w3.org/2000/svg}"
NAMES = {"x_name": "true", "y_name": "predicted"}


def points(chart):
    return [tuple(map(float, one)) for one in re.findall(r"M([\d.]+) ([\d.]+)h0", chart)]


def dashed(chart):
    paths = ElementTree.fromstring(chart).iter(f"{SVG}path")
    return [one.get("d") for one in paths if one.get("stroke-dasharray")]


def test_points_stand_where_their_numbers_are():
    low, high = points(scatter_chart([1.0, 3.0], [10.0, 20.0], **NAMES))
    assert low[0] < high[0]
    assert low[1] > high[1], "down is larger in SVG"


def test_points_on_the_diagonal_stand_on_its_line():
    chart = scatter_chart([1.0, 2.0, 5.0], [1.0, 2.0, 9.0], **NAMES, line="diagonal")
    (line,) = dashed(chart)
    left, bottom, right, top = map(float, re.findall(r"[\d.]+", line))
    first, second, above = points(chart)
    for x, y in (first, second):
        assert (x - left) / (right - left) == pytest.approx((bottom - y) / (bottom - top), abs=1e-3)
    assert (above[0] - left) / (right - left) < (bottom - above[1]) / (bottom - top)


@pytest.mark.parametrize("y", [[-1.0, 1.0], [2.0, 3.0], [-3.0, -2.0], [0.0, 0.0]])
def test_the_line_of_nothing_is_within_the_frame(y):
    (line,) = dashed(scatter_chart([1.0, 2.0], y, **NAMES, line="zero"))
    height = float(line.split()[1].split("H")[0])
    assert 26 <= height <= 224


def test_a_spread_is_a_bar_at_its_point():
    chart = scatter_chart([1.0], [2.0], **NAMES, spread=([1.5], [2.5]))
    ((x, y),) = points(chart)
    (bar,) = re.findall(rf"M{x} ([\d.]+)V([\d.]+)\"", chart)
    low, high = map(float, bar)
    assert high < y < low


def test_of_many_points_some_are_drawn_and_it_is_said():
    x = [float(i) for i in range(10_000)]
    chart = scatter_chart(x, x, **NAMES, hover=True)
    drawn = points(chart)
    assert len(drawn) == 2000
    gaps = {round(b[0] - a[0], 1) for a, b in pairwise(drawn)}
    assert max(gaps) <= 0.4, "evenly"
    assert "2,000 of 10,000 points" in ElementTree.fromstring(chart).get("aria-label")
    assert len(chart) < 100_000


def test_a_script_is_told_the_numbers():
    root = ElementTree.fromstring(scatter_chart([1.0, 2.0], [3.0, 4.5], **NAMES, hover=True))
    assert (root.get("data-points"), root.get("data-x-name")) == ("point", "true")
    assert root.get("data-y-name") == "predicted"
    (group,) = root.iter(f"{SVG}g")
    assert (group.get("data-x"), group.get("data-y")) == ("1 2", "3 4.5")
    assert "data-" not in scatter_chart([1.0], [2.0], **NAMES)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf]])
def test_nothing_is_drawn_of_nothing(values):
    assert scatter_chart(values, values, **NAMES) == ""


@pytest.mark.parametrize(
    "values", [[1.0], [0.0, 0.0], [1e300, -1e300], [1e-300, 1.0], [math.nan, 1.0, 2.0]]
)
@pytest.mark.parametrize("line", [None, "diagonal", "zero"])
def test_what_is_finite_is_drawn(values, line):
    chart = scatter_chart(values, values, **NAMES, line=line)
    assert len(points(chart)) == sum(map(math.isfinite, values))
    assert "nan" not in chart


def test_names_are_escaped_and_there_is_no_style():
    chart = scatter_chart([1.0], [1.0], x_name='"><script>', y_name="<b>\u202e", hover=True)
    ElementTree.fromstring(chart)
    assert "<script" not in chart
    assert "\u202e" not in chart
    assert "style=" not in chart
