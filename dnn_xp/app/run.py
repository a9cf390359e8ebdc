"""What happens while a network learns, and what came of it. A run can be broken off.

Nothing here prints.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dnn_xp.app.experiment import Experiment, scale_targets
from dnn_xp.app.metrics import Metrics
from dnn_xp.app.optimization import Descent
from dnn_xp.backends import Array, bring, to_host
from dnn_xp.callbacks import Interruptible
from dnn_xp.data import Preprocessing
from dnn_xp.network import Network
from dnn_xp.training import (
    AnotherRunError,
    Callback,
    DivergenceWarning,
    Ending,
    Progress,
    Run,
    TrainingResult,
    train,
)
from dnn_xp.training.progress import History

__all__ = ["classify", "run_experiment"]


class _Watch(Callback):
    """Keep the last whole epoch at hand, tell of each, and know the run again."""

    def __init__(self, tell: Callable[[int, History], None], run: Mapping[str, int | str]) -> None:
        self.last: Run | None = None
        self.tell, self.run = tell, run

    def start(self, run: Run) -> None:
        self.last = run

    def state(self) -> Mapping[str, int | str]:
        return self.run

    def restore(self, run: Run, state: Mapping[str, int | str]) -> None:
        if state["fingerprint"] != self.run["fingerprint"]:
            raise AnotherRunError("this is the progress of a run on other data")
        for name, expected in self.run.items():
            if state[name] != expected:
                raise AnotherRunError(
                    "this is the progress of another run; "
                    f"{name}: found {state[name]}, expected {expected}"
                )

    def epoch(self, run: Run) -> None:
        self.last = run
        self.tell(run.epoch, run.history)


def run_experiment(
    experiment: Experiment,
    *,
    descent: Descent,
    metrics: Metrics,
    epochs: int,
    batch_size: int,
    seed: int,
    tell: Callable[[int, dict[str, float]], None],
    resume: Progress | None = None,
    weights: Array | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Train until the end, or until Ctrl-C: the step under way is then finished.

    Where Ctrl-C is pressed again before that, what was learnt up to the last whole epoch counts.

    Real targets are learnt in units of their spread, so that the same learning rate does for
    prices and for millimetres. What comes back is in the units of the data.

    Parameters
    ----------
    experiment : Experiment
    epochs, batch_size, seed, resume, weights, callbacks
        As in `dnn_xp.training.train`.
    descent : Descent
    metrics : Metrics
        Measured after each epoch on what is held out.
    tell : callable
        ``tell(epoch, figures)`` is called after each epoch, with that epoch's part of the history.

    Returns
    -------
    TrainingResult
        Divergence is told by its ending, and not by a warning.
    """
    network, targets, plan = experiment.network, experiment.targets, descent.plan

    def tell_latest(epoch: int, history: History) -> None:
        own = _in_own_units({name: values[-1:] for name, values in history.items()}, targets)
        tell(epoch, {name: value for name, (value,) in own.items()})

    watch = _Watch(
        tell_latest,
        {
            "fingerprint": experiment.fingerprint,
            "schedule": plan.words,
            "metric": ", ".join(metrics),
        },
    )
    try:
        with Interruptible() as ctrl_c, warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", DivergenceWarning)
            run = train(
                network,
                *scale_targets(experiment.examples, experiment.part, targets),
                experiment.theta,
                optimizer=descent.optimizer,
                schedule=plan.schedule,
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
                validation=scale_targets(experiment.held_out, experiment.held_out_part, targets),
                metrics=metrics,
                callbacks=[*plan.watchers, watch, ctrl_c, *callbacks],
                clip_norm=descent.clip_norm,
                ema_decay=descent.ema_decay,
                weights=weights,
                resume=resume,
            )
    except KeyboardInterrupt:
        if watch.last is None:
            raise
        last = watch.last
        # Some figures of the epoch that was broken off may be there already.
        whole = {name: values[: last.epoch] for name, values in last.history.items()}
        theta = last.to_theta(last.last_position)
        run = TrainingResult(theta, whole, last.epoch, Ending.INTERRUPTED, "interrupted")

    if targets is None:
        return run
    theta = _unscaled(network, run.theta, targets)
    return run._replace(theta=theta, history=_in_own_units(run.history, targets))


_POWERS = {"cost": 2, "RMSE": 1, "MAE": 1}
"""Which power of the unit of the targets a figure is in."""


def _in_own_units(history: History, targets: Preprocessing | None) -> History:
    """Return a history whose errors are in the units of the data."""
    if targets is None:
        return history
    unit = 1.0 / float(targets.scale)
    return {
        name: [value * unit ** _POWERS.get(name.removeprefix("validation_"), 0) for value in values]
        for name, values in history.items()
    }


def _unscaled(network: Network, theta: Array, targets: Preprocessing) -> Array:
    """Return the parameters of the network whose outputs are in the units of the data."""
    parameters, last = network.unpack(theta), len(network.layers)
    spread, shift = 1.0 / float(targets.scale), bring(targets.shift, like=theta)
    W, b = parameters[f"W{last}"], parameters[f"b{last}"]
    return network.pack({**parameters, f"W{last}": spread * W, f"b{last}": spread * b + shift})


def classify(A: Array, classes: Sequence[str]) -> list[tuple[str, float]]:
    """Return the class of each example and its probability.

    Parameters
    ----------
    A : array, shape (n_outputs, m)
        What a network predicts. One row is the probability of the second of two classes.
    classes : sequence of str
    """
    host = to_host(A)
    if host.shape[0] == 1:
        host = np.concatenate([1.0 - host, host])
    places = np.argmax(host, axis=0)
    return [(classes[place], float(host[place, i])) for i, place in enumerate(places)]
