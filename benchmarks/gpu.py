"""How long does a step take on a GPU, against PyTorch and JAX, for layers of 64 to 4096 units?

    python -m benchmarks.gpu [--device cuda|cpu] [--seconds 180] [--widths 64 256 1024 4096]

One network of two hidden layers of that width (relu, ten classes), batches of 256, plain gradient
descent, float32. The programs take turns; each waits for the device before its clock is stopped.
That all learn the same is checked first, by the cost that each reaches from the same start.

A library that is missing, or has no such device, is named and left out. Where the time is over, the
widths that are left are named. Figures are kept only where they were measured on a GPU.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import SAVE, alternate, keep, show
from dnn_xp import Dense, Network, backends, one_hot, train
from dnn_xp.training import sgd

WIDTHS = (64, 4096, 512, 1024, 256, 2048, 128)  # in the order in which time is spent on them
BATCH, N_EXAMPLES, N_INPUTS, N_CLASSES, RATE = 256, 2048, 256, 10, 0.05


class Job(NamedTuple):
    """The data and the start that all programs have, on the host; examples are rows."""

    sizes: tuple[int, ...]
    X: np.ndarray
    y: np.ndarray
    weights: tuple[np.ndarray, ...]


def make_job(width: int) -> Job:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_EXAMPLES, N_INPUTS)).astype("float32")
    y = np.argmax(X @ rng.normal(size=(N_INPUTS, N_CLASSES)), axis=1)
    sizes = (N_INPUTS, width, width, N_CLASSES)
    pairs = list(pairwise(sizes))
    weights = [rng.normal(size=(n, m)) * math.sqrt(2.0 / n) for n, m in pairs]
    return Job(sizes, X, y, tuple(W.astype("float32") for W in weights))


Program = Callable[[], float]


def with_dnn_xp(job: Job, backend: backends.Backend, *, compile: bool = False) -> Program:
    """Return an epoch of ours."""
    hidden = (Dense(n, "relu") for n in job.sizes[1:-1])
    network = Network(job.sizes[0], (*hidden, Dense(job.sizes[-1])), "softmax_cross_entropy")
    X = backends.from_host(job.X, backend=backend).T
    Y = one_hot(job.y, N_CLASSES, like=X)
    start = {}
    for place, W in enumerate(job.weights, 1):
        start[f"W{place}"] = backends.asarray_like(W.T, like=X)
        start[f"b{place}"] = backends.asarray_like(np.zeros((W.shape[1], 1)), like=X)
    theta = network.pack(start)

    def run() -> float:
        options = {"optimizer": sgd(RATE), "epochs": 1, "batch_size": BATCH, "compile": compile}
        return train(network, X, Y, theta, **options).history["cost"][0]

    return run


def with_torch(job: Job, device: str, *, compile: bool) -> Program:
    """Return an epoch of PyTorch's own layers, cost, autograd and optimizer."""
    torch = import_module("torch")
    X, y = (torch.from_numpy(one).to(device) for one in (job.X, job.y))

    def step(parameters: list[Any], x: Any, y: Any) -> Any:
        A = x
        for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            A = torch.relu(A @ W + b)
        return torch.nn.functional.cross_entropy(A @ parameters[-2] + parameters[-1], y)

    if compile:
        step = torch.compile(step)

    def run() -> float:
        parameters = []
        for W in job.weights:
            parameters += [torch.tensor(W, device=device, requires_grad=True)]
            parameters += [torch.zeros(W.shape[1], device=device, requires_grad=True)]
        optimizer = torch.optim.SGD(parameters, lr=RATE)
        order = torch.randperm(N_EXAMPLES, device=device)
        total = torch.zeros((), device=device)
        for start in range(0, N_EXAMPLES, BATCH):
            batch = order[start : start + BATCH]
            optimizer.zero_grad()
            cost = step(parameters, X[batch], y[batch])
            cost.backward()
            optimizer.step()
            total += cost.detach() * len(batch)
        return total.item() / N_EXAMPLES

    return run


def with_jax(job: Job) -> Program:
    """Return an epoch of JAX's gradient, compiled."""
    jax = import_module("jax")
    jax.config.update("jax_default_matmul_precision", "highest")  # as the others have it
    jnp = jax.numpy
    X, y = jnp.asarray(job.X), jnp.asarray(job.y)

    def cost_of(parameters: Any, x: Any, y: Any) -> Any:
        for W, b in parameters[:-1]:
            x = jax.nn.relu(x @ W + b)
        W, b = parameters[-1]
        logs = jax.nn.log_softmax(x @ W + b)
        return -jnp.mean(jnp.take_along_axis(logs, y[:, None], axis=1))

    @jax.jit
    def step(parameters: Any, batch: Any, total: Any) -> Any:
        cost, slope = jax.value_and_grad(cost_of)(parameters, X[batch], y[batch])
        moved = jax.tree.map(lambda p, g: p - RATE * g, parameters, slope)
        return moved, total + cost * len(batch)

    def run() -> float:
        parameters = [(jnp.asarray(W), jnp.zeros(W.shape[1], "float32")) for W in job.weights]
        order, total = np.random.default_rng(0).permutation(N_EXAMPLES), jnp.zeros(())
        for start in range(0, N_EXAMPLES, BATCH):
            parameters, total = step(parameters, order[start : start + BATCH], total)
        return float(total) / N_EXAMPLES

    return run


def contestants(device: str) -> Iterator[tuple[str, Callable[[Job], Program] | str]]:
    """Yield each program's name, and what makes it, or why there is none."""
    gpu = device != "cpu"
    ours = [("dnn_xp on CuPy", "cupy", "cuda:0"), ("dnn_xp on PyTorch", "torch", device)]
    for name, library, where in ours if gpu else ours[1:]:
        try:
            backend = backends.open_backend(library, where)
        except backends.BackendError as error:
            yield name, str(error)
            continue
        yield name, lambda job, backend=backend: with_dnn_xp(job, backend)
        if library == "torch":
            yield (
                f"{name}, compiled",
                lambda job, backend=backend: with_dnn_xp(job, backend, compile=True),
            )
    problem = _problem("torch", device)
    for name, compile in (("PyTorch, eager", False), ("PyTorch, torch.compile", True)):
        yield name, problem or (lambda job, c=compile: with_torch(job, device, compile=c))
    problem = _problem("jax", "gpu" if gpu else "cpu")
    yield "JAX, jit of grad", problem or with_jax
    yield (
        "dnn_xp on JAX",
        problem or (lambda job: with_dnn_xp(job, backends.open_backend("jax"))),
    )


def _problem(library: str, device: str) -> str | None:
    """Return why a library does not compute on a device, or None where it does."""
    try:
        backends.open_backend(library, device)
    except backends.BackendError as error:
        return str(error)
    return None


def measure(device: str, widths: list[int], seconds: float, rounds: int) -> dict[str, Any]:
    """Return the seconds of each program by job, as far as the time goes."""
    makers, results, end = {}, {}, time.monotonic() + seconds
    for name, maker in contestants(device):
        if isinstance(maker, str):
            print(f"left out: {name}: {maker}")
        else:
            makers[name] = maker
    if not makers:
        return {}
    for width in widths:
        if time.monotonic() >= end:
            print(f"left out: width {width}: {seconds:g} s are over")
            continue
        job, programs = make_job(width), {}
        for name, maker in makers.items():
            try:
                programs[name] = maker(job)
                programs[name]()
            except Exception as error:  # a compiler may be missing, or memory
                programs.pop(name, None)
                print(f"left out: {name}, width {width}: {type(error).__name__}: {error}"[:300])
        if not programs:
            continue
        costs = {name: program() for name, program in programs.items()}
        # Other orders of the same examples, from the same start.
        assert max(costs.values()) < 1.1 * min(costs.values()), costs
        taken = alternate(programs, rounds)
        steps = N_EXAMPLES // BATCH
        results[f"width {width}"] = {
            name: [one / steps for one in times] for name, times in taken.items()
        }
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(SAVE, action="store_true", help="keep the results")
    chosen = parser.parse_args()
    results = measure(chosen.device, chosen.widths, chosen.seconds, chosen.rounds)
    if not results:
        print("nothing was measured")
        return
    rows = []
    for job, seconds in results.items():
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        ours = min(time for name, time in medians.items() if name.startswith("dnn_xp"))
        for name, median in sorted(medians.items(), key=lambda item: item[1]):
            row = {"job": job, "program": name, "us a step": 1e6 * median}
            rows.append(row | {"times our fastest": median / ours})
    if chosen.device == "cpu":
        show(rows)
        print("not kept: this was no GPU")
    else:
        keep("gpu", rows)


if __name__ == "__main__":
    main()
