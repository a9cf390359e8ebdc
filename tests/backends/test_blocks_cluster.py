"""Runs on a cluster of processes: a worker or the client that is killed costs time, and no bit."""

import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from dnn_xp import Callback, Dense, Dropout, Network, lbfgs, load_checkpoint, train
from dnn_xp.training import adam
from tests.helpers import assert_close

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

pytestmark = [pytest.mark.distributed, pytest.mark.once, pytest.mark.filterwarnings("ignore")]

BLOCK, N_BLOCKS = 3000, 8
NET = Network(20, (Dense(16, "tanh"), Dropout(0.2), Dense(3)), "softmax_cross_entropy")


def examples(kind, block):
    """Return the examples of a block, which any worker can make again."""
    rng = np.random.default_rng(block[1])
    X = rng.standard_normal((20, BLOCK), dtype="float32")
    return X if kind == "X" else np.eye(3, dtype="float32")[:, rng.integers(0, 3, BLOCK)]


def make(kind, rows):
    chunks = ((rows,), (BLOCK,) * N_BLOCKS)
    function = lambda block_id=None: examples(kind, block_id)  # noqa: E731 (pickled by value)
    return da.map_blocks(function, chunks=chunks, dtype="float32", meta=np.empty((0, 0), "f4"))


def descend(X, Y, *callbacks, epochs=8, **options):
    options = {"optimizer": adam(0.01), "seed": 1, "callbacks": callbacks} | options
    return train(NET, X, Y, epochs=epochs, **options)


@contextmanager
def two_workers(restart=True):
    # A worker that is not back after 15 seconds, on a busy machine, would be given up.
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        for nanny in cluster.workers.values():
            nanny.auto_restart = restart
        yield client


@pytest.fixture(scope="module")
def client():
    with two_workers() as client:
        yield client


@pytest.fixture
def data(client):
    """Return X and Y, persisted on a cluster whose workers are all there."""
    client.wait_for_workers(2)
    X, Y = make("X", 20).persist(), make("Y", 3).persist()
    distributed.wait([X, Y])
    return X, Y


class KillAWorker(Callback):
    """Kill one of the workers, a moment after a step has begun."""

    def __init__(self, client, step, later):
        self.client, self.at, self.later = client, step, later

    def step(self, run):
        if run.step == self.at:
            pids = [*self.client.run(os.getpid).values()]
            threading.Timer(self.later, os.kill, (pids[0], signal.SIGKILL)).start()


@pytest.mark.parametrize("batch_size", [None, 7000])
def test_a_cluster_and_one_thread_give_the_same_bits(data, batch_size):
    """What is added up first depends on the blocks' sizes, not on where they are."""
    options = {"epochs": 2, "batch_size": batch_size}
    found = descend(*data, **options)
    with dask.config.set(scheduler="synchronous"):
        here = descend(make("X", 20), make("Y", 3), **options)
    assert_close(found.theta, here.theta, rtol=0)
    assert found.history == here.history


def test_tensors_are_read_where_they_are(client, data):
    """Workers hand each other PyTorch's tensors; a worker that is killed costs no bit here, too."""
    torch = pytest.importorskip("torch")
    like = torch.empty((0, 0), dtype=torch.float32)
    X, Y = (x.map_blocks(torch.from_numpy, meta=like).persist() for x in data)
    expected = descend(*data, epochs=2)
    found = descend(X, Y, KillAWorker(client, 1, 0.02), epochs=2)
    assert_close(found.theta, expected.theta, rtol=0)
    assert found.history == expected.history
    predicted = NET.predict(found.theta, X)
    assert_close(
        predicted[:, :50].compute(), NET.predict(expected.theta, data[0])[:, :50].compute()
    )


@pytest.mark.parametrize("batch_size", [None, 7000])
def test_a_worker_that_is_killed_and_comes_back_costs_no_bit(client, data, batch_size):
    options = {"epochs": 8 if batch_size is None else 2, "batch_size": batch_size}
    undisturbed = descend(*data, **options)
    hurt = descend(*data, KillAWorker(client, 3, 0.02), **options)
    assert_close(hurt.theta, undisturbed.theta, rtol=0)
    assert hurt.history == undisturbed.history


def test_lbfgs_too(client, data):
    """In whose iterations a worker is killed as well."""
    pytest.importorskip("scipy.optimize", reason="L-BFGS searches lines with SciPy")
    network = Network(20, (Dense(8, "tanh"), Dense(3)), NET.cost)
    undisturbed = lbfgs(network, *data, max_iter=5)
    hurt = lbfgs(network, *data, max_iter=5, callbacks=[KillAWorkerEachThird(client)])
    assert_close(hurt.theta, undisturbed.theta, rtol=0)


class KillAWorkerEachThird(KillAWorker):
    def __init__(self, client):
        super().__init__(client, 0, 0.0)

    def step(self, run):
        if run.epoch == 2:
            self.at = run.step
            super().step(run)


def test_a_worker_that_does_not_come_back_costs_no_bit():
    with two_workers(restart=False) as client:
        X, Y = make("X", 20).persist(), make("Y", 3).persist()
        undisturbed = descend(X, Y)
        hurt = descend(X, Y, KillAWorker(client, 2, 0.03))
        assert_close(hurt.theta, undisturbed.theta, rtol=0)
        assert len(client.scheduler_info()["workers"]) == 1


def test_the_scheduler_holds_as_many_tasks_after_many_steps_as_after_a_few(client, data):
    held = []

    class Count(Callback):
        def epoch(self, run):
            held.append(client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))

    descend(*data, Count(), epochs=40)
    # What a step leaves is forgotten a moment later: two runs of blocks and their results.
    assert max(held[-20:]) <= max(held[:5]) + 4


def test_blocks_that_were_scattered_are_refused(client, data):
    X, Y = data
    host = np.concatenate([examples("X", (0, i)) for i in range(2)], axis=1)
    future = client.scatter(host)
    scattered = da.from_delayed(dask.delayed(future), host.shape, "float32")
    for some in (scattered, scattered.persist(), scattered.rechunk((20, 1000)) * 2.0):
        with pytest.raises(ValueError, match=r"X: found blocks that were scattered, .*from_array"):
            descend(some, Y[:, : 2 * BLOCK])
    weights = da.from_delayed(
        dask.delayed(client.scatter(np.ones(BLOCK * N_BLOCKS, "f4"))), (BLOCK * N_BLOCKS,), "f4"
    )
    with pytest.raises(ValueError, match="weights: found blocks that were scattered"):
        descend(X, Y, weights=weights)
    with pytest.raises(ValueError, match="validation: X: found blocks that were scattered"):
        descend(X, Y, validation=(scattered, Y[:, : 2 * BLOCK]))
    kept = da.from_array(host, chunks=(20, BLOCK)).persist()  # of a graph, though it came from here
    assert descend(kept, Y[:, : 2 * BLOCK], epochs=1).epochs == 1


PROGRAM = """
    import sys
    import distributed
    from dnn_xp import Checkpoint
    from tests.backends.test_blocks_cluster import descend, make

    client = distributed.Client(sys.argv[1])
    X, Y = make("X", 20), make("Y", 3)
    descend(X, Y, Checkpoint(sys.argv[2], steps=1), epochs=500, batch_size=7000)
"""


def test_a_client_that_is_killed_goes_on_from_its_checkpoint(client, data, tmp_path):
    path = tmp_path / "run.checkpoint"
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), client.scheduler.address, str(path)]
    with subprocess.Popen(command) as program:
        until = time.monotonic() + 60
        while not path.exists() or load_checkpoint(path).steps < 6:
            assert program.poll() is None, "the program ended by itself"
            assert time.monotonic() < until, "no checkpoint was written"
            time.sleep(0.05)
        program.kill()
    progress = load_checkpoint(path)
    epochs = progress.epoch + 2
    resumed = descend(*data, epochs=epochs, batch_size=7000, resume=progress)
    undisturbed = descend(*data, epochs=epochs, batch_size=7000)
    assert_close(resumed.theta, undisturbed.theta, rtol=0)
    assert resumed.history == undisturbed.history
