"""NPY files: what NumPy reads of them, by slices, and a clear word for all others."""

import numpy as np
import pytest

from dnn_xp.files.npy import is_npy, npy_rows


@pytest.mark.parametrize("dtype", ["f8", ">f4", "u1", "<i2", "?", "f2"])
@pytest.mark.parametrize("shape", [(9,), (9, 4), (9, 2, 3)])
def test_rows_are_those_that_numpy_reads(tmp_path, dtype, shape):
    x = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    with (tmp_path / "x.npy").open("rb", buffering=0) as file:
        rows = npy_rows(file)
        assert (rows.shape, rows.dtype) == (x.shape, x.dtype)
        for start, stop in ((None, None), (0, 1), (3, 7), (8, 99), (5, 5)):
            found = rows[start:stop]
            assert found.dtype == x.dtype
            np.testing.assert_array_equal(found, x[start:stop])


def test_a_file_is_known_by_its_first_bytes(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(3))
    (tmp_path / "text.npy").write_text("no array")
    assert is_npy(tmp_path / "x.npy")
    assert not is_npy(tmp_path / "text.npy")


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def fortran(path):
    np.save(path, np.asfortranarray(np.zeros((4, 3))))


def objects(path):
    np.save(path, np.array([{}, None]), allow_pickle=True)


def text_after_magic(path):
    path.write_bytes(b"\x93NUMPY\x01\x00\x05\x00hello")


def huge(path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1099511627776000), }\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (cut, "is cut short: declares 96 bytes, found 95 bytes"),
        (fortran, "found the order of Fortran"),
        (objects, "found Python objects, expected numbers"),
        (text_after_magic, "^damaged: "),
        (huge, "is cut short"),
    ],
)
def test_what_cannot_be_read_by_rows_is_refused(tmp_path, edit, problem):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((4, 3)))
    edit(path)
    with path.open("rb", buffering=0) as file, pytest.raises(ValueError, match=problem):
        npy_rows(file)


def test_a_file_that_is_cut_while_it_is_open_is_an_error(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((400, 30)))
    with path.open("rb", buffering=0) as opened:
        rows = npy_rows(opened)
        rows[300:400]
        with path.open("r+b") as file:
            file.truncate(50_000)
        with pytest.raises(ValueError, match="is cut short: it ends before its last row"):
            rows[300:400]
