"""Folders of runs as they are read: states, figures, and what is damaged."""

import json
import math

import pytest

from dnn_xp.files.locking import FileLock
from dnn_xp.reports.run_summaries import find_folders, read_history, summarize

pytestmark = pytest.mark.once

EPOCHS = [
    {"epoch": 1, "cost": 2.0, "validation_cost": 2.0, "validation_accuracy": 0.5},
    {"epoch": 2, "cost": 1.0, "validation_cost": 1.5, "validation_accuracy": 0.9},
    {"epoch": 3, "cost": None, "validation_cost": 1.0, "validation_accuracy": 0.8},
]


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a run that is done."""
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    write_record(folder, ending="completed", reason="3 epochs")
    (folder / "history.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in EPOCHS))
    (folder / "model.h5").write_bytes(b"model")
    return folder


def write_record(folder, **said):
    record = {
        "run": {"seed": 0},
        "begun": "2026-11-28T10:00:00+00:00",
        "settings": {"data": "digits", "backend": "numpy", "epochs": 3},
        "options": {"--layers": "64,32", "--optimizer": "adam"},
    }
    (folder / "run.json").write_text(json.dumps(record | said))


def test_a_run_that_is_done(folder):
    found = summarize(folder)
    assert (found.state, found.epochs, found.reason) == ("done", 3, "3 epochs")
    assert found.best == ("accuracy", 0.9, 2, "max", True)
    assert found.last["validation_accuracy"] == 0.8
    assert math.isnan(found.last["cost"])
    assert found.settings == {
        "data": "digits",
        "backend": "numpy",
        "layers": "64,32",
        "optimizer": "adam",
    }
    assert found.problem == ""


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ("completed", "done"),
        ("stopped", "done"),
        ("converged", "done"),
        ("exhausted", "done"),
        ("interrupted", "interrupted"),
        ("diverged", "diverged"),
        (None, "interrupted"),
    ],
)
def test_how_it_ended_is_its_state(folder, ending, state):
    write_record(folder, **({} if ending is None else {"ending": ending}))
    assert summarize(folder).state == state


def test_a_run_that_is_going_on_is_running_and_is_not_disturbed(folder):
    write_record(folder)
    lock = FileLock(folder / "checkpoint")
    before = sorted(folder.iterdir())
    assert summarize(folder).state == "running"
    lock.release()
    assert summarize(folder).state == "interrupted"
    lock = FileLock(folder / "checkpoint")
    assert sorted(folder.iterdir()) == before
    lock.release()


def test_what_a_killed_process_leaves_locked_is_not_running(folder):
    write_record(folder)
    (folder / ".checkpoint.lock").touch()
    assert summarize(folder).state == "interrupted"
    assert (folder / ".checkpoint.lock").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", "{", "run.json cannot be read"),
        ("run.json", "[1]", "run.json is no record of a run"),
        ("run.json", '{"run": {}, "ending": "tired"}', "run.json says that it ended 'tired'"),
        ("run.json", '{"run": {}, "settings": 3}', "run.json has no settings, but 3"),
        ("run.json", "[" * 100_000, "run.json cannot be read"),
        ("run.json", None, "there is no run.json"),
        ("model.h5", None, "there is no model.h5"),
        ("history.jsonl", "nonsense\n", "line 1 of history.jsonl is no epoch"),
        ("history.jsonl", '{"epoch": 2, "cost": 1}\n', "line 1 of history.jsonl is no epoch"),
        ("history.jsonl", '{"epoch": 1, "cost": "x"}\n', "line 1 of history.jsonl is no epoch"),
        ("history.jsonl", '{"epoch": 1, "cost": [1]}\n', "line 1 of history.jsonl is no epoch"),
        ("history.jsonl", '{"epoch": 1}\n\n', "line 2 of history.jsonl is no epoch"),
        ("history.jsonl", "\0\0\0\n", "line 1 of history.jsonl is no epoch"),
    ],
)
def test_what_is_damaged_is_said(folder, name, content, said):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    found = summarize(folder)
    assert found.state == "damaged"
    assert found.problem.startswith(said)


def test_a_line_that_is_half_written_is_left_out(folder):
    with (folder / "history.jsonl").open("a") as file:
        file.write('{"epoch": 4, "co')
    assert summarize(folder).epochs == 3


def test_null_is_nan_and_what_is_measured_later_has_no_figure_before(folder):
    lines = [{"epoch": 1, "cost": None}, {"epoch": 2, "cost": 1.0, "f1": 0.5}, {"epoch": 3}]
    (folder / "history.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))
    history = read_history(folder)
    assert str(history) == "{'cost': [nan, 1.0, nan], 'f1': [nan, 0.5, nan]}"


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        ([{"cost": 2.0}, {"cost": 1.0}, {"cost": 1.0}], ("cost", 1.0, 2, "min", False)),
        ([{"cost": 2.0, "validation_cost": 3.0}], ("cost", 3.0, 1, "min", True)),
        ([{"validation_RMSE": 3.0}, {"validation_RMSE": 2.0}], ("RMSE", 2.0, 2, "min", True)),
        ([{"validation_R2": 0.3}, {"validation_R2": 0.2}], ("R2", 0.3, 1, "max", True)),
        ([{"cost": None}], None),
        ([{"validation_my_own": 3.0, "cost": 1.0}], ("cost", 1.0, 1, "min", False)),
    ],
)
def test_the_best_figure(folder, epochs, best):
    lines = [json.dumps({"epoch": i} | one) for i, one in enumerate(epochs, 1)]
    (folder / "history.jsonl").write_text("\n".join(lines) + "\n")
    assert summarize(folder).best == best


def test_a_run_of_python_has_the_settings_of_train(folder):
    record = {"run": {"seed": 3, "optimizer": "adam()", "network": {}, "theta": "0"}, "begun": "x"}
    (folder / "run.json").write_text(json.dumps(record))
    assert summarize(folder).settings == {"seed": "3", "optimizer": "adam()"}


def test_folders_are_found(folder, tmp_path):
    (folder.parent / "other").mkdir()
    (folder.parent / "notes.txt").touch()
    (folder.parent / "lost").mkdir()
    (folder.parent / "lost" / "checkpoint").touch()
    assert find_folders(folder.parent) == [folder, folder.parent / "lost"]
    assert find_folders(folder) == [folder]
    for wrong in (tmp_path / "nowhere", folder / "model.h5"):
        with pytest.raises(ValueError, match=r"expected a folder of runs$"):
            find_folders(wrong)


def test_when_a_run_ended(folder):
    assert summarize(folder).ended == ""
    write_record(folder, ending="completed", ended="2026-11-28T10:05:00+00:00")
    assert summarize(folder).ended == "2026-11-28T10:05:00+00:00"
