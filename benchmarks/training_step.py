"""How long does a step take, against scikit-learn, PyTorch and JAX?

    python -m benchmarks.training_step [THREADS]

The same networks (relu, softmax), sizes, batches, optimizers and dtypes; whole epochs, shuffled.
That all learn the same is checked first, by the cost that each reaches on the same data.

Beside them run the parts of our step, to tell where its time goes: the matrix products and nothing
else, and the optimizer's update and nothing else. Beside the largest job runs also one large square
product of as many operations: the time of bare products is the least that a step can take, and
their time over ours the share of the machine's rate that our step reaches.
"""

import os
import sys

THREADS = sys.argv[1] if len(sys.argv) > 1 else "2"
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = THREADS

import math  # noqa: E402 - threads are chosen before the libraries load
import warnings  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from itertools import pairwise  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
import torch  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402

from benchmarks.harness import alternate, report  # noqa: E402
from dnn_xp import Dense, Network, one_hot, train  # noqa: E402
from dnn_xp.training import adam, momentum  # noqa: E402
from dnn_xp.training.optimizers import descend  # noqa: E402

jax.config.update("jax_enable_x64", True)

RATE = 1e-3
OPTIMIZERS = {"adam": adam, "momentum": momentum}
PRODUCTS, UPDATE = "its matrix products alone", "its optimizer's update alone"
SQUARE = "a square matrix product of as many operations"


class Job(NamedTuple):
    sizes: Sequence[int]
    batch: int
    dtype: str
    optimizer: str
    epochs: int

    def __str__(self) -> str:
        sizes = list(self.sizes)
        return f"{sizes}, batch {self.batch}, {self.optimizer}, {self.dtype}"


JOBS = (
    Job((20, 64, 10), 32, "float64", "momentum", 4),
    Job((20, 64, 64, 64, 10), 32, "float32", "adam", 3),
    Job((784, 256, 128, 10), 128, "float32", "adam", 2),
    Job((784, 1024, 1024, 10), 512, "float32", "adam", 1),
)


def data(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Return examples in rows, and classes that a linear rule with noise gives."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(max(2048, 32 * job.batch), job.sizes[0]))
    rule = rng.normal(size=(job.sizes[0], job.sizes[-1]))
    y = np.argmax(X @ rule + rng.normal(size=(len(X), job.sizes[-1])), axis=1)
    return X.astype(job.dtype), y


def with_dnn_xp(job: Job, X: np.ndarray, y: np.ndarray, like: Any) -> Callable[[], float]:
    hidden = (Dense(n, "relu") for n in job.sizes[1:-1])
    network = Network(job.sizes[0], (*hidden, Dense(job.sizes[-1])), "softmax_cross_entropy")
    X = like(X).T
    Y = one_hot(y, job.sizes[-1], like=X)
    optimizer = OPTIMIZERS[job.optimizer](RATE)

    def run() -> float:
        options = {"optimizer": optimizer, "epochs": job.epochs, "batch_size": job.batch}
        return train(network, X, Y, **options).history["cost"][-1]

    return run


def with_sklearn(job: Job, X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    def run() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged, nor is it meant to
            model = MLPClassifier(
                job.sizes[1:-1],
                solver={"adam": "adam", "momentum": "sgd"}[job.optimizer],
                nesterovs_momentum=False,
                alpha=0.0,
                batch_size=job.batch,
                learning_rate_init=RATE,
                max_iter=job.epochs,
                n_iter_no_change=job.epochs + 1,
                random_state=0,
            ).fit(X, y)
        return model.loss_

    return run


def with_torch(job: Job, X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    x, labels = torch.from_numpy(X), torch.from_numpy(y)
    dtype = getattr(torch, job.dtype)

    def run() -> float:
        torch.manual_seed(0)
        layers: list[torch.nn.Module] = []
        for n_prev, n in zip(job.sizes, job.sizes[1:], strict=False):
            layers += [torch.nn.Linear(n_prev, n, dtype=dtype), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        for layer in layers[::2]:
            torch.nn.init.xavier_uniform_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        optimizer = {
            "adam": lambda p: torch.optim.Adam(p, lr=RATE),
            "momentum": lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.9),
        }[job.optimizer](model.parameters())
        for _ in range(job.epochs):
            order, total = torch.randperm(len(x)), torch.zeros((), dtype=dtype)
            for start in range(0, len(x), job.batch):
                batch = order[start : start + job.batch]
                optimizer.zero_grad()
                cost = torch.nn.functional.cross_entropy(model(x[batch]), labels[batch])
                cost.backward()
                optimizer.step()
                total += cost.detach() * len(batch)
        return total.item() / len(x)

    return run


def with_jax(job: Job, X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    x, labels = jnp.asarray(X), jnp.asarray(y)
    rule = {"adam": optax.adam(RATE), "momentum": optax.sgd(RATE, momentum=0.9)}[job.optimizer]

    def cost_of(p, x, labels):
        for W, b in p[:-1]:
            x = jax.nn.relu(x @ W + b)
        W, b = p[-1]
        return optax.softmax_cross_entropy_with_integer_labels(x @ W + b, labels).mean()

    @jax.jit
    def step(p, state, x, labels, batch, total):
        cost, slope = jax.value_and_grad(cost_of)(p, x[batch], labels[batch])
        change, state = rule.update(slope, state, p)
        return optax.apply_updates(p, change), state, total + cost * len(batch)

    def run() -> float:
        rng = np.random.default_rng(0)
        p = []
        for n_prev, n in zip(job.sizes, job.sizes[1:], strict=False):
            limit = math.sqrt(6.0 / (n_prev + n))
            W = rng.uniform(-limit, limit, (n_prev, n)).astype(job.dtype)
            p.append((jnp.asarray(W), jnp.zeros(n, dtype=job.dtype)))
        state = rule.init(p)
        for _ in range(job.epochs):
            order, total = rng.permutation(len(x)), jnp.zeros((), dtype=job.dtype)
            for start in range(0, len(x), job.batch):
                batch = order[start : start + job.batch]
                p, state, total = step(p, state, x, labels, batch, total)
        return float(total) / len(x)

    return run


def n_steps(job: Job, X: np.ndarray) -> int:
    return job.epochs * -(-len(X) // job.batch)


def with_products(job: Job, X: np.ndarray) -> Callable[[], None]:
    """Return the matrix products of a run: W A, dZ A^T and, but for the first layer, W^T dZ."""
    rng = np.random.default_rng(0)
    layers = []
    for n_prev, n in pairwise(job.sizes):
        shapes = (n, n_prev), (n_prev, job.batch), (n, job.batch), (n, n_prev)
        layers.append([rng.normal(size=shape).astype(job.dtype) for shape in shapes])
    layers[0][1] = X.T[:, rng.permutation(len(X))[: job.batch]]  # in the memory order of a batch
    steps = n_steps(job, X)

    def run() -> None:
        for _ in range(steps):
            for W, A, _, _ in layers:
                np.dot(W, A)
            for place, (W, A, dZ, dW) in reversed(list(enumerate(layers))):
                np.dot(dZ, A.T, out=dW)
                if place:
                    np.dot(W.T, dZ)

    return run


def with_update(job: Job, X: np.ndarray) -> Callable[[], None]:
    """Return the optimizer's part of a run; a copy of the gradient stands for the one it spends."""
    optimizer = OPTIMIZERS[job.optimizer](RATE)
    size = sum((n_prev + 1) * n for n_prev, n in pairwise(job.sizes))
    theta, slope = np.random.default_rng(0).normal(size=(2, size)).astype(job.dtype)
    steps = range(1, n_steps(job, X) + 1)

    def run() -> None:
        state, gradient = optimizer.init(theta), np.empty_like(slope)
        for step in steps:
            gradient[...] = slope
            descend(optimizer, theta, gradient, state, RATE, step)

    return run


def with_square(job: Job, X: np.ndarray) -> Callable[[], None]:
    """Return a product of two square matrices with as many operations as the run's products."""
    weights = [n_prev * n for n_prev, n in pairwise(job.sizes)]
    operations = n_steps(job, X) * job.batch * (3 * sum(weights) - weights[0])
    n = round(operations ** (1 / 3))
    A, B = np.random.default_rng(0).normal(size=(2, n, n)).astype(job.dtype)
    return lambda: np.dot(A, B)


def main() -> None:
    results = {}
    for job in JOBS:
        X, y = data(job)
        programs = {
            "dnn_xp": with_dnn_xp(job, X, y, np.asarray),
            "scikit-learn": with_sklearn(job, X, y),
            "PyTorch, autograd": with_torch(job, X, y),
            "JAX, jit of grad": with_jax(job, X, y),
            "dnn_xp on PyTorch": with_dnn_xp(job, X, y, torch.from_numpy),
            "dnn_xp on JAX": with_dnn_xp(job, X, y, jnp.asarray),
        }
        costs = {name: program() for name, program in programs.items()}
        spread = max(costs.values()) / min(costs.values())
        # Other draws of the same distributions: the same curve, not the same numbers.
        assert spread < 1.15, costs
        steps = n_steps(job, X)
        programs |= {PRODUCTS: with_products(job, X), UPDATE: with_update(job, X)}
        if job == JOBS[-1]:
            programs[SQUARE] = with_square(job, X)
        seconds = alternate(programs, rounds=7)
        results[str(job)] = {
            name: [one / steps for one in rounds] for name, rounds in seconds.items()
        }
    report("training_step", results, 1e-6, "us a step", rates=(PRODUCTS, SQUARE))


if __name__ == "__main__":
    main()
