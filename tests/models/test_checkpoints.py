"""Checkpoints: whatever happens to a run or its files, it goes on and ends with the same bits."""

import io
import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from dnn_xp import BatchNorm, Callback, Dense, EarlyStopping, Network, train
from dnn_xp.files.sealing import seal
from dnn_xp.models.checkpoints import (
    CheckpointError,
    CheckpointWarning,
    load_checkpoint,
    save_checkpoint,
)
from dnn_xp.training import adam, sgd
from tests.helpers import assert_values
from tests.runs import (
    CASES,
    StopAfter,
    assert_same,
    assert_same_parts,
    assert_same_progress,
    files_beside,
    train_case,
)

resource = pytest.importorskip("resource", reason="needs limits of a POSIX system")

RICH = "dropout, batch norm, adamw, averages, validation"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


def stopped(steps=4, case=RICH, **options):
    return train_case(case, StopAfter(steps), **options).progress


# ----------------------------------------------------------------------------- what is held


@pytest.mark.parametrize("case", CASES)
def test_what_is_saved_is_loaded(path, case):
    progress = stopped(3, case)
    save_checkpoint(path, progress)
    assert_same_progress(load_checkpoint(path), progress)


def test_a_run_goes_on_from_a_file_with_the_same_bits(array, library, path):
    rich = RICH.replace("batch norm", "batch norm of parts") if library.backend == "dask" else RICH
    undisturbed = train_case(rich, array=array)
    for steps in (4,) if library.backend == "dask" else (1, 3, 4):
        save_checkpoint(path, stopped(steps, rich, array=array))
        assert_same(train_case(rich, array=array, resume=load_checkpoint(path)), undisturbed)


def test_a_run_goes_on_on_another_library(array, library, path):
    case = "mixup, noise, smoothing, penalties, clipping, weights"
    if library.backend == "dask":
        case = case.removeprefix("mixup, ")
    save_checkpoint(path, stopped(4, case))
    run = train_case(case, array=array, resume=load_checkpoint(path))
    # A few steps of rounding that differs.
    assert_values(run.theta, train_case(case).theta, rtol=1e-11, atol=1e-13)


def test_float32_stays_float32(path):
    def float32(x, dtype=None):
        return np.array(x, dtype or "float32")

    save_checkpoint(path, stopped(array=float32))
    progress = load_checkpoint(path)
    arrays = (progress.state.theta, *progress.state.optimizer, progress.state.total, progress.kept)
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
    save_checkpoint(path, stopped()._replace(history=history, epoch=2))
    loaded = load_checkpoint(path).history
    assert repr(loaded) == repr(history)


def test_a_checkpoint_of_another_run_is_refused(path):
    save_checkpoint(path, stopped(case="sgd, full batch", steps=1))
    with pytest.raises(
        ValueError, match=r"another run; optimizer: found sgd\(0\.3\), expected sgd\(0\.2\)"
    ):
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
    assert files_beside(path) == left
    assert [load_checkpoint(path.parent / name).steps for name in left] == [4, 3, 2][:keep]


def test_fewer_are_kept_from_now_on(path):
    (path.parent / "run.checkpoint.txt").touch()
    (path.parent / "another.checkpoint.7").touch()
    others = files_beside(path)
    for steps in range(4):
        save_checkpoint(path, numbered(steps), keep=4)
    save_checkpoint(path, numbered(4), keep=2)
    assert files_beside(path) == sorted([*others, "run.checkpoint", "run.checkpoint.1"])


def test_files_of_others_are_not_removed(path):
    other = path.with_name(f"{path.name}.2024")
    other.write_text("years of work")
    path.with_name(f"{path.name}.7").mkdir()
    for steps in range(3):
        save_checkpoint(path, numbered(steps))
    assert other.read_text() == "years of work"
    assert files_beside(path) == [
        path.name,
        f"{path.name}.1",
        f"{path.name}.2024",
        f"{path.name}.7",
    ]


def test_a_file_with_the_name_of_an_older_one_is_left_alone(path):
    other = path.with_name(f"{path.name}.1")
    other.write_text("years of work")
    with pytest.raises(FileExistsError, match="has the name of an older one") as error:
        save_checkpoint(path, numbered(0))
    assert error.value.filename == str(other)
    assert other.read_text() == "years of work"
    assert files_beside(path) == [other.name]


@pytest.mark.parametrize("keep", [1, 2, 3])
@pytest.mark.parametrize("content", [b"years of work", b"{}", b"\x89HDF", b"\0work"])
def test_a_file_of_another_kind_is_not_replaced(path, keep, content):
    path.write_bytes(content)
    with pytest.raises(FileExistsError, match="no checkpoint, and would be replaced"):
        save_checkpoint(path, train_case("sgd, full batch").progress, keep=keep)
    assert files_beside(path) == [path.name]
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"another first byte"])
def test_what_a_power_cut_left_is_replaced_and_passed_on_to_nobody(path, content):
    progress = train_case("sgd, full batch").progress
    save_checkpoint(path, progress)
    save_checkpoint(path, progress)
    older = path.with_name(f"{path.name}.1").read_bytes()
    path.write_bytes(content)
    save_checkpoint(path, progress)
    assert path.with_name(f"{path.name}.1").read_bytes() == older
    assert load_checkpoint(path).steps == progress.steps


def test_checkpoint_a_link_stays_a_link(path, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    path.symlink_to(folder / "real")
    for steps in range(2):
        save_checkpoint(path, numbered(steps))
    assert path.is_symlink()
    assert files_beside(folder / "real") == ["real", "real.1"]
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


def rewritten(name, value):
    def edit(file):
        del file[name]
        file[name] = value

    return edit


def filled(name, value):
    def edit(file):
        if name.startswith("state/optimizer"):
            held = file["state/optimizer"]
            file_name = next(one for one in held if held[one].shape)
            held[file_name][...] = value
        else:
            file[name][...] = value

    return edit


def noted(**changes):
    def edit(file):
        about = json.loads(file["about"][()]) | changes
        rewritten("about", np.bytes_(json.dumps(about)))(file)

    return edit


def without_theta(file):
    del file["state/theta"]


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda file: file.attrs.update(version=3), "found format version 3, expected 2: .* newer"),
        (lambda file: file.attrs.update(version=1), "found format version 1, expected 2: .* older"),
        (without_theta, "not a checkpoint that can be used: .*theta"),
        (rewritten("about", np.bytes_("{")), "can be used"),
        (rewritten("about", "{}"), "about: found text of variable length, expected text of"),
        (rewritten("kept", np.bytes_("{")), "kept: found .S1, expected numbers"),
        (noted(epoch=10**30, history={}), "epoch: found 10{30}, expected a number of epochs"),
        (noted(epoch="x"), "epoch: found 'x', expected a whole number"),
        (noted(epoch=1.5), "epoch: found 1.5, expected a whole number"),
        (noted(epoch=True), "epoch: found True, expected a whole number"),
        (noted(epoch=-1), "epoch: found -1, expected a whole number"),
        (noted(epoch=7), "history: found the cost of 1 epochs, expected 7"),
        (noted(batch=-1), "batch: found -1, expected a whole number"),
        (noted(batch=None), "batch: found None, expected a whole number"),
        (noted(steps="x"), "steps: found 'x', expected a whole number"),
        (noted(steps=2**60), "steps: found .*, expected a number of epochs, batches or steps"),
        (noted(history={}), "history: found the cost of 0 epochs, expected 1"),
        (noted(history=None), "history: found None, expected a dictionary"),
        (noted(history=[1.0]), "history: found .1.0., expected a dictionary"),
        (noted(history={"cost": 1.0}), "history: found cost 1.0, expected numbers"),
        (noted(history={"cost": ["x"]}), "history: found cost .'x'., expected numbers"),
        (noted(history={"cost": [None]}), "history: found cost .None., expected numbers"),
        (noted(run=None), "run: found None, expected a dictionary"),
        (noted(run=[]), "run: found .., expected a dictionary"),
        (noted(more=1), "about: found run, epoch, batch, steps, history, more"),
        (rewritten("about", np.bytes_("[" * 100_000)), "JSON that is nested too deep"),
        (rewritten("about", np.bytes_("[1]")), "about: found list, expected a dictionary"),
        (filled("state/theta", np.nan), "theta: found values that are not finite"),
        (filled("state/average", np.inf), "average: found values that are not finite"),
        (filled("kept", -np.inf), "kept: found values that are not finite"),
        (filled("finite", np.nan), "finite: found values that are not finite"),
        (filled("state/optimizer/velocity", np.nan), "optimizer: found NaN in its state"),
        (rewritten("state/theta", np.zeros(3)), "kept: found .*, expected floats of the shape"),
        (rewritten("state/theta", np.zeros(3, complex)), "theta: found complex128, expected numb"),
        (rewritten("state/theta", np.float64(1)), "theta: found float64\\(\\), expected floats"),
        (rewritten("kept", np.zeros(99, int)), "kept: found int64.*, expected floats"),
        (rewritten("total", np.zeros(3)), "total: found the shape .3,., expected a number"),
        (rewritten("total", 3), "total: found the shape .., expected a number"),
        (lambda file: file.__delitem__("total"), "total: is not there: found"),
        (lambda file: file.__delitem__("state"), "state: is not there: found"),
        (lambda file: file.attrs.update(version=2.5), "version: found .*2.5.*, expected a whole"),
        (lambda file: file.attrs.__delitem__("version"), "version: found None, expected a whole"),
    ],
)
def test_a_whole_file_of_a_wrong_checkpoint_is_named(path, edit, problem):
    save_checkpoint(path, stopped())
    with h5py.File(path, "r+") as file:
        edit(file)
    path.write_bytes(seal(io.BytesIO(path.read_bytes()), "checkpoint"))
    with pytest.raises(CheckpointError, match=rf"run\.checkpoint: .*{problem}"):
        load_checkpoint(path)


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
    assert files_beside(path) == ["run.checkpoint", "run.checkpoint.1"]


# ----------------------------------------------------------------------------- stored files

STORED = Path(__file__).parent / "data"


def test_a_run_goes_on_from_a_stored_checkpoint_of_version_2():
    """To the bits of one that was never stopped, on the machine on which both run."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 12))
    Y = np.eye(2)[:, (X[0] > 0).astype(int)]
    network = Network(3, (Dense(4, ("elu", 0.5)), BatchNorm(), Dense(2)), "softmax_cross_entropy")
    options = {"optimizer": adam(0.05), "batch_size": 5, "seed": 3, "epochs": 4}
    whole = train(network, X, Y, callbacks=[EarlyStopping(5, monitor="cost")], **options)
    progress = load_checkpoint(STORED / "run-2.checkpoint")
    assert (progress.epoch, progress.batch, progress.steps) == (2, 0, 6)
    stopping = EarlyStopping(5, monitor="cost")
    rest = train(network, X, Y, callbacks=[stopping], resume=progress, **options)
    # Another machine's BLAS rounds in other places.
    np.testing.assert_allclose(rest.theta, whole.theta, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(rest.history["cost"], whole.history["cost"], rtol=1e-9)


def test_a_stored_checkpoint_of_version_1_is_refused_with_a_word():
    with pytest.raises(CheckpointError, match=r"found format version 1, expected 2: .*an older"):
        load_checkpoint(STORED / "run-1.checkpoint")
