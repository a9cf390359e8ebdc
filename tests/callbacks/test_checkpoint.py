"""Checkpoints of a run: when they are written, on a full disk, and when the run is killed."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from itertools import count

import numpy as np
import pytest

from dnn_xp import Callback, Dense, Network, train
from dnn_xp.callbacks import checkpoint
from dnn_xp.callbacks.checkpoint import Checkpoint
from dnn_xp.files import InUseError
from dnn_xp.models.checkpoints import (
    CheckpointWarning,
    load_checkpoint,
    save_checkpoint,
)
from dnn_xp.training import DivergenceWarning, sgd
from tests.runs import (
    StopAfter,
    assert_same,
    assert_same_parts,
    bits,
    files_beside,
    train_case,
)

resource = pytest.importorskip("resource", reason="needs limits of a POSIX system")

RICH = "dropout, batch norm, adamw, averages, validation"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


# ----------------------------------------------------------------------------- while training


@pytest.fixture
def written(monkeypatch):
    """Return a list of where a run was, as (steps, batch), when checkpoints were written."""
    places = []

    def note(path, progress, *, keep):
        places.append((progress.steps, progress.batch))
        save_checkpoint(path, progress, keep=keep)

    monkeypatch.setattr(checkpoint, "save_checkpoint", note)
    return places


@pytest.mark.parametrize(
    ("every", "places"),
    [
        # Of 3 epochs of 3 steps: the last step of an epoch is not yet the end of the epoch.
        ({}, [(0, 0), (9, 0)]),
        ({"epochs": 1}, [(0, 0), (3, 0), (6, 0), (9, 0)]),
        ({"epochs": 2}, [(0, 0), (6, 0), (9, 0)]),
        ({"steps": 2}, [(0, 0), (2, 2), (4, 1), (6, 3), (8, 2), (9, 0)]),
    ],
)
def test_when_they_are_written(path, written, every, places):
    train_case(RICH, Checkpoint(path, **every))
    assert written == places
    assert load_checkpoint(path).steps == 9


def test_written_by_the_clock(path, written, monkeypatch):
    """A clock that goes 1 s on at each look: after a step, an epoch, and writing."""
    clock = count()
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    train_case(RICH, Checkpoint(path, seconds=2))
    assert written == [(0, 0), (2, 2), (3, 0), (5, 2), (6, 0), (8, 2), (9, 0)]


def test_written_where_a_run_is_stopped(path, written):
    train_case(RICH, Checkpoint(path), StopAfter(5))
    assert written == [(0, 0), (5, 2)]
    assert_same(train_case(RICH, Checkpoint(path), resume=load_checkpoint(path)), train_case(RICH))
    assert written == [(0, 0), (5, 2), (9, 0)]
    train_case(RICH, Checkpoint(path), resume=load_checkpoint(path))
    assert written == [(0, 0), (5, 2), (9, 0)]  # nothing was done: nothing is written


def test_it_holds_what_the_callbacks_after_it_remember(path):
    """Also that early stopping has ended the run."""
    case = "early stopping"
    ended = train_case(case, Checkpoint(path, epochs=1))
    assert ended.epochs == 2
    assert_same(train_case(case, resume=load_checkpoint(path)), ended)


def test_a_run_after_another_begins_its_own(path):
    """A kill before its first epoch is over must not leave the other run's checkpoint."""
    train_case("sgd, full batch", Checkpoint(path))
    first_run = load_checkpoint(path).run

    class Look(Callback):
        def step(self, run):
            if run.epoch == 0:
                assert load_checkpoint(path).run != first_run

    train_case("sgd, full batch", Checkpoint(path), Look(), ema_decay=0.5)


def test_a_run_that_diverges_leaves_those_before(path):
    """At a rate of 1e100, b is 1, -1e100, 1e200, -1e300 and then infinite."""
    network, zero = Network(1, (Dense(1),), "squared_error"), np.zeros((1, 4))
    arguments = network, zero, zero, np.array([0.0, 1.0])
    options = {"optimizer": sgd(1e100), "epochs": 50}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", DivergenceWarning)
        run = train(*arguments, callbacks=[Checkpoint(path, epochs=1)], **options)
        assert run.reason.startswith("diverged")
        again = train(*arguments, resume=load_checkpoint(path), **options)
    np.testing.assert_array_equal(again.theta, run.theta)
    assert again.reason == run.reason


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"epochs": 0}, "epochs: found 0"),
        ({"steps": 0}, "steps: found 0"),
        ({"keep": 0}, "keep: found 0"),
        ({"seconds": -1.0}, "seconds: found -1.0, expected a number from 0 on"),
    ],
)
def test_checkpoint_what_makes_no_sense_is_refused(path, options, named):
    with pytest.raises(ValueError, match=named):
        Checkpoint(path, **options)


def test_checkpoint_is_not_one_of_several(path):
    with pytest.raises(ValueError, match=r"callbacks: found Checkpoint\(.* in which each fit has"):
        Checkpoint(path).apart()


# ----------------------------------------------------------------------------- a full disk


@pytest.fixture
def full_disk():
    """Return a function that has the system refuse files of 5,000 bytes, or no more does so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def set_full(full):
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000 if full else soft, hard))

    yield set_full
    set_full(False)


class Filling(Callback):
    """The disk is full after some of the steps."""

    def __init__(self, full_disk, *steps):
        self.full_disk, self.steps, self.done = full_disk, steps, 0

    def step(self, run):
        self.done += 1
        self.full_disk(self.done in self.steps)


def test_a_full_disk_leaves_the_older_ones_and_the_run_goes_on(path, full_disk):
    """It is full after steps 3 and 4, and so at the end."""
    with pytest.warns(CheckpointWarning, match="no checkpoint could be written .*; older") as said:
        run = train_case(RICH, Filling(full_disk, 3, 4), Checkpoint(path, steps=1), StopAfter(4))
    full_disk(False)
    assert len(said) == 3
    assert run.reason == "stopped"
    assert files_beside(path) == ["run.checkpoint", "run.checkpoint.1"]
    assert load_checkpoint(path).steps == 2
    assert_same(train_case(RICH, resume=load_checkpoint(path)), train_case(RICH))


def test_a_disk_that_is_full_for_a_while(path, full_disk):
    with pytest.warns(CheckpointWarning, match="File too large"):
        train_case(RICH, Filling(full_disk, 3), Checkpoint(path, steps=1), StopAfter(4))
    assert load_checkpoint(path).steps == 4


def test_a_disk_that_is_full_from_the_start_is_an_error(path, full_disk):
    full_disk(True)
    with pytest.raises(OSError, match="File too large"):
        train_case(RICH, Checkpoint(path))
    assert files_beside(path) == []


def test_checkpoint_a_folder_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        train_case(RICH, Checkpoint(tmp_path / "nowhere" / "run.checkpoint"))


# ----------------------------------------------------------------------------- two runs


class Meanwhile(Callback):
    """Do something in the first step."""

    def __init__(self, do):
        self.do, self.done = do, False

    def step(self, run):
        if not self.done:
            self.done = True
            self.do()


def test_a_second_run_on_one_checkpoint_is_refused(path):
    def begin():
        with pytest.raises(InUseError, match="is being written by another run"):
            train_case("sgd, full batch", Checkpoint(path))

    run = train_case(RICH, Meanwhile(begin), Checkpoint(path))
    assert load_checkpoint(path).steps == run.progress.steps
    assert files_beside(path) == ["run.checkpoint", "run.checkpoint.1"]
    train_case(RICH, Checkpoint(path), resume=run.progress)  # over: the next one is welcome


def test_a_run_that_fails_lets_the_next_one_write(path):
    def fail():
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        train_case(RICH, Meanwhile(fail), Checkpoint(path))
    train_case(RICH, Checkpoint(path))


def test_a_run_in_another_process_is_refused_until_it_is_killed(path):
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path), RICH]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    with subprocess.Popen(command, env=surroundings, **pipes) as process:
        process.stdout.readline()
        assert process.stdout.readline() == b"step\n"
        with pytest.raises(InUseError):
            train_case(RICH, Checkpoint(path))
        process.kill()
        process.wait()
    train_case(RICH, Checkpoint(path))


def test_where_there_are_no_locks_a_warning_says_so(path, monkeypatch):
    monkeypatch.setattr("dnn_xp.files.locking.fcntl", None)
    with pytest.warns(CheckpointWarning, match="cannot be locked here"):
        train_case("sgd, full batch", Checkpoint(path))
    assert load_checkpoint(path).epoch == 3


# ----------------------------------------------------------------------------- SIGKILL

PROGRAM = """
    import sys
    from pathlib import Path
    from dnn_xp import Callback
    from dnn_xp import Checkpoint, load_checkpoint
    from tests.runs import train_case

    class OnDemand(Callback):
        def step(self, run):
            print("step", flush=True)
            sys.stdin.readline()

    path = Path(sys.argv[1])
    resume = load_checkpoint(path) if any(path.parent.glob(path.name + "*")) else None
    print(resume.steps if resume else 0, flush=True)
    train_case(sys.argv[2], OnDemand(), Checkpoint(path, steps=1), epochs=20, resume=resume)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a POSIX kill")
def test_a_run_that_is_killed_ends_with_the_same_bits(path):
    """Five times, a few steps on: within a step, a write, between two names."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path), RICH]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    begun_at = []
    for _ in range(5):
        with subprocess.Popen(command, env=surroundings, **pipes) as process:
            begun_at.append(int(process.stdout.readline()))
            for _ in range(random.randint(2, 8)):
                assert process.stdout.readline() == b"step\n"
                process.stdin.write(b"\n")
            time.sleep(random.uniform(0.0, 0.01))  # about as long as a checkpoint takes
            process.kill()
        assert process.returncode == -signal.SIGKILL
    done = subprocess.run(command, check=True, env=surroundings, capture_output=True, input=b"")
    begun_at.append(int(done.stdout.split()[0]))
    assert begun_at == sorted(set(begun_at))  # each goes on from where another came to
    assert 0 < begun_at[-1] < 60  # it did go on, and there was something left to do
    assert files_beside(path) == [
        "run.checkpoint",
        "run.checkpoint.1",
    ]  # nothing is left lying about
    ended = load_checkpoint(path)
    undisturbed = train_case(RICH, epochs=20)
    assert_same_parts(
        (*ended.state, ended.history), (*undisturbed.progress.state, undisturbed.history)
    )
    assert bits(train_case(RICH, epochs=20, resume=ended))[3] == undisturbed.reason
