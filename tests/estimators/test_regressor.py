"""MLPRegressor: losses, outputs, targets."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import scipy.sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)

from dnn_xp.estimators import MLPRegressor
from dnn_xp.models import load_model, save_model

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

RNG = np.random.default_rng(0)
M = 60
X = RNG.normal(size=(M, 4))
ONE = X[:, 0] * X[:, 1] + 0.1 * RNG.normal(size=M)
THREE = np.stack([ONE, X[:, 2], np.abs(X[:, 3])], axis=1)
COUNTS = RNG.poisson(np.exp(0.5 * X[:, 0])).astype(float)
WEIGHTS = RNG.uniform(0.5, 2.0, M)
SETTINGS = {
    "hidden_layer_sizes": (6,),
    "random_state": 0,
    "max_iter": 20,
    "learning_rate_init": 0.02,
}
STILL = {"learning_rate_init": 1e-300, "solver": "sgd", "max_iter": 1, "alpha": 0.0}


def huber(y, predicted, sample_weight):
    """Return its mean for delta = 0.5."""
    E = np.abs(y - predicted)
    costs = np.where(E > 0.5, 0.5 * (E - 0.25), 0.5 * E**2)
    return np.average(costs, weights=sample_weight)


@pytest.mark.parametrize(
    ("loss", "y", "measure"),
    [
        ("squared_error", ONE, lambda *a, **w: 0.5 * mean_squared_error(*a, **w)),
        ("squared_error", THREE, lambda *a, **w: 0.5 * mean_squared_error(*a, **w)),
        ("absolute_error", ONE, mean_absolute_error),
        ("absolute_error", THREE, lambda *a, **w: 3.0 * mean_absolute_error(*a, **w)),
        (("quantile", 0.3), ONE, lambda *a, **w: mean_pinball_loss(*a, alpha=0.3, **w)),
        (("huber", 0.5), ONE, huber),
        ("poisson", COUNTS, lambda *a, **w: 0.5 * mean_poisson_deviance(*a, **w)),
    ],
)
def test_losses_are_those_of_scikit_learns_metrics(loss, y, measure):
    """Of the network as it begins, which no step moves; but squares of several are summed."""
    reg = MLPRegressor(loss, **SETTINGS | STILL).fit(X, y, WEIGHTS)
    expected = measure(y, reg.predict(X), sample_weight=WEIGHTS)
    assert reg.loss_ == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", ("huber", 0.5)])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_losses_fall(loss, solver):
    options = SETTINGS | {"solver": solver, "max_iter": 100}
    reg = MLPRegressor(loss, **options).fit(X, COUNTS)
    still = MLPRegressor(loss, **SETTINGS | STILL).fit(X, COUNTS)
    assert reg.loss_ < 0.7 * still.loss_


def test_poisson_predicts_means():
    reg = MLPRegressor("poisson", **SETTINGS).fit(X, COUNTS)
    assert reg.out_activation_ == "exp"
    assert (reg.predict(X) > 0.0).all()
    for solver in ("adam", "lbfgs"):
        with pytest.raises(ValueError, match="y: found a value below 0, expected counts for loss="):
            MLPRegressor("poisson", solver=solver).fit(X, ONE)


def test_a_quantile_is_above_its_part():
    """Without features the best constant is the quantile: between two of these values."""
    y = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    options = {"hidden_layer_sizes": (), "max_iter": 2000, "n_iter_no_change": 2000, "alpha": 0.0}
    options |= {"solver": "sgd", "learning_rate_init": 0.01, "momentum": 0.0, "random_state": 0}
    for q, expected in ((0.3, 2.0), (0.7, 4.0)):
        reg = MLPRegressor(("quantile", q), **options).fit(np.zeros((5, 1)), y)
        # A step is at most 0.01, and goes back and forth over the kink.
        np.testing.assert_allclose(reg.predict(np.zeros((1, 1))), expected, atol=0.01)


LEVELS = [0.1, 0.5, 0.8]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("y", "n_targets"), [(ONE, 1), (THREE, 3)])
def test_several_quantiles_are_columns_that_never_cross(y, n_targets, solver):
    options = SETTINGS | {"solver": solver, "max_iter": 60}
    reg = MLPRegressor(("quantile", LEVELS), **options).fit(X, y, WEIGHTS)
    assert (reg.n_outputs_, reg.out_activation_) == (3 * n_targets, "ordered")
    Q = reg.predict(X)
    assert Q.shape == (M, 3 * n_targets)
    by_target = Q.reshape(M, n_targets, 3)
    assert (np.diff(by_target, axis=2) >= 0.0).all()
    below = np.average(y.reshape(M, n_targets, 1) <= by_target, axis=(0, 1))
    np.testing.assert_allclose(below, LEVELS, atol=0.15)
    median = by_target[:, 0, 1] if n_targets == 1 else by_target[:, :, 1]
    assert reg.score(X, y, WEIGHTS) == pytest.approx(
        r2_score(y, median, sample_weight=WEIGHTS), rel=1e-12
    )


def test_the_loss_of_several_quantiles_is_the_mean_of_theirs():
    reg = MLPRegressor(("quantile", LEVELS), **SETTINGS | STILL).fit(X, ONE, WEIGHTS)
    losses = [
        mean_pinball_loss(ONE, q, alpha=level, sample_weight=WEIGHTS)
        for level, q in zip(LEVELS, reg.predict(X).T, strict=True)
    ]
    assert reg.loss_ == pytest.approx(np.mean(losses), rel=1e-12)


@pytest.mark.parametrize("scoring", [None, "loss"])
def test_early_stopping_judges_several_quantiles(scoring):
    options = SETTINGS | {"early_stopping": True, "scoring": scoring}
    reg = MLPRegressor(("quantile", LEVELS), **options).fit(X, ONE)
    assert len(reg.validation_scores_) == reg.n_iter_
    if scoring == "loss":
        np.testing.assert_allclose(reg.validation_scores_, np.negative(reg.validation_loss_curve_))
    given = MLPRegressor(("quantile", LEVELS), **options).fit(X, ONE, X_val=X, y_val=ONE)
    if scoring is None:
        assert given.best_validation_score_ == pytest.approx(given.score(X, ONE), rel=1e-9)


def test_the_input_gradient_of_a_quantile_is_its_own():
    reg = MLPRegressor(("quantile", LEVELS), **SETTINGS | {"activation": "tanh"}).fit(X, ONE)
    for output in range(3):
        gradient, h = reg.input_gradient(X, output), 1e-6
        for feature in range(X.shape[1]):
            step = h * np.eye(X.shape[1])[feature]
            difference = reg.predict(X + step) - reg.predict(X - step)
            np.testing.assert_allclose(
                gradient[:, feature], difference[:, output] / (2 * h), rtol=1e-6, atol=1e-8
            )


def test_several_quantiles_go_on_and_come_back(tmp_path):
    reg = MLPRegressor(("quantile", LEVELS), **SETTINGS).fit(X, ONE)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(reg)).predict(X),
        reg.predict(X),
    )
    assert clone(reg).get_params()["loss"] == ("quantile", LEVELS)
    save_model(tmp_path / "q.h5", reg.to_model())
    loaded = load_model(tmp_path / "q.h5")
    np.testing.assert_array_equal(loaded.network.predict(loaded.theta, X.T).T, reg.predict(X))
    reg.partial_fit(X, ONE)
    reg.set_params(loss=("quantile", [0.1, 0.9]), warm_start=True)
    with pytest.raises(ValueError, match=r"^loss: found \('quantile', 0.1, 0.9\), expected .*0.8"):
        reg.fit(X, ONE)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0.9, 0.1], "expected them rising"),
        ([0.5, 0.5], "expected them rising"),
        ([0.0, 0.5], "a number between 0 and 1"),
        ([5, 95], "a number between 0 and 1"),
        ([0.1, np.nan], "found nan"),
        ([0.1, "0.5"], "found '0.5'"),
        ([], "found no quantiles"),
    ],
)
def test_quantiles_that_are_none_are_no_loss(levels, message):
    with pytest.raises(ValueError, match=rf"The 'loss' parameter .*Got .*instead.*{message}"):
        MLPRegressor(("quantile", levels)).fit(X, ONE)


@pytest.mark.parametrize("y", [ONE, THREE, ONE.astype("float32"), COUNTS.astype(int)])
def test_estimator_regressor_predictions_are_scikit_learns(y):
    ours, theirs = (
        kind(**SETTINGS).fit(X, y) for kind in (MLPRegressor, neural_network.MLPRegressor)
    )
    assert ours.predict(X).shape == y.shape
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9, atol=1e-12)
    assert ours.score(X, y, WEIGHTS) == pytest.approx(theirs.score(X, y, WEIGHTS), rel=1e-10)
    assert ours.score(X, y) == r2_score(y, ours.predict(X))


def test_a_row_of_targets_for_one_output():
    with pytest.warns(match="A column-vector y was passed when a 1d array was expected"):
        reg = MLPRegressor(**SETTINGS).fit(X, ONE[:, None])
    np.testing.assert_array_equal(reg.predict(X), MLPRegressor(**SETTINGS).fit(X, ONE).predict(X))


def test_without_hidden_layers_it_is_linear_regression():
    options = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.0, "tol": 1e-9}
    reg = MLPRegressor(**options, random_state=0).fit(X, THREE)
    inputs = np.column_stack([X, np.ones(M)])
    solution = np.linalg.lstsq(inputs, THREE, rcond=None)[0]
    # The loss falls by less than 2e-9 at the end, which leaves some 1e-4 of a flat parabola.
    np.testing.assert_allclose(reg.coefs_[0], solution[:4], atol=2e-4)
    np.testing.assert_allclose(reg.intercepts_[0], solution[4], atol=2e-4)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.array(list("abc") * 20), "could not convert string to float"),
        (ONE[:5], "inconsistent numbers of samples"),
        (np.where(ONE > 1.0, np.nan, ONE), "Input y contains NaN"),
        (None, "requires y to be passed, but the target y is None"),
        (THREE[:, :, None], "Found array with dim 3"),
    ],
)
def test_estimator_regressor_targets_that_do_not_fit_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**SETTINGS).fit(X, bad)


def test_other_outputs_are_refused_where_training_goes_on():
    reg = MLPRegressor(**SETTINGS).partial_fit(X, ONE)
    with pytest.raises(ValueError, match="y: found 3 outputs, expected 1 as in the fit"):
        reg.partial_fit(X, THREE)
    assert reg.n_outputs_ == 1
    assert reg.partial_fit(X, ONE).predict(X).shape == ONE.shape


FAR = {
    "a million seconds": 1.6e9 + np.arange(6.0),
    "next to 1e8": 1e8 + np.asarray([0.0, 1.0, -1.0, 0.0, 1.0, -1.0]),
    "whole numbers": 2**30 + np.arange(6),
    "negative": -1e9 + 3.0 * np.arange(6.0),
    "spaced by their rounding": 1e8 + 8.0 * np.arange(6.0),
}


@pytest.mark.parametrize("y", FAR.values(), ids=FAR)
@pytest.mark.parametrize("how", ["fit", "partial_fit", "second column", "sparse"])
def test_targets_that_float32_does_not_tell_apart_are_a_warning(y, how):
    """The network would learn their rounding; scikit-learn's predictions are of that dtype, too."""
    features = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    regressor = MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, solver="adam", batch_size=6)
    X = scipy.sparse.csr_matrix(features) if how == "sparse" else features
    targets = np.stack([np.arange(6.0), y], axis=1) if how == "second column" else y
    learn = regressor.partial_fit if how == "partial_fit" else regressor.fit
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        learn(X, targets)
    (words,) = [str(one.message) for one in said if one.category is DataConversionWarning]
    assert words.startswith("y: found targets from ")
    assert "which float32, the dtype of X, does not tell apart; give X in float64" in words


@pytest.mark.parametrize(
    ("dtype", "y"),
    [
        ("float64", FAR["next to 1e8"]),
        ("float64", 1.6e9 + np.arange(6.0)),
        ("float32", 1990.0 + np.arange(6.0)),
        ("float32", 1e8 + 1e7 * np.arange(6.0)),
        ("float32", np.full(6, 1e8)),
        ("float32", 1e-8 * np.arange(6.0)),
    ],
)
def test_other_targets_are_taken_without_a_word(dtype, y):
    X = np.random.default_rng(0).normal(size=(6, 2)).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataConversionWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        MLPRegressor(hidden_layer_sizes=(2,), max_iter=1).fit(X, y)
