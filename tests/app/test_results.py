"""What came of a training is shown before it is written, and kept whatever fails then."""

import re
import shutil
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app import results
from dnn_xp.models import load_model, save_model
from tests.app.test_train import facts

QUICK = ("train", "--epochs", "2", "--layers", "8", "--backend", "numpy")


def refusing(path):
    """Return a function in the place of `save_model` whose disk is full at a path."""

    def save(where, model):
        if Path(where).name == path:
            raise OSError(28, "No space left on device", str(where))
        save_model(where, model)

    return save


def test_a_full_disk_costs_nothing(dnn_xp, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "save_model", refusing("m.h5"))
    code, out, err = dnn_xp(*QUICK, "--output", "m.h5")
    shown = facts(out)
    assert code == 1
    assert err == (
        "dnn-xp: error: --output: m.h5: No space left on device; the model is in "
        f"{shown['run']}/model.h5\n"
    )
    assert "held out" in shown["accuracy"]
    assert load_model(tmp_path / shown["run"] / "model.h5").about["epochs"] == 2


def test_where_there_is_no_folder_the_model_is_kept_elsewhere(dnn_xp, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "save_model", refusing("m.h5"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, _, err = dnn_xp(*QUICK, "--output", "m.h5", "--no-run")
    assert code == 1
    where = re.fullmatch(
        r"dnn-xp: error: --output: m\.h5: No space left on device; the model is in (.+)\n", err
    )[1]
    assert Path(where).parent.parent == tmp_path
    assert load_model(where).about["epochs"] == 2


def test_where_no_disk_has_room_that_is_said(dnn_xp, tmp_path, monkeypatch):
    def refuse(where, model):
        raise OSError(28, "No space left on device")

    for module in ("dnn_xp.app.results", "dnn_xp.callbacks.run_folder"):
        monkeypatch.setattr(f"{module}.save_model", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, out, err = dnn_xp(*QUICK, "--output", "m.h5")
    assert code == 1
    warning, error = err.splitlines()
    assert "nothing could be written to model.h5 ([Errno 28] No space left on device)" in warning
    assert error == "dnn-xp: error: --output: m.h5: No space left on device"
    assert "held out" in facts(out)["accuracy"]
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}


@pytest.mark.parametrize("option", ["--output", "--plot"])
def test_a_folder_that_is_gone_is_named(dnn_xp, tmp_path, monkeypatch, option):
    pytest.importorskip("matplotlib")
    (tmp_path / "gone").mkdir()
    real = results.printing.facts

    def remove(*arguments):
        real(*arguments)
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)

    monkeypatch.setattr(results.printing, "facts", remove)
    code, out, err = dnn_xp(*QUICK, option, "gone/f.png")
    assert code == 1
    assert err.startswith(
        f"dnn-xp: error: {option}: gone/f.png: the folder {tmp_path}/gone does not exist"
    )
    assert "held out" in facts(out)["accuracy"]


def test_all_that_fails_is_named(dnn_xp, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(results, "save_model", refusing("m.h5"))

    def refuse(path):
        raise OSError(27, "File too large")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path: refuse(path))
    code, _, err = dnn_xp(*QUICK, "--output", "m.h5", "--plot", "c.png")
    assert code == 1
    assert err.count("\n") == 1
    assert "--output: m.h5: No space left on device; the model is in runs/" in err
    assert err.endswith("; --plot: c.png: File too large\n")


def test_the_figures_come_before_the_files(dnn_xp, monkeypatch, capsys):
    said = []

    def look(where, model):
        said.append(capsys.readouterr().out)
        save_model(where, model)

    monkeypatch.setattr(results, "save_model", look)
    assert dnn_xp(*QUICK, "--output", "m.h5").code == 0
    assert "held out" in facts(said[0])["accuracy"]


def test_both_tables_stand_in_line(dnn_xp):
    out = dnn_xp(*QUICK, "--metric", "top_k_accuracy").out
    table = f"\n{out}"[f"\n{out}".index("\ndata ") :]
    starts = {re.match(r"\S+ +", line).end() for line in table.strip().splitlines()}
    assert len(starts) == 1
