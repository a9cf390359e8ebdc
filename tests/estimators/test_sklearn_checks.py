"""scikit-learn's own checks of an estimator, run as scikit-learn runs them on its MLP."""

import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    parametrize_with_checks,
)

from dnn_xp.estimators import MLPClassifier, MLPRegressor
from tests.estimators.small import as_in_1_9
from tests.helpers import name_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)]

# Those of other array libraries run where these are installed; all others run once.
names, pairs = (every := parametrize_with_checks(ESTIMATORS)).args
PAIRS = [
    pytest.param(*pair, marks=() if "array_api" in str(pair[1]) else pytest.mark.once)
    for pair in pairs
]


@pytest.mark.parametrize(names, PAIRS, **every.kwargs)
def test_scikit_learns_check(estimator, check):
    check(estimator)


@pytest.mark.once
@pytest.mark.parametrize(
    "estimator",
    [MLPClassifier(solver="lbfgs"), MLPRegressor(solver="sgd", tol=1e-2, random_state=42)],
    ids=name_of,
)
def test_estimator_sklearn_checks_weights_are_repeated_examples(estimator):
    """The settings are those that scikit-learn has this check run with for its MLP."""
    check_sample_weight_equivalence_on_dense_data(type(estimator).__name__, estimator)


@as_in_1_9
def test_checks_are_found():
    found = " ".join(str(pair.values[1]) for pair in PAIRS)
    for name in ("check_estimators_dtypes", "check_array_api_input", "array_api_mixed_inputs"):
        assert f"check_{name.removeprefix('check_')} " in found
    assert "array_namespace='torch'" in found
