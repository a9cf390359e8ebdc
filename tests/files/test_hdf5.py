"""Texts and arrays in HDF5 files: nothing of variable length."""

import h5py
import numpy as np
import pytest

from dnn_xp.files.hdf5 import fixed, read_array, read_text, read_texts


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
