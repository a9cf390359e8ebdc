"""A network and its data, in the coordinates in which they are trained."""

from collections.abc import Callable
from typing import NamedTuple

from dnn_xp.backends import Array
from dnn_xp.data.sources import is_lazy
from dnn_xp.network import Network
from dnn_xp.training.evaluation import Examples, ValidationData

__all__ = ["Problem", "same_theta"]


def same_theta(position: Array) -> Array:
    """Return the position of an ordinary run, which is theta."""
    return position


class Problem(NamedTuple):
    """A network and its data, checked and in one place.

    Attributes
    ----------
    network : Network
    theta : array, shape (size,)
        Where training begins.
    X : array or Source, shape (n_inputs, m)
    Y : array or Source, shape (n_targets, m)
    weights : array, shape (m,), or None
    validation : tuple (X, Y, weights), or None
    to_theta : callable
        ``to_theta(position)`` is the theta of the network that the user knows.
    """

    network: Network
    theta: Array
    X: Examples
    Y: Examples
    weights: Array | None = None
    validation: ValidationData | None = None
    to_theta: Callable[[Array], Array] = same_theta

    @property
    def is_lazy(self) -> bool:
        """Whether examples must be read, or worked out, before they can be looked at."""
        validation = () if self.validation is None else self.validation[:2]
        return any(map(is_lazy, (self.X, self.Y, *validation)))
