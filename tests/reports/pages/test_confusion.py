"""The confusion matrix on a page: counts, shades and pairs, of few and of many classes."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.confusion import confusion_matrix_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once


def test_counts_and_shades_by_hand():
    """Of 100 cats 1 is taken for a dog: the root of its share is 0.1, the first of ten shades."""
    true = [0] * 100 + [1] * 4
    predicted = [1] + [0] * 99 + [1, 1, 1, 0]
    found = read(confusion_matrix_section(["cat", "dog"], true, predicted))
    (table,) = found.tables
    assert table["rows"] == [["", "cat", "dog"], ["cat", "99", "1"], ["dog", "1", "3"]]
    looks = [cell["class"] for cell in found.named("td") if cell]
    assert looks == ["right shade-10", "wrong shade-1", "wrong shade-5", "right shade-9"]
    assert "102 of 104 are right (98.08%)" in found.words


def test_pairs_are_named_the_most_often_confused_first():
    true = [8, 8, 8, 1, 1, 1, 3, 0]
    predicted = [1, 1, 8, 8, 8, 1, 5, 0]
    found = read(confusion_matrix_section([str(k) for k in range(10)], true, predicted))
    said = found.words[found.words.index("In words") :].split("\n")
    assert [line for line in said if "taken" in line] == [
        "1 taken for 8: 2 times",
        "8 taken for 1: 2 times",
        "3 taken for 5: once",
    ]


def test_of_equally_many_mistakes_the_larger_part_of_a_class_comes_first():
    found = read(confusion_matrix_section("abc", [0, 0, 0, 1, 1], [0, 0, 2, 1, 2]))
    assert found.words.index("b taken for c") < found.words.index("a taken for c")


def test_few_of_many_pairs_are_named():
    found = read(confusion_matrix_section("abc", [0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]))
    assert len(found.named("li")) == 5
    assert "Most often" in found.words


def test_nothing_in_a_cell_is_no_number():
    (table,) = read(confusion_matrix_section("ab", [0, 0], [0, 0])).tables
    assert table["rows"][1:] == [["a", "2", ""], ["b", "", ""]]


@pytest.mark.parametrize(
    ("true", "said"),
    [([], "There are no examples."), ([0, 1], "No class is taken for another: 2 of 2 are right.")],
)
def test_where_nothing_is_confused_it_is_said(true, said):
    found = read(confusion_matrix_section("ab", true, true))
    assert said in found.words
    assert "taken for b" not in found.words


@pytest.mark.parametrize(("n", "side"), [(26, 26), (256, 256), (257, 129), (500, 250)])
def test_many_classes_are_a_picture(n, side):
    true = np.tile(np.arange(n), 4)
    found = read(confusion_matrix_section([f"n{k}" for k in range(n)], true, true))
    assert found.pictures() == [(side, side)]
    assert ("a point stands for 2 x 2" in found.words) == (n > 256)
    assert found.tables == []


def test_the_picture_is_blue_where_it_is_right_and_orange_where_not(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "dnn_xp.reports.pages.confusion.picture_url", lambda pixels: drawn.append(pixels) or ""
    )
    true, predicted = [0, 0, 0, 0, 1, 29], [0, 0, 0, 5, 1, 1]
    confusion_matrix_section([str(k) for k in range(30)], true, predicted)
    (pixels,) = drawn
    blue, orange = pixels[0, 0], pixels[0, 5]
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]
    assert 128 < pixels[0, 5, 3] < pixels[0, 0, 3] < pixels[29, 1, 3] == 255
    assert np.count_nonzero(pixels[..., 3]) == 4


def test_in_a_point_of_several_classes_a_mistake_is_seen(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "dnn_xp.reports.pages.confusion.picture_url", lambda pixels: drawn.append(pixels) or ""
    )
    confusion_matrix_section([str(k) for k in range(300)], [0, 1, 2, 299], [0, 0, 3, 4])
    (pixels,) = drawn
    np.testing.assert_array_equal(np.argwhere(pixels[..., 3]), [[0, 0], [1, 1], [149, 2]])
    assert pixels[1, 1, 0] > pixels[1, 1, 2]


def test_the_worst_pairs_of_many_classes_are_a_table():
    """Class k is taken for the next one k times, of 100."""
    true = np.repeat(np.arange(60), 100)
    predicted = true + (np.tile(np.arange(100), 60) < true) * (true < 59)
    found = read(confusion_matrix_section([f"n{k}" for k in range(60)], true, predicted))
    (table,) = found.tables
    assert table["caption"] == "The 30 of 58 pairs confused most often"
    assert table["rows"][:2] == [
        ["true class", "taken for", "times", "of the true class"],
        ["n58", "n59", "58", "58.0%"],
    ]
    assert len(table["rows"]) == 31
    assert len(found.named("table", **{"class": "sortable"})) == 1


def test_five_hundred_classes_that_are_all_confused_stay_small():
    true, predicted = np.random.default_rng(0).integers(0, 500, (2, 50_000))
    found = read(confusion_matrix_section([f"{k}" * 100 for k in range(500)], true, predicted))
    assert len(found.html) < 100_000


@pytest.mark.parametrize("copies", [1, 3])
def test_names_of_strangers_stay_texts(copies):
    names = HOSTILE_NAMES * copies
    n = len(names)
    found = read(confusion_matrix_section(names, range(n), [*range(1, n), 0]))
    assert len(found.html) < 30_000
    if copies == 1:
        assert found.tables[0]["rows"][0][1:] == [row[0] for row in found.tables[0]["rows"][1:]]
        assert len(set(found.tables[0]["rows"][0])) == n + 1
    for one in found.named("bdi"):
        assert one == {}


def test_a_single_class_is_a_table_of_one_cell():
    (table,) = read(confusion_matrix_section(["only"], [0, 0], [0, 0])).tables
    assert table["rows"] == [["", "only"], ["only", "2"]]
