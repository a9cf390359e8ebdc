"""Check a network's gradient against a difference of its cost in one random direction."""

from typing import NamedTuple

import numpy as np

from dnn_xp.arguments import check_positive, check_whole
from dnn_xp.backends import Array, asarray_like, namespace
from dnn_xp.network.checks import check_examples, check_library, check_theta
from dnn_xp.network.network import Network
from dnn_xp.network.values import check_values

__all__ = ["GradientCheck", "check_gradient"]


class GradientCheck(NamedTuple):
    """Two values of one directional derivative, and how far they are apart.

    Attributes
    ----------
    analytic : float
        The gradient times the direction.
    numeric : float
        The central difference of the cost along the direction.
    relative_difference : float
        Their difference, divided by the larger of the two, or by what a random direction makes
        of the gradient on average where that is larger still: a direction that happens to be
        level says nothing of errors, and rounding would look like one.
    """

    analytic: float
    numeric: float
    relative_difference: float


def check_gradient(
    network: Network,
    theta: Array,
    X: Array,
    Y: Array,
    weights: Array | None = None,
    *,
    seed: int = 0,
    step_length: float = 1e-5,
) -> GradientCheck:
    """Compare the gradient with a central difference along one random direction.

    One direction sees an error in any parameter, at the price of two more costs.

    Parameters
    ----------
    network : Network
    theta : array of float64, shape (size,)
    X : array of float64, shape (n_inputs, m)
    Y : array, shape (n_targets, m)
    weights : array, shape (m,), optional
    seed : int
        Of the direction, and of dropout.
    step_length : float
        Along a direction of length 1. The default keeps both the truncation and the rounding
        of float64 near 1e-9.

    Returns
    -------
    GradientCheck

    Raises
    ------
    ValueError
        Where theta is not of float64, in which alone small errors show.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, check_gradient
    >>> X, Y = np.random.default_rng(0).normal(size=(2, 3, 8))
    >>> network = Network(3, (Dense(4, "tanh"), Dense(3)), cost="squared_error")
    >>> check = check_gradient(network, network.initialize(seed=1, like=X), X, Y)
    >>> check.relative_difference < 1e-7
    True
    """
    X, Y, weights = check_examples(network, X, Y, weights)
    check_theta(network.layout, theta)
    check_library(theta, X)
    check_values(network.cost, X, Y, weights, theta)
    xp = namespace(theta, X)
    if theta.dtype != xp.float64:
        raise ValueError(f"theta: found dtype {theta.dtype}, expected float64 to see small errors")
    check_whole("seed", seed, 0)
    step_length = check_positive("step_length", step_length)
    direction = np.random.default_rng(seed).normal(size=network.size)
    direction = asarray_like(direction / np.linalg.norm(direction), like=theta)

    def cost(along: float) -> float:
        moved = theta + along * direction
        return float(network.cost_and_gradient(moved, X, Y, weights, seed=seed).cost)

    gradient = network.cost_and_gradient(theta, X, Y, weights, seed=seed).gradient
    analytic = float(xp.sum(gradient * direction))
    numeric = (cost(step_length) - cost(-step_length)) / (2.0 * step_length)
    average = float(xp.sqrt(xp.sum(gradient * gradient))) / network.size**0.5
    scale = max(abs(analytic), abs(numeric), average)
    return GradientCheck(analytic, numeric, abs(analytic - numeric) / scale if scale else 0.0)
