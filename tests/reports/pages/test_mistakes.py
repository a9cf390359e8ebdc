"""Mistakes on a page: which, in which order, with what is said of them, and how many."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.mistakes import mistakes_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once

CLASSES = ["cat", "dog"]
TRUE = [0, 0, 1, 1]
SAID = np.asarray([[0.9, 0.3, 0.6, 0.8], [0.1, 0.7, 0.4, 0.2]])


def many(m, n_classes=10):
    """Return true classes, and probabilities by which each example is taken for another one."""
    rng = np.random.default_rng(m)
    A = rng.random((n_classes, m))
    return (A.argmax(axis=0) + 1) % n_classes, A / A.sum(axis=0)


def test_the_surest_mistake_comes_first_with_both_probabilities():
    found = read(mistakes_section(CLASSES, TRUE, SAID))
    (table,) = found.tables
    assert table["rows"] == [
        ["example", "predicted", "probability", "true class", "its probability"],
        ["no. 3", "cat", "80.0%", "dog", "20.0%"],
        ["no. 1", "dog", "70.0%", "cat", "30.0%"],
        ["no. 2", "cat", "60.0%", "dog", "40.0%"],
    ]
    assert "3 of 4 are taken for another class. Numbers of examples count from 0." in found.words
    assert found.pictures() == []


def test_names_of_examples_stand_for_their_numbers_where_there_are_any():
    names = ["a.png", "sub/b.png", "", "c.png"]
    found = read(mistakes_section(CLASSES, TRUE, SAID, names=names))
    assert [row[0] for row in found.tables[0]["rows"][1:]] == ["c.png", "sub/b.png", "no. 2"]
    assert found.named("th", scope="row") == [{"scope": "row"}] * 3, "they are sorted as texts"
    assert "count from 0" not in found.words


def test_each_picture_stands_with_its_words_and_beside_what_the_network_looks_at():
    asked = []

    def saliency(indices):
        asked.append(indices.tolist())
        return np.ones((len(indices), 8, 4, 1))

    pictures = np.zeros((4, 8, 4, 1))
    found = read(mistakes_section(CLASSES, TRUE, SAID, pictures=pictures, saliency=saliency))
    assert asked == [[3, 1, 2]]
    assert found.pictures() == [(4, 8)] * 6
    assert [one["alt"] for one in found.named("img")[::2]] == [
        "no. 3, of dog, taken for cat",
        "no. 1, of cat, taken for dog",
        "no. 2, of dog, taken for cat",
    ]
    for said in ("predicted: cat (80.0%)", "true: dog (20.0%)", "no. 3", "blue"):
        assert said in found.words
    assert found.tables == []
    assert "blue" not in read(mistakes_section(CLASSES, TRUE, SAID, pictures=pictures)).words


def test_the_pictures_are_those_of_the_mistakes(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "dnn_xp.reports.pages.mistakes.picture_thumbnail",
        lambda picture, side: drawn.append(picture) or "",
    )
    pictures = np.arange(4.0).reshape(4, 1, 1, 1)
    mistakes_section(CLASSES, TRUE, SAID, pictures=pictures)
    assert [float(one.item()) for one in drawn] == [3.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("true", "said"),
    [
        ([0, 1, 0, 0], "None: every class of 4 is right."),
        ([], "There are no examples."),
    ],
)
def test_where_there_are_none_it_is_said(true, said):
    pictures = np.zeros((len(true), 2, 2, 1))

    def saliency(indices):
        raise AssertionError("nothing is shown")

    section = mistakes_section(
        CLASSES, true, SAID[:, : len(true)], pictures=pictures, saliency=saliency
    )
    found = read(section)
    assert said in found.words
    assert found.tables == []


def test_what_is_no_number_is_a_mistake_is_said_and_comes_last():
    A = SAID.copy()
    A[:, 0] = np.nan
    A[1, 3] = np.nan
    found = read(mistakes_section(CLASSES, TRUE, A, pictures=np.full((4, 2, 2, 1), np.nan)))
    assert "4 of 4 are taken for another class" in found.words
    assert "Of 2 examples probabilities are not numbers (NaN)" in found.words
    assert [one["alt"][:5] for one in found.named("img")] == ["no. 1", "no. 2", "no. 0", "no. 3"]
    assert found.words.count("(NaN)") == 5


def test_a_thousand_mistakes_unfold_and_the_others_are_counted():
    true, A = many(1_500)
    pictures = np.random.default_rng(0).random((1_500, 8, 8, 1))
    section = mistakes_section(
        [str(k) for k in range(10)],
        true,
        A,
        pictures=pictures,
        saliency=lambda indices: pictures[indices] - 0.5,
    )
    found = read(section)
    assert found.pictures() == [(8, 8)] * 120
    (table,) = found.tables
    assert len(table["rows"]) == 1 + 940
    assert "1,500 of 1,500" in found.words
    assert "pictures of the surest 60" in found.words
    assert "36 more with a picture" in found.words
    assert "940 more without a picture" in found.words
    assert "500 more, of which it is less sure, are not listed" in found.words
    assert found.named("details") == [{}, {}]
    assert len(found.html) < 250_000


def test_without_pictures_a_thousand_are_a_table():
    found = read(mistakes_section([str(k) for k in range(10)], *many(1_200)))
    assert [len(table["rows"]) for table in found.tables] == [25, 977]
    assert "200 more, of which" in found.words


@pytest.mark.parametrize(
    "shape", [(28, 28, 1), (32, 32, 3), (64, 64, 3), (300, 200, 3), (1, 999, 1), (97, 89, 4)]
)
def test_pictures_of_any_size_stay_within_their_room(shape):
    true, A = many(70)
    pictures = np.random.default_rng(0).random((70, *shape))
    section = mistakes_section(
        [str(k) for k in range(10)],
        true,
        A,
        pictures=pictures,
        saliency=lambda indices: pictures[indices] - 0.5,
    )
    found = read(section)
    shown = len(found.pictures()) // 2
    assert 15 <= shown <= 60
    assert max(max(size) for size in found.pictures()) <= 64
    assert sum(len(one["src"]) for one in found.named("img")) <= 150_000
    assert f"pictures of the surest {shown}." in found.words
    assert len(found.tables[0]["rows"]) == 1 + 70 - shown


def test_few_large_pictures_are_shown_larger_than_many():
    rng = np.random.default_rng(0)
    sizes = []
    for m in (3, 12, 60):
        true, A = many(m)
        pictures = rng.random((m, 100, 100, 3))
        found = read(mistakes_section([str(k) for k in range(10)], true, A, pictures=pictures))
        sizes.append(found.pictures()[0][0])
    assert sizes == [64, 48, 32]


def test_small_pictures_keep_their_points():
    small, large = (
        read(mistakes_section(CLASSES, TRUE, SAID, pictures=np.zeros((4, side, side, 1))))
        for side in (32, 33)
    )
    assert small.named("ul") == [{"class": "gallery coarse"}]
    assert large.named("ul") == [{"class": "gallery"}]


def test_names_of_strangers_stay_texts():
    n = len(HOSTILE_NAMES)
    A = np.eye(n)[:, [*range(1, n), 0]]
    pictures = np.zeros((n, 2, 2, 3))
    for options in ({}, {"pictures": pictures}):
        found = read(
            mistakes_section(HOSTILE_NAMES, range(n), A, names=HOSTILE_NAMES[::-1], **options)
        )
        assert len(found.named("img")) == (n if options else 0)
        assert len(found.html) < 20_000
        assert "(no. 10)" in found.words
        assert "\u202e" not in found.html


@pytest.mark.parametrize(
    ("true", "said", "options", "named"),
    [
        ([[0]], [[1], [0]], {}, "true"),
        ([0], [[1]], {}, "probabilities"),
        ([0], [1, 0], {}, "probabilities"),
        ([0], [[1, 0]], {}, "probabilities"),
        ([0], [[1], [0]], {"pictures": np.zeros((2, 2, 2, 1))}, "pictures"),
        ([0], [[1], [0]], {"pictures": np.zeros((1, 4))}, "pictures"),
        ([0], [[1], [0]], {"names": ["a", "b"]}, "names"),
        ([2], [[1], [0]], {}, "true"),
        ([-1], [[1], [0]], {}, "true"),
        ([0.5], [[1], [0]], {}, "true"),
    ],
)
def test_what_does_not_fit_is_refused(true, said, options, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        mistakes_section(CLASSES, true, said, **options)
