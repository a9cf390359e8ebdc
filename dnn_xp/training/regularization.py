"""Regularization of a run; the arithmetic is in `dnn_xp.functions.regularization`."""

from collections.abc import Callable
from typing import NamedTuple

from dnn_xp.arguments import check_flag, check_number, shown
from dnn_xp.reprs import outline

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

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return outline(self)


def check_regularization(rules: Regularization) -> Regularization:
    """Return the rules in numbers of Python's own, or refuse numbers that regularize nothing.

    Raises
    ------
    ValueError, TypeError
        Naming the number, what was found and what was expected.
    """
    if not set(Regularization._fields) <= {*getattr(rules, "_fields", ())}:
        raise TypeError(
            f"regularization: found {shown(rules)}, expected one such as Regularization(l2=0.01)"
        )
    numbers = {
        name: float(check_number(name, getattr(rules, name), fits, expected))
        for name, (fits, expected) in _NUMBERS.items()
        if getattr(rules, name) is not None or name != "max_norm"
    }
    return rules._replace(**numbers, summed=check_flag("summed", rules.summed))


_NUMBERS: dict[str, tuple[Callable[[float], bool], str]] = {
    **dict.fromkeys(("l1", "l2", "mixup", "noise"), (lambda x: x >= 0.0, "a number from 0 on")),
    "label_smoothing": (lambda x: 0.0 <= x < 1.0, "0 <= label_smoothing < 1"),
    "max_norm": (lambda x: x > 0.0, "a number above 0"),
}
"""What each number must be."""
