"""Weights of examples by their classes."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.utils.class_weight import compute_sample_weight

from dnn_xp.estimators.class_weights import weights_by_class
from dnn_xp.estimators.multioutput import learn_labels

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
TARGETS = {
    "two": RNG.choice(["a", "b"], 30, p=[0.8, 0.2]),
    "three": RNG.choice([3, 5, 9], 30),
    "columns": np.stack([RNG.choice([0, 1, 2], 30), RNG.choice([4, 5], 30)], axis=1),
}


@pytest.mark.parametrize("name", TARGETS)
def test_balanced_weights_are_scikit_learns(name):
    y = TARGETS[name]
    labels = learn_labels(y)
    found = weights_by_class("balanced", labels, labels.encode(y))
    np.testing.assert_allclose(found, compute_sample_weight("balanced", y), rtol=1e-12)


def test_numbers_are_by_label_and_default_to_one():
    y = TARGETS["three"]
    labels = learn_labels(y)
    found = weights_by_class({5: 4.0}, labels, labels.encode(y))
    np.testing.assert_array_equal(found, np.where(y == 5, 4.0, 1.0))
    assert weights_by_class(None, labels, labels.encode(y)) is None


@pytest.mark.parametrize("given", ["heavy", {7: 1.0}, {5: -1.0}, {5: np.nan}, [{5: 1.0}] * 2, 3])
def test_what_does_not_fit_is_refused(given):
    y = TARGETS["three"]
    labels = learn_labels(y)
    with pytest.raises(ValueError, match="class_weight: found"):
        weights_by_class(given, labels, labels.encode(y))
