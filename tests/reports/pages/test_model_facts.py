"""What a model card says, gathered from a run, its model and its examples."""

import numpy as np
import pytest

from dnn_xp import Dense, Model, Network
from dnn_xp.data import Dataset
from dnn_xp.reports.examples import Examples
from dnn_xp.reports.pages.facts import Facts
from dnn_xp.reports.pages.judging import Judged
from dnn_xp.reports.pages.model_facts import card_facts, describe_model, where_and_when

pytestmark = pytest.mark.once

LINE = Model(Network(2, (Dense(1),), "squared_error"), np.zeros(3), about={"target": "price"})
VALUES = Judged("values", ("price",), np.asarray([[1.0, 2.0]]), np.asarray([[1.0, 2.0]]))
CLASSES = Judged("classes", ("a", "b"), np.asarray([0, 1, 1]), np.eye(2)[:, [0, 1, 1]])


def shown(y, *, held_out=False, training=None):
    part = Dataset(np.zeros((2, y.shape[-1])), y, None, None, None)
    return Examples("x", part, training=training, is_held_out=held_out)


def card(model, judged, seen=None, *, held_out=False):
    own = shown(judged.true, held_out=held_out)
    return card_facts(Facts("m", model=model), own, judged, {}, seen, None, "")


def test_what_was_held_out_is_counted():
    found = card(
        LINE,
        VALUES,
        VALUES._replace(true=np.asarray([[0.0, 5.0, 9.0]]), said=np.zeros((1, 3))),
        held_out=True,
    )
    assert found.held_out == "2 of 5 examples (40.0%)"
    assert found.target_range == (0.0, 9.0)
    assert [(one.name, one.examples, one.is_held_out) for one in found.parts] == [
        ("training", 3, False),
        ("held out", 2, True),
    ]
    assert found.chance_words == "always the mean in training"


def test_of_other_examples_it_is_not_known_whether_they_were_held_out():
    found = card(LINE, VALUES)
    assert [(one.name, one.is_held_out) for one in found.parts] == [("shown", None)]
    assert (found.held_out, found.target_range) == ("", None)


@pytest.mark.parametrize(
    ("judged", "task", "example"),
    [
        (VALUES, "a number: price", "2 features, 1 target"),
        (VALUES._replace(names=("target",)), "a number", "2 features, 1 target"),
        (CLASSES, "one of 2 classes", "2 features, 2 classes"),
    ],
)
def test_the_task_in_words(judged, task, example):
    found = card(LINE, judged)
    assert (found.task, found.example) == (task, example)


def test_examples_are_counted_by_class():
    assert card(LINE, CLASSES).parts[0].by_class == [1, 2]


def test_a_model_alone_is_described():
    found = card_facts(Facts("m", model=LINE, epochs=3), None, None, {}, None, None, "mine")
    assert (found.task, found.parameters, found.epochs, found.notes) == ("a number", 3, 3, "mine")
    assert found.parts == []
    assert describe_model(None) == ""
    table = {"estimator": "TabularRegressor", "names": ["a"]}
    many = LINE._replace(theta=np.zeros((4, 3)), table=table)
    assert describe_model(many).startswith("TabularRegressor: 4 networks, each 2-1")


def test_where_and_when_as_far_as_it_is_known():
    about = {"seed": 3, "backend": "torch", "dtype": "float32", "device": 7}
    found = where_and_when(Facts("m", about=about, begun="x", ended="y"))
    assert (found.backend, found.device, found.dtype, found.seed) == ("torch", "", "float32", 3)
    assert where_and_when(Facts("m", model=LINE)).dtype == "float64"
