"""Training and predicting from a file: the numbers that come of the same examples in memory."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from array_api_compat import is_dask_array

from dnn_xp import AnotherRunError, Callback, Dense, Network, Preprocessing, train
from dnn_xp.data import WindowOrder, apply, examples, open_examples
from dnn_xp.training import adam
from dnn_xp.training.evaluation import Evaluation
from dnn_xp.training.loop import TrainingData, prepare_run
from dnn_xp.training.moments import Callbacks, drive
from dnn_xp.training.settings import Settings
from tests.groups import over_threads
from tests.helpers import assert_close, assert_values, name_of

M = 31
RNG = np.random.default_rng(5)
PICTURES = RNG.integers(0, 256, (M, 2, 3), dtype=np.uint8)
X = PICTURES.reshape(M, 6).T / 255
Y = np.eye(3)[RNG.integers(0, 3, M)].T
NETWORK = Network(6, (Dense(5, "tanh"), Dense(3)), "softmax_cross_entropy")


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file.create_dataset("x", data=PICTURES, chunks=(4, 2, 3))
        file["names"] = ["a", "b"]
        file["y"] = np.arange(M)
        file["empty"] = np.empty((0, 3))
        file["labels"] = np.array([b"a", b"b", b"c"])
    return tmp_path / "data.h5"


def scaled(rows):
    return rows / 255


@pytest.mark.once
@pytest.mark.parametrize("like", [3, None, "numpy", [1.0], np.float32, np, object()], ids=name_of)
def test_something_to_be_like_that_is_no_array_is_refused(path, like):
    with (
        pytest.raises(TypeError, match=r"^like: found .*, expected an array of a library"),
        open_examples(path, like=like),
    ):
        pass


def test_rows_are_read_in_any_order(path, array):
    with open_examples(path, like=array(X), prepare=scaled) as source:
        assert source.shape == X.shape
        assert_values(source.read(slice(3, 9)), X[:, 3:9], rtol=0)
        assert_values(source.read(np.array([7, 2, 2, 30])), X[:, [7, 2, 2, 30]], rtol=0)


def sums_differ(array):
    """Return how near a run from a file comes to that of an array: but on Dask, to its bits."""
    # There a step of an array adds up sums of its blocks, and one of a file has all in memory.
    return {"rtol": 1e-12, "atol": 1e-15} if is_dask_array(array(X)) else {"rtol": 0}


def test_training_from_a_file_is_training_from_memory(path, array):
    options = {"optimizer": adam(0.01), "epochs": 3, "batch_size": 8, "seed": 2}
    expected = train(NETWORK, array(X), array(Y), **options)
    with open_examples(path, like=array(X), prepare=scaled) as source:
        found = train(NETWORK, source, array(Y), **options)
        outputs = NETWORK.predict(found.theta, source, batch_size=8)
    assert_close(found.theta, expected.theta, **sums_differ(array))
    # Products of other widths may round otherwise.
    assert_close(outputs, NETWORK.predict(found.theta, array(X)), rtol=1e-13)


def test_bytes_become_floats_as_they_are(path, array):
    with open_examples(path, like=array(X, "float32")) as source:
        assert_values(source.read(slice(0, 2)), PICTURES[:2].reshape(2, 6).T, rtol=0)
        assert source.read(slice(0, 2)).dtype == source.like.dtype


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("z", "is not there: found empty, labels, names, x, y"),
        ("empty", r"found float64\(0, 3\), expected numbers, an example a row"),
        ("labels", r"found \|S1\(3,\), expected numbers, an example a row"),
        ("names", "found text of variable length"),
        ("x/inner", "is not there: /x is no group"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(path, name, problem):
    with pytest.raises(ValueError, match=rf"data\.h5: {name}: {problem}"):
        open_examples(path, name, like=np.empty(0)).__enter__()


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        open_examples(tmp_path / "no.h5", like=np.empty(0)).__enter__()
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(ValueError, match="not an HDF5 file"):
        open_examples(tmp_path / "text.h5", like=np.empty(0)).__enter__()


def test_an_error_of_what_prepares_rows_is_not_taken_for_damage(path):
    def prepare(rows):
        raise OSError("no such table")

    with pytest.raises(OSError, match=r"^no such table"):
        open_examples(path, like=np.empty(0), prepare=prepare).__enter__()


@pytest.mark.parametrize("place", [-1, 1_000])
def test_a_place_beyond_the_rows_is_refused_and_no_damage(path, place):
    with (
        open_examples(path, like=np.empty(0)) as source,
        pytest.raises(IndexError, match=r"places: found .*, expected 0 to "),
    ):
        source.read(np.array([place, 0]))


@pytest.mark.parametrize("made", [None, 5.0, np.zeros(6), np.zeros((2, 6))])
def test_what_prepares_rows_must_make_a_row_of_each(path, made):
    with pytest.raises(ValueError, match=r"prepare: found shape .* of 1 rows, expected a row for"):
        open_examples(path, like=np.empty(0), prepare=lambda rows: made).__enter__()


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("filters", [{}, {"compression": "gzip"}, {"fletcher32": True}])
def test_rows_that_are_packed_come_as_they_were_stored(tmp_path, trusted, filters):
    path = tmp_path / "packed.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=PICTURES, chunks=(4, 2, 2), **filters)
    with open_examples(path, like=np.empty(0), trusted=trusted) as source:
        assert_values(source.read(slice(0, M)), PICTURES.reshape(M, 6).T, rtol=0)
        assert_values(
            source.read(np.array([7, 2, 2, 30])), PICTURES[[7, 2, 2, 30]].reshape(4, 6).T, rtol=0
        )


def test_damage_that_is_met_while_rows_are_read_names_the_file(tmp_path):
    path = tmp_path / "packed.h5"
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (M, 6), "f8", chunks=(8, 6), compression="gzip")
        x[...] = X.T
        x.id.write_direct_chunk((24, 0), b"damaged")
    with open_examples(path, like=np.empty(0)) as source:
        assert_values(source.read(slice(0, 8)), X[:, :8], rtol=0)
        with pytest.raises(ValueError, match=r"packed\.h5: x: damaged: a chunk cannot be unpacked"):
            source.read(slice(20, 31))


# ----------------------------------------------------------------------------- other forms of rows


def test_numbers_in_one_row_are_examples_of_one_feature(path, array):
    with open_examples(path, "y", like=array(X)) as source:
        assert source.shape == (1, M)
        assert_values(source.read(slice(2, 5)), np.arange(2.0, 5.0)[None, :], rtol=0)


def as_npy(tmp_path):
    np.save(tmp_path / "rows.npy", PICTURES)
    return tmp_path / "rows.npy"


def as_memory_map(tmp_path):
    return np.load(as_npy(tmp_path), mmap_mode="r")


def as_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    rows = zarr.create_array(tmp_path / "rows.zarr", data=PICTURES, chunks=(7, 2, 3))
    return zarr.open_array(rows.store_path, mode="r")


@pytest.mark.parametrize("form", [as_npy, as_memory_map, as_zarr, lambda _: PICTURES])
def test_rows_of_every_form_are_read_and_learnt_alike(tmp_path, array, form):
    rows = form(tmp_path)
    with open_examples(rows, like=array(X), prepare=scaled) as source:
        assert source.shape == X.shape
        assert_values(source.read(slice(3, 9)), X[:, 3:9], rtol=0)
        assert_values(source.read(np.array([7, 2, 2, 30])), X[:, [7, 2, 2, 30]], rtol=0)
        found = train(NETWORK, source, array(Y), epochs=1, batch_size=8)
    expected = train(NETWORK, array(X), array(Y), epochs=1, batch_size=8)
    assert_close(found.theta, expected.theta, **sums_differ(array))


def test_what_has_no_slices_is_refused(tmp_path):
    with pytest.raises(TypeError, match="path: found 3, expected a path, or rows"):
        open_examples(3, like=X).__enter__()
    rows = SimpleNamespace(shape=(2, 3), dtype="float32", __getitem__=None)  # as a tensor's is none
    with pytest.raises(TypeError, match="or rows that have slices and a dtype of NumPy's"):
        open_examples(rows, like=X).__enter__()
    with pytest.raises(IsADirectoryError, match=r"zarr\.open_array"):
        open_examples(tmp_path, like=X).__enter__()


@pytest.mark.parametrize(("name", "value"), [("window", 0), ("window", 2.5), ("ahead", 1)])
def test_options_that_make_no_sense_are_refused(path, name, value):
    with pytest.raises(ValueError, match=f"{name}: found"):
        open_examples(path, like=X, **{name: value}).__enter__()


def test_a_window_holds_so_many_rows_whatever_memory_there_is():
    def order(shape, dtype, **options):
        rows = np.lib.stride_tricks.as_strided(np.zeros(1, dtype), shape, (0,) * len(shape))
        with open_examples(rows, like=np.empty(0), **options) as source:
            return source.order

    assert order((10**6, 784), "u1") == WindowOrder(10**6, 64, 16_384)
    assert order((10**6, 100, 100, 3), "u1").window == 2**27 // 30_000
    assert order((10**6, 100, 100, 3), "u1", window=50_000).window == 50_000
    assert order((3, 2**28), "u1").window == 1


# ----------------------------------------------------------------------------- shift and scale


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stored", ["u1", ">u2", "i1", "?", "f4", ">f8", "i8"])
def test_rows_are_scaled_beside_an_array_as_on_the_host(array, stored, dtype):
    rows = (np.random.default_rng(0).integers(0, 120, (9, 4)) > 60).astype(stored)
    if stored not in "?":
        rows = np.random.default_rng(0).integers(0, 120, (9, 4)).astype(stored)
    shift = np.array([[3.0], [0.1], [-7.0], [100.0]])
    for how in (Preprocessing(0.0, 1 / 255), Preprocessing(shift, 1 / np.abs(shift))):
        expected = apply(how, rows.T, dtype)
        with open_examples(rows, like=array(np.empty(0, dtype)), preprocessing=how) as source:
            for which in (slice(0, 9), np.array([5, 0, 5])):
                found = source.read(which)
                assert found.dtype == source.like.dtype
                # In the dtype itself: two differences, scale and product are each rounded.
                assert_values(found, expected[:, which], rtol=4 * np.finfo(dtype).eps, atol=0.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mean_that_is_large_beside_the_spread_costs_no_digits(array, dtype):
    rows = (1e4 + np.random.default_rng(0).normal(size=(50, 3))).astype(dtype)
    mean = rows.mean(axis=0, dtype=np.float64)
    how = Preprocessing(mean[:, None], 1 / rows.std(axis=0, dtype=np.float64)[:, None])
    with open_examples(rows, like=array(np.empty(0, dtype)), preprocessing=how) as source:
        # Of a spread of one; the shift alone, in this dtype, is off by a thousand times as much.
        tolerance = 4 * np.finfo(dtype).eps
        found = source.read(slice(0, 50))
        assert_values(found, apply(how, rows.T, dtype), rtol=tolerance, atol=tolerance)


def test_bytes_are_moved_as_they_are_stored(monkeypatch):
    moved = []

    def asarray_like(value, *, like, dtype=None):
        moved.append(np.asarray(value).dtype.name)
        return np.asarray(value, like.dtype if dtype is None else dtype)

    monkeypatch.setattr(examples, "asarray_like", asarray_like)
    with open_examples(
        PICTURES, like=np.empty(0, "f4"), preprocessing=Preprocessing(0.0, 1 / 255)
    ) as one:
        moved.clear()
        one.read(slice(0, 5))
    assert moved == ["uint8"]


def test_training_on_bytes_is_training_on_scaled_numbers(path, array):
    scale = Preprocessing(0.0, 1 / 255)
    with open_examples(path, like=array(X), preprocessing=scale) as source:
        found = train(NETWORK, source, array(Y), epochs=1, batch_size=8).theta
    expected = train(
        NETWORK,
        array(apply(scale, PICTURES.reshape(M, 6).T, "float64")),
        array(Y),
        epochs=1,
        batch_size=8,
    ).theta
    # One rounding of each number, through four steps; and of sums of which little is left.
    assert_close(found, expected, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize(
    "how", [Preprocessing(np.zeros((5, 1)), 1.0), Preprocessing(np.zeros(6), 1.0)]
)
def test_preprocessing_of_other_features_is_refused(path, how):
    with pytest.raises(ValueError, match="preprocessing: found shift"):
        open_examples(path, like=X, preprocessing=how).__enter__()


# ----------------------------------------------------------------------------- training by windows

LARGE = RNG.integers(0, 256, (200, 6), dtype=np.uint8)
CLASSES = RNG.integers(0, 3, 200)


@pytest.fixture
def large(tmp_path):
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file.create_dataset("x", data=LARGE, chunks=(4, 6), compression="gzip")
        file.create_dataset("y", data=CLASSES, chunks=(30,))
    return tmp_path / "large.h5"


def learn(path, array, **options):
    opened = {name: options.pop(name) for name in ("window", "ahead") if name in options}
    options = {"optimizer": adam(0.01), "epochs": 2, "batch_size": 30, "seed": 1} | options
    with (
        open_examples(path, like=array(X), prepare=scaled, **{"window": 64} | opened) as rows,
        open_examples(path, "y", like=array(X)) as classes,
    ):
        return train(NETWORK, rows, classes, **options)


def test_windows_are_learnt_in_their_own_order(large, array):
    """As `train` learns an array in that order: every library, with a thread and without."""
    order = WindowOrder(200, 64, 64)
    data = TrainingData(array(LARGE.T / 255), array(np.eye(3)[CLASSES].T))

    def chosen(epoch):
        return np.concatenate([one.examples[one.order] for one in order.windows(1, epoch)])

    settings = Settings(adam(0.01), 2, 30, seed=1, order=chosen)
    expected = drive(prepare_run(NETWORK, data, None, settings, Evaluation()), Callbacks(()))
    for ahead in (True, False):
        found = learn(large, array, ahead=ahead).theta
        assert_close(found, expected.theta, **sums_differ(array))


@pytest.mark.parametrize("ahead", [True, False])
def test_windows_are_read_into_the_memory_of_those_before(large, array, ahead):
    """No batch needs what is in it when it is released, on any library."""
    memory, expected = set(), learn(large, array, ahead=ahead)
    with open_examples(large, like=array(X), prepare=scaled, window=64, ahead=ahead) as source:

        def fetch(places):
            rows = source.fetch(places)
            memory.add(rows.__array_interface__["data"][0])
            return rows

        def release(rows):
            rows.fill(255)
            source.release(rows)

        rows = source._replace(fetch=fetch, release=release)
        found = train(NETWORK, rows, CLASSES, optimizer=adam(0.01), epochs=2, batch_size=30, seed=1)
    assert_close(found.theta, expected.theta, rtol=0)
    # Of windows read ahead there are two, and a third where the thread begins with the next one
    # before what is left of the one before the last was taken over.
    assert len(memory) <= (3 if ahead else 1)


def test_memory_is_taken_for_new_rows_only_where_it_was_released_and_is_enough(large):
    places = np.arange(40)
    with open_examples(large, like=X, window=64) as source:
        kept, released = source.fetch(places), source.fetch(places)
        source.release(released)
        source.release(released)  # a second time is none
        few, others = source.fetch(places[:9]), source.fetch(places)
        assert np.shares_memory(few, released)
        assert not np.shares_memory(others, released)
        assert not np.shares_memory(others, kept)
        source.release(few)
        assert np.shares_memory(source.fetch(places), released)  # all of it is there again
        source.release(others)
        assert not np.shares_memory(source.fetch(np.arange(41)), others)
        np.testing.assert_array_equal(kept, LARGE[:40])


@pytest.mark.parametrize("part", [slice(None), slice(0, 4), slice(2, None)])
def test_memory_that_is_no_source_s_own_is_left_alone(large, part):
    own = LARGE.copy()
    with open_examples(large, like=X, window=64) as source:
        source.release(own[part])
        source.release(own)
        assert not np.shares_memory(source.fetch(np.arange(len(own))), own)
        assert not np.shares_memory(source.read(np.arange(3)), own)
    np.testing.assert_array_equal(own, LARGE)


def test_an_order_that_is_given_wins_over_that_of_a_source(large):
    plain = Settings(adam(0.01), 1, 30, order=lambda epoch: np.arange(200))
    with open_examples(large, like=X, prepare=scaled, window=64) as rows:
        data = TrainingData(rows, np.eye(3)[CLASSES].T)
        found = drive(prepare_run(NETWORK, data, None, plain, Evaluation()), Callbacks(()))
    data = TrainingData(LARGE.T / 255, np.eye(3)[CLASSES].T)
    expected = drive(prepare_run(NETWORK, data, None, plain, Evaluation()), Callbacks(()))
    assert_close(found.theta, expected.theta, rtol=0)


class StopAt(Callback):
    def __init__(self, step):
        self.last = step

    def step(self, run):
        return "here" if run.step == self.last else None


@pytest.mark.parametrize("step", [3, 7, 13])  # the last of an epoch, and within
def test_a_run_goes_on_in_the_middle_of_an_epoch_with_the_same_bits(large, array, library, step):
    if library.backend == "dask" and step != 3:
        pytest.skip("tens of milliseconds a step")
    begun = learn(large, array, callbacks=[StopAt(step)])
    assert begun.progress.steps == step
    assert begun.progress.batch > 0
    found = learn(large, array, resume=begun.progress)
    expected = learn(large, array)
    assert_close(found.theta, expected.theta, rtol=0)
    assert found.history == expected.history


def test_a_run_that_goes_on_reads_no_window_again(large):
    begun = learn(large, np.asarray, callbacks=[StopAt(5)])  # in the third of four windows
    read = []
    with open_examples(large, like=X, prepare=scaled, window=64) as rows:
        counted = rows._replace(fetch=lambda places: read.append(places) or rows.fetch(places))
        train(
            NETWORK,
            counted,
            CLASSES,
            optimizer=adam(0.01),
            epochs=1,
            batch_size=30,
            seed=1,
            resume=begun.progress,
        )
    assert sum(map(len, read)) == 200 - 2 * 64


def test_chunk_and_window_are_part_of_what_a_run_is_known_by(large, tmp_path):
    begun = learn(large, np.asarray, epochs=1).progress
    with pytest.raises(AnotherRunError, match="order: window: found 64, expected 128"):
        learn(large, np.asarray, window=128, resume=begun)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_dataset("x", data=LARGE, chunks=(48, 6))
        file["y"] = CLASSES
    with pytest.raises(AnotherRunError, match="order: chunk: found 64, expected 48"):
        learn(tmp_path / "other.h5", np.asarray, resume=begun)
    learn(large, np.asarray, ahead=False, resume=begun)  # which decides no bit


@pytest.mark.parametrize("size", [1, 2, 3])
def test_processes_read_every_size_th_run_and_train_as_one(large, array, library, size):
    if library.backend == "dask":
        pytest.skip("its scheduler shares out the work")
    read = [[] for _ in range(size)]

    def run(group):
        with (
            open_examples(large, like=array(X), prepare=scaled, window=64) as rows,
            open_examples(large, "y", like=array(X)) as classes,
        ):
            fetch = rows.fetch

            def counted(places):
                read[group.rank].append(places)
                return fetch(places)

            rows = rows._replace(fetch=counted)
            options = {"optimizer": adam(0.01), "epochs": 1, "batch_size": 30, "seed": 1}
            return train(NETWORK, rows, classes, group=group, **options)

    order = WindowOrder(200, 64, 64)
    runs = over_threads(size, run)
    for number, window in enumerate(order.windows(1, 0)):
        parts = [one[number] for one in read]
        assert sorted(np.concatenate(parts)) == window.examples.tolist()
        for rank, part in enumerate(parts):
            assert set(part // 64) == set(np.unique(window.examples // 64)[rank::size])
    expected = learn(large, array, epochs=1)
    for one in runs:
        # Sums of parts: Adam divides by small second moments.
        assert_close(one.theta, expected.theta, rtol=1e-12, atol=1e-12)


# ----------------------------------------------------------------------------- what goes wrong


def threads():
    return [one for one in threading.enumerate() if one.name.startswith("dnn_xp")]


def replaced(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.replace(other, path)


def touched(path):
    os.utime(path, ns=(1, 1))


def gone(path):
    path.unlink()


def shorter(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize("change", [replaced, touched, gone, shorter])
@pytest.mark.parametrize("kind", ["large.h5", "rows.npy"])
@pytest.mark.parametrize("ahead", [True, False])
def test_a_file_that_changes_while_it_is_trained_on_is_an_error(
    large, tmp_path, kind, change, ahead
):
    path = tmp_path / kind
    np.save(tmp_path / "rows.npy", LARGE)

    class Change(Callback):
        def step(self, run):
            if run.step == 3:
                change(path)

    problem = rf"{kind}.*: (has changed since it was opened|is cut short|damaged: )"
    with open_examples(path, like=X, prepare=scaled, window=64, ahead=ahead) as rows:  # noqa: SIM117
        with pytest.raises(ValueError, match=problem):
            train(NETWORK, rows, CLASSES, batch_size=30, callbacks=[Change()])
    assert not threads()


def test_a_thread_that_meets_damage_says_so_where_the_batch_is_asked_for(large):
    order, seen = WindowOrder(200, 64, 64), []
    bad = int([*order.windows(0, 0)][2].examples[0]) // 4 * 4  # of the third window's
    with h5py.File(large, "r+") as file:
        file["x"].id.write_direct_chunk((bad, 0), b"damaged")

    class Count(Callback):
        def step(self, run):
            seen.append(run.step)

    with open_examples(large, like=X, prepare=scaled, window=64) as rows:  # noqa: SIM117
        with pytest.raises(ValueError, match=r"large\.h5: x: damaged: a chunk cannot be unpacked"):
            train(NETWORK, rows, CLASSES, batch_size=30, callbacks=[Count()])
    assert seen == [*range(1, 1 + len(seen))]
    assert len(seen) >= 1
    assert not threads()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_no_thread_and_no_file_stays_after_an_error(large, error):
    class Fail(Callback):
        def step(self, run):
            assert len(threads()) == 1
            raise error

    with open_examples(large, like=X, prepare=scaled, window=64) as rows:
        with pytest.raises(error):
            train(NETWORK, rows, CLASSES, batch_size=30, callbacks=[Fail()])
        assert not threads()
    with pytest.raises(ValueError, match=r"large\.h5: x: is closed"):
        rows.read(slice(0, 1))
    with h5py.File(large, "r+"):  # which an open one would lock
        pass


def test_no_thread_stays_between_epochs_and_after_a_run(large):
    class Look(Callback):
        def epoch(self, run):
            assert not threads()

    learn(large, np.asarray, callbacks=[Look()])
    learn(large, np.asarray, callbacks=[StopAt(3)])
    assert not threads()


LEFT_OPEN = """
import sys, numpy as np
from dnn_xp import Dense, Network, open_examples, train
opened = open_examples(sys.argv[1], like=np.empty(0), window=64)
rows = opened.__enter__()
from dnn_xp.data.windows import window_batches
left = window_batches(rows.order, lambda which: (rows.fetch(which),), 30, 0, 0)
next(left)
print("read")
"""


def test_a_program_ends_though_all_is_left_open(large):
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, str(large)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "read\n", "")
