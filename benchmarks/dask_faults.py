"""What does a worker that is killed cost a run on Dask, and what does the scheduler hold?

    python -m benchmarks.dask_faults [--kills 20] [--steps 1000] [--late 400] [--save]

A run is repeated with a worker killed at a random moment, and started again or not; each must end
with the bits of one that was left alone. One more run has a worker killed after 4 steps and one
after 400: the next step takes as long. And 1,000 steps leave the scheduler as many tasks as 10.
"""

import argparse
import logging
import os
import signal
import statistics
import threading
import time
from functools import partial

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster, wait

from benchmarks.harness import keep, show
from dnn_xp import Callback, Dense, Network, train
from dnn_xp.training import adam

N_FEATURES, N_EXAMPLES, BLOCK = 100, 16_000, 2000
NETWORK = Network(N_FEATURES, (Dense(32, "relu"), Dense(10)), "softmax_cross_entropy")


def examples(kind, block):
    """Return the examples of a block, drawn on the worker: they can be made again."""
    rng = np.random.default_rng(block[1])
    X = rng.standard_normal((N_FEATURES, BLOCK), dtype=np.float32)
    return X if kind == "X" else np.eye(10, dtype=np.float32)[:, rng.integers(0, 10, BLOCK)]


def make(kind, rows):
    chunks = ((rows,), (BLOCK,) * (N_EXAMPLES // BLOCK))
    return da.map_blocks(
        lambda block_id=None: examples(kind, block_id), chunks=chunks, dtype="float32"
    )


class Clock(Callback):
    """The seconds of each step; something is done before some of them."""

    def __init__(self, before=None):
        self.before, self.seconds, self.tasks = before or {}, [], []
        self.cluster = None

    def start(self, run):
        self.then = time.perf_counter()

    def step(self, run):
        self.seconds.append(time.perf_counter() - self.then)
        if self.cluster is not None:
            self.tasks.append(len(self.cluster.scheduler.tasks))
        if run.step in self.before:
            self.before[run.step]()
        self.then = time.perf_counter()


def kill(client, index=0, wait_s=0.0):
    """Kill a worker that there is, now or a little later."""
    pids = [*client.run(os.getpid).values()]
    threading.Timer(wait_s, os.kill, (pids[index % len(pids)], signal.SIGKILL)).start()


# A cluster of this machine else gives up a worker that is not back after 15 seconds.
dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"})


def begin(restart=True, processes=True):
    cluster = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=processes,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    )
    if not restart:
        for nanny in cluster.workers.values():
            nanny.auto_restart = False
    client = Client(cluster)
    X, Y = make("X", N_FEATURES).persist(), make("Y", 10).persist()
    wait([X, Y])
    return cluster, client, X, Y


def descend(X, Y, epochs, batch_size, *callbacks):
    options = {"optimizer": adam(0.01), "epochs": epochs, "batch_size": batch_size}
    return train(NETWORK, X, Y, callbacks=callbacks, example_space=False, **options).theta


def kills(n):
    """Return what each kill cost: the first half with the worker started again, then without."""
    rng, rows, held = np.random.default_rng(5), [], None
    for trial in range(n):
        restart = trial < n // 2
        if held is None:
            held = begin(restart)
            cluster, client, X, Y = held
            clean = {size: undisturbed(X, Y, size) for size in (None, 4000)}
        client.wait_for_workers(2)
        batch_size = (None, 4000)[trial % 2]
        theta, usual = clean[batch_size]
        at, later = int(rng.integers(1, 11)), float(rng.random()) * usual
        clock = Clock({at: partial(kill, client, trial, later)})
        hurt = descend(X, Y, *LENGTHS[batch_size], clock)
        rows.append(
            {
                "kill": trial + 1,
                "in step": at + 1,
                "restarted": restart,
                "batch": batch_size or "full",
                "same bits": bool(np.array_equal(hurt, theta)),
                "ms a step": usual * 1e3,
                "longest step after it, ms": max(clock.seconds[at:]) * 1e3,
            }
        )
        show(rows[-1:])
        if not restart or trial == n // 2 - 1:
            client.close()
            cluster.close()
            held = None
    return rows


LENGTHS = {None: (12, None), 4000: (3, 4000)}
"""Epochs and the batch size of runs of 12 steps."""


def undisturbed(X, Y, batch_size):
    clock = Clock()
    return descend(X, Y, *LENGTHS[batch_size], clock), statistics.median(clock.seconds)


def late_kill(steps):
    """Return how long the step after a kill takes, early and late in a run."""
    rows, late = [], max(10, steps)
    for at in (4, late):
        cluster, client, X, Y = begin()
        with cluster, client:
            clock = Clock({at: partial(kill, client)})
            clock.cluster = cluster
            descend(X, Y, at + 20, None, clock)
            rows.append(
                {
                    "killed after step": at,
                    "longest of the next 20, s": max(clock.seconds[at:]),
                    "tasks after 3 steps": clock.tasks[2],
                    "most tasks": max(clock.tasks),
                }
            )
            show(rows[-1:])
    return rows


def many_steps(steps):
    """Return what the scheduler holds after many steps, of workers that are threads: faster."""
    cluster, client, X, Y = begin(processes=False)
    with cluster, client:
        clock = Clock()
        clock.cluster = cluster
        descend(X, Y, steps, None, clock)
    rows = [
        {
            "steps": steps,
            "tasks after 10": max(clock.tasks[:10]),
            "most tasks in the last 100": max(clock.tasks[-100:]),
            "ms a step": statistics.median(clock.seconds) * 1e3,
        }
    ]
    show(rows)
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--late", type=int, default=400)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--save", action="store_true")
    told = parser.parse_args()
    rows = kills(told.kills)
    rows += many_steps(told.steps) if told.steps else []
    rows += late_kill(told.late) if told.late else []
    if told.save:
        keep("dask_faults", rows)
