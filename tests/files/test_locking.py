"""A lock is held by one run at a time, and by none that has ended, however it ended."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from dnn_xp.files import locking
from dnn_xp.files.locking import FileLock, InUseError, is_locked

needs_locks = pytest.mark.skipif(locking.fcntl is None, reason="the system has no flock")

PROGRAM = """
    import sys
    from dnn_xp.files.locking import FileLock
    lock = FileLock(sys.argv[1])
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


def hold(path):
    """Start a process that holds the lock until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    return process


@needs_locks
@pytest.mark.parametrize("there", [True, False], ids=["a file", "no file yet"])
def test_the_second_is_refused_until_the_first_lets_go(path, there):
    if there:
        path.write_text("work")
    first = FileLock(path)
    for name in (path, path.parent / "." / path.name):
        with pytest.raises(InUseError, match=r"run\.checkpoint: is being written by another run"):
            FileLock(name)
    FileLock(path.with_name("another")).release()
    first.release()
    first.release()  # once more does nothing
    FileLock(path).release()
    assert [one.name for one in path.parent.iterdir()] == ([path.name] if there else [])


@needs_locks
def test_a_link_is_the_file_that_it_leads_to(path):
    link = path.with_name("link")
    link.symlink_to(path)
    first = FileLock(link)
    with pytest.raises(InUseError):
        FileLock(path)
    first.release()


@needs_locks
@pytest.mark.parametrize("end", ["line", "SIGTERM", "SIGKILL"])
def test_it_dies_with_its_process(path, end):
    with hold(path) as process:
        with pytest.raises(InUseError):
            FileLock(path)
        if end == "line":
            process.stdin.write("\n")
            process.stdin.flush()
        else:
            process.send_signal(getattr(signal, end))
        process.wait()
        FileLock(path).release()
    assert list(path.parent.iterdir()) == []


@needs_locks
def test_a_file_that_is_removed_while_it_is_taken_is_taken_anew(path, monkeypatch):
    """Between opening the file and locking it, its holder may end and remove it."""
    real, calls = locking.fcntl.flock, []

    def late(descriptor, how):
        calls.append(how)
        if len(calls) == 1:
            (path.parent / ".run.checkpoint.lock").unlink()
        real(descriptor, how)

    monkeypatch.setattr(locking.fcntl, "flock", late)
    lock = FileLock(path)
    assert len(calls) == 2
    with pytest.raises(InUseError):
        FileLock(path)
    lock.release()


@needs_locks
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locking.fcntl, "flock", refuse)
    locks = [FileLock(path), FileLock(path)]
    assert [lock.works for lock in locks] == [False, False]
    for lock in locks:
        lock.release()
    assert list(path.parent.iterdir()) == []


def test_a_system_without_locks(path, monkeypatch):
    monkeypatch.setattr(locking, "fcntl", None)
    lock = FileLock(path)
    assert not lock.works
    lock.release()


@needs_locks
def test_another_error_is_raised(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(locking.fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        FileLock(path)


def test_a_folder_that_is_not_there(tmp_path):
    if locking.fcntl is None:
        pytest.skip("the system has no flock")
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "nowhere" / "file")


# ----------------------------------------------------------------------------- looking


@needs_locks
def test_a_look_at_a_lock_tells_and_changes_nothing(path):
    assert not is_locked(path)
    assert not list(path.parent.iterdir())
    lock = FileLock(path)
    assert is_locked(path)
    lock.release()
    assert not is_locked(path)
    locking.lock_of(path).touch()  # as a process leaves it that was killed
    assert not is_locked(path)
    assert locking.lock_of(path).exists()
    lock = FileLock(path)
    lock.release()


def test_where_there_are_no_locks_nothing_is_locked(path, monkeypatch):
    locking.lock_of(path).touch()
    monkeypatch.setattr(locking, "fcntl", None)
    assert not is_locked(path)
