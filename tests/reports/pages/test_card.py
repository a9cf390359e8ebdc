"""The model card: what is known is there, limits follow from facts, and texts are whole."""

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.card import (
    CardFacts,
    PartFacts,
    Training,
    model_card,
    versions_section,
)
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once

HELD_OUT = PartFacts("held out", 100, {"cost": 0.5, "accuracy": 0.8}, is_held_out=True)


def test_a_card_says_what_is_known():
    facts = CardFacts(
        task="one of 2 classes",
        network="2-8-1 tanh",
        parameters=1_234,
        data="cats",
        classes=["cat", "dog"],
        held_out="a fifth",
        parts=[PartFacts("training", 400, {"accuracy": 0.9}), HELD_OUT],
        chance={"accuracy": 0.5},
        chance_words="always cat",
        epochs=3,
        epochs_asked=3,
        state="done",
        notes="To find cats.\n\nNot for\nlions.",
    )
    found = read(model_card(facts))
    for words in ("one of 2 classes", "2-8-1 tanh", "1,234", "2: cat, dog", "a fifth"):
        assert words in found.words
    assert "400 training, 100 held out" in found.words
    assert found.tables[0]["rows"] == [
        ["metric", "training (400)", "held out (100)", "always cat"],
        ["accuracy", "90.00%", "80.00% ± 4%", "50.00%"],  # the root of 0.8 * 0.2 / 100
        ["cost", "", "0.5", ""],
    ]
    assert "To find cats." in found.words
    assert "Not for lions." in found.words
    assert "Nobody has said it" not in found.words


def test_a_card_of_nothing_says_that_nothing_was_held_out():
    found = read(model_card(CardFacts()))
    assert "Nothing was held out" in found.words
    assert "Nobody has said it" in found.words
    assert found.tables == []
    assert [one for one in found.tags if one[0] == "h3"] == [("h3", {})] * 2


def test_many_classes_do_not_drown_it():
    n = 5_000
    part = HELD_OUT._replace(by_class=[0, 1] * (n // 2))
    found = read(model_card(CardFacts(classes=[f"c{i}" for i in range(n)], parts=[part])))
    assert "5,000: c0, c1" in found.words
    assert "and 2,492 more" in found.words
    assert len(found.html) < 5_000


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_texts_of_strangers_stay_texts(text):
    part = PartFacts(text, 10, {text: 0.5}, by_class=[0, 3], is_held_out=True)
    facts = CardFacts(*[text] * 2, 1, text, text, 1, [text, text], text, [part], {text: 0.5}, text)
    found = read(model_card(facts._replace(state=text, reason=text, notes=text)))
    assert "\u202e" not in found.html
    assert len(found.html) < 60_000


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_how_it_is_repeated_is_whole_and_safe(text):
    found = read(versions_section({text: text}, f"dnn-xp train {text}", Training(*[text] * 3)))
    assert "\u202e" not in found.html
    assert text not in ("a" * 10_000,) or text in found.words
    assert f"dnn-xp train {text}" in found.words or not text.isprintable()


def test_where_and_when_it_was_trained():
    training = Training(
        "torch", "cuda:0", "float32", 7, "2026-12-01T06:00:00+01:00", "2026-12-01T07:30:00+02:00"
    )
    found = read(versions_section({"numpy": "2.4.6"}, "", training))
    assert found.tables[0]["rows"] == [["of", "version"], ["numpy", "2.4.6"]]
    words = " ".join(found.words.split())
    for said in ("torch", "cuda:0", "float32", "seed 7", "2026-12-01 05:00 UTC", "30 min 0 s"):
        assert said in words
    assert not found.named("pre")


def test_what_is_not_known_is_left_out():
    found = read(versions_section({}, "dnn-xp train digits"))
    assert found.words.split() == ["Again", "dnn-xp", "train", "digits"]
    found = read(versions_section({}, "", Training(begun="yesterday", seconds=-1.0)))
    assert found.words.split() == ["Again", "begun", "yesterday"]
