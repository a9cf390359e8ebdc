"""Texts and arrays in HDF5 files: nothing of variable length."""

import h5py
import numpy as np
import pytest

from dnn_xp.files import hdf5
from dnn_xp.files.hdf5 import (
    BytesWithoutHeaps,
    FileWithoutHeaps,
    HeapError,
    find_data_set,
    find_group,
    fixed,
    list_members,
    open_hdf5,
    read_array,
    read_attribute,
    read_json,
    read_text,
    read_texts,
)


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        yield file


@pytest.mark.parametrize("text", ["cat", "", "Käse, \u732b", "a\nb", "\0cat", "x" * 100_000])
def test_texts_come_back(file, text):
    file["text"] = fixed(text)
    assert read_text(file["text"]) == text
    assert file["text"].dtype.kind == "S"


@pytest.mark.parametrize("texts", [(), ("",), ("cat", "", "\u732b")])
def test_several_texts_come_back(file, texts):
    file["texts"] = fixed(texts)
    assert read_texts(file["texts"]) == texts


def test_texts_that_would_lose_their_end_are_refused():
    with pytest.raises(ValueError, match=r"text: found 'a\\x00', expected one that does not end"):
        fixed(["a\0"])


@pytest.mark.parametrize("value", ["cat", ["cat"], 3.0, np.void(b"cat")])
def test_what_is_no_text_of_fixed_length_is_refused(file, value):
    file["value"] = value
    for read in (read_text, read_texts):
        with pytest.raises(TypeError, match=r"/value: found .*, expected text of fixed length"):
            read(file["value"])


def test_numbers_come_back_and_all_else_is_refused(file):
    file["array"], file["flag"] = np.arange(3.0), True
    np.testing.assert_array_equal(read_array(file["array"]), [0.0, 1.0, 2.0])
    assert bool(read_array(file["flag"]))
    parts = h5py.vlen_dtype(np.int32)
    file.create_dataset("parts", (1,), dtype=parts)
    file["text"] = fixed("cat")
    for name in ("parts", "text"):
        with pytest.raises(TypeError, match=f"/{name}: found .*, expected numbers"):
            read_array(file[name])


@pytest.mark.parametrize("text", ["{", "[1]", "3", '"a"', "[" * 100_000, "{" * 9])
def test_what_is_no_dictionary_in_json_is_refused(file, text):
    file["about"] = fixed(text)
    with pytest.raises((TypeError, ValueError)):
        read_json(file["about"])


@pytest.mark.parametrize("value", [3, 2.5, True, [1, 2, 3], np.bytes_("cat")])
def test_attributes_come_back(file, value):
    file.attrs["a"] = value
    np.testing.assert_array_equal(read_attribute(file, "a"), value)
    assert read_attribute(file, "b") is None


@pytest.mark.parametrize(
    "value", ["text of variable length", ["a", "b"], 1j, np.void(b"abc"), h5py.Empty("f8")]
)
def test_other_attributes_are_refused(file, value):
    file.attrs.create("a", value)
    with pytest.raises(TypeError):
        read_attribute(file, "a")


def test_an_attribute_that_is_no_small_one_is_refused(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w", libver="latest") as file:
        file.attrs["a"] = np.zeros(2**14)
        with pytest.raises(
            TypeError, match=r"a: found an attribute of \(16384,\), expected a small"
        ):
            read_attribute(file, "a")


def test_a_path_leads_through_groups_of_the_file(file):
    file["a/b/c"] = np.arange(3.0)
    for name in ("a/b/c", "/a/b/c", "a//b/c/"):
        assert find_data_set(file, name).name == "/a/b/c"
    assert find_group(file, "a/b").name == "/a/b"
    for name in ("a/b", "a/b/c/d", "a/x/c", "a/\udcff", "."):
        with pytest.raises(ValueError, match=r"^[^:]*: (found a group|is not there)"):
            find_data_set(file, name)


def test_members_are_listed_without_following_links(file):
    file["a/b"], file["c"] = 1, 2
    file["d"], file["e"] = h5py.SoftLink("/d"), h5py.ExternalLink("none.h5", "/")
    file.id.links.create_soft(b"f\xff", b"/c")
    assert list_members(file) == ["the group a", "c", "d", "e", r"b'f\xff'"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an HDF5 file, or damaged; it is empty"),
        (b"x,y\n1,2\n", "not an HDF5 file, or damaged$"),
        (b"PK\x03\x04", "it seems to be a ZIP archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "damaged: .*"),
        (bytes(512) + b"\x89HDF\r\n\x1a\n" + bytes(500), "damaged: .*"),
    ],
)
def test_a_file_that_cannot_be_opened_is_named(tmp_path, content, said):
    path = tmp_path / "other.h5"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"other\.h5: {said}|{said}"), open_hdf5(path):
        pass


def test_an_error_of_the_body_is_not_taken_for_one_of_the_file(tmp_path):
    path = tmp_path / "whole.h5"
    h5py.File(path, "w").close()
    with pytest.raises(OSError, match="of another file"), open_hdf5(path):
        raise OSError("of another file")


@pytest.mark.parametrize("form", ["file", "bytes"])
def test_heaps_are_not_read_whatever_asks_for_them(tmp_path, form):
    """Texts of variable length, virtual data sets and the texts of attributes lie in heaps."""
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["x"], file["text"] = np.arange(3.0), ["a", "b"]
        file.attrs["note"] = "of variable length"
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
        file.create_virtual_dataset("virtual", layout)
    raw = FileWithoutHeaps(path) if form == "file" else BytesWithoutHeaps(path.read_bytes())
    with raw, h5py.File(raw) as file:
        for read in (
            lambda: file["text"][()],
            lambda: file["virtual"],
            lambda: file.attrs["note"],
        ):
            with pytest.raises(HeapError, match="is virtual, or of variable length"):
                read()
            assert file["x"][()].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("head", [b"GCOL\x01", b"GCOL\x01\0\0\0" + bytes(100), b"MDCI\0\1"])
def test_heaps_are_known_by_how_they_begin(head):
    for read in (lambda raw: raw.read(8), lambda raw: raw.readinto(bytearray(8))):
        with pytest.raises(HeapError):
            read(BytesWithoutHeaps(head))
    assert BytesWithoutHeaps(head[1:]).read() == head[1:]
    assert BytesWithoutHeaps(b"GCOLLIER").read() == b"GCOLLIER"


def test_without_locks_of_the_system_files_are_read_as_well(tmp_path, monkeypatch):
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    for replaced in (None, hdf5.fcntl):
        monkeypatch.setattr(hdf5, "fcntl", replaced)
        with open_hdf5(path) as file:
            assert list(file) == ["x"]
        monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
