"""What an estimator remembers of each epoch, and when it has seen enough."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from dnn_xp.backends import Array, bring
from dnn_xp.estimators.parameters import Parameters
from dnn_xp.training import Callback, Moment, TrainingResult

__all__ = ["Follower", "Teller", "Validation", "prints"]

_SMALLEST_RATE = 1e-6


Validation = Callable[[Array], tuple[float, float]]
"""``validation(theta)`` is a score, the better the greater, and the loss."""


def prints(estimator: Parameters) -> bool:
    """Return whether an estimator tells of each epoch in a line, as scikit-learn's do."""
    return bool(estimator.verbose) and estimator.verbose != "bar"


class Teller(Callback):
    """Print the loss of each iteration, as scikit-learn does."""

    def epoch(self, moment: Moment) -> str | None:
        """Print it."""
        print(f"Iteration {moment.epoch}, loss = {moment.history['cost'][-1]:.8f}")
        return None


class Follower(Callback):
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

    def start(self, moment: Moment) -> None:
        """Begin at the estimator's parameters."""
        self.theta = self.best = moment.theta

    def state(self) -> Mapping[str, Any]:
        """Return the curves, the rate and the best parameters."""
        kept = vars(self.estimator)
        return {"rate": self.rate, "best": self.best} | {
            name: kept[name] for name in _REMEMBERED if kept.get(name) is not None
        }

    def restore(self, moment: Moment, state: Mapping[str, Any]) -> str | None:
        """Take up what was remembered."""
        remembered = dict(state)
        self.rate = float(remembered.pop("rate"))
        self.best = bring(remembered.pop("best"), like=moment.theta)
        self.theta = moment.theta
        for name, value in remembered.items():
            curve = name in _CURVES
            setattr(self.estimator, name, [float(one) for one in value] if curve else value)
        one = self.estimator
        stopped = one._no_improvement_count > one.n_iter_no_change
        return "it had stopped" if stopped else None

    def epoch(self, moment: Moment) -> str | None:
        """Take note of an epoch, and stop where neither loss nor score gets better."""
        one = self.estimator
        one.n_iter_ = moment.epoch
        one.t_ += self.n_examples
        one.loss_ = moment.history["cost"][-1]
        one.loss_curve_.append(one.loss_)
        self.theta = moment.theta
        if prints(one):
            print(f"Iteration {one.n_iter_}, loss = {one.loss_:.8f}")
        if self.validation is not None:
            score, loss = self.validation(self.theta)
            one.validation_scores_.append(score)
            one.validation_loss_curve_.append(loss)
            moment.history.setdefault("validation_cost", []).append(loss)
            moment.history.setdefault("validation_score", []).append(score)
            if prints(one):
                print(f"Validation score: {score:f}")
        improved = self._better_score() if one.early_stopping else self._lower_loss()
        one._no_improvement_count = 0 if improved else one._no_improvement_count + 1
        sgd = one.solver == "sgd"
        if sgd and one.learning_rate == "invscaling":
            self.rate = (one.t_ + 1) ** -one.power_t
        stop = None
        if one._no_improvement_count > one.n_iter_no_change:
            stop = self._verdict(adaptive=sgd and one.learning_rate == "adaptive")
        one._learning_rate = self.rate
        return stop

    def end(self, result: TrainingResult) -> TrainingResult:
        """Put the best parameters in place of the last, where a score judges them."""
        return result._replace(theta=self.best) if self.estimator.early_stopping else result

    def _better_score(self) -> bool:
        one = self.estimator
        score, best = one.validation_scores_[-1], one.best_validation_score_
        if score > best:
            one.best_validation_score_, self.best = score, self.theta
        # Not ">=": a score that is not a number counts as better, as it does in scikit-learn.
        return not score < best + one.tol

    def _lower_loss(self) -> bool:
        one = self.estimator
        best = math.inf if one.best_loss_ is None else one.best_loss_
        one.best_loss_ = min(best, one.loss_)
        return not one.loss_ > best - one.tol

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
            one._no_improvement_count = 0
            if prints(one):
                print(f"{message} Setting learning rate to {rate / 5.0:f}")
            return None
        message += " Learning rate too small. Stopping." if adaptive else " Stopping."
        if prints(one):
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
