"""Whether a metric is better when smaller or when larger."""

from functools import partial

import numpy as np
import pytest

from dnn_xp.functions.metrics import METRICS, grouped_accuracy, larger_is_better, mode_of

BETTER_WHEN_SMALLER = {"hamming_loss", "log_loss", "mean_absolute_error", "root_mean_squared_error"}


@pytest.mark.parametrize("name", METRICS)
def test_mode_of_a_metric_is_that_of_a_perfect_prediction(name):
    """Right predictions are on the better side of wrong ones."""
    if name in ("r2", "mean_absolute_error", "root_mean_squared_error"):
        Y = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
        good, bad = Y + 0.01, -Y
    elif name == "top_k_accuracy":
        Y = np.eye(6)
        good, bad = Y, np.roll(Y, 1, axis=0) - Y
    else:
        Y = np.array([[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]])
        good, bad = np.where(Y, 0.9, 0.1), np.where(Y, 0.1, 0.9)
    metric = METRICS[name]
    better, worse = float(metric(good, Y)), float(metric(bad, Y))
    assert better != worse
    assert mode_of(metric) == ("max" if better > worse else "min")
    assert (mode_of(metric) == "min") == (name in BETTER_WHEN_SMALLER)


def test_mode_inside_a_partial():
    assert mode_of(partial(grouped_accuracy, groups=(2, 3))) == "max"


def test_mode_of_a_function_of_ones_own():
    def closeness(A, Y):
        return -abs(A - Y).mean()

    assert mode_of(closeness) is None
    assert mode_of(larger_is_better(closeness)) == "max"
    closeness.mode = "up"
    assert mode_of(closeness) is None
