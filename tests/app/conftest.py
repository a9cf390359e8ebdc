"""Run the command line as a person does: in this process, or in one of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@contextmanager
def signals_stay() -> Iterator[None]:
    """Put back what signals mean, which a command changes for the process that it ends."""
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _signals_stay() -> Iterator[None]:
    with signals_stay():
        yield


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the surroundings may say about the command line."""
    for name in ("CI", "FORCE_COLOR", "NO_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith("DNN_XP_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def dnn_xp(
    bare: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ran]:
    """Return ``dnn_xp("train", "digits")``: a command, run in an empty folder."""
    pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")
    from dnn_xp.app.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ran:
        with signals_stay(), pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(left.value.code, out, err)

    return run


class Started(subprocess.Popen):
    """A process that does not outlive a test that has failed."""

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)


@pytest.fixture
def start(bare: None, tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Return ``start("train")``: a command as a process of its own, in an empty folder."""

    def begin(*arguments: object, code: str | None = None, **surroundings: str):
        program = ["-m", "dnn_xp"] if code is None else ["-c", code]
        return Started(
            [sys.executable, "-W", "error", *program, *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin
