"""Which metrics are shown of which data, and what they are."""

import re

import pytest

from dnn_xp.app.experiment import ExampleArrays
from dnn_xp.app.metrics import choose_metrics, measure
from dnn_xp.functions.metrics import METRICS, accuracy, f1, roc_auc
from dnn_xp.layers import Dense
from dnn_xp.network import Network

TWO, SEVERAL, TARGETS = ("a", "b"), ("a", "b", "c"), None
LABELS = "labels"
"""Several of which may hold at once, called as classes are."""


def choose(kind, asked=()):
    """Return the metrics of two classes, several, targets or labels."""
    return choose_metrics(*((SEVERAL, asked, LABELS) if kind is LABELS else (kind, asked)))


def test_what_is_always_shown_comes_first():
    assert choose_metrics(TWO) == choose_metrics(SEVERAL) == {"accuracy": accuracy}
    assert list(choose_metrics(TARGETS)) == ["RMSE", "R2"]
    assert choose_metrics(TWO, ["roc_auc", "f1"]) == {
        "accuracy": accuracy,
        "roc_auc": roc_auc,
        "f1": f1,
    }
    assert list(choose_metrics(TWO, ["roc_auc", "f1"])) == ["accuracy", "roc_auc", "f1"]


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (TWO, ["accuracy"]),
        (SEVERAL, ["accuracy"]),
        (TARGETS, ["r2", "root_mean_squared_error"]),
        (LABELS, ["multilabel_f1", "multilabel_accuracy"]),
    ],
)
def test_none_is_shown_twice(classes, names):
    usual = choose(classes)
    assert choose(classes, names) == usual


def test_counts_are_shown_as_targets():
    assert choose_metrics(None, (), "counts") == choose_metrics(None)
    assert list(choose_metrics(None, ["mean_absolute_error"], "counts")) == ["RMSE", "R2", "MAE"]


@pytest.mark.parametrize(
    ("classes", "name"),
    [
        (TWO, "top_k_accuracy"),
        (SEVERAL, "roc_auc"),
        (TARGETS, "accuracy"),
        (TWO, "r2"),
        (TWO, "hamming_loss"),
        (LABELS, "accuracy"),
        (LABELS, "r2"),
    ],
)
def test_what_does_not_suit_the_data_is_refused(classes, name):
    with pytest.raises(ValueError, match=f"^--metric: found '{name}', expected one of "):
        choose(classes, [name])


def suitable(classes):
    """Return the names of all metrics that may be asked for."""
    with pytest.raises(ValueError, match="expected one of") as refused:
        choose(classes, ["luck"])
    return re.search(r"expected one of (.*) for", str(refused.value))[1].split(", ")


def test_every_metric_suits_some_data():
    names = {name for classes in (TWO, SEVERAL, TARGETS, LABELS) for name in suitable(classes)}
    assert names == set(METRICS)


@pytest.mark.parametrize(
    ("classes", "cost"),
    [
        (TWO, "sigmoid_cross_entropy"),
        (SEVERAL, "softmax_cross_entropy"),
        (TARGETS, "squared_error"),
        (LABELS, "sigmoid_cross_entropy"),
    ],
)
def test_what_suits_can_be_measured(array, classes, cost):
    n_outputs = 3 if classes in (SEVERAL, LABELS) else 1
    network = Network(1, (Dense(n_outputs),), cost)
    Y = array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]][:n_outputs])
    examples, metrics = ExampleArrays(array([[-1.0, 0.0, 1.0]]), Y), suitable(classes)
    values = measure(network, network.initialize(like=Y), examples, choose(classes, metrics))
    assert len(values) == 1 + len(metrics)
    assert all(type(value) is float for value in values.values())


def test_measure(array):
    network = Network(1, (Dense(1),), "squared_error")
    theta = array([2.0, 1.0])  # predicts 2 x + 1
    examples = ExampleArrays(array([[0.0, 1.0, 2.0, 3.0]]), array([[1.0, 3.0, 5.0, 9.0]]))
    values = measure(network, theta, examples, choose_metrics(None, ["mean_absolute_error"]))
    # One error of 2: half of 4 / 4, the root of 4 / 4, 1 - 4 / 35 and 2 / 4.
    assert values == pytest.approx({"cost": 0.5, "RMSE": 1.0, "R2": 1 - 4 / 35, "MAE": 0.5})


def test_of_several_quantiles_the_nearest_to_the_median_is_measured(array):
    network = Network(1, (Dense(2),), ("quantile", [0.1, 0.6]))
    theta = array([-9.0, 2.0, -9.0, 1.0])  # whose 0.6-quantile is 2 x + 1
    examples = ExampleArrays(array([[0.0, 1.0, 2.0, 3.0]]), array([[1.0, 3.0, 5.0, 9.0]]))
    values = measure(network, theta, examples, choose_metrics(None))
    assert values["RMSE"] == pytest.approx(1.0)
    assert values["R2"] == pytest.approx(1 - 4 / 35)
