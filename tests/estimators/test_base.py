"""What the classifier and the regressor share: how they begin, train, go on and predict."""

import copy

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.utils import get_tags

from dnn_xp.backends import UnknownBackendError
from dnn_xp.estimators import MLPClassifier
from tests.estimators.small import (
    SETTINGS,
    SOLVERS,
    X,
    Y,
    assert_equal,
    both,
    parameters,
    quiet,
)

pytestmark = pytest.mark.once

# ----------------------------------------------------------------------------- attributes


@quiet
@both
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early", [False, True])
def test_attributes_are_those_of_scikit_learn(kind, solver, early):
    """All that are public, of the same type, and those that are numbers of the same value."""
    options = SETTINGS | {"solver": solver, "early_stopping": early}
    ours, theirs = kind(**options), getattr(neural_network, kind.__name__)(**options)
    ours, theirs = ours.fit(X, Y), theirs.fit(X, Y)
    for name, value in vars(theirs).items():
        if name.startswith("_") or not name.endswith("_"):
            continue
        found = getattr(ours, name)
        if isinstance(value, np.ndarray | list):
            assert type(found) is type(value), name
            for one, other in zip(found, value, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-9)
        else:
            number = isinstance(value, int | float)
            assert found == (pytest.approx(value, rel=1e-9) if number else value), name


@quiet
@both
def test_coefs_have_scikit_learns_shapes(kind):
    one = kind(**SETTINGS | {"hidden_layer_sizes": (6, 3)}).fit(X, Y)
    assert [W.shape for W in one.coefs_] == [(4, 6), (6, 3), (3, 1)]
    assert [b.shape for b in one.intercepts_] == [(6,), (3,), (1,)]
    assert (one.n_layers_, one.n_outputs_, one.n_features_in_) == (4, 1, 4)


@both
def test_nothing_is_known_before_it_is_learnt(kind):
    for method in (kind().predict, lambda X: kind().score(X, Y), lambda X: kind().to("numpy")):
        with pytest.raises(NotFittedError, match=f"This {kind.__name__} instance is not fitted"):
            method(X)


@both
def test_tags(kind):
    tags = get_tags(kind())
    assert tags.input_tags.sparse
    assert tags.array_api_support
    assert not tags.input_tags.allow_nan


# ----------------------------------------------------------------------------- beginnings


@quiet
@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_fit_forgets_the_one_before(kind, solver):
    options = SETTINGS | {"solver": solver}
    one = kind(**options).fit(X[:20] * 3.0, Y[:20]).fit(X, Y)
    other = kind(**options).fit(X, Y)
    assert_equal(one, other)
    assert one.loss_curve_ == other.loss_curve_


@quiet
@both
def test_a_fit_of_other_features_and_targets(kind):
    one = kind(**SETTINGS).fit(X, Y)
    other = np.stack([Y, 1 - Y, Y], axis=1)
    one.fit(X[:, :3], other)
    assert one.predict(X[:, :3]).shape == (50, 3)
    assert one.n_features_in_ == 3


@quiet
@both
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_fit_after_partial_fits_begins_anew(kind, solver):
    classes = {"classes": [0, 1]} if kind is MLPClassifier else {}
    one = kind(**SETTINGS | {"solver": solver}).partial_fit(X, Y, **classes).fit(X, Y)
    assert_equal(one, kind(**SETTINGS | {"solver": solver}).fit(X, Y))


@quiet
@both
def test_parameters_that_are_set_are_where_training_goes_on(kind):
    one = kind(**SETTINGS | {"warm_start": True, "max_iter": 2}).fit(X, Y)
    other = kind(**SETTINGS | {"warm_start": True, "max_iter": 2, "random_state": 5}).fit(X, Y)
    other.coefs_, other.intercepts_ = one.coefs_, one.intercepts_
    other.random_state = 0
    assert_equal(one.fit(X, Y), other.fit(X, Y))


@quiet
@both
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_layer_sizes": (5,)}, r"hidden_layer_sizes: found \[5\], expected \[6\]"),
        ({"hidden_layer_sizes": (6, 2)}, r"hidden_layer_sizes: found \[6, 2\], expected \[6\]"),
        ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes: found \[\], expected \[6\] as in"),
        (
            {"batch_norm": True},
            r"batch_norm, layer_norm: found \(True, False\), expected \(False, F",
        ),
        ({"layer_norm": True}, "with warm_start=False, fit begins anew"),
    ],
)
def test_a_network_that_is_trained_on_stays_what_it_is(kind, change, message):
    one = kind(**SETTINGS, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        one.set_params(**change).fit(X, Y)


@quiet
@both
def test_estimator_base_what_is_handed_in_is_not_changed(kind):
    given = X.copy(), Y.copy(), np.arange(50.0)
    kind(**SETTINGS).fit(*given)
    for found, expected in zip(given, (X, Y, np.arange(50.0)), strict=True):
        np.testing.assert_array_equal(found, expected)


# ----------------------------------------------------------------------------- what is ours alone


@quiet
@both
@pytest.mark.parametrize(
    "options", [{"dropout": 0.3}, {"batch_norm": True}, {"layer_norm": True, "dropout": [0.2]}]
)
def test_networks_that_scikit_learn_has_not(kind, options):
    """Draws come from the random state, and predictions make none."""
    options = SETTINGS | {"max_iter": 60} | options
    one, other = kind(**options).fit(X, Y), kind(**options).fit(X, Y)
    assert_equal(one, other)
    np.testing.assert_array_equal(one.predict(X), one.predict(X))
    assert not np.array_equal(
        kind(**options | {"random_state": 1}).fit(X, Y).coefs_[0], one.coefs_[0]
    )
    assert one.score(X, Y) > (0.8 if kind is MLPClassifier else 0.3)
    np.testing.assert_allclose(one.predict(X[:3]), one.predict(X)[:3], rtol=1e-12)


@quiet
@both
def test_normalizing_networks_train_on(kind):
    options = SETTINGS | {"batch_norm": True, "layer_norm": True, "shuffle": False}
    classes = {"classes": [0, 1]} if kind is MLPClassifier else {}
    whole, parts = kind(**options, n_iter_no_change=99).fit(X, Y), kind(**options)
    for _ in range(6):
        parts.partial_fit(X, Y, **classes)
    assert_equal(parts, whole)
    assert [sorted(one) for one in whole.norms_] == [
        ["beta", "gamma", "mean", "variance"],
        ["beta", "gamma"],
    ]
    for found, expected in zip(parts.norms_, whole.norms_, strict=True):
        for key, one in found.items():
            np.testing.assert_array_equal(one, expected[key])


@quiet
@both
def test_weights_stay_within_a_norm(kind):
    one = kind(**SETTINGS | {"learning_rate_init": 1.0}, max_norm=0.5).fit(X, Y)
    norms = [np.linalg.norm(W, axis=0).max() for W in one.coefs_]
    np.testing.assert_array_less(norms, 0.5 * (1 + 1e-14))


@quiet
@both
def test_an_l1_penalty_makes_weights_small(kind):
    plain, sparse = (kind(**SETTINGS | {"max_iter": 60}, l1=l1).fit(X, Y) for l1 in (0.0, 3.0))
    assert np.abs(sparse.coefs_[0]).sum() < 0.5 * np.abs(plain.coefs_[0]).sum()


# ----------------------------------------------------------------------------- predicting


@quiet
@both
def test_many_examples_are_predicted_in_parts(kind):
    one = kind(**SETTINGS).fit(X, Y)
    many = np.tile(X, (200, 1))
    np.testing.assert_allclose(one.predict(many), np.tile(one.predict(X), 200), rtol=1e-12)


@quiet
@both
@pytest.mark.parametrize("place", [3, slice(3, 4)])
def test_one_example(kind, place):
    one = kind(**SETTINGS).fit(X, Y)
    if isinstance(place, int):
        with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
            one.predict(X[place])
    else:
        np.testing.assert_allclose(one.predict(X[place]), one.predict(X)[place], rtol=1e-12)


@quiet
@both
def test_a_moved_network_trains_on_with_a_new_optimizer(kind):
    """Its first step has no velocity: 1 + 0.9 of the step that has no momentum."""
    options = SETTINGS | {"solver": "sgd", "batch_size": 50}
    start = kind(**options).fit(X, Y)
    moved, plain, other = (copy.deepcopy(start) for _ in range(3))
    moved.to("numpy").partial_fit(X, Y)
    plain.to("numpy").set_params(momentum=0.0).partial_fit(X, Y)
    other.partial_fit(X, Y)
    for after, by_gradient, before in zip(*map(parameters, (moved, plain, start)), strict=True):
        # A difference of numbers near 1 whose steps are near 1e-3.
        np.testing.assert_allclose(
            after - before, 1.9 * (by_gradient - before), rtol=1e-9, atol=1e-14
        )
    assert not np.allclose(other.coefs_[0], moved.coefs_[0], rtol=1e-9)


@quiet
@both
def test_moving_to_nowhere_is_refused(kind):
    with pytest.raises(UnknownBackendError, match="backend: found 'abacus', expected one of"):
        kind(**SETTINGS).fit(X, Y).to("abacus")


@quiet
def test_digits_are_learnt():
    """A real task, with default parameters: as well as scikit-learn's does."""
    digits, labels = load_digits(return_X_y=True)
    train_X, test_X, train_y, test_y = train_test_split(digits / 16.0, labels, random_state=0)
    ours, theirs = (
        kind(max_iter=30, random_state=0).fit(train_X, train_y).score(test_X, test_y)
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )
    assert ours == theirs > 0.95
