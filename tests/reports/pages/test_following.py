"""A run's folder, looked at again and again: what is new, and what cannot be read."""

import json
import math
import os

import pytest

from dnn_xp.files.locking import FileLock
from dnn_xp.reports.pages import following
from dnn_xp.reports.pages.following import Follower

pytestmark = pytest.mark.once


def write_record(folder, **more):
    text = json.dumps({"run": {}, "begun": "2026-12-01T10:00:00+00:00", **more})
    (folder / "run.json").write_text(text)


def line(number, **figures):
    return json.dumps({"epoch": number, **figures}) + "\n"


def add(folder, text):
    with (folder / "history.jsonl").open("a") as file:
        file.write(text)


@pytest.fixture
def folder(tmp_path):
    write_record(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _ask_each_time(monkeypatch):
    monkeypatch.setattr(following, "_LOCK_SECONDS", 0.0)


def test_epochs_are_seen_as_they_are_written(folder):
    follower = Follower(folder)
    assert follower.look()
    assert (follower.history, follower.problem) == ({}, "")
    assert not follower.look()
    add(folder, line(1, cost=2.0))
    assert follower.look()
    add(folder, line(2, cost=1.0, validation_cost=None) + '{"epoch": 3, "co')
    assert follower.look()
    assert follower.history["cost"] == [2.0, 1.0]
    assert all(map(math.isnan, follower.history["validation_cost"]))
    assert not follower.look()
    add(folder, 'st": 0.5}\n')  # what was half written
    assert follower.look()
    assert follower.history["cost"] == [2.0, 1.0, 0.5]
    assert len(follower.history["validation_cost"]) == 3


def test_only_what_is_new_is_read(folder, monkeypatch):
    follower, read = Follower(folder), []
    real = following.add_epoch
    monkeypatch.setattr(following, "add_epoch", lambda *a: (read.append(a[1]), real(*a)))
    for number in range(1, 6):
        add(folder, line(number, cost=1.0))
        follower.look()
    assert read == [1, 2, 3, 4, 5]


def test_a_long_file_is_read_in_several_looks(folder, monkeypatch):
    monkeypatch.setattr(following, "_AT_ONCE", 100)
    add(folder, "".join(line(number, cost=1.0) for number in range(1, 41)))
    follower, looks = Follower(folder), 0
    while follower.look():
        looks += 1
    assert len(follower.history["cost"]) == 40
    assert looks > 5


@pytest.mark.parametrize("how", ["shorter", "replaced"])
def test_another_file_is_read_anew(folder, how):
    add(folder, line(1, cost=2.0) + line(2, cost=1.0))
    follower = Follower(folder)
    follower.look()
    path = folder / "history.jsonl"
    if how == "shorter":
        path.write_text(line(1, cost=5.0))
    else:
        other = folder / "other"
        other.write_text(line(1, cost=5.0) + line(2, cost=6.0) + line(3, cost=7.0))
        os.replace(other, path)
    follower.look()
    assert follower.history["cost"][0] == 5.0
    assert len(follower.history["cost"]) == (1 if how == "shorter" else 3)


@pytest.mark.parametrize("text", ["no json\n", '{"epoch": 5, "cost": 1.0}\n', "[]\n", "\xff\n"])
def test_what_is_no_epoch_is_told_until_the_file_is_another(folder, text):
    add(folder, line(1, cost=2.0) + text)
    follower = Follower(folder)
    follower.look()
    assert "line 2 of history.jsonl is no epoch" in follower.problem
    assert follower.history == {"cost": [2.0]}
    assert not follower.look()
    assert follower.problem
    (folder / "history.jsonl").write_text(line(1, cost=1.0))
    follower.look()
    assert follower.problem == ""


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        *(("completed", "done"), ("stopped", "done"), ("diverged", "diverged")),
        *(("interrupted", "interrupted"), (None, "interrupted")),
    ],
)
def test_how_a_run_ended(folder, ending, state):
    write_record(folder, **({"ending": ending} if ending else {}))
    follower = Follower(folder)
    follower.look()
    assert follower.state == state


def test_who_is_at_work_holds_the_lock_and_is_not_disturbed(folder):
    follower = Follower(folder)
    lock = FileLock(folder / "checkpoint")
    before = sorted(folder.iterdir())
    follower.look()
    assert follower.state == ("running" if lock.works else "interrupted")
    assert sorted(folder.iterdir()) == before
    lock.release()
    assert follower.look() is lock.works
    assert follower.state == "interrupted"


def test_a_run_may_begin_later_and_its_folder_may_go(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    follower = Follower(folder)
    follower.look()
    assert (follower.state, follower.problem) == ("waiting", "")
    write_record(folder)
    assert follower.look()
    assert follower.state == "interrupted"
    (folder / "run.json").unlink()
    folder.rmdir()
    assert follower.look()
    assert follower.problem == f"there is no folder {folder}"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": {}, "ending": "eaten"}'])
def test_a_record_that_is_none_is_told(folder, text):
    (folder / "run.json").write_text(text)
    follower = Follower(folder)
    follower.look()
    assert follower.problem
    write_record(folder, ending="completed")
    follower.look()
    assert (follower.state, follower.problem) == ("done", "")
