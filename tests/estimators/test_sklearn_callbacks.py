"""scikit-learn's callbacks on our estimators, by its protocol alone."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.model_selection import GridSearchCV

from dnn_xp.callbacks import TimeLimit
from dnn_xp.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] > 0


def test_a_fit_without_them_tells_nobody():
    """As with scikit-learn before 1.9, in a process of its own."""
    program = (
        "import sys, sklearn.model_selection, sklearn.linear_model  # which have callbacks\n"
        "sys.modules['sklearn.callback'] = None\n"
        "import numpy as np; from dnn_xp.estimators import MLPClassifier\n"
        "X = np.eye(4); clf = MLPClassifier(max_iter=300).fit(X, [0, 1, 0, 1])\n"
        "print(hasattr(clf, 'set_callbacks'), clf.score(X, [0, 1, 0, 1]))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True)
    assert done.stdout.split() == [b"False", b"1.0"], done.stderr


def test_ours_go_elsewhere():
    """The argument `callbacks` is for dnn_xp's own."""
    MLPClassifier(callbacks=[TimeLimit(60)], max_iter=1).fit(X, Y)
    for wrong in ([Recorder()], Recorder(), [TimeLimit]):
        with pytest.raises(
            ValueError, match=r"'callbacks' parameter .* must be a list of dnn_xp's"
        ):
            MLPClassifier(callbacks=wrong).fit(X, Y)


class Recorder:
    """Keep what is called; ask for a stop after some epochs."""

    def __init__(self, stop_after=None):
        self.calls, self.stop_after, self.fitted = [], stop_after, []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(("begin", context.task_name, context.task_id))
        self.given = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.calls.append(("end", context.task_name, context.task_id))
        if fitted_estimator is not None and context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
        return context.task_name == "epoch" and len(self.fitted) == self.stop_after


class Propagated(Recorder):
    max_propagation_depth = None


with_callbacks = pytest.mark.skipif(
    not hasattr(MLPClassifier, "set_callbacks"), reason="scikit-learn has callbacks from 1.9 on"
)
solvers = pytest.mark.parametrize("solver", ["adam", "lbfgs"])


def network(**parameters):
    return MLPClassifier((4,), random_state=0, **{"max_iter": 3} | parameters)


@with_callbacks
@solvers
def test_a_fit_and_its_epochs_are_reported_in_turn(solver):
    recorder = Recorder()
    clf = network(solver=solver).set_callbacks(recorder)
    assert clf.fit(X, Y) is clf
    epochs = [(what, "epoch", i) for i in range(3) for what in ("begin", "end")]
    assert recorder.calls == [
        ("setup", "fit"),
        ("begin", "fit", 0),
        *epochs,
        ("end", "fit", 0),
        ("teardown", "fit"),
    ]
    assert recorder.given[0] is X
    assert recorder.given[1] is Y
    assert recorder.given[2] == {}
    weights = np.ones(60)
    clf.fit(X, Y, weights)
    assert recorder.given[2]["sample_weight"] is weights


@with_callbacks
@solvers
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_estimator_of_an_epoch_is_that_of_a_shorter_fit(solver, batch_norm):
    if solver == "lbfgs" and batch_norm:
        pytest.skip("L-BFGS has no batch norm")
    recorder = Recorder()
    clf = network(solver=solver, batch_norm=batch_norm).set_callbacks(recorder).fit(X, Y)
    assert len(recorder.fitted) == 3
    for epochs, one in enumerate(recorder.fitted, 1):
        shorter = network(solver=solver, batch_norm=batch_norm, max_iter=epochs).fit(X, Y)
        np.testing.assert_array_equal(one.predict_proba(X), shorter.predict_proba(X))
    last = recorder.fitted[-1].predict_proba(X)
    np.testing.assert_array_equal(last, clf.predict_proba(X))


@with_callbacks
@solvers
def test_a_callback_may_stop_a_fit(solver):
    recorder = Recorder(stop_after=2)
    clf = network(solver=solver, max_iter=50).set_callbacks(recorder).fit(X, Y)
    assert clf.n_iter_ == 2
    assert recorder.calls[-4:] == [
        ("begin", "epoch", 1),
        ("end", "epoch", 1),
        ("end", "fit", 0),
        ("teardown", "fit"),
    ]


@with_callbacks
def test_what_was_begun_ends():
    """Also where the fit stops by itself, and where it fails."""
    recorder = Recorder()
    clf = network(tol=10.0, n_iter_no_change=1, max_iter=50).set_callbacks(recorder).fit(X, Y)
    assert clf.n_iter_ < 50
    began = [one[1:] for one in recorder.calls if one[0] == "begin"]
    ended = [one[1:] for one in recorder.calls if one[0] == "end"]
    assert sorted(began) == sorted(ended)
    assert len(recorder.fitted) == clf.n_iter_
    with pytest.raises(ValueError, match="non-finite"), np.errstate(all="ignore"):
        MLPRegressor(solver="sgd", learning_rate_init=1e9, max_iter=50).set_callbacks(recorder).fit(
            X, X
        )
    assert recorder.calls[-1] == ("teardown", "fit")


@with_callbacks
def test_a_search_hands_them_on():
    """Candidates, folds, and the epochs of each fit, under one root."""
    search = GridSearchCV(network(), {"alpha": [0.1, 0.2]}, cv=2, refit=False)
    recorder = Propagated()
    search.set_callbacks(recorder).fit(X, Y)
    assert sum(one[:2] == ("end", "epoch") for one in recorder.calls) == 2 * 2 * 3
    own = Recorder()  # set on the network, and kept by its clones
    GridSearchCV(network().set_callbacks(own), {"alpha": [0.1, 0.2]}, cv=2, refit=False).fit(X, Y)
    assert sum(one[:2] == ("end", "epoch") for one in own.calls) == 2 * 2 * 3


@with_callbacks
def test_scoring_monitor_logs_each_epoch():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    clf = network(alpha=0.0).set_callbacks(monitor).fit(X, Y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in rows] == [0, 1, 2]
    # The loss of an epoch of one batch is that with which it begins.
    assert [-row["neg_log_loss"] for row in rows[:2]] == pytest.approx(clf.loss_curve_[1:])
    assert rows[-1]["accuracy"] == clf.score(X, Y)


@with_callbacks
def test_progress_bar_comes_to_its_end(capfd):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    network().set_callbacks(ProgressBar()).fit(X, Y)
    assert "MLPClassifier - fit" in (shown := capfd.readouterr().out)
    assert "100%" in shown
