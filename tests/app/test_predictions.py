"""Predictions as columns, of networks and of estimators."""

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.predictions import join, of_outputs
from dnn_xp.layers import Dense
from dnn_xp.models import Model
from dnn_xp.network import Network


def model(n_outputs, cost, classes=None):
    network = Network(1, (Dense(n_outputs),), cost)
    return Model(network, np.zeros(network.size), classes=classes)


def listed(predictions):
    return {name: column.tolist() for name, column in predictions.columns.items()}


@pytest.mark.parametrize(
    ("A", "classes", "expected"),
    [
        ([[0.2], [0.5], [0.3]], ("a", "b", "c"), ("b", 0.5, "c", 0.3)),
        ([[0.25]], ("no", "yes"), ("no", 0.75, "yes", 0.25)),
        ([[0.5]], ("no", "yes"), ("no", 0.5, "yes", 0.5)),
        ([[1.0]], ("no", "yes"), ("yes", 1.0, "no", 0.0)),
        ([[1.0], [0.0]], ("a", "b"), ("a", 1.0, "b", 0.0)),
        ([[0.0], [0.0], [1.0]], None, ("2", 1.0, "0", 0.0)),
    ],
)
def test_the_likeliest_class_and_the_next_one(A, classes, expected):
    cost = "sigmoid_cross_entropy" if len(A) == 1 else "softmax_cross_entropy"
    found = of_outputs(np.asarray(A), model(len(A), cost, classes))
    names = ("class", "probability", "runner-up", "runner-up probability")
    assert listed(found) == {name: [value] for name, value in zip(names, expected, strict=True)}
    assert found.probabilities.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("A", "labels", "next_one"),
    [
        ([0.9, 0.1, 0.6], "a, c", "b"),
        ([0.6, 0.1, 0.9], "a, c", "b"),
        ([0.5, 0.1, 0.2], "", "a"),
        ([0.9, 0.8, 0.7], "a, b, c", ""),
        ([0.0, 0.0, 0.0], "", "a"),
    ],
)
def test_labels_above_a_half_and_the_next_one(A, labels, next_one):
    of = model(3, "sigmoid_cross_entropy", ("a", "b", "c"))
    found = listed(of_outputs(np.asarray(A)[:, None], of))
    assert (found["labels"], found["runner-up"]) == ([labels], [next_one])
    assert found["probability"] == [min(max(p, 1 - p) for p in A)]
    expected = max((p for p in A if p <= 0.5), default=np.nan)
    assert found["runner-up probability"] == pytest.approx([expected], nan_ok=True)


def test_values_come_in_their_order():
    A = np.arange(6.0).reshape(2, 3)
    found = listed(of_outputs(A, model(2, "squared_error")))
    assert found == {"value 1": [0.0, 1.0, 2.0], "value 2": [3.0, 4.0, 5.0]}
    found = listed(of_outputs(A, model(2, ("quantile", [0.1, 0.9]))))
    assert found == {"value at 0.1": [0.0, 1.0, 2.0], "value at 0.9": [3.0, 4.0, 5.0]}


def test_choices_stand_side_by_side():
    A = np.asarray([[0.3], [0.7], [0.5], [0.4], [0.1]])
    found = of_outputs(A, model(5, ("grouped_softmax_cross_entropy", 2, 3)))
    assert listed(found)["output 1 class"] == ["1"]
    assert listed(found)["output 2 class"] == ["0"]
    assert listed(found)["output 2 runner-up probability"] == [0.4]
    assert found.classes == ("1: 0", "1: 1", "2: 0", "2: 1", "2: 2")


def test_parts_are_joined_in_their_order():
    A, of = np.random.default_rng(0).dirichlet(np.ones(3), 9).T, model(3, "softmax_cross_entropy")
    whole = of_outputs(A, of)
    joined = join([of_outputs(A[:, part], of) for part in (slice(4), slice(4, 5), slice(5, 9))])
    assert listed(joined) == listed(whole)
    assert np.array_equal(joined.probabilities, whole.probabilities)
