"""A small problem, on which estimators are tried, and what is asked of them again and again."""

import numpy as np
import pytest
import sklearn

from dnn_xp.estimators import MLPClassifier, MLPRegressor

BEFORE_1_9 = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9)
as_in_1_9 = pytest.mark.skipif(BEFORE_1_9, reason="scikit-learn does it so from 1.9 on")
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4))
Y = (X[:, 0] + 0.5 * RNG.normal(size=50) > 0).astype(int)
SETTINGS = {
    "hidden_layer_sizes": (6,),
    "random_state": 0,
    "batch_size": 16,
    "max_iter": 6,
    "learning_rate_init": 0.02,
}
KINDS = [MLPClassifier, MLPRegressor]
both = pytest.mark.parametrize("kind", KINDS)
SOLVERS = ("lbfgs", "sgd", "adam")


def parameters(one):
    return [*one.coefs_, *one.intercepts_]


def assert_equal(one, other):
    for found, expected in zip(parameters(one), parameters(other), strict=True):
        np.testing.assert_array_equal(found, expected)
