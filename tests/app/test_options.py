"""Which backend a command runs on: the option, else the environment, else the default."""

import inspect

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp import backends
from dnn_xp.app.errors import UserError
from dnn_xp.app.options import computing

pytestmark = pytest.mark.usefixtures("bare")


def test_the_option_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "abacus")
    with computing("numpy", None) as backend:
        assert backend.name == "numpy"
        assert backends.current_backend() is backend


def test_the_environment_goes_before_the_default(monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "numpy")
    monkeypatch.setenv("DNN_XP_DEVICE", "cpu")
    with computing(None, None) as backend:
        assert backend == backends.open_backend("numpy", "cpu")


def test_afterwards_the_backend_is_what_it_was():
    with backends.use_backend("numpy") as before:
        with computing("numpy", "cpu"):
            assert backends.current_backend() != before
        assert backends.current_backend() is before


def test_an_error_says_where_the_name_comes_from(monkeypatch):
    monkeypatch.setenv("DNN_XP_BACKEND", "abacus")
    with (
        pytest.raises(UserError, match=r"'abacus'.*\(from DNN_XP_BACKEND\)"),
        computing(None, None),
    ):
        pass
    with pytest.raises(UserError, match=r"'sliderule'.*array-api-strict$"):
        computing("sliderule", None).__enter__()


def test_float64_is_there_where_it_is_asked_for(library):
    with computing(library.backend, library.device):
        assert backends.dtype_name(backends.from_host(1.0, dtype="float64").dtype) == "float64"


PATHS = [
    *(("train", f"--{name}") for name in ("run", "output", "plot", "checkpoint", "data-dir")),
    *(("resume", f"--{name}") for name in ("output", "plot", "checkpoint")),
    *((name, option) for name in ("train", "resume") for option in ("--log", "--tensorboard")),
    ("range-test", "--plot"),
    ("range-test", "--data-dir"),
    ("article", "--data-dir"),
    ("evaluate", "m.h5", "digits", "--data-dir"),
    ("evaluate", "model"),
    ("predict", "model"),
    ("predict", "m.h5", "a.png", "--output"),
    ("resume", "run"),
    ("train", "data"),
    ("plot", "curves", "--output"),
    ("plot", "curves", "--data-dir"),
    ("runs", "folder"),
    ("watch", "run"),
    ("report", "--output"),
    ("report", "--data-dir"),
]


@pytest.mark.parametrize("words", PATHS, ids=" ".join)
def test_an_empty_text_is_no_path(dnn_xp, tmp_path, words):
    """As a shell makes it of a variable that is not set: it would be the current folder."""
    *command, name = words
    arguments = ([f"{name}="], [name, ""]) if name.startswith("-") else ([""],)
    rest = {"evaluate": ["digits"], "predict": ["a.png"]}.get(command[0], [])
    for given in arguments:
        code, out, err = dnn_xp(*command, *given, *(rest if len(command) == 1 else []))
        assert (code, out) == (2, "")
        assert err.startswith(f"dnn-xp: error: {name}: found '', expected ")
        assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_every_option_that_is_a_path_is_tried(dnn_xp):
    """A new one belongs into the table above."""
    import typer

    from dnn_xp.app.commands import app

    commands = typer.main.get_command(app).commands
    found = {
        (name, option.opts[0].lstrip("-"))
        for name, command in commands.items()
        for option in command.params
        if "Path" in str(inspect.signature(command.callback).parameters.get(option.name))
    }
    tried = {(command, name.lstrip("-")) for command, *_, name in PATHS}
    assert found <= tried
