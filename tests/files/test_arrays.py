"""Arrays out of HDF5 and NPZ files: the same from both, and every kind of damage is named."""

import h5py
import numpy as np
import pytest

from dnn_xp.files.arrays import read_arrays, read_examples

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


# --------------------------------------------------------------------------- examples

X, Y = np.arange(24.0).reshape(6, 4), np.asarray([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize("suffix", [".h5", ".hdf5", ".npz"])
@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (("x", "y"), {}),
        (("X", "y"), {}),
        (("x_train", "y_train"), {}),
        (("a", "b"), {"x": "a", "y": "b"}),
        (("train/x", "train/y"), {}),
        (("a/b", "a/c"), {"x": "a/b", "y": "a/c"}),
    ],
)
def test_examples_of_any_names(tmp_path, suffix, names, asked):
    path = write(tmp_path / f"data{suffix}", dict(zip(names, (X, Y), strict=True)))
    found = read_examples(path, **asked)
    assert (found.x.tolist(), found.y.tolist(), found.test) == (X.tolist(), Y.tolist(), None)
    assert bool(found.notes) == (not asked and names != ("x", "y"))


def test_examples_of_a_test_part(tmp_path):
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": Y[:2]}
    found = read_examples(write(tmp_path / "mnist.npz", arrays))
    assert found.test is not None
    assert (found.test[0].tolist(), found.test[1].tolist()) == (X[:2].tolist(), Y[:2].tolist())
    assert "as their test part: x_test, y_test" in found.notes[0]


def matlab(path, **arrays):
    """Write arrays as MATLAB's v7.3 does: behind 512 bytes of its own, axes the other way round."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            file[name] = np.asarray(values).T
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
        file.create_group("#refs#")["a"] = np.zeros(2)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116))
    return path


@pytest.mark.parametrize(
    ("x", "y", "shape"),
    [
        (X, Y[:, None] * 1.0, (6, 4)),
        (X, Y[None, :] * 1.0, (6, 4)),
        (X[:4], Y[:4, None], (4, 4)),
        (X[:, :1], Y[:, None], (6, 1)),
        (np.arange(180.0).reshape(5, 3, 2, 6), Y[:, None], (6, 5, 3, 2)),
        (X.T, Y[:, None], (6, 4)),
    ],
)
def test_examples_of_matlab_are_rows(tmp_path, x, y, shape):
    found = read_examples(matlab(tmp_path / "data.mat", X=x, y=y))
    assert (found.x.shape, found.y.size) == (shape, shape[0])
    assert found.y.ravel().tolist() == np.ravel(y).tolist()
    rows = x if len(x) == shape[0] else np.moveaxis(x, -1, 0)
    assert found.x.tolist() == rows.tolist()
    assert "as MATLAB has it" in found.notes[-1]


def test_older_files_of_matlab_are_named(tmp_path):
    path = tmp_path / "old.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file, Platform: PCWIN64".ljust(128))
    with pytest.raises(
        ValueError, match=r"old\.mat: found a MAT-file of version 7 or older, .*7\.3"
    ):
        read_examples(path)


def test_npy_with_targets_in_another_file_or_the_last_column(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    found = read_examples(tmp_path / "x.npy", y=str(tmp_path / "y.npy"))
    assert (found.x.tolist(), found.y.tolist(), found.notes) == (X.tolist(), Y.tolist(), ())
    found = read_examples(tmp_path / "x.npy")
    assert (found.x.tolist(), found.y.tolist()) == (X[:, :3].tolist(), X[:, 3].tolist())
    assert found.notes == ("the last of 4 columns is the target: --y FILE.npy names another",)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.ones(3), "expected numbers of the shape"),
        (np.ones((3, 1)), "expected numbers of the shape"),
        (np.ones((3, 4, 4)), "--y FILE.npy"),
        (np.asarray([["a", "b"]]), "expected numbers of the shape"),
        (np.asarray([{}], object), "found Python objects"),
    ],
)
def test_npy_that_holds_no_targets(tmp_path, array, said):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=said):
        read_examples(tmp_path / "x.npy")


def test_npy_that_is_none_or_damaged(tmp_path):
    np.save(tmp_path / "x.npy", X)
    whole = (tmp_path / "x.npy").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut.npy").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.npy: "):
            read_examples(tmp_path / "cut.npy")
    for other in ("table.csv", "data.npz", "none.npy"):
        (tmp_path / "table.csv").write_text("a,b")
        with pytest.raises((ValueError, FileNotFoundError), match=other):
            read_examples(tmp_path / "x.npy", y=str(tmp_path / other))
    with pytest.raises(ValueError, match="an NPY file is a single array"):
        read_examples(tmp_path / "x.npy", "x")


def test_links_within_a_file_are_not_followed_by_names(tmp_path):
    path = write(tmp_path / "data.h5", {"inner/a": X, "y": Y})
    with h5py.File(path, "a") as file:
        file["x"] = h5py.SoftLink("/inner/a")
        file["inner/loop"] = h5py.SoftLink("/inner")
        file["inner/self"] = file["inner"]
    with pytest.raises(ValueError, match="x: found a link, expected it in the file itself"):
        read_examples(path)
    assert read_examples(path, "inner/a", "y").x.tolist() == X.tolist()
