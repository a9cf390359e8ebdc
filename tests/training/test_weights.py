"""Weights of examples: by hand, as scikit-learn's, and in training."""

import numpy as np
import pytest

from dnn_xp import Dense, Network, backends, train
from dnn_xp.training import class_weights
from dnn_xp.training.weights import normalize_weights
from tests.helpers import assert_close, assert_values

CLASSES = np.array([0, 0, 2, 0, 1, 0, 2, 0])
ONE_HOT = np.eye(3)[:, CLASSES]
BINARY = np.array([[1.0, 0.0, 0.0, 0.0]])


def test_balanced_by_hand(array):
    """8 examples over 3 classes of 5, 1 and 2; 4 over 2 classes of 3 and 1."""
    share = {0: 8 / 15, 1: 8 / 3, 2: 8 / 6}
    assert_values(class_weights(array(ONE_HOT)), [share[k] for k in CLASSES], rtol=1e-15)
    assert_values(class_weights(array(BINARY), "balanced"), [2.0, *[2 / 3] * 3], rtol=1e-15)


def test_balanced_is_scikit_learns(array):
    utils = pytest.importorskip("sklearn.utils")
    classes = np.random.default_rng(0).choice(5, p=[0.5, 0.3, 0.0, 0.15, 0.05], size=60)
    expected = utils.compute_sample_weight("balanced", classes)
    assert_values(class_weights(array(np.eye(5)[:, classes])), expected, rtol=1e-14)
    expected = utils.compute_sample_weight("balanced", classes == 1)
    assert_values(class_weights(array((classes == 1.0)[None] * 1.0)), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({0: 0.5, 1: 4.0, 2: 0.0}, [0.5, 0.5, 0.0, 0.5, 4.0, 0.5, 0.0, 0.5]),
        ({2: 3}, [1.0, 1.0, 3.0, 1.0, 1.0, 1.0, 3.0, 1.0]),
        ([0.5, 4, 2], [0.5, 0.5, 2.0, 0.5, 4.0, 0.5, 2.0, 0.5]),
        (np.array([0.5, 4.0, 2.0]), [0.5, 0.5, 2.0, 0.5, 4.0, 0.5, 2.0, 0.5]),
    ],
)
def test_weights_by_class(array, weights, expected):
    assert_values(class_weights(array(ONE_HOT), weights), expected, rtol=0)


def test_a_row_is_the_probability_of_class_1(array):
    assert_values(class_weights(array(BINARY), {1: 5.0}), [5.0, 1.0, 1.0, 1.0], rtol=0)
    assert_values(class_weights(array(BINARY), (0.5, 5.0)), [5.0, 0.5, 0.5, 0.5], rtol=0)
    only = class_weights(array([[0.0, 0.0]]))
    assert_values(only, [1.0, 1.0], rtol=0)


def test_smoothed_targets_weigh_what_their_classes_do(array):
    """Of 0.9 and 0.1: 0.9 * 5 + 0.1 * 1."""
    smooth = array([[0.1, 0.9], [0.9, 0.1]], "float32")
    assert_values(class_weights(smooth, {1: 5.0}), [4.6, 1.4])
    assert_values(class_weights(smooth), [1.0, 1.0])


def test_all_stays_in_the_dtype_and_on_the_device_of_Y(array, dtype, device, xp):
    for weights in ("balanced", {1: 2.0}):
        found = class_weights(array(ONE_HOT, dtype), weights)
        assert backends.namespace(found) is xp
        assert found.dtype == getattr(xp, dtype)
        assert backends.device(found) == device


def test_a_balanced_run_does_not_see_how_many_examples_a_class_has(array):
    X = np.random.default_rng(0).normal(size=(3, 8))
    more = np.append(np.arange(8), [4, 4, 4])  # class 1 three more times
    network = Network(3, (Dense(3),), "softmax_cross_entropy")
    one, other = (
        train(network, array(X[:, i]), (Y := array(ONE_HOT[:, i])), weights=class_weights(Y))
        for i in (np.arange(8), more)
    )
    assert_close(one.theta, other.theta, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("Y", "weights", "message"),
    [
        (ONE_HOT.astype(int), "balanced", r"Y: found dtype int64 and shape \(3, 8\), expected"),
        (ONE_HOT[0], "balanced", r"Y: found dtype float64 and shape \(8,\)"),
        (ONE_HOT[:, :0], "balanced", r"Y: found dtype float64 and shape \(3, 0\)"),
        (np.ones((2, 4)), "balanced", "Y: found columns that are no distributions over classes"),
        (np.array([[1.5], [-0.5]]), "balanced", "Y: found columns that are no distributions"),
        (np.array([[2.0]]), "balanced", "Y: found columns that are no distributions"),
        (np.array([[np.nan]]), "balanced", "Y: found columns that are no distributions"),
        (ONE_HOT, "even", "weights: found 'even', expected 'balanced' or numbers"),
        (ONE_HOT, {3: 1.0}, "weights: found class 3 of 3 classes from 0"),
        (ONE_HOT, {"cat": 1.0}, "weights: found class 'cat' of 3 classes from 0"),
        (ONE_HOT, [1.0, 2.0], "weights: found 2 for 3 classes"),
        (ONE_HOT, {1: -1.0}, "weights: found -1.0, expected numbers from 0 on"),
        (ONE_HOT, [1.0, np.nan, 1.0], "weights: found nan, expected numbers from 0 on"),
        (ONE_HOT, [1.0, np.inf, 1.0], "weights: found inf, expected numbers from 0 on"),
    ],
)
def test_weights_what_does_not_fit_is_refused(Y, weights, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        class_weights(Y, weights)


def test_a_mean_of_1(array):
    assert_values(normalize_weights(array([1.0, 2.0, 3.0])), [0.5, 1.0, 1.5], rtol=0)
    for bad, found in (
        ([0.0, 0.0], "a mean of 0.0, expected one above 0"),
        ([-1.0, 2.0], "-1.0, expected numbers from 0 on"),
        ([np.nan, 1.0], "one that is not finite, expected numbers from 0 on"),
        ([np.inf, 1.0], "one that is not finite, expected numbers from 0 on"),
    ):
        with pytest.raises(ValueError, match=f"^weights: found {found}$"):
            normalize_weights(array(bad))
