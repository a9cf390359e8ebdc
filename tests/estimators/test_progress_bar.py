"""The bar of ``verbose="bar"``, in print and step by step."""

import sys
import warnings
from contextlib import nullcontext
from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp.estimators import MLPClassifier, MLPRegressor

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] > 0

needs_rich = pytest.mark.skipif(find_spec("rich") is None, reason="needs dnn-xp[app]")
unfinished = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class RecordingBar(nullcontext):
    """Keep what a bar is told."""

    def __init__(self):
        super().__init__(self)
        self.calls = []

    def add_task(self, title, **fields):
        self.calls.append({"title": title, **fields})
        return 0

    def update(self, task, **fields):
        self.calls.append(fields)


@pytest.fixture
def bar(monkeypatch):
    """Return the bar that fits show, which only remembers."""
    bar = RecordingBar()
    monkeypatch.setattr("dnn_xp.callbacks.progress_bar.make_bar", lambda: bar)
    return bar


@unfinished
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_estimator_progress_bar_it_moves_from_epoch_to_epoch(bar, solver):
    clf = MLPClassifier(solver=solver, max_iter=3, random_state=0, verbose="bar").fit(X, Y)
    losses = [f"loss {loss:.4g}" for loss in clf.loss_curve_]
    assert bar.calls == [
        {"title": "MLPClassifier  epoch", "total": 3, "completed": 0, "text": ""},
        *({"completed": i, "text": loss} for i, loss in enumerate(losses, 1)),
        {"total": 3, "completed": 3},
    ]


def test_it_tells_the_score_and_where_a_fit_stopped(bar):
    reg = MLPRegressor(early_stopping=True, tol=10.0, n_iter_no_change=1, random_state=0)
    reg.set_params(verbose="bar").fit(X, X[:, 0])
    assert reg.n_iter_ == 3  # the first is better than nothing, and two are not
    *_, last, end = bar.calls
    assert last["text"] == f"loss {reg.loss_:.4g}  score {reg.validation_scores_[-1]:.4g}"
    assert end == {"total": 3, "completed": 3}


@needs_rich
@unfinished
def test_it_is_shown_alone(capsys):
    """Where nobody looks on, its last state; and no lines of scikit-learn's beside it."""
    for solver in ("adam", "lbfgs"):
        MLPClassifier(solver=solver, max_iter=3, random_state=0, verbose="bar").fit(X, Y)
        assert "MLPClassifier  epoch 3/3" in (printed := capsys.readouterr().out)
        assert "loss 0." in printed
        assert "Iteration" not in printed
    MLPClassifier(max_iter=3, random_state=0, verbose="bar").partial_fit(X, Y, classes=[0, 1])
    assert capsys.readouterr().out == ""


@unfinished
def test_without_it_each_epoch_has_a_line(capsys):
    for verbose in (True, 1):
        for solver in ("adam", "lbfgs"):
            clf = MLPClassifier(solver=solver, max_iter=2, random_state=0, verbose=verbose)
            clf.fit(X, Y)
            lines = capsys.readouterr().out.splitlines()
            assert lines[-1] == f"Iteration 2, loss = {clf.loss_:.8f}"
    MLPClassifier(max_iter=2, random_state=0, verbose=0).fit(X, Y)
    assert capsys.readouterr().out == ""


@needs_rich
@unfinished
def test_it_closes_also_where_a_fit_fails(capsys):
    """There can be one at a time."""
    with pytest.raises(ValueError, match="non-finite"), np.errstate(all="ignore"):
        MLPRegressor(solver="sgd", learning_rate_init=1e9, verbose="bar").fit(X, X)
    MLPRegressor(max_iter=1, verbose="bar").fit(X, X)
    assert "epoch 1/1" in capsys.readouterr().out


@unfinished
def test_estimator_progress_bar_without_rich_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(ImportError, match=r"rich\.progress is needed here: .*dnn-xp\[app\]"):
        MLPClassifier(verbose="bar").fit(X, Y)
    MLPClassifier(max_iter=1).fit(X, Y)  # needs none


@pytest.mark.parametrize("verbose", [-1, "rod", None])
def test_what_is_no_verbosity_is_refused(verbose):
    with pytest.raises(ValueError, match=r"'verbose' parameter .* or a str among \{'bar'\}"):
        MLPClassifier(verbose=verbose).fit(X, Y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_warnings_name_the_line_that_fits(solver):
    clf = MLPClassifier(solver=solver, max_iter=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, Y)
        clf.set_params(batch_size=100)
        if solver == "adam":
            clf.partial_fit(X, Y)
    assert len(caught) == (2 if solver == "adam" else 1)
    assert {warning.filename for warning in caught} == {__file__}
