"""What a run ends with."""

from typing import NamedTuple

from dnn_xp.backends import Array
from dnn_xp.training.progress import History, Progress
from dnn_xp.training.quasi_newton import LBFGSState

__all__ = ["TrainingResult"]


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
