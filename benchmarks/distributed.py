"""What does a step over two processes cost, beside one process that does the same work?

    python -m benchmarks.distributed [--keep]   # it starts processes over each engine

Each of two processes takes as many examples as the one process, so that what a step takes longer is
what the sum, and a step in two, cost. The time of a sum alone is measured by its length. Where the
machine is not idle, two processes wait for cores as well: the load average stands beside the
figures. ``--keep`` writes them to ``results``.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

import numpy as np

from benchmarks.harness import RESULTS
from dnn_xp import Callback, Dense, Network, sgd, train
from dnn_xp.backends import over_jax, over_mpi, over_torch

NETWORK = Network(784, (Dense(256, "relu"), Dense(10)), "softmax_cross_entropy")  # 0.2 million
EXAMPLES, STEPS, SIZE = 64, 60, 2
LENGTHS = (1, 10_000, NETWORK.size, 2_000_000, 20_000_000)
ENGINES = ("mpi", "torch", "jax")


class Clock(Callback):
    """Takes the time of each step."""

    def start(self, run):
        self.times = [time.perf_counter()]

    def step(self, run):
        self.times.append(time.perf_counter())


def steps(n_examples, group=None):
    """Return the milliseconds of each step, over batches of so many examples in all."""
    rng = np.random.default_rng(0)
    rows = rng.random((4 * n_examples, 784), dtype=np.float32)
    hot = np.eye(10, dtype=np.float32)[rng.integers(0, 10, len(rows))]
    clock = Clock()
    options = {"optimizer": sgd(0.1), "epochs": STEPS // 4, "batch_size": n_examples}
    train(NETWORK, rows.T, hot.T, callbacks=[clock], group=group, **options)
    return np.diff(clock.times)[4:] * 1e3


def sums(group):
    """Return the milliseconds of sums of each length."""
    found = {}
    for length in LENGTHS:
        taken = []
        for _ in range(30 if length < 1e7 else 5):
            vector = np.ones(length, np.float32)
            begun = time.perf_counter()
            group.all_sum(vector)
            taken.append((time.perf_counter() - begun) * 1e3)
        found[length] = taken
    return found


def join(engine):
    if engine == "mpi":
        return over_mpi()
    if engine == "torch":
        return over_torch()
    import jax

    where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    jax.distributed.initialize(where, SIZE, int(os.environ["RANK"]))
    return over_jax()


def work(engine):
    """Measure in one process of the group; the one process is measured in all of them at once."""
    group = join(engine)
    alone, shared = [], []
    for _ in range(5):  # by turns, so that other programs disturb both
        group.all_sum(np.zeros(1, np.float32))
        alone += [*steps(EXAMPLES)]
        group.all_sum(np.zeros(1, np.float32))
        shared += [*steps(SIZE * EXAMPLES, group)]
    found = {"alone": alone, "over the group": shared, **sums(group)}
    if group.rank == 0:
        print(json.dumps({str(name): _figures(times) for name, times in found.items()}), flush=True)


def _figures(times):
    return {"least": float(min(times)), "median": statistics.median(map(float, times))}


def measure(engine):
    """Start the processes of a group, and return what rank 0 has measured."""
    command = [sys.executable, "-m", "benchmarks.distributed", engine]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if engine == "mpi":
        launcher = which(
            "mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        )
        commands = [([launcher, "-n", str(SIZE), *command], {})]
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        joined = {"WORLD_SIZE": str(SIZE), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        commands = [(command, joined | {"RANK": str(rank)}) for rank in range(SIZE)]
    processes = [
        subprocess.Popen(one, env=environment | more, stdout=subprocess.PIPE, text=True)
        for one, more in commands
    ]
    lines = [line for process in processes for line in process.communicate()[0].splitlines()]
    return json.loads(next(line for line in lines if line.startswith("{")))


def main():
    found = {engine: measure(engine) for engine in ENGINES}
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; ms, least / median")
    for engine, figures in found.items():
        alone, shared = figures["alone"], figures["over the group"]
        print(f"{engine}: a step of {EXAMPLES} examples a process, {NETWORK.size:,} parameters")
        for name, one in figures.items():
            print(f"  {name:>16} {one['least']:9.3f} {one['median']:9.3f}")
        more = {name: shared[name] - alone[name] for name in alone}
        print(f"  {'more':>16} {more['least']:9.3f} {more['median']:9.3f}")
    if "--keep" not in sys.argv:
        return
    where = RESULTS / "distributed.json"
    about = {"load": os.getloadavg()[0], "cores": os.cpu_count(), "processes": SIZE}
    where.write_text(json.dumps({**about, "examples": EXAMPLES, "ms": found}, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in ENGINES:
        work(sys.argv[1])
    else:
        main()
