"""Early stopping: the end of a run that no longer gets better."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from dnn_xp.arguments import check, check_choice, check_not_negative, check_whole
from dnn_xp.backends import Array, asarray_like
from dnn_xp.training.moments import Callback, Patience, find_mode
from dnn_xp.training.result import TrainingResult
from dnn_xp.training.run import Run

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stop when a figure has not improved for some epochs, and return the best parameters.

    Parameters
    ----------
    patience : int
        Epochs to wait for an improvement.
    min_delta : float
        What counts as one: more than this.
    monitor : str
        A figure of the history.
    mode : "min" or "max", optional
        Whether the figure is better when smaller or when larger. Costs and the metrics of
        `dnn_xp.functions.metrics` say so themselves; of a metric of your own it must be told.

    Raises
    ------
    ValueError
        Where a number is out of its range.

    Attributes
    ----------
    best : float
        The best figure of the last run.
    best_epoch : int
        How many epochs were done when it was met; 0 where none was.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, accuracy, sgd, train
    >>> X = np.asarray([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    >>> Y = np.asarray([[0.0, 0.0, 0.0, 1.0]])
    >>> network = Network(2, (Dense(1),), cost="sigmoid_cross_entropy")
    >>> stopping = EarlyStopping(100, monitor="accuracy")  # which says that larger is better
    >>> options = {"optimizer": sgd(1.0), "epochs": 999, "callbacks": [stopping]}
    >>> run = train(network, X, Y, metrics={"accuracy": accuracy}, **options)
    >>> stopping.best, run.reason
    (1.0, 'no better accuracy in 100 epochs')
    """

    def __init__(
        self,
        patience: int = 10,
        min_delta: float = 0.0,
        monitor: str = "validation_cost",
        mode: Literal["min", "max"] | None = None,
    ) -> None:
        patience = check_whole("patience", patience, 1)
        min_delta = check_not_negative("min_delta", min_delta)
        check("monitor", monitor, isinstance(monitor, str), "the name of a figure")
        if mode is not None:
            check_choice("mode", mode, ("min", "max"))
        self.patience, self.min_delta, self.monitor, self.mode = patience, min_delta, monitor, mode
        self._counter: Patience | None = None
        self._position: Array | None = None
        self._to_theta: Callable[[Array], Array] | None = None
        self._forget()

    def start(self, run: Run) -> None:
        """Forget the run before."""
        self._forget()
        self._position, self._to_theta = run.position, run.to_theta

    def state(self) -> Mapping[str, Any]:
        """Return the best figure, its epoch and its parameters."""
        best = {"best": self.best, "epoch": self.best_epoch, "position": self._position}
        return {"monitor": self.monitor, "mode": self.mode or "", **best}

    def restore(self, run: Run, state: Mapping[str, Any]) -> str | None:
        """Take up the best epoch so far.

        Raises
        ------
        ValueError
            Where it is the best by another figure.
        """
        if state.get("monitor", self.monitor) != self.monitor:
            raise ValueError(
                f"monitor: found {self.monitor!r}, expected {state['monitor']!r}, as the run began "
                "with"
            )
        began = state.get("mode") or self.mode
        if self.mode is not None and began != self.mode:
            raise ValueError(
                f"mode: found {self.mode!r}, expected {began!r}, as the run began with"
            )
        self.best_epoch = state["epoch"]
        self._position = asarray_like(state["position"], like=run.position)
        if run.epoch:
            counter = self._patience_of(run)
            counter.waited = run.epoch - self.best_epoch
            if self.best_epoch:
                counter.best = self.best = state["best"]
        return self._verdict()

    def epoch(self, run: Run) -> str | None:
        """Compare with the best epoch so far.

        Raises
        ------
        ValueError
            Where the history has no such figure, or nobody says which way it is better.
        """
        if self.monitor not in run.history:
            known = ", ".join(run.history)
            raise ValueError(f"monitor: found {self.monitor!r}, expected one of {known}")
        counter = self._patience_of(run)
        if counter.update(run.history[self.monitor][-1], self.monitor):
            self.best, self.best_epoch = counter.best, run.epoch
            self._position = run.position
        return self._verdict()

    def end(self, result: TrainingResult) -> TrainingResult:
        """Put the best parameters in place of the last, where there was an epoch to be best."""
        if not result.epochs:
            return result
        assert self._to_theta is not None  # a run has begun
        return result._replace(theta=self._to_theta(self._position))

    def close(self) -> None:
        """Let go of the parameters."""
        self._position = self._to_theta = None
        self._counter = None

    def _forget(self) -> None:
        self.best, self.best_epoch, self._counter = float("nan"), 0, None

    def _patience_of(self, run: Run) -> Patience:
        if self._counter is None:
            mode = find_mode(run, self.monitor, self.mode)
            self._counter = Patience(mode, self.min_delta, self.patience)
        return self._counter

    def _verdict(self) -> str | None:
        if self._counter is None or not self._counter.is_over:
            return None
        if not self.best_epoch:
            return f"{self.monitor} was no number in {self.patience} epochs"
        return f"no better {self.monitor} in {self.patience} epochs"
