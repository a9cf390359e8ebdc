"""What a callback will write is tried before the first step, at every door, and is one's own."""

import os
from pathlib import Path

import numpy as np
import pytest

from dnn_xp import Callback, Dense, Network, train
from dnn_xp.callbacks import (
    Checkpoint,
    CSVLog,
    JSONLinesLog,
    RunFolder,
    RunFolderWarning,
    TensorBoard,
    run_folder,
)
from dnn_xp.callbacks.run_folder import HISTORY
from dnn_xp.files import InUseError

X = np.ones((2, 4))


class Steps(Callback):
    taken = 0

    def step(self, run):
        self.taken += 1


def run(*callbacks, **options):
    network = Network(2, (Dense(1),), "squared_error")
    return train(network, X, X[:1], epochs=2, callbacks=callbacks, **options)


def a_folder(tmp_path):
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


def under_a_file(tmp_path):
    (tmp_path / "file").write_text("years of work")
    return tmp_path / "file" / "below"


def nowhere(tmp_path):
    return tmp_path / "no" / "where"


def a_link_to_nowhere(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "no" / "where")
    return tmp_path / "link"


def where_nobody_may_write(tmp_path):
    if not Path("/proc/self").is_dir():
        pytest.skip("needs /proc")
    return Path("/proc/here")


PLACES = [a_folder, under_a_file, nowhere, a_link_to_nowhere, where_nobody_may_write]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [Checkpoint, CSVLog, JSONLinesLog])
@pytest.mark.parametrize("goes_on", [False, True])
def test_a_file_that_cannot_be_written_ends_the_run_before_it_begins(
    tmp_path, kind, place, goes_on
):
    steps, path = Steps(), place(tmp_path)
    before = run(Checkpoint(tmp_path / "before")).progress if goes_on else None
    with pytest.raises(OSError, match=r"found|exist|directory|File|denied|permitted"):
        run(kind(path), steps, resume=before)
    assert steps.taken == 0


def test_a_checkpoint_that_cannot_be_replaced_ends_a_run_that_goes_on(tmp_path, monkeypatch):
    """The newest is there, so that none is written at the beginning."""
    before, path = run(Checkpoint(tmp_path / "c")).progress, tmp_path / "c"
    content, steps = path.read_bytes(), Steps()

    def refuse(path):
        raise PermissionError(f"path: found {path}, which may not be written")

    monkeypatch.setattr("dnn_xp.callbacks.checkpoint.try_replacing", refuse)
    with pytest.raises(PermissionError, match="may not be written"):
        run(Checkpoint(path), steps, resume=before)
    assert steps.taken == 0
    assert path.read_bytes() == content


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
@pytest.mark.parametrize("place", [under_a_file, where_nobody_may_write])
def test_a_folder_for_tensorboard_that_cannot_be_made_ends_the_run_before_it_begins(
    tmp_path, place
):
    pytest.importorskip("tensorboard")
    steps = Steps()
    with pytest.raises(OSError, match=r"directory|File|denied|permitted"):
        run(TensorBoard(place(tmp_path)), steps)
    assert steps.taken == 0


@pytest.mark.parametrize("name", ["model.h5", "history.jsonl", "checkpoint"])
def test_a_folder_with_something_else_by_a_name_of_a_run_is_refused_at_once(tmp_path, name):
    (tmp_path / "r" / name).mkdir(parents=True)
    steps = Steps()
    with pytest.raises(FileExistsError, match="another run in this folder"):
        run(steps, RunFolder(tmp_path / "r"))
    assert steps.taken == 0


@pytest.mark.parametrize("name", ["model.h5", "run.json"])
def test_what_a_folder_cannot_keep_is_said_before_the_training(tmp_path, monkeypatch, name):
    real, said_by_then = run_folder.try_replacing, []

    def refuse(path):
        if path.name == name:
            raise PermissionError(f"path: found {path}, which may not be written")
        return real(path)

    class Look(Callback):
        def step(self, run):
            said_by_then.append([str(one.message) for one in said])

    monkeypatch.setattr(run_folder, "try_replacing", refuse)
    with pytest.warns(RunFolderWarning) as said:
        run(Look(), RunFolder(tmp_path / "r"))
    assert len(said_by_then[0]) == 1
    assert f"{name}, which may not be written" in said_by_then[0][0]


# ----------------------------------------------------------------------------- two on one path


def the_same(path):
    return path


def seen_from_here(path):
    return os.path.relpath(path)


def by_a_link(path):
    link = path.with_name("link")
    link.symlink_to(path)
    return link


def by_a_detour(path):
    (path.parent / "below").mkdir()
    return path.parent / "below" / ".." / path.name


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
@pytest.mark.parametrize("again", [the_same, seen_from_here, by_a_link, by_a_detour])
@pytest.mark.parametrize(
    ("first", "second"),
    [(CSVLog, CSVLog), (JSONLinesLog, JSONLinesLog), (CSVLog, JSONLinesLog), (Checkpoint, CSVLog)],
)
def test_two_callbacks_on_one_path_are_refused(tmp_path, first, second, again):
    pytest.importorskip("fcntl", reason="needs locks")
    path, steps = tmp_path / "file", Steps()
    with pytest.raises(InUseError, match="writ"):
        run(first(path), second(again(path)), steps)
    assert steps.taken == 0
    alone = first(path)
    assert run(alone).epochs == 2  # each by itself, and nothing is locked any more
    assert not [one for one in tmp_path.iterdir() if one.suffix == ".lock"]


def test_a_log_in_the_place_of_that_of_a_folder_is_refused(tmp_path):
    pytest.importorskip("fcntl", reason="needs locks")
    (tmp_path / "r").mkdir()
    steps = Steps()
    with pytest.raises(InUseError, match="of its own"):
        run(RunFolder(tmp_path / "r"), JSONLinesLog(tmp_path / "r" / HISTORY), steps)
    assert steps.taken == 0


@pytest.mark.parametrize("kind", [CSVLog, JSONLinesLog])
def test_two_runs_at_once_on_one_log_are_refused(tmp_path, kind):
    pytest.importorskip("fcntl", reason="needs locks")

    class Meanwhile(Callback):
        def epoch(self, _):
            with pytest.raises(InUseError, match="another callback or another run"):
                run(kind(tmp_path / "log"))

    run(kind(tmp_path / "log"), Meanwhile())
    text = (tmp_path / "log").read_text()
    run(kind(tmp_path / "log"))
    assert (tmp_path / "log").read_text() == text


def test_a_log_that_failed_lets_the_next_one_write(tmp_path):
    class Fail(Callback):
        def step(self, run):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run(CSVLog(tmp_path / "log"), Fail())
    run(CSVLog(tmp_path / "log"))
