"""What the classifier and the regressor share: how they begin, train, go on and predict."""

import copy
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.utils import get_tags

from dnn_xp import Callback, EarlyStopping
from dnn_xp.backends import UnknownBackendError
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.training import adam

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


# ----------------------------------------------------------------------------- attributes


@quiet
@both
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early", [False, True])
def test_attributes_are_those_of_scikit_learn(kind, solver, early):
    """All that are public, of the same type, and those that are numbers of the same value."""
    told = SETTINGS | {"solver": solver, "early_stopping": early}
    ours, theirs = kind(**told), getattr(neural_network, kind.__name__)(**told)
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
    told = SETTINGS | {"solver": solver}
    one = kind(**told).fit(X[:20] * 3.0, Y[:20]).fit(X, Y)
    other = kind(**told).fit(X, Y)
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
        ({"hidden_layer_sizes": (5,)}, "W1 of layer 1, .* has shape"),
        ({"hidden_layer_sizes": (6, 2)}, "coefs_: found 2, expected 3, one a layer"),
        ({"batch_norm": True}, "norms_: found 0, expected 1, one a layer"),
    ],
)
def test_a_network_that_is_trained_on_stays_what_it_is(kind, change, message):
    one = kind(**SETTINGS, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        one.set_params(**change).fit(X, Y)


@quiet
@both
def test_what_is_handed_in_is_not_changed(kind):
    given = X.copy(), Y.copy(), np.arange(50.0)
    kind(**SETTINGS).fit(*given)
    for found, expected in zip(given, (X, Y, np.arange(50.0)), strict=True):
        np.testing.assert_array_equal(found, expected)


# ----------------------------------------------------------------------------- ends


@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_an_end_that_comes_too_early_is_told_where_it_is_called(kind, solver):
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
def test_an_end_that_is_one_is_not_told(kind):
    told = {"hidden_layer_sizes": (6,), "random_state": 0, "tol": 0.1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind(**told).fit(X, Y)
        kind(**told, solver="lbfgs", alpha=1.0).fit(X, Y)
        kind(**told, max_iter=1, solver="sgd").partial_fit(
            X, Y, **{"classes": [0, 1]} if kind is MLPClassifier else {}
        )


@both
def test_batches_of_more_than_all_are_told_of(kind):
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample"):
        one = kind(**SETTINGS | {"batch_size": 51, "tol": 1.0, "max_iter": 99}).fit(X, Y)
    other = kind(**SETTINGS | {"batch_size": 50, "tol": 1.0, "max_iter": 99}).fit(X, Y)
    assert_equal(one, other)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_divergence_is_an_error():
    told = {"activation": "identity", "solver": "sgd", "learning_rate_init": 1e3, "max_iter": 99}
    reg = MLPRegressor(**SETTINGS | told)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        reg.fit(X, Y)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_divergence_leaves_the_best_parameters_that_were_judged():
    told = {"activation": "identity", "solver": "sgd", "learning_rate_init": 2.0, "max_iter": 99}
    reg = MLPRegressor(**SETTINGS | told, early_stopping=True)
    with pytest.warns(ConvergenceWarning, match="diverged: the cost became"):
        reg.fit(X, Y)
    assert np.isnan(reg.loss_)
    assert np.isnan(reg.validation_scores_[-1])
    assert all(np.isfinite(one).all() for one in parameters(reg))
    assert np.isfinite(reg.predict(X)).all()


class Interrupt(Callback):
    def epoch(self, moment):
        if moment.epoch == 3:
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


# ----------------------------------------------------------------------------- judging


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
    told = SETTINGS | {"max_iter": 1, "early_stopping": True, "validation_fraction": 0.3}
    clf = MLPClassifier(**told, scoring=scoring).fit(X, Y)
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
    told = SETTINGS | {"early_stopping": True, "n_iter_no_change": 99}
    one = kind(**told).fit(X, Y, X_val=X[:10], y_val=Y[:10])
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
def test_too_few_examples_to_judge_by_are_refused(kind):
    with pytest.raises(ValueError, match=r"should be greater or equal|set is too small"):
        kind(**SETTINGS | {"batch_size": 2}, early_stopping=True).fit(X[:4], [0, 1, 0, 1])


# ----------------------------------------------------------------------------- going on


@quiet
@both
@pytest.mark.parametrize("solver", ["sgd", "adam", "lion", adam(0.02)], ids=str)
def test_partial_fits_in_order_are_one_fit(kind, solver):
    told = SETTINGS | {"solver": solver, "shuffle": False, "n_iter_no_change": 99}
    classes = {"classes": [0, 1]} if kind is MLPClassifier else {}
    whole, parts = kind(**told).fit(X, Y), kind(**told)
    for _ in range(6):
        parts.partial_fit(X, Y, **classes)
    assert_equal(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.t_ == whole.t_ == 300


@both
def test_lbfgs_has_no_partial_fit(kind):
    assert not hasattr(kind(solver="lbfgs"), "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as caught:
        kind(solver="lbfgs").partial_fit(X, Y)
    assert "only available for stochastic optimizers" in str(caught.value.__cause__)


@both
def test_partial_fit_judges_nothing(kind):
    classes = {"classes": [0, 1]} if kind is MLPClassifier else {}
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        kind(**SETTINGS, early_stopping=True).partial_fit(X, Y, **classes)


@quiet
@both
def test_a_warm_lbfgs_in_parts_is_one_run(kind):
    """It knows the curvature, where scikit-learn's forgets (its issue 13656)."""
    told = SETTINGS | {"solver": "lbfgs", "alpha": 0.1, "tol": 1e-9}
    whole = kind(**told | {"max_iter": 12}).fit(X, Y)
    parts = kind(**told | {"max_iter": 4}, warm_start=True)
    for _ in range(3):
        parts.fit(X, Y)
    assert_equal(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_
    assert (parts.n_iter_, whole.n_iter_) == (4, 12)


@quiet
@both
def test_a_warm_lbfgs_forgets_where_parameters_are_set(kind):
    told = SETTINGS | {"solver": "lbfgs", "warm_start": True}
    one = kind(**told).fit(X, Y)
    other = kind(**told).fit(X, 1 - Y)
    other.coefs_, other.intercepts_ = (
        [x.copy() for x in some] for some in (one.coefs_, one.intercepts_)
    )
    start = kind(**told).fit(X, Y)
    start._lbfgs_state = None
    assert_equal(other.fit(X, Y), start.fit(X, Y))


@quiet
@both
def test_lbfgs_refuses_what_needs_steps(kind):
    with pytest.raises(ValueError, match="solver: 'lbfgs' has no l1, max_norm; choose another"):
        kind(solver="lbfgs", l1=0.1, max_norm=1.0).fit(X, Y)
    for name, told in {"dropout": {"dropout": 0.1}, "batch norm": {"batch_norm": True}}.items():
        with pytest.raises(ValueError, match=f"network: found {name}"):
            kind(solver="lbfgs", **told).fit(X, Y)


@quiet
@both
def test_lbfgs_ends_after_evaluations(kind):
    one = kind(**SETTINGS | {"solver": "lbfgs", "max_iter": 99}, max_fun=5).fit(X, Y)
    assert one.n_iter_ < 6


# ----------------------------------------------------------------------------- what is ours alone


@quiet
@both
@pytest.mark.parametrize(
    "told", [{"dropout": 0.3}, {"batch_norm": True}, {"layer_norm": True, "dropout": [0.2]}]
)
def test_networks_that_scikit_learn_has_not(kind, told):
    """Draws come from the random state, and predictions make none."""
    told = SETTINGS | {"max_iter": 60} | told
    one, other = kind(**told).fit(X, Y), kind(**told).fit(X, Y)
    assert_equal(one, other)
    np.testing.assert_array_equal(one.predict(X), one.predict(X))
    assert not np.array_equal(kind(**told | {"random_state": 1}).fit(X, Y).coefs_[0], one.coefs_[0])
    assert one.score(X, Y) > (0.8 if kind is MLPClassifier else 0.3)
    np.testing.assert_allclose(one.predict(X[:3]), one.predict(X)[:3], rtol=1e-12)


@quiet
@both
def test_normalizing_networks_train_on(kind):
    told = SETTINGS | {"batch_norm": True, "layer_norm": True, "shuffle": False}
    classes = {"classes": [0, 1]} if kind is MLPClassifier else {}
    whole, parts = kind(**told, n_iter_no_change=99).fit(X, Y), kind(**told)
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
    told = SETTINGS | {"solver": "sgd", "batch_size": 50}
    start = kind(**told).fit(X, Y)
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
    """A real task, with nothing told: as well as scikit-learn's does."""
    digits, labels = load_digits(return_X_y=True)
    train_X, test_X, train_y, test_y = train_test_split(digits / 16.0, labels, random_state=0)
    ours, theirs = (
        kind(max_iter=30, random_state=0).fit(train_X, train_y).score(test_X, test_y)
        for kind in (MLPClassifier, neural_network.MLPClassifier)
    )
    assert ours == theirs > 0.95
