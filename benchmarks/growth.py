"""How do time and memory grow: with batch, width and depth, and with the number of examples?

    python -m benchmarks.growth

Time is that of a step divided by its arithmetic: where it is linear the figure stays the same.
Memory is what training adds to X: it must not grow with the examples as a copy of X would.
"""

import tracemalloc
from itertools import pairwise

import numpy as np

from benchmarks.harness import alternate, keep
from dnn_xp import Dense, Network, one_hot, train
from dnn_xp.training import adam

BASE = {"batch": 256, "width": 256, "depth": 2}
STEPS = 8


def job(batch: int, width: int, depth: int):
    sizes = (width, *([width] * depth), 10)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(batch * STEPS, width)).astype(np.float32).T
    Y = one_hot(rng.integers(0, 10, X.shape[1]), 10, like=X)
    layers = (*(Dense(n, "relu") for n in sizes[1:-1]), Dense(10))
    network = Network(width, layers, "softmax_cross_entropy")
    flops = 6 * batch * sum(n * n_prev for n_prev, n in pairwise(sizes))
    return lambda: train(network, X, Y, optimizer=adam(), epochs=1, batch_size=batch), flops


def time_of_a_step() -> list[dict[str, object]]:
    sizes = {
        f"{what} {value}": BASE | {what: value}
        for what, values in (
            ("batch", (64, 256, 1024, 4096)),
            ("width", (64, 256, 1024)),
            ("depth", (1, 2, 4, 8, 16)),
        )
        for value in values
    }
    jobs = {name: job(**one) for name, one in sizes.items()}
    seconds = alternate({name: program for name, (program, _) in jobs.items()}, rounds=5)
    rows = []
    for name, (_, flops) in jobs.items():
        step = float(np.median(seconds[name])) / STEPS
        rows.append({"job": name, "ms a step": step * 1e3, "GFLOP/s": flops / step / 1e9})
    return rows


def memory_beside_X() -> list[dict[str, object]]:
    rows = []
    for n_examples in (2_000, 20_000, 200_000):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n_examples, 100), dtype=np.float32).T
        Y = one_hot(rng.integers(0, 10, n_examples), 10, like=X)
        network = Network(100, (Dense(64, "relu"), Dense(10)), "softmax_cross_entropy")
        tracemalloc.start()
        train(network, X, Y, optimizer=adam(), epochs=1, batch_size=100)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        rows.append({"examples": n_examples, "MB of X": X.nbytes / 1e6, "MB beside it": peak / 1e6})
    return rows


if __name__ == "__main__":
    keep("growth", time_of_a_step() + memory_beside_X())
