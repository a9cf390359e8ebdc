"""Times in words."""

import math

import pytest

from dnn_xp.reports.pages.times import describe_moment, describe_seconds, seconds_between

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "under 1 s"),
        (0.26, "0.3 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200.0, "3 min 20 s"),
        (3_599.7, "1 h 0 min"),
        (360_060.0, "100 h 1 min"),
        (-1.0, ""),
        (math.nan, ""),
        (math.inf, ""),
    ],
)
def test_how_long(seconds, said):
    assert describe_seconds(seconds) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-12-01T05:10:00+00:00", "2026-12-01 05:10 UTC"),
        ("2026-12-01T00:10:00+02:00", "2026-11-30 22:10 UTC"),
        ("2026-12-01T05:10:00", "2026-12-01 05:10 UTC"),
        ("0001-01-01T00:00:00+10:00", "0001-01-01T00:00:00+10:00"),
        ("soon", "soon"),
        ("", ""),
    ],
)
def test_when(text, said):
    assert describe_moment(text) == said


def test_between():
    assert seconds_between("2026-12-01T05:00:00+01:00", "2026-12-01T05:00:00+00:00") == 3_600.0
    assert math.isnan(seconds_between("2026-12-01T05:00:00", ""))
