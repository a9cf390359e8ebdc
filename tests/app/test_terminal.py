"""What a person sees: commands on a terminal of a few widths, drawn as a terminal draws them."""

import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pytest

from tests.app.conftest import ROOT

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")
pyte = pytest.importorskip("pyte", reason="the tests of terminals need dnn-xp[test]")
pty, fcntl, termios = (
    pytest.importorskip(name, reason="Windows has no such terminals")
    for name in ("pty", "fcntl", "termios")
)

pytestmark = pytest.mark.once
PATIENCE = 60.0
UNFINISHED = re.compile(r"[━╾─]")


class Seen(NamedTuple):
    """What was seen of a command.

    ``lines`` is what stands on the terminal in the end, ``frames`` are the screens before, and
    ``raw`` is what was written.
    """

    code: int
    lines: list[str]
    frames: list[list[str]]
    raw: str


def screen_lines(screen) -> list[str]:
    return [line.rstrip() for line in screen.display]


# ^C is a signal where it is written to the terminal of a process, as from a keyboard.
OWN_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
DNN_XP = "from dnn_xp.app.cli import main; main()"


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, arguments, folder, columns, code=DNN_XP, **surroundings):
        self.controller, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        names = ("CI", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES")
        kept = {name: value for name, value in os.environ.items() if name not in names}
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL + code, *arguments],
            cwd=folder,
            env=kept
            | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "OMP_NUM_THREADS": "1"}
            | surroundings,
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
        )
        os.close(end)
        self.screen = pyte.Screen(columns, 50)
        self.stream, self.raw, self.frames = pyte.ByteStream(self.screen), b"", []

    def read(self, until=lambda: False) -> float:
        """Read until something is there or the end, and return the time."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if not select.select([self.controller], [], [], 0.01)[0]:
                continue
            written = b""
            with suppress(OSError):  # the other end is closed
                written = os.read(self.controller, 65536)
            if not written:
                return time.monotonic()
            self.raw += written
            self.stream.feed(written)
            self.frames.append(screen_lines(self.screen))
            if until():
                return time.monotonic()
        raise AssertionError(f"nothing came: {self.frames[-1:]}")

    def shows(self, text) -> bool:
        return any(text in line for line in self.screen.display)

    def press_ctrl_c(self) -> float:
        os.write(self.controller, b"\x03")
        return time.monotonic()

    def close(self) -> Seen:
        """Return what was seen, at the end of the command."""
        self.read()
        code = self.process.wait(PATIENCE)
        os.close(self.controller)
        lines = [line for line in screen_lines(self.screen) if line]
        return Seen(code, lines, self.frames, self.raw.decode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a model, and with data that take a while to be learnt."""
    folder = tmp_path_factory.mktemp("terminal")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6000, 300)).astype(np.float32)
    np.savez(folder / "slow.npz", x=x, y=rng.integers(0, 10, 6000))
    ran = subprocess.run(
        [sys.executable, "-m", "dnn_xp", "train", "--epochs", "1", "--output", "m.h5", "--no-run"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return folder


TRAIN = ("train", "--epochs", "3", "--no-run", "--metric", "f1", "--output", "new.h5")
EVALUATE, BACKENDS = ("evaluate", "m.h5", "digits"), ("backends",)


def check_lines(seen, columns):
    """See that no line is longer than the terminal: none was wrapped by it."""
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen.raw)
    for line in re.split(r"\r?\n|\r", plain):
        assert len(line) <= columns


@pytest.mark.parametrize(
    ("command", "columns"),
    [
        *((TRAIN, 60), (TRAIN, 80), (TRAIN, 120), (EVALUATE, 60), (BACKENDS, 60), ((), 60)),
        *((("train", "--help"), columns) for columns in (60, 80, 120)),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else value,
)
def test_on_a_terminal_all_fits(folder, command, columns):
    seen = Terminal(command, folder, columns, DNN_XP_BACKEND="numpy").close()
    assert seen.code == 0, seen.lines
    check_lines(seen, columns)
    for frame in seen.frames:  # one bar at a time
        assert sum(bool(UNFINISHED.search(line)) for line in frame) <= 1
    assert not re.search(r"\x1b\[3[26]m", seen.raw)  # hardly to be read on a light ground
    if command is TRAIN:
        assert any(re.search(r"^model +new\.h5 \([\d.]+ kB\)$", line) for line in seen.lines)


EPOCHS_OF_2_S = """
import time
from dnn_xp.app.train import _Batches as Batches
real = Batches.step
def slowly(shown, run):
    time.sleep(2.0 / run.n_batches)
    real(shown, run)
Batches.step = slowly
"""


def test_a_bar_moves_within_an_epoch(folder):
    """Of two seconds, however fast the machine is."""
    arguments = ("train", "--epochs", "2", "--no-run")
    seen = Terminal(arguments, folder, 80, EPOCHS_OF_2_S + DNN_XP, DNN_XP_BACKEND="numpy").close()
    assert seen.code == 0, seen.lines
    check_lines(seen, 80)
    bars = [line for frame in seen.frames for line in frame if line.startswith("epoch ")]
    assert len({bar.split()[1] for bar in bars if "." in bar.split()[1]}) > 2, bars
    assert len({len(re.findall("[━╾]", bar)) for bar in bars}) > 2, bars


@pytest.mark.parametrize(
    ("command", "columns"), [(TRAIN, 60), (EVALUATE, 80), (("train", "--help"), 60)], ids=str
)
def test_a_dumb_terminal_is_written_to_line_by_line(folder, command, columns):
    seen = Terminal(command, folder, columns, TERM="dumb", DNN_XP_BACKEND="numpy").close()
    assert seen.code == 0, seen.lines
    assert "\x1b" not in seen.raw
    assert "\r" not in seen.raw.replace("\r\n", "\n")
    check_lines(seen, columns)


def test_without_colour_there_is_none(folder):
    seen = Terminal(TRAIN, folder, 60, NO_COLOR="1", DNN_XP_BACKEND="numpy").close()
    assert seen.code == 0, seen.lines
    assert not re.search(r"\x1b\[[\d;]*[34]\d[;m]", seen.raw)
    check_lines(seen, 60)


@pytest.mark.parametrize("command", [TRAIN, ("train", "--help")], ids=str)
def test_in_a_pipe_there_is_text_alone(start, command):
    process = start(*command, DNN_XP_BACKEND="numpy", TERM="xterm-256color")
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert all(line.isprintable() for line in out.splitlines())
    assert not UNFINISHED.search(out)


SLOW_STEP = ("train", "slow.npz", "--layers", "1500,1500", "--batch-size", "4800", "--no-run")


def test_ctrl_c_is_answered_within_a_step_and_leaves_one_bar(folder):
    """In 0.2 s, of a few attempts: others may keep the processors busy meanwhile."""
    waits = []
    for columns in (60, 80, 120, 60, 80, 120):
        terminal = Terminal(SLOW_STEP, folder, columns, DNN_XP_BACKEND="numpy")
        terminal.read(lambda shown=terminal: shown.shows("epoch 0/30"))
        time.sleep(0.3)  # into the first step, which takes a second or more
        pressed = terminal.press_ctrl_c()
        answered = terminal.read(lambda shown=terminal: shown.shows("^C again to stop at once"))
        waits.append(answered - pressed)
        terminal.press_ctrl_c()  # not to wait for it
        seen = terminal.close()
        assert seen.code == 130
        (answer,) = (line for line in seen.lines if "^C again" in line)
        assert re.fullmatch(r"dnn-xp: finishing (this step|up), \^C again to stop at once", answer)
        assert sum(bool(UNFINISHED.search(line)) for line in seen.lines) == 1, seen.lines
        assert seen.lines[-1] == "dnn-xp: interrupted"
        if waits[-1] < 0.2:
            return
    pytest.fail(f"answered after {waits} s")


@pytest.mark.parametrize("columns", [60, 80])
def test_after_ctrl_c_a_run_ends_in_order(folder, columns):
    arguments = ("train", "slow.npz", "--epochs", "10000", "--run", f"r{columns}")
    terminal = Terminal(arguments, folder, columns, DNN_XP_BACKEND="numpy")
    terminal.read(lambda: terminal.shows("cost "))
    terminal.press_ctrl_c()
    seen = terminal.close()
    assert seen.code == 128 + signal.SIGINT
    assert sum(line.startswith("epoch ") for line in seen.lines) == 1, seen.lines  # one bar
    assert "dnn-xp: finishing this step, ^C again to stop at once" in seen.lines
    assert any(line.startswith("accuracy ") for line in seen.lines)
    assert any(f"dnn-xp resume r{columns}" in line for line in seen.lines)
    assert seen.lines[-1] == "dnn-xp: interrupted"


SLOWLY = """
import time
import dnn_xp.app.train as t
real = t.prepare_experiment
def slowly(*given, **options):
    time.sleep(1.5)
    return real(*given, **options)
t.prepare_experiment = slowly
from dnn_xp.app.cli import main
main(["train", "--epochs", "1", "--no-run"])
"""


def test_what_is_read_for_long_is_said_to_be(folder):
    """From the first second on, and only while it is read."""
    seen = Terminal((), folder, 80, SLOWLY, DNN_XP_BACKEND="numpy").close()
    assert seen.code == 0, seen.lines
    assert any(line.startswith("reading ... 00:01") for frame in seen.frames for line in frame)
    assert seen.lines[0].startswith("epoch 1/1 ")
