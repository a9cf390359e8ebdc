"""How much longer is a step on Dask than the same step in one process?

    python -m benchmarks.dask_step [--rounds 5] [--save]

A network of 0.2 million parameters and batches of 1,024 examples, which lie in two blocks on two
workers of this machine: theta goes there and sums come back. A step is what an epoch more takes,
so that what a run does once, such as to look at the values of X, is not counted; each in turns.
"""

import argparse
import logging
import os
from functools import partial

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster, wait

from benchmarks.harness import alternate, keep, show
from dnn_xp import Dense, Network, sgd, train

BATCH, BLOCK, N_BLOCKS = 1024, 8200, 2
EPOCHS = 3
NETWORKS = {
    "203,530 parameters": Network(784, (Dense(256, "relu"), Dense(10)), "softmax_cross_entropy"),
    "7,960 parameters": Network(784, (Dense(10, "relu"), Dense(10)), "softmax_cross_entropy"),
}


def measure(rounds):
    rng = np.random.default_rng(0)
    m = BLOCK * N_BLOCKS
    X = rng.standard_normal((m, 784), dtype=np.float32).T
    Y = np.eye(10, dtype=np.float32)[:, rng.integers(0, 10, m)]
    rows, options = [], {"optimizer": sgd(0.01), "batch_size": BATCH}
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster),
    ):
        held = [da.from_array(x, chunks=(x.shape[0], BLOCK)).persist() for x in (X, Y)]
        wait(held)
        for name, network in NETWORKS.items():
            data = {"one process": (X, Y), "Dask": held}
            programs = {
                (where, epochs): partial(train, network, *some, epochs=epochs, **options)
                for where, some in data.items()
                for epochs in (1, EPOCHS)
            }
            seconds = alternate(programs, rounds)
            steps = (EPOCHS - 1) * -(-m // BATCH)
            here, there = (
                (np.asarray(seconds[where, EPOCHS]) - np.asarray(seconds[where, 1])) / steps * 1e3
                for where in data
            )
            rows.append(
                {
                    "job": name,
                    "one process, ms a step": float(np.median(here)),
                    "Dask, ms a step": float(np.median(there)),
                    "difference": float(np.median(there) - np.median(here)),
                    "least difference": float(there.min() - here.min()),
                    "load": os.getloadavg()[0],
                }
            )
            show(rows[-1:])
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", action="store_true")
    told = parser.parse_args()
    rows = measure(told.rounds)
    if told.save:
        keep("dask_step", rows)
