"""``dnn-xp runs``: which are listed, in which order, with what they differ in."""

import json
import sys

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

pytestmark = pytest.mark.once


@pytest.fixture
def make(tmp_path):
    """Return what makes the folder of a run."""

    def make_run(name, accuracy, *, data="digits", begun="2026-11-28", **options):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        record = {
            "run": {},
            "begun": begun,
            "ending": "completed",
            "settings": {"data": data, "backend": "numpy", "epochs": len(accuracy)},
            "options": {"--layers": "64", "--optimizer": "adam", **options},
        }
        (folder / "run.json").write_text(json.dumps(record))
        lines = [
            {"epoch": i, "cost": 1.0, "validation_accuracy": value}
            for i, value in enumerate(accuracy, 1)
        ]
        (folder / "history.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))
        (folder / "model.h5").touch()
        return folder

    return make_run


def rows(out):
    heading, *lines = [line.split() for line in out.splitlines()]
    return heading, lines


def test_runs_on_the_same_data_stand_together_the_best_first(dnn_xp, make):
    make("a", [0.5, 0.7], **{"--optimizer": "sgd"})
    make("b", [0.9, 0.8])
    make("c", [0.99], data="cats", begun="2026-11-20")
    make("d", [])
    code, out, err = dnn_xp("runs")
    assert (code, err) == (0, "")
    heading, lines = rows(out)
    assert heading == [*("run", "state", "epochs", "best", "at", "epoch"), "data", "optimizer"]
    assert lines == [
        ["runs/b", "done", "2", "accuracy", "90.00%", "1", "digits", "adam"],
        ["runs/a", "done", "2", "accuracy", "70.00%", "2", "digits", "sgd"],
        ["runs/d", "done", "0", "digits", "adam"],
        ["runs/c", "done", "1", "accuracy", "99.00%", "1", "cats", "adam"],
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_many_settings_stand_below_where_they_have_no_room(dnn_xp, make, monkeypatch, width):
    names = ["dropout", "weight-decay", "schedule", "label-smoothing", "early-stopping", "metric"]
    for i, run in enumerate(("2026-12-01_digits", "2026-12-01_digits_2")):
        make(run, [0.5 + i / 4], **{f"--{name}": f"value-{i}" for name in names})
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    out = dnn_xp("runs").out
    listed = out.splitlines()
    assert max(map(len, listed)) <= width
    for folder in ("runs/2026-12-01_digits_2", "runs/2026-12-01_digits"):
        of_run = [line.split() for line in listed if line.split()[:1] == [folder]]
        assert [of_run[0][1], of_run[1][1]] == ["done", "dropout"]  # nothing is broken
    words = " ".join(out.split())
    assert all(f"{name} value-{i}" in words for name in names for i in (0, 1))
    assert "75.00%" in words


def test_a_damaged_run_does_not_stop_the_rest(dnn_xp, make):
    make("a", [0.5])
    (make("b", [0.9]) / "run.json").write_text("{")
    code, out, err = dnn_xp("runs")
    assert code == 0
    assert [line[:2] for line in rows(out)[1]] == [["runs/a", "done"], ["runs/b", "damaged"]]
    assert err.startswith("dnn-xp: warning: runs/b is damaged: run.json cannot be read")
    assert err.count("\n") == 1


def test_runs_as_json(dnn_xp, make):
    make("a", [0.5, None])
    make("b", [0.75])
    code, out, err = dnn_xp("runs", "--json")
    assert (code, err) == (0, "")
    first, second = json.loads(out)["runs"]
    assert (first["folder"], first["best"]["value"]) == ("runs/b", 0.75)
    assert second["last"] == {"cost": 1.0, "validation_accuracy": None}
    assert second["settings"]["layers"] == "64"


def test_one_run_and_none(dnn_xp, make, tmp_path):
    make("a", [0.5])
    assert rows(dnn_xp("runs", "runs/a").out)[1][0][0] == "runs/a"
    (tmp_path / "empty").mkdir()
    assert dnn_xp("runs", "empty").out == "there is no run in empty\n"
    assert json.loads(dnn_xp("runs", "empty", "--json").out) == {"runs": []}


@pytest.mark.parametrize("folder", ["nowhere", "notes.txt", ""])
def test_what_is_no_folder_is_one_line(dnn_xp, tmp_path, folder):
    (tmp_path / "notes.txt").touch()
    code, out, err = dnn_xp("runs", folder)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_what_would_steer_the_terminal_is_shown(dnn_xp, make):
    make("a", [0.5], data="x\x1b[2J")
    make("b", [0.5], data="y")
    assert "\x1b" not in dnn_xp("runs").out
