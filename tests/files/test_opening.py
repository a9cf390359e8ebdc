"""Files are looked at before they are opened, and read up to a bound."""

import os
import socket

import pytest

from dnn_xp.files import opening
from dnn_xp.files.opening import check_file, describe_size, memory_size, read_whole, seeming


def pipe(path):
    os.mkfifo(path)


def listening(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


SPECIAL = {
    "a pipe": pipe,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a socket": listening,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs the special files of a POSIX system")
@pytest.mark.parametrize("links", [0, 1, 2])
@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path, monkeypatch, kind, links):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "special.h5"
    SPECIAL[kind](path)
    for number in range(links):
        link = tmp_path / f"link-{number}.h5"
        link.symlink_to(path)
        path = link
    for look in (check_file, read_whole):
        with pytest.raises(ValueError, match=rf"{path.name}: found {kind}, expected a file"):
            look(path)


def test_a_folder_and_a_file_that_is_not_there_are_errors_of_the_system(tmp_path):
    with pytest.raises(IsADirectoryError, match="found a folder, expected a file"):
        check_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        check_file(tmp_path / "none")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(OSError, match="circle"):
        check_file(tmp_path / "circle")


def test_a_file_is_read_up_to_a_bound(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(200)) * 10)
    assert read_whole(path) == read_whole(path, limit=2000) == path.read_bytes()
    with pytest.raises(ValueError, match=r"file: found 2 kB, expected at most 1\.99 kB"):
        read_whole(path, limit=1990)


def test_of_another_kind_only_the_first_block_is_read(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"begins" + bytes(2000))
    assert len(read_whole(path, begins=b"begins")) == 2006
    assert len(read_whole(path, begins=b"other")) == 512


def test_a_hole_of_a_terabyte_is_refused_by_its_size(tmp_path):
    path = tmp_path / "sparse"
    path.write_bytes(b"dnn_xp model\n")
    os.truncate(path, 2**43)
    with pytest.raises(ValueError, match=r"sparse: found 8\.8 TB, expected at most"):
        read_whole(path)


def test_a_file_that_grows_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "log"
    path.write_bytes(bytes(100))
    stat = os.stat(path)
    with path.open("ab") as file:
        file.write(b"more")
    monkeypatch.setattr(os, "fstat", lambda descriptor: stat)
    with pytest.raises(ValueError, match="log: grows while it is read"):
        read_whole(path)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "it is empty"),
        (bytes(512), "zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
        (b"\n <!DOCTYPE html>\n<html>", "a web page"),
        (b"\x93NUMPY\x01", "NPY file"),
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b"dnn_xp checkpoint\nsha256 0", "a checkpoint of dnn_xp"),
    ],
)
def test_what_a_file_seems_to_be(head, said):
    assert said in seeming(head)


def test_what_is_not_known_is_not_guessed():
    assert seeming(b"1,2,3\n") == ""


def test_sizes_are_said_as_people_say_them():
    said = [describe_size(size) for size in (0, 999, 1000, 2_500_000, 7 * 10**12, 10**400)]
    assert said == ["0 bytes", "999 bytes", "1 kB", "2.5 MB", "7 TB", "more than 1,000 TB"]


def test_a_machine_that_does_not_tell_its_memory_sets_no_bound(monkeypatch):
    assert 2**26 < memory_size() < 2**50
    monkeypatch.delattr(opening.os, "sysconf", raising=False)
    assert memory_size() == 2**62
