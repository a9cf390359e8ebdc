"""Values that do not come from dnn_xp: automatic differentiation, and draws in plain integers.

Torch's and JAX's own functions are differentiated by torch and JAX; each takes part where it is
installed. Everything goes in and comes out as NumPy in float64.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

ORACLES = tuple(name for name in ("torch", "jax") if find_spec(name))


class Oracle(NamedTuple):
    """A library that differentiates by itself."""

    array: Callable[[np.ndarray], Any]
    gradient: Callable[[Callable[[Any], Any], np.ndarray], np.ndarray]
    activations: dict[str, Callable[..., Any]]
    costs_by_Z: dict[str, Callable[..., Any]]  # of shape (m,), up to terms without Z
    log: Callable[[Any], Any]
    where: Callable[..., Any]
    cos: Callable[[Any], Any]

    def of_groups(self) -> Callable[..., Any]:
        """Return the cost of several softmaxes, from that of one."""

        def cost(Z, Y, *sizes):
            ends = np.cumsum(sizes or Z.shape[:1])
            groups = [slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
            return sum(self.costs_by_Z["softmax_cross_entropy"](Z[g], Y[g]) for g in groups)

        return cost

    def of_quantiles(self) -> Callable[..., Any]:
        """Return the mean pinball cost of steps from the quantile that is nearest to 1/2."""
        softplus = self.activations["softplus"]

        def cost(Z, Y, *levels):
            K, first = len(levels), int(np.argmin(np.abs(np.array(levels) - 0.5)))
            z = [NormalDist().inv_cdf(q) for q in levels]
            steps = [softplus(Z[k::K]) / np.log(2) for k in range(K)]
            A = []
            for k in range(K):
                up = [(z[j] - z[j - 1]) * steps[j] for j in range(first + 1, k + 1)]
                down = [(z[j + 1] - z[j]) * steps[j] for j in range(k, first)]
                A.append(Z[first::K] + sum(up) - sum(down))
            return self._mean_pinball(A, Y, levels)

        return cost

    def _mean_pinball(self, A: list[Any], Y: Any, levels: tuple[float, ...]) -> Any:
        E = [Y - a for a in A]
        costs = [self.where(e > 0, q * e, (q - 1) * e) for e, q in zip(E, levels, strict=True)]
        return sum(costs).sum(0) / len(levels)

    def costs_by_A(self) -> dict[str, Callable[..., Any]]:
        log = self.log
        return self.costs_by_Z | {
            "sigmoid_cross_entropy": lambda A, Y: -(Y * log(A) + (1 - Y) * log(1 - A)).sum(0),
            "softmax_cross_entropy": lambda A, Y: -(Y * log(A)).sum(0),
            "grouped_softmax_cross_entropy": lambda A, Y, *sizes: -(Y * log(A)).sum(0),
            "poisson": lambda A, Y: (A - Y * log(A)).sum(0),
            "quantile": lambda A, Y, *levels: self._mean_pinball(
                [A[k :: len(levels)] for k in range(len(levels))], Y, levels
            ),
        }


@cache
def load(name: str) -> Oracle:
    oracle = _torch() if name == "torch" else _jax()
    oracle.costs_by_Z["grouped_softmax_cross_entropy"] = oracle.of_groups()
    oracle.costs_by_Z["quantile"] = oracle.of_quantiles()
    return oracle


def _torch() -> Oracle:
    torch = import_module("torch")
    F = torch.nn.functional

    def gradient(function, x):
        x = torch.tensor(x, requires_grad=True)
        function(x).backward()
        return x.grad.numpy()

    def summed(loss, **options):
        return lambda Z, Y: loss(Z, Y, reduction="none", **options).sum(0)

    return Oracle(
        torch.tensor,
        gradient,
        {
            "identity": lambda Z: Z,
            "sigmoid": torch.sigmoid,
            "tanh": torch.tanh,
            "relu": F.relu,
            "leaky_relu": F.leaky_relu,
            "elu": F.elu,
            "selu": F.selu,
            "gelu": F.gelu,
            "gelu_tanh": lambda Z: F.gelu(Z, approximate="tanh"),
            "silu": F.silu,
            "softplus": lambda Z: F.softplus(Z, threshold=300),  # 20 would cost digits
            "mish": F.mish,
        },
        {
            "sigmoid_cross_entropy": summed(F.binary_cross_entropy_with_logits),
            "softmax_cross_entropy": lambda Z, Y: F.cross_entropy(Z.T, Y.T, reduction="none"),
            "squared_error": lambda A, Y: summed(F.mse_loss)(A, Y) / 2,
            "absolute_error": summed(F.l1_loss),
            "huber": lambda A, Y, delta: summed(F.huber_loss, delta=delta)(A, Y),
            "poisson": summed(F.poisson_nll_loss, log_input=True),
        },
        torch.log,
        torch.where,
        torch.cos,
    )


def _jax() -> Oracle:
    jax = import_module("jax")
    nn, jnp = jax.nn, jax.numpy

    def gradient(function, x):
        with jax.enable_x64(True):
            return np.asarray(jax.grad(function)(jnp.asarray(x)))

    def huber(A, Y, delta):
        E = jnp.abs(A - Y)
        return jnp.where(delta < E, delta * (E - delta / 2), E**2 / 2).sum(0)

    return Oracle(
        jnp.asarray,
        gradient,
        {
            "identity": nn.identity,
            "sigmoid": nn.sigmoid,
            "tanh": jnp.tanh,
            "relu": nn.relu,
            "leaky_relu": nn.leaky_relu,
            "elu": nn.elu,
            "selu": nn.selu,
            "gelu": lambda Z: nn.gelu(Z, approximate=False),
            "gelu_tanh": lambda Z: nn.gelu(Z, approximate=True),
            "silu": nn.silu,
            "softplus": nn.softplus,
            "mish": nn.mish,
        },
        {
            "sigmoid_cross_entropy": lambda Z, Y: (
                -(Y * nn.log_sigmoid(Z) + (1 - Y) * nn.log_sigmoid(-Z)).sum(0)
            ),
            "softmax_cross_entropy": lambda Z, Y: -(Y * nn.log_softmax(Z, axis=0)).sum(0),
            "squared_error": lambda A, Y: ((A - Y) ** 2).sum(0) / 2,
            "absolute_error": lambda A, Y: jnp.abs(A - Y).sum(0),
            "huber": huber,
            "poisson": lambda Z, Y: (jnp.exp(Z) - Y * Z).sum(0),
        },
        jnp.log,
        jnp.where,
        jnp.cos,
    )


def random_bits(seed: int, step: int, layer: int, n_units: int, examples: list[int]) -> np.ndarray:
    """Return what `counters.random_bits` promises, from Python's own whole numbers."""

    def mix(x: int) -> int:
        x %= 2**32
        x ^= x >> 16
        x = x * 0x7FEB352D % 2**32
        x ^= x >> 15
        x = x * 0x846CA68B % 2**32
        return x ^ x >> 16

    key = mix(mix(seed + layer * 0x3C6EF372) ^ step % 2**32)
    bits = [
        [mix(mix(mix(key + 1) + u) ^ mix(mix(key + 2) + i)) for i in examples]
        for u in range(n_units)
    ]
    return np.array(bits, dtype=np.uint32).view(np.int32)
