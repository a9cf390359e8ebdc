"""What does it cost to train on a file, and how much memory does it take?

    python -m benchmarks.larger_than_memory            # the reader's share of a step, by layout
    python -m benchmarks.larger_than_memory --memory 4 # a file of 4 GB under a limit of 1.5 GB
    python -m benchmarks.larger_than_memory --save     # the shares, and keep the results

The share is that of processor time, of both threads: what reading and bringing a batch takes, of
all that a step takes, in two epochs that follow on a first one: there the memory of two windows is
taken from the system, once, and a file that is larger than memory has hundreds of windows. Files
are read from the system's cache: what is measured is arithmetic, and no disk. Beside what is packed
stands how long it takes to inflate a batch, and nothing else: by isal, which is taken where it is
installed, and by zlib. No reader takes less. That batches are gathered out of a window is not in
the share, since they are gathered out of an array, too: a step in memory stands beside.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np

from benchmarks.harness import SAVE, keep
from dnn_xp import Callback, Dense, Network, Preprocessing, open_examples, sgd, train

N = 784
NETWORK = Network(N, (Dense(256, "relu"), Dense(128, "relu"), Dense(10)), "softmax_cross_entropy")
LAYOUTS = {
    "contiguous": {},
    "chunks of 1 row": {"chunks": (1, N)},
    "chunks of 64 rows": {"chunks": (64, N)},
    "chunks of 1024 rows": {"chunks": (1024, N)},
    "chunks that h5py chooses": {"chunks": True},
    "gzip, 64 rows": {"chunks": (64, N), "compression": "gzip", "compression_opts": 1},
    "gzip, 1024 rows": {"chunks": (1024, N), "compression": "gzip", "compression_opts": 1},
    "gzip and shuffle, 1024 rows": {
        "chunks": (1024, N),
        "compression": "gzip",
        "compression_opts": 1,
        "shuffle": True,
    },
}
LIMIT = 1_500_000 * 1024
LIKE = np.empty(0, np.float32)
SCALE = Preprocessing(np.asarray(0.0), np.asarray(1 / 255))


def write(path: Path, m: int, dtype: str, **layout: object) -> None:
    """Write m pictures, half of whose bytes can be packed to a quarter, and their classes."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (16_384, N), dtype=np.uint8)
    base[:, ::2] //= 64
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (m, N), dtype, **layout)
        for start in range(0, m, len(base)):
            part = base[: min(len(base), m - start)]
            x[start : start + len(part)] = part if dtype == "u1" else part / np.float32(255)
        file["y"] = rng.integers(0, 10, m, dtype=np.uint8)


def share(path: Path, dtype: str, m: int) -> dict[str, float]:
    """Return what reading takes of the processor time of two epochs, which are not the first."""
    spent = {"fetching": 0.0, "bringing": 0.0}

    def timed(what, function):
        def run(which):
            start = time.thread_time()
            found = function(which)
            spent[what] += time.thread_time() - start
            return found

        return run

    how = SCALE if dtype == "u1" else None
    with (
        open_examples(path, like=LIKE, preprocessing=how) as X,
        open_examples(path, "y", like=LIKE) as Y,
    ):
        train(NETWORK, X, Y, optimizer=sgd(0.1), epochs=1, batch_size=512)
        X = X._replace(fetch=timed("fetching", X.fetch), read=timed("bringing", X.read))
        start = time.process_time()
        train(NETWORK, X, Y, optimizer=sgd(0.1), epochs=2, batch_size=512)
        total = time.process_time() - start
    steps = 2 * -(-m // 512)
    named = {f"ms {what}": seconds / steps * 1e3 for what, seconds in spent.items()}
    return {"ms a step": total / steps * 1e3} | named | {"share": sum(spent.values()) / total}


def inflating(path: Path) -> dict[str, float]:
    """Return how long it takes to inflate a batch and no more, where chunks are packed."""
    rows: dict[str, float] = {}
    with h5py.File(path) as file:
        x = file["x"]
        if x.compression is None:
            return rows
        places = range(0, min(16_384, len(x)), x.chunks[0])
        packed = [x.id.read_direct_chunk((place, 0))[1] for place in places]
        n_batches = len(packed) * x.chunks[0] / 512
    for name, module in (("isal", "isal.isal_zlib"), ("zlib", "zlib")):
        try:
            found = import_module(module)
        except ImportError:
            continue
        size = len(zlib.decompress(packed[0]))
        start = time.thread_time()
        for one in packed:
            found.decompressobj().decompress(one, size)
        rows[f"ms of {name} alone"] = (time.thread_time() - start) / n_batches * 1e3
    return rows


def in_memory(path: Path, m: int) -> dict[str, float]:
    """Return what a step takes where the same examples are an array in memory."""
    with h5py.File(path) as file:
        X = np.asarray(file["x"][...].T, np.float32)
        X *= 1 if file["x"].dtype == np.float32 else np.float32(1 / 255)
        Y = file["y"][...]
    start = time.process_time()
    train(NETWORK, X, Y, optimizer=sgd(0.1), epochs=2, batch_size=512)
    return {"ms a step": (time.process_time() - start) / (2 * -(-m // 512)) * 1e3}


def reading(m: int = 49_152) -> list[dict[str, object]]:
    """Return the reader's share for each layout, of three windows."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("u1", "f4"):
            for name, layout in LAYOUTS.items():
                path = Path(folder, "data.h5")
                write(path, m, dtype, **layout)
                load = {"load": os.getloadavg()[0]}
                found = share(path, dtype, m) | inflating(path)
                rows.append({"layout": name, "dtype": dtype} | found | load)
            rows.append({"layout": "in memory", "dtype": "f4"} | in_memory(path, m) | load)
    return rows


class First(Callback):
    """Note when the first step is done."""

    def __init__(self) -> None:
        self.began, self.seconds = time.perf_counter(), None

    def step(self, run) -> None:
        """Take the time, once."""
        if self.seconds is None:
            self.seconds = time.perf_counter() - self.began


def train_within_limit(path: str) -> None:
    """Train one epoch under the limit, and print what it took. It runs in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    small = Network(N, (Dense(16, "relu"), Dense(10)), "softmax_cross_entropy")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    with (
        open_examples(path, like=LIKE, preprocessing=SCALE) as X,
        open_examples(path, "y", like=LIKE) as Y,
    ):
        first = First()
        start = time.perf_counter()
        run = train(small, X, Y, epochs=1, batch_size=1024, callbacks=[first])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"GB: {Path(path).stat().st_size / 1e9:.2f}; examples: {X.shape[1]}; "
        f"MB before: {before:.0f}; MB at the peak: {peak:.0f}; "
        f"s to the first step: {first.seconds:.2f}; s in all: {time.perf_counter() - start:.0f}; "
        f"cost: {run.history['cost'][-1]:.3f}"
    )


def memory(gigabytes: float) -> None:
    """Train on a file of so many GB in a process that may not have more than 1.5 GB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.h5")
        write(path, int(gigabytes * 1e9) // N, "u1")
        program = "import sys; from benchmarks.larger_than_memory import train_within_limit as f"
        subprocess.run([sys.executable, "-c", f"{program}; f(sys.argv[1])", str(path)], check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(SAVE, action="store_true")
    parser.add_argument("--memory", type=float, metavar="GB")
    options = parser.parse_args()
    if options.memory:
        memory(options.memory)
    else:
        keep("larger_than_memory", reading())
