"""What an estimator prints, when it stops, at which rate it goes, and how it is taken up."""

import math

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn import neural_network

from dnn_xp import Callback, estimators
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.estimators.monitoring import record_divergence, record_iterations, start_record

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] + 0.5 * RNG.normal(size=40) > 0).astype(int)
SETTINGS = {"hidden_layer_sizes": (5,), "random_state": 0, "batch_size": 16, "max_iter": 30}
QUICK = {"tol": 0.02, "n_iter_no_change": 2, "learning_rate_init": 0.1}


# ----------------------------------------------------------------------------- what is printed


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Iteration 30, loss = "),
        (QUICK, "Training loss did not improve more than tol=0.020000 for 2 consecutive epochs. S"),
        (QUICK | {"early_stopping": True, "validation_fraction": 0.5}, "Validation score: "),
        (
            QUICK | {"solver": "sgd", "learning_rate": "adaptive", "max_iter": 60},
            "Setting learning rate to 0.020000",
        ),
        (
            QUICK | {"solver": "sgd", "learning_rate": "adaptive", "max_iter": 60},
            "Learning rate too small. Stopping.",
        ),
    ],
)
def test_what_is_printed_is_what_scikit_learn_prints(capsys, kind, options, words):
    printed = []
    for package in (estimators, neural_network):
        getattr(package, kind)(**SETTINGS | options, verbose=True).fit(X, Y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert words in printed[0]


def test_partial_fits_print_too(capsys):
    printed = []
    for package in (estimators, neural_network):
        reg = package.MLPRegressor(**SETTINGS, verbose=2)
        reg.partial_fit(X, Y).partial_fit(X, Y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].count("Iteration 1, loss = ") == 2


def test_iterations_of_lbfgs_are_printed(capsys):
    """SciPy's own table, that scikit-learn prints, is no longer SciPy's."""
    reg = MLPRegressor(**SETTINGS | {"solver": "lbfgs", "max_iter": 3}, verbose=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"Iteration {place}, loss = {loss:.8f}" for place, loss in enumerate(reg.loss_curve_, 1)
    ]


def test_nothing_is_printed_unasked(capsys):
    MLPRegressor(**SETTINGS).fit(X, Y)
    assert capsys.readouterr().out == ""


# ----------------------------------------------------------------------------- what is recorded


@pytest.mark.parametrize(("early", "best"), [(False, math.inf), (True, None)])
def test_a_record_begins_empty(early, best):
    reg = MLPRegressor(early_stopping=early)
    start_record(reg)
    assert reg.loss_curve_ == []
    assert (reg.n_iter_, reg.t_, reg._no_improvement_count) == (0, 0, 0)
    assert reg.best_loss_ == best
    assert reg.validation_scores_ is reg.best_validation_score_ is None
    assert not hasattr(reg, "validation_loss_curve_")  # before there are validation data


def test_iterations_are_added_to_the_curve():
    reg = MLPRegressor(solver="lbfgs")
    start_record(reg)
    record_iterations(reg, 3, [3.0, 1.0, 2.0])
    assert (reg.n_iter_, reg.loss_, reg.best_loss_) == (3, 2.0, 1.0)
    record_iterations(reg, 1, [1.5])
    assert reg.loss_curve_ == [3.0, 1.0, 2.0, 1.5]
    assert (reg.n_iter_, reg.loss_, reg.best_loss_) == (1, 1.5, 1.0)


@pytest.mark.parametrize(
    ("parameters", "scores"),
    [
        ({}, [0.5]),
        ({"early_stopping": True}, [0.5, math.nan]),
        ({"early_stopping": True, "solver": "lbfgs"}, [0.5]),
    ],
)
def test_a_divergence_is_recorded(parameters, scores):
    reg = MLPRegressor(**parameters)
    start_record(reg)
    reg.loss_curve_, reg.validation_scores_ = [2.0], [0.5]
    record_divergence(reg)
    np.testing.assert_array_equal(reg.loss_curve_, [2.0, math.nan])
    np.testing.assert_array_equal(reg.validation_scores_, scores)
    assert math.isnan(reg.loss_)


# ----------------------------------------------------------------------------- when it stops


@pytest.mark.parametrize("patience", [1, 3, 7])
def test_it_stops_where_the_loss_falls_by_less_than_tol(patience):
    """Against the least loss so far, each epoch anew."""
    reg = MLPRegressor(**SETTINGS | {"tol": 0.01, "n_iter_no_change": patience, "max_iter": 500})
    curve = reg.fit(X, Y).loss_curve_
    least, idle = math.inf, []
    for loss in curve:
        idle.append(0 if loss <= least - 0.01 else idle[-1] + 1)
        least = min(least, loss)
    assert idle[-1] == patience + 1 == reg._no_improvement_count
    assert max(idle[:-1]) <= patience
    assert reg.best_loss_ == least
    assert reg.n_iter_ == len(curve) < 500


def test_a_loss_that_stays_is_within_no_tolerance():
    """As in scikit-learn, where a tolerance of 0 asks that a loss does not rise."""
    options = SETTINGS | {"tol": 0.0, "n_iter_no_change": 1, "learning_rate_init": 1e-300}
    for package in (estimators, neural_network):
        assert package.MLPRegressor(**options, shuffle=False).fit(X, Y).n_iter_ == 30


def test_without_patience_it_goes_on():
    reg = MLPRegressor(**SETTINGS | {"tol": 1e9, "n_iter_no_change": math.inf}).fit(X, Y)
    assert reg.n_iter_ == 30


def test_a_score_that_is_no_number_is_never_better():
    """It is said, and patience runs out; scikit-learn counts it as better, in silence."""
    options = {"early_stopping": True, "scoring": lambda one, X, y: math.nan, "n_iter_no_change": 1}
    with pytest.warns(RuntimeWarning, match="the validation score is not a number"):
        reg = MLPRegressor(**SETTINGS | options).fit(X, Y)
    assert reg.n_iter_ == 2
    assert reg.best_validation_score_ == -math.inf


def test_the_best_parameters_are_kept():
    """A score that is given: best in the third epoch."""
    scores, seen = iter([1.0, 2.0, 5.0, 4.0, 3.0, 2.0]), []

    def score(one, X, y):
        seen.append(one.coefs_[0].copy())
        return next(scores)

    options = {"early_stopping": True, "scoring": score, "n_iter_no_change": 2}
    reg = MLPRegressor(**SETTINGS | options).fit(X, Y)
    assert reg.validation_scores_ == [1.0, 2.0, 5.0, 4.0, 3.0, 2.0]
    assert reg.best_validation_score_ == 5.0
    assert reg.best_loss_ is None
    np.testing.assert_array_equal(reg.coefs_[0], seen[2])
    assert not np.array_equal(seen[2], seen[5])


def test_where_nothing_stops_early_the_last_parameters_are_kept():
    """Validation data are only looked at."""
    reg = MLPRegressor(**SETTINGS).fit(X, Y, X_val=X[:9], y_val=Y[:9])
    other = MLPRegressor(**SETTINGS).fit(X, Y)
    np.testing.assert_array_equal(reg.coefs_[0], other.coefs_[0])
    assert reg.loss_curve_ == other.loss_curve_
    assert len(reg.validation_scores_) == len(reg.validation_loss_curve_) == 30
    assert reg.validation_scores_[-1] == pytest.approx(other.score(X[:9], Y[:9]), rel=1e-12)
    squares = np.mean((other.predict(X[:9]) - Y[:9]) ** 2)
    assert reg.validation_loss_curve_[-1] == pytest.approx(squares / 2.0, rel=1e-12)


# ----------------------------------------------------------------------------- at which rate


class Steps(Callback):
    """Keep the parameters after each step."""

    def start(self, run):
        self.thetas = [run.theta.copy()]

    def step(self, run):
        self.thetas.append(run.theta.copy())


def lengths(**options):
    """Return the length of each step, with a gradient that stays the same."""
    steps = Steps()
    options = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "learning_rate_init": 1e-6} | options
    MLPRegressor(**SETTINGS | {"max_iter": 4} | options, callbacks=[steps], shuffle=False).fit(
        np.ones((40, 3)), np.full(40, 5.0)
    )
    return np.linalg.norm(np.diff(steps.thetas, axis=0), axis=1)


def test_a_schedule_multiplies_the_initial_rate():
    """It is asked at each step for a point of the run, in epochs: here there are three in each."""
    asked = []

    def schedule(epoch):
        asked.append(epoch)
        return 1.0 / (1.0 + epoch)

    found = lengths(learning_rate=schedule)
    points = np.arange(12) / 3.0
    np.testing.assert_allclose(asked, points, rtol=1e-15)
    # A step of 1e-6 changes the gradient by no more than some 1e-5.
    np.testing.assert_allclose(found / found[0], 1.0 / (1.0 + points), rtol=1e-4)


def test_invscaling_falls_after_each_epoch_by_the_examples_that_were_seen():
    found = lengths(learning_rate="invscaling", power_t=0.25)
    powers = (np.array([0, 40, 80, 120]) + 1.0) ** -0.25
    np.testing.assert_allclose(found / found[0], np.repeat(powers, 3), rtol=1e-4)


def test_adaptive_falls_to_a_fifth_where_the_loss_does_not():
    """With a tolerance that no epoch meets but the first, after every second epoch."""
    options = {"learning_rate_init": 1e-5, "tol": 1.0, "n_iter_no_change": 1, "max_iter": 7}
    found = lengths(learning_rate="adaptive", **options)
    powers = np.array([0, 0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(found / found[0], np.repeat(0.2**powers, 3), rtol=2e-3)


def test_the_rate_of_other_solvers_stays():
    found = lengths(solver="lion", learning_rate="invscaling")
    np.testing.assert_allclose(found, found[0], rtol=1e-9)


def test_the_rate_goes_on_from_one_partial_fit_to_the_next():
    steps, found = Steps(), []
    options = {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 1e-6}
    options |= {"momentum": 0.0, "alpha": 0.0, "callbacks": [steps]}
    reg = MLPRegressor(**SETTINGS | options)
    for _ in range(3):
        reg.partial_fit(np.ones((16, 3)), np.full(16, 5.0))
        found.append(np.linalg.norm(np.diff(steps.thetas, axis=0)))
    np.testing.assert_allclose(
        np.divide(found, found[0]), (np.array([0, 16, 32]) + 1.0) ** -0.5, rtol=1e-4
    )


# ----------------------------------------------------------------------------- taking it up


class Interrupt(Callback):
    """Break off in the middle of an epoch, as Ctrl-C does."""

    def __init__(self, epoch):
        self.at = epoch

    def step(self, run):
        if run.epoch == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "options",
    [
        {"early_stopping": True},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
    ],
)
def test_a_fit_that_is_taken_up_is_one_fit(tmp_path, options):
    """Curves, scores, rates, the best parameters, patience: to the last bit."""
    options = SETTINGS | {"max_iter": 12, "learning_rate_init": 0.05} | options
    whole = MLPClassifier(**options).fit(X, Y)
    path = tmp_path / "fit.checkpoint"
    parts = MLPClassifier(**options, checkpoint=str(path), callbacks=[Interrupt(7)])
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        parts.fit(X, Y)
    assert len(list(path.iterdir())) == 1  # a file of this fit
    again = MLPClassifier(**options, checkpoint=str(path)).fit(X, Y)
    for name in ("loss_curve_", "validation_scores_", "n_iter_", "t_", "best_validation_score_"):
        assert getattr(again, name) == getattr(whole, name), name
    for found, expected in zip(again.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert again._no_improvement_count == whole._no_improvement_count


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("found", ["a", None, -1.0, np.nan, np.inf, np.ones(2)], ids=str)
def test_schedules_that_give_no_rate_are_refused(method, found):
    reg = MLPRegressor(**SETTINGS, learning_rate=lambda epoch: found)
    with pytest.raises(ValueError, match=r"learning_rate: found .* at epoch 0, expected a number"):
        getattr(reg, method)(X, Y)
