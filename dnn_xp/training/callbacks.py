"""The moments of a run at which something else may look on, or say that it is enough."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dnn_xp.backends import Array, bring
from dnn_xp.network import Network
from dnn_xp.training.arguments import check
from dnn_xp.training.progress import History, Progress
from dnn_xp.training.quasi_newton import LBFGSState

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "Moment",
    "TrainingResult",
    "same_theta",
]


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
    here : callable, optional
        ``here()`` is the progress.
    """

    network: Network
    coordinates: Array
    history: History
    epoch: int
    epochs: int
    recover: Callable[[Array], Array] = same_theta
    here: Callable[[], Progress] | None = None

    @property
    def theta(self) -> Array:
        """The parameters after `epoch` epochs, shape (size,).

        Keep the moment rather than its theta, which a run in example space has to work out.
        """
        return self.recover(self.coordinates)

    @property
    def progress(self) -> Progress:
        """All that the run needs to go on from here, to be asked for and used at once.

        Its arrays change with the next step.
        """
        assert self.here is not None  # the loop gives it
        return self.here()


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
    progress : Progress, optional
        For `train` to go on from, for more epochs or after a run that was stopped. None where the
        run diverged.
    state : LBFGSState, optional
        For `lbfgs` to go on from.
    """

    theta: Array
    history: History
    epochs: int
    reason: str
    progress: Progress | None = None
    state: LBFGSState | None = None


class Callback:
    """What is told of the moments of a run; override those that matter.

    Attributes
    ----------
    comes_last : bool
        Whether it is told after all others, since it keeps what they remember.
    """

    comes_last = False

    def start(self, moment: Moment) -> None:
        """Take note that a run begins, or goes on."""

    def state(self) -> Mapping[str, Any]:
        """Return what must be remembered for a run to go on: numbers, texts and arrays by name."""
        return {}

    def restore(self, moment: Moment, state: Mapping[str, Any]) -> str | None:
        """Take up a state, after `start`; a string says that the run had come to its end."""
        return None

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
        check("patience", patience, patience >= 1, "a whole number from 1 on")
        self.patience, self.min_delta, self.monitor = patience, min_delta, monitor

    def start(self, moment: Moment) -> None:
        """Forget the run before."""
        self._best, self._best_moment = math.inf, moment

    def state(self) -> Mapping[str, Any]:
        """Return the best figure, its epoch and its parameters."""
        best = self._best_moment
        return {"best": self._best, "epoch": best.epoch, "coordinates": best.coordinates}

    def restore(self, moment: Moment, state: Mapping[str, Any]) -> str | None:
        """Take up the best epoch so far."""
        coordinates = bring(state["coordinates"], like=moment.coordinates)
        self._best = state["best"]
        self._best_moment = moment._replace(epoch=state["epoch"], coordinates=coordinates)
        return self._verdict(moment.epoch)

    def epoch(self, moment: Moment) -> str | None:
        """Compare with the best epoch so far."""
        if self.monitor not in moment.history:
            known = ", ".join(moment.history)
            raise ValueError(f"monitor: found {self.monitor!r}, expected one of {known}")
        value = moment.history[self.monitor][-1]
        if value < self._best - self.min_delta:
            self._best, self._best_moment = value, moment
        return self._verdict(moment.epoch)

    def _verdict(self, epoch: int) -> str | None:
        if epoch - self._best_moment.epoch < self.patience:
            return None
        return f"no better {self.monitor} in {self.patience} epochs"

    def end(self, result: TrainingResult) -> TrainingResult:
        """Put the best parameters in place of the last."""
        return result._replace(theta=self._best_moment.theta)
