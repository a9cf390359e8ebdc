"""Regularization of a run; the arithmetic is in `dnn_xp.functions.regularization`."""

import math
from typing import NamedTuple

from dnn_xp.arguments import check

__all__ = ["Regularization", "check_regularization"]


class Regularization(NamedTuple):
    """Penalties and noise that keep weights small and examples from being learnt by heart.

    Attributes
    ----------
    l1, l2 : float
        ``l1 * sum(abs(W)) + l2 / 2 * sum(W**2)`` is added to the mean cost. Biases are spared.
    max_norm : float, optional
        The longest that the weights of one unit may be; longer ones are shortened.
    label_smoothing : float
        The part of each target that is spread evenly over the classes.
    mixup : float
        alpha: each example is mixed with another one, in shares of a Beta(alpha, alpha)
        distribution (Zhang et al. 2018). 0: none.
    noise : float
        The standard deviation of the normal noise that is added to X.
    summed : bool
        Whether l1 and l2 are added to the cost summed over a batch rather than to its mean, as
        scikit-learn does: they then count the less, the larger the batch.
    """

    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None
    label_smoothing: float = 0.0
    mixup: float = 0.0
    noise: float = 0.0
    summed: bool = False


def check_regularization(rules: Regularization) -> None:
    """Refuse numbers that regularize nothing.

    Raises
    ------
    ValueError
        Naming the number, what was found and what was expected.
    """
    for name in ("l1", "l2", "mixup", "noise"):
        number = getattr(rules, name)
        check(name, number, 0.0 <= number < math.inf, "a number from 0 on")
    smoothing, max_norm = rules.label_smoothing, rules.max_norm
    check("label_smoothing", smoothing, 0.0 <= smoothing < 1.0, "0 <= label_smoothing < 1")
    check("max_norm", max_norm, max_norm is None or max_norm > 0, "a number above 0")
