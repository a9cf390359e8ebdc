"""Layers that normalize."""

import numpy as np
import pytest

from dnn_xp.layers import BatchNorm, Context, LayerNorm
from tests.helpers import assert_values


def test_batch_norm_normalizes_by_the_batch_while_it_trains(run, xp):
    A_prev = np.random.default_rng(1).normal(5.0, 3.0, size=(4, 9))
    A, cache = run(BatchNorm(epsilon=0.0), A_prev, training=True)
    assert_values(xp.mean(A, axis=1), np.zeros(4), atol=1e-14)
    assert_values(xp.mean(A * A, axis=1), np.ones(4), rtol=1e-14)
    statistics = BatchNorm().statistics(cache)
    assert_values(statistics["mean"], A_prev.mean(axis=1, keepdims=True), rtol=1e-14)
    assert_values(statistics["variance"], A_prev.var(axis=1, keepdims=True), rtol=1e-13)


def test_batch_norm_normalizes_by_running_statistics_afterwards(array, xp):
    layer, A_prev = BatchNorm(epsilon=0.0), array([[3.0, 5.0]])
    parameters = {"gamma": 2.0, "beta": 1.0, "mean": 1.0, "variance": 4.0}
    arrays = {name: array([[value]]) for name, value in parameters.items()}
    A, _ = layer.forward(A_prev, arrays, Context(xp))
    assert_values(A, [[3.0, 5.0]])  # (3 - 1) / 2 * 2 + 1, (5 - 1) / 2 * 2 + 1


def test_batch_norm_moves_its_running_statistics(array):
    moved = BatchNorm(momentum=0.75).updated_statistics(array([[4.0]]), array([[8.0]]))
    assert_values(moved, [[5.0]])


def test_layer_norm_makes_each_example_its_own_measure(run, xp):
    A, _ = run(LayerNorm(epsilon=0.0), np.random.default_rng(1).normal(5.0, 3.0, size=(4, 9)))
    assert_values(xp.mean(A, axis=0), np.zeros(9), atol=1e-14)
    assert_values(xp.mean(A * A, axis=0), np.ones(9), rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchNorm(across="rank"), "across: found 'rank', expected 'batch' or 'part'"),
        (lambda: BatchNorm(momentum=1.0), "momentum: found 1.0, expected 0 <= momentum < 1"),
    ],
)
def test_normalization_that_cannot_be_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()
