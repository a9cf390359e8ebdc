"""Monitor of a fit: the curves of an estimator, the end of its training and its learning rate.

Whatever an estimator remembers of its epochs is written here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np

from dnn_xp.backends import Vector, asarray_like
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.estimators.parameters import Parameters
from dnn_xp.training import Callback, Patience, Run, TrainingResult

__all__ = [
    "FitMonitor",
    "PrintLoss",
    "Validation",
    "is_verbose",
    "record_divergence",
    "record_iterations",
    "start_record",
]

_SMALLEST_RATE = 1e-6

_RECORD = (
    "loss_curve_",
    "validation_scores_",
    "validation_loss_curve_",
    "t_",
    "n_iter_",
    "loss_",
    "best_loss_",
    "best_validation_score_",
    "_no_improvement_count",
)
"""Attributes of an estimator that a fit which goes on takes up."""

Validation = Callable[[Vector], tuple[float, float]]
"""``validation(theta)`` is a score, the better the greater, and the loss."""


def is_verbose(estimator: Parameters) -> bool:
    """Return whether an estimator prints a line after each epoch, as scikit-learn's do."""
    return bool(estimator.verbose) and estimator.verbose != "bar"


def start_record(estimator: FittedNetwork) -> None:
    """Empty the curves of an estimator, and set its counts to 0, before its first epoch."""
    estimator.n_iter_ = estimator.t_ = estimator._no_improvement_count = 0
    estimator.loss_curve_, estimator.best_loss_ = [], None if estimator.early_stopping else math.inf
    estimator.validation_scores_ = estimator.best_validation_score_ = None


def record_iterations(estimator: FittedNetwork, n_iterations: int, losses: Sequence[float]) -> None:
    """Add the losses of a run of L-BFGS to the curve of an estimator."""
    estimator.n_iter_ = n_iterations
    estimator.loss_curve_ += losses
    estimator.loss_ = estimator.loss_curve_[-1]
    estimator.best_loss_ = min(estimator.loss_curve_)


def record_divergence(estimator: FittedNetwork) -> None:
    """Add NaN to the curves of an estimator."""
    estimator.loss_ = math.nan
    estimator.loss_curve_.append(math.nan)
    if estimator.early_stopping and estimator.solver != "lbfgs":
        assert estimator.validation_scores_ is not None  # early stopping has validation data
        estimator.validation_scores_.append(math.nan)


class PrintLoss(Callback):
    """Printer of the loss of each iteration, as scikit-learn prints it."""

    writes: ClassVar[bool] = True

    def epoch(self, run: Run) -> str | None:
        """Print it."""
        print(f"Iteration {run.epoch}, loss = {run.history['cost'][-1]:.8f}")
        return None


class FitMonitor(Callback):
    """Monitor of a fit: keeps the estimator's curves, stops as scikit-learn does, sets the rate.

    Called before other callbacks, it writes ``validation_cost`` and ``validation_score`` into the
    run's history for them.

    Parameters
    ----------
    estimator : FittedNetwork
        Whose ``loss_curve_`` and what goes with it are kept up to date.
    validation : Validation or None
        Called after each epoch.
    n_examples : int
        In an epoch.
    rate : float
        The first learning rate, as a part of the initial one.
    epochs_before : int
        Of the run, that other calls have done.
    """

    def __init__(
        self,
        estimator: FittedNetwork,
        validation: Validation | None,
        n_examples: int,
        rate: float,
        epochs_before: int = 0,
    ) -> None:
        self.estimator, self.validation, self.n_examples = estimator, validation, n_examples
        self.rate, self.epochs_before = rate, epochs_before
        self.theta: Vector | None = None
        self.best: Vector | None = None

    @property
    def chosen(self) -> Vector:
        """The parameters to keep: with early stopping those of the best score, else the last."""
        return self.best if self.estimator.early_stopping else self.theta

    def factor(self, epoch: float) -> float:
        """Return the learning rate at a point of the run, as a part of the initial one.

        Raises
        ------
        ValueError
            Where a schedule gives no number from 0 on.
        """
        schedule = self.estimator.learning_rate
        if not callable(schedule):
            return self.rate
        found: Any = schedule(epoch)
        if not (isinstance(found, Real) and 0.0 <= float(found) < math.inf):
            raise ValueError(
                f"learning_rate: found {found!r} from {schedule!r} at epoch {epoch:g}, expected a "
                "number from 0 on"
            )
        return float(found)

    def start(self, run: Run) -> None:
        """Begin at the run's parameters, with empty validation curves where there are none."""
        estimator, self.theta, self.best = self.estimator, run.theta, run.theta
        self._prints = is_verbose(estimator) and run.rank == 0
        run.modes["validation_score"] = "max"
        if self.validation is not None and estimator.validation_scores_ is None:
            estimator.validation_scores_, estimator.validation_loss_curve_ = [], []
            estimator.best_validation_score_ = -math.inf
        self._patience = self._patience_left()

    def state(self) -> Mapping[str, Any]:
        """Return the curves, the rate and the best parameters."""
        record = {name: vars(self.estimator).get(name) for name in _RECORD}
        known = {name: value for name, value in record.items() if value is not None}
        return {"rate": self.rate, "best": self.best} | known

    def restore(self, run: Run, state: Mapping[str, Any]) -> str | None:
        """Take up a state."""
        self.rate, self.theta = float(state["rate"]), run.theta
        self.best = asarray_like(state["best"], like=run.theta)
        for name in state.keys() & set(_RECORD):
            value = state[name]
            setattr(self.estimator, name, [*map(float, value)] if np.ndim(value) else value)
        self._patience = self._patience_left()
        return "it had stopped" if self._patience.is_over else None

    def epoch(self, run: Run) -> str | None:
        """Record an epoch, and stop where neither loss nor score gets better."""
        estimator, self.theta = self.estimator, run.theta
        estimator.n_iter_ = run.epoch - self.epochs_before
        estimator.t_ += self.n_examples
        estimator.loss_ = run.history["cost"][-1]
        estimator.loss_curve_.append(estimator.loss_)
        if self._prints:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if self.validation is not None:
            score, loss = self.validation(run.theta)
            self._record_validation(run, **run.agreed({"score": score, "loss": loss}))
        self._compare()
        sgd = estimator.solver == "sgd"
        if sgd and estimator.learning_rate == "invscaling":
            self.rate = (estimator.t_ + 1) ** -estimator.power_t
        reason = None
        if self._patience.is_over:
            reason = self._lose_patience(adaptive=sgd and estimator.learning_rate == "adaptive")
        estimator._no_improvement_count = self._patience.waited
        estimator._learning_rate = self.rate
        return reason

    def end(self, result: TrainingResult) -> TrainingResult:
        """Put the best parameters in place of the last, with early stopping."""
        return result._replace(theta=self.best) if self.estimator.early_stopping else result

    def _record_validation(self, run: Run, score: float, loss: float) -> None:
        """Add the figures of an epoch to the curves of the estimator, and to the history."""
        scores = self.estimator.validation_scores_
        assert scores is not None  # `start` made it
        scores.append(score)
        self.estimator.validation_loss_curve_.append(loss)
        run.history.setdefault("validation_cost", []).append(loss)
        run.history.setdefault("validation_score", []).append(score)
        if self._prints:
            print(f"Validation score: {score:f}")

    def _patience_left(self) -> Patience:
        """Return the patience that fits of the estimator, of which this may go on, have left."""
        estimator = self.estimator
        mode: Literal["min", "max"] = "max" if estimator.early_stopping else "min"
        patience = Patience(mode, estimator.tol, estimator.n_iter_no_change + 1, any_best=True)
        early = estimator.early_stopping
        best = estimator.best_validation_score_ if early else estimator.best_loss_
        if best is not None:
            patience.best = best
        patience.waited = estimator._no_improvement_count
        return patience

    def _compare(self) -> None:
        """Compare the score, or the loss, with the best so far."""
        estimator, patience = self.estimator, self._patience
        if not estimator.early_stopping:
            patience.update(estimator.loss_, "the loss")
            estimator.best_loss_ = patience.best
            return
        assert estimator.validation_scores_  # early stopping has validation data
        if patience.update(estimator.validation_scores_[-1], "the validation score"):
            estimator.best_validation_score_, self.best = patience.best, self.theta

    def _lose_patience(self, *, adaptive: bool) -> str | None:
        """Return why training ends, or lower the learning rate and go on."""
        estimator = self.estimator
        figure = "Validation score" if estimator.early_stopping else "Training loss"
        message = (
            f"{figure} did not improve more than tol={estimator.tol:f} "
            f"for {estimator.n_iter_no_change:g} consecutive epochs."
        )
        rate = self.rate * estimator.learning_rate_init
        if adaptive and rate > _SMALLEST_RATE:
            self.rate /= 5.0
            self._patience.waited = 0
            if self._prints:
                print(f"{message} Setting learning rate to {rate / 5.0:f}")
            return None
        message += " Learning rate too small. Stopping." if adaptive else " Stopping."
        if self._prints:
            print(message)
        return message
