"""The way in: exit codes, one line for each error, and what is no error of the user's."""

import os
import re
import signal
import subprocess
import sys

import pytest

import dnn_xp as package
from dnn_xp.app import cli

NEEDS_APP = "the command line needs dnn-xp[app]"

BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "{blocked}":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
from dnn_xp.app.cli import main
main(["train"])
"""


def one_line(err: str) -> str:
    assert err.startswith("dnn-xp: error: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nonsense"], "nonsense"),
        (["train", "--nonsense"], "--nonsense"),
        (["train", "digits", "cats"], "cats"),
        (["train", "nowhere.npz"], "nowhere.npz"),
        (["train", "nonsense"], "nonsense"),
        (["train", "cats"], "--data-dir"),
        (["train", "cats", "--data-dir", "nowhere"], "nowhere"),
        (["train", "--layers", "64,x"], "--layers"),
        (["train", "--layers", "64,0"], "--layers"),
        (["train", "--activation", "step"], "step"),
        (["train", "--epochs", "0"], "--epochs"),
        (["train", "--epochs", "many"], "--epochs"),
        (["train", "--batch-size", "0"], "--batch-size"),
        (["train", "--seed", "-1"], "--seed"),
        (["train", "--optimizer", "luck"], "--optimizer"),
        (["train", "--learning-rate", "0"], "--learning-rate"),
        (["train", "--learning-rate", "nan"], "--learning-rate"),
        (["train", "--schedule", "luck"], "--schedule: found 'luck'"),
        (["train", "--warm-up", "30"], "--warm-up: found 30, expected"),
        (["train", "--clip-norm", "0"], "--clip-norm: found 0"),
        (["train", "--ema-decay", "1"], "--ema-decay: found 1"),
        (["train", "--class-weight", "heavy"], "--class-weight"),
        (["train", "--metric", "luck"], "--metric: found 'luck', expected one of accuracy"),
        (["train", "--metric", "roc_auc"], "--metric: found 'roc_auc', expected one of"),
        (["train", "--dtype", "float8"], "--dtype"),
        (["train", "--backend", "abacus"], "abacus"),
        (["train", "--device", "cuda:77"], "cuda:77"),
        (["train", "--output", "nowhere/model.h5"], "--output: the folder nowhere"),
        (["train", "--output", "."], "--output"),
        (["train", "--plot", "curve.txt"], "--plot"),
        (["train", "--plot", "nowhere/curve.png"], "--plot"),
        (["train", "--plot", "same.png", "--output", "same.png"], "--output"),
        (["evaluate"], "Missing argument"),
        (["evaluate", "nowhere.h5", "digits"], "nowhere.h5: No such file"),
        (["predict", "nowhere.h5", "cat.png"], "nowhere.h5"),
        (["verify", "--backend", "abacus"], "abacus"),
        (["article", "--data-dir", "nowhere"], "nowhere"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_cli_bad_input_is_one_line(dnn_xp, arguments, named):
    code, out, err = dnn_xp(*arguments)
    assert code == 2
    assert named in one_line(err)
    assert out == ""


def test_a_damaged_model_is_one_line(dnn_xp, tmp_path):
    (tmp_path / "model.h5").write_bytes(b"dnn_xp model\nsha256 ")
    code, _, err = dnn_xp("evaluate", "model.h5", "digits")
    assert code == 2
    assert "model.h5: damaged" in one_line(err)


def test_the_data_are_not_overwritten(dnn_xp, tmp_path):
    (tmp_path / "data.h5").write_bytes(b"years of work")
    code, _, err = dnn_xp("train", "data.h5", "--output", "data.h5")
    assert code == 2
    assert "overwritten" in one_line(err)
    assert (tmp_path / "data.h5").read_bytes() == b"years of work"


@pytest.mark.parametrize(
    ("variable", "value"), [("DNN_XP_BACKEND", "abacus"), ("DNN_XP_DEVICE", "cuda:77")]
)
@pytest.mark.parametrize("command", ["train", "backends", "verify"])
def test_a_bad_environment_is_one_line(dnn_xp, monkeypatch, command, variable, value):
    monkeypatch.setenv(variable, value)
    code, _, err = dnn_xp(command)
    assert code == 2
    assert value in one_line(err)
    assert f"(from {variable})" in err


@pytest.mark.parametrize("blocked", ["typer", "rich"])
def test_without_the_extra_it_is_named(start, blocked):
    process = start(code=BLOCKED.format(blocked=blocked))
    out, err = process.communicate()
    assert process.returncode == 2
    assert out == ""
    assert "pip install 'dnn-xp[app]'" in one_line(err)


def test_a_bug_keeps_its_traceback(dnn_xp, monkeypatch):
    def broken(*_, **__):
        raise ValueError("a bug in training")

    monkeypatch.setattr("dnn_xp.app.train.run_experiment", broken)
    with pytest.raises(ValueError, match="a bug in training"):
        cli.main(["train"])


def test_ctrl_c_anywhere_is_130(dnn_xp, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("dnn_xp.app.train.prepare_experiment", interrupted)
    code, _, err = dnn_xp("train")
    assert code == 130
    assert err == "dnn-xp: interrupted\n"


def test_version(dnn_xp):
    assert dnn_xp("--version") == (0, f"dnn-xp {package.__version__}\n", "")


def test_a_process_of_its_own(start):
    pytest.importorskip("typer", reason=NEEDS_APP)
    process = start("train", "--epochs", "2")
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert err == ""
    assert out.isascii()
    assert "\x1b" not in out
    assert "\r" not in out
    assert len(re.findall("^epoch ", out, re.MULTILINE)) == 2

    process = start("train", "--layers", "x")
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    one_line(err)


def test_names_that_the_terminal_cannot_show_are_no_error(start):
    pytest.importorskip("typer", reason=NEEDS_APP)
    process = start("train", "ключ.npz", PYTHONIOENCODING="ascii")
    _, err = process.communicate()
    assert process.returncode == 2
    assert r"\u043a\u043b\u044e\u0447.npz" in one_line(err)


@pytest.mark.parametrize(("number", "name"), [(143, "SIGTERM"), (129, "SIGHUP")])
def test_other_signals_have_codes_of_their_own(dnn_xp, monkeypatch, number, name):
    def stopped(*_, **__):
        import typer

        raise typer.Exit(number)

    monkeypatch.setattr("dnn_xp.app.train.prepare_experiment", stopped)
    assert dnn_xp("train") == (number, "", f"dnn-xp: stopped by {name}\n")


INTERRUPTED_WHILE_LOADING = """
import sys
class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            {how}
sys.meta_path.insert(0, Interrupter())
from dnn_xp.app.cli import main
main(["train"])
"""


@pytest.mark.parametrize(
    "module",
    [
        *("signal", "dnn_xp.app.streams", "dnn_xp.app.errors", "numpy", "dnn_xp.backends"),
        *("typer", "rich.console", "dnn_xp.app.commands", "dnn_xp.training"),
    ],
)
def test_ctrl_c_while_loading_is_one_line(start, module):
    pytest.importorskip("typer", reason=NEEDS_APP)
    how = "raise KeyboardInterrupt"
    process = start(code=INTERRUPTED_WHILE_LOADING.format(module=module, how=how))
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "dnn-xp: interrupted\n")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_while_a_class_is_made_has_its_own_code(bare, tmp_path, name, code):
    """Out of an `exec`, an interrupt that is caught would still end Python by SIGINT."""
    pytest.importorskip("typer", reason=NEEDS_APP)
    how = f"exec('import signal; signal.raise_signal(signal.{name})')"
    (tmp_path / "program.py").write_text(
        INTERRUPTED_WHILE_LOADING.format(module="dnn_xp.training", how=how)
    )
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "program"]  # a script, or a text, ends otherwise
    ran = subprocess.run(command, env=surroundings, cwd=tmp_path, capture_output=True, check=False)
    assert ran.returncode == code
