"""What a model says beside what is true: figures by hand, and those of what has learnt nothing."""

import math

import numpy as np
import pytest

from dnn_xp import Dense, Model, Network
from dnn_xp.data import Dataset
from dnn_xp.reports.examples import Examples
from dnn_xp.reports.pages.judging import Judged, chance_figures, figures, judge

pytestmark = pytest.mark.once

CLASSES = Judged(
    "classes",
    ("a", "b"),
    np.asarray([0, 1, 1, 1]),
    np.asarray([[0.9, 0.8, 0.25, 0.0], [0.1, 0.2, 0.75, 1.0]]),
)
LABELS = Judged(
    "labels",
    ("a", "b"),
    np.asarray([[1, 0, 0], [1, 1, 0]]),
    np.asarray([[0.9, 0.9, 0.1], [0.9, 0.9, 0.1]]),
)
VALUES = Judged("values", ("target",), np.asarray([[0.0, 2.0, 4.0]]), np.asarray([[0.0, 2.0, 1.0]]))


@pytest.mark.parametrize(
    ("judged", "found"),
    [
        (CLASSES, {"accuracy": 3 / 4, "balanced_accuracy": (1 + 2 / 3) / 2}),
        (LABELS, {"multilabel_accuracy": 2 / 3, "multilabel_f1": (2 / 3 + 1) / 2}),
        (VALUES, {"RMSE": math.sqrt(3.0), "MAE": 1.0, "R2": 1 - 9 / 8}),
    ],
)
def test_the_figures_by_hand(judged, found):
    assert {name: figures(judged)[name] for name in found} == pytest.approx(found)


@pytest.mark.parametrize(
    ("judged", "known", "found"),
    [
        (CLASSES, None, {"accuracy": 3 / 4, "balanced_accuracy": 1 / 2}),
        (CLASSES, [0, 0, 1], {"accuracy": 1 / 4, "balanced_accuracy": 1 / 2}),
        (LABELS, None, {"multilabel_accuracy": 1 / 3}),  # no a, but b
        (LABELS, [[0], [0]], {"multilabel_accuracy": 1 / 3}),  # neither
        (VALUES, None, {"RMSE": math.sqrt(8 / 3), "MAE": 4 / 3}),
        (VALUES, [[0.0, 8.0]], {"RMSE": math.sqrt((16 + 4) / 3), "MAE": 2.0}),
        (CLASSES, [], {"accuracy": 3 / 4}),
    ],
)
def test_what_has_learnt_nothing_by_hand(judged, known, found):
    chance = chance_figures(judged, None if known is None else np.asarray(known))
    assert {name: chance[name] for name in found} == pytest.approx(found)
    assert not {"log_loss", "R2"} & {*chance}, "which say nothing of who always says the same"


def test_no_examples_have_no_figures():
    none = CLASSES._replace(true=CLASSES.true[:0], said=CLASSES.said[:, :0])
    assert figures(none) == chance_figures(none) == {}


def model(cost, n_outputs, **more):
    network = Network(2, (Dense(n_outputs),), cost)
    return Model(network, np.zeros(network.size), **more)


@pytest.mark.parametrize(
    ("model", "y", "task", "names", "n_rows"),
    [
        (model("softmax_cross_entropy", 3), [0, 2], "classes", ("0", "1", "2"), 3),
        (
            model("softmax_cross_entropy", 2, classes=("x", "y")),
            [0, 1],
            "classes",
            ("x", "y"),
            2,
        ),
        (model("sigmoid_cross_entropy", 1), [0, 1], "classes", ("0", "1"), 2),
        (model("squared_error", 1), [[0.0, 1.0]], "values", ("target",), 1),
        (model("squared_error", 1, about={"target": "price"}), [[0, 1]], "values", ("price",), 1),
        (model("squared_error", 2), [[0, 1], [1, 2]], "values", ("target 1", "target 2"), 2),
        (model(("quantile", 0.1, 0.5, 0.9), 3), [[0.0, 1.0]], "values", ("target",), 1),
    ],
)
def test_what_is_learnt_is_told_by_the_examples(model, y, task, names, n_rows):
    part = Dataset(np.zeros((2, 2)), np.asarray(y), None, None, None)
    found = judge(model, Examples("", part))
    assert (found.task, found.names, len(found.said)) == (task, names, n_rows)


def test_labels_have_names_or_numbers():
    part = Dataset(np.zeros((2, 2)), np.zeros((2, 2)), None, None, None, "labels")
    found = judge(model("sigmoid_cross_entropy", 2), Examples("", part))
    assert (found.task, found.names) == ("labels", ("0", "1"))
