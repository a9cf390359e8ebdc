"""Words for what is shown, and which metrics are better when they are larger."""

import numpy as np
import pytest

from dnn_xp.data import Dataset
from dnn_xp.layers import Dense, Dropout
from dnn_xp.network import Network
from dnn_xp.reports.words import (
    counted,
    describe_data,
    describe_metric,
    describe_network,
    mode_by_name,
)

pytestmark = pytest.mark.once

X, y = np.zeros((12, 5)), np.zeros(5, dtype=np.int64)


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        (Dataset(X, y, ("a", "b"), (2, 2, 3), 255), "2 x 2 x 3 pictures, 2 classes"),
        (Dataset(X, y, ("a", "b", "c"), None, None), "12 features, 3 classes"),
        (Dataset(X[:1], np.zeros((1, 5)), None, None, None), "1 feature, 1 target"),
        (Dataset(X, np.zeros((2, 5)), None, None, None), "12 features, 2 targets"),
        (
            Dataset(X, np.zeros((2, 5)), ("a", "b"), None, None, "labels"),
            "12 features, 2 labels",
        ),
        (Dataset(X, np.zeros((1, 5)), None, None, None, "counts"), "12 features, 1 count"),
    ],
)
def test_data(dataset, said):
    assert describe_data(dataset) == said


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ((Dense(1),), "4-1, squared_error, 5 parameters"),
        (
            (Dense(100, "relu"), Dropout(0.1), Dense(9, "relu"), Dense(1)),
            "4-100-9-1 relu, dropout 0.1, squared_error, 1,419 parameters",
        ),
        ((Dense(2, "relu"), Dense(1, "tanh"), Dense(1)), "4-2-1-1 relu tanh"),
    ],
)
def test_network(layers, said):
    assert describe_network(Network(4, layers, "squared_error")).startswith(said)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("accuracy", 0.98123, "98.12%"),
        ("balanced_accuracy", 1.0, "100.00%"),
        ("cost", 0.00123456, "0.001235"),
        ("RMSE", 12345.678, "1.235e+04"),
    ],
)
def test_a_metric(name, value, said):
    assert describe_metric(name, value) == said


@pytest.mark.parametrize(
    ("shown", "mode"),
    [
        *(("cost", "min"), ("RMSE", "min"), ("MAE", "min"), ("log_loss", "min")),
        *(("R2", "max"), ("accuracy", "max"), ("top_5_accuracy", "max"), ("f1", "max")),
        *(("learning_rate", None), ("", None)),
    ],
)
def test_which_metrics_are_better_when_larger(shown, mode):
    assert mode_by_name(shown) == mode


def test_a_number_of_things():
    assert [counted(n, "feature") for n in (0, 1, 2000)] == [
        "0 features",
        "1 feature",
        "2,000 features",
    ]
