"""Numbers in the cells of tables: what is shown, and what a script sorts by."""

import math

import pytest

from dnn_xp.reports.pages.cells import digits, number, percent, with_error

pytestmark = pytest.mark.once


def test_what_is_no_number_is_a_dash_that_is_not_sorted():
    assert digits(math.nan) == "-"
    for cell in (number(math.nan), percent(math.nan), with_error(math.nan, 1.0)):
        assert cell == ("-", "")


def test_numbers_are_rounded_and_sorted_exactly():
    assert number(1234.56) == ("1235", 1234.56)
    assert number(1234.56, 6) == ("1234.56", 1234.56)
    assert number(-math.inf) == ("-inf", "-Infinity")  # the word of JavaScript
    assert percent(0.1234) == ("12.3%", 0.1234)


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (1.0, 0.25, "1 ± 0.25"),
        (1.0, 0.0, "1"),
        (1.0, math.nan, "1"),
        (1.0, math.inf, "1"),
        (1.0, 1e-17, "1"),  # of rounding alone
        (0.0, 1e-17, "0 ± 1e-17"),
    ],
)
def test_an_error_stands_behind_its_number(value, error, said):
    assert with_error(value, error) == (said, value)
