"""Standard output that is full, closed or read no more ends no command."""

import errno
import io
import os
import subprocess
import sys

import pytest

from dnn_xp.app.streams import Output, standard_streams
from dnn_xp.models import load_model

TRAIN = ("train", "--epochs", "3", "--layers", "8", "--output", "m.h5")
needs_app = pytest.mark.usefixtures("app")
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


@pytest.fixture
def app():
    pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")


class Broken(io.StringIO):
    """A stream that fails after some characters."""

    def __init__(self, number, room=0):
        super().__init__()
        self.number, self.room = number, room

    def write(self, text):
        if len(self.getvalue()) + len(text) > self.room:
            raise OSError(self.number, os.strerror(self.number))
        return super().write(text)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG])
def test_what_cannot_be_written_is_told_once_and_let_be(number):
    told, stream = [], Broken(number, room=6)
    output = Output(stream, told.append)
    assert [output.write(text) for text in ("first\n", "second\n", "x")] == [6, 7, 1]
    output.flush()
    assert stream.getvalue() == "first\n"
    assert [error.errno for error in told] == [number]
    assert output.lost


def test_a_reader_that_has_gone_is_no_problem():
    told = []
    output = Output(Broken(errno.EPIPE), told.append)
    output.write("nobody reads this")
    assert (told, output.lost) == ([], False)


def test_what_fails_only_when_it_is_handed_on():
    class Late(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    told = []
    output = Output(Late(), told.append)
    output.write("text")
    output.flush()
    assert output.lost


def test_all_else_is_asked_of_the_stream():
    output = Output(io.TextIOWrapper(io.BytesIO(), encoding="ascii"), print)
    assert (output.encoding, output.isatty()) == ("ascii", False)


def test_the_streams_are_put_back(capsys):
    before = sys.stdout, sys.stderr
    with standard_streams() as output:
        assert sys.stdout is output
        print("said")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "said\n"


def run(tmp_path, redirections, *arguments):
    """Run a command in a shell."""
    words = [sys.executable, "-W", "error", "-m", "dnn_xp", *arguments]
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirections}', "bash", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def kept(tmp_path):
    return load_model(tmp_path / "m.h5", backend="numpy").about["epochs"]


@needs_app
@needs_full
@pytest.mark.parametrize("buffered", [True, False])
def test_standard_output_that_is_full_is_named(tmp_path, monkeypatch, buffered):
    if not buffered:
        monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    ran = run(tmp_path, "> /dev/full", *TRAIN)
    said = "dnn-xp: warning: standard output: No space left on device; what follows is not shown\n"
    assert (ran.returncode, ran.stderr) == (1, said)
    assert kept(tmp_path) == 3


@needs_app
@needs_full
@pytest.mark.parametrize("command", ["--help", "--version"])
def test_each_command_names_it(tmp_path, command):
    ran = run(tmp_path, "> /dev/full", command)
    assert ran.returncode == 1
    assert ran.stderr.startswith("dnn-xp: warning: standard output: No space left on device")
    assert ran.stderr.count("\n") == 1


@needs_app
@pytest.mark.parametrize(
    ("redirections", "is_heard"),
    [
        (">&-", False),
        (">&- 2>&-", False),
        ("2>&-", True),
        ("2>/dev/full", True),
        ("<&- >&- 2>&-", False),
    ],
)
def test_streams_that_are_closed_leave_silence(tmp_path, redirections, is_heard):
    if "/dev/full" in redirections and not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    ran = run(tmp_path, redirections, *TRAIN, "--resume-or-start", "--checkpoint", "c")
    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr
    assert (ran.stdout != "") is is_heard
    assert "warning" not in ran.stdout  # what is said on stderr does not go elsewhere
    assert kept(tmp_path) == 3


@needs_app
@pytest.mark.parametrize("reader", ["true", "head -1", "head -c 5"])
def test_a_reader_that_has_seen_enough_does_not_end_the_training(tmp_path, reader):
    ran = run(tmp_path, f"| {reader}; exit ${{PIPESTATUS[0]}}", *TRAIN)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert kept(tmp_path) == 3


@needs_app
def test_errors_are_told_where_standard_output_is_closed(tmp_path):
    ran = run(tmp_path, ">&-", "train", "--epochs", "0")
    assert ran.returncode == 2
    assert "--epochs" in ran.stderr
    assert ran.stderr.count("\n") == 1
