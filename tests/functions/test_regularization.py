"""Dropout and its derivative."""

import numpy as np
import pytest

from dnn_xp.functions.counters import Key, bernoulli, fold
from dnn_xp.functions.regularization import back_dropout, dropout
from tests.helpers import assert_close


@pytest.fixture
def key(array):
    return Key(*(array(n, "int32") for n in ([3], [4], np.arange(100))))


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5, 0.9])
def test_dropout_keeps_or_drops(array, dtype, key, xp, rate):
    A = array(np.random.default_rng(0).normal(size=(20, 100)), dtype)
    dropped, mask = dropout(A, rate, fold(key, 2))
    kept = xp.astype(bernoulli(fold(key, 2), 1.0 - rate, 20), A.dtype)
    assert_close(mask, kept / (1.0 - rate), rtol=1e-6)
    assert_close(dropped, A * kept / (1.0 - rate), rtol=1e-6)
    # A binomial part of 2000 is kept: five standard deviations.
    assert abs(float(xp.mean(kept)) - (1 - rate)) <= 5 * (rate * (1 - rate) / 2000) ** 0.5


def test_back_dropout(array, dtype, key):
    """Dropout is linear in A: the derivative along dA is dropout of dA, with the same mask."""
    A = array(np.ones((20, 100)), dtype)
    dA = array(np.random.default_rng(0).normal(size=(20, 100)), dtype)
    _, mask = dropout(A, 0.4, fold(key, 2))
    assert_close(back_dropout(dA, mask), dropout(dA, 0.4, fold(key, 2))[0], rtol=0)


def test_layers_have_masks_of_their_own(array, key, xp):
    A = array(np.ones((20, 100)))
    masks = [dropout(A, 0.5, fold(key, layer))[1] for layer in (1, 2, 1)]
    assert_close(masks[0], masks[2], rtol=0)
    same = float(xp.mean(xp.astype(masks[0] == masks[1], A.dtype)))
    assert abs(same - 0.5) < 5 * (0.25 / 2000) ** 0.5  # five standard deviations
