"""Metrics of probabilities, worked by hand. What holds for all metrics is in test_metrics.py."""

import math

import numpy as np
import pytest

from dnn_xp.functions.metrics import accuracy, log_loss, roc_auc, top_k_accuracy
from tests.helpers import assert_close, assert_values

# ----------------------------------------------------------------------------- top k


def test_top_k_accuracy(array, dtype):
    """The true classes come first, second, third (after an equal) and last."""
    A = array([[0.7, 0.3, 0.4, 0.1], [0.2, 0.5, 0.2, 0.4], [0.1, 0.2, 0.2, 0.5]], dtype)
    Y = array(np.eye(3)[:, [0, 0, 2, 0]], dtype)
    for k, desired in ((1, 0.25), (2, 0.5), (3, 1.0), (7, 1.0)):
        assert_close(top_k_accuracy(A, Y, k), array(desired, dtype))
    assert_close(top_k_accuracy(A, Y, 2, weights=[1, 5, 1, 1]), array(6 / 8, dtype))


def test_top_1_is_accuracy_also_of_equals(array, dtype):
    rng = np.random.default_rng(0)
    A = array(rng.integers(3, size=(4, 60)) / 10, dtype)
    Y = array(np.eye(4)[:, rng.integers(4, size=60)], dtype)
    assert_close(top_k_accuracy(A, Y, 1), accuracy(A, Y))


def test_what_top_k_refuses(array):
    A = array([[0.2, 0.4]])
    with pytest.raises(ValueError, match=r"^A: found 1 row, expected one for each of several"):
        top_k_accuracy(A, A)
    A = array([[0.2, 0.4], [0.8, 0.6]])
    with pytest.raises(ValueError, match=r"^k: found 0, expected a whole number from 1 on"):
        top_k_accuracy(A, A, 0)


# ----------------------------------------------------------------------------- ROC AUC


def pairs(scores, positive, weights):
    """Return the part of the pairs of a positive and a negative that are in order; ties half."""
    won = total = 0.0
    for s, p, v in zip(scores, positive, weights, strict=True):
        for t, q, w in zip(scores, positive, weights, strict=True):
            if p and not q:
                total += v * w
                won += v * w * ((s > t) + 0.5 * (s == t))
    return won / total


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_roc_auc_counts_pairs(array, dtype, seed, weighted):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(8, size=50) / 8, rng.random(50) < 0.4
    weights = rng.integers(4, size=50).astype(float) if weighted else np.ones(50)
    area = roc_auc(array([scores], dtype), array([positive]), weights=weights)
    # Sums of small whole numbers and halves are exact; one division.
    desired = array(pairs(scores, positive, weights), dtype)
    assert_close(area, desired, rtol=2 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize(
    ("scores", "positive", "desired"),
    [
        ([0.1, 0.2, 0.3], [0, 0, 1], 1.0),
        ([0.3, 0.2, 0.1], [0, 0, 1], 0.0),
        ([0.5, 0.5, 0.5], [0, 1, 1], 0.5),
        ([0.2, 0.3], [1, 1], 0.5),  # undefined: no negative example
        ([0.2, 0.3], [0, 0], 0.5),
        ([], [], math.nan),
    ],
)
def test_ends_of_roc_auc(array, dtype, scores, positive, desired):
    assert_values(roc_auc(array([scores], dtype), array([positive], dtype)), desired)


def test_roc_auc_only_knows_the_order(array):
    A, Y = array([[-700.0, 0.0, -3.0, 1e300]]), array([[0, 1, 1, 0]])
    assert_values(roc_auc(A, Y), 0.5)


def test_roc_auc_is_of_two_classes(array):
    A = array(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"^A: found 3 rows, expected 1; .*A\[k:k\+1, :\]"):
        roc_auc(A, A)


# ----------------------------------------------------------------------------- log-loss


def test_log_loss(array, dtype):
    A, Y = array([[0.5, 0.25, 0.75]], dtype), array([[1, 1, 0]], dtype)
    assert_close(log_loss(A, Y), array((1 + 2 + 2) * math.log(2) / 3, dtype))
    weighted = log_loss(A, Y, weights=[3, 1, 0])
    assert_close(weighted, array((3 + 2) * math.log(2) / 4, dtype))
    A, Y = array([[0.5, 0.25], [0.25, 0.25], [0.25, 0.5]], dtype), array(np.eye(3)[:, [0, 1]])
    assert_close(log_loss(A, Y), array((1 + 2) * math.log(2) / 2, dtype))


def test_log_loss_at_the_ends(array, dtype):
    assert_values(log_loss(array([[0.0, 1.0]], dtype), array([[0, 1]])), 0.0)
    wrong = -math.log(float(np.finfo(dtype).smallest_normal))
    assert_close(log_loss(array([[1.0, 0.0]], dtype), array([[0, 1]])), array(wrong, dtype))
    A, Y = array([[1.0], [0.0]], dtype), array([[0.0], [1.0]])
    assert_close(log_loss(A, Y), array(wrong, dtype))
    assert_values(log_loss(array(np.zeros((1, 0)), dtype), array(np.zeros((1, 0)))), math.nan)


@pytest.mark.parametrize(
    ("A", "Y"),
    [
        ([[0.5, 0.5]], [[0, 2]]),
        ([[0.5, 0.5]], [[-1, 1]]),
        ([[0.5, 0.5]], [[0, 255]]),
        ([[0.5, 1.5]], [[0, 1]]),
        ([[0.5, -0.5]], [[0, 1]]),
        ([[0.5, 0.5], [0.5, 0.5]], [[1, 1], [0, 1]]),
        ([[0.5, 0.5], [0.5, 0.5]], [[1, 0], [0, 0]]),
        ([[0.5, 0.5], [0.5, 0.5]], [[2, 0], [-1, 1]]),
        ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.49]]),
        ([[0.5, 1e30]], [[0, 1]]),
        ([[0.5, 0.5]], [[0, 1e30]]),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_log_loss_of_what_is_no_probability_is_no_number(array, dtype, A, Y, weighted):
    weights = array([0.5, 0.5], dtype) if weighted else None
    found = log_loss(array(A, dtype), array(np.asarray(Y, np.float64), dtype), weights=weights)
    assert_values(found, math.nan)


def test_log_loss_of_soft_targets_is_a_number(array, dtype):
    A = array([[0.5, 0.5], [0.25, 0.25], [0.25, 0.25]], dtype)
    Y = array([[0.2, 1.0], [0.3, 0.0], [0.5, 0.0]], dtype)
    assert_close(log_loss(A, Y), array((0.2 + 0.8 * 2 + 1) * math.log(2) / 2, dtype))
