"""Runs of experiments, which can be broken off.

Nothing here prints.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dnn_xp.app.experiment import Experiment, scale_targets
from dnn_xp.app.metrics import Metrics
from dnn_xp.app.optimization import OptimizerSettings
from dnn_xp.app.resume import Resume
from dnn_xp.backends import Array, Group, asarray_like, to_host
from dnn_xp.data import Preprocessing
from dnn_xp.network import Network
from dnn_xp.training import (
    AnotherRunError,
    Callback,
    DivergenceWarning,
    Run,
    TrainingResult,
    train,
)
from dnn_xp.training.progress import History

__all__ = [
    "OnEpoch",
    "PreparedRun",
    "choose_labels",
    "classify",
    "in_own_units",
    "own_theta",
    "run_experiment",
]

OnEpoch = Callable[[int, Mapping[str, float]], None]
"""Called with the number of an epoch that is done and its metrics."""


class PreparedRun(NamedTuple):
    """All that a run needs.

    Attributes
    ----------
    experiment : Experiment
    optimizer_settings : OptimizerSettings
    metrics : Metrics
        Measured after each epoch on what is held out.
    epochs, batch_size, seed, weights
        As in `dnn_xp.training.train`.
    resume : Resume
        Where it begins, and which checkpoints it writes.
    options : mapping of str to str
        What the options say that a run goes on with as it began.
    """

    experiment: Experiment
    optimizer_settings: OptimizerSettings
    metrics: Metrics
    epochs: int
    batch_size: int
    seed: int
    weights: Array | None = None
    resume: Resume = Resume()
    options: Mapping[str, str] = {}


class _Watch(Callback):
    """Keep the last whole epoch at hand, report each, and know the run again."""

    def __init__(
        self, on_epoch: Callable[[int, History], None], identity: Mapping[str, int | str]
    ) -> None:
        self.last: Run | None = None
        self.on_epoch, self.identity = on_epoch, identity

    def start(self, run: Run) -> None:
        self.last = run

    def state(self) -> Mapping[str, int | str]:
        return self.identity

    def restore(self, run: Run, state: Mapping[str, int | str]) -> None:
        for name, expected in self.identity.items():
            if state.get(name, expected) != expected:
                argument = "data" if name == "fingerprint" else name
                raise AnotherRunError({argument: (state[name], expected)})

    def epoch(self, run: Run) -> None:
        self.on_epoch(run.epoch, run.history)


def run_experiment(
    prepared: PreparedRun,
    on_epoch: OnEpoch,
    callbacks: Sequence[Callback] = (),
    group: Group | None = None,
) -> TrainingResult:
    """Train until the end, or until a callback ends it.

    Where Ctrl-C breaks it off, what was learnt up to the last whole epoch counts.

    Real targets are learnt in units of their spread, so that the same learning rate does for
    prices and for millimetres. What comes back is in the units of the data.

    Parameters
    ----------
    prepared : PreparedRun
    on_epoch : OnEpoch
    callbacks : sequence of Callback
        Told in the units of the training: see `in_own_units`.
    group : Group, optional
        The processes that train together.

    Returns
    -------
    TrainingResult
        Divergence is told by its ending, and not by a warning.
    """
    targets = prepared.experiment.targets

    def report_latest(epoch: int, history: History) -> None:
        on_epoch(
            epoch, in_own_units({name: values[-1] for name, values in history.items()}, targets)
        )

    watch = _Watch(report_latest, _identity(prepared))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", DivergenceWarning)
            result = _train(prepared, [watch, *callbacks], group)
    except KeyboardInterrupt:
        if watch.last is None or group is not None:  # of which the others do not know
            raise
        result = watch.last.last_whole_epoch()
    result = result._replace(theta=own_theta(prepared.experiment, result.theta))
    if targets is None:
        return result
    return result._replace(history=_history_in_own_units(result.history, targets))


def _identity(prepared: PreparedRun) -> dict[str, int | str]:
    """Return what must be the same for a run to go on, besides what `train` compares itself."""
    return {
        "fingerprint": prepared.experiment.fingerprint,
        "schedule": prepared.optimizer_settings.plan.description,
        "metric": ", ".join(prepared.metrics),
        **prepared.options,
    }


def _train(
    prepared: PreparedRun, callbacks: Sequence[Callback], group: Group | None
) -> TrainingResult:
    """Train with targets in units of their spread."""
    experiment, settings, resume = prepared.experiment, prepared.optimizer_settings, prepared.resume
    targets = experiment.targets
    return train(
        experiment.network,
        *scale_targets(experiment.examples, experiment.part, targets),
        experiment.theta,
        optimizer=settings.optimizer,
        schedule=settings.plan.schedule,
        epochs=prepared.epochs,
        batch_size=prepared.batch_size,
        seed=prepared.seed,
        validation=scale_targets(experiment.held_out, experiment.held_out_part, targets),
        metrics=prepared.metrics,
        # A checkpoint that is refused comes before a folder is filled.
        callbacks=[*settings.plan.callbacks, *resume.checkpoints, *callbacks],
        clip_norm=settings.clip_norm,
        ema_decay=settings.ema_decay,
        weights=prepared.weights,
        resume=resume.progress,
        group=group,
    )


_POWERS = {"cost": 2, "RMSE": 1, "MAE": 1}
"""Which power of the unit of the targets a metric is in."""


def in_own_units(figures: Mapping[str, float], targets: Preprocessing | None) -> dict[str, float]:
    """Return figures of an epoch in the units of the data.

    Parameters
    ----------
    figures : mapping of str to float
        In units of the spread of the targets.
    targets : Preprocessing or None
        None leaves them as they are.
    """
    return {name: value * _factor(name, targets) for name, value in figures.items()}


def _history_in_own_units(history: History, targets: Preprocessing) -> History:
    return {
        name: [value * _factor(name, targets) for value in values]
        for name, values in history.items()
    }


def _factor(name: str, targets: Preprocessing | None) -> float:
    """Return what brings a metric to the units of the data."""
    power = _POWERS.get(name.removeprefix("validation_"), 0)
    return 1.0 if targets is None else (1.0 / float(targets.scale)) ** power


def own_theta(experiment: Experiment, theta: Array) -> Array:
    """Return the parameters of the network whose outputs are in the units of the data."""
    targets = experiment.targets
    return theta if targets is None else _unscaled(experiment.network, theta, targets)


def _unscaled(network: Network, theta: Array, targets: Preprocessing) -> Array:
    parameters, last = network.unpack(theta), len(network.layers)
    spread, shift = 1.0 / float(targets.scale), asarray_like(targets.shift, like=theta)
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


def choose_labels(A: Array, labels: Sequence[str]) -> list[tuple[tuple[str, ...], float]]:
    """Return the labels of each example, and the probability of the least sure decision.

    Parameters
    ----------
    A : array, shape (n_labels, m)
        What a network predicts: the probability of each label by itself, which is given above 0.5.
    labels : sequence of str
    """
    host = to_host(A)
    least = np.maximum(host, 1.0 - host).min(axis=0)
    return [
        (tuple(name for name, p in zip(labels, column, strict=True) if p > 0.5), float(sure))
        for column, sure in zip(host.T, least, strict=True)
    ]
