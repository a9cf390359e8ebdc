"""Limits of a model: each follows from facts, and what is no limit is not told as one."""

import math

import pytest

from dnn_xp.reports.pages.limits import CardFacts, PartFacts, limits_of, some_of, standard_error

pytestmark = pytest.mark.once

HELD_OUT = PartFacts("held out", 100, {"cost": 0.5, "accuracy": 0.8}, is_held_out=True)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"parts": [HELD_OUT]},
            "The accuracy is measured on 100 held-out examples: one standard error is 4 points.",
        ),
        (
            {"parts": [HELD_OUT._replace(figures={"accuracy": 1.0})]},
            "None of 100 held-out examples is wrong; of others up to 0.03 of all may be (95%).",
        ),
        (
            {"parts": [HELD_OUT._replace(figures={"RMSE": 2.0}, errors={"RMSE": 0.25})]},
            "The RMSE is measured on 100 held-out examples: one standard error is 0.25.",
        ),
        (
            {"parts": [HELD_OUT], "chance": {"accuracy": 0.8}, "chance_words": "always cat"},
            "The accuracy is no better than always cat.",
        ),
        (
            {"parts": [PartFacts("training", 9, {"accuracy": 0.89}), HELD_OUT]},
            "It is better on what it was trained on (accuracy 89.00%) than on what was held out "
            "(80.00%).",
        ),
        (
            {"parts": [HELD_OUT._replace(by_class=[0, 20, 19])], "classes": [*"abc"]},
            "No held-out examples of a: how well it knows these is not known.",
        ),
        (
            {"parts": [HELD_OUT._replace(by_class=[0, 20, 19])], "classes": [*"abc"]},
            "Fewer than 20 held-out examples of c (19).",
        ),
        (
            {"parts": [PartFacts("training", 9, by_class=[0, 9])], "classes": [*"ab"]},
            "No training examples of a: it cannot know these.",
        ),
        (
            {"calibration_error": 0.0402},
            "Its probabilities are 4.0 percentage points off, on average over the held-out "
            "examples (ECE).",
        ),
        (
            {"state": "interrupted", "epochs": 3, "epochs_asked": 10},
            "The training was interrupted after 3 of 10 epochs: more may make it better.",
        ),
        (
            {"state": "diverged", "epochs": 1, "epochs_asked": 10},
            "The training diverged after 1 of 10 epochs: its figures are those before, and not to "
            "be relied on.",
        ),
        ({"state": "done", "epochs": 3, "epochs_asked": 10}, "It was trained for 3 of 10 epochs."),
        ({"state": "running", "epochs": 0}, "The training is still going on, after 0 epochs."),
        (
            {"value_range": (0.0, 16.0)},
            "It has seen numbers from 0 to 16: others, such as those of "
            "inverted or unscaled pictures, are foreign to it.",
        ),
        (
            {"target_range": (-1.5, 2.0)},
            "The true values that it was trained on are from -1.5 to 2.",
        ),
    ],
)
def test_limits_follow_from_facts(facts, said):
    assert said in limits_of(CardFacts(**facts))


@pytest.mark.parametrize(
    "facts",
    [
        {"parts": [HELD_OUT], "state": "done", "epochs": 3, "epochs_asked": 3},
        {"parts": [HELD_OUT], "chance": {"accuracy": 0.79}},
        {"parts": [PartFacts("training", 9, {"accuracy": 0.87}), HELD_OUT]},  # within two errors
        {"parts": [HELD_OUT._replace(by_class=[20, 80])], "classes": ["a", "b"]},
        {"parts": [HELD_OUT._replace(figures={"accuracy": 0.8, "RMSE": math.nan})]},
        {"parts": [HELD_OUT], "calibration_error": math.nan},
    ],
)
def test_what_is_no_limit_is_not_told_as_one(facts):
    assert len(limits_of(CardFacts(**facts))) == 1  # how sure the accuracy is


def test_standard_errors_of_what_is_no_share_are_not_guessed():
    assert math.isnan(standard_error(HELD_OUT, "cost"))
    assert math.isnan(standard_error(PartFacts("none", 0, {"accuracy": 0.5}), "accuracy"))


def test_examples_of_other_classes_are_refused():
    facts = CardFacts(classes=["a", "b"], parts=[HELD_OUT._replace(by_class=[1])])
    with pytest.raises(ValueError, match=r"^by_class: found 1, expected 2"):
        limits_of(facts)


def test_of_many_names_a_few_are_told():
    assert some_of([]) == ""
    assert some_of(["a", "b"]) == "a, b"
    assert some_of([*"abcd"], 2) == "a, b and 2 more"
