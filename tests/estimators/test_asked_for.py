"""What users of scikit-learn's networks have asked for, each under the number of its issue."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from scipy import sparse

from dnn_xp.estimators import MLPClassifier, MLPRegressor
from tests.helpers import assert_values

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
THREE = np.array(["ape", "bee", "cow"])[np.argmax(X[:, :3], axis=1)]

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # most of these need no end
)


# ----------------------------------------------------------------------------- what it looks at


def differences(function, X):
    """Return the derivative of a function of rows with respect to each feature."""
    numeric = np.empty_like(X)
    for place in range(X.shape[1]):
        step = 1e-5 * (np.arange(X.shape[1]) == place)
        numeric[:, place] = (function(X + step) - function(X - step)) / 2e-5
    return numeric


CLOSE = {"rtol": 1e-6, "atol": 1e-8}  # truncation is 1e-10 times a third derivative


def test_input_gradient_of_a_class():
    """#27996: the gradient of an output with respect to the input."""
    clf = MLPClassifier((5,), "tanh", max_iter=20, random_state=0).fit(X, THREE)

    def score(X):  # up to a term that all classes share
        return clf.predict_log_proba(X)

    of_bee, of_ape = (clf.input_gradient(X, label) for label in ("bee", "ape"))
    desired = differences(lambda X: score(X)[:, 1] - score(X)[:, 0], X)
    assert_values(of_bee - of_ape, desired, **CLOSE)
    every = np.stack([clf.input_gradient(X, label) for label in clf.classes_])
    predicted = np.searchsorted(clf.classes_, clf.predict(X))
    assert len(set(predicted)) == 3
    assert_values(clf.input_gradient(X), every[predicted, np.arange(60)], rtol=1e-13)


def test_input_gradient_of_one_of_two_classes():
    clf = MLPClassifier((5,), "tanh", max_iter=20, random_state=0).fit(X, X[:, 0] > 0)

    def odds(X):
        return np.diff(clf.predict_log_proba(X))[:, 0]

    desired = differences(odds, X)
    assert_values(clf.input_gradient(X, True), desired, **CLOSE)
    assert_values(clf.input_gradient(X, False), -desired, **CLOSE)
    sign = np.where(clf.predict(X), 1.0, -1.0)[:, None]
    assert_values(clf.input_gradient(X), sign * desired, **CLOSE)


def test_input_gradient_of_a_label_and_of_normalized_networks():
    """Batch norm goes by its running statistics, dropout is off."""
    Y = (X[:, :2] > 0).astype(int)
    clf = MLPClassifier(
        (5,), "tanh", max_iter=20, batch_norm=True, dropout=0.3, random_state=0
    ).fit(X, Y)

    def odds(X):
        p = clf.predict_proba(X)[:, 1]
        return np.log(p / (1 - p))

    assert_values(clf.input_gradient(X, 1), differences(odds, X), **CLOSE)
    with pytest.raises(ValueError, match=r"output: found None, expected one of \[0, 1\]"):
        clf.input_gradient(X)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_input_gradient_of_a_prediction(loss):
    y = np.abs(X[:, :2])
    reg = MLPRegressor(loss, (5,), "tanh", max_iter=20, random_state=0).fit(X, y)
    desired = differences(lambda X: reg.predict(X)[:, 1], X)
    assert_values(reg.input_gradient(X, 1), desired, **CLOSE)
    assert_values(reg.input_gradient(sparse.csr_matrix(X), 1), desired, **CLOSE)
    with pytest.raises(ValueError, match=r"output: found 2, expected a whole number from 0 to 1"):
        reg.input_gradient(X, 2)
    with pytest.raises(ValueError, match=r"output: found None, expected a whole number"):
        reg.input_gradient(X)
    one = reg.fit(X, y[:, 0])
    assert_values(one.input_gradient(X), differences(one.predict, X), **CLOSE)
