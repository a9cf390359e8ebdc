"""Optimizers: functions of one vector.

An optimizer is a pair of pure functions. ``init(theta)`` gives its state, a tuple of arrays;
``update(theta, gradient, state, learning_rate)`` gives the next theta and state. The pair and its
numbers compare by value, so that a compiled step can take them as constants.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from dnn_xp.backends import Array

__all__ = ["Optimizer", "sgd"]


class Optimizer(NamedTuple):
    """A way of going down a gradient.

    Attributes
    ----------
    init : callable
        ``init(theta) -> state``.
    update : callable
        ``update(theta, gradient, state, learning_rate) -> (theta, state)``.
    learning_rate : float
    """

    init: Callable[[Array], Any]
    update: Callable[[Array, Array, Any, float], tuple[Array, Any]]
    learning_rate: float


def sgd(learning_rate: float) -> Optimizer:
    """Return gradient descent: theta - learning_rate * gradient.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    """
    if not learning_rate > 0:
        raise ValueError(f"learning_rate: found {learning_rate!r}, expected a number above 0")
    return Optimizer(_no_state, _descend, float(learning_rate))


def _no_state(theta: Array) -> tuple[()]:
    return ()


def _descend(
    theta: Array, gradient: Array, state: tuple[()], learning_rate: float
) -> tuple[Array, tuple[()]]:
    return theta - learning_rate * gradient, state
