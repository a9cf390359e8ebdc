"""Logs of a training at the command line: what they hold, and what is refused."""

import csv
import json

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

pytestmark = pytest.mark.once

QUICK = ("train", "--epochs", "2", "--layers", "4", "--backend", "numpy", "--no-run")


def test_a_log_holds_the_figures_of_each_epoch(dnn_xp, tmp_path):
    code, out, err = dnn_xp(*QUICK, "--log", "a.jsonl", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["files"]["log"] == "a.jsonl"
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row.pop("epoch") for row in rows] == [1, 2]
    assert {name: [row[name] for row in rows] for name in rows[0]} == found["history"]
    assert dnn_xp(*QUICK, "--log", "a.csv").code == 0
    with (tmp_path / "a.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["cost"]) for row in table] == found["history"]["cost"]


def test_logs_are_in_the_units_of_the_data(dnn_xp, tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 2))
    np.savez(tmp_path / "d.npz", x=x, y=1e6 * x[:, 0])
    arguments = ("train", "d.npz", *QUICK[1:], "--log", "a.jsonl", "--json")
    found = json.loads(dnn_xp(*arguments).out)
    last = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[-1])
    assert last["validation_RMSE"] == found["history"]["validation_RMSE"][-1] > 1e4
    assert found["figures"]["held_out"]["RMSE"] == pytest.approx(last["validation_RMSE"], rel=1e-4)


def test_tensorboard_is_told_the_same(dnn_xp, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    x = np.random.default_rng(0).normal(size=(60, 2))
    np.savez(tmp_path / "d.npz", x=x, y=1e6 * x[:, 0])
    arguments = ("train", "d.npz", *QUICK[1:], "--tensorboard", "board", "--json")
    found = json.loads(dnn_xp(*arguments).out)
    read = EventAccumulator(str(tmp_path / "board"))
    read.Reload()
    shown = [event.value for event in read.Scalars("validation_RMSE")]
    assert shown == pytest.approx(found["history"]["validation_RMSE"], rel=1e-6)


def test_a_run_that_goes_on_writes_its_log_whole(dnn_xp, tmp_path):
    begun = ("train", "--layers", "4", "--backend", "numpy", "--run", "r", "--log", "a.csv")
    assert dnn_xp(*begun, "--epochs", "2").code == 0
    assert dnn_xp(*begun, "--epochs", "3", "--resume").code == 0
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 4
    code, _, err = dnn_xp("resume", "r", "--epochs", "4", "--log", "b.jsonl")
    assert (code, err) == (0, "")
    assert len((tmp_path / "b.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize("name", ["a.txt", "a", "csv", "a.json", "a.csv.gz", "a.h5"])
def test_a_log_of_another_kind_is_refused(dnn_xp, tmp_path, name):
    code, out, err = dnn_xp(*QUICK, "--log", name)
    assert (code, out) == (2, "")
    assert (
        err
        == f"dnn-xp: error: --log: found '{name}', expected a name that ends in .csv or .jsonl\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "path", "message"),
    [
        ("--log", "mine.csv", "--log: mine.csv: is no log of a run, and stays"),
        ("--log", "no/a.csv", "--log: the folder no does not exist"),
        ("--log", "folder.csv", "--log: found the folder folder.csv"),
        ("--tensorboard", "mine.csv", "--tensorboard: found the file mine.csv, expected a folder"),
        ("--log", "m.csv", "--log: m.csv is the --output, too"),
    ],
)
def test_what_is_there_stays(dnn_xp, tmp_path, option, path, message):
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    (tmp_path / "folder.csv").mkdir()
    more = ("--output", "m.csv") if path == "m.csv" else ()
    code, _, err = dnn_xp(*QUICK, option, path, *more)
    assert code == 2
    assert err.startswith(f"dnn-xp: error: {message}")
    assert err.count("\n") == 1
    assert (tmp_path / "mine.csv").read_text() == "a,b\n1,2\n"
