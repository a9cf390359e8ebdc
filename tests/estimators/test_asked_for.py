"""What users of scikit-learn's networks have asked for, each under the number of its issue."""

import csv
import re
from contextlib import nullcontext
from inspect import cleandoc

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn
from scipy import sparse
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, mean_squared_error, r2_score
from sklearn.utils.class_weight import compute_sample_weight

from dnn_xp import Callback, Checkpoint, Dropout, EarlyStopping
from dnn_xp.callbacks import CSVLog
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.functions.activations import ACTIVATIONS, ActivationFunction
from dnn_xp.training import (
    ReduceOnPlateau,
    adagrad,
    adamw,
    amsgrad,
    cosine,
    lion,
    momentum,
    nadam,
    rmsprop,
)
from tests.helpers import assert_close, assert_values, name_of
from tests.runs import train_as_estimators_do

X = np.random.default_rng(0).normal(size=(60, 4))
THREE = np.array(["ape", "bee", "cow"])[np.argmax(X[:, :3], axis=1)]

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # most of these need no end
)


# ----------------------------------------------------------------------------- weights of classes


def test_class_weights_count_examples():
    """#9113: a class of weight 3 is a class with each example three times.

    In a whole batch exactly, L2 penalty included; with balanced weights, as scikit-learn weighs.
    """
    counts = np.where(THREE == "bee", 3, 1)
    each = np.repeat(np.arange(60), counts)
    for solver, options in (("lbfgs", {}), ("sgd", {"batch_size": 500, "alpha": 0.0})):
        options |= {"solver": solver, "max_iter": 20, "random_state": 0, "shuffle": False}
        with pytest.warns() if solver == "sgd" else nullcontext():  # 500 are more than there are
            weighted = MLPClassifier(class_weight={"bee": 3.0}, **options).fit(X, THREE)
            repeated = MLPClassifier(**options).fit(X[each], THREE[each])
        np.testing.assert_allclose(
            weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-8, atol=1e-12
        )
    y = X[:, 0] > 0.8
    assert 5 < y.sum() < 20
    options = {"solver": "lbfgs", "max_iter": 20, "random_state": 0, "alpha": 0.01}
    balanced = MLPClassifier(class_weight="balanced", **options).fit(X, y)
    by_hand = MLPClassifier(**options).fit(X, y, compute_sample_weight("balanced", y))
    np.testing.assert_allclose(balanced.predict_proba(X), by_hand.predict_proba(X), rtol=1e-12)
    assert balanced.predict(X).sum() > 0


def test_class_weights_do_not_cancel_in_a_batch_of_one_class():
    """#11723: with weights 100, 100, 100, 1, 1, 1 and batches of 3, all would weigh the same.

    They do where weights count within a batch, as scikit-learn's sample_weight does; the weights
    of classes count over the data.
    """
    y = np.array([1, 1, 1, 0, 0, 0])
    weights = np.where(y == 1, 100.0, 1.0)
    options = {"batch_size": 3, "shuffle": False, "solver": "sgd", "random_state": 0}
    options |= {"max_iter": 3, "alpha": 0.0}
    plain = MLPClassifier(**options).fit(X[:6], y)
    as_example_rows = MLPClassifier(**options).fit(X[:6], y, weights)
    np.testing.assert_allclose(plain.coefs_[0], as_example_rows.coefs_[0], rtol=1e-12)
    by_class = MLPClassifier(class_weight={1: 100.0, 0: 1.0}, **options).fit(X[:6], y)
    p, p_plain = by_class.predict_proba(X)[:, 1], plain.predict_proba(X)[:, 1]
    assert (p > p_plain).all()


def test_class_weights_of_unknown_classes_are_refused():
    with pytest.raises(ValueError, match=r"class_weight: found 'dog', expected one of \['ape'"):
        MLPClassifier(class_weight={"dog": 2.0}).fit(X, THREE)


# ----------------------------------------------------------------------------- layers


def test_an_activation_for_each_layer():
    """#10097: layers of different activations; #10665, #11952, #26912, #30199: of any."""
    hidden = ["tanh", "leaky_relu", ("elu", 2.0), "mish"]
    clf = MLPClassifier((6, 5, 4, 3), hidden, max_iter=3, random_state=0).fit(X, THREE)
    A = X
    functions = {
        "tanh": np.tanh,
        "leaky_relu": lambda Z: np.where(Z > 0, Z, 0.01 * Z),
        ("elu", 2.0): lambda Z: np.where(Z > 0, Z, 2.0 * np.expm1(np.minimum(Z, 0.0))),
        "mish": lambda Z: Z * np.tanh(np.log1p(np.exp(Z))),
    }
    for one, coef, intercept in zip(hidden, clf.coefs_, clf.intercepts_, strict=False):
        A = functions[one](A @ coef + intercept)
    Z = A @ clf.coefs_[-1] + clf.intercepts_[-1]
    np.testing.assert_allclose(clf.predict_proba(X), softmax(Z, axis=1), rtol=1e-12)
    with pytest.raises(ValueError, match="activation: found 1 values, expected 2: one a hidden"):
        MLPClassifier((2, 2), ["relu"]).fit(X, THREE)
    with pytest.raises(ValueError, match=r"'activation' parameter of .* Got 'rleu' instead"):
        MLPClassifier((2, 2), "rleu").fit(X, THREE)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_learns(name):
    reg = MLPRegressor("squared_error", (20,), name, solver="lbfgs", max_iter=300, random_state=0)
    assert reg.fit(X, X[:, 0] + 0.5 * X[:, 1]).score(X, X[:, 0] + 0.5 * X[:, 1]) > 0.99


def test_an_activation_of_ones_own():
    """#14807: a function that scikit-learn has not. Its derivative is checked by no one else."""

    def square(Z, *, xp=None):
        return Z * Z

    def back_square(dA, Z, A, *, xp=None):
        return 2.0 * dA * Z

    own = ActivationFunction("square", square, back_square)
    reg = MLPRegressor("squared_error", (8,), own, solver="lbfgs", max_iter=500, random_state=0)
    assert reg.fit(X, X[:, 0] ** 2 - X[:, 1] ** 2).score(X, X[:, 0] ** 2 - X[:, 1] ** 2) > 0.999


def test_dropout_for_all_layers_or_for_each():
    """#6175, #7407: a float, or a list with one for each layer; only while it learns."""
    for rate, found in ((0.4, [0.4, 0.4]), ([0.0, 0.3], [0.3])):
        clf = MLPClassifier((8, 8), dropout=rate, max_iter=2, random_state=0).fit(X, THREE)
        rates = [layer.rate for layer in clf.network_.layers if isinstance(layer, Dropout)]
        assert rates == found
        np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(X))
        again = MLPClassifier((8, 8), dropout=rate, max_iter=2, random_state=0).fit(X, THREE)
        np.testing.assert_array_equal(clf.coefs_[0], again.coefs_[0])
        without = MLPClassifier((8, 8), max_iter=2, random_state=0).fit(X, THREE)
        assert not np.array_equal(clf.coefs_[1], without.coefs_[1])
    with pytest.raises(ValueError, match="dropout: found 1 values, expected 2: one a hidden"):
        MLPClassifier((8, 8), dropout=[0.5]).fit(X, THREE)


@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
def test_normalized_layers(norm):
    """Batch norm goes by running statistics afterwards: an example does not see the others."""
    clf = MLPClassifier((8, 8), max_iter=60, random_state=0, learning_rate_init=0.05)
    clf.set_params(**{norm: True}).fit(X, THREE)
    assert clf.score(X, THREE) > 0.9
    np.testing.assert_allclose(clf.predict_proba(X)[:1], clf.predict_proba(X[:1]), rtol=1e-12)
    assert [sorted(one) for one in clf.norms_] == [
        ["beta", "gamma", *(["mean", "variance"] if norm == "batch_norm" else [])]
    ] * 2


# ----------------------------------------------------------------------------- warm starts


def test_lbfgs_in_parts_is_lbfgs_in_one():
    """#13656: max_iter=1, fifty times, is far worse than max_iter=50, for the curvature is lost."""
    clf = MLPClassifier((5,), "tanh", solver="lbfgs", random_state=0, alpha=1e-3, tol=1e-9)
    whole = clone(clf).set_params(max_iter=50).fit(X, THREE)
    clf.set_params(max_iter=1, warm_start=True)
    for _ in range(50):
        clf.fit(X, THREE)
    np.testing.assert_array_equal(clf.coefs_[0], whole.coefs_[0])
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
    assert clf.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_initial_weights_of_ones_own(solver):
    """#9232: set after a first fit, they are where a warm start begins."""
    options = {"hidden_layer_sizes": (3,), "random_state": 0, "max_iter": 1, "warm_start": True}
    clf = MLPClassifier(**options, solver=solver).fit(X, THREE)
    rng = np.random.default_rng(1)
    start = [rng.normal(size=one.shape) for one in clf.coefs_]
    clf.coefs_ = [one.copy() for one in start]
    clf.intercepts_ = [np.zeros_like(one) for one in clf.intercepts_]
    A = np.maximum(X @ start[0], 0.0) @ start[1]
    loss = -log_softmax(A, axis=1)[np.arange(60), np.searchsorted(clf.classes_, THREE)].mean()
    loss += 0.5e-4 / 60 * sum((one**2).sum() for one in start)
    clf.fit(X, THREE)
    if solver == "adam":  # whose loss of an epoch of one batch is that at its start
        assert clf.loss_ == pytest.approx(loss, rel=1e-12)
    else:
        assert clf.loss_ < loss


# ----------------------------------------------------------------------------- early stopping


def test_attributes_of_early_stopping_are_there_also_without_it():
    """#24683."""
    clf = MLPClassifier(max_iter=2, random_state=0).fit(X, THREE)
    assert clf.validation_scores_ is None
    assert clf.best_validation_score_ is None
    assert clf.best_loss_ == min(clf.loss_curve_)
    clf = MLPClassifier(max_iter=2, random_state=0, early_stopping=True).fit(X, THREE)
    assert clf.best_loss_ is None
    assert clf.best_validation_score_ == max(clf.validation_scores_)


def test_a_validation_set_of_one_example_is_refused():
    """#24713: with two examples, a score that is not a number in every epoch."""
    reg = MLPRegressor(early_stopping=True, random_state=1)
    with pytest.raises(ValueError, match="The validation set is too small"):
        reg.fit(X[:2], [1.0, 1.0])


def test_partial_fit_after_a_fit_that_stopped_early():
    """#25693: an error that says so, and none once early stopping is off."""
    reg = MLPRegressor(early_stopping=True, max_iter=5, random_state=0).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        reg.partial_fit(X, X[:, 0])
    reg.set_params(early_stopping=False).partial_fit(X, X[:, 0])
    assert len(reg.loss_curve_) == 6


def test_a_fit_that_diverges_says_what_to_change():
    """#29504, #29773: not "Input contains NaN" from somewhere within the score."""
    options = {"solver": "sgd", "learning_rate_init": 1e6, "max_iter": 100, "random_state": 0}
    for early_stopping in (False, True):
        reg = MLPRegressor(early_stopping=early_stopping, **options)
        if early_stopping:  # there are best parameters
            warned = pytest.warns(ConvergenceWarning, match="lower the learning rate, or scale")
            with warned, np.errstate(all="ignore"):
                reg.fit(X, 100.0 * X[:, 0])
            assert np.isfinite(reg.predict(X)).all()
        else:
            raised = pytest.raises(ValueError, match=r"non-finite .* lower the learning rate, or")
            with raised, np.errstate(all="ignore"):
                reg.fit(X, 100.0 * X[:, 0])


def test_early_stopping_with_labels_that_are_texts():
    """#33760: a TypeError, as texts are not tested for NaN."""
    clf = MLPClassifier(early_stopping=True, max_iter=5, random_state=42).fit(X, THREE)
    m = 6 * np.asarray(clf.validation_scores_)
    np.testing.assert_allclose(m, m.round(), atol=1e-12)  # an accuracy on a tenth


def test_the_loss_on_the_validation_data():
    """#18507, #34976: a curve of it, and not of the score alone."""
    clf = MLPClassifier(max_iter=4, random_state=0)
    clf.fit(X[:40], THREE[:40], X_val=X[40:], y_val=THREE[40:])
    assert len(clf.validation_loss_curve_) == len(clf.loss_curve_) == 4
    last = log_loss(THREE[40:], clf.predict_proba(X[40:]))
    assert clf.validation_loss_curve_[-1] == pytest.approx(last, rel=1e-12)
    assert clf.validation_scores_[-1] == clf.score(X[40:], THREE[40:])
    reg = MLPRegressor(max_iter=4, random_state=0, early_stopping=True).fit(X, X[:, 0])
    assert len(reg.validation_loss_curve_) == 4


def test_the_score_that_stops_may_be_chosen():
    """#24411: R2 is the validation score of a regressor; another, or the loss itself, may be."""
    data = {"X_val": X[40:], "y_val": X[40:, 0]}
    fits = {
        scoring: MLPRegressor(max_iter=3, random_state=0, scoring=scoring).fit(
            X[:40], X[:40, 0], **data
        )
        for scoring in (None, "loss", "neg_mean_squared_error", "neg_max_error")
    }
    predicted = fits[None].predict(X[40:])
    assert fits[None].validation_scores_[-1] == pytest.approx(r2_score(X[40:, 0], predicted))
    square = mean_squared_error(X[40:, 0], predicted)
    assert fits["loss"].validation_scores_[-1] == pytest.approx(-square / 2, rel=1e-12)
    assert fits["neg_mean_squared_error"].validation_scores_[-1] == pytest.approx(-square)
    largest = np.abs(X[40:, 0] - predicted).max()
    assert fits["neg_max_error"].validation_scores_[-1] == pytest.approx(-largest)

    def own(estimator, X, y):
        return -np.abs(y - estimator.predict(X)).mean()

    reg = MLPRegressor(max_iter=3, random_state=0, scoring=own).fit(X[:40], X[:40, 0], **data)
    assert reg.validation_scores_[-1] == pytest.approx(own(reg, X[40:], X[40:, 0]))


def test_a_fit_stops_by_the_validation_data_it_is_given():
    """#24411: "I already split my data". The best parameters on them are kept."""
    clf = MLPClassifier((50,), max_iter=400, early_stopping=True, scoring="loss", tol=0.0)
    clf.set_params(learning_rate_init=0.05, n_iter_no_change=5, random_state=0)
    noise = np.random.default_rng(1).permutation(THREE[40:])  # on which learning makes it worse
    clf.fit(X[:40], THREE[:40], X_val=X[40:], y_val=noise)
    assert clf.n_iter_ < 400
    best = int(np.argmin(clf.validation_loss_curve_))
    assert clf.n_iter_ == best + 1 + 6
    assert log_loss(noise, clf.predict_proba(X[40:])) == pytest.approx(
        clf.validation_loss_curve_[best], rel=1e-12
    )
    with pytest.raises(ValueError, match="X_val, y_val: found one of them, expected both or none"):
        clf.fit(X, THREE, X_val=X)
    with pytest.raises(ValueError, match="X_val: found with solver 'lbfgs'"):
        clf.set_params(solver="lbfgs").fit(X, THREE, X_val=X, y_val=THREE)


def test_callbacks_know_the_validation_figures(tmp_path):
    """#16925, #22000: progress, stops and snapshots of one's own."""
    log = CSVLog(tmp_path / "log.csv")
    stop = EarlyStopping(patience=3, monitor="validation_cost")
    clf = MLPClassifier((50,), max_iter=300, learning_rate_init=0.05, random_state=0)
    noise = np.random.default_rng(1).permutation(THREE[40:])
    clf.set_params(callbacks=[stop, log])
    clf.fit(X[:40], THREE[:40], X_val=X[40:], y_val=noise)
    best = int(np.argmin(clf.validation_loss_curve_))
    assert clf.n_iter_ == best + 1 + 3
    assert log_loss(noise, clf.predict_proba(X[40:])) == pytest.approx(
        clf.validation_loss_curve_[best], rel=1e-12
    )
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(row["validation_cost"]) for row in rows] == clf.validation_loss_curve_
    assert [float(row["validation_score"]) for row in rows] == clf.validation_scores_


# ----------------------------------------------------------------------------- losses


@pytest.mark.parametrize(
    ("loss", "statistic"),
    [
        ("squared_error", np.mean),
        ("absolute_error", np.median),  # 14571, 14589
        (("quantile", 0.9), lambda y: np.quantile(y, 0.9, method="inverted_cdf")),
        (("huber", 1e3), np.mean),
        ("poisson", np.mean),  # 30712
    ],
    ids=name_of,
)
def test_other_losses(loss, statistic):
    """#14571: the mean absolute error, and others: each finds its statistic of one variable.

    Found where features say nothing and a bias is all there is.
    """
    y = np.exp(np.random.default_rng(1).normal(size=101))
    reg = MLPRegressor(loss, (), solver="sgd", alpha=0.0, learning_rate_init=0.1, random_state=0)
    reg.set_params(max_iter=3000, tol=0.0, n_iter_no_change=3000, batch_size=101, momentum=0.0)
    reg.set_params(learning_rate=lambda epoch: 1.0 / (1.0 + epoch / 100))
    reg.fit(np.zeros((101, 1)), y)
    assert reg.predict([[0.0]])[0] == pytest.approx(statistic(y), abs=0.02)


def test_counts_below_0_are_refused():
    with pytest.raises(ValueError, match="y: found a value below 0, expected counts"):
        MLPRegressor("poisson").fit(X, X[:, 0])


def test_the_gradient_of_lbfgs_for_several_outputs():
    """#8349: scikit-learn's is n_outputs times that of the loss that goes with it.

    Ours goes down that very loss, and ends where it is flat; scikit-learn's ends where its
    line search finds no lower loss along a direction that is none of descent.
    """
    Y = np.stack([X[:, 0], X[:, 0] * X[:, 1], np.sin(X[:, 2])], axis=1)
    options = {"solver": "lbfgs", "alpha": 0.5, "max_iter": 2000, "tol": 1e-6, "random_state": 0}
    reg = MLPRegressor("squared_error", (5,), "tanh", **options).fit(X, Y)

    def loss(coefs, intercepts):
        A = np.tanh(X @ coefs[0] + intercepts[0]) @ coefs[1] + intercepts[1]
        square = 0.5 * ((A - Y) ** 2).mean()
        return square + 0.25 / 60 * sum((one**2).sum() for one in coefs)

    assert reg.loss_ == pytest.approx(loss(reg.coefs_, reg.intercepts_), rel=1e-12)
    rng = np.random.default_rng(1)
    for _ in range(20):  # in no direction is it lower
        moved = [one + 1e-3 * rng.normal(size=one.shape) for one in reg.coefs_]
        assert loss(moved, reg.intercepts_) > reg.loss_


# ----------------------------------------------------------------------------- optimizers


@pytest.mark.parametrize(
    ("solver", "optimizer"),
    [
        ("adamw", adamw(0.01, weight_decay=0.1)),
        ("lion", lion(0.01, weight_decay=0.1)),
        ("nadam", nadam(0.01)),
        ("amsgrad", amsgrad(0.01)),
        ("rmsprop", rmsprop(0.01, epsilon=1e-8)),  # 16169
        ("adagrad", adagrad(0.01, epsilon=1e-8)),
        (momentum(0.05, 0.8), momentum(0.05, 0.8)),
    ],
    ids=lambda one: one if isinstance(one, str) else "of one's own",
)
def test_other_optimizers(solver, optimizer):
    """#16169: AdaGrad and RMSprop. A fit is the run of `train` with that optimizer."""
    options = {"shuffle": False, "batch_size": 20, "random_state": 0, "alpha": 0.0, "tol": 0.0}
    decay = 0.1 if solver in ("adamw", "lion") else 0.0
    clf = MLPClassifier((5,), "tanh", solver=solver, learning_rate_init=0.01, **options)
    clf.set_params(max_iter=5, weight_decay=decay, clip_norm=0.5).fit(X, THREE)
    start = MLPClassifier((5,), "tanh", solver="sgd", learning_rate_init=1e-300, **options)
    start.set_params(max_iter=1).fit(X, THREE)
    run = train_as_estimators_do(
        clf.network_,
        X.T,
        (clf.classes_[:, None] == THREE).astype(float),
        start.theta_,
        optimizer=optimizer,
        epochs=5,
        batch_size=20,
        order=lambda epoch: np.arange(60),
        clip_norm=0.5,
    )
    assert_values(clf.theta_, run.theta, rtol=1e-12)


def test_weight_decay_is_that_of_two_solvers():
    for solver in ("adam", momentum(0.1)):
        with pytest.raises(ValueError, match=r"weight_decay: found 0.1 with solver .*'adamw' or"):
            MLPClassifier(solver=solver, weight_decay=0.1).fit(X, THREE)


def test_penalties_and_limits():
    """L1 makes weights vanish, max_norm limits those of a unit, smoothing those of labels."""
    options = {"hidden_layer_sizes": (8,), "max_iter": 200, "random_state": 0, "alpha": 0.0}
    plain = MLPClassifier(**options).fit(X, THREE)
    sparse_ = MLPClassifier(**options, l1=2.0).fit(X, THREE)
    small = 0.01
    assert (np.abs(sparse_.coefs_[0]) < small).mean() > 2 * (np.abs(plain.coefs_[0]) < small).mean()
    limited = MLPClassifier(**options, max_norm=0.5).fit(X, THREE)
    norms = [np.sqrt((one**2).sum(axis=0)) for one in limited.coefs_]
    assert max(one.max() for one in norms) <= 0.5 + 1e-12
    assert max(np.sqrt((one**2).sum(axis=0)).max() for one in plain.coefs_) > 0.5
    # Without steps to speak of: right answers have a part of 0.7 and a third of the rest.
    options |= {"max_iter": 1, "learning_rate_init": 1e-300}
    smooth = MLPClassifier(**options, label_smoothing=0.3).fit(X, THREE)
    targets = 0.7 * (smooth.classes_ == THREE[:, None]) + 0.1
    desired = -(targets * smooth.predict_log_proba(X)).sum(axis=1).mean()
    assert smooth.loss_ == pytest.approx(desired, rel=1e-12)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dropout": 0.5}, "solver: 'lbfgs' has no dropout; choose another"),
        ({"batch_norm": True}, "solver: 'lbfgs' has no batch_norm; choose another"),
        ({"l1": 0.1}, "solver: 'lbfgs' has no l1; choose another"),
        ({"max_norm": 1.0, "clip_norm": 1.0}, "solver: 'lbfgs' has no max_norm, clip_norm"),
        ({"label_smoothing": 0.1}, "solver: 'lbfgs' has no label_smoothing"),
        ({"checkpoint": "there"}, "solver: 'lbfgs' has no checkpoint"),
        ({"weight_decay": 0.1}, "solver: 'lbfgs' has no weight_decay"),
        ({"learning_rate": cosine(9)}, "solver: 'lbfgs' has no learning_rate"),
    ],
)
def test_lbfgs_refuses_what_it_cannot_do(parameters, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(solver="lbfgs", **parameters).fit(X, THREE)


# ----------------------------------------------------------------------------- learning rates


def test_learning_rates_of_ones_own():
    """#15596: "adaptive" divides by 5 after one lucky epoch; a schedule does as it says."""
    seen = []

    def schedule(epoch):
        seen.append(epoch)
        return 0.5**epoch

    options = {"solver": "sgd", "momentum": 0.0, "batch_size": 30, "shuffle": False}
    options |= {"random_state": 0, "alpha": 0.0, "learning_rate_init": 0.1}
    clf = MLPClassifier((4,), learning_rate=schedule, max_iter=3, **options).fit(X, THREE)
    assert seen == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    halves = MLPClassifier((4,), **options)
    for half, point in enumerate(seen):
        part = slice(30 * (half % 2), 30 * (half % 2) + 30)
        halves.set_params(learning_rate_init=0.1 * 0.5**point)
        if half == 0:
            halves.partial_fit(X[part], THREE[part], classes=["ape", "bee", "cow"])
        else:
            halves.partial_fit(X[part], THREE[part])
    np.testing.assert_allclose(clf.coefs_[0], halves.coefs_[0], rtol=1e-12)


def test_a_learning_rate_that_falls_where_the_loss_does_not():
    """A schedule that is a callback is handed the run, and of validation data."""
    plateau = ReduceOnPlateau(factor=0.5, patience=2, monitor="validation_cost")
    clf = MLPClassifier((50,), learning_rate=plateau, learning_rate_init=0.05, max_iter=60)
    clf.set_params(random_state=0, n_iter_no_change=60)
    clf.fit(
        X[:40], THREE[:40], X_val=X[40:], y_val=np.random.default_rng(1).permutation(THREE[40:])
    )
    assert plateau(60.0) < 0.01


# ----------------------------------------------------------------------------- many labels


def test_parts_of_data_with_several_labels():
    """#12505: partial_fit on several labels learns what fit learns: epoch by epoch the same."""
    Y = (X[:, :3] > 0).astype(int)
    options = {"random_state": 0, "shuffle": False, "solver": "adam", "batch_size": 20}
    parts = MLPClassifier(**options)
    for _ in range(10):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    whole = MLPClassifier(max_iter=10, **options).fit(X, Y)
    np.testing.assert_allclose(parts.predict_proba(X), whole.predict_proba(X), rtol=1e-12)
    # The columns tell what labels there are, also those that no example has.
    first = MLPClassifier(**options).partial_fit(X, 0 * Y).partial_fit(X, Y)
    assert first.predict(X).shape == Y.shape
    assert first.classes_.tolist() == [0, 1, 2]


def test_columns_of_classes():
    """#26762: targets of several columns, each with its classes; more in test_multioutput.py."""
    Y = np.stack([THREE, np.where(X[:, 3] > 0, "large", "small")], axis=1)
    clf = MLPClassifier((20,), solver="lbfgs", max_iter=300, random_state=0).fit(X, Y)
    assert clf.score(X, Y) > 0.95
    assert clf.predict(X).shape == (60, 2)


# ----------------------------------------------------------------------------- precision


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_estimator_asked_for_float32_stays(solver):
    """#17759, #22682: parameters, probabilities and predicted values in X's precision."""
    single = X.astype("float32")
    clf = MLPClassifier(max_iter=2, solver=solver).fit(single, THREE)
    reg = MLPRegressor(max_iter=2, solver=solver).fit(single, X[:, 0])
    found = (clf.predict_proba(single), reg.predict(single), *clf.coefs_, *reg.intercepts_)
    assert {one.dtype.name for one in found} == {"float32"}


# ----------------------------------------------------------------------------- going on


class Kill(Callback):
    """Count steps, and break a fit off after some, as a kill does: without an end."""

    def __init__(self, after=None):
        self.after, self.steps = after, 0

    def step(self, run):
        self.steps += 1
        if self.steps == self.after:
            raise RuntimeError("killed")


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 2},
        {"early_stopping": True, "n_iter_no_change": 3, "scoring": "loss"},
        {"dropout": 0.3, "batch_norm": True, "class_weight": "balanced"},
    ],
    ids=name_of,
)
@pytest.mark.parametrize("steps", [1, 7, 24])
def test_a_fit_that_was_killed_goes_on(tmp_path, parameters, steps):
    """#22000 and many: with a checkpoint, called again it ends with the very bits, and curves."""
    options = {"hidden_layer_sizes": (5,), "batch_size": 15, "max_iter": 12, "random_state": 3}
    options |= parameters
    whole, rest = Kill(), Kill()
    undisturbed = MLPClassifier(**options, callbacks=[whole]).fit(X, THREE)
    for _ in range(2):  # killed twice, each time before the step was written down
        checkpoint = Checkpoint(tmp_path / "checkpoint", steps=1)
        clf = MLPClassifier(**options, checkpoint=checkpoint, callbacks=[Kill(steps)])
        with pytest.raises(RuntimeError, match="killed"):
            clf.fit(X, THREE)
    clf = MLPClassifier(**options, checkpoint=tmp_path / "checkpoint", callbacks=[rest])
    clf.fit(X, THREE)
    assert rest.steps == whole.steps - 2 * (steps - 1)
    for one, other in zip(
        [*clf.coefs_, *clf.intercepts_],
        [*undisturbed.coefs_, *undisturbed.intercepts_],
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    for name in ("loss_curve_", "validation_scores_", "n_iter_", "t_", "loss_", "best_loss_"):
        assert getattr(clf, name) == getattr(undisturbed, name)
    again = clone(clf).fit(X, THREE)  # there is nothing left to do
    assert again.callbacks[0].steps == rest.steps
    np.testing.assert_array_equal(again.coefs_[0], undisturbed.coefs_[0])


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_a_fit_that_goes_on_has_to_draw_the_same(tmp_path, random_state):
    clf = MLPClassifier(random_state=random_state, checkpoint=tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=r"random_state: found .* expected an int where there is"):
        clf.fit(X, THREE)
    with pytest.raises(ValueError, match="partial_fit does not support checkpoint"):
        clf.set_params(random_state=0).partial_fit(X, THREE, classes=["ape", "bee", "cow"])


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


def test_input_gradient_on_every_library(array, library):
    whole = library.value != "dask"  # of a batch in blocks nobody sees the whole
    clf = MLPClassifier((5,), max_iter=2, batch_norm=whole, random_state=0)
    reg = MLPRegressor("poisson", (5,), max_iter=2, random_state=0)
    desired = clf.fit(X, THREE).input_gradient(X), reg.fit(X, X[:, 0] > 0).input_gradient(X)
    with sklearn.config_context(array_api_dispatch=True):
        clf.fit(array(X), THREE)
        reg.fit(array(X), array((X[:, 0] > 0).astype(float)))
        found = clf.input_gradient(array(X)), reg.input_gradient(array(X))
        for one, other in zip(found, desired, strict=True):
            assert_close(one, array(other), rtol=1e-10, atol=1e-14)


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


# ----------------------------------------------------------------------------- in words


def section(docstring, title):
    """Return the names that a section of a docstring explains."""
    body = re.split(rf"{title}\n-+\n", cleandoc(docstring))[1]
    body = re.split(r"\n\n", body)[0]
    return [
        name for names in re.findall(r"^(\w[^:]*) : ", body, re.M) for name in names.split(", ")
    ]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_arguments_and_attributes_are_explained(kind):
    explained = section(kind.__doc__, "Parameters")
    assert sorted(explained) == sorted(kind().get_params())
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[*"abcd"])
    options = {"max_iter": 2, "early_stopping": True, "batch_norm": True}
    if kind is MLPRegressor:
        options["scale_target"] = True
    fitted = kind(**options).fit(frame, X[:, 0] > 0)
    found = {name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")}
    found |= {"network_", "theta_"}
    assert sorted(section(kind.__doc__, "Attributes")) == sorted(found)
