"""How long do the article's 2,500 iterations of five layers take on the cat pictures?

    python -m benchmarks.article FOLDER

FOLDER holds train_catvnoncat.h5. The peers: the article's own program (plain NumPy, with the
gradient of the input that it does not use), PyTorch with autograd and JAX with a compiled
gradient. All start from the same float64 parameters and must end at the same cost.
"""

import os
import sys
from pathlib import Path

import numpy as np

from benchmarks.harness import alternate, report
from dnn_xp import Dense, Network, sgd, train
from dnn_xp.data.datasets import load_cats

UNITS = (20, 7, 5, 1)
RATE = 0.0075
ITERATIONS = int(os.environ.get("ITERATIONS", "2500"))


def start() -> dict[str, np.ndarray]:
    rng, parameters, n_prev = np.random.RandomState(1), {}, 12288
    for layer, n in enumerate(UNITS, 1):
        parameters[f"W{layer}"] = rng.randn(n, n_prev) / np.sqrt(n_prev)
        parameters[f"b{layer}"] = np.zeros((n, 1))
        n_prev = n
    return parameters


def as_in_the_article(X: np.ndarray, Y: np.ndarray) -> float:
    p, m, L = start(), X.shape[1], len(UNITS)
    for _ in range(ITERATIONS):
        A, caches = X, []
        for layer in range(1, L + 1):
            W, b = p[f"W{layer}"], p[f"b{layer}"]
            Z = np.dot(W, A) + b
            caches.append((A, W, Z))
            A = np.maximum(0, Z) if layer < L else 1 / (1 + np.exp(-Z))
        cost = -1 / m * (np.dot(Y, np.log(A).T) + np.dot(1 - Y, np.log(1 - A).T))
        dA = -(np.divide(Y, A) - np.divide(1 - Y, 1 - A))
        gradients = {}
        for layer in range(L, 0, -1):
            A_prev, W, Z = caches[layer - 1]
            if layer == L:
                s = 1 / (1 + np.exp(-Z))
                dZ = dA * s * (1 - s)
            else:
                dZ = np.array(dA, copy=True)
                dZ[Z <= 0] = 0
            gradients[f"W{layer}"] = 1 / m * np.dot(dZ, A_prev.T)
            gradients[f"b{layer}"] = 1 / m * np.sum(dZ, axis=1, keepdims=True)
            dA = np.dot(W.T, dZ)
        for name, gradient in gradients.items():
            p[name] -= RATE * gradient
    return float(np.squeeze(cost))


def with_dnn_xp(X: np.ndarray, Y: np.ndarray, example_space: bool) -> float:
    layers = (*(Dense(n, "relu") for n in UNITS[:-1]), Dense(UNITS[-1]))
    network = Network(12288, layers, "sigmoid_cross_entropy")
    run = train(
        network,
        X,
        Y,
        network.pack(start()),
        optimizer=sgd(RATE),
        epochs=ITERATIONS,
        example_space=example_space,
    )
    return run.history["cost"][-1]


def with_torch(X: np.ndarray, Y: np.ndarray) -> float:
    import torch

    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    p = {name: torch.from_numpy(value).requires_grad_() for name, value in start().items()}
    optimizer = torch.optim.SGD(p.values(), lr=RATE)
    for _ in range(ITERATIONS):
        A = x
        for layer in range(1, len(UNITS)):
            A = torch.relu(p[f"W{layer}"] @ A + p[f"b{layer}"])
        Z = p[f"W{len(UNITS)}"] @ A + p[f"b{len(UNITS)}"]
        cost = torch.nn.functional.binary_cross_entropy_with_logits(Z, y)
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    return cost.item()


def with_jax(X: np.ndarray, Y: np.ndarray) -> float:
    import jax

    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def cost_of(p, x, y):
        A = x
        for layer in range(1, len(UNITS)):
            A = jax.nn.relu(p[f"W{layer}"] @ A + p[f"b{layer}"])
        Z = p[f"W{len(UNITS)}"] @ A + p[f"b{len(UNITS)}"]
        return jnp.mean(jax.nn.softplus(Z) - y * Z)

    @jax.jit
    def step(p, x, y):
        cost, gradients = jax.value_and_grad(cost_of)(p, x, y)
        return jax.tree.map(lambda one, slope: one - RATE * slope, p, gradients), cost

    p, x, y = jax.tree.map(jnp.asarray, (start(), X, Y))
    for _ in range(ITERATIONS):
        p, cost = step(p, x, y)
    return float(cost)


def main(folder: Path) -> None:
    dataset, _ = load_cats(folder)
    X, Y = dataset.X / 255.0, dataset.y[None].astype(np.float64)
    programs = {
        "dnn_xp": lambda: with_dnn_xp(X, Y, True),
        "dnn_xp, not in example space": lambda: with_dnn_xp(X, Y, False),
        "the article's own": lambda: as_in_the_article(X, Y),
        "PyTorch, autograd": lambda: with_torch(X, Y),
        "JAX, jit of grad": lambda: with_jax(X, Y),
    }
    costs: dict[str, float] = {}

    def kept(name, program):
        def run():
            costs[name] = program()

        return run

    seconds = alternate({name: kept(name, one) for name, one in programs.items()}, rounds=3)
    for name, cost in costs.items():
        assert abs(cost - costs["the article's own"]) < 1e-9, (name, cost)
    print("all end at the cost", costs["dnn_xp"])
    report("article", {f"{ITERATIONS} iterations": seconds}, 1.0, "s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
