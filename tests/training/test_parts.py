"""Steps over a group: each member takes its part, and all take the step of one process."""

import h5py
import numpy as np
import pytest

from dnn_xp import (
    Activation,
    BatchNorm,
    Callback,
    Dense,
    Dropout,
    EarlyStopping,
    Network,
    load_checkpoint,
    open_examples,
    train,
)
from dnn_xp.backends import as_group, computes_lazily, has_fixed_shapes, to_host
from dnn_xp.data.sources import Source
from dnn_xp.training import ReduceOnPlateau, Regularization, adam, momentum, sgd
from dnn_xp.training.parts import part_of
from tests.groups import over_threads
from tests.helpers import assert_close, assert_values
from tests.runs import CASES, assert_same, train_as_estimators_do, train_case

SIZES = (1, 2, 3, 5)
# Rounding of nine steps in float64 on numbers near 1; Adam divides by small second moments.
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}
SHARED = [name for name in CASES if "batch norm" not in name]
X, Y = np.random.default_rng(0).normal(size=(3, 10)), np.eye(2)[[0, 1] * 5].T
DROPPING = Network(3, (Dense(4, "tanh"), Dropout(0.3), Dense(2)), "softmax_cross_entropy")


def assert_close_runs(run, other):
    assert_close(run.theta, other.theta, **ROUNDING)
    assert run.history.keys() == other.history.keys()
    for name, figures in other.history.items():
        np.testing.assert_allclose(run.history[name], figures, **ROUNDING)
    assert (run.epochs, run.ending, run.reason) == (other.epochs, other.ending, other.reason)


def assert_same_bits(runs):
    for run in runs[1:]:
        assert_close(run.theta, runs[0].theta, rtol=0)
        assert run[1:5] == runs[0][1:5]


@pytest.mark.parametrize("case", SHARED)
def test_members_end_where_one_process_ends(array, case):
    if computes_lazily(array(0.0)):
        with pytest.raises(ValueError, match="group: found with an array of Dask"):
            over_threads(2, lambda group: train_case(case, array=array, group=group))
        return
    runs = over_threads(3, lambda group: train_case(case, array=array, group=group))
    assert_same_bits(runs)
    assert_close_runs(runs[0], train_case(case, array=array))


@pytest.mark.once
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", SHARED)
def test_of_any_size(case, size):
    """Batches of 4 and of 2: among five members some have no example of them."""
    runs = over_threads(size, lambda group: train_case(case, group=group))
    assert_same_bits(runs)
    one = train_case(case)
    assert_close_runs(runs[0], one)
    if size == 1:
        assert_same(runs[0], one)


@pytest.mark.once
@pytest.mark.parametrize("by_batch", [False, True], ids=["over data", "by batch"])
@pytest.mark.parametrize("batch_size", [None, 4])
def test_weights_are_divided_by_those_of_the_whole_batch(batch_size, by_batch):
    weights = np.random.default_rng(3).uniform(0.0, 2.0, size=10)
    options = {"batch_size": batch_size, "weights": weights, "optimizer": adam(0.05)}
    options |= {"regularization": Regularization(l1=0.01, l2=0.1), "weights_by_batch": by_batch}
    runs = over_threads(
        3, lambda group: train_as_estimators_do(DROPPING, X, Y, group=group, **options)
    )
    one = train_as_estimators_do(DROPPING, X, Y, **options)
    assert_same_bits(runs)
    assert_close_runs(runs[0], one)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_members_share_a_narrower_float(array, xp, dtype):
    """Sums of float16 are in float32, as in one process; theta is rounded to float16 at the end."""
    if computes_lazily(array(0.0)) or not hasattr(xp, dtype):
        return
    x, y = array(X, dtype), array(Y, dtype)
    options = {"optimizer": sgd(0.1), "epochs": 3, "batch_size": 4, "example_space": False}
    runs = over_threads(2, lambda group: train(DROPPING, x, y, group=group, **options))
    assert_same_bits(runs)
    one = train(DROPPING, x, y, **options)
    assert runs[0].theta.dtype == one.theta.dtype
    tolerance = 2e-6 if dtype == "float32" else 2.0**-9  # the products are of 11 bits
    assert_close(runs[0].theta, one.theta, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("batch_size", [None, 4])
def test_a_source_is_read_in_parts(array, batch_size):
    if computes_lazily(array(0.0)):
        return
    read = [[] for _ in range(3)]
    options = {"optimizer": momentum(0.1), "epochs": 2, "batch_size": batch_size, "seed": 1}

    def source(member):
        def load(which):
            read[member].extend(np.arange(10)[which])
            return array(X[:, which])

        return Source((3, 10), load, array(X[:, :1]))

    one = train(DROPPING, source(0), array(Y), **options)
    read[0].clear()
    runs = over_threads(
        3, lambda group: train(DROPPING, source(group.rank), array(Y), group=group, **options)
    )
    assert_same_bits(runs)
    assert_close_runs(runs[0], one)
    if not has_fixed_shapes(array(0.0)):  # where some are read twice, to fill a shape up
        assert sorted(np.concatenate(read)) == sorted([*range(10)] * 2)


@pytest.mark.parametrize("size", [3])
@pytest.mark.parametrize("batch_size", [None, 4, 7])
def test_each_member_reads_its_runs_of_the_windows_of_a_file(array, tmp_path, size, batch_size):
    """Runs of 5 rows, of which one of three members has none in each window of two."""
    if computes_lazily(array(0.0)):
        return
    x, labels = np.random.default_rng(1).normal(size=(33, 3)), np.arange(33) % 2
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(5, 3))
        file.create_dataset("y", data=labels, chunks=(5,))
    weights = array(np.random.default_rng(3).uniform(0.5, 2.0, size=33))
    read = set()

    def run(group=None):
        def prepare(rows):
            if group is not None:
                read.update((group.rank, *row) for row in rows)
            return rows

        options = {"like": weights, "window": 10}
        with (
            open_examples(tmp_path / "data.h5", "x", prepare=prepare, **options) as rows,
            open_examples(tmp_path / "data.h5", "y", **options) as targets,
        ):
            return train(
                DROPPING,
                rows,
                targets,
                weights=weights,
                epochs=2,
                batch_size=batch_size,
                seed=2,
                group=group,
                regularization=Regularization(l2=0.1),
            )

    runs = over_threads(size, run)
    assert_same_bits(runs)
    assert_close_runs(runs[0], run())
    assert {row[1:] for row in read} == {*map(tuple, x)}


@pytest.mark.once
def test_one_sum_a_step_and_a_few_an_epoch():
    def run(group, epochs):
        train(DROPPING, X, Y, epochs=epochs, batch_size=4, group=group)
        return group.sizes

    short, long = over_threads(2, lambda g: run(g, 1))[0], over_threads(2, lambda g: run(g, 3))[0]
    size = DROPPING.size + 2  # with the cost, and a wish for the end
    assert short.count(size) == 3
    assert long.count(size) == 9
    per_epoch = (len(long) - len(short)) / 2
    assert per_epoch - 3 <= 6


@pytest.mark.once
def test_batch_norm_over_a_whole_batch_is_refused_with_the_way_out():
    layers = (Dense(4), BatchNorm(), Activation("relu"), Dense(2))
    network = Network(3, layers, "softmax_cross_entropy")
    with pytest.raises(ValueError, match=r"BatchNorm.*must see all.*BatchNorm\(across='part'\)"):
        over_threads(2, lambda group: train(network, X, Y, group=group))
    over_threads(1, lambda group: train(network, X, Y, group=group))
    parts = (Dense(4), BatchNorm(across="part"), Activation("relu"), Dense(2))
    network = Network(3, parts, "softmax_cross_entropy")
    runs = over_threads(2, lambda group: train(network, X, Y, batch_size=4, group=group))
    assert_same_bits(runs)


@pytest.mark.once
@pytest.mark.parametrize("case", SHARED)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_run_goes_on_over_another_number_of_members(case, size, tmp_path):
    """From the checkpoint that rank 0 of two members wrote; over two it ends with the same bits."""
    from dnn_xp import Checkpoint

    path = tmp_path / "run.checkpoint"
    whole = over_threads(2, lambda group: train_case(case, group=group))[0]
    over_threads(
        2, lambda group: train_case(case, _Stop(4), Checkpoint(path, steps=1), group=group)
    )
    progress = load_checkpoint(path)
    assert progress.steps == min(4, whole.progress.steps)
    runs = over_threads(size, lambda group: train_case(case, resume=progress, group=group))
    assert_same_bits(runs)
    assert_values(runs[0].theta, to_host(whole.theta), **ROUNDING)
    if size == 2:
        assert_same(runs[0], whole)


class _Stop(Callback):
    def __init__(self, steps):
        self.steps = steps

    def step(self, run):
        return "enough" if run.step >= self.steps else None


@pytest.mark.once
def test_a_schedule_that_looks_on_is_told_in_every_member():
    def run(group=None):
        schedule = ReduceOnPlateau(patience=1, min_delta=0.2)
        stop = EarlyStopping(patience=4, monitor="validation_cost")
        return train(
            DROPPING, X, Y, schedule=schedule, callbacks=[stop], epochs=12, batch_size=4,
            validation=(-X, Y), group=group, optimizer=sgd(0.5),
        )  # fmt: skip

    runs = over_threads(3, run)
    assert_same_bits(runs)
    assert_close_runs(runs[0], run())
    assert runs[0].epochs < 12


def test_parts_are_disjoint_and_of_one_length_but_for_one():
    for b in (0, 1, 7, 10):
        for size in SIZES:
            parts = [part_of(np.arange(b), rank, size) for rank in range(size)]
            assert list(np.concatenate(parts)) == list(range(b))
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.once
def test_what_is_no_group_is_refused():
    for found in (2, "torch", object(), np.zeros(3)):
        with pytest.raises(TypeError, match=r"group: found .* expected one of over_torch\(\)"):
            train(DROPPING, X, Y, group=found)
    assert as_group(None) is None
