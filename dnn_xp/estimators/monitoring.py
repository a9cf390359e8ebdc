"""What an estimator remembers of each epoch, and when it has seen enough."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from dnn_xp.backends import Array, bring
from dnn_xp.estimators.parameters import Parameters
from dnn_xp.training import Callback, Patience, Run, TrainingResult

__all__ = ["FitMonitor", "PrintLoss", "Validation", "is_verbose"]

_SMALLEST_RATE = 1e-6


Validation = Callable[[Array], tuple[float, float]]
"""``validation(theta)`` is a score, the better the greater, and the loss."""


def is_verbose(estimator: Parameters) -> bool:
    """Return whether an estimator tells of each epoch in a line, as scikit-learn's do."""
    return bool(estimator.verbose) and estimator.verbose != "bar"


class PrintLoss(Callback):
    """Print the loss of each iteration, as scikit-learn does."""

    def epoch(self, run: Run) -> str | None:
        """Print it."""
        print(f"Iteration {run.epoch}, loss = {run.history['cost'][-1]:.8f}")
        return None


class FitMonitor(Callback):
    """Keep an estimator's curves, stop it as scikit-learn does, and set its learning rate.

    Told before other callbacks, it writes ``validation_cost`` and ``validation_score`` into the
    run's history for them.

    Parameters
    ----------
    estimator : Parameters
        Whose ``loss_curve_`` and what goes with it are kept up to date.
    validation : Validation or None
        Asked after each epoch.
    n_examples : int
        In an epoch.
    rate : float
        The first learning rate, as a part of the initial one.
    """

    def __init__(
        self, estimator: Parameters, validation: Validation | None, n_examples: int, rate: float
    ) -> None:
        self.estimator, self.validation, self.n_examples = estimator, validation, n_examples
        self.rate, self.theta, self.best = rate, None, None

    @property
    def chosen(self) -> Array:
        """The parameters to keep: the best, where a score judges them, else the last."""
        return self.best if self.estimator.early_stopping else self.theta

    def factor(self, epoch: float) -> float:
        """Return the learning rate at a point of the run, as a part of the initial one."""
        rate = self.estimator.learning_rate
        return float(rate(epoch)) if callable(rate) else self.rate

    def start(self, run: Run) -> None:
        """Begin at the estimator's parameters."""
        self.theta = self.best = run.theta
        run.modes["validation_score"] = "max"
        self._patience = self._patience_so_far()

    def state(self) -> Mapping[str, Any]:
        """Return the curves, the rate and the best parameters."""
        kept = vars(self.estimator)
        return {"rate": self.rate, "best": self.best} | {
            name: kept[name] for name in _REMEMBERED if kept.get(name) is not None
        }

    def restore(self, run: Run, state: Mapping[str, Any]) -> str | None:
        """Take up what was remembered."""
        remembered = dict(state)
        self.rate = float(remembered.pop("rate"))
        self.best = bring(remembered.pop("best"), like=run.theta)
        self.theta = run.theta
        for name, value in remembered.items():
            curve = name in _CURVES
            setattr(self.estimator, name, [float(one) for one in value] if curve else value)
        self._patience = self._patience_so_far()
        return "it had stopped" if self._patience.is_over else None

    def epoch(self, run: Run) -> str | None:
        """Take note of an epoch, and stop where neither loss nor score gets better."""
        one = self.estimator
        one.n_iter_ = run.epoch
        one.t_ += self.n_examples
        one.loss_ = run.history["cost"][-1]
        one.loss_curve_.append(one.loss_)
        self.theta = run.theta
        if is_verbose(one):
            print(f"Iteration {one.n_iter_}, loss = {one.loss_:.8f}")
        if self.validation is not None:
            score, loss = self.validation(self.theta)
            one.validation_scores_.append(score)
            one.validation_loss_curve_.append(loss)
            run.history.setdefault("validation_cost", []).append(loss)
            run.history.setdefault("validation_score", []).append(score)
            if is_verbose(one):
                print(f"Validation score: {score:f}")
        self._compare()
        sgd = one.solver == "sgd"
        if sgd and one.learning_rate == "invscaling":
            self.rate = (one.t_ + 1) ** -one.power_t
        stop = None
        if self._patience.is_over:
            stop = self._verdict(adaptive=sgd and one.learning_rate == "adaptive")
        one._no_improvement_count, one._learning_rate = self._patience.waited, self.rate
        return stop

    def end(self, result: TrainingResult) -> TrainingResult:
        """Put the best parameters in place of the last, where a score judges them."""
        return result._replace(theta=self.best) if self.estimator.early_stopping else result

    def _patience_so_far(self) -> Patience:
        """Return the patience that fits of the estimator, of which this may go on, have left."""
        one = self.estimator
        mode: Literal["min", "max"] = "max" if one.early_stopping else "min"
        patience = Patience(mode, one.tol, one.n_iter_no_change + 1, any_best=True)
        best = one.best_validation_score_ if one.early_stopping else one.best_loss_
        if best is not None:
            patience.best = best
        patience.waited = one._no_improvement_count
        return patience

    def _compare(self) -> None:
        """Compare the score, or the loss, with the best so far."""
        one, patience = self.estimator, self._patience
        if not one.early_stopping:
            patience.update(one.loss_, "the loss")
            one.best_loss_ = patience.best
        elif patience.update(one.validation_scores_[-1], "the validation score"):
            one.best_validation_score_, self.best = patience.best, self.theta

    def _verdict(self, *, adaptive: bool) -> str | None:
        """Return why training ends, or lower the learning rate and go on."""
        one = self.estimator
        judged = "Validation score" if one.early_stopping else "Training loss"
        message = (
            f"{judged} did not improve more than tol={one.tol:f} "
            f"for {one.n_iter_no_change:g} consecutive epochs."
        )
        rate = self.rate * one.learning_rate_init
        if adaptive and rate > _SMALLEST_RATE:
            self.rate /= 5.0
            self._patience.waited = 0
            if is_verbose(one):
                print(f"{message} Setting learning rate to {rate / 5.0:f}")
            return None
        message += " Learning rate too small. Stopping." if adaptive else " Stopping."
        if is_verbose(one):
            print(message)
        return message


_CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
_REMEMBERED = (
    *_CURVES,
    "t_",
    "n_iter_",
    "loss_",
    "best_loss_",
    "best_validation_score_",
    "_no_improvement_count",
)
