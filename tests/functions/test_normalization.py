"""Layer and batch normalization."""

import numpy as np
import pytest

from dnn_xp.functions.normalization import (
    back_scale_and_shift,
    batch_norm_backward,
    batch_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
    scale_and_shift,
)
from tests import oracles
from tests.helpers import assert_close, assert_values

EPSILON = 1e-5
RNG = np.random.default_rng(0)
Z, DA = RNG.normal(3.0, 2.0, size=(4, 10)), RNG.normal(size=(4, 10))
GAMMA, BETA = RNG.normal(size=(4, 1)), RNG.normal(size=(4, 1))
WEIGHTS = np.array([1.0, 2.0, 0.0, 1.0, 3.0, 1.0, 1.0, 2.0, 1.0, 1.0])
KINDS = ["layer", "batch", "weighted batch"]

kinds = pytest.mark.parametrize("kind", KINDS)


def forward(kind, Z, gamma, beta, weights):
    if kind == "layer":
        return layer_norm_forward(Z, gamma, beta)
    return batch_norm_forward(Z, gamma, beta, weights if kind == "weighted batch" else None)


def backward(kind, dA, cache):
    return (layer_norm_backward if kind == "layer" else batch_norm_backward)(dA, cache)


def in_words(kind, Z, gamma, beta, weights):
    """Normalize by the definition; `average` knows about weights."""
    axis = 0 if kind == "layer" else 1
    weights = weights if kind == "weighted batch" else None
    mean = np.average(Z, axis=axis, weights=weights, keepdims=True)
    variance = np.average((Z - mean) ** 2, axis=axis, weights=weights, keepdims=True)
    return gamma * (Z - mean) / np.sqrt(variance + EPSILON) + beta


@kinds
def test_values_are_those_of_the_definition(array, dtype, kind):
    arguments = Z, GAMMA, BETA, WEIGHTS
    A, _ = forward(kind, *(array(x, dtype) for x in arguments))
    desired = array(in_words(kind, *arguments), dtype)
    eps = float(np.finfo(dtype).eps)
    assert_close(A, desired, rtol=32 * eps, atol=32 * eps)


@kinds
def test_gradients_are_those_of_the_definition(array, kind):
    _, cache = forward(kind, *(array(x) for x in (Z, GAMMA, BETA, WEIGHTS)))
    for place, actual in enumerate(backward(kind, array(DA), cache)):
        arguments = [Z, GAMMA, BETA]
        desired, h = np.zeros(arguments[place].shape), 1e-5
        for i in np.ndindex(desired.shape):
            costs = []
            for step in (h, -h):
                moved = [x.copy() for x in arguments]
                moved[place][i] += step
                costs.append((DA * in_words(kind, *moved, WEIGHTS)).sum())
            desired[i] = (costs[0] - costs[1]) / (2 * h)
        # Truncation is h^2, rounding eps / h, times a few.
        assert_values(actual, desired, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("oracle", oracles.ORACLES)
@kinds
def test_gradients_are_those_of_automatic_differentiation(array, kind, oracle):
    _, cache = forward(kind, *(array(x) for x in (Z, GAMMA, BETA, WEIGHTS)))
    oracle = oracles.load(oracle)

    def cost(Z, gamma, beta):
        if kind == "layer":
            mean = Z.mean(0)
            variance = (Z * Z).mean(0) - mean * mean
        else:
            weights = oracle.array(WEIGHTS if kind == "weighted batch" else np.ones(10))
            share = weights / weights.sum()
            mean = (share * Z).sum(1).reshape(-1, 1)
            variance = (share * Z * Z).sum(1).reshape(-1, 1) - mean * mean
        A = gamma * (Z - mean) / (variance + EPSILON) ** 0.5 + beta
        return (oracle.array(DA) * A).sum()

    arguments = [Z, GAMMA, BETA]
    for place, actual in enumerate(backward(kind, array(DA), cache)):

        def of_one(x, place=place):
            others = [oracle.array(other) for other in arguments]
            return cost(*others[:place], x, *others[place + 1 :])

        desired = oracle.gradient(of_one, arguments[place])
        assert_values(actual, desired, rtol=1e-10, atol=1e-10)


def test_normalization_weights_count_examples(array):
    """Weight 2 is an example twice, weight 0 none."""
    each = np.repeat(np.arange(10), WEIGHTS.astype(int))
    gamma, beta = array(GAMMA), array(BETA)
    _, cache = batch_norm_forward(array(Z), gamma, beta, array(WEIGHTS))
    A_each, cache_each = batch_norm_forward(array(Z[:, each]), gamma, beta)
    for actual, desired in ((cache.mean, cache_each.mean), (cache.variance, cache_each.variance)):
        assert_close(actual, desired, rtol=1e-13)
    assert_values(A_each, in_words("weighted batch", Z, GAMMA, BETA, WEIGHTS)[:, each], rtol=1e-12)


def test_scale_and_shift_by_a_batchs_own_statistics(array, dtype):
    z, gamma, beta = (array(x, dtype) for x in (Z, GAMMA, BETA))
    A, cache = batch_norm_forward(z, gamma, beta)
    eps = float(np.finfo(dtype).eps)
    actual = scale_and_shift(z, gamma, beta, cache.mean, cache.variance)
    assert_close(actual, A, rtol=32 * eps, atol=32 * eps)


def test_gradient_by_given_statistics(array):
    """The function is linear in Z, so the difference of two of its values has no truncation."""
    mean, variance = Z.mean(axis=1, keepdims=True), Z.var(axis=1, keepdims=True)
    given = [array(x) for x in (GAMMA, BETA, mean, variance)]
    above, below = (scale_and_shift(array(Z + sign * DA), *given) for sign in (1, -1))
    slope = back_scale_and_shift(array(np.ones_like(DA)), given[0], given[3])
    assert_close(slope * array(2 * DA), above - below, rtol=1e-12, atol=1e-13)
    dZ = back_scale_and_shift(array(DA), given[0], given[3])
    assert_close(dZ, array(DA) * slope, rtol=1e-14)


@kinds
def test_constant_and_far_inputs_stay_finite(array, dtype, xp, kind):
    for flat in (np.full((4, 10), 1e4), np.full((4, 10), -0.0), 1e4 * np.sign(Z - 3.0)):
        A, cache = forward(kind, *(array(x, dtype) for x in (flat, GAMMA, BETA, WEIGHTS)))
        for x in (A, *backward(kind, array(DA, dtype), cache)):
            assert x.dtype == getattr(xp, dtype)
            assert bool(xp.all(xp.isfinite(x)))
