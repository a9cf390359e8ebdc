"""Chunks of HDF5 data sets: what h5py reads of whole ones, and no byte too many of others."""

import gzip
import itertools
import os
import struct
import sys
import tracemalloc
import zlib

import h5py
import numpy as np
import pytest

from dnn_xp.files import chunks
from dnn_xp.files import rows as rows_module
from dnn_xp.files.chunks import RowsInChunks, _deflate, _inflate, packing_problem
from dnn_xp.files.hdf5 import stored_rows
from dnn_xp.files.rows import RowsInFile, read_into

FILTERS = (
    {},
    {"compression": "gzip"},
    {"shuffle": True},
    {"fletcher32": True},
    {"compression": 9, "shuffle": True, "fletcher32": True},
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.h5"


@pytest.fixture(params=["zlib", "isal"])
def inflating(request, monkeypatch):
    """What chunks are unpacked by: with isal, where it is installed, and without."""
    if request.param == "isal":
        pytest.importorskip("isal")
    else:
        monkeypatch.setitem(sys.modules, "isal", None)  # as if it were not there
    _deflate.cache_clear()
    yield request.param
    _deflate.cache_clear()


def test_isal_is_taken_where_it_is_installed(inflating):
    assert inflating in _deflate().__name__


def held(path, data, **options):
    with h5py.File(path, "w", libver=options.pop("libver", None)) as file:
        file.create_dataset("x", data=data, **options)
    return h5py.File(path)


@pytest.mark.parametrize("dtype", ["f8", ">f4", "u1", "<i2", "S7", "?", "f2"])
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("chunk", [(8, 3, 2), (8, 7, 3)])
def test_rows_are_those_that_h5py_reads(path, dtype, filters, libver, chunk):
    x = np.random.default_rng(0).integers(0, 2, (41, 7, 3)).astype(dtype)
    options = {"chunks": chunk, "libver": libver, "maxshape": (None, 7, 3)} | filters
    with held(path, x, **options) as file:
        assert packing_problem(file["x"]) is None
        held_rows = RowsInChunks(file["x"])
        for start, stop in (
            (None, None),
            (0, 1),
            (0, 16),
            (3, 6),
            (6, 9),
            (7, 41),
            (40, 99),
            (5, 5),
        ):
            found = held_rows[start:stop]
            assert found.dtype == file["x"].dtype
            np.testing.assert_array_equal(found, x[start:stop])


@pytest.mark.parametrize("chunk", [5, 16, 100])
def test_each_chunk_is_unpacked_once_where_rows_are_read_in_order(path, monkeypatch, chunk):
    unpacked = []
    monkeypatch.setitem(chunks._UNPACK, 1, lambda *args: unpacked.append(1) or _inflate(*args))
    x = np.arange(120.0).reshape(60, 2)
    with held(path, x, chunks=(chunk, 2), maxshape=(None, 2), compression="gzip") as file:
        rows = RowsInChunks(file["x"])
        found = [rows[start : start + 7] for start in range(0, 60, 7)]
    np.testing.assert_array_equal(np.concatenate(found), x)
    assert len(unpacked) == -(-60 // chunk)


@pytest.mark.parametrize("block", [0, 512, 2048])
def test_what_comes_before_hdf5_in_a_file_is_passed_over(path, block):
    x = np.random.default_rng(0).integers(0, 256, (41, 7), "u1")
    with h5py.File(path, "w", userblock_size=block) as file:
        file.create_dataset("chunks", data=x, chunks=(8, 7))
        file["whole"] = x
    with h5py.File(path) as file, path.open("rb", buffering=0) as past:
        for name in file:
            rows = stored_rows(file[name], trusted=False, file=past)
            assert not isinstance(rows, h5py.Dataset)
            np.testing.assert_array_equal(rows[5:40], x[5:40])


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("dtype", ["u1", ">f4", "f8"])
@pytest.mark.parametrize("chunk", [1, 3, 8, 41, 64])
@pytest.mark.parametrize("written", ["in order", "backwards", "early", "between others"])
def test_chunks_of_whole_rows_are_read_past_hdf5(path, libver, dtype, chunk, written):
    x = np.random.default_rng(0).integers(0, 256, (41, 7)).astype(dtype)
    with h5py.File(path, "w", libver=libver) as file:
        options = {"chunks": (chunk, 7), "maxshape": (None, 7)}
        if written == "early":
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            options["dcpl"] = plan
        stored = file.create_dataset("x", x.shape, dtype, **options)
        starts = range(0, 41, chunk)
        for start in reversed(starts) if written == "backwards" else starts:
            stored[start : start + chunk] = x[start : start + chunk]
            if written == "between others":
                file[f"other {start}"] = np.arange(start + 5)
    with h5py.File(path) as file, path.open("rb", buffering=0) as past:
        rows = stored_rows(file["x"], trusted=False, file=past)
        assert isinstance(rows, RowsInFile)
        assert rows.chunks == (chunk, 7)  # by which the order of examples is drawn
        assert rows.dtype == x.dtype
        for start, stop in ((0, 41), (0, 1), (3, 6), (6, 9), (7, 41), (40, 99), (5, 5), (8, 16)):
            np.testing.assert_array_equal(rows[start:stop], x[start:stop])


def test_neighbouring_chunks_are_read_at_once(path, monkeypatch):
    x, reads = np.arange(400.0).reshape(100, 4), []
    monkeypatch.setattr(rows_module, "read_into", lambda *args: reads.append(1) or read_into(*args))
    with held(path, x, chunks=(1, 4)) as file, path.open("rb", buffering=0) as past:
        rows = stored_rows(file["x"], trusted=False, file=past)
        np.testing.assert_array_equal(rows[20:90], x[20:90])
    assert len(reads) <= 3  # which HDF5 puts in a few pieces


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((41, 7), {"chunks": (8, 3)}),
        ((41, 7), {"chunks": (8, 7), "compression": "gzip"}),
        ((41, 7), {"chunks": (8, 7), "shuffle": True}),
        ((41, 7, 3), {"chunks": (8, 7, 2)}),
        ((41, 0), {"chunks": (8, 1), "maxshape": (None, None)}),
    ],
)
def test_other_chunks_are_read_by_hdf5(path, shape, options):
    x = np.random.default_rng(0).normal(size=shape)
    with held(path, x, **options) as file, path.open("rb", buffering=0) as past:
        rows = stored_rows(file["x"], trusted=False, file=past)
        assert not isinstance(rows, RowsInFile)
        np.testing.assert_array_equal(rows[:], x)


def test_a_chunk_of_another_size_than_it_must_have_is_left_to_hdf5(path):
    with h5py.File(path, "w", libver="earliest") as file:  # in which sizes of chunks are kept
        x = file.create_dataset("x", (32,), "f8", chunks=(8,), maxshape=(None,))
        x[:] = 1.0
        x.id.write_direct_chunk((16,), bytes(60))
        assert x.id.get_chunk_info(2).size == 60
    with h5py.File(path) as file, path.open("rb", buffering=0) as past:
        rows = stored_rows(file["x"], trusted=False, file=past)
        assert isinstance(rows, RowsInChunks)
        assert (rows[:16] == 1).all()


def test_a_file_that_is_cut_short_after_it_was_opened_is_refused(path):
    with (
        held(path, np.ones((64, 100)), chunks=(8, 100)) as file,
        path.open("rb", buffering=0) as past,
    ):
        rows = stored_rows(file["x"], trusted=False, file=past)
        assert isinstance(rows, RowsInFile)
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(ValueError, match="is cut short"):
            rows[:]


def test_filters_that_were_left_out_for_a_chunk_are_left_out(path):
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (4, 4), "u1", chunks=(2, 4), compression="gzip")
        x.id.write_direct_chunk((0, 0), bytes(range(8)), filter_mask=1)
        x[2:] = 7
        assert RowsInChunks(x)[:].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [7] * 4, [7] * 4]


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("dtype", ["u1", "f4", "S20"])
def test_chunks_of_every_kind_of_deflate_are_unpacked(path, inflating, dtype, level):
    """Stored, by fixed and by other codes; long matches and none."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 10**k, 600) for k in (0, 1, 2, 9)]
    x = np.repeat(rows, 8, axis=0).astype(dtype)
    options = {"chunks": (8, 600), "compression": level, "shuffle": True}
    with held(path, x, **options) as file:
        np.testing.assert_array_equal(RowsInChunks(file["x"])[:], x)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_filters_are_undone_in_any_order(path, inflating, order):
    x = np.random.default_rng(0).integers(0, 9, (40, 7)).astype("f4")
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((8, 7))
    for code in order:
        plan.set_filter(code, 0, (6,) if code == 1 else ())
    with h5py.File(path, "w") as file:
        space, form = h5py.h5s.create_simple(x.shape), h5py.h5t.IEEE_F32LE
        h5py.Dataset(h5py.h5d.create(file.id, b"x", form, space, plan))[...] = x
        np.testing.assert_array_equal(RowsInChunks(file["x"])[:], x)


def test_what_inflates_to_more_than_a_chunk_takes_no_memory(path, inflating):
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (8,), "f8", chunks=(8,), compression="gzip")
        x.id.write_direct_chunk((0,), zlib.compress(bytes(5 * 10**7)))
        rows = RowsInChunks(x)
        tracemalloc.start()
        with pytest.raises(ValueError, match="damaged: found a chunk of 68 bytes, expected 64"):
            rows[:]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 10**6


def test_an_empty_data_set_has_no_rows(path):
    with held(path, np.empty((10**9, 0)), chunks=(8, 6), maxshape=(None, None)) as file:
        assert RowsInChunks(file["x"])[:].shape == (10**9, 0)


PACKED = zlib.compress(bytes(64))


@pytest.mark.parametrize(
    ("filters", "chunk"),
    [
        ({"shuffle": True}, bytes(60)),
        ({"fletcher32": True}, b"ab"),
        ({"fletcher32": True}, bytes(64)),
        ({"fletcher32": True}, bytes(63) + b"\1" + bytes(4)),
        ({"compression": "gzip"}, zlib.compress(bytes(16))),
        ({"compression": "gzip"}, zlib.compress(bytes(100_000))),
        ({"compression": "gzip"}, PACKED[: len(PACKED) // 2]),
        ({"compression": "gzip"}, PACKED[:-4] + bytes(4)),  # another checksum
        ({"compression": "gzip"}, PACKED[2:]),  # no header
        ({"compression": "gzip"}, gzip.compress(bytes(64), mtime=0)),
        ({"compression": "gzip"}, b"no deflate at all"),
        ({"compression": "gzip", "shuffle": True}, zlib.compress(bytes(65))),
    ],
    ids=lambda one: str(len(one)) if isinstance(one, bytes) else "-".join(one),
)
def test_a_chunk_that_is_too_short_or_damaged_is_refused(path, inflating, filters, chunk):
    """HDF5 gives what lies in the memory beside it, or ends the process."""
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (8,), "f8", chunks=(8,), **filters)
        x.id.write_direct_chunk((0,), chunk)
        with pytest.raises(ValueError, match="damaged: "):
            RowsInChunks(x)[:]


def test_the_checksum_is_that_of_fletcher(path):
    """The sum of big-endian words of 16 bits, and the sum of the sums, both modulo 65,535."""
    content = np.random.default_rng(0).bytes(1001)
    first = second = 0
    for (word,) in struct.iter_unpack(">H", content + b"\0"):
        first = (first + word) % 65535
        second = (second + first) % 65535
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (1001,), "u1", chunks=(1001,), fletcher32=True)
        x.id.write_direct_chunk((0,), content + struct.pack("<HH", first, second))
        assert RowsInChunks(x)[:].tobytes() == content
        x.id.write_direct_chunk((0,), content + struct.pack("<HH", second, first))
        with pytest.raises(ValueError, match="checksum of a chunk does not fit"):
            RowsInChunks(x)[:]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"compression": "lzf"}, "is packed by 'lzf', expected gzip, shuffle"),
        ({"scaleoffset": 0, "dtype": "i4"}, "is packed by 'scaleoffset'"),
        ({"compression": "szip"}, "is packed by 'szip'"),
    ],
)
def test_other_packings_are_named(path, options, problem):
    if options.get("compression") == "szip" and not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        pytest.skip("this h5py has no szip")
    with held(path, np.zeros((64, 8)), chunks=(8, 8), **options) as file:
        assert problem in packing_problem(file["x"])


def test_chunks_that_were_never_written_are_counted(path):
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (64, 8), "f4", chunks=(8, 8))
        x[:20] = 1
        assert packing_problem(x) == "holds 3 of 8 chunks: the others were never written"


def test_numbers_in_another_form_than_numpy_s_are_named(path):
    with h5py.File(path, "w") as file:
        form = h5py.h5t.IEEE_F64LE.copy()
        form.set_fields(63, 52, 11, 0, 52)
        form.set_ebias(1000)
        space = h5py.h5s.create_simple((8,))
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((8,))
        h5py.h5d.create(file.id, b"x", form, space, plan)
        assert "stored in chunks of another form" in packing_problem(file["x"])
