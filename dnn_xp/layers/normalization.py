"""Layers that normalize: each example over its units, or each unit over the batch."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dnn_xp.arguments import check, check_not_negative, check_number
from dnn_xp.backends import Array
from dnn_xp.functions.initializers import Generator
from dnn_xp.functions.normalization import (
    BatchNormCache,
    back_scale_and_shift,
    batch_norm_backward,
    batch_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
    scale_and_shift,
)
from dnn_xp.layers.base import Arrays, Context, HostArrays, Layer, Shape, Shapes

__all__ = ["BatchNorm", "LayerNorm"]


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Normalize each example over its units, then scale and shift (Ba et al. 2016).

    Parameters
    ----------
    epsilon : float
        Added to the variance; from 0 on.

    Raises
    ------
    ValueError
        Where it is no such number.
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", _checked_epsilon(self.epsilon))

    def parameter_shapes(self, input_shape: Shape) -> Shapes:
        column = (math.prod(input_shape), 1)
        return {"gamma": column, "beta": column}

    def initialize(self, input_shape: Shape, rng: Generator) -> HostArrays:
        column = (math.prod(input_shape), 1)
        return {"gamma": np.ones(column), "beta": np.zeros(column)}

    def multiplications(self, input_shape: Shape) -> int:
        return 3 * math.prod(input_shape)  # squares, scaling, gamma

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        gamma, beta = parameters["gamma"], parameters["beta"]
        return layer_norm_forward(A_prev, gamma, beta, self.epsilon, xp=context.xp)

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        dA_prev, dgamma, dbeta = layer_norm_backward(dA, cache, xp=context.xp)
        return dA_prev, {"gamma": dgamma, "beta": dbeta}


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Normalize each unit over the batch, then scale and shift (Ioffe and Szegedy 2015).

    Once training is over, running averages take the place of the batch's mean and variance.

    Parameters
    ----------
    momentum : float
        The part of a running average that stays at each step, 0 <= momentum < 1.
    epsilon : float
        Added to the variance; from 0 on.
    across : "batch" or "part"
        Where several processes each hold a part of a batch: "batch" is refused there, since the
        layer must see all of it; "part" normalizes each part by itself, which is another network
        for another number of processes, and gathers the mean of the parts' statistics.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    across: Literal["batch", "part"] = "batch"

    def __post_init__(self) -> None:
        momentum = check_number(
            "momentum", self.momentum, lambda x: 0.0 <= x < 1.0, "0 <= momentum < 1"
        )
        object.__setattr__(self, "momentum", float(momentum))
        object.__setattr__(self, "epsilon", _checked_epsilon(self.epsilon))
        known = isinstance(self.across, str) and self.across in ("batch", "part")
        check("across", self.across, known, "'batch' or 'part'")

    @property
    def couples_examples(self) -> bool:
        return self.across == "batch"

    def parameter_shapes(self, input_shape: Shape) -> Shapes:
        column = (math.prod(input_shape), 1)
        return {"gamma": column, "beta": column}

    def statistic_shapes(self, input_shape: Shape) -> Shapes:
        column = (math.prod(input_shape), 1)
        return {"mean": column, "variance": column}

    def initialize(self, input_shape: Shape, rng: Generator) -> HostArrays:
        column = (math.prod(input_shape), 1)
        ones, zeros = np.ones(column), np.zeros(column)
        return {"gamma": ones, "beta": zeros, "mean": zeros, "variance": ones}

    def multiplications(self, input_shape: Shape) -> int:
        return math.prod(input_shape)

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        if not context.training:
            A = scale_and_shift(A_prev, **parameters, epsilon=self.epsilon, xp=context.xp)
            return A, (parameters["gamma"], parameters["variance"])
        gamma, beta = parameters["gamma"], parameters["beta"]
        return batch_norm_forward(A_prev, gamma, beta, context.weights, self.epsilon, xp=context.xp)

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        if not isinstance(cache, BatchNormCache):
            gamma, variance = cache
            return back_scale_and_shift(dA, gamma, variance, self.epsilon, xp=context.xp), {}
        dA_prev, dgamma, dbeta = batch_norm_backward(dA, cache, xp=context.xp)
        return dA_prev, {"gamma": dgamma, "beta": dbeta}

    def statistics(self, cache: Any) -> Arrays:
        return {"mean": cache.mean, "variance": cache.variance}

    def updated_statistics(self, running: Array, batch: Array) -> Array:
        return self.momentum * running + (1.0 - self.momentum) * batch


def _checked_epsilon(found: Any) -> float:
    """Return what is added to a variance, in a number of Python's own."""
    return float(check_not_negative("epsilon", found))
