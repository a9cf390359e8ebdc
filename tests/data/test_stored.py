"""Data sets that stay in their file: what is read of them is what `load_arrays` loads."""

import os
from dataclasses import replace

import h5py
import numpy as np
import pytest

from dnn_xp.data import class_names, fit_preprocessing, load_arrays, tasks
from dnn_xp.data import stored as module
from dnn_xp.data.datasets import Dataset, absent_classes
from dnn_xp.data.preprocessing import standardize
from dnn_xp.data.stored import (
    Runs,
    absent_stored_classes,
    is_large,
    measure_columns,
    open_stored,
    scan,
    some_runs,
    split_runs,
    with_stored_classes,
)

M = 1003
"""Rows, of which the last run has fewer than others."""
LAYOUTS = {
    "contiguous": {},
    "chunks": {"chunks": (10, 6)},
    "rows as chunks": {"chunks": (1, 6)},
    "parts of rows": {"chunks": (7, 4)},
    "gzip": {"chunks": (13, 6), "compression": "gzip", "shuffle": True},
    "one chunk": {"chunks": (M, 6), "compression": "gzip"},
}


@pytest.fixture
def saved(tmp_path):
    def save(name="data.h5", layout="contiguous", **arrays):
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, values in arrays.items():
                more = LAYOUTS[layout] if key == "x" else {}
                file.create_dataset(key, data=values, **more)
        return path

    return save


def numbers(seed=0, m=M):
    return np.random.default_rng(seed).normal(5.0, [1, 2, 3, 4, 1e-9, 1e9], (m, 6))


LABELS = {
    "integers": np.arange(M) % 3 * 7 - 2,
    "bytes": (np.arange(M) % 5).astype(np.uint8),
    "a column": np.arange(M)[:, None] % 4,
    "truth values": np.arange(M) % 3 == 1,
    "text": np.asarray([b"dog", b"caf\xc3\xa9", b"ant"])[np.arange(M) % 3],
    "targets": np.linspace(-1, 1, M),
    "two targets": np.random.default_rng(1).normal(size=(M, 2)),
    "classes as doubles": np.arange(M) % 3 * 1.0,
    "a column of doubles": np.arange(M)[:, None] % 2 * 2.0 - 1.0,
    "one-hot": np.eye(4)[np.arange(M) % 4],
    "one-hot truth values": np.eye(3, dtype=bool)[np.arange(M) % 3],
    "labels": np.arange(M)[:, None] // [1, 2, 4] % 2,
    "labels as doubles": np.arange(M)[:, None] // [1, 2, 4] % 2 * 1.0,
    "prices": np.arange(M) ** 2,
    "columns of whole numbers": np.arange(2 * M).reshape(M, 2),
    "text that is numbers": np.char.encode((np.arange(M) ** 2 / 4).astype(str)),
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("layout", ["contiguous", "gzip"])
def test_what_is_read_is_what_would_be_loaded(saved, layout, name):
    path = saved(layout=layout, x=numbers(), y=LABELS[name])
    loaded = load_arrays(path)
    with open_stored(path) as dataset:
        assert dataset.classes == loaded.classes
        assert (dataset.task, dataset.notes) == (loaded.task, loaded.notes)
        assert (dataset.image_shape, dataset.pixel_max) == (None, None)
        assert dataset.X.shape == loaded.X.shape
        assert dataset.X.read().tolist() == loaded.X.tolist()
        assert dataset.y.read().tolist() == loaded.y.reshape(-1, M).tolist()


@pytest.mark.parametrize("block", [1, 100])
@pytest.mark.parametrize("name", LABELS)
def test_the_task_is_told_by_all_rows_however_many_are_read_at_a_time(
    saved, monkeypatch, name, block
):
    monkeypatch.setattr(module, "BLOCK", block)
    path = saved(x=numbers(), y=LABELS[name])
    loaded = load_arrays(path)
    with open_stored(path) as dataset:
        assert (dataset.task, dataset.notes) == (loaded.task, loaded.notes)


def test_a_number_that_is_unlike_the_others_is_seen_wherever_it_is(saved, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 10)
    y = np.arange(M) % 3 * 1.0
    y[-1] = 0.5
    with open_stored(saved(x=numbers(), y=y)) as dataset:
        assert dataset.task == "regression"


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("integers", "regression"),
        ("prices", "classes"),
        ("prices", "counts"),
        ("one-hot", "labels"),
        ("labels", "regression"),
        ("labels", "counts"),
        ("truth values", "regression"),
        ("text that is numbers", "classes"),
    ],
)
def test_the_task_that_is_asked_for(saved, name, task):
    path = saved(x=numbers(), y=LABELS[name])
    loaded = load_arrays(path, task=task)
    with open_stored(path, task=task) as dataset:
        assert (dataset.task, dataset.notes) == (loaded.task, loaded.notes) == (task, ())
        assert dataset.classes == loaded.classes
        assert dataset.y.read().tolist() == loaded.y.reshape(-1, M).tolist()


@pytest.mark.parametrize(
    ("name", "task"), [("targets", "counts"), ("text", "regression"), ("integers", "labels")]
)
def test_a_task_that_does_not_suit_is_refused_as_in_memory(saved, name, task):
    path = saved(x=numbers(), y=LABELS[name])
    with pytest.raises(ValueError, match=r"data\.h5: y: ") as loading:
        load_arrays(path, task=task)
    with pytest.raises(ValueError, match=r"data\.h5: y: ") as opening:
        open_stored(path, task=task).__enter__()
    assert str(opening.value) == str(loading.value)


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("block", [10, 2**22])
def test_classes_without_an_example_are_named_as_in_memory(saved, monkeypatch, name, block):
    monkeypatch.setattr(module, "BLOCK", block)
    y = LABELS[name][np.argsort(LABELS[name].reshape(M, -1)[:, 0], kind="stable")]
    path = saved(x=numbers(), y=y)
    loaded = load_arrays(path)
    with open_stored(path) as dataset:
        for part in split_runs(dataset, 0.2, 100, 0):
            places = np.concatenate(
                [np.arange(M)[run * 50 : run * 50 + 50] for run in part.y.rows.numbers]
            )
            some = loaded._replace(X=loaded.X[:, places], y=loaded.y[..., places])
            assert absent_stored_classes(part) == absent_classes(some)


def test_labels_are_those_of_a_model_or_refused(saved):
    with open_stored(saved(x=numbers(), y=LABELS["labels"])) as dataset:
        assert with_stored_classes(dataset, ("0", "1", "2")) is dataset
        with pytest.raises(ValueError, match=r"have the labels \['0', '1', '2'\], expected \['0'"):
            with_stored_classes(dataset, ("0", "1"))


@pytest.mark.parametrize("shape", [(M, 4, 3), (M, 4, 3, 1), (M, 2, 2, 3), (M, 2, 2, 4), (M, 12)])
def test_bytes_of_such_shapes_are_pictures_as_they_are_there(saved, shape):
    x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = saved(x=x, y=LABELS["integers"])
    loaded = load_arrays(path)
    with open_stored(path) as dataset:
        assert dataset.image_shape == loaded.image_shape
        assert dataset.pixel_max == loaded.pixel_max
        assert dataset.X.read().tolist() == loaded.X.tolist()


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": numbers()},
        {"x": numbers(), "y": np.zeros(M - 1, int)},
        {"x": numbers(), "y": np.zeros((M, 2, 2), int)},
        {"x": numbers(), "y": np.where(np.arange(M) == 700, np.nan, 1.0)},
        {"x": numbers(), "y": np.where(np.arange(2 * M).reshape(M, 2) == 700, np.inf, 1.0)},
        {"x": numbers(), "y": np.zeros(M, complex)},
        {"x": numbers()[:, 0], "y": np.zeros(M, int)},
        {"x": np.zeros((0, 3)), "y": np.zeros(0, int)},
        {"x": np.zeros((3, M)), "y": np.zeros(M, int)},
        {"x": np.zeros((M, 3), complex), "y": np.zeros(M, int)},
        {"x": np.zeros((M, 3), "S3"), "y": np.zeros(M, int)},
        {"x": numbers(), "y": np.asarray([b"\xff\xfe"] * M)},
        {"x": numbers(), "y": np.asarray(["any length"] * M, object)},
    ],
)
def test_what_would_not_be_loaded_is_not_opened(saved, arrays):
    path = saved(**arrays)
    with pytest.raises(ValueError, match=r"data\.h5: ") as loading:
        load_arrays(path)
    with pytest.raises(ValueError, match=r"data\.h5: ") as opening, open_stored(path):
        pass
    if "lacks" not in str(loading.value):
        assert str(opening.value) == str(loading.value)


@pytest.mark.parametrize(
    ("x", "large"), [((512, 32), False), ((513, 32), True), ((2, 2**13 + 1), True)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_the_size_as_float32_alone_decides_what_is_large(saved, monkeypatch, x, large, dtype):
    monkeypatch.setattr(module, "LARGE", 2**16)
    assert is_large(saved(x=np.zeros(x, dtype), y=np.zeros(x[0], int))) is large


@pytest.mark.parametrize("name", ["digits", "cats", "no.h5", ".", "data.npz", "damaged.h5", "a.h5"])
def test_what_is_no_such_file_is_not_large(saved, tmp_path, monkeypatch, name):
    monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", x=numbers(), y=LABELS["integers"])
    (tmp_path / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(3000))
    saved("a.h5", y=[0, 1])
    assert not is_large(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    assert not is_large(tmp_path / "pipe.h5")


@pytest.mark.parametrize("run", [1, 3, 64, 1003, 2000])
def test_slices_of_runs_are_those_of_their_rows(run):
    rows, rng = numbers(), np.random.default_rng(run)
    n_runs = -(-M // run)
    for _ in range(20):
        chosen = np.sort(rng.permutation(n_runs)[: rng.integers(1, n_runs + 1)])
        expected = np.concatenate([rows[n * run : (n + 1) * run] for n in chosen])
        found = Runs(rows, "data.h5", run, chosen)
        assert found.shape == expected.shape
        for _ in range(10):
            start, stop = np.sort(rng.integers(0, len(expected) + 2, 2)).tolist()
            assert found[start:stop].tolist() == expected[start:stop].tolist()
            target = np.zeros(
                (max(0, min(stop, len(expected)) - start), *rows.shape[1:]), rows.dtype
            )
            found.read_into(start, target)
            assert target.tolist() == expected[start:stop].tolist()
        assert found[:].tolist() == expected.tolist()


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_parts_are_runs_that_are_disjoint_and_all(saved, layout, name):
    path = saved(layout=layout, x=np.arange(M * 6).reshape(M, 6), y=LABELS[name])
    with open_stored(path) as dataset:
        rest, aside, measured = split_runs(dataset, 0.2, 10**6, seed=3)
        first = [part.X.read()[0] // 6 for part in (rest, aside, measured)]
        assert sorted(np.concatenate(first[:2]).tolist()) == list(range(M))
        assert set(first[2]) <= set(first[0])
        run = dataset.X.rows.run
        assert abs(len(first[1]) - 0.2 * M) <= 1.5 * run
        assert abs(len(first[2]) - len(first[1])) <= run
        for part, rows in zip((rest, aside, measured), first, strict=True):
            assert np.all(np.diff(rows) > 0)
            whole = dataset.y.read()
            assert part.y.read().tolist() == whole[:, rows].tolist()


def test_the_seed_chooses_what_is_set_aside(saved):
    path = saved(x=np.arange(M * 6).reshape(M, 6), y=LABELS["integers"])
    with open_stored(path) as dataset:
        chosen = [split_runs(dataset, 0.2, 10**6, s)[1].X.read()[0].tolist() for s in (0, 0, 1, 2)]
    assert chosen[0] == chosen[1]
    assert len({tuple(one) for one in chosen}) == 3


@pytest.mark.parametrize("most", [1, 60, 100, 10**9])
def test_no_more_is_set_aside_or_measured_than_asked_but_a_run(saved, most):
    with open_stored(saved(x=numbers(), y=LABELS["integers"])) as dataset:
        run = dataset.X.rows.run
        _, aside, measured = split_runs(dataset, 0.2, most, 0)
        some = some_runs(dataset, most, 0)
        assert max(one.X.shape[1] for one in (aside, measured, some)) <= max(run, most)
        assert min(one.X.shape[1] for one in (aside, measured, some)) >= min(M % run, most)


def test_a_single_row_cannot_be_divided(saved):
    path = saved(x=numbers()[:1], y=[1.0])
    with open_stored(path) as dataset, pytest.raises(ValueError, match="found 1 examples"):
        split_runs(dataset, 0.2, 100, 0)


@pytest.mark.parametrize("block", [1, 100, 2**22])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_statistics_are_those_of_an_array_in_memory(saved, monkeypatch, layout, block):
    monkeypatch.setattr(module, "BLOCK", block)
    path, told = saved(layout=layout, x=numbers(), y=LABELS["integers"]), []
    expected = fit_preprocessing(load_arrays(path))
    with open_stored(path) as dataset:
        found = standardize(measure_columns(dataset.X, lambda *done: told.append(done)))
    assert told[-1] == (M, M)
    # A thousand sums of numbers that are rounded to 2**-53; and one feature varies by 1e-9 about 5.
    np.testing.assert_allclose(found.shift, expected.shift, rtol=1e-13)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=5e9 * 2**-53)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e151, -1e200])
@pytest.mark.parametrize("row", [0, 500, M - 1])
@pytest.mark.parametrize("name", ["x", "y"])
def test_numbers_that_cannot_be_learnt_from_are_named_as_in_memory(
    saved, monkeypatch, name, row, value
):
    monkeypatch.setattr(module, "BLOCK", 100)
    arrays = {"x": numbers(), "y": np.linspace(0, 1, M)}
    arrays[name][row, ...] = value
    path = saved(**arrays)
    with pytest.raises(ValueError, match=rf"data\.h5: {name}: .*in row {row}") as loading:
        load_arrays(path)
    # Those of y where it is opened, since they tell the task.
    with (
        pytest.raises(ValueError, match=r"data\.h5") as scanning,
        open_stored(path) as dataset,
    ):
        scan(dataset)
    assert str(scanning.value) == str(loading.value)


def checksum(path):
    with open_stored(path) as dataset:
        return scan(dataset)


def test_data_are_known_again_whatever_their_file_is_called_and_packed(saved):
    one = saved("one.h5", "chunks", x=numbers(), y=LABELS["text"])
    other = saved("other.h5", "gzip", x=numbers(), y=LABELS["text"])
    with h5py.File(saved("packed.h5", x=[0], y=LABELS["text"]), "a") as file:
        del file["x"]
        file.create_dataset("x", data=numbers(), chunks=(10, 3), compression="gzip")
    packed = one.with_name("packed.h5")
    assert checksum(one) == checksum(packed)
    assert checksum(other) != checksum(one)  # since it is divided into other runs


@pytest.mark.parametrize("row", [0, 63, 64, 1000, M - 1])
@pytest.mark.parametrize("name", ["x", "y"])
def test_any_other_number_is_other_data(saved, name, row):
    arrays = {"x": numbers(), "y": LABELS["integers"].copy()}
    before = checksum(saved(**arrays))
    arrays[name][row, ...] = 99
    assert checksum(saved(**arrays)) != before


def test_how_far_it_is_is_told(saved, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 1)
    told = []
    with open_stored(saved(x=numbers(), y=LABELS["integers"])) as dataset:
        scan(dataset, lambda *done: told.append(done))
    assert told == [(min(done, M), M) for done in range(50, M + 50, 50)]


def test_classes_get_the_numbers_of_a_model(saved):
    with open_stored(saved(x=numbers(), y=LABELS["text"])) as dataset:
        renamed = with_stored_classes(dataset, ("dog", "eel", "ant", "café"))
        names = [dataset.classes[place] for place in dataset.y.read()[0]]
        assert [renamed.classes[place] for place in renamed.y.read()[0]] == names
        part = split_runs(renamed, 0.2, 100, 0)[1]
        assert set(part.y.read()[0].tolist()) == {0, 2, 3}
        with pytest.raises(ValueError, match=r"the data have the classes \['café'\], expected"):
            with_stored_classes(dataset, ("dog", "ant"))


def test_targets_have_no_classes(saved):
    path = saved(x=numbers(), y=LABELS["targets"])
    with open_stored(path) as dataset, pytest.raises(ValueError, match="the data have targets"):
        with_stored_classes(dataset, ("dog", "ant"))


@pytest.mark.parametrize("layout", ["contiguous", "chunks", "gzip"])
def test_a_file_that_is_cut_short_is_named(saved, layout):
    path = saved(layout=layout, x=numbers(), y=LABELS["integers"])
    with open_stored(path) as dataset:
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(ValueError, match=r"data\.h5: "):
            scan(dataset)


def test_a_class_that_was_not_there_is_a_change(saved):
    path = saved(x=numbers(), y=LABELS["integers"])
    with open_stored(path) as dataset:
        places = dataset.y.rows.rows
        changed = Runs(replace(places, rows=np.full(M, 99)), str(path), 50, dataset.y.rows.numbers)
        with pytest.raises(ValueError, match="the file has changed"):
            changed[0:10]


@pytest.mark.parametrize("kind", [bytes, object], ids=["of one length", "of any length"])
def test_text_is_decoded_once_a_class(saved, monkeypatch, kind):
    """There may be millions of rows, of which each would be several objects of Python's."""
    decoded, names = [], np.asarray([b"dog", b"caf\xc3\xa9", b"an ant"], kind)

    def texts(values, where):
        decoded.extend(values.tolist())
        return class_names.texts(values, where)

    monkeypatch.setattr(tasks, "texts", texts)
    path = saved(x=numbers())
    with h5py.File(path, "a") as file:
        dtype = None if kind is bytes else h5py.string_dtype()
        file.create_dataset("y", data=names[np.arange(M) % 3], dtype=dtype)
    with open_stored(path, trusted=kind is object) as dataset:
        assert dataset.classes == ("an ant", "café", "dog")
        assert len(decoded) <= 6
        np.testing.assert_array_equal(dataset.y.read()[0], np.asarray([2, 1, 0])[np.arange(M) % 3])
    assert len(decoded) <= 9


def test_the_dataset_in_memory_has_the_same_fields():
    assert module.StoredDataset._fields == Dataset._fields
