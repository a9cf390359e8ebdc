"""The figures at the top of a page: their words, and what stands beside them."""

import math

import pytest

from dnn_xp.reports.pages.facts import Facts
from dnn_xp.reports.pages.headlines import (
    chance_words,
    describe_epochs,
    of_calibration,
    of_figures,
    of_mistakes,
    of_run,
)

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("task", "found", "chance", "said"),
    [
        (
            "classes",
            {"accuracy": 0.975, "log_loss": 0.1},
            {"accuracy": 0.1},
            [("97.50%", "accuracy, of 9", "by chance: 10.00%")],
        ),
        (
            "values",
            {"RMSE": 11.8321, "MAE": 9.0, "R2": 0.98},
            {"RMSE": 84.94},
            [("11.83", "RMSE, of 9", "by chance: 84.94"), ("0.98", "R2, of 9", "")],
        ),
        ("labels", {"multilabel_accuracy": 1.0}, {}, [("100.00%", "every label right, of 9", "")]),
        ("values", {"RMSE": math.nan}, {}, [("not a number", "RMSE, of 9", "")]),
        ("values", {"RMSE": 123456.7}, {}, [("123,457", "RMSE, of 9", "")]),
        ("classes", {}, {}, []),
    ],
)
def test_figures_stand_beside_chance(task, found, chance, said):
    assert [tuple(one) for one in of_figures(task, found, chance, "by chance", "of 9")] == said


def test_it_is_said_where_what_is_common_was_counted():
    assert chance_words("classes", known=True) == "always the commonest class in training"
    assert chance_words("values", known=False) == "always the mean"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Facts("a"), []),
        (Facts("a", epochs=1), [("1", "epoch")]),
        (Facts("a", epochs=1200, epochs_asked=5000), [("1,200", "of 5,000 epochs")]),
        (Facts("a", epochs=7, unit="iterations"), [("7", "iterations")]),
        (
            Facts("a", epochs=9, begun="2026-01-01T00:00:00", ended="2026-01-01T00:02:05"),
            [("2 min 5 s", "from beginning to end, 9 epochs")],
        ),
    ],
)
def test_how_long_the_training_was(facts, said):
    assert [(one.value, one.words) for one in of_run(facts)] == said


def test_epochs_that_are_not_all_done_are_told_from_those_that_are():
    assert describe_epochs(Facts("a", epochs=3, epochs_asked=3)) == "3 epochs"
    assert describe_epochs(Facts("a", epochs=3, epochs_asked=4)) == "3 of 4 epochs"


def test_one_mistake_is_one():
    assert of_mistakes(1, "of 5 held out").words == "mistake, of 5 held out"
    assert of_mistakes(1234, "of 5,000").value == "1,234"


def test_the_calibration_error_is_a_part_of_a_hundred():
    assert of_calibration(0.0357).value == "3.57%"
