"""The linear part of a layer: a worked example, its gradients, its caches."""

import numpy as np
import pytest

from dnn_xp.functions.activations import find_activation
from dnn_xp.functions.linear import (
    linear_activation_backward,
    linear_activation_forward,
    linear_backward,
    linear_forward,
)
from tests.helpers import assert_close, assert_values

A_PREV = [[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]]
W = [[1.0, 2.0], [3.0, -1.0]]
B = [[0.5], [-0.5]]
DZ = [[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]


def test_linear_worked_example(array, dtype):
    Z, cache = linear_forward(array(A_PREV, dtype), array(W, dtype), array(B, dtype))
    assert_close(Z, array([[1.5, 0.5, 6.5], [2.5, 6.5, -3.5]], dtype))
    dA_prev, dW, db = linear_backward(array(DZ, dtype), cache)
    assert_close(dA_prev, array([[7.0, 3.0, -1.0], [0.0, -1.0, -2.0]], dtype))
    assert_close(dW, array([[1.0, -3.0], [4.0, -1.0]], dtype))
    assert_close(db, array([[0.0], [3.0]], dtype))


def test_worked_example_with_activation(array):
    relu = find_activation("relu")
    arguments = array(A_PREV), array(W), array(B)
    A, cache = linear_activation_forward(*arguments, relu)
    assert_values(A, [[1.5, 0.5, 6.5], [2.5, 6.5, 0.0]])
    dA = array([[1.0, 0.0, -1.0], [2.0, 1.0, 7.0]])  # DZ, and 7 where relu is flat
    for actual, desired in zip(
        linear_activation_backward(dA, cache, relu),
        linear_backward(array(DZ), cache.linear),
        strict=True,
    ):
        assert_close(actual, desired)


def test_gradients_are_adjoint(array):
    """<dZ, W A + b> is linear in A, in W and in b: each gradient is the other factor."""
    rng = np.random.default_rng(0)
    A, w, b, dZ = (rng.normal(size=s) for s in ((4, 9), (3, 4), (3, 1), (3, 9)))
    _, cache = linear_forward(array(A), array(w), array(b))
    dA, dW, db = linear_backward(array(dZ), cache)
    assert_values(dA, np.einsum("ui,um->im", w, dZ))
    assert_values(dW, np.einsum("um,im->ui", dZ, A))
    assert_values(db, np.einsum("um->u", dZ)[:, None])


@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_gradient_of_the_input_is_left_out_on_request(array, activation):
    activation = find_activation(activation)
    _, cache = linear_activation_forward(array(A_PREV), array(W), array(B), activation)
    _, *with_it = linear_activation_backward(array(DZ), cache, activation)
    nothing, *without = linear_activation_backward(
        array(DZ), cache, activation, input_gradient=False
    )
    assert nothing is None
    for actual, desired in zip(without, with_it, strict=True):
        assert_close(actual, desired, rtol=0)


def test_caches_unpack_as_tuples(array):
    arguments = array(A_PREV), array(W), array(B)
    A, cache = linear_activation_forward(*arguments, find_activation("relu"))
    (A_prev, w, b), Z, kept = cache
    assert (A_prev is arguments[0], w is arguments[1], b is arguments[2]) == (True, True, True)
    assert_close(Z, linear_forward(*arguments)[0])
    assert kept is A
