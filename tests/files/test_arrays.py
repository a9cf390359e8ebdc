"""Arrays out of HDF5 and NPZ files: the same from both, and every kind of damage is named."""

import h5py
import numpy as np
import pytest

from dnn_xp.files.arrays import read_arrays

ARRAYS = {
    "x": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "y": np.array([b"cat", b"dog", b"cat"]),
    "z": np.array([0.5, np.nan]),
}


def write(path, arrays):
    if path.suffix == ".npz":
        np.savez_compressed(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[name] = values
    return path


@pytest.fixture(params=["data.h5", "data.hdf5", "data.npz", "DATA.NPZ"])
def path(request, tmp_path):
    return tmp_path / request.param


def test_arrays_come_as_they_were_stored(path):
    if path.suffix == ".NPZ":
        with path.open("wb") as file:
            np.savez(file, **ARRAYS)
    else:
        write(path, ARRAYS)
    for name, values in zip("zxy", read_arrays(path, "zxy"), strict=True):
        assert values.dtype == ARRAYS[name].dtype
        np.testing.assert_array_equal(values, ARRAYS[name])


def test_text_of_variable_length_takes_trust_and_comes_as_bytes(tmp_path):
    path = write(tmp_path / "data.h5", {"y": ["Käse", "b"]})
    with pytest.raises(ValueError, match=r"data\.h5: y: found text of variable .*trusted=True"):
        read_arrays(path, "y")
    assert read_arrays(path, "y", trusted=True)[0].tolist() == ["Käse".encode(), b"b"]


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_a_missing_array_is_named(tmp_path, suffix):
    path = write(tmp_path / f"data{suffix}", {"x": [1], "labels": [2]})
    match = rf"data\{suffix}: lacks y: found (x, labels|labels, x), expected x, y at"
    with pytest.raises(ValueError, match=match):
        read_arrays(path, "xy")


def test_a_group_is_no_array(tmp_path):
    path = write(tmp_path / "data.h5", {"x/inner": [1], "y": [1]})
    with pytest.raises(ValueError, match=r"data\.h5: x: found a group, expected a data set"):
        read_arrays(path, "xy")
    with pytest.raises(ValueError, match=r"data\.h5: lacks z: found the group x, y, expected z at"):
        read_arrays(path, "z")


def test_pickled_objects_are_refused(tmp_path):
    path = write(tmp_path / "data.npz", {"x": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match=r"data\.npz: x: cannot be read: found Python objects"):
        read_arrays(path, "x")


def test_references_of_hdf5_are_refused(tmp_path):
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1,), dtype=h5py.ref_dtype)
    with pytest.raises(ValueError, match=r"data\.h5: x: found objects, or data of var"):
        read_arrays(path, "x")


def test_a_single_array_is_named(tmp_path):
    path = tmp_path / "data.npz"
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ValueError, match=r"data\.npz: found a single array, expected an NPZ"):
        read_arrays(path, "x")


def test_arrays_a_file_that_is_not_there_is_named(path):
    with pytest.raises(FileNotFoundError, match=f"{path.name}: there is no such file"):
        read_arrays(path, "x")


def test_another_suffix_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"data\.csv: found the suffix '\.csv', expected"):
        read_arrays(tmp_path / "data.csv", "x")


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_such_file_is_named(tmp_path, suffix, content):
    path = tmp_path / f"data{suffix}"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=rf"data\{suffix}: not an (HDF5|NPZ) file, or damaged|damaged: "
    ):
        read_arrays(path, "x")


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_arrays_every_truncation_is_named(tmp_path, suffix):
    path = write(tmp_path / f"data{suffix}", ARRAYS)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 100)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=rf"data\{suffix}: "):
            read_arrays(path, "xyz")


def test_a_flipped_byte_of_a_compressed_file_is_named_or_harmless(tmp_path):
    path = write(tmp_path / "data.npz", ARRAYS)
    whole = path.read_bytes()
    problems = []
    for place in range(0, len(whole), 3):
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        path.write_bytes(flipped)
        try:
            arrays = read_arrays(path, "xyz")
        except ValueError as error:
            problems.append(str(error))
        else:
            for name, values in zip("xyz", arrays, strict=True):
                np.testing.assert_array_equal(values, ARRAYS[name])
    assert problems
    assert all("data.npz" in problem for problem in problems)
