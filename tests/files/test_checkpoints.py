"""Checkpoints: whatever happens to a run or its files, it goes on and ends with the same bits."""

import io
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from itertools import count

import h5py
import numpy as np
import pytest

from dnn_xp import Callback, Dense, EarlyStopping, Network, train
from dnn_xp.files import checkpoints
from dnn_xp.files.checkpoints import (
    Checkpoint,
    CheckpointError,
    CheckpointWarning,
    load_checkpoint,
    save_checkpoint,
)
from dnn_xp.files.sealing import seal
from dnn_xp.training import DivergenceWarning, sgd
from tests.helpers import assert_values
from tests.runs import CASES, StopAfter, assert_same, bits, on_host, train_case

resource = pytest.importorskip("resource", reason="needs limits of a POSIX system")

RICH = "dropout, batch norm, adamw, averages, validation"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


def names(path):
    return sorted(one.name for one in path.parent.iterdir())


def stopped(steps=4, case=RICH, **options):
    return train_case(case, StopAfter(steps), **options).progress


def assert_same_progress(one, other):
    assert_same_parts(on_host(one), on_host(other))


def assert_same_parts(one, other):
    """Compare nested tuples and dictionaries of numbers, texts and arrays."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = [*one.values()], [other[name] for name in one]
    if isinstance(one, tuple | list):
        for actual, desired in zip(one, other, strict=True):
            assert_same_parts(actual, desired)
    elif one is None or isinstance(one, str):
        assert one == other
    else:
        np.testing.assert_array_equal(one, other)
        assert np.asarray(one).dtype == np.asarray(other).dtype


# ----------------------------------------------------------------------------- what is held


@pytest.mark.parametrize("case", CASES)
def test_what_is_saved_is_loaded(path, case):
    progress = stopped(3, case)
    save_checkpoint(path, progress)
    assert_same_progress(load_checkpoint(path), progress)


def test_a_run_goes_on_from_a_file_with_the_same_bits(array, library, path):
    undisturbed = train_case(RICH, array=array)
    for steps in (4,) if library.backend == "dask" else (1, 3, 4):
        save_checkpoint(path, stopped(steps, array=array))
        assert_same(train_case(RICH, array=array, resume=load_checkpoint(path)), undisturbed)


def test_a_run_goes_on_on_another_library(array, path):
    case = "mixup, noise, smoothing, penalties, clipping, weights"
    save_checkpoint(path, stopped(4, case))
    run = train_case(case, array=array, resume=load_checkpoint(path))
    # A few steps of rounding that differs.
    assert_values(run.theta, train_case(case).theta, rtol=1e-11, atol=1e-13)


def test_float32_stays_float32(path):
    def float32(x, dtype=None):
        return np.array(x, dtype or "float32")

    save_checkpoint(path, stopped(array=float32))
    progress = load_checkpoint(path)
    arrays = (progress.state.theta, *progress.state.optimizer, progress.total, progress.kept)
    assert {one.dtype.name for one in arrays} == {"float32"}


class Notes(Callback):
    """Remember one thing of each kind."""

    HELD = {  # noqa: RUF012
        "count": 3,
        "share": 0.1,
        "best": float("inf"),
        "over": False,
        "text": "Käfer",
        "array": np.arange(3, dtype="float32"),
    }

    def state(self):
        return self.HELD


def test_what_callbacks_remember(path):
    progress = train_case(RICH, Notes(), EarlyStopping(3), epochs=1).progress
    save_checkpoint(path, progress)
    held = load_checkpoint(path).callbacks
    assert held.keys() == {"Notes", "EarlyStopping"}
    assert_same_parts(held["Notes"], Notes.HELD)
    kinds = {name: type(value) for name, value in held["Notes"].items()}
    assert kinds == {name: type(value) for name, value in Notes.HELD.items()}


def test_figures_of_any_name_that_are_not_numbers(path):
    history = {"top/5": [1.0, float("nan")], "cost": [0.1 + 0.2, float("inf")]}
    save_checkpoint(path, stopped()._replace(history=history))
    loaded = load_checkpoint(path).history
    assert repr(loaded) == repr(history)


def test_a_checkpoint_of_another_run_is_refused(path):
    save_checkpoint(path, stopped(case="sgd, full batch", steps=1))
    with pytest.raises(ValueError, match=r"another run; optimizer: found .*rate=0\.3.*=0\.2"):
        train_case("sgd, full batch", optimizer=sgd(0.2), resume=load_checkpoint(path))


# ----------------------------------------------------------------------------- the last few


def numbered(steps):
    return stopped()._replace(steps=steps)


@pytest.mark.parametrize(
    ("keep", "left"),
    [(1, ["run.checkpoint"]), (3, ["run.checkpoint", "run.checkpoint.1", "run.checkpoint.2"])],
)
def test_the_last_few_are_kept(path, keep, left):
    for steps in range(5):
        save_checkpoint(path, numbered(steps), keep=keep)
    assert names(path) == left
    assert [load_checkpoint(path.parent / name).steps for name in left] == [4, 3, 2][:keep]


def test_fewer_are_kept_from_now_on(path):
    (path.parent / "run.checkpoint.txt").touch()
    (path.parent / "another.checkpoint.7").touch()
    others = names(path)
    for steps in range(4):
        save_checkpoint(path, numbered(steps), keep=4)
    save_checkpoint(path, numbered(4), keep=2)
    assert names(path) == sorted([*others, "run.checkpoint", "run.checkpoint.1"])


def test_files_of_others_are_not_removed(path):
    other = path.with_name(f"{path.name}.2024")
    other.write_text("years of work")
    path.with_name(f"{path.name}.7").mkdir()
    for steps in range(3):
        save_checkpoint(path, numbered(steps))
    assert other.read_text() == "years of work"
    assert names(path) == [path.name, f"{path.name}.1", f"{path.name}.2024", f"{path.name}.7"]


def test_a_file_with_the_name_of_an_older_one_is_left_alone(path):
    other = path.with_name(f"{path.name}.1")
    other.write_text("years of work")
    with pytest.raises(FileExistsError, match="has the name of an older one") as error:
        save_checkpoint(path, numbered(0))
    assert error.value.filename == str(other)
    assert other.read_text() == "years of work"
    assert names(path) == [other.name]


def test_a_link_stays_a_link(path, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    path.symlink_to(folder / "real")
    for steps in range(2):
        save_checkpoint(path, numbered(steps))
    assert path.is_symlink()
    assert names(folder / "real") == ["real", "real.1"]
    assert load_checkpoint(path).steps == 1


# ----------------------------------------------------------------------------- damage


@pytest.fixture
def two(path):
    """Return the bytes of the newest of two checkpoints."""
    for steps in (1, 2):
        save_checkpoint(path, numbered(steps))
    return path.read_bytes()


def test_where_the_newest_is_damaged_the_one_before_it_is_used(path, two):
    """Cut off or changed at some dozens of places, from the first byte to the last."""
    places = [*range(0, 700, 31), *range(700, len(two), len(two) // 40), len(two) - 1]
    for place in places:
        changed = two[:place] + bytes([two[place] ^ 1]) + two[place + 1 :]
        for damaged in (two[:place], changed):
            path.write_bytes(damaged)
            said = r"run\.checkpoint: .*; .*run\.checkpoint\.1 is used instead"
            with pytest.warns(CheckpointWarning, match=said):
                assert load_checkpoint(path).steps == 1


@pytest.mark.parametrize("content", [b"", b"text", bytes(2000)])
def test_something_else_is_no_checkpoint(path, two, content):
    path.write_bytes(content)
    with pytest.warns(CheckpointWarning, match=r"run\.checkpoint: not a checkpoint that dnn_xp"):
        assert load_checkpoint(path).steps == 1


def test_a_kill_between_two_names_leaves_a_checkpoint(path, two):
    path.rename(f"{path}.1")
    assert load_checkpoint(path).steps == 2


def test_where_none_is_whole_each_is_named(path, two):
    path.write_bytes(two[:-1])
    path.with_name("run.checkpoint.1").write_bytes(b"")
    said = r"run\.checkpoint: damaged or truncated: .*run\.checkpoint\.1: not a checkpoint"
    with pytest.raises(CheckpointError, match=said):
        load_checkpoint(path)


def test_where_there_is_none_it_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint of this name: .*run\.checkpoint"):
        load_checkpoint(path)


def without_theta(file):
    del file["state/theta"]


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda file: file.attrs.update(version=2), "found format version 2, expected up to 1"),
        (without_theta, "not a checkpoint that can be used: .*theta"),
        (lambda file: file["about"].write_direct(np.array("{", dtype="O")), "can be used"),
    ],
)
def test_a_whole_file_of_a_wrong_checkpoint_is_named(path, edit, problem):
    save_checkpoint(path, stopped())
    with h5py.File(path, "r+") as file:
        edit(file)
    path.write_bytes(seal(io.BytesIO(path.read_bytes()), "checkpoint"))
    with pytest.raises(CheckpointError, match=rf"run\.checkpoint: .*{problem}"):
        load_checkpoint(path)


# ----------------------------------------------------------------------------- while training


@pytest.fixture
def written(monkeypatch):
    """Return a list of where a run was, as (steps, batch), when checkpoints were written."""
    places = []

    def note(path, progress, *, keep):
        places.append((progress.steps, progress.batch))
        save_checkpoint(path, progress, keep=keep)

    monkeypatch.setattr(checkpoints, "save_checkpoint", note)
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
    first = train_case("sgd, full batch", Checkpoint(path))
    run = load_checkpoint(path).run

    class Look(Callback):
        def step(self, moment):
            if moment.epoch == 0:
                assert load_checkpoint(path).run != run

    train_case("sgd, full batch", Checkpoint(path), Look(), after=first.progress)


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
def test_what_makes_no_sense_is_refused(path, options, named):
    with pytest.raises(ValueError, match=named):
        Checkpoint(path, **options)


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

    def step(self, moment):
        self.done += 1
        self.full_disk(self.done in self.steps)


def test_a_full_disk_leaves_the_older_ones_and_the_run_goes_on(path, full_disk):
    """It is full after steps 3 and 4, and so at the end."""
    with pytest.warns(CheckpointWarning, match="no checkpoint could be written .*; older") as said:
        run = train_case(RICH, Filling(full_disk, 3, 4), Checkpoint(path, steps=1), StopAfter(4))
    full_disk(False)
    assert len(said) == 3
    assert run.reason == "stopped"
    assert names(path) == ["run.checkpoint", "run.checkpoint.1"]
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
    assert names(path) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_late_leaves_the_older_ones(path, two, call, monkeypatch):
    """One that takes what is written and then does not keep it, or does not give it its name."""

    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    progress = numbered(3)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(path, progress)
    assert path.read_bytes() == two
    assert names(path) == ["run.checkpoint", "run.checkpoint.1"]


def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        train_case(RICH, Checkpoint(tmp_path / "nowhere" / "run.checkpoint"))


# ----------------------------------------------------------------------------- SIGKILL

PROGRAM = """
    import sys
    from pathlib import Path
    from dnn_xp import Callback
    from dnn_xp.files import Checkpoint, load_checkpoint
    from tests.runs import train_case

    class OnDemand(Callback):
        def step(self, moment):
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
    assert names(path) == ["run.checkpoint", "run.checkpoint.1"]  # nothing is left lying about
    ended = load_checkpoint(path)
    undisturbed = train_case(RICH, epochs=20)
    assert_same_parts(
        (*ended.state, ended.history), (*undisturbed.progress.state, undisturbed.history)
    )
    assert bits(train_case(RICH, epochs=20, resume=ended))[3] == undisturbed.reason
