"""The seal of a file: what was changed is found, wherever it was changed."""

import hashlib
import io

import h5py
import pytest

from dnn_xp.files.sealing import BLOCK, is_of_kind, seal, seal_problem


@pytest.fixture
def content():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=BLOCK) as file:
        file["x"] = list(range(100))
    return bytes(seal(buffer, "thing"))


def test_a_sealed_file_is_whole_and_hdf5(content):
    assert seal_problem(content, "thing") is None
    with h5py.File(io.BytesIO(content)) as file:
        assert file["x"][99] == 99


def test_the_seal_is_a_sha256_that_others_can_check(content):
    kind, digest = content[:BLOCK].rstrip(b"\0").decode().splitlines()
    assert kind == "dnn_xp thing"
    assert digest == f"sha256 {hashlib.sha256(content[BLOCK:]).hexdigest()}"


def test_a_file_of_another_kind_is_named(content):
    assert seal_problem(content, "model") == "not a model that dnn_xp saved"
    assert seal_problem(b"", "model") == "not a model that dnn_xp saved; it is empty"


def test_each_byte_counts(content):
    start = len(b"dnn_xp thing\nsha256 ")
    for place in (*range(start, BLOCK, 7), *range(BLOCK, len(content), 97), len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 1
        assert "checksum" in seal_problem(bytes(changed), "thing"), place
        assert "checksum" in seal_problem(content[:place], "thing"), place
    assert "checksum" in seal_problem(content + b"\0", "thing")


def test_the_kind_of_a_file_is_known_by_how_it_begins(content, tmp_path):
    path = tmp_path / "file"
    for written, kind, expected in (
        (content, "thing", True),
        (content[:600], "thing", True),
        (content, "thin", False),
        (b"", "thing", False),
    ):
        path.write_bytes(written)
        assert is_of_kind(path, kind) is expected
    assert not is_of_kind(tmp_path, "thing")
    assert not is_of_kind(tmp_path / "none", "thing")
