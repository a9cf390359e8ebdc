"""One-hot targets and accuracy."""

import numpy as np

from dnn_xp.functions.metrics import accuracy, one_hot
from tests.helpers import assert_close, assert_values


def test_one_hot(array, dtype):
    X = array(np.zeros((5, 4)), dtype)
    desired = array([[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]], dtype)
    for y in ([2, 0, 3, 2], np.array([2, 0, 3, 2]), np.array([2, 0, 3, 2], "uint8")):
        assert_close(one_hot(np.minimum(y, 9), 3, like=X), desired)
    assert_close(one_hot(array([2, 0, 3, 2]), 3, like=X), desired)


def test_accuracy_of_two_classes(array, dtype):
    A = array([[0.9, 0.4, 0.6, 0.5, 0.1]], dtype)
    Y = array([[1.0, 0.0, 0.0, 0.0, 1.0]], dtype)
    assert_close(accuracy(A, Y), array(0.6, dtype))


def test_accuracy_of_many_classes(array, dtype):
    A = array([[0.5, 0.2, 0.4], [0.3, 0.2, 0.35], [0.2, 0.6, 0.25]], dtype)
    Y = array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype)
    assert_values(accuracy(A, Y), 2 / 3)
