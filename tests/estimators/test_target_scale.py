"""Targets of any size: scaled in the fit where that is asked for, else a warning of a bad fit."""

import copy
import pickle
import re
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from dnn_xp.backends import to_host
from dnn_xp.estimators import MLPRegressor, target_scale
from dnn_xp.estimators.target_scale import fit_scale
from dnn_xp.models import load_model, save_model

once = pytest.mark.once

RNG = np.random.default_rng(0)
M = 120
X = RNG.normal(size=(M, 3))
SMOOTH = X[:, 0] + 0.3 * X[:, 1] ** 2 + 0.1 * RNG.normal(size=M)
PRICES = 2e5 + 8e4 * SMOOTH
TWO = np.stack([PRICES, 1e-4 * X[:, 2]], axis=1)
WEIGHTS = RNG.uniform(0.5, 2.0, M)
SETTINGS = {
    "hidden_layer_sizes": (8,),
    "random_state": 0,
    "max_iter": 30,
    "learning_rate_init": 0.02,
}

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning"),
    pytest.mark.filterwarnings("ignore:lbfgs failed:UserWarning"),
]


def regressor(**options):
    return MLPRegressor(**SETTINGS | {"scale_target": True} | options)


# ----------------------------------------------------------------------------- the scale


@once
@pytest.mark.parametrize(
    ("y", "weights", "mean", "std"),
    [
        ([1.0, 2.0, 3.0, 4.0], None, 2.5, np.sqrt(1.25)),
        ([1, 2, 3, 100], [1.0, 1.0, 2.0, 0.0], 2.25, np.sqrt(0.6875)),
        ([0.1] * 7, None, 0.1, 1.0),
        ([0.0] * 3, None, 0.0, 1.0),
        ([5.0, 5.0, 9.0], [1.0, 1.0, 0.0], 5.0, 1.0),
        ([7.0], None, 7.0, 1.0),
        ([1e308, -1e308], None, 0.0, 1e308),
        ([1e-310, 3e-310], None, 2e-310, 1e-310),
        ([1e8, 1e8 + 2], None, 1e8 + 1, 1.0),
        ([-3e-7, 1e-7], [1.0, 1.0], -1e-7, 2e-7),
    ],
)
def test_the_scale_is_the_mean_and_the_standard_deviation(y, weights, mean, std):
    weights = None if weights is None else np.array(weights)
    found = fit_scale(np.array([y]), weights)
    np.testing.assert_allclose(found, [[mean], [std]], rtol=1e-12)


@once
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("y", [PRICES, TWO, -1e-9 * SMOOTH, 1e20 * SMOOTH])
def test_a_fit_is_that_of_standardized_targets(solver, y):
    # L-BFGS makes much of a rounding: a few iterations.
    options = {"solver": solver, "max_iter": 4 if solver == "lbfgs" else 30}
    reg = regressor(**options).fit(X, y)
    scaler = StandardScaler().fit(y.reshape(M, -1))
    plain = regressor(**options, scale_target=False)
    plain.fit(X, scaler.transform(y.reshape(M, -1)).reshape(y.shape))
    expected = scaler.inverse_transform(plain.predict(X).reshape(M, -1)).reshape(y.shape)
    # The roundings of two ways to the same mean, over 30 epochs.
    np.testing.assert_allclose(reg.predict(X), expected, rtol=1e-7, atol=1e-7 * np.ptp(y))
    np.testing.assert_allclose(reg.loss_curve_, plain.loss_curve_, rtol=1e-7)
    np.testing.assert_allclose(reg.target_mean_, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(reg.target_std_, scaler.scale_, rtol=1e-12)


@once
def test_prices_are_learnt_with_the_defaults():
    rng = np.random.default_rng(1)
    table = rng.normal(size=(600, 8))
    y = 2e5 + 6e4 * table[:, 0] + 4e4 * np.abs(table[:, 1]) + 1e4 * rng.normal(size=600)
    with pytest.warns(ConvergenceWarning, match="scale_target=True scales y"):
        plain = MLPRegressor(random_state=0).fit(table[:400], y[:400])
    scaled = MLPRegressor(random_state=0, scale_target=True).fit(table[:400], y[:400])
    assert plain.score(table[400:], y[400:]) < 0.0
    assert scaled.score(table[400:], y[400:]) > 0.7


@once
def test_weights_count_in_the_scale():
    weights = np.where(SMOOTH > 0.0, 3.0, 0.0)
    reg = regressor().fit(X, PRICES, weights)
    some = SMOOTH > 0.0
    np.testing.assert_allclose(reg.target_mean_, PRICES[some].mean(), rtol=1e-12)
    np.testing.assert_allclose(reg.target_std_, PRICES[some].std(), rtol=1e-12)


@once
@pytest.mark.parametrize("y", [np.full(M, 2e5), np.stack([PRICES, np.full(M, 0.1)], axis=1)])
def test_constant_targets_are_predicted_near_their_value(y):
    predicted = regressor(max_iter=100).fit(X, y).predict(X)
    constant = y.reshape(M, -1)[:, -1]
    assert np.abs(predicted.reshape(M, -1)[:, -1] - constant).max() < 0.5


@once
def test_several_quantiles_are_scaled_and_stay_in_order():
    reg = regressor(loss=("quantile", [0.1, 0.5, 0.9]), max_iter=100).fit(X, PRICES)
    Q = reg.predict(X)
    assert (np.diff(Q, axis=1) >= 0.0).all()
    np.testing.assert_allclose((PRICES[:, None] <= Q).mean(axis=0), [0.1, 0.5, 0.9], atol=0.15)
    assert reg.score(X, PRICES) > 0.7


@once
@pytest.mark.parametrize("loss", ["poisson", "sigmoid_cross_entropy"])
def test_losses_of_targets_as_they_are_are_refused(loss):
    with pytest.raises(ValueError, match=f"scale_target: found True with loss '{loss}'"):
        regressor(loss=loss).fit(X, np.abs(SMOOTH) / 10)


@once
@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_absolute_error"])
def test_scores_of_held_out_examples_are_in_the_units_of_y(scoring):
    reg = regressor(early_stopping=True, scoring=scoring)
    reg.fit(X, PRICES, X_val=X[:40], y_val=PRICES[:40])
    error = np.abs(reg.predict(X[:40]) - PRICES[:40]).mean()
    best = -error if scoring == "neg_mean_absolute_error" else reg.score(X[:40], PRICES[:40])
    assert reg.best_validation_score_ == pytest.approx(best, rel=1e-9)


@once
@pytest.mark.parametrize("y", [PRICES, TWO])
@pytest.mark.parametrize("loss", ["squared_error", ("quantile", [0.2, 0.7])])
def test_the_input_gradient_is_that_of_predictions(y, loss):
    reg = regressor(loss=loss, activation="tanh").fit(X, y)
    outputs, h = reg.predict(X).reshape(M, -1).shape[1], 1e-6
    for output in range(outputs):
        gradient = reg.input_gradient(X, output)
        for feature in range(3):
            step = h * np.eye(3)[feature]
            above, below = (reg.predict(X + s).reshape(M, -1)[:, output] for s in (step, -step))
            size = np.abs(gradient).max()
            # Of values near 2e5 the rounding is 3e-11, over 2e-6.
            np.testing.assert_allclose(
                gradient[:, feature], (above - below) / (2 * h), rtol=1e-5, atol=1e-5 * size + 1e-4
            )


# ----------------------------------------------------------------------------- going on, keeping


@once
def test_fits_that_go_on_keep_the_scale():
    reg = regressor().fit(X, PRICES)
    before = reg.target_mean_.copy(), reg.target_std_.copy()
    reg.partial_fit(X, PRICES + 1e6)
    reg.set_params(warm_start=True, max_iter=2).fit(X, 2.0 * PRICES)
    np.testing.assert_array_equal((reg.target_mean_, reg.target_std_), before)
    reg.set_params(warm_start=False).fit(X, 2.0 * PRICES)
    np.testing.assert_allclose(reg.target_mean_, 2.0 * PRICES.mean(), rtol=1e-12)


@once
def test_partial_fits_are_one_run():
    whole, parts = regressor(shuffle=False, max_iter=3, tol=0.0), regressor(shuffle=False)
    whole.fit(X, PRICES)
    for _ in range(3):
        parts.partial_fit(X, PRICES)
    np.testing.assert_allclose(parts.predict(X), whole.predict(X), rtol=1e-12)


@once
@pytest.mark.parametrize("first", [True, False])
def test_a_fit_that_goes_on_cannot_begin_to_scale_or_end(first):
    reg = regressor(scale_target=first).partial_fit(X, SMOOTH)
    reg.set_params(scale_target=not first, warm_start=True)
    message = f"scale_target: found {not first}, expected {first} as in the fit that"
    for goes_on in (reg.fit, reg.partial_fit):
        with pytest.raises(ValueError, match=message):
            goes_on(X, SMOOTH)
    reg.set_params(warm_start=False).fit(X, SMOOTH)
    assert hasattr(reg, "target_mean_") is (not first)


@once
@pytest.mark.parametrize("y", [PRICES, TWO])
def test_it_is_pickled_copied_cloned_and_saved(tmp_path, y):
    reg = regressor().fit(X, y)
    expected = reg.predict(X)
    for same in (pickle.loads(pickle.dumps(reg)), copy.deepcopy(reg)):
        np.testing.assert_array_equal(same.predict(X), expected)
    assert clone(reg).get_params()["scale_target"] is True
    save_model(tmp_path / "m.h5", reg.to_model())
    loaded = load_model(tmp_path / "m.h5")
    found = loaded.network.predict(loaded.theta, X.T).T.reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(reg.to_sklearn().predict(X), expected, rtol=1e-11, atol=1e-15)


@once
def test_a_model_of_scaled_quantiles_is_refused():
    reg = regressor(loss=("quantile", [0.1, 0.9])).fit(X, PRICES)
    with pytest.raises(
        ValueError, match=r"'quantile' with scale_target=True.* pickle the estimator"
    ):
        reg.to_model()


def test_predictions_stay_in_the_library_of_X(array, xp, dtype):
    y = np.stack([PRICES, SMOOTH], axis=1)
    with sklearn.config_context(array_api_dispatch=True):
        reg = regressor(max_iter=5).fit(array(X, dtype), y)
        found = reg.predict(array(X, dtype))
    host = regressor(max_iter=5).fit(X.astype(dtype), y)
    assert found.dtype == getattr(xp, dtype)
    tolerance = 1e-3 if dtype == "float32" else 1e-9  # of a spread; five epochs of roundings
    difference = np.abs(to_host(found) - host.predict(X.astype(dtype))).max(axis=0)
    assert (difference < tolerance * y.std(axis=0)).all()


@pytest.mark.parametrize("n_targets", [1, 2])
def test_quantiles_of_scaled_targets_stay_in_the_library_of_X(array, xp, n_targets):
    y = np.stack([PRICES, SMOOTH], axis=1)[:, :n_targets].squeeze()
    options = {"loss": ("quantile", [0.1, 0.5, 0.8]), "max_iter": 3}
    with sklearn.config_context(array_api_dispatch=True):
        reg = regressor(**options).fit(array(X), y)
        found = to_host(reg.predict(array(X)))
    expected = regressor(**options).fit(X, y).predict(X)
    assert found.shape == (M, 3 * n_targets)
    assert (np.diff(found.reshape(M, n_targets, 3)) >= 0.0).all()
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


# ----------------------------------------------------------------------------- the warning

WORDS = r"y: found a standard deviation of .*, far from 1, .* bad fit, of R2 .*scale_target=True"


def fit_warnings(y, **options):
    """Return the warnings of a fit that are of y."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        MLPRegressor(**SETTINGS | options).fit(X, y)
    return [w for w in caught if str(w.message).startswith("y: ")]


@once
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize(
    "y",
    [PRICES, 1e-3 * SMOOTH, -1e-4 * SMOOTH, 1e4 * SMOOTH, TWO],
    ids=["prices", "small", "negative", "large", "two"],
)
def test_a_bad_fit_of_targets_far_from_one_is_said_once(solver, y):
    rate = 1e-3 if solver == "adam" else 1e-12  # with more, sgd diverges
    (warning,) = fit_warnings(y, solver=solver, learning_rate_init=rate)
    assert issubclass(warning.category, ConvergenceWarning)
    assert warning.filename == __file__
    assert re.match(WORDS, str(warning.message))


@once
@pytest.mark.parametrize(
    ("y", "options"),
    [
        (SMOOTH, {}),
        (RNG.normal(size=M), {"max_iter": 1}),  # a bad fit, but y's spread is 1
        (20.0 * SMOOTH, {"max_iter": 1}),
        (0.05 * SMOOTH, {"max_iter": 1}),
        (1e3 * SMOOTH, {"solver": "lbfgs", "max_iter": 300}),  # a good fit
        (1e3 * SMOOTH, {"learning_rate_init": 0.5, "max_iter": 300}),
        (1e-2 * SMOOTH, {"solver": "lbfgs", "alpha": 0.0, "tol": 1e-9, "max_iter": 300}),
        (PRICES, {"scale_target": True}),
        (PRICES, {"warm_start": True}),
        (np.full(M, 1e6), {}),
        (np.zeros(M), {}),
        (1e3 * np.abs(SMOOTH), {"loss": "poisson", "max_iter": 1}),
    ],
)
def test_nobody_else_is_warned(y, options):
    assert fit_warnings(y, **options) == []


@once
def test_partial_fits_are_not_warned():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPRegressor(**SETTINGS).partial_fit(X, PRICES)


@once
def test_a_fit_whose_loss_is_mostly_penalty_is_measured():
    """The loss alone would call it bad."""
    y, options = 0.01 * SMOOTH, {"alpha": 0.01, "tol": 0.0, "max_iter": 400}
    assert fit_warnings(y, **options) == []
    reg = MLPRegressor(**SETTINGS | options).fit(X, y)
    assert reg.score(X, y) > 0.8
    assert 1.0 - 2.0 * reg.loss_ / y.var() < 0.3


@once
def test_the_loss_tells_a_good_fit_at_no_price(monkeypatch):
    monkeypatch.setattr(target_scale, "computed", None)  # as what measures it would be called
    options = {"solver": "lbfgs", "max_iter": 300}
    assert fit_warnings(1e3 * SMOOTH, **options) == []
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        fit_warnings(PRICES)
