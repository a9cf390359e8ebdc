"""A file is there whole or not at all, whatever happens while it is written."""

import os
import stat
import subprocess
import sys
import textwrap

import pytest

from dnn_xp.files.atomic import remove_leftovers, replacing, try_replacing


@pytest.fixture(params=[True, False], ids=["replaced", "new"])
def path(request, tmp_path):
    path = tmp_path / "kept.txt"
    if request.param:
        path.write_text("old")
    return path


def state(path):
    return {one.name: one.read_text() for one in path.parent.iterdir()}


def test_what_is_written_takes_the_place_of_the_file(path):
    with replacing(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == path.suffix
        temporary.write_text("new")
    assert state(path) == {"kept.txt": "new"}


def test_nothing_changes_before_the_end(path):
    before = state(path)
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert state(path) == before | {temporary.name: "new"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_everything_as_it_was(path, error):
    before = state(path)

    def write():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert state(path) == before


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_everything_as_it_was(path, call, monkeypatch):
    before = state(path)

    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    def write():
        with replacing(path) as temporary:
            temporary.write_text("new")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OSError, match="No space left"):
        write()
    assert state(path) == before


def test_it_is_on_the_disk_before_it_has_its_name(path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, name=name, real=real: (calls.append(name), real(*a))
        )
    with replacing(path) as temporary:
        temporary.write_text("new")
    # The file, its name, and then the folder that holds the name.
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a POSIX kill")
def test_a_killed_process_leaves_the_old_file_whole(path):
    before = state(path)
    program = """
        import os, signal, sys
        from dnn_xp.files.atomic import replacing
        with replacing(sys.argv[1]) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -9
    assert {name: text for name, text in state(path).items() if name == path.name} == before


def test_what_a_killed_process_left_is_removed(path):
    others = [".kept-12345678.h5", ".kept-1234567x.txt", ".kept-note.txt", "kept-12345678.txt"]
    for name in (*others, "kept.txt", ".kept-0123abcd.txt", ".kept-deadbeef.txt"):
        (path.parent / name).touch()
    remove_leftovers(path)
    assert set(state(path)) == {*others, "kept.txt"}


def test_a_body_that_writes_nothing_is_an_error(path):
    before = state(path)
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert state(path) == before


def test_atomic_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_atomic_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        replacing(tmp_path / "nowhere" / "kept.txt").__enter__()


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match=f"folder {tmp_path}, expected the name of a file"):
        replacing(tmp_path).__enter__()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_something_that_is_no_file_is_left_alone(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="expected a file or a new name"), replacing(pipe):
        pass
    assert pipe.is_fifo()


@pytest.mark.skipif(not hasattr(os, "chown"), reason="needs permissions of a POSIX system")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o666, 0o444, 0o755])
def test_permissions_of_a_file_stay(tmp_path, mode):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    path.chmod(mode)
    owner = path.stat().st_uid, path.stat().st_gid
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert (path.stat().st_uid, path.stat().st_gid) == owner


@pytest.mark.skipif(not hasattr(os, "chown"), reason="needs permissions of a POSIX system")
def test_the_owner_of_a_file_stays_where_that_is_allowed(tmp_path, monkeypatch):
    path, asked = tmp_path / "kept.txt", []
    path.write_text("old")

    def refuse(temporary, uid, gid):
        asked.append((uid, gid))
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert asked == [(path.stat().st_uid, path.stat().st_gid)]


@pytest.mark.parametrize("lacks", ["chown", "O_DIRECTORY"])
def test_a_system_without_some_calls(path, monkeypatch, lacks):
    monkeypatch.delattr(os, lacks, raising=False)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert state(path) == {"kept.txt": "new"}


@pytest.mark.skipif(not hasattr(os, "chown"), reason="needs permissions of a POSIX system")
def test_a_new_file_has_the_usual_permissions(tmp_path):
    with replacing(tmp_path / "kept.txt") as temporary:
        temporary.write_text("new")
    (tmp_path / "plain.txt").write_text("new")
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_trial_changes_nothing(path):
    before = state(path)
    assert try_replacing(path) == path.parent
    assert state(path) == before


def test_a_trial_is_made_where_a_link_leads(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "there" / "kept.txt")
    assert try_replacing(link) == tmp_path / "there"
    link.unlink()
    link.symlink_to(tmp_path / "nowhere" / "kept.txt")
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        try_replacing(link)


def test_a_trial_finds_a_name_that_is_too_long_only_with_what_is_added(tmp_path):
    name = "x" * 250 + ".txt"
    (tmp_path / name).touch()
    with pytest.raises(OSError, match="File name too long"):
        try_replacing(tmp_path / name)


def test_a_trial_finds_a_file_that_may_not_be_written(tmp_path, monkeypatch):
    (tmp_path / "kept.txt").touch()
    monkeypatch.setattr(os, "access", lambda path, how: how != os.W_OK)  # root may write anything
    with pytest.raises(PermissionError, match="which may not be written"):
        try_replacing(tmp_path / "kept.txt")
