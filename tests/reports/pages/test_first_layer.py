"""Weights of the first layer on a page: which units, in which order, in which colours."""

import numpy as np
import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages import first_layer
from dnn_xp.reports.pages.first_layer import first_layer_section
from tests.reports.pages.reading import read

pytestmark = pytest.mark.once


def test_the_longest_weights_come_first_under_the_units_numbers():
    found = read(first_layer_section([[1.0, 0.0], [0.0, -3.0], [2.0, 0.0]], (1, 2, 1)))
    assert [one["alt"] for one in found.named("img")] == ["unit 2", "unit 3", "unit 1"]
    assert found.pictures() == [(2, 1)] * 3
    assert "Orange" in found.words


@pytest.mark.parametrize(("n", "words"), [(64, "of each unit"), (65, "of the 64 of 65 units")])
def test_so_many_units_as_can_be_seen(n, words):
    W = np.random.default_rng(0).normal(size=(n, 64))
    found = read(first_layer_section(W, (8, 8, 1)))
    assert len(found.pictures()) == 64
    assert words in found.words
    assert len(found.html) < 50_000


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (200, 150, 3), (5, 1, 7)])
def test_pictures_of_any_size_stay_within_their_room(shape):
    W = np.random.default_rng(0).normal(size=(100, int(np.prod(shape))))
    found = read(first_layer_section(W, shape))
    n = len(found.pictures())
    assert 20 <= n <= 64
    assert max(max(size) for size in found.pictures()) <= 32
    assert len(found.html) < 100_000
    assert f"of the {n} of 100 units" in found.words


def test_weights_of_three_colours_are_coloured(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        first_layer, "picture_thumbnail", lambda picture, side: drawn.append(picture) or "data:,"
    )
    found = read(first_layer_section([[2.0, -2.0, 0.0]], (1, 1, 3)))
    np.testing.assert_array_equal(drawn[0], [[[1.0, 0.0, 0.5]]])
    assert "Grey is 0" in found.words


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_said_and_nothing_else_suffers(broken):
    W = np.ones((3, 4))
    W[1, 2] = broken
    found = read(first_layer_section(W, (2, 2, 1)))
    assert [one["alt"] for one in found.named("img")] == ["unit 1", "unit 3", "unit 2"]
    assert "not finite" in found.words
    assert "not finite" not in read(first_layer_section(np.ones((3, 4)), (2, 2, 1))).words


@pytest.mark.parametrize("shape", [(2, 2, 1), (5,), (3, 3)])
def test_weights_of_other_pictures_are_refused(shape):
    with pytest.raises(ValueError, match=r"^weights: found \(2, 5\)"):
        first_layer_section(np.ones((2, 5)), shape)
