"""Training of estimators: how a fit ends, is validated, and goes on."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from dnn_xp import Callback, EarlyStopping
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.training import adam
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
from tests.helpers import name_of

pytestmark = pytest.mark.once

# ----------------------------------------------------------------------------- ends


@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_an_end_that_comes_too_early_warns_where_it_is_called(kind, solver):
    with pytest.warns(ConvergenceWarning) as ours:
        kind(**SETTINGS | {"solver": solver}).fit(X, Y)
    with pytest.warns(ConvergenceWarning) as theirs:
        getattr(neural_network, kind.__name__)(**SETTINGS | {"solver": solver}).fit(X, Y)
    (found,), (expected,) = ours, theirs
    assert found.filename == __file__
    if solver == "lbfgs":
        words = "lbfgs failed to converge after 6 iteration"
        assert str(found.message).startswith(words)
        assert str(expected.message).startswith(words)
    else:
        assert str(found.message) == str(expected.message)


@both
def test_an_end_by_convergence_does_not_warn(kind):
    options = {"hidden_layer_sizes": (6,), "random_state": 0, "tol": 0.1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind(**options).fit(X, Y)
        kind(**options, solver="lbfgs", alpha=1.0).fit(X, Y)
        kind(**options, max_iter=1, solver="sgd").partial_fit(
            X, Y, **{"classes": [0, 1]} if kind is MLPClassifier else {}
        )


@both
def test_batches_of_more_than_all_warn(kind):
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample"):
        one = kind(**SETTINGS | {"batch_size": 51, "tol": 1.0, "max_iter": 99}).fit(X, Y)
    other = kind(**SETTINGS | {"batch_size": 50, "tol": 1.0, "max_iter": 99}).fit(X, Y)
    assert_equal(one, other)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_divergence_is_an_error():
    options = {"activation": "identity", "solver": "sgd", "learning_rate_init": 1e3, "max_iter": 99}
    reg = MLPRegressor(**SETTINGS | options)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        reg.fit(X, Y)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_divergence_leaves_the_parameters_with_the_best_score():
    options = {"activation": "identity", "solver": "sgd", "learning_rate_init": 2.0, "max_iter": 99}
    reg = MLPRegressor(**SETTINGS | options, early_stopping=True)
    with pytest.warns(ConvergenceWarning, match="diverged: the cost became"):
        reg.fit(X, Y)
    assert np.isnan(reg.loss_)
    assert np.isnan(reg.validation_scores_[-1])
    assert all(np.isfinite(one).all() for one in parameters(reg))
    assert np.isfinite(reg.predict(X)).all()


class Interrupt(Callback):
    def epoch(self, run):
        if run.epoch == 3:
            raise KeyboardInterrupt


@quiet
@both
def test_an_interrupt_keeps_what_is_learnt(kind):
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        one = kind(**SETTINGS, callbacks=[Interrupt()]).fit(X, Y)
    other = kind(**SETTINGS | {"max_iter": one.n_iter_}).fit(X, Y)
    assert one.n_iter_ == len(one.loss_curve_) == 3
    assert_equal(one, other)


@quiet
@both
def test_callbacks_of_dnn_xp_may_stop_it(kind):
    stopping = EarlyStopping(1, monitor="cost", min_delta=10.0)
    one = kind(**SETTINGS, callbacks=[stopping]).fit(X, Y)
    assert one.n_iter_ == 2


# ----------------------------------------------------------------------------- validation


@quiet
@pytest.mark.parametrize(
    ("scoring", "score"),
    [
        (None, lambda clf, X, y: clf.score(X, y)),
        ("roc_auc", lambda clf, X, y: roc_auc_score(y, clf.predict_proba(X)[:, 1])),
        ("loss", lambda clf, X, y: -log_loss(y, clf.predict_proba(X))),
        (lambda clf, X, y: clf.coefs_[0][0, 0], lambda clf, X, y: clf.coefs_[0][0, 0]),
    ],
    ids=["accuracy", "roc_auc", "loss", "function"],
)
def test_scores_are_of_the_part_that_scikit_learn_holds_out(scoring, score):
    """After one epoch, whose parameters are the best there are."""
    options = SETTINGS | {"max_iter": 1, "early_stopping": True, "validation_fraction": 0.3}
    clf = MLPClassifier(**options, scoring=scoring).fit(X, Y)
    rng = np.random.RandomState(0)
    for shape in ((4, 6), 6, (6, 1), 1):  # what parameters are drawn from before the split
        rng.uniform(size=shape)
    _, held_X, _, held_y = train_test_split(X, Y, random_state=rng, test_size=0.3, stratify=Y)
    assert clf.validation_scores_ == [pytest.approx(score(clf, held_X, held_y), rel=1e-12)]
    loss = log_loss(held_y, clf.predict_proba(held_X))
    assert clf.validation_loss_curve_ == [pytest.approx(loss, rel=1e-12)]


@quiet
@both
def test_with_validation_data_all_others_are_trained_on(kind):
    options = SETTINGS | {"early_stopping": True, "n_iter_no_change": 99}
    one = kind(**options).fit(X, Y, X_val=X[:10], y_val=Y[:10])
    other = kind(**SETTINGS | {"n_iter_no_change": 99}).fit(X, Y)
    assert one.loss_curve_ == other.loss_curve_
    best = int(np.argmax(one.validation_scores_)) + 1
    assert_equal(one, kind(**SETTINGS | {"max_iter": best}).fit(X, Y))


@quiet
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X}, "X_val, y_val: found one of them, expected both or none"),
        ({"y_val": Y}, "X_val, y_val: found one of them, expected both or none"),
        ({"X_val": X[:, :2], "y_val": Y}, "X has 2 features, but MLPClassifier is expecting 4"),
        ({"X_val": X, "y_val": Y + 1}, "`y` has classes not in `self.classes_`"),
        ({"X_val": X[:9], "y_val": Y}, "inconsistent numbers of samples"),
    ],
)
def test_validation_data_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**SETTINGS).fit(X, Y, **given)


@quiet
@both
def test_too_few_validation_examples_are_refused(kind):
    with pytest.raises(ValueError, match=r"should be greater or equal|set is too small"):
        kind(**SETTINGS | {"batch_size": 2}, early_stopping=True).fit(X[:4], [0, 1, 0, 1])


# ----------------------------------------------------------------------------- going on


@quiet
@both
@pytest.mark.parametrize("solver", ["sgd", "adam", "lion", adam(0.02)], ids=name_of)
def test_partial_fits_in_order_are_one_fit(kind, solver):
    options = SETTINGS | {"solver": solver, "shuffle": False, "n_iter_no_change": 99}
    classes = {"classes": [0, 1]} if kind is MLPClassifier else {}
    whole, parts = kind(**options).fit(X, Y), kind(**options)
    for _ in range(6):
        parts.partial_fit(X, Y, **classes)
    assert_equal(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.t_ == whole.t_ == 300


@quiet
@both
@pytest.mark.parametrize("other", ["sgd", "lion", "amsgrad"])
def test_another_solver_begins_anew_from_the_parameters_that_there_are(kind, other):
    classes = {"classes": [0, 1]} if kind is MLPClassifier else {}
    options = SETTINGS | {"shuffle": False}
    changed = kind(**options, solver="adam").partial_fit(X, Y, **classes)
    warm = kind(**options | {"solver": other, "warm_start": True, "max_iter": 1})
    warm = warm.partial_fit(X, Y, **classes)
    warm.coefs_, warm.intercepts_ = changed.coefs_, changed.intercepts_
    assert_equal(changed.set_params(solver=other).partial_fit(X, Y), warm.fit(X, Y))


@both
def test_lbfgs_has_no_partial_fit(kind):
    assert not hasattr(kind(solver="lbfgs"), "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as caught:
        kind(solver="lbfgs").partial_fit(X, Y)
    assert "only available for stochastic optimizers" in str(caught.value.__cause__)


@both
def test_partial_fit_has_no_validation(kind):
    classes = {"classes": [0, 1]} if kind is MLPClassifier else {}
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        kind(**SETTINGS, early_stopping=True).partial_fit(X, Y, **classes)


@quiet
@both
def test_a_warm_lbfgs_in_parts_is_one_run(kind):
    """It knows the curvature, where scikit-learn's forgets (its issue 13656)."""
    options = SETTINGS | {"solver": "lbfgs", "alpha": 0.1, "tol": 1e-9}
    whole = kind(**options | {"max_iter": 12}).fit(X, Y)
    parts = kind(**options | {"max_iter": 4}, warm_start=True)
    for _ in range(3):
        parts.fit(X, Y)
    assert_equal(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_
    assert (parts.n_iter_, whole.n_iter_) == (4, 12)


@quiet
@both
def test_a_warm_lbfgs_forgets_where_parameters_are_set(kind):
    options = SETTINGS | {"solver": "lbfgs", "warm_start": True}
    one = kind(**options).fit(X, Y)
    other = kind(**options).fit(X, 1 - Y)
    other.coefs_, other.intercepts_ = (
        [x.copy() for x in some] for some in (one.coefs_, one.intercepts_)
    )
    start = kind(**options).fit(X, Y)
    start._lbfgs_state = None
    assert_equal(other.fit(X, Y), start.fit(X, Y))


@quiet
@both
def test_lbfgs_refuses_what_needs_steps(kind):
    with pytest.raises(ValueError, match="solver: 'lbfgs' has no l1, max_norm; choose another"):
        kind(solver="lbfgs", l1=0.1, max_norm=1.0).fit(X, Y)
    for name, value in (("dropout", 0.1), ("dropout", [0.5]), ("batch_norm", True)):
        with pytest.raises(ValueError, match=f"solver: 'lbfgs' has no {name}; choose another"):
            kind(**SETTINGS | {"solver": "lbfgs", name: value}).fit(X, Y)


@quiet
@both
def test_lbfgs_ends_after_evaluations(kind):
    one = kind(**SETTINGS | {"solver": "lbfgs", "max_iter": 99}, max_fun=5).fit(X, Y)
    assert one.n_iter_ < 6


@both
def test_lbfgs_that_has_nothing_to_do_knows_its_loss(kind):
    one = kind(**SETTINGS | {"solver": "lbfgs", "tol": 1e9}, warm_start=True).fit(X, Y)
    assert one.n_iter_ == 0
    assert one.loss_curve_ == [one.loss_]
    assert one.loss_ > kind(**SETTINGS | {"solver": "lbfgs", "tol": 0.1}).fit(X, Y).loss_ > 0


@quiet
@both
def test_a_batch_that_weighs_nothing_is_passed_over(kind):
    """scikit-learn divides by its weight, which is an error there."""
    options = SETTINGS | {"shuffle": False, "batch_size": 10, "solver": "sgd", "momentum": 0.0}
    options |= {"alpha": 0.0}
    weights = np.where(np.arange(50) < 10, 0.0, 1.0)
    one, other = kind(**options).fit(X, Y, weights), kind(**options).fit(X[10:], Y[10:])
    for found, expected in zip(parameters(one), parameters(other), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
