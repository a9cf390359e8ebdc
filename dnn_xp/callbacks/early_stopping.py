"""Early stopping: the end of a run that no longer gets better."""

import math
from collections.abc import Mapping
from typing import Any

from dnn_xp.arguments import check
from dnn_xp.backends import bring
from dnn_xp.training.moments import Callback, Moment
from dnn_xp.training.result import TrainingResult

__all__ = ["EarlyStopping"]


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
