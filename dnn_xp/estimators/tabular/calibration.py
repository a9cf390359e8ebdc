"""Calibration on held-out examples: temperatures of probabilities, and widths of intervals."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dnn_xp.estimators.data import HostArray
from dnn_xp.functions.costs import CostSpec, find_cost

__all__ = ["HeldOut", "conformal_quantile", "fit_temperature"]


class HeldOut(NamedTuple):
    """What a member says of the examples that it holds out, in float64 on the host.

    Attributes
    ----------
    Z : ndarray, shape (n_outputs, m)
        Logits.
    Y : ndarray, shape (n_outputs, m)
        Targets.
    weights : ndarray, shape (m,)
    """

    Z: HostArray
    Y: HostArray
    weights: HostArray


def fit_temperature(cost: CostSpec, parts: Sequence[HeldOut]) -> float:
    """Return the temperature that logits are divided by for the least cost (Guo et al. 2017).

    The cost is convex in one over the temperature, so that its derivative has one zero.

    Parameters
    ----------
    cost : str or Cost
        A cross-entropy.
    parts : sequence of HeldOut
        Of each member.

    Returns
    -------
    float
        From 1/20 to 20; 1 where there is nothing to tell it from.
    """

    def slope(inverse: float) -> float:
        back = find_cost(cost).with_derivative
        return sum(float(np.sum(back(inverse * Z, Y)[1] * Z * weights)) for Z, Y, weights in parts)

    low, high = -math.log(20.0), math.log(20.0)
    if not any(np.any(part.Z * part.weights) for part in parts):
        return 1.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if slope(math.exp(middle)) > 0.0 else (middle, high)
    return math.exp(-0.5 * (low + high))


def conformal_quantile(scores: HostArray, weights: HostArray, coverage: float) -> float:
    """Return the score that a new example stays below with a probability (Vovk et al. 2005).

    Parameters
    ----------
    scores : ndarray, shape (m,)
        Of held-out examples, in ascending order.
    weights : ndarray, shape (m,)
        The new example counts as much as their mean.
    coverage : float
        Between 0 and 1.

    Returns
    -------
    float
        Infinite where there are too few examples for that coverage.
    """
    total = np.cumsum(weights)
    needed = coverage * (total[-1] + total[-1] / np.count_nonzero(weights))
    place = int(np.searchsorted(total, needed * (1.0 - 1e-12)))
    return float(scores[place]) if place < len(scores) else math.inf
