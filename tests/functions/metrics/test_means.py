"""Weighted means, and what is refused at the door of every metric."""

import numpy as np
import pytest

from dnn_xp.functions.metrics.means import checked, defined, mean, ratio, total
from tests.helpers import assert_close, assert_values


def test_totals_and_means(array, dtype, xp):
    values, weights = (
        array([[1.0, 2.0, 3.0], [5.0, 7.0, 0.0]], dtype),
        array([2.0, 0.0, 6.0], dtype),
    )
    assert_close(total(values, None, xp), array([6.0, 12.0], dtype))
    assert_close(total(values, weights, xp), array([20.0, 10.0], dtype))
    assert_close(mean(values, None, xp), array([2.0, 4.0], dtype))
    assert_close(mean(values, weights, xp), array([2.5, 1.25], dtype))


def test_nothing_to_divide_by(array, dtype, xp):
    assert_close(
        ratio(array([3.0, 0.0], dtype), array([4.0, 0.0], dtype), xp), array([0.75, 0.0], dtype)
    )
    assert_close(mean(array([1.0, 2.0], dtype), array([0.0, 0.0], dtype), xp), array(0.0, dtype))
    assert_close(mean(array(np.zeros((1, 0)), dtype), None, xp), array([0.0], dtype))


def test_targets_are_brought_to_the_side_of_the_predictions(array, dtype, xp):
    A = array([[0.0, 0.0]], dtype)
    for Y in ([[1, 0]], np.array([[True, False]]), array([[1, 0]], "int32")):
        _, found, weights, _ = checked(A, Y, [2, 3], xp)
        assert_close(found, array([[1.0, 0.0]], dtype))
        assert_close(weights, array([2.0, 3.0], dtype))
    assert checked(A, A, None, xp)[2] is None


def test_narrow_floats_are_widened(library, array, xp):
    if not hasattr(xp, "float16"):
        pytest.skip("the library has no floats of 16 bits")
    A = xp.astype(array([[0.0, 1.0]]), xp.float16)
    A, Y, weights, _ = checked(A, [[1, 0]], [2, 3], None)
    assert all(x.dtype == xp.float32 for x in (A, Y, weights))


@pytest.mark.parametrize(
    "weights",
    [[0.0, 0.0], [1.0, -1.0], [2.0, -1.0], [1.0, np.nan], [1.0, np.inf]],
    ids=["zeros", "no sum", "negative", "NaN", "infinite"],
)
def test_no_figure_is_defined_by_weights_that_weigh_nothing(array, xp, weights):
    A, figure = array([[0.25, 0.5]]), array(0.75)
    assert_values(defined(figure, A, A, array(weights), xp), np.nan)
    assert_values(defined(figure, A, A, array([0.0, 2.0]), xp), 0.75)


@pytest.mark.parametrize(
    ("A", "Y", "weights", "message"),
    [
        ([[1, 0]], [[1, 0]], None, "^A: found dtype .*int.*, expected a floating one"),
        ([[1.0, 0.0]], [1.0, 0.0], None, r"^A and Y: found shapes \(1, 2\) and \(2,\), expected"),
        ([[1.0, 0.0]], [[1.0], [0.0]], None, r"\(1, 2\) and \(2, 1\)"),
        ([1.0, 0.0], [1.0, 0.0], None, r"\(2,\) and \(2,\), expected \(n_outputs, m\) of both"),
        ([[1.0, 0.0]], [[1.0, 0.0]], [1.0], r"^weights: found shape \(1,\), expected \(2,\)"),
        ([[1.0, 0.0]], [[1.0, 0.0]], [[1.0, 1.0]], r"found shape \(1, 2\), expected \(2,\)"),
    ],
)
def test_means_what_does_not_fit_is_refused(array, xp, A, Y, weights, message):
    with pytest.raises(ValueError, match=message):
        checked(array(A), array(Y), weights if weights is None else array(weights), xp)
