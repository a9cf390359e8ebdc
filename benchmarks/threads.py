"""What do small networks gain from one thread, on an idle machine and on one that is not?

    python -m benchmarks.threads [THREADS]

Training takes one thread where its products are small (`dnn_xp.backends.threads`). Here it runs as
it is and with that limit lifted, beside scikit-learn and PyTorch: first alone, then with another
program that keeps one of the cores busy. THREADS is how many cores there are (2 unless told). That
the limit changes no result beyond rounding is checked first.
"""

import math
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch

from benchmarks.harness import alternate, report
from benchmarks.training_step import Job, data, n_steps, with_dnn_xp, with_sklearn, with_torch
from dnn_xp.backends import threads

JOBS = (
    Job((20, 64, 10), 32, "float64", "adam", 2),
    Job((64, 100, 10), 200, "float64", "adam", 2),
    Job((64, 100, 10), 200, "float32", "adam", 2),
    Job((64, 100, 100, 10), 200, "float64", "adam", 2),
    Job((256, 128, 10), 128, "float64", "adam", 2),  # beyond the limit
)


def on_all_threads(program: Callable[[], float]) -> Callable[[], float]:
    def run() -> float:
        with mock.patch.object(threads, "_ALONE", -1):
            return program()

    return run


@contextmanager
def busy(core: int) -> Iterator[None]:
    """Keep a core busy."""
    other = multiprocessing.get_context("spawn").Process(target=_spin, args=(core,), daemon=True)
    other.start()
    try:
        yield
    finally:
        other.terminate()


def _spin(core: int) -> None:
    os.sched_setaffinity(0, {core})
    while True:
        pass


def programs(job: Job) -> dict[str, Callable[[], Any]]:
    X, y = data(job)
    ours = {
        "dnn_xp": with_dnn_xp(job, X, y, np.asarray),
        "dnn_xp on PyTorch": with_dnn_xp(job, X, y, torch.from_numpy),
    }
    free = {f"{name}, on all threads": on_all_threads(one) for name, one in ours.items()}
    for name, program in ours.items():
        assert math.isclose(program(), free[f"{name}, on all threads"](), rel_tol=1e-4)
    peers = {"scikit-learn": with_sklearn(job, X, y), "PyTorch, autograd": with_torch(job, X, y)}
    return ours | free | peers


def main() -> None:
    results = {}
    cores = os.sched_getaffinity(0)
    for job in JOBS:
        steps, contestants = n_steps(job, data(job)[0]), programs(job)
        rounds = {f"{job}, {len(cores)} cores": alternate(contestants, rounds=9)}
        with busy(max(cores)):
            rounds[f"{job}, one of {len(cores)} cores busy"] = alternate(contestants, rounds=9)
        for name, seconds in rounds.items():
            results[name] = {one: [t / steps for t in times] for one, times in seconds.items()}
    report("threads", results, 1e-6, "us a step")


if __name__ == "__main__":
    main()
