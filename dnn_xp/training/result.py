"""Results of runs, and how they ended."""

from enum import StrEnum
from typing import NamedTuple

from dnn_xp.backends import Array
from dnn_xp.training.progress import History, Progress
from dnn_xp.training.quasi_newton import LBFGSState

__all__ = ["Ending", "TrainingResult"]


class Ending(StrEnum):
    """Ending of a run."""

    COMPLETED = "completed"
    """All epochs, or iterations, were done."""
    STOPPED = "stopped"
    """A callback said that it was enough."""
    CONVERGED = "converged"
    """A tolerance was met."""
    DIVERGED = "diverged"
    """The cost became infinite or undefined."""
    INTERRUPTED = "interrupted"
    """A person or the system asked for the end."""
    EXHAUSTED = "exhausted"
    """Evaluations were used up, or no move lowers the cost."""


class TrainingResult(NamedTuple):
    """The result of a run.

    Attributes
    ----------
    theta : array, shape (size,)
    history : dict of str to list of float
        ``cost`` is the mean over the epoch's examples, each at the parameters with which its step
        began; what was asked for besides is measured after the epoch.
    epochs : int
        How many were done.
    ending : Ending
    reason : str
        Why the run ended, for a person to read; of several reasons, all.
    progress : Progress, optional
        For the run to go on from, for more epochs or after it was stopped. None where the run
        diverged.
    state : LBFGSState, optional
        For `lbfgs` to go on from.
    """

    theta: Array
    history: History
    epochs: int
    ending: Ending
    reason: str
    progress: Progress | None = None
    state: LBFGSState | None = None
