"""A run's folder holds what it learnt, however it ends, and never costs the run."""

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import warnings
from datetime import datetime

import numpy as np
import pytest

import dnn_xp
from dnn_xp import (
    Callback,
    Dense,
    Interruptible,
    Network,
    RunFolder,
    backends,
    lbfgs,
    load_checkpoint,
    load_model,
    train,
)
from dnn_xp.callbacks import RunFolderWarning, logs, run_folder
from dnn_xp.files import InUseError
from dnn_xp.functions.activations import ActivationFunction
from dnn_xp.training import DivergenceWarning, sgd
from tests.runs import StopAfter, assert_same, train_case

CASE = "dropout, batch norm of parts, adamw, averages, validation"  # 3 epochs of 3 steps
WHOLE = ["checkpoint", "checkpoint.1", "history.jsonl", "model.h5", "run.json"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "first"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def record(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def history(folder):
    lines = (folder / "history.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def theta(folder):
    return load_model(folder / "model.h5", backend="numpy").theta


class Fail(Callback):
    """Raise an error at the end of the second epoch."""

    def __init__(self, error):
        self.error = error

    def epoch(self, run):
        if run.epoch == 2:
            raise self.error


def test_a_run_is_kept(folder, library, array):
    run = train_case(CASE, RunFolder(folder, about={"why": "a trial"}), array=array)
    assert names(folder) == WHOLE
    np.testing.assert_array_equal(theta(folder), backends.to_host(run.theta))
    assert load_model(folder / "model.h5").about["epochs"] == 3
    assert load_checkpoint(folder / "checkpoint").steps == 9
    assert [line["cost"] for line in history(folder)] == run.history["cost"]
    said = record(folder)
    assert said["why"] == "a trial"
    assert (said["epochs"], said["ending"], said["reason"]) == (3, "completed", "3 epochs")
    assert said["figures"] == {name: values[-1] for name, values in run.history.items()}
    assert said["run"] == run.progress.run
    assert said["run"]["data"]
    assert said["versions"]["dnn_xp"] == dnn_xp.__version__
    assert len(said["versions"]) >= 3
    begun, ended = (datetime.fromisoformat(said[name]) for name in ("begun", "ended"))
    assert begun <= ended


def test_the_folder_says_what_it_is_while_the_run_goes_on(folder):
    class Look(Callback):
        def epoch(self, run):
            assert "model.h5" not in names(folder)
            said = record(folder)
            assert said["run"]["batch_size"] == 4
            assert "ending" not in said
            assert len(history(folder)) in (run.epoch - 1, run.epoch)

    train_case(CASE, RunFolder(folder), Look())
    assert record(folder)["ending"] == "completed"


def test_a_run_changes_nothing_of_what_it_computes(folder):
    assert_same(train_case(CASE, RunFolder(folder)), train_case(CASE))


@pytest.mark.parametrize("steps", [1, 3, 4, 8])
def test_a_run_that_is_stopped_keeps_what_it_has_learnt_and_goes_on(folder, steps):
    run = train_case(CASE, RunFolder(folder), StopAfter(steps))
    np.testing.assert_array_equal(theta(folder), run.theta)
    begun, epochs = record(folder)["begun"], record(folder)["epochs"]
    assert epochs == run.epochs == (steps - 1) // 3
    progress = load_checkpoint(folder / "checkpoint")
    assert progress.steps == steps
    run = train_case(CASE, RunFolder(folder), resume=progress)
    assert_same(run, train_case(CASE))
    assert [line["epoch"] for line in history(folder)] == [1, 2, 3]
    np.testing.assert_array_equal(theta(folder), run.theta)
    assert record(folder)["begun"] == begun


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("a bug"), MemoryError])
def test_a_run_that_is_broken_off_keeps_its_last_whole_epoch(folder, error):
    with pytest.raises((KeyboardInterrupt, RuntimeError, MemoryError)):
        train_case(CASE, RunFolder(folder), Fail(error))
    np.testing.assert_array_equal(theta(folder), train_case(CASE, epochs=2).theta)
    assert (record(folder)["epochs"], record(folder)["reason"]) == (2, "broken off")
    assert "figures" in record(folder)


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="needs signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_keeps_it(folder, name):
    class Send(Callback):
        def step(self, run):
            if run.step == 5:
                signal.raise_signal(getattr(signal, name))

    run = train_case(CASE, Send(), Interruptible(), RunFolder(folder))
    assert run.progress.steps == 5
    np.testing.assert_array_equal(theta(folder), run.theta)
    assert record(folder)["ending"] == "interrupted"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a POSIX kill")
def test_a_run_that_is_killed_goes_on_from_its_folder(folder):
    program = """
        import os, signal, sys
        from dnn_xp import Callback, RunFolder
        from tests.runs import train_case

        class Kill(Callback):
            def step(self, run):
                if run.step == 5:
                    os.kill(os.getpid(), signal.SIGKILL)

        train_case(sys.argv[1], Kill(), RunFolder(sys.argv[2], seconds=0))
    """
    command = [sys.executable, "-c", textwrap.dedent(program), CASE, str(folder)]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, check=False, env=surroundings).returncode == -signal.SIGKILL
    progress = load_checkpoint(folder / "checkpoint")
    assert progress.steps == 4
    assert_same(train_case(CASE, RunFolder(folder), resume=progress), train_case(CASE))
    assert names(folder) == WHOLE


def test_a_run_that_diverges_keeps_its_figures_alone(folder):
    network, zero = Network(1, (Dense(1),), "squared_error"), np.zeros((1, 4))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", DivergenceWarning)
        options = {"optimizer": sgd(1e100), "callbacks": [RunFolder(folder)], "epochs": 50}
        run = train(network, zero, zero, np.array([0.0, 1.0]), **options)
    assert "model.h5" not in names(folder)
    assert record(folder)["ending"] == "diverged"
    assert record(folder)["figures"]["cost"] is None
    assert len(history(folder)) == run.epochs + 1


def test_a_run_by_lbfgs_is_kept(folder):
    pytest.importorskip("scipy")
    X = np.random.default_rng(0).normal(size=(3, 20))
    network = Network(3, (Dense(4, "tanh"), Dense(1)), "squared_error")
    run = lbfgs(network, X, X[:1], max_iter=5, callbacks=[RunFolder(folder)])
    np.testing.assert_array_equal(theta(folder), run.theta)
    assert len(history(folder)) == 5


def test_figures_and_models_of_ones_own(folder):
    def make_model(result):
        network = Network(3, (Dense(1),), "squared_error")
        ones = np.ones(network.size)
        parts = dnn_xp.Preprocessing(np.asarray(0.5), np.asarray(2.0))
        return dnn_xp.Model(network, ones, parts, None, None, None, {"epochs": result.epochs})

    def in_units(figures):
        return {name: 100.0 * value for name, value in figures.items()}

    run = train_case(CASE, RunFolder(folder, make_model=make_model, in_units=in_units))
    assert load_model(folder / "model.h5").preprocessing.scale == 2.0
    assert [line["cost"] for line in history(folder)] == [100 * x for x in run.history["cost"]]
    assert record(folder)["figures"]["cost"] == 100 * run.history["cost"][-1]


# ----------------------------------------------------------------------------- others' work


def test_no_run_takes_the_place_of_anothers_work(folder):
    train_case(CASE, RunFolder(folder))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FileExistsError, match="there is another run in this folder"):
        train_case(CASE, RunFolder(folder), seed=4)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("change", [{"seed": 4}, {"batch_size": 3}, {"ema_decay": 0.5}])
def test_no_run_that_goes_on_takes_the_place_of_anothers_work(folder, tmp_path, change):
    train_case(CASE, RunFolder(folder))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    other = train_case(CASE, StopAfter(4), **change).progress
    with pytest.raises(FileExistsError, match="there is another run in this folder"):
        train_case(CASE, RunFolder(folder), resume=other, **change)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    train_case(CASE, RunFolder(tmp_path / "its own"), resume=other, **change)


def test_a_run_goes_on_in_its_folder_without_the_checkpoint_there(folder):
    begun = train_case(CASE, RunFolder(folder), StopAfter(4)).progress
    for path in folder.glob("checkpoint*"):
        path.unlink()
    run = train_case(CASE, RunFolder(folder), resume=begun)
    np.testing.assert_array_equal(theta(folder), run.theta)


def test_what_a_killed_process_left_is_removed_from_a_folder(folder):
    folder.mkdir(parents=True)
    for name in (".model-0123abcd.h5", ".history-0123abcd.jsonl", ".run-0123abcd.json", "note"):
        (folder / name).touch()
    train_case(CASE, RunFolder(folder))
    assert names(folder) == sorted([*WHOLE, "note"])


@pytest.mark.parametrize(
    "kept", ["model.h5", "checkpoint", "checkpoint.1", "history.jsonl", "run.json"]
)
def test_what_cannot_be_read_is_work_too(folder, kept):
    folder.mkdir(parents=True)
    (folder / kept).write_bytes(b"years of work")
    with pytest.raises(FileExistsError):
        train_case(CASE, RunFolder(folder))
    assert (folder / kept).read_bytes() == b"years of work"


def test_a_run_that_came_to_nothing_is_begun_again(folder):
    with pytest.raises(RuntimeError):
        train_case(CASE, Callback(), _FailAtOnce(), RunFolder(folder))
    assert "model.h5" not in names(folder)
    run = train_case(CASE, RunFolder(folder))
    np.testing.assert_array_equal(theta(folder), run.theta)


class _FailAtOnce(Callback):
    def step(self, run):
        raise RuntimeError("a bug")


def test_a_folder_in_use_is_left_alone(folder):
    run = train_case(CASE, RunFolder(folder), StopAfter(4))

    class Meanwhile(Callback):
        def step(self, other):
            if other.step == 7:
                before = {path: path.read_bytes() for path in folder.iterdir()}
                with pytest.raises(InUseError):
                    train_case(CASE, RunFolder(folder), resume=run.progress)
                assert {path: path.read_bytes() for path in folder.iterdir()} == before

    train_case(CASE, RunFolder(folder), Meanwhile(), resume=run.progress)
    assert record(folder)["epochs"] == 3


# ----------------------------------------------------------------------------- what fails


@pytest.mark.parametrize("place", ["a file", "no folder above", "not allowed"])
def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch, place):
    folder = tmp_path / "run"
    if place == "a file":
        folder.write_text("years of work")
    elif place == "no folder above":
        (tmp_path / "file").touch()
        folder = tmp_path / "file" / "run"
    else:

        def refuse(path):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(run_folder, "try_replacing", refuse)
    with pytest.warns(RunFolderWarning, match=r"run: nothing will be kept here \(.+\)") as said:
        run = train_case(CASE, RunFolder(folder))
    assert len(said) == 1
    assert_same(run, train_case(CASE))
    if place == "a file":
        assert folder.read_text() == "years of work"


@pytest.mark.parametrize("name", ["save_model", "replacing"])
def test_what_cannot_be_written_at_the_end_costs_nothing_else(folder, monkeypatch, name):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_folder, name, refuse)
    with pytest.warns(RunFolderWarning, match="No space left on device"):
        run = train_case(CASE, RunFolder(folder))
    assert_same(run, train_case(CASE))
    missing = "model.h5" if name == "save_model" else "run.json"
    assert names(folder) == [name for name in WHOLE if name != missing]


def test_a_disk_that_is_full_for_a_while_leaves_the_whole_history(folder, monkeypatch):
    real, calls = logs.replacing, []

    def sometimes(path):
        calls.append(path)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path)

    monkeypatch.setattr(logs, "replacing", sometimes)
    with pytest.warns(RunFolderWarning, match=r"nothing could be written to history\.jsonl"):
        train_case(CASE, RunFolder(folder))
    assert [line["epoch"] for line in history(folder)] == [1, 2, 3]


def test_a_network_that_no_file_can_hold_is_said_before_the_training(folder):
    own = ActivationFunction(
        "own", lambda Z, xp: np.tanh(Z), lambda dA, Z, A, xp: dA * (1.0 - A * A)
    )
    network = Network(3, (Dense(2, own), Dense(1)), "squared_error")
    X = np.random.default_rng(0).normal(size=(3, 20))
    with pytest.warns(RunFolderWarning) as said:
        train(network, X, X[:1], epochs=2, callbacks=[RunFolder(folder)])
    assert "no model will be kept" in str(said[0].message)
    assert load_checkpoint(folder / "checkpoint").epoch == 2


def test_runs_beside_each_other_have_folders_of_their_own(folder):
    shared = RunFolder(folder, seconds=5.0, about={"why": "a fold"})
    own = [shared.apart() for _ in range(3)]
    assert [one.path.name for one in own] == ["first", "first-2", "first-3"]
    for one in own:
        train_case(CASE, one)
        assert names(one.path) == WHOLE
        assert record(one.path)["why"] == "a fold"
        assert one.seconds == 5.0


def test_a_folder_that_cannot_be_made_is_not_looked_for_for_ever(tmp_path):
    (tmp_path / "file").touch()
    assert RunFolder(tmp_path / "file" / "below").apart().path == tmp_path / "file" / "below"


@pytest.mark.parametrize("about", [{"a": object()}, {"a": np.ones(2)}, {"a": {1, 2}}, {(1,): 2}])
def test_what_json_cannot_hold_is_refused_at_once(folder, about):
    with pytest.raises(TypeError, match=r"about: .*; expected JSON's types"):
        RunFolder(folder, about=about)


def test_it_holds_nothing_of_the_run_afterwards(folder):
    kept = RunFolder(folder)
    train_case(CASE, kept)
    assert len(pickle.dumps(kept)) < 2000
    assert repr(kept) == f"RunFolder({str(folder)!r})"
