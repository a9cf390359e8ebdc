"""Metrics of decisions, worked by hand. What holds for all metrics is in test_metrics.py."""

import math

import numpy as np
import pytest

from dnn_xp.functions.metrics import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    f1,
    grouped_accuracy,
    hamming_loss,
    multilabel_accuracy,
    multilabel_f1,
    one_hot,
    precision,
    recall,
)
from tests.helpers import assert_close, assert_values

# Chosen: 1 0 1 0 0 (a half is not above a half); one true positive, one false, two missed.
TWO = [[0.9, 0.4, 0.6, 0.5, 0.1]]
TWO_TRUE = [[1.0, 0.0, 0.0, 1.0, 1.0]]

# Chosen: 0 0 1 2 0 0 (the first of equals); true: 0 1 1 2 2 0; nobody speaks of class 3.
MANY = [
    [0.5, 0.6, 0.2, 0.1, 0.4, 0.7],
    [0.3, 0.3, 0.6, 0.2, 0.2, 0.1],
    [0.2, 0.1, 0.2, 0.7, 0.4, 0.2],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
]
MANY_TRUE = np.eye(4)[:, [0, 1, 1, 2, 2, 0]]


def test_one_hot(array, dtype):
    X = array(np.zeros((5, 4)), dtype)
    desired = array([[0, 1, 0], [0, 0, 0], [1, 0, 1]], dtype)
    for y in ([2, 0, 2], np.array([2, 0, 2]), np.array([2, 0, 2], "uint8"), array([2, 0, 2])):
        assert_close(one_hot(y, 3, like=X), desired)


@pytest.mark.parametrize(("y", "found"), [([2, 3], "2 to 3"), ([-1, 0], "-1 to 0")])
def test_one_hot_refuses_what_is_no_class(array, y, found):
    with pytest.raises(ValueError, match=f"y: found classes from {found}, expected .* 0 to 2"):
        one_hot(y, 3, like=array([1.0]))


@pytest.mark.parametrize(
    ("metric", "two", "many"),
    [
        (accuracy, 2 / 5, 4 / 6),
        (balanced_accuracy, (1 / 2 + 1 / 3) / 2, (1 + 1 / 2 + 1 / 2) / 3),
        (precision, 1 / 2, (2 / 4 + 1 + 1) / 3),
        (recall, 1 / 3, (1 + 1 / 2 + 1 / 2) / 3),
        (f1, 2 / 5, (4 / 6 + 2 / 3 + 2 / 3) / 3),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_classification_worked_examples(array, dtype, metric, two, many):
    assert_close(metric(array(TWO, dtype), array(TWO_TRUE, dtype)), array(two, dtype))
    assert_close(metric(array(MANY, dtype), array(MANY_TRUE, dtype)), array(many, dtype))


def test_confusion_matrix(array, dtype):
    """The row is the truth."""
    desired = array([[1.0, 1.0], [2.0, 1.0]], dtype)
    assert_close(confusion_matrix(array(TWO, dtype), array(TWO_TRUE, dtype)), desired)
    desired = array([[2, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]], dtype)
    assert_close(confusion_matrix(array(MANY, dtype), array(MANY_TRUE, dtype)), desired)
    weights = array([3.0, 0.0, 0.5, 1.0, 2.0, 1.0], dtype)
    desired = array([[4, 0, 0, 0], [0, 0.5, 0, 0], [2, 0, 1, 0], [0, 0, 0, 0]], dtype)
    A, Y = array(MANY, dtype), array(MANY_TRUE, dtype)
    assert_close(confusion_matrix(A, Y, weights=weights), desired)


def test_labels_are_not_classes(array, dtype):
    """Three labels of four examples: all right, one label too many, one missing, none given."""
    A = array([[0.9, 0.9, 0.6, 0.1], [0.8, 0.8, 0.2, 0.2], [0.1, 0.7, 0.1, 0.3]], dtype)
    Y = array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 0]], dtype)
    assert_close(multilabel_accuracy(A, Y), array(2 / 4, dtype))
    assert_close(hamming_loss(A, Y), array(2 / 12, dtype))
    # Right, of those given and of those true: 3 of 3 and 3; 2 of 2 and 2; 0 of 1 and 1.
    assert_close(multilabel_f1(A, Y), array((1 + 1 + 0) / 3, dtype))
    # The largest row is 0, 0, 0 and 2; that of the targets 0, 0, 0 and, of none, 0.
    assert_close(accuracy(A, Y), array(3 / 4, dtype))
    assert_close(f1(A[2:, :], Y[2:, :]), array(0.0, dtype))
    assert_close(f1(A[1:2, :], Y[1:2, :]), array(1.0, dtype))


def test_labels_that_do_not_occur_change_no_f1(array, dtype):
    A, Y = array([[0.9, 0.8], [0.9, 0.1]], dtype), array([[1, 0], [1, 1]], dtype)
    more = array([[0.9, 0.8], [0.9, 0.1], [0.2, 0.4]], dtype)
    true = array([[1, 0], [1, 1], [0, 0]], dtype)
    assert_close(multilabel_f1(more, true), multilabel_f1(A, Y))
    assert_values(multilabel_f1(more[2:, :], true[2:, :]), 0.0)


@pytest.mark.parametrize("metric", [accuracy, balanced_accuracy, precision, recall, f1])
def test_classes_that_do_not_occur(array, dtype, metric):
    """A row more, for a class of which nobody speaks, changes nothing."""
    without, true = array(MANY[:3], dtype), array(MANY_TRUE[:3], dtype)
    assert_close(metric(array(MANY, dtype), array(MANY_TRUE, dtype)), metric(without, true))


@pytest.mark.parametrize(
    ("chosen", "true", "desired"),
    [  # balanced accuracy, precision, recall, F1
        ([0, 0], [0, 0], [1, 0, 0, 0]),  # no positive example, and none is predicted
        ([1, 0], [0, 0], [0.5, 0, 0, 0]),
        ([0, 0], [1, 0], [0.5, 0, 0, 0]),  # nothing is predicted
        ([1, 1], [1, 1], [1, 1, 1, 1]),  # no negative example
        ([], [], [math.nan] * 4),
    ],
)
def test_where_they_are_undefined(array, dtype, chosen, true, desired):
    A, Y = array([chosen], dtype), array([true], dtype)
    for metric, value in zip((balanced_accuracy, precision, recall, f1), desired, strict=True):
        assert_values(metric(A, Y), value)


def test_a_class_that_is_never_predicted(array, dtype):
    """Chosen: 0 0 1; true: 0 2 2."""
    A, Y = array(np.eye(3)[:, [0, 0, 1]], dtype), array(np.eye(3)[:, [0, 2, 2]], dtype)
    assert_close(balanced_accuracy(A, Y), array((1 + 0) / 2, dtype))
    assert_close(precision(A, Y), array((1 / 2 + 0 + 0) / 3, dtype))
    assert_close(recall(A, Y), array((1 + 0 + 0) / 3, dtype))
    assert_close(f1(A, Y), array((2 / 3 + 0 + 0) / 3, dtype))


# Two choices. The first decides 0 1 1 0 0 (the first of equals), the second 2 1 0 0 0.
GROUPS = [
    [0.9, 0.3, 0.1, 0.6, 0.5],
    [0.1, 0.7, 0.9, 0.4, 0.5],
    [0.1, 0.2, 0.5, 0.6, 0.4],
    [0.2, 0.5, 0.4, 0.2, 0.4],
    [0.7, 0.3, 0.1, 0.2, 0.2],
]
GROUPS_TRUE = np.concatenate([np.eye(2)[:, [0, 0, 1, 0, 0]], np.eye(3)[:, [2, 1, 0, 1, 0]]])


def test_groups_must_all_be_right(array, dtype):
    """Wrong: the second example in the first choice, the fourth in the second."""
    A, Y = array(GROUPS, dtype), array(GROUPS_TRUE, dtype)
    assert_close(grouped_accuracy(A, Y, (2, 3)), array(3 / 5, dtype))
    weights = array([1.0, 2.0, 1.0, 4.0, 0.0], dtype)
    assert_close(grouped_accuracy(A, Y, (2, 3), weights=weights), array(2 / 8, dtype))
    with pytest.raises(
        ValueError, match=r"sizes: found .*2, 2.*, expected whole numbers from 1 on, of a sum of 5"
    ):
        grouped_accuracy(A, Y, (2, 2))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.5, 1.0], "y: found .*, expected whole numbers"),
        ([np.nan, 1.0], "y: found .*, expected whole numbers"),
        ([0.0, np.inf], "y: found .*, expected whole numbers"),
        (["0", "1"], "y: found a list of <U1, expected real numbers"),
        ([None, 1], "y: found a list, expected real numbers"),
        ([[0, 1]], r"y: found shape \(1, 2\), expected \(m,\)"),
        (np.ma.masked_equal([0, 1], 1), "y: found an array with a mask"),
    ],
)
def test_one_hot_names_what_are_no_classes(array, y, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        one_hot(y, 2, like=array([0.0]))
    for n_classes in (0, 2.5, "2", None, True):
        with pytest.raises(ValueError, match=r"^n_classes: found .*, expected a whole number"):
            one_hot([0], n_classes, like=array([0.0]))
