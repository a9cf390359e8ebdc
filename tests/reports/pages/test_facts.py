"""What is known of a run without examples: of each kind of thing that a page may be on."""

import json

import numpy as np
import pytest

from dnn_xp import Dense, Model, Network, RunFolder, lbfgs, save_model, train
from dnn_xp.reports.pages.facts import gather
from dnn_xp.reports.run_summaries import STATES
from dnn_xp.training import Ending

pytestmark = pytest.mark.once

X = np.random.default_rng(0).normal(size=(2, 20))
LINE = Network(2, (Dense(1),), "squared_error")


def test_a_model_says_what_is_written_down_with_it(tmp_path):
    model = Model(LINE, np.zeros(3), about={"epochs": 7, "data": "digits", "seed": 3})
    found = gather(model)
    assert (found.epochs, found.state, found.about["data"]) == (7, "", "digits")
    save_model(tmp_path / "m.h5", model)
    found = gather(tmp_path / "m.h5")
    assert (found.name, found.epochs, found.versions["numpy"]) == ("m.h5", 7, np.__version__)


def test_a_result_knows_its_network_by_its_progress():
    result = train(LINE, X, X[:1], epochs=3)
    found = gather(result)
    assert found.model.network == LINE
    assert np.array_equal(found.model.theta, result.theta)
    assert (found.state, found.epochs, len(found.history["cost"])) == ("done", 3, 3)
    found = gather(result._replace(progress=None))
    assert found.model is None
    assert "Model(network, result.theta)" in found.notes[0]


def test_a_result_of_lbfgs_counts_iterations():
    pytest.importorskip("scipy")
    assert gather(lbfgs(LINE, X, X[:1], max_iter=2)).unit == "iterations"


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.COMPLETED, "done"),
        (Ending.STOPPED, "done"),
        (Ending.INTERRUPTED, "interrupted"),
        (Ending.DIVERGED, "diverged"),
    ],
)
def test_endings_are_states(ending, state):
    assert STATES[ending] == state


def test_a_folder_says_what_it_kept(tmp_path):
    about = {"command": "dnn-xp train x", "settings": {"data": "a/x.npz", "seed": 1, "epochs": 9}}
    train(LINE, X, X[:1], epochs=3, callbacks=[RunFolder(tmp_path / "r", about=about)])
    found = gather(tmp_path / "r")
    assert (found.name, found.state, found.command) == ("r", "done", "dnn-xp train x")
    assert (found.epochs, found.epochs_asked, found.about["data"]) == (3, 9, "a/x.npz")
    assert found.begun <= found.ended
    assert found.notes == ()


@pytest.mark.parametrize(
    "record",
    [
        "[]",
        '{"run": {}, "settings": 3}',
        '{"run": {}, "versions": [1]}',
        '{"run": {}, "command": 3, "begun": 4, "ended": [], "settings": {"epochs": true}}',
        '{"run": {"epochs": "many"}}',
        "\x00",
    ],
)
def test_records_of_strangers_are_read_as_far_as_they_can_be(tmp_path, record):
    train(LINE, X, X[:1], epochs=2, callbacks=[RunFolder(tmp_path / "r")])
    (tmp_path / "r" / "run.json").write_text(record)
    found = gather(tmp_path / "r")
    assert found.epochs == 2
    assert found.model is not None
    assert (found.command, found.ended) == ("", "")


def test_a_run_that_goes_on_is_running(tmp_path):
    seen = []

    class Look(RunFolder):
        def epoch(self, run):
            super().epoch(run)
            seen.append(gather(self.path))

    train(LINE, X, X[:1], epochs=2, callbacks=[Look(tmp_path / "r")])
    assert [one.state for one in seen] == ["running", "running"]
    assert seen[0].notes == ("There is no model: it is kept when the run ends.",)


def test_an_estimator_has_the_curves_of_its_fit():
    pytest.importorskip("sklearn")
    from dnn_xp import MLPRegressor

    fitted = MLPRegressor(hidden_layer_sizes=(2,), max_iter=400, tol=1.0, random_state=0)
    fitted.fit(X.T, X[0])
    found = gather(fitted)
    assert [*found.history] == ["cost"]
    assert found.epochs == fitted.n_iter_
    assert found.estimator is fitted


def test_a_folder_without_a_run_is_refused(tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({}))
    with pytest.raises(ValueError, match=r"a folder without run\.json"):
        gather(tmp_path)
