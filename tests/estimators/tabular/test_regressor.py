"""Regressor of tables: scaled targets, quantiles that never cross, intervals that cover."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp.estimators import TabularRegressor

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
M = 300
X = RNG.uniform(-2.0, 2.0, (M, 3))
SIGNAL = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1]
Y = SIGNAL + 0.2 * RNG.normal(size=M)
SMALL = {
    "n_members": 2,
    "hidden_layer_sizes": (32,),
    "batch_size": 32,
    "max_iter": 80,
    "random_state": 0,
}


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (8e4, 2e5), (1e-7, 3.0), (1e12, 0.0)])
def test_the_units_of_y_do_not_matter(scale, shift):
    plain = TabularRegressor(**SMALL).fit(X, Y)
    other = TabularRegressor(**SMALL).fit(X, shift + scale * Y)
    assert plain.score(X, Y) > 0.8
    predicted = (other.predict(X) - shift) / scale
    # Rounding of y in its units, and of the standardized y in float32, through the training.
    np.testing.assert_allclose(predicted, plain.predict(X), atol=0.02)


def test_predictions_stay_within_what_was_seen():
    model = TabularRegressor(**SMALL).fit(X, Y)
    far = model.predict(100.0 * X)
    assert Y.min() - 1e-6 <= far.min()
    assert far.max() <= Y.max() + 1e-6


def test_several_targets_are_those_of_their_own_units():
    both = np.stack([Y, 1e5 * Y[::-1]], axis=1)
    model = TabularRegressor(**SMALL).fit(X, both)
    assert model.predict(X).shape == (M, 2)
    assert model.predict_interval(X).shape == (M, 2, 2)
    assert np.corrcoef(model.predict(X)[:, 0], Y)[0, 1] > 0.8


@pytest.mark.parametrize("loss", ["absolute_error", ("huber", 0.5), ("quantile", 0.5)])
def test_other_losses(loss):
    assert TabularRegressor(**SMALL, loss=loss).fit(X, Y).score(X, Y) > 0.7


@pytest.mark.parametrize("loss", ["poisson", "softmax_cross_entropy", "sigmoid_cross_entropy"])
def test_losses_of_other_targets_are_refused(loss):
    with pytest.raises(ValueError, match=r"loss: found .* expected one of squared_error"):
        TabularRegressor(**SMALL, loss=loss).fit(X, Y)


def test_quantiles_never_cross_and_hold_their_parts():
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (3000, 1))
    y = X[:, 0] + (1.1 + X[:, 0]) * rng.normal(size=3000)
    levels = [0.05, 0.25, 0.5, 0.95]
    model = TabularRegressor(
        n_members=2,
        hidden_layer_sizes=(32,),
        max_iter=30,
        random_state=0,
        loss=("quantile", levels),
    ).fit(X[:2000], y[:2000])
    found = model.predict(X)
    assert found.shape == (3000, 4)
    assert np.all(np.diff(found, axis=1) >= 0.0)
    below = (y[2000:, None] <= found[2000:]).mean(axis=0)
    # 1,000 draws: 0.016 is one standard error in the middle; the network is not the truth either.
    np.testing.assert_allclose(below, levels, atol=0.06)
    width = found[:, 3] - found[:, 0]
    assert width[X[:, 0] > 0.8].mean() > 3 * width[X[:, 0] < -0.8].mean()


@pytest.mark.parametrize("loss", ["squared_error", ("quantile", [0.1, 0.9])])
@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_cover_new_examples(loss, coverage):
    covered = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, (900, 2))
        y = 1e4 * (X[:, 0] + 0.3 * rng.standard_t(3, 900))
        model = TabularRegressor(**SMALL | {"max_iter": 15}, loss=loss).fit(X[:400], y[:400])
        low, high = model.predict_interval(X[400:], coverage).T
        covered.append(np.mean((low <= y[400:]) & (y[400:] <= high)))
    # 160 examples held out and 500 new ones, four times: 0.02 and 0.009 are the standard errors;
    # a member's errors are a little larger than those of all, so that more may be covered.
    assert coverage - 0.05 < np.mean(covered) < coverage + 0.08


def test_intervals_of_few_examples_are_infinite_rather_than_wrong():
    model = TabularRegressor(**SMALL | {"max_iter": 2}).fit(X[:20], Y[:20])
    assert np.all(np.isinf(model.predict_interval(X[:3], 0.95)))
    assert np.all(np.isfinite(model.predict_interval(X[:3], 0.5)))


def test_without_hold_outs_there_are_no_intervals_and_the_way_out_is_said():
    model = TabularRegressor(**SMALL | {"max_iter": 2}, validation=None).fit(X, Y)
    with pytest.raises(ValueError, match=r"fit with validation=0\.2"):
        model.predict_interval(X)
    with pytest.raises(ValueError, match=r"coverage: found 1\.5"):
        TabularRegressor(**SMALL | {"max_iter": 2}).fit(X, Y).predict_interval(X, 1.5)


def test_intervals_of_validation_data_of_ones_own():
    model = TabularRegressor(**SMALL).fit(X[:200], Y[:200], X_val=X[200:], y_val=Y[200:])
    low, high = model.predict_interval(X[200:], 0.9).T
    inside = np.mean((low <= Y[200:]) & (Y[200:] <= high))
    assert inside == pytest.approx(0.91, abs=0.011)  # 91 of 100: the 91st of 101 places


@pytest.mark.parametrize("loss", ["squared_error", ("quantile", [0.1, 0.5, 0.9])])
def test_input_gradient_is_the_slope_of_predictions(loss):
    y = 1e5 * (X[:, 0] + X[:, 1] ** 2)
    model = TabularRegressor(**SMALL | {"max_iter": 200}, loss=loss, dropout=0.0).fit(X, y)
    inner = X[np.all(np.abs(X) < 1.5, axis=1)]
    found = model.input_gradient(inner, 0 if loss == "squared_error" else 1)
    assert found.shape == inner.shape
    expected = 1e5 * np.stack([np.ones(len(inner)), 2 * inner[:, 1], 0 * inner[:, 1]], axis=1)
    # The network is near to the function, not equal to it.
    assert np.mean(np.abs(found - expected)) < 3e4
    with pytest.raises(ValueError, match="output: found 9"):
        model.input_gradient(inner, 9)
