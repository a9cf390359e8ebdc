"""Calibration on held-out examples: temperatures of probabilities, and widths of intervals."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dnn_xp.estimators.data import HostArray
from dnn_xp.functions.costs import CostSpec, classes_of_outputs, find_cost
from dnn_xp.functions.regularization import smooth_labels

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


def fit_temperature(cost: CostSpec, parts: Sequence[HeldOut], *, same: bool = False) -> float:
    """Return the temperature that logits are divided by for the least cost (Guo et al. 2017).

    The cost is convex in one over the temperature, so that its derivative has one zero. Targets
    are smoothed as if one more example had been seen, of all classes alike (as by Platt 1999):
    where n of n are right, the next one is so with a probability of about n / (n + 1), not of 1.

    Parameters
    ----------
    cost : str or Cost
        A cross-entropy.
    parts : sequence of HeldOut
        Of each member.
    same : bool
        Whether these are the same examples for all.

    Returns
    -------
    float
        From 1/20 to 20; 1 where there is nothing to tell it from.
    """

    def slope(inverse: float) -> float:
        back = find_cost(cost).with_derivative
        return sum(float(np.sum(back(inverse * Z, Y)[1] * Z * weights)) for Z, Y, weights in smooth)

    low, high = -math.log(20.0), math.log(20.0)
    if not any(np.any(part.Z * part.weights) for part in parts):
        return 1.0
    n_examples = [np.count_nonzero(part.weights) for part in parts]
    amount = 1.0 / (1 + (max(n_examples) if same else sum(n_examples)))
    n_classes = np.asarray([classes_of_outputs(find_cost(cost), len(parts[0].Y))]).T
    smooth = [part._replace(Y=smooth_labels(part.Y, amount, n_classes)) for part in parts]
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
