"""What `partial_fit` goes on from: to schedules and logs, n calls of it are one run."""

import copy
import csv
import pickle
from collections.abc import Mapping

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier

from dnn_xp import Callback, Checkpoint
from dnn_xp.callbacks import CSVLog, JSONLinesLog
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.training import (
    ReduceOnPlateau,
    cosine,
    exponential_decay,
    inverse_scaling,
    one_cycle,
    step_decay,
    warm_up,
)
from tests.estimators.small import X, Y, assert_equal, both

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

EPOCHS = 6
SETTINGS = {
    "hidden_layer_sizes": (6,),
    "random_state": 0,
    "batch_size": 16,
    "max_iter": EPOCHS,
    "learning_rate_init": 0.1,
    "shuffle": False,
    "n_iter_no_change": 99,
}


def halved_each_epoch(epoch):
    return 0.5 ** int(epoch)


class Counter(Callback):
    """A schedule of one's own that counts the epochs itself."""

    def start(self, run):
        self.epochs = 0

    def state(self) -> Mapping[str, int]:
        return {"epochs": self.epochs}

    def restore(self, run, state):
        self.epochs = int(state["epochs"])

    def epoch(self, run):
        self.epochs += 1

    def __call__(self, epoch):
        return 0.7**self.epochs


SCHEDULES = {
    "step_decay": lambda: step_decay(2, 0.1),
    "exponential_decay": lambda: exponential_decay(0.5),
    "cosine": lambda: cosine(EPOCHS, warm_up=2.0),
    "inverse_scaling": lambda: inverse_scaling(0.5),
    "one_cycle": lambda: one_cycle(EPOCHS),
    "warm_up": lambda: warm_up(step_decay(1), 3),
    "ReduceOnPlateau": lambda: ReduceOnPlateau(0.1, 1, 0.5, monitor="cost"),
    "function": lambda: halved_each_epoch,
    "callback": Counter,
}
schedules = pytest.mark.parametrize("name", SCHEDULES)


def train_on(one, n, between=lambda one: one):
    for _ in range(n):
        one = between(one).partial_fit(X, Y, **({"classes": [0, 1]} if is_clf(one) else {}))
    return one


def is_clf(one):
    return isinstance(one, MLPClassifier)


@both
@schedules
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_schedules_go_on_over_partial_fits(kind, name, solver):
    options = SETTINGS | {"solver": solver}
    whole = kind(**options, learning_rate=SCHEDULES[name]()).fit(X, Y)
    parts = train_on(kind(**options, learning_rate=SCHEDULES[name]()), EPOCHS)
    assert_equal(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_
    assert (parts.n_iter_, parts.t_) == (1, whole.t_)
    constant = kind(**options).fit(X, Y)
    assert parts.loss_curve_[-1] != constant.loss_curve_[-1]


@schedules
def test_schedules_go_on_after_a_fit(name):
    options = SETTINGS | {"learning_rate": SCHEDULES[name]()}
    whole = MLPRegressor(**options).fit(X, Y)
    parts = MLPRegressor(**options | {"max_iter": 2}).fit(X, Y)
    assert_equal(train_on(parts, EPOCHS - 2), whole)


@schedules
@pytest.mark.parametrize(
    "between", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["copy", "pickle"]
)
def test_schedules_go_on_in_a_copy(name, between):
    options = SETTINGS | {"learning_rate": SCHEDULES[name]()}
    whole = MLPRegressor(**options).fit(X, Y)
    assert_equal(train_on(MLPRegressor(**options), EPOCHS, between), whole)


@schedules
def test_schedules_go_on_where_the_estimator_was_moved(name):
    """The state of sgd without momentum is nothing that could stay behind."""
    options = SETTINGS | {"solver": "sgd", "momentum": 0.0, "learning_rate": SCHEDULES[name]()}
    whole = MLPRegressor(**options).fit(X, Y)
    parts = train_on(MLPRegressor(**options), 1)
    assert_equal(train_on(parts, EPOCHS - 1, lambda one: one.to("numpy")), whole)


def test_schedules_begin_anew_in_a_clone_and_in_a_new_fit():
    reg = train_on(MLPRegressor(**SETTINGS, learning_rate=halved_each_epoch), 3)
    first = reg.loss_curve_
    assert train_on(clone(reg), 3).loss_curve_ == first
    whole = MLPRegressor(**SETTINGS, learning_rate=halved_each_epoch).fit(X, Y)
    assert reg.fit(X, Y).loss_curve_ == whole.loss_curve_


def test_a_batch_that_was_refused_does_not_count():
    one, other = (MLPRegressor(**SETTINGS, learning_rate=cosine(EPOCHS)) for _ in range(2))
    train_on(one, 2)
    for bad in (X * np.nan, X[:, :2]):
        with pytest.raises(ValueError, match="X"):
            one.partial_fit(bad, Y)
    assert_equal(train_on(one, 2), train_on(other, 4))


class Interrupt(Callback):
    def epoch(self, run):
        if run.epoch == 3:
            raise KeyboardInterrupt


def test_schedules_go_on_after_an_interrupt():
    seen = []

    def schedule(epoch):
        seen.append(epoch)
        return 1.0

    reg = MLPRegressor(**SETTINGS | {"batch_size": 50}, learning_rate=schedule)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        reg.set_params(callbacks=[Interrupt()]).fit(X, Y)
    train_on(reg.set_params(callbacks=[]), 2)
    assert seen == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("of_a_kind", [[], [Counter()], [Counter(), Counter()]], ids=len)
def test_schedules_that_are_callbacks_go_on_beside_others_of_their_kind(of_a_kind):
    options = SETTINGS | {"learning_rate": Counter(), "callbacks": of_a_kind}
    whole = MLPRegressor(**options).fit(X, Y)
    assert_equal(train_on(clone(MLPRegressor(**options)), EPOCHS), whole)


# ----------------------------------------------------------------------------- logs


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_logs_go_on_over_partial_fits(tmp_path):
    log, between = CSVLog(tmp_path / "log.csv"), (lambda one: pickle.loads(pickle.dumps(one)))
    reg = MLPRegressor(**SETTINGS, callbacks=[log])
    reg = train_on(train_on(reg, 2), 2, between)
    assert [float(row["cost"]) for row in rows(tmp_path / "log.csv")] == reg.loss_curve_
    assert [row["epoch"] for row in rows(tmp_path / "log.csv")] == ["1", "2", "3", "4"]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.filterwarnings("ignore:.*another fit has written it:UserWarning")
@pytest.mark.parametrize("jobs", [1, 2])
def test_log_of_each_fold_is_its_own(tmp_path, jobs):
    options = SETTINGS | {"callbacks": [CSVLog(tmp_path / "log.csv")]}
    with parallel_config("threading", n_jobs=jobs):
        cross_val_score(MLPRegressor(**options), X, Y, cv=KFold(4))
    logs = [tmp_path / name for name in ("log.csv", "log-2.csv", "log-3.csv", "log-4.csv")]
    assert sorted(tmp_path.iterdir()) == sorted(logs)
    found = sorted(tuple(row["cost"] for row in rows(log)) for log in logs)
    folds = [MLPRegressor(**SETTINGS).fit(X[i], Y[i]).loss_curve_ for i, _ in KFold(4).split(X)]
    assert found == sorted(tuple(map(str, curve)) for curve in folds)


@pytest.mark.filterwarnings("ignore:.*another fit has written it:UserWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("train", "fits"),
    [
        (lambda clf: GridSearchCV(clf, {"alpha": [0.1, 1.0]}, cv=2).fit(X, Y), 5),
        (lambda clf: OneVsRestClassifier(clf).fit(X, np.arange(50) % 3), 3),
        (lambda clf: [clf.fit(X, Y), clf.fit(X, Y)], 2),
        (lambda clf: [clf.fit(X, Y), clone(clf).fit(X, Y)], 2),
        (lambda clf: [clf.set_params(warm_start=True).fit(X, Y), clf.fit(X, Y)], 2),
    ],
    ids=["search", "classes", "again", "clone", "warm"],
)
def test_log_of_each_fit_is_its_own(tmp_path, solver, train, fits):
    log = JSONLinesLog(tmp_path / "log.jsonl")
    train(MLPClassifier(**SETTINGS | {"solver": solver, "callbacks": [log]}))
    lengths = [len(path.read_text().splitlines()) for path in tmp_path.iterdir()]
    assert len(lengths) == fits
    assert min(lengths) > 0


def test_a_log_that_is_there_stays_and_it_is_said(tmp_path):
    (tmp_path / "log.csv").write_text("years of work")
    with pytest.warns(UserWarning, match=r"log.csv: another fit has written it; .* log-2.csv"):
        MLPRegressor(**SETTINGS, callbacks=[CSVLog(tmp_path / "log.csv")]).fit(X, Y)
    assert (tmp_path / "log.csv").read_text() == "years of work"
    assert len(rows(tmp_path / "log-2.csv")) == EPOCHS


def test_a_checkpoint_among_the_callbacks_is_refused(tmp_path):
    reg = MLPRegressor(**SETTINGS, callbacks=[Checkpoint(tmp_path / "run")])
    with pytest.raises(ValueError, match=r"callbacks: found Checkpoint.* as the parameter"):
        reg.fit(X, Y)


def test_a_log_that_is_there_twice_is_one(tmp_path):
    log = CSVLog(tmp_path / "log.csv")
    MLPRegressor(**SETTINGS, callbacks=[log, log]).fit(X, Y)
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
