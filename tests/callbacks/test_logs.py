"""Logs hold the history, line by line, each epoch once: also after a run that was broken off."""

import copy
import csv
import json
import pickle
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dnn_xp import Callback, Dense, Network, train
from dnn_xp.callbacks.logs import CSVLog, JSONLinesLog, LogWarning, TensorBoard
from dnn_xp.training import DivergenceWarning, sgd
from tests.runs import StopAfter, train_case

CASE = "dropout, batch norm, adamw, averages, validation"  # 3 epochs of 3 steps
LOGS = [CSVLog, JSONLinesLog]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


def read(path, log):
    with path.open(newline="") as file:
        if log is JSONLinesLog:
            return [json.loads(line) for line in file]
        return [
            {name: float(value) if value else None for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


def rows(history):
    length = len(history["cost"])
    return [
        {"epoch": i + 1} | {name: values[i] for name, values in history.items()}
        for i in range(length)
    ]


@pytest.mark.parametrize("log", LOGS)
def test_each_epoch_is_a_line(path, log):
    run = train_case(CASE, log(path))
    assert read(path, log) == rows(run.history)
    assert list(read(path, log)[0]) == ["epoch", "cost", "validation_cost", "validation_accuracy"]


@pytest.mark.parametrize("log", LOGS)
def test_a_line_is_there_when_its_epoch_is_over(path, log):
    class Look(StopAfter):
        def __init__(self):
            self.lengths = []

        def step(self, run):
            self.lengths.append(len(read(path, log)))

    look = Look()
    train_case(CASE, log(path), look)
    assert look.lengths == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("stop", [2, 3, 4])
def test_a_run_that_goes_on_has_no_epoch_twice(path, log, stop):
    undisturbed = path.with_name("undisturbed")
    train_case(CASE, log(undisturbed))
    begun = train_case(CASE, StopAfter(stop)).progress
    train_case(CASE, log(path), StopAfter(8))  # it came further than its checkpoint
    with path.open("a") as file:
        file.write('{"epoch": 3, "co')  # and was killed in the middle of a line
    train_case(CASE, log(path), resume=begun)
    assert path.read_bytes() == undisturbed.read_bytes()


@pytest.mark.parametrize("log", LOGS)
def test_a_new_run_begins_a_new_log(path, log):
    train_case("sgd, full batch", log(path))
    run = train_case(CASE, log(path))
    assert read(path, log) == rows(run.history)


@pytest.mark.parametrize("log", LOGS)
def test_log_a_run_that_diverges(path, log):
    """Its last cost is no number, and there are no figures after it."""
    network, zero = Network(1, (Dense(1),), "squared_error"), np.zeros((1, 4))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", DivergenceWarning)
        run = train(
            network,
            *(zero, zero, np.array([0.0, 1.0])),
            optimizer=sgd(1e100),
            callbacks=[log(path)],
            metrics={"one": lambda A, Y: np.asarray(1.0)},
        )
    *whole, last = read(path, log)
    assert whole == rows({name: figures[: run.epochs] for name, figures in run.history.items()})
    if log is CSVLog:
        cost = run.history["cost"][-1]
        assert last == {"epoch": run.epochs + 1, "cost": cost, "one": None}
    else:
        assert last == {"epoch": run.epochs + 1, "cost": None}


@pytest.mark.parametrize("log", LOGS)
def test_log_a_folder_that_is_not_there_is_an_error_at_once(tmp_path, log):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        train_case(CASE, log(tmp_path / "nowhere" / "log"))


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("full", [[1], [2], [1, 2], [2, 3], [1, 2, 3]])
def test_a_disk_that_is_full_for_a_while_costs_no_line(path, log, full):
    """A line that was cut is mended as well."""

    class Disk(log):
        epoch_of_now = 0

        def epoch(self, run):
            self.epoch_of_now = run.epoch
            super().epoch(run)

        def end(self, result):
            self.epoch_of_now = 0
            return super().end(result)

        def append(self, history):
            if self.epoch_of_now in full:
                with self.path.open("a") as file:
                    file.write("0.12")
                raise OSError(28, "No space left on device")
            super().append(history)

        def write(self, history):
            if self.epoch_of_now in full:
                raise OSError(28, "No space left on device")
            super().write(history)

    with pytest.warns(LogWarning, match="nothing could be logged .*No space left") as said:
        run = train_case(CASE, Disk(path))
    assert len(said) == 1
    assert read(path, log) == rows(run.history)


@pytest.mark.parametrize("log", LOGS)
def test_a_folder_that_is_gone_does_not_end_the_run(tmp_path, log):
    (tmp_path / "gone").mkdir()

    class Remove(Callback):
        def step(self, run):
            shutil.rmtree(tmp_path / "gone", ignore_errors=True)

    with pytest.warns(LogWarning, match="nothing could be logged"):
        run = train_case(CASE, log(tmp_path / "gone" / "log"), Remove())
    assert run.epochs == 3


def test_tensorboard_reads_each_epoch_once(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    begun = train_case(CASE, StopAfter(4)).progress
    train_case(CASE, TensorBoard(tmp_path / "runs"), StopAfter(8))  # it came further
    run = train_case(CASE, TensorBoard(tmp_path / "runs"), resume=begun)
    events = EventAccumulator(str(tmp_path / "runs"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == set(run.history)
    for name, figures in run.history.items():
        read = {one.step: one.value for one in events.Scalars(name)}
        assert [one.step for one in events.Scalars(name)] == [1, 2, 3]
        # Its files hold float32.
        assert read == {i: float(np.float32(value)) for i, value in enumerate(figures, 1)}


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("before", [1, 2])
def test_a_figure_that_is_new_stands_beside_its_own_epochs(path, log, before):
    """A run that goes on may measure more; the epochs before it have no such figure."""
    case = "sgd, full batch"
    begun = train_case(case, log(path), epochs=before).progress
    run = train_case(case, log(path), resume=begun, metrics=True)
    lines, figures = read(path, log), run.history["accuracy"]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    for i, line in enumerate(lines):
        assert line["cost"] == run.history["cost"][i]
        if i < before:
            assert np.isnan(figures[i])
            assert line.get("accuracy") is None or np.isnan(line["accuracy"])
        else:
            assert line["accuracy"] == figures[i]


@pytest.mark.parametrize("log", LOGS)
def test_a_figure_that_is_gone_leaves_its_place_empty(path, log):
    case = "sgd, full batch"
    begun = train_case(case, log(path), epochs=2, metrics=True).progress
    train_case(case, log(path), resume=begun)
    assert [line.get("accuracy") is None for line in read(path, log)] == [False, False, True]


# ----------------------------------------------------------------------------- beside others


@pytest.mark.parametrize("log", LOGS)
def test_logs_apart_have_files_of_their_own(tmp_path, log):
    one, kept = log(tmp_path / "log.txt"), log(tmp_path / "log.txt")
    first = one.apart()
    assert (first.path, one.path) == (tmp_path / "log.txt", kept.path)
    for name in ("log-2.txt", "log-3.txt"):
        with pytest.warns(UserWarning, match=rf"log.txt: another fit .* writes {name} beside it"):
            other = log(tmp_path / "log.txt").apart()
        assert other.path == tmp_path / name
        train_case(CASE, other)
    assert first.path.read_text() == ""
    assert len((tmp_path / "log-2.txt").read_text().splitlines()) >= 3


@pytest.mark.parametrize("log", LOGS)
def test_log_apart_of_many_at_once_is_its_own(tmp_path, log):
    """Whoever makes the file has it."""
    with warnings.catch_warnings(), ThreadPoolExecutor(8) as pool:
        warnings.simplefilter("ignore", UserWarning)
        paths = list(pool.map(lambda _: log(tmp_path / "log").apart().path, range(20)))
    assert len(set(paths)) == len(list(tmp_path.iterdir())) == 20


@pytest.mark.parametrize("log", LOGS)
def test_log_apart_of_what_is_no_file_is_the_same(log):
    if not Path("/dev/null").exists():
        pytest.skip("this system has no /dev/null")
    assert log("/dev/null").apart().path == Path("/dev/null")


@pytest.mark.parametrize("log", LOGS)
def test_log_apart_without_a_folder_is_an_error_at_once(tmp_path, log):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        log(tmp_path / "nowhere" / "log").apart()


def test_tensorboards_apart_have_folders_of_their_own(tmp_path):
    pytest.importorskip("tensorboard")
    first = TensorBoard(tmp_path / "new" / "runs").apart()
    with pytest.warns(
        UserWarning, match="runs: another fit has written it; this one writes runs-2"
    ):
        second = TensorBoard(tmp_path / "new" / "runs").apart()
    for one in (first, second):
        train_case(CASE, one)
        assert len(list(one.folder.iterdir())) == 1
    assert (first.folder.name, second.folder.name) == ("runs", "runs-2")


def test_tensorboard_can_be_copied_and_pickled(tmp_path):
    pytest.importorskip("tensorboard")
    board = TensorBoard(tmp_path / "runs")
    train_case(CASE, board)
    for other in (copy.deepcopy(board), pickle.loads(pickle.dumps(board))):
        assert other.folder == board.folder
        train_case(CASE, other)


def test_a_callback_that_writes_no_file_is_itself_apart():
    stop = StopAfter(3)
    assert stop.apart() is stop


@pytest.mark.once
@pytest.mark.parametrize("kind", [CSVLog, JSONLinesLog])
def test_a_file_that_is_no_log_is_not_replaced(tmp_path, kind):
    path = tmp_path / "mine"
    path.write_text("name,age\n")
    X, network = np.ones((1, 4)), Network(1, (Dense(1),), "squared_error")
    with pytest.raises(FileExistsError, match="is no log of a run"):
        train(network, X, X, epochs=1, callbacks=[kind(path)])
    assert path.read_text() == "name,age\n"
    path.unlink()
    for epochs in (1, 2):  # its own log it replaces
        train(network, X, X, epochs=epochs, callbacks=[kind(path)])
    assert len(path.read_text().splitlines()) == 2 + (kind is CSVLog)
