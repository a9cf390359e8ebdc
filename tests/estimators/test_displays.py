"""scikit-learn's own pictures work on the estimators, of networks and of tables."""

import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")
pytest.importorskip("matplotlib", reason="the pictures need matplotlib")

import matplotlib
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import DecisionBoundaryDisplay, PartialDependenceDisplay
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
)
from sklearn.model_selection import LearningCurveDisplay, ValidationCurveDisplay

from dnn_xp import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor

pytestmark = pytest.mark.once

X = np.random.default_rng(0).normal(size=(60, 2))
Y = np.where(X[:, 0] + X[:, 1] > 0, "b", "a")
VALUES = X[:, 0] - X[:, 1]


@pytest.fixture(autouse=True)
def no_window():
    from matplotlib import pyplot

    matplotlib.use("Agg")
    yield
    pyplot.close("all")


QUICK = {"activation": "identity", "solver": "lbfgs", "tol": 1e-2, "random_state": 0}


@pytest.fixture(scope="module", params=["mlp", "tabular"])
def classifier(request):
    if request.param == "mlp":
        return MLPClassifier(hidden_layer_sizes=(2,), **QUICK).fit(X, Y)
    return TabularClassifier(n_members=1, max_iter=3, random_state=0).fit(X, Y)


@pytest.fixture(scope="module", params=["mlp", "tabular"])
def regressor(request):
    if request.param == "mlp":
        return MLPRegressor(hidden_layer_sizes=(2,), **QUICK).fit(X, VALUES)
    return TabularRegressor(n_members=1, max_iter=3, random_state=0).fit(X, VALUES)


def test_confusion_matrix(classifier):
    shown = ConfusionMatrixDisplay.from_estimator(classifier, X, Y)
    assert shown.confusion_matrix.sum() == 60
    assert list(shown.display_labels) == ["a", "b"]


def test_calibration(classifier):
    shown = CalibrationDisplay.from_estimator(classifier, X, Y, n_bins=3)
    np.testing.assert_allclose(shown.y_prob, classifier.predict_proba(X)[:, 1])


def test_decision_boundary(classifier):
    shown = DecisionBoundaryDisplay.from_estimator(classifier, X, grid_resolution=5)
    assert shown.response.shape == (5, 5)


@pytest.mark.parametrize("display", [RocCurveDisplay, PrecisionRecallDisplay, DetCurveDisplay])
def test_curves_over_thresholds(classifier, display):
    assert display.from_estimator(classifier, X, Y).ax_.lines


def test_prediction_error(regressor):
    shown = PredictionErrorDisplay.from_estimator(regressor, X, VALUES)
    np.testing.assert_allclose(shown.y_pred, regressor.predict(X))


def test_partial_dependence(regressor):
    shown = PartialDependenceDisplay.from_estimator(regressor, X, [0], grid_resolution=4)
    assert len(shown.lines_.ravel()) == 1


def test_learning_curve(regressor):
    shown = LearningCurveDisplay.from_estimator(regressor, X, VALUES, cv=2, train_sizes=[20, 30])
    assert shown.test_scores.shape == (2, 2)
    assert np.isfinite(shown.test_scores).all()


def test_validation_curve():
    model = MLPRegressor(
        hidden_layer_sizes=(4,), solver="lbfgs", max_iter=50, tol=1e-2, random_state=0
    )
    shown = ValidationCurveDisplay.from_estimator(
        model, X, VALUES, param_name="alpha", param_range=[1e-4, 1.0], cv=2
    )
    assert shown.test_scores.shape == (2, 2)
