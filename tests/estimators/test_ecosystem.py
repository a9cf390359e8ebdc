"""Estimators inside scikit-learn and beside it: what copies, holds, tunes and wraps them.

scikit-learn's own estimator in the same place gives the numbers.
"""

import copy
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import joblib
import sklearn
from sklearn import neural_network
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import ConvergenceWarning, UnsetMetadataPassedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import shuffle

from dnn_xp.estimators import MLPClassifier, MLPRegressor
from tests.estimators.small import as_in_1_9

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, y = shuffle(*load_iris(return_X_y=True), random_state=0)
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]
WEIGHTS = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
SETTINGS = {
    "hidden_layer_sizes": (8,),
    "max_iter": 15,
    "learning_rate_init": 0.02,
    "random_state": 0,
}
KINDS = [
    (MLPClassifier, neural_network.MLPClassifier),
    (MLPRegressor, neural_network.MLPRegressor),
]


@pytest.fixture
def classifiers():
    """Return our classifier and scikit-learn's, which come to the same end."""
    return [kind(**SETTINGS) for kind in KINDS[0]]


@pytest.fixture
def regressors():
    return [kind(**SETTINGS) for kind in KINDS[1]]


@pytest.fixture(params=KINDS, ids=["classifier", "regressor"])
def pair(request):
    return [kind(**SETTINGS) for kind in request.param]


def assert_same(found, expected):
    """Check numbers within what rounding does in 15 epochs."""
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


# ----------------------------------------------------------------------------- copies


def through_joblib(one, folder):
    joblib.dump(one, folder / "one.joblib")
    return joblib.load(folder / "one.joblib")


def through_pickle(one, folder):
    return pickle.loads(pickle.dumps(one))


def through_deepcopy(one, folder):
    return copy.deepcopy(one)


@pytest.mark.parametrize("through", [through_joblib, through_pickle, through_deepcopy])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_copy_trains_on_as_the_original_does(pair, tmp_path, through, solver):
    one, theirs = (each.set_params(solver=solver).fit(X, y) for each in pair)
    other = through(one, tmp_path)
    before = one.predict(X)
    np.testing.assert_array_equal(other.predict(X), before)
    other.partial_fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(one.predict(X), before)  # they share nothing
    for each in (one, theirs):
        each.partial_fit(X, y).partial_fit(X, y)
    assert other.loss_curve_ == one.loss_curve_
    assert_same(other.loss_curve_, theirs.loss_curve_)


def test_a_copy_of_lbfgs_goes_on_as_the_original_does(pair):
    one = pair[0].set_params(solver="lbfgs", warm_start=True, max_iter=5).fit(X, y)
    other = pickle.loads(pickle.dumps(one))
    assert other.fit(X, y).loss_curve_ == one.fit(X, y).loss_curve_
    assert len(one.loss_curve_) == 10


def test_a_clone_has_the_same_parameters_and_no_state(pair):
    one = pair[0].fit(X, y)
    other = clone(one)
    assert other.get_params() == one.get_params()
    assert repr(other) == repr(one) == repr(pair[1])
    assert not hasattr(other, "coefs_")
    assert other.fit(X, y).loss_curve_ == one.loss_curve_


@pytest.mark.parametrize(
    ("kinds", "arguments"), [(KINDS[0], ((5,), "tanh")), (KINDS[1], ("poisson", (5,), "tanh"))]
)
def test_arguments_are_scikit_learns(kinds, arguments):
    """By place, by name and by default; those that it has not have names only."""
    for given in ((), arguments):
        ours, theirs = (kind(*given).get_params() for kind in kinds)
        assert theirs.items() <= ours.items()
    for kind in kinds:
        with pytest.raises(TypeError, match="positional argument"):
            kind(*arguments, "sgd")


# ----------------------------------------------------------------------------- wrappers


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: make_pipeline(StandardScaler(), one),
        lambda one: CalibratedClassifierCV(one, cv=3),
        lambda one: VotingClassifier([("one", one), ("two", LogisticRegression())], voting="soft"),
        lambda one: StackingClassifier([("one", one), ("two", LogisticRegression())], cv=3),
        lambda one: AdaBoostClassifier(one, n_estimators=3, random_state=0),
        OneVsRestClassifier,
    ],
)
def test_wrapped_classifiers(classifiers, wrap):
    ours, theirs = (wrap(one).fit(X, y) for one in classifiers)
    assert_same(ours.predict_proba(X), theirs.predict_proba(X))
    assert ours.score(X, y) == theirs.score(X, y)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: make_pipeline(StandardScaler(), one),
        lambda one: TransformedTargetRegressor(one, transformer=StandardScaler()),
        lambda one: VotingRegressor([("one", one), ("two", clone(one).set_params(alpha=1.0))]),
        lambda one: BaggingRegressor(one, n_estimators=3, random_state=0),
    ],
)
def test_wrapped_regressors(regressors, wrap):
    ours, theirs = (wrap(one).fit(X, y) for one in regressors)
    assert_same(ours.predict(X), theirs.predict(X))


def test_one_estimator_for_each_target(regressors):
    Y = np.stack([y, X[:, 0]], axis=1)
    ours, theirs = (MultiOutputRegressor(one).fit(X, Y) for one in regressors)
    assert_same(ours.predict(X), theirs.predict(X))


def test_a_chain_of_labels(classifiers):
    Y = np.stack([y > 0, y > 1], axis=1).astype(int)
    ours, theirs = (ClassifierChain(one, random_state=0).fit(X, Y) for one in classifiers)
    assert_same(ours.predict_proba(X), theirs.predict_proba(X))


def test_grid_search(classifiers):
    grid = {"alpha": [1e-4, 1.0], "activation": ["tanh", "relu"], "hidden_layer_sizes": [3, (5, 4)]}
    ours, theirs = (
        GridSearchCV(one, grid, cv=3, scoring="neg_log_loss").fit(X, y) for one in classifiers
    )
    assert_same(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.best_params_ == theirs.best_params_


def test_a_grid_over_what_scikit_learn_has_not():
    grid = {"solver": ["adamw", "lion"], "dropout": [0.0, 0.2]}
    search = GridSearchCV(MLPClassifier(**SETTINGS | {"max_iter": 60}), grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.9
    assert len(set(search.cv_results_["mean_test_score"])) > 1


def test_cross_validation(pair):
    for validate in (cross_val_score, cross_val_predict):
        ours, theirs = (validate(one, X, y, cv=3) for one in pair)
        assert_same(ours, theirs)


def test_workers(classifiers):
    alone, together = (cross_val_score(classifiers[0], X, y, cv=3, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(alone, together)


def test_permutation_importance(pair):
    ours, theirs = (
        permutation_importance(one.fit(X, y), X, y, n_repeats=3, random_state=0) for one in pair
    )
    assert_same(ours.importances, theirs.importances)


# ----------------------------------------------------------------------------- data frames


@pytest.fixture(params=["pandas", "polars"])
def frame(request):
    """Return the features as a data frame."""
    library = pytest.importorskip(request.param)
    return library.DataFrame({name: X[:, place] for place, name in enumerate(NAMES)})


def test_a_data_frame_is_its_numbers(pair, frame):
    one, other = (clone(pair[0]) for _ in range(2))
    one.fit(frame, y)
    np.testing.assert_array_equal(one.predict(frame), other.fit(X, y).predict(X))
    np.testing.assert_array_equal(one.feature_names_in_, pair[1].fit(frame, y).feature_names_in_)
    assert list(one.feature_names_in_) == NAMES
    assert one.n_features_in_ == 4
    assert not hasattr(other, "feature_names_in_")


def test_names_are_looked_at(pair, frame):
    """With early stopping too, that scores data without names."""
    one = pair[0].set_params(early_stopping=True).fit(frame, y)
    with pytest.warns(
        UserWarning, match=r"X does not have valid feature names, but MLP\w+ was fit"
    ):
        one.predict(X)
    with pytest.raises(ValueError, match="The feature names should match those that were passed"):
        one.predict(frame[NAMES[::-1]])
    with pytest.raises(ValueError, match="The feature names should match those that were passed"):
        clone(one).set_params(early_stopping=False).fit(frame, y).partial_fit(frame[NAMES[::-1]], y)
    with pytest.warns(UserWarning, match=r"X has feature names, but MLP\w+ was fitted without"):
        clone(one).fit(X, y).predict(frame)


def test_columns_of_labels(frame):
    """A column is a vector, with the warning of scikit-learn's; names are labels."""
    pandas = pytest.importorskip("pandas")
    species = pandas.Series(np.array(["setosa", "versicolor", "virginica"])[y])
    clf = MLPClassifier(**SETTINGS).fit(frame, species)
    assert list(clf.classes_) == ["setosa", "versicolor", "virginica"]
    expected = MLPClassifier(**SETTINGS).fit(X, y)
    np.testing.assert_array_equal(clf.predict(frame), clf.classes_[expected.predict(X)])
    assert clf.score(frame, species) == expected.score(X, y)
    with pytest.warns(sklearn.exceptions.DataConversionWarning, match="A column-vector y was pass"):
        again = MLPClassifier(**SETTINGS).fit(frame, species.to_frame())
    assert again.loss_curve_ == clf.loss_curve_


def test_a_pipeline_that_gives_data_frames(classifiers):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=NAMES)
    pipeline = make_pipeline(StandardScaler(), classifiers[0]).set_output(transform="pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(frame, y).predict(frame)
    assert list(pipeline[-1].feature_names_in_) == NAMES


# ----------------------------------------------------------------------------- metadata


@as_in_1_9
def test_weights_are_routed(pair):
    with sklearn.config_context(enable_metadata_routing=True):
        found = []
        for one in pair:
            asking = make_pipeline(
                StandardScaler().set_fit_request(sample_weight=False),
                one.set_fit_request(sample_weight=True).set_score_request(sample_weight=True),
            )
            found.append(cross_validate(asking, X, y, cv=3, params={"sample_weight": WEIGHTS}))
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            cross_validate(type(pair[0])(), X, y, params={"sample_weight": WEIGHTS})
    assert_same(found[0]["test_score"], found[1]["test_score"])
    plain = cross_val_score(make_pipeline(StandardScaler(), pair[0]), X, y, cv=3)
    assert (plain != found[0]["test_score"]).any()


def test_what_can_be_asked_for(pair):
    ours, theirs = (one.get_metadata_routing() for one in pair)
    for method in ("fit", "score") + (("partial_fit",) if is_classifier(pair[0]) else ()):
        assert getattr(theirs, method).requests.items() <= getattr(ours, method).requests.items()
    assert {"X_val", "y_val"} <= set(ours.fit.requests)
