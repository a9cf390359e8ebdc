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


def test_a_file_that_was_cut_and_has_grown_since_is_read_anew(folder):
    add(folder, line(1, cost=2.0) + line(2, cost=1.0))
    follower = Follower(folder)
    follower.look()
    (folder / "history.jsonl").write_text("".join(line(n, cost=10.0 + n) for n in range(1, 9)))
    follower.look()
    assert follower.history == {"cost": [10.0 + n for n in range(1, 9)]}


def test_of_a_long_file_it_is_known_that_there_is_more(folder, monkeypatch):
    monkeypatch.setattr(following, "_AT_ONCE", 100)
    add(folder, "".join(line(number, cost=1.0) for number in range(1, 11)))
    follower = Follower(folder)
    follower.look()
    assert follower.is_behind
    while follower.is_behind:
        follower.look()
    assert len(follower.history["cost"]) == 10


@pytest.mark.parametrize("kind", ["line", "lines"])
def test_a_file_beyond_all_bounds_is_not_read_further(folder, monkeypatch, kind):
    monkeypatch.setattr(following, "LONGEST_HISTORY", 1_000)
    monkeypatch.setattr(following, "_AT_ONCE", 300)
    endless = "a" * 5_000
    add(folder, endless if kind == "line" else "".join(line(n, cost=1.0) for n in range(1, 200)))
    follower = Follower(folder)
    for _ in range(20):
        follower.look()
    assert "history.jsonl is longer than 1 kB" in follower.problem
    assert not follower.is_behind
    assert len(follower._rest) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "history.jsonl")
    follower = Follower(folder)
    follower.look()
    assert "found a pipe" in follower.problem


def test_how_it_stands_is_known_where_its_figures_cannot_be_read(folder):
    add(folder, "no json\n")
    write_record(folder, ending="completed")
    follower = Follower(folder)
    follower.look()
    assert (follower.state, bool(follower.problem)) == ("done", True)


def test_of_a_folder_that_is_gone_is_known_what_it_held(folder):
    add(folder, line(1, cost=2.0))
    follower = Follower(folder)
    follower.look()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert follower.look()
    assert (follower.state, follower.history) == ("gone", {"cost": [2.0]})
    folder.mkdir()
    follower.look()
    assert (follower.state, follower.history, follower.record) == ("waiting", {}, {})
    write_record(folder, ending="completed")
    add(folder, line(1, cost=3.0))
    follower.look()
    assert (follower.state, follower.history) == ("done", {"cost": [3.0]})


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
    assert (follower.state, follower.problem) == ("gone", "")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": {}, "ending": "eaten"}'])
def test_a_record_that_is_none_is_told(folder, text):
    (folder / "run.json").write_text(text)
    follower = Follower(folder)
    follower.look()
    assert follower.problem
    write_record(folder, ending="completed")
    follower.look()
    assert (follower.state, follower.problem) == ("done", "")
