"""The moments of a run at which something else may look on, or say that it is enough."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dnn_xp.backends import Array
from dnn_xp.network import Network
from dnn_xp.training.progress import History, Progress
from dnn_xp.training.result import TrainingResult

__all__ = [
    "Callback",
    "History",
    "Moment",
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
