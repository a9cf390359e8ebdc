"""Metrics of values, worked by hand. What holds for all metrics is in test_metrics.py."""

import math

import numpy as np
import pytest

from dnn_xp.functions.metrics import mean_absolute_error, r2, root_mean_squared_error
from tests.helpers import assert_close, assert_values

# Errors of 1, -2, 2 and of 0, 0, 3; the targets' means are 2 and 0.
A = [[2.0, 0.0, 5.0], [-1.0, 0.0, 4.0]]
Y = [[1.0, 2.0, 3.0], [-1.0, 0.0, 1.0]]


def test_regression_worked_examples(array, dtype):
    a, y = array(A, dtype), array(Y, dtype)
    assert_close(r2(a, y), array(((1 - 9 / 2) + (1 - 9 / 2)) / 2, dtype))
    assert_close(mean_absolute_error(a, y), array((5 / 3 + 3 / 3) / 2, dtype))
    assert_close(root_mean_squared_error(a, y), array(math.sqrt(9 / 3), dtype))


def test_weights(array, dtype):
    """The last example does not count, the one before it three times; the mean is 7/4, -1/4."""
    a, y, weights = array(A, dtype), array(Y, dtype), array([1.0, 3.0, 0.0], dtype)
    assert_close(
        r2(a, y, weights=weights), array(((1 - 13 / (3 / 4)) + (1 - 0 / (3 / 4))) / 2, dtype)
    )
    assert_close(mean_absolute_error(a, y, weights=weights), array((7 / 4 + 0) / 2, dtype))
    desired = array((math.sqrt(13 / 4) + 0) / 2, dtype)
    assert_close(root_mean_squared_error(a, y, weights=weights), desired)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-3, 1e6 + 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_r2_of_targets_that_are_all_the_same(array, dtype, value, weighted):
    """Their mean must come out as themselves, however their sum is rounded."""
    constant = array(np.full((1, 1001), value), dtype)
    weights = array(np.random.default_rng(0).random(1001), dtype) if weighted else None
    assert_values(r2(constant, constant, weights=weights), 1.0)
    assert_values(r2(constant + 1.0, constant, weights=weights), 0.0)


def test_r2_of_nothing(array, dtype):
    one = array([[2.0]], dtype)
    for weights in (None, [1.0], [0.0]):  # one example has no variance that could be told
        assert_values(r2(one, one, weights=weights), np.nan)
        assert_values(r2(one - 1.0, one, weights=weights), np.nan)
    none = array(np.zeros((2, 0)), dtype)
    for metric in (r2, mean_absolute_error, root_mean_squared_error):
        assert_values(metric(none, none), np.nan)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e25])
def test_figures_of_tiny_and_huge_targets_are_those_of_usual_ones(array, size):
    A, Y = (
        array(np.asarray(x, "float32") * np.float32(size))
        for x in ([[3.0, 2.0, 1.0]], [[1.0, 2.0, 3.0]])
    )
    assert_values(r2(A, Y), -3.0, rtol=1e-6)
    assert_values(root_mean_squared_error(A, Y) / size, (8 / 3) ** 0.5, rtol=1e-6)
