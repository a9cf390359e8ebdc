"""Names of classes on a page: short, and each another one."""

import pytest

from dnn_xp.reports.pages.class_names import class_names
from tests.reports.pages.reading import HOSTILE_NAMES

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "names",
    [
        HOSTILE_NAMES,
        ["cat", "cat", "cat (no. 0)", "cat (no. 1)"],
        ["", "(no. 0)", " ", "\t"],
        ["7", "07", "7 ", " 7"],
        ["a" * 39 + "bc", "a" * 39 + "bd", "a" * 39 + "…"],
        ["\u200b", "\u200b\u200b", "\ud800"],
    ],
)
def test_each_is_short_and_another_one(names):
    found = class_names(names)
    assert len({*found}) == len(names)
    assert all(name.strip() and len(name) <= 60 for name in found)


def test_names_that_can_be_told_apart_stay_as_they_are():
    names = ["0", "1", "cat", "Katze mit Umlauten äöü", "שלום"]
    assert class_names(names) == names
    assert class_names([]) == []
