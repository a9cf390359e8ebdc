"""The model card: facts as they are given, and limits that follow from numbers."""

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.card import CardFacts, limits_of, model_card, versions_section
from tests.reports.pages.reading import HOSTILE_NAMES, read

pytestmark = pytest.mark.once

FACTS = CardFacts(
    [("task", "2 classes"), ("parameters", "41")],
    [("data", "pets"), ("held out", "50 of 500")],
    {"training": {"cost": 0.25, "accuracy": 1.0}, "held out": {"accuracy": 0.98}},
    ["It is small."],
    "For reading.\n\nNot for <b>cats</b>.",
)


def test_facts_and_figures_stand_in_tables():
    found = read(model_card(FACTS))
    model, data, figures = found.tables
    assert model["rows"] == [["task", "2 classes"], ["parameters", "41"]]
    assert data["rows"] == [["data", "pets"], ["held out", "50 of 500"]]
    assert figures["rows"] == [
        ["figure", "training", "held out"],
        ["cost", "0.25", "-"],
        ["accuracy", "100.00%", "98.00%"],
    ]
    assert "It is small." in found.words
    assert "Not for <b>cats</b>." in found.words
    assert len(found.named("p")) == 2


def test_of_nothing_there_is_nothing():
    found = read(model_card(CardFacts([], [])))
    assert found.tables == []
    assert "Limits" not in found.words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n_shown": 0}, ["No examples were shown"]),
        # The root of 0.9 * 0.1 / 100 is 0.03.
        ({"n_shown": 100, "accuracy": 0.9}, ["its standard error is 3.0 percentage points"]),
        ({"n_shown": 7}, ["The figures are of 7 examples."]),
        ({"n_shown": 7, "are_held_out": False}, ["Nothing was held out"]),
        ({"n_shown": 7, "ending": "interrupted after 3 of 10 epochs"}, ["interrupted after 3 of"]),
        ({"n_shown": 7, "error": 0.071}, ["they are 7.1 percentage points off"]),
        (
            {"n_shown": 90, "classes": ["a", "b", "c"], "examples": [0, 29, 30]},
            [
                "and so not judged: a.",
                "Of fewer than 30 examples here, so that little is known: b.",
            ],
        ),
        (
            {"n_shown": 9, "classes": [f"c{i}" for i in range(11)], "examples": [0] * 11},
            ["c0, c1, c2, c3, c4, c5, c6, c7 and 3 more."],
        ),
    ],
)
def test_limits_follow_from_the_numbers(arguments, said):
    found = limits_of(arguments.pop("n_shown"), **arguments)
    for words in said:
        assert len([one for one in found if words in one]) == 1, found


@pytest.mark.parametrize("error", [None, 0.049])
def test_probabilities_that_are_about_right_are_no_limit(error):
    assert not [one for one in limits_of(10, error=error) if "probabilities" in one]


def test_a_command_is_never_cut():
    command = "dnn-xp train " + "x" * 5_000 + " <b>"
    found = read(versions_section(command, {"numpy": "2.4.6"}, [("seed", "0")], "/home/a & b"))
    assert command in found.words
    assert "/home/a & b" in found.words
    assert found.tables[0]["rows"] == [["seed", "0"], ["numpy", "2.4.6"]]


def test_without_a_command_there_are_versions():
    found = read(versions_section("", {"python": "3.11.7"}))
    assert not found.named("pre")
    assert found.tables[0]["rows"] == [["python", "3.11.7"]]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_of_strangers_stay_names(name):
    facts = CardFacts([(name, name)], [(name, name)], {name: {name: 1.0}}, [name], name)
    for section in (model_card(facts), versions_section(name, {name: name}, [(name, name)], name)):
        found = read(section)
        assert not found.named("img")
        assert "\u202e" not in found.html
