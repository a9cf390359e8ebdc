"""What does a step over two processes cost, beside one process that does the same work?

    python -m benchmarks.distributed [--keep]   # it starts processes over each engine

Each of two processes takes as many examples as the one process, so that what a step takes longer
is what the sum, and a step in two, cost. The floor of that is the engine's own sum of such a
vector, in its own memory and by its own call, in the same processes; the sum of the group is that
of the same vector through `Group.all_sum`, and is measured by its length, too. The time of one
process over that of each of two, with as many examples each, is the efficiency. Where the machine
is not idle, two processes wait for cores as well: the load average stands beside the figures.
``--keep`` writes them to ``results``.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from shutil import which

import numpy as np

from benchmarks.harness import RESULTS
from dnn_xp import Callback, Dense, Network, sgd, train
from dnn_xp.backends import over_jax, over_mpi, over_torch

NETWORK = Network(784, (Dense(256, "relu"), Dense(10)), "softmax_cross_entropy")  # 0.2 million
EXAMPLES, STEPS, SIZE = 64, 60, 2
MANY = 1024  # examples of a process, where arithmetic outweighs the sum
LENGTHS = (1, 10_000, NETWORK.size, 2_000_000, 20_000_000)
ENGINES = ("mpi", "torch", "jax")


class Clock(Callback):
    """Takes the time of each step."""

    def start(self, run):
        self.times = [time.perf_counter()]

    def step(self, run):
        self.times.append(time.perf_counter())


def steps(n_examples, group=None, n_steps=STEPS):
    """Return the milliseconds of each step, over batches of so many examples in all."""
    rng = np.random.default_rng(0)
    rows = rng.random((4 * n_examples, 784), dtype=np.float32)
    hot = np.eye(10, dtype=np.float32)[rng.integers(0, 10, len(rows))]
    clock = Clock()
    options = {"optimizer": sgd(0.1), "epochs": n_steps // 4, "batch_size": n_examples}
    train(NETWORK, rows.T, hot.T, callbacks=[clock], group=group, **options)
    return np.diff(clock.times)[4:] * 1e3


def sums(group):
    """Return the milliseconds of sums of each length."""
    found = {}
    for length in LENGTHS:
        vector = np.ones(length, np.float32)
        found[length] = times(partial(group.all_sum, vector), 30 if length < 1e7 else 5)
    return found


def engine_sum(engine):
    """Return what sums up a vector of the length of theta by the engine's own blocking call."""
    if engine == "torch":
        import torch
        from torch import distributed

        tensor = torch.zeros(NETWORK.size)
        return lambda: distributed.all_reduce(tensor)
    if engine == "mpi":
        from mpi4py import MPI

        array = np.zeros(NETWORK.size, np.float32)
        return lambda: MPI.COMM_WORLD.Allreduce(MPI.IN_PLACE, array)
    return None  # XLA has no other call than the one that is ours


def times(function, count=30):
    """Return the milliseconds of each of some calls."""
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        function()
        found.append((time.perf_counter() - begun) * 1e3)
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
    group, own_sum, found = join(engine), engine_sum(engine), defaultdict(list)
    vector = np.zeros(NETWORK.size, np.float32)
    programs = {
        "alone": lambda: steps(EXAMPLES),
        "over the group": lambda: steps(SIZE * EXAMPLES, group),
        "the group's sum": lambda: times(partial(group.all_sum, vector)),
        "many alone": lambda: steps(MANY, None, 12),
        "many over the group": lambda: steps(SIZE * MANY, group, 12),
    }
    if own_sum is not None:
        programs["the engine's own sum"] = lambda: times(own_sum)
    for _ in range(5):  # by turns, so that other programs disturb all
        for name, program in programs.items():
            group.all_sum(np.zeros(1, np.float32))
            found[name] += [*program()]
    found |= sums(group)
    if group.rank == 0:
        print(json.dumps({str(name): _figures(one) for name, one in found.items()}), flush=True)


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


def compare(figures):
    """Return what a step takes longer over the group, and how much of two processes is of use."""
    names = (("alone", "over the group"), ("many alone", "many over the group"))
    few, many = ({k: (figures[a][k], figures[b][k]) for k in figures[a]} for a, b in names)
    return {
        "more": {k: shared - alone for k, (alone, shared) in few.items()},
        f"efficiency with {EXAMPLES} examples": {k: one / both for k, (one, both) in few.items()},
        f"efficiency with {MANY} examples": {k: one / both for k, (one, both) in many.items()},
    }


def main():
    record = {"cores": os.cpu_count(), "processes": SIZE, "examples": EXAMPLES, "engines": {}}
    print(f"{SIZE} processes of {EXAMPLES} examples each, or {MANY}; {NETWORK.size:,} parameters")
    for engine in ENGINES:
        before = os.getloadavg()[0]
        figures = measure(engine)
        load = {"before": before, "after": os.getloadavg()[0]}  # which counts those two
        print(f"{engine}: load {before:.1f} to {load['after']:.1f} on {record['cores']} cores")
        print(f"  {'ms':>28} {'least':>9} {'median':>9}")
        compared = compare(figures)
        for name, one in (figures | compared).items():
            print(f"  {name:>28} {one['least']:9.3f} {one['median']:9.3f}")
        record["engines"][engine] = {"load": load, "ms": figures, **compared}
    if "--keep" in sys.argv:
        (RESULTS / "distributed.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in ENGINES:
        work(sys.argv[1])
    else:
        main()
