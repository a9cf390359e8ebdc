"""Embeddings of numbers: several inputs of a network for each number of a table."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dnn_xp.arguments import check, check_positive, check_whole
from dnn_xp.backends import Array, row_sums, transposed
from dnn_xp.functions.initializers import Generator
from dnn_xp.layers.base import Arrays, Context, HostArrays, Layer, Shape, Shapes

__all__ = ["PeriodicEmbedding"]


class PeriodicEmbeddingCache(NamedTuple):
    """Cache of `PeriodicEmbedding`, of n numbers with F frequencies each.

    Attributes
    ----------
    X_and_1 : array, shape (n, 2, m)
        Each number, above a row of ones.
    lines : array, shape (n, F, 2)
        Slope and intercept of each angle, as a function of the number.
    V : array, shape (n, width - 1, F)
    angles, waves : array, shape (n, F, m)
        The angles and their cosines.
    """

    X_and_1: Array
    lines: Array
    V: Array
    angles: Array
    waves: Array


@dataclass(frozen=True)
class PeriodicEmbedding(Layer):
    """Embed each of the first numbers x as [x, V cos(2 pi w x + b) + c]; the rest passes through.

    The waves let a network bend its answer within a small part of a number's range; the number
    itself stands beside them (Gorishniy et al. 2022, in the form of Holzmüller et al. 2024). For
    numbers that are scaled to a spread of about 1. What comes out are the numbers, the rest of the
    embedding of the first, of the second and so on, and what was passed through.

    The frequencies w, phases b, matrices V and shifts c are each number's own, and learned. Of
    these only V is a weight, which penalties, decay and max-norm act on.

    Parameters
    ----------
    n_numbers : int
        How many of the inputs, from the first on, are embedded.
    n_frequencies : int
        Waves for each number.
    width : int
        What each number becomes, itself included; from 2 on.
    sigma : float
        The standard deviation of the frequencies at the beginning. The larger it is, the faster
        may the answer change with a number.

    Raises
    ------
    ValueError
        Where a number is out of its range, or there are fewer inputs than numbers.
    """

    n_numbers: int
    n_frequencies: int = 16
    width: int = 4
    sigma: float = 0.1

    weights: ClassVar[tuple[str, ...]] = ("V",)

    def __post_init__(self) -> None:
        for name, least in (("n_numbers", 1), ("n_frequencies", 1), ("width", 2)):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), least))
        object.__setattr__(self, "sigma", float(check_positive("sigma", self.sigma)))

    @property
    def _n_added(self) -> int:
        """The rows that come out beside those that came in."""
        return self.n_numbers * (self.width - 1)

    def output_shape(self, input_shape: Shape) -> Shape:
        n = math.prod(input_shape)
        check("n_numbers", self.n_numbers, self.n_numbers <= n, f"no more than the {n} inputs")
        return (n + self._n_added,)

    def parameter_shapes(self, input_shape: Shape) -> Shapes:
        of_waves = (self.n_numbers, self.n_frequencies)
        return {
            "frequencies": of_waves,
            "phases": of_waves,
            "V": (self._n_added, self.n_frequencies),
            "c": (self._n_added, 1),
        }

    def initialize(self, input_shape: Shape, rng: Generator) -> HostArrays:
        shapes, limit = self.parameter_shapes(input_shape), 1.0 / math.sqrt(self.n_frequencies)
        return {
            "frequencies": self.sigma * rng.standard_normal(shapes["frequencies"]),
            "phases": np.pi * rng.uniform(-1.0, 1.0, shapes["phases"]),
            "V": rng.uniform(-limit, limit, shapes["V"]),
            "c": rng.uniform(-limit, limit, shapes["c"]),
        }

    def multiplications(self, input_shape: Shape) -> int:
        return self.n_numbers * self.n_frequencies * self.width  # w x, and V cos

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        xp, n = context.xp, self.n_numbers
        w, b, V, c = (parameters[key] for key in ("frequencies", "phases", "V", "c"))
        lead = tuple(V.shape[:-2])
        if A_prev.ndim < V.ndim:  # the same examples for each of several networks
            A_prev = xp.broadcast_to(A_prev, (*lead, *A_prev.shape))
        X = A_prev[..., :n, :]
        # As a product: a fifth of the time of w * X + b, and its rows lie one after the other,
        # however those of X lie.
        X_and_1 = xp.stack([X, xp.ones_like(X)], axis=-2)
        lines = xp.stack([(2.0 * math.pi) * w, b], axis=-1)
        angles = lines @ X_and_1
        waves = xp.cos(angles)
        V = xp.reshape(V, (*lead, n, self.width - 1, self.n_frequencies))
        E = xp.reshape(V @ waves, (*lead, self._n_added, -1))
        E += c
        A = xp.concat([X, E, A_prev[..., n:, :]], axis=-2)
        return A, PeriodicEmbeddingCache(X_and_1, lines, V, angles, waves)

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        xp, n, end = context.xp, self.n_numbers, self.n_numbers + self._n_added
        X_and_1, lines, V, angles, waves = cache
        lead, m = tuple(dA.shape[:-2]), dA.shape[-1]
        d_flat = dA[..., n:end, :]
        dE = xp.reshape(d_flat, (*lead, n, self.width - 1, m))
        d_angles = transposed(-V) @ dE
        d_angles *= xp.sin(angles)
        gradients = {}
        if context.training:
            d_lines = d_angles @ transposed(X_and_1)
            dV = xp.reshape(dE @ transposed(waves), (*lead, self._n_added, -1))
            gradients = {
                "frequencies": (2.0 * math.pi) * d_lines[..., 0],
                "phases": d_lines[..., 1],
                "V": dV,
                "c": row_sums(d_flat, xp=xp),
            }
        if not context.input_gradient:
            return None, gradients
        # Each number's own part, and that of the slopes of its angles.
        dX = xp.reshape(transposed(lines[..., :1]) @ d_angles, (*lead, n, m))
        dX += dA[..., :n, :]
        return xp.concat([dX, dA[..., end:, :]], axis=-2), gradients
