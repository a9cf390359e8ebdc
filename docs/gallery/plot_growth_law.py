"""
The growth law
==============

Several workers share a batch: each works out the gradient of its part, and what they found must
meet. When does one more worker still make a step shorter? Two numbers of an engine tell: how long
its smallest message takes, and how many bytes it moves in a second.
"""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dnn_xp.reports import show

# %%
# What was measured
# -----------------
# On 28 November 2026, between two processes of one machine with two cores that had other work to
# do, too (a load of 8 to 18); the least of many tries. A sum over both processes of one number is
# two messages of the latency. Sums of 203,531 and of 20 million numbers of 4 bytes tell how many
# bytes pass in a second, as long as they fit into a cache and beyond it.
# On Dask everything passes through one client: the latency is that of a step of 805 parameters.


class Engine(NamedTuple):
    """How long its messages take, and whether all of them pass through one client."""

    latency: float  # seconds
    rate: float  # bytes a second, of what is small
    rate_of_large: float  # bytes a second, beyond a cache
    through_client: bool = False

    def seconds(self, n_bytes):
        """Return how long a message of so many bytes takes."""
        small = min(n_bytes, 2**21)
        return self.latency + small / self.rate + (n_bytes - small) / self.rate_of_large


MEASURED = {
    "MPI (mpich)": Engine(1.5e-6, 3.2e9, 0.99e9),
    "torch, gloo": Engine(45e-6, 2.7e9, 0.71e9),
    "JAX, gloo": Engine(155e-6, 0.75e9, 0.265e9),
    "Dask": Engine(11e-3, 0.2e9, 0.2e9, through_client=True),
}
FLOPS = 98e9
"""Of one of those cores in training, a second; each parameter takes 6 for an example."""

# %%
# A small simulation
# ------------------
# Each worker computes its part, in a time that varies a little. Then parts travel in a ring: a
# worker hands the part that it has just received on to its neighbour, and nobody gets ahead of the
# slowest. On Dask the client sends theta to one worker after the other, and as each comes back with
# its sums, they queue for the client again.


def simulate(engine, n_parameters, batch, n_workers, rng, flops=FLOPS, spread=0.03):
    """Return the seconds of one step."""
    own = 6 * n_parameters * batch / (n_workers * flops)
    ready = own * (1.0 + spread * np.abs(rng.normal(size=n_workers)))
    if n_workers == 1 and not engine.through_client:
        return float(ready[0])
    if engine.through_client:
        one = 4 * n_parameters / engine.rate
        arrives = one * np.arange(1, n_workers + 1)  # theta, to one worker after the other
        free = 0.0
        for back in np.sort(arrives + ready):
            free = max(free, back) + one
        return engine.latency + free
    part = engine.seconds(4 * n_parameters / n_workers)
    for _ in range(2 * (n_workers - 1)):
        ready = np.maximum(ready, np.roll(ready, 1)) + part
    return float(ready.max())


def typical(*arguments, **options):
    """Return the median of some steps."""
    rng = np.random.default_rng(0)
    return float(np.median([simulate(*arguments, rng, **options) for _ in range(21)]))


# %%
# Does it say what two processes did? First what was not put into it: sums of 2 million numbers, and
# a step of 203,530 parameters on Dask with next to nothing to compute. Then whole steps: the rate
# of one process is put in, and what two of them took comes out. (Each figure the least of its
# tries.) It is right within a factor of two, and mostly better. That is enough for a law whose
# terms grow by factors of a thousand.

print("to meet       parameters  measured  simulated, ms")
for name, n_parameters, measured in (
    ("MPI (mpich)", 2_000_000, 8.4),
    ("torch, gloo", 2_000_000, 6.9),
    ("JAX, gloo", 2_000_000, 13.6),
    ("Dask", 203_530, 30.0),
):
    found = typical(MEASURED[name], n_parameters, 0, 2)
    print(f"{name:13} {n_parameters:>10,} {measured:>9} {1e3 * found:>10.2g}")

print("steps over MPI         one process  two measured  two simulated, ms")
for name, n_parameters, batch, one, two in (
    ("0.2M, batch 64", 203_530, 64, 0.56, 0.54),
    ("0.2M, batch 1,024", 203_530, 1024, 12.4, 7.9),
    ("2.4M, batch 1,024", 2_400_000, 1024, 147.0, 81.0),
):
    flops = 6 * n_parameters * batch / (one * 1e-3)
    found = typical(MEASURED["MPI (mpich)"], n_parameters, batch, 2, flops=flops)
    print(f"{name:22} {one:>11} {two:>13} {1e3 * found:>14.2g}")

# %%
# The law
# -------
# With N parameters, b examples in a batch, P workers of F operations a second, a latency of a and B
# bytes a second, a step takes
#
# - over a ring: 6 N b / (P F) for the arithmetic, and 2 (P - 1) a + 8 N (P - 1) / (P B) to meet,
# - through a client: 6 N b / (P F), and a + 8 N P / B.
#
# The first term falls with P, and the others rise: somewhere one more worker costs more than it
# brings. Where the bytes decide, N cancels: the *examples of a worker* make it pay, however large
# the network is.


def law(engine, n_parameters, batch, n_workers, flops=FLOPS):
    """Return the seconds of one step, by arithmetic."""
    step = 6 * n_parameters * batch / (n_workers * flops)
    if engine.through_client:
        return step + engine.latency + 8 * n_parameters * n_workers / engine.rate
    if n_workers == 1:
        return step
    return step + 2 * (n_workers - 1) * engine.seconds(4 * n_parameters / n_workers)


def most_workers(engine, n_parameters, batch):
    """Return up to how many workers each further one, in doublings, makes a step shorter."""
    counts = [2**i for i in range(13)]
    steps = [law(engine, n_parameters, batch, count) for count in counts]
    return counts[int(np.argmin(steps))]


def examples_for(engine, n_parameters, n_workers, efficiency=0.9):
    """Return how many examples each worker needs, to compute so much of the time."""
    meet = law(engine, n_parameters, 0, n_workers)
    return math.ceil(efficiency / (1 - efficiency) * meet * FLOPS / (6 * n_parameters))


ASSUMED = {
    "MPI, 10 Gb network": Engine(30e-6, 1.1e9, 1.1e9),
    "MPI, 100 Gb network": Engine(5e-6, 11e9, 11e9),
}
print("                     the last worker that pays, batch     examples that each of 8")
print("engine                      512   8,192   65,536          needs to compute 90 % of the time")
for name, engine in (MEASURED | ASSUMED).items():
    ends = [most_workers(engine, 203_530, batch) for batch in (512, 8192, 65_536)]
    need = examples_for(engine, 203_530, 8)
    print(f"{name:20} {ends[0]:>10} {ends[1]:>7} {ends[2]:>8} {need:>20,}")

# %%
# The picture
# -----------
# A network of 203,530 parameters. Dots: one and two processes, simulated with what was measured
# there. **Lines beyond two workers are arithmetic**: they continue what was measured between two
# processes of one machine to workers with a core each, and no such machine was there. The two
# networks are assumed (1.1 and 11 GB a second). A ring marks the last worker that pays.

COLOURS = ("#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#666666")
counts = [2**i for i in range(11)]
picture = Figure(figsize=(9.5, 4.6), layout="constrained")
for place, batch in enumerate((512, 65_536)):
    axes = picture.add_subplot(
        1,
        2,
        place + 1,
        xlabel="workers",
        ylabel="milliseconds a step",
        title=f"batches of {batch:,} examples",
    )
    for colour, (name, engine) in zip(COLOURS, (MEASURED | ASSUMED).items(), strict=True):
        steps = [1e3 * law(engine, 203_530, batch, count) for count in counts]
        dashed = name in ASSUMED
        axes.plot(counts, steps, color=colour, linestyle="--" if dashed else "-", label=name)
        best = int(np.argmin(steps))
        axes.plot(counts[best], steps[best], "o", color=colour, markerfacecolor="white", zorder=3)
        if not dashed:
            seen = [1e3 * typical(engine, 203_530, batch, count) for count in (1, 2)]
            axes.plot([1, 2], seen, ".", color=colour)
    alone = 1e3 * 6 * 203_530 * batch / FLOPS
    axes.plot(counts, [alone / count for count in counts], ":", color="black", label="no talk")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(counts[::2], [str(count) for count in counts[::2]])
    axes.grid(alpha=0.3)
lines, names = picture.axes[0].get_legend_handles_labels()
picture.legend(lines, names, fontsize="small", loc="outside lower center", ncols=4)
show(picture)
