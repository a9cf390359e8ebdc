"""Scales of charts, and the element around them."""

import math
from xml.etree import ElementTree

import pytest

from dnn_xp.svg.axes import Frame, Scale, crosslines, element, numbers


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.0, 1.0), (-3.0, 7.0), (1e-9, 2e-9), (5.0, 5.0), (0.0, 0.0), (-1.7e308, 1.7e308)],
)
def test_numbers_stand_in_order_between_the_ends(low, high):
    scale = Scale(low, high, 10.0, 90.0)
    middle = 0.5 * low + 0.5 * high
    assert 10.0 <= scale(low) <= scale(middle) <= scale(high) <= 90.0
    assert scale(middle) == pytest.approx(50.0)
    assert all(10.0 <= scale(tick) <= 90.0 for tick in scale.ticks)
    assert 1 <= len(scale.ticks) <= 12


@pytest.mark.parametrize("high", [1, 2, 3, 30, 1000, 10**6])
def test_counts_are_marked_at_whole_numbers(high):
    ticks = Scale(1, high, 0.0, 100.0, is_count=True).ticks
    assert ticks == [round(tick) for tick in ticks]


@pytest.mark.parametrize("low", [1e-6, 1e-3, 0.5, 7.0])
def test_a_logarithmic_scale_gives_each_decade_the_same_room(low):
    scale = Scale(low, 100.0 * low, 0.0, 100.0, is_log=True)
    assert scale(10.0 * low) == 50.0


def test_below_its_floor_a_logarithmic_scale_is_linear_down_to_nothing():
    scale = Scale(0.0, 100.0, 0.0, 90.0, is_log=True, floor=1.0)
    assert [scale(x) for x in (0.0, 0.5, 1.0, 10.0, 100.0)] == [0.0, 15.0, 30.0, 60.0, 90.0]
    assert scale.ticks[0] == 0.0


def test_words_are_escaped():
    frame, scale = Frame(100, 100, 10, 90, 10, 90), Scale(0.0, 1.0, 10.0, 90.0)
    parts = crosslines(frame, scale, scale, "<b>\x1b")
    root = ElementTree.fromstring(element(100, 100, '"<i>', parts, 'class="chart"'))
    assert root.get("aria-label") == '"<i>'
    assert "<b>\\x1b" in [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]


def test_numbers_for_a_script_are_short():
    assert numbers([1.0, 0.123456, 1e-9, 123456.0]) == "1 0.1235 1e-09 1.235e+05"
    assert numbers([123456.0], 6) == "123456"
    assert numbers([math.inf]) == "inf"
