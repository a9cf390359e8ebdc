"""Calibration: the temperature of the least cost, and quantiles that cover."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp.estimators.tabular.calibration import HeldOut, conformal_quantile, fit_temperature
from dnn_xp.functions.costs import find_cost

pytestmark = pytest.mark.once


def sample(cost, factor, seed, m=400):
    """Return logits that are `factor` times those that the targets were drawn by."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(0.0, 2.0, (3, m))
    A = find_cost(cost).output(Z)
    if cost == "sigmoid_cross_entropy":
        Y = rng.random(A.shape) < A
    else:
        Y = np.cumsum(A, axis=0) > rng.random(m)
        Y = np.diff(Y, axis=0, prepend=0) == 1
    return HeldOut(factor * Z, Y.astype(float), rng.random(m))


@pytest.mark.parametrize("cost", ["softmax_cross_entropy", "sigmoid_cross_entropy"])
@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_the_temperature_is_that_of_the_least_cost(cost, factor):
    parts = [sample(cost, factor, seed) for seed in range(3)]
    n, n_classes = 3 * 400, 3 if cost == "softmax_cross_entropy" else 2

    def mean(log_temperature):
        by_Z = find_cost(cost).by_Z
        return sum(
            float(
                np.sum(by_Z(Z / math.exp(log_temperature), (n * Y + 1 / n_classes) / (n + 1)) * w)
            )
            for Z, Y, w in parts
        )

    least = minimize_scalar(mean, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-9})
    found = fit_temperature(cost, parts)
    assert math.log(found) == pytest.approx(least.x, abs=1e-6)
    assert found == pytest.approx(factor, rel=0.25)


def test_without_examples_or_logits_the_temperature_is_one():
    assert fit_temperature("softmax_cross_entropy", []) == 1.0
    silent = HeldOut(np.zeros((2, 3)), np.eye(2)[:, [0, 1, 1]], np.ones(3))
    assert fit_temperature("softmax_cross_entropy", [silent]) == 1.0


@pytest.mark.parametrize("n", [1, 2, 15, 200, 10_000])
@pytest.mark.parametrize("size", [1.0, 3.0, 15.0])
def test_where_all_is_right_one_more_example_keeps_probabilities_from_1(n, size):
    """Of n that are right, with equal logits, the chance of another is (n + 1/2) / (n + 1)."""
    signs = np.where(np.arange(n) % 2, 1.0, -1.0)[None]
    right = HeldOut(size * signs, 0.5 + 0.5 * signs, np.ones(n))
    for parts, same in ([right], False), ([right] * 4, True):
        found = fit_temperature("sigmoid_cross_entropy", parts, same=same)
        assert size / found == pytest.approx(math.log(2 * n + 1), rel=1e-6)
    # As others, four times as many examples say it.
    found = fit_temperature("sigmoid_cross_entropy", [right] * 4)
    assert size / found == pytest.approx(math.log(8 * n + 1), rel=1e-6)


@pytest.mark.parametrize("cost", ["softmax_cross_entropy", ("grouped_softmax_cross_entropy", 3, 2)])
def test_examples_of_weight_0_tell_nothing_of_the_temperature(cost):
    n_outputs = 3 if cost == "softmax_cross_entropy" else 5
    Y = np.zeros((n_outputs, 6))
    Y[0], Y[3:4] = 1.0, 1.0
    Z = 4.0 * Y + np.random.default_rng(0).normal(size=Y.shape)
    weights = np.asarray([1.0, 1.0, 0.5, 0.0, 0.0, 0.0])
    counted = HeldOut(Z[:, :3], Y[:, :3], weights[:3])
    found = fit_temperature(cost, [HeldOut(Z, Y, weights)])
    assert found == pytest.approx(fit_temperature(cost, [counted]), rel=1e-9)


def test_a_temperature_has_bounds():
    signs = np.asarray([[1.0, -1.0]])
    for size, bound in ((1e-3, 1 / 20), (1e3, 20.0)):
        part = HeldOut(size * signs, 0.5 + 0.5 * signs, np.ones(2))
        assert fit_temperature("sigmoid_cross_entropy", [part]) == pytest.approx(bound)


@given(m=st.integers(1, 200), coverage=st.floats(0.01, 0.99))
def test_a_conformal_quantile_is_the_one_of_the_textbook(m, coverage):
    place = math.ceil(round(coverage * (m + 1), 9))
    expected = place - 1 if place <= m else math.inf
    assert conformal_quantile(np.arange(m, dtype=float), np.ones(m), coverage) == expected


def test_weights_count_as_repetitions():
    scores, weights = np.asarray([1.0, 2.0, 3.0]), np.asarray([10.0, 30.0, 60.0])
    assert conformal_quantile(scores, weights, 0.25) == 2.0
    assert conformal_quantile(scores, weights, 0.9) == math.inf  # 0.9 * (100 + 100 / 3) > 100


def test_intervals_cover_new_examples_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = [
        rng.normal() ** 2 <= conformal_quantile(np.sort(rng.normal(size=39) ** 2), np.ones(39), 0.9)
        for _ in range(4000)
    ]
    assert np.mean(covered) == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / 4000))
