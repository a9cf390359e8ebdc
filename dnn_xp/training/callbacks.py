"""The moments of a run at which something else may look on, or say that it is enough."""

import math
from collections.abc import Callable
from typing import NamedTuple

from dnn_xp.backends import Array, bring, namespace
from dnn_xp.network import Network
from dnn_xp.training.step import Recipe, State

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "Moment",
    "Progress",
    "TrainingResult",
    "same_theta",
]

History = dict[str, list[float]]
"""One list for each figure, with one number an epoch: ``cost``, ``validation_cost``, ..."""


class Progress(NamedTuple):
    """All that a run needs to go on from where it is.

    Attributes
    ----------
    state : State
    epoch : int
        Epochs done.
    batch : int
        Batches done of the epoch under way.
    steps : int
        Steps done in all.
    total : array, shape ()
        The cost of the epoch under way, summed so far.
    history : dict of str to list of float
    """

    state: State
    epoch: int
    batch: int
    steps: int
    total: Array
    history: History

    @classmethod
    def start(cls, recipe: Recipe, theta: Array) -> "Progress":
        """Return the beginning of a run at theta, which the run may change."""
        average = namespace(theta).asarray(theta, copy=True) if recipe.average else None
        state = State(theta, recipe.optimizer.init(theta), average)
        return cls(state, 0, 0, 0, bring(0.0, like=theta), {})


def same_theta(coordinates: Array) -> Array:
    """Return the coordinates of an ordinary run, which are theta."""
    return coordinates


class Moment(NamedTuple):
    """Where a run is.

    Attributes
    ----------
    network : Network
    coordinates : array
        What the run works on after `epoch` epochs: theta, but for a run in example space.
    history : dict of str to list of float
    epoch, epochs : int
        Epochs done, and how many there will be at most.
    recover : callable
        ``recover(coordinates)`` is theta.
    progress : Progress, optional
        All that a run needs to go on from here. Its state changes with the next step.
    """

    network: Network
    coordinates: Array
    history: History
    epoch: int
    epochs: int
    recover: Callable[[Array], Array] = same_theta
    progress: Progress | None = None

    @property
    def theta(self) -> Array:
        """The parameters after `epoch` epochs, shape (size,).

        Keep the moment rather than its theta, which a run in example space has to work out.
        """
        return self.recover(self.coordinates)


class TrainingResult(NamedTuple):
    """What a run ends with.

    Attributes
    ----------
    theta : array, shape (size,)
    history : dict of str to list of float
        ``cost`` is the mean over the epoch's examples, each at the parameters with which its step
        began; what was asked for besides is measured after the epoch.
    epochs : int
        How many were done.
    reason : str
        Why the run ended, in words.
    """

    theta: Array
    history: History
    epochs: int
    reason: str


class Callback:
    """What is told of the moments of a run; override those that matter."""

    def start(self, moment: Moment) -> None:
        """Take note that a run begins."""

    def step(self, moment: Moment) -> str | None:
        """Take note of a step; a string ends the run and says why.

        Overriding this costs some microseconds a step. The moment's arrays change with the next.
        """
        return None

    def epoch(self, moment: Moment) -> str | None:
        """Take note of an epoch's end; a string ends the run and says why."""
        return None

    def end(self, result: TrainingResult) -> TrainingResult:
        """Take note that the run has ended, and return its result, or a better one."""
        return result


class EarlyStopping(Callback):
    """Stop when a figure has not improved for some epochs, and return the best parameters.

    Parameters
    ----------
    patience : int
        Epochs to wait for an improvement.
    min_delta : float
        What counts as one.
    monitor : str
        A figure of the history that is better when smaller.
    """

    def __init__(
        self, patience: int = 10, min_delta: float = 0.0, monitor: str = "validation_cost"
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience: found {patience!r}, expected a whole number from 1 on")
        self.patience, self.min_delta, self.monitor = patience, min_delta, monitor

    def start(self, moment: Moment) -> None:
        """Forget the run before."""
        self._best, self._best_moment = math.inf, moment

    def epoch(self, moment: Moment) -> str | None:
        """Compare with the best epoch so far."""
        if self.monitor not in moment.history:
            known = ", ".join(moment.history)
            raise ValueError(f"monitor: found {self.monitor!r}, expected one of {known}")
        value = moment.history[self.monitor][-1]
        if value < self._best - self.min_delta:
            self._best, self._best_moment = value, moment
        elif moment.epoch - self._best_moment.epoch >= self.patience:
            return f"no better {self.monitor} in {self.patience} epochs"
        return None

    def end(self, result: TrainingResult) -> TrainingResult:
        """Put the best parameters in place of the last."""
        return result._replace(theta=self._best_moment.theta)
