"""Completion by a shell: as the scripts of the shells ask for it, and where it is installed."""

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp import backends
from dnn_xp.app.completion import SHELLS, data_names, model_names, run_names, with_shell
from dnn_xp.app.optimization import LBFGS, OPTIMIZERS, SCHEDULES
from dnn_xp.data.tasks import TASKS
from dnn_xp.functions.activations import ACTIVATIONS

pytestmark = pytest.mark.once


@pytest.fixture
def completed(dnn_xp, monkeypatch):
    """Return ``completed("dnn-xp train --opt")``: what bash would offer for the last word."""

    def ask(line: str) -> list[str]:
        monkeypatch.setenv("_DNN_XP_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        code, out, err = dnn_xp()
        assert (code, err) == (0, "")
        return out.split()

    return ask


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dnn-xp tr", ["train"]),
        ("dnn-xp ev", ["evaluate"]),
        ("dnn-xp wa", ["watch"]),
        ("dnn-xp watch --o", ["--open"]),
        ("dnn-xp train --opti", ["--optimizer"]),
        ("dnn-xp train --label", ["--label-smoothing"]),
        ("dnn-xp train --optimizer ", [*OPTIMIZERS, LBFGS]),
        ("dnn-xp train --optimizer ada", ["adam", "adamw", "adagrad"]),
        ("dnn-xp train --schedule co", ["constant", "cosine"]),
        ("dnn-xp train --schedule ", [*SCHEDULES]),
        ("dnn-xp train --activation ", [*ACTIVATIONS]),
        ("dnn-xp train --metric roc", ["roc_auc"]),
        ("dnn-xp train --backend ", ["auto", *backends.BACKENDS]),
        ("dnn-xp train --task ", [*TASKS]),
        ("dnn-xp train --group ", [*backends.GROUP_NAMES]),
        ("dnn-xp train --dtype ", ["float32", "float64"]),
        ("dnn-xp train --norm ", ["batch", "layer"]),
        ("dnn-xp train --class-weight b", ["balanced"]),
        ("dnn-xp train d", ["digits"]),
        ("dnn-xp range-test --optimizer li", ["lion"]),
        ("dnn-xp verify --backend jax", ["jax"]),
        ("dnn-xp --show-completion fi", ["fish"]),
        ("dnn-xp train --output ", []),  # a shell goes on with files
        ("dnn-xp train --log l", []),
        ("dnn-xp train --optimizer nonsense", []),
    ],
)
def test_what_bash_offers(completed, line, offered):
    assert sorted(completed(line)) == sorted(offered)


@pytest.mark.parametrize(
    ("shell", "expected"),
    [("zsh", '"rmsprop"'), ("fish", "rmsprop")],
)
def test_other_shells_are_told_the_same(dnn_xp, monkeypatch, shell, expected):
    monkeypatch.setenv("_DNN_XP_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "dnn-xp train --optimizer rms")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    code, out, err = dnn_xp()
    assert (code, err) == (0, "")
    assert expected in out


def test_files_here_are_offered_as_what_they_can_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.npz", "b.CSV", "c.h5", "notes.txt", ".hidden.npz", "two words.npz"):
        (tmp_path / name).touch()
    (tmp_path / "pets").mkdir()
    for name, file in (("one", "model.h5"), ("two", "run.json")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / file).touch()
    assert data_names("") == ["digits", "cats", "a.npz", "b.CSV", "c.h5", "pets", "runs"]
    assert data_names("pe") == ["pets"]
    assert data_names("elsewhere/") == []
    assert model_names("") == ["c.h5", "runs/one"]
    assert model_names("runs/o") == ["runs/one"]
    assert run_names("") == ["runs/two"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_each_shell_asks_us(dnn_xp, shell):
    code, out, err = dnn_xp("--show-completion", shell)
    assert (code, err) == (0, "")
    assert "_DNN_XP_COMPLETE" in out
    assert "dnn-xp" in out


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", ".bash_completions/dnn-xp.sh"),
        ("zsh", ".zfunc/_dnn-xp"),
        ("fish", ".config/fish/completions/dnn-xp.fish"),
    ],
)
def test_the_script_is_put_where_the_shell_finds_it(dnn_xp, tmp_path, monkeypatch, shell, place):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".bashrc").write_text("alias ll='ls -l'")
    (tmp_path / ".zshrc").write_text("alias ll='ls -l'")
    for _ in range(2):
        code, out, err = dnn_xp("--install-completion", shell)
        assert (code, err) == (0, "")
        assert out == f"completion for {shell} is in {tmp_path / place}: open a new terminal\n"
    script = (tmp_path / place).read_text().strip()
    assert script == dnn_xp("--show-completion", shell).out.strip()
    assert "alias ll='ls -l'" in (tmp_path / ".bashrc").read_text()
    assert (tmp_path / ".bashrc").read_text().count("dnn-xp.sh") == (shell == "bash")


@pytest.mark.parametrize("shell", ["", "Bash", "tcsh", "/bin/bash", "bash zsh"])
@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_another_shell_is_refused(dnn_xp, tmp_path, option, shell):
    code, out, err = dnn_xp(option, shell)
    assert (code, out) == (2, "")
    assert err.startswith(f"dnn-xp: error: completion: found the shell {shell!r}, expected one of ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_shell_is_that_of_the_surroundings_where_none_is_named(monkeypatch):
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert with_shell(["--show-completion"]) == ["--show-completion", "zsh"]
    assert with_shell(["--install-completion", "fish"]) == ["--install-completion", "fish"]
    assert with_shell(["train"]) == ["train"]
    assert with_shell([]) == []
