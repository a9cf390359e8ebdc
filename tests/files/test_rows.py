"""Rows that lie in a file: the bytes that are there, and no others."""

import os

import numpy as np
import pytest

from dnn_xp.files.rows import RowsInFile, read_into

X = np.arange(60, dtype="<i2").reshape(10, 2, 3)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "rows").write_bytes(b"header" + X.tobytes())
    with (tmp_path / "rows").open("rb", buffering=0) as opened:
        yield opened


@pytest.fixture(params=[True, False])
def system(request, monkeypatch):
    """Systems that read at a place, and those that do not."""
    if not request.param:
        monkeypatch.delattr(os, "preadv", raising=False)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize(("start", "stop"), [(None, None), (0, 1), (3, 7), (8, 99), (5, 5)])
def test_rows_are_read_by_slices(file, start, stop):
    rows = RowsInFile(file, 6, X.shape, X.dtype)
    np.testing.assert_array_equal(rows[start:stop], X[start:stop])
    assert rows[start:stop].dtype == X.dtype


@pytest.mark.usefixtures("system")
def test_memory_that_is_there_is_filled(file):
    target = np.zeros((3, 2, 3), X.dtype)
    RowsInFile(file, 6, X.shape, X.dtype).read_into(4, target[1:])
    np.testing.assert_array_equal(target, np.concatenate([np.zeros((1, 2, 3)), X[4:6]]))


@pytest.mark.usefixtures("system")
def test_a_file_that_ends_before_is_an_error(file):
    with pytest.raises(ValueError, match="is cut short"):
        read_into(file, 100, np.empty(30, np.uint8))
    read_into(file, 1000, np.empty(0))  # of nothing
