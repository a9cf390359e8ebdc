"""Dropout."""

from dataclasses import dataclass
from typing import Any, ClassVar

from dnn_xp.arguments import check_number
from dnn_xp.backends import Array
from dnn_xp.functions.regularization import back_dropout, dropout
from dnn_xp.layers.base import Arrays, Context, Layer, Shape

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout(Layer):
    """Set a random part of A_prev to zero, in training only (Srivastava et al. 2014).

    Parameters
    ----------
    rate : float
        The part that is set to zero, 0 <= rate < 1; what is kept is scaled by 1 / (1 - rate).

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """

    rate: float

    random: ClassVar[bool] = True

    def __post_init__(self) -> None:
        rate = check_number("rate", self.rate, lambda x: 0.0 <= x < 1.0, "0 <= rate < 1")
        object.__setattr__(self, "rate", float(rate))

    def multiplications(self, input_shape: Shape) -> int:
        return 0

    def forward(self, A_prev: Array, parameters: Arrays, context: Context) -> tuple[Array, Any]:
        if context.key is None or self.rate == 0.0:
            return A_prev, None
        return dropout(A_prev, self.rate, context.key, xp=context.xp)

    def backward(self, dA: Array, cache: Any, context: Context) -> tuple[Array | None, Arrays]:
        return (dA if cache is None else back_dropout(dA, cache)), {}
