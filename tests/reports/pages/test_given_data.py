"""Data that a page is given in Python, as the examples that a model is shown."""

import numpy as np
import pytest

from dnn_xp import Dense, Model, Network
from dnn_xp.data import Dataset
from dnn_xp.reports.examples import Examples
from dnn_xp.reports.pages.facts import Facts
from dnn_xp.reports.pages.given_data import given_examples, interval_of

pytestmark = pytest.mark.once

X = np.random.default_rng(0).normal(size=(2, 5))


def facts(cost, n_outputs, **more):
    network = Network(2, (Dense(n_outputs),), cost)
    return Facts("m", model=Model(network, np.zeros(network.size), **more))


@pytest.mark.parametrize(
    ("cost", "n_outputs", "Y", "task", "y"),
    [
        ("softmax_cross_entropy", 3, [0, 1, 2, 1, 0], "classes", [0, 1, 2, 1, 0]),
        (
            "softmax_cross_entropy",
            2,
            [[1, 0, 0, 1, 1], [0, 1, 1, 0, 0]],
            "classes",
            [0, 1, 1, 0, 0],
        ),
        ("sigmoid_cross_entropy", 1, [[0, 1, 1, 0, 1]], "classes", [0, 1, 1, 0, 1]),
        ("sigmoid_cross_entropy", 2, [[0, 1, 1, 0, 1]] * 2, "labels", [[0, 1, 1, 0, 1]] * 2),
        ("squared_error", 1, [[0.5, 1, 1, 0, 1]], "regression", [[0.5, 1, 1, 0, 1]]),
        ("poisson", 1, [[5, 1, 1, 0, 1]], "counts", [[5, 1, 1, 0, 1]]),
    ],
)
def test_targets_are_what_the_cost_takes(cost, n_outputs, Y, task, y):
    found = given_examples(facts(cost, n_outputs), (X, np.asarray(Y))).part
    assert (found.task, found.y.tolist()) == (task, y)
    assert found.X is X or np.array_equal(found.X, X)


def test_classes_of_a_data_set_are_those_of_the_model():
    model = facts("softmax_cross_entropy", 2, classes=("cat", "dog"))
    data = Dataset(X, np.asarray([0, 0, 0, 0, 0]), ("dog",), None, None)
    found = given_examples(model, data).part
    assert (found.classes, found.y.tolist()) == (("cat", "dog"), [1] * 5)


def test_examples_are_taken_as_they_are():
    shown = Examples("mine", Dataset(X, X[:1], None, None, None))
    assert given_examples(Facts("none"), shown) is shown


@pytest.mark.parametrize("data", [3, (X,), (X, X, X), "digits", {"X": X}])
def test_what_is_no_pair_is_refused(data):
    with pytest.raises(ValueError, match="data: found"):
        given_examples(facts("squared_error", 1), data)


class Fitted:
    """What predicts, and has intervals only where something was held out."""

    def __init__(self, ends):
        self.ends = ends

    def predict_interval(self, X, coverage):
        if self.ends is None:
            raise ValueError("nothing was held out")
        return np.asarray(self.ends)


@pytest.mark.parametrize(
    ("ends", "low", "high"),
    [
        ([[0, 1], [2, 3], [4, 5]], [[0, 2, 4]], [[1, 3, 5]]),
        ([[[0, 1], [6, 7]], [[2, 3], [8, 9]]], [[0, 2], [6, 8]], [[1, 3], [7, 9]]),
    ],
)
def test_intervals_are_rows_of_targets(ends, low, high):
    found = interval_of(Fitted(ends), X.T)
    assert (found[0].tolist(), found[1].tolist(), found[2]) == (low, high, 0.9)


def test_without_intervals_there_are_none():
    assert interval_of(Fitted(None), X.T) is None
    assert interval_of(object(), X.T) is None
