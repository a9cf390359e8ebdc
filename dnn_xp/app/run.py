"""What happens while a network learns, and what came of it. A run can be broken off.

Nothing here prints.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dnn_xp.app.experiment import Examples, Experiment
from dnn_xp.backends import Array, bring, dtype_name, from_host, to_host
from dnn_xp.files import Dataset, Preprocessing, apply
from dnn_xp.functions.metrics import accuracy, r2, root_mean_squared_error
from dnn_xp.network import Network
from dnn_xp.training import (
    AnotherRunError,
    Callback,
    DivergenceWarning,
    Interruptible,
    Moment,
    Optimizer,
    Progress,
    TrainingResult,
    train,
)
from dnn_xp.training.callbacks import History
from dnn_xp.training.limits import INTERRUPTED

__all__ = ["INTERRUPTED", "classify", "diverged", "measure", "run_experiment"]


# ----------------------------------------------------------------------------- while


class _Watch(Callback):
    """Keep the last whole epoch at hand, tell of each, and know the data again."""

    def __init__(self, tell: Callable[[int, History], None], fingerprint: int) -> None:
        self.last: Moment | None = None
        self.tell, self.fingerprint = tell, fingerprint

    def start(self, moment: Moment) -> None:
        self.last = moment

    def state(self) -> Mapping[str, int]:
        return {"fingerprint": self.fingerprint}

    def restore(self, moment: Moment, state: Mapping[str, int]) -> None:
        if state["fingerprint"] != self.fingerprint:
            raise AnotherRunError("this is the progress of a run on other data")

    def epoch(self, moment: Moment) -> None:
        self.last = moment
        self.tell(moment.epoch, moment.history)


def run_experiment(
    experiment: Experiment,
    *,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    seed: int,
    tell: Callable[[int, dict[str, float]], None],
    resume: Progress | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Train until the end, or until Ctrl-C: the step under way is then finished.

    Where Ctrl-C is pressed again before that, what was learnt up to the last whole epoch counts.

    Real targets are learnt in units of their spread, so that the same learning rate does for
    prices and for millimetres. What comes back is in the units of the data.

    Parameters
    ----------
    experiment : Experiment
    optimizer, epochs, batch_size, seed, resume, callbacks
        As in `dnn_xp.training.train`.
    tell : callable
        ``tell(epoch, figures)`` is called after each epoch, with that epoch's part of the history.

    Returns
    -------
    TrainingResult
        Its reason is `INTERRUPTED` where Ctrl-C ended it. Divergence is said there, too, and not
        by a warning.
    """
    network, targets = experiment.network, experiment.targets

    def tell_latest(epoch: int, history: History) -> None:
        own = _in_own_units({name: values[-1:] for name, values in history.items()}, targets)
        tell(epoch, {name: value for name, (value,) in own.items()})

    watch = _Watch(tell_latest, experiment.fingerprint)
    try:
        with Interruptible() as ctrl_c, warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", DivergenceWarning)
            run = train(
                network,
                *_scaled(experiment.examples, experiment.part, targets),
                experiment.theta,
                optimizer=optimizer,
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
                validation=_scaled(experiment.held_out, experiment.held_out_part, targets),
                metrics={"accuracy": accuracy} if targets is None else {"R2": r2},
                callbacks=[watch, ctrl_c, *callbacks],
                resume=resume,
            )
    except KeyboardInterrupt:
        if watch.last is None:
            raise
        history, epoch = watch.last.history, watch.last.epoch
        # Some figures of the epoch that was broken off may be there already.
        whole = {name: values[:epoch] for name, values in history.items()}
        run = TrainingResult(watch.last.theta, whole, epoch, INTERRUPTED)

    if targets is None:
        return run
    theta = _unscaled(network, run.theta, targets)
    return run._replace(theta=theta, history=_in_own_units(run.history, targets))


def _scaled(examples: Examples, dataset: Dataset, targets: Preprocessing | None) -> Examples:
    """Return the examples with the targets that are learnt."""
    if targets is None:
        return examples
    dtype = dtype_name(examples.X.dtype)
    return examples._replace(Y=from_host(apply(targets, dataset.y, dtype)))


def _in_own_units(history: History, targets: Preprocessing | None) -> History:
    """Return a history whose squared errors are in the units of the data."""
    if targets is None:
        return history
    unit = 1.0 / float(targets.scale) ** 2
    return {
        name: [value * unit for value in values] if name.endswith("cost") else values
        for name, values in history.items()
    }


def _unscaled(network: Network, theta: Array, targets: Preprocessing) -> Array:
    """Return the parameters of the network whose outputs are in the units of the data."""
    parameters, last = network.unpack(theta), len(network.layers)
    spread, shift = 1.0 / float(targets.scale), bring(targets.shift, like=theta)
    W, b = parameters[f"W{last}"], parameters[f"b{last}"]
    return network.pack({**parameters, f"W{last}": spread * W, f"b{last}": spread * b + shift})


def diverged(run: TrainingResult) -> bool:
    """Return whether a run ended because its cost was no longer finite."""
    return not all(math.isfinite(cost) for cost in run.history.get("cost", ()))


# ----------------------------------------------------------------------------- after


def measure(
    network: Network, theta: Array, examples: Examples, classes: Sequence[str] | None
) -> dict[str, float]:
    """Return how well a network does: its mean cost, and what says more to a person.

    Parameters
    ----------
    network : Network
    theta : array, shape (size,)
    examples : Examples
    classes : sequence of str, or None
        With classes there is the ``accuracy``; without the ``RMSE``, in the units of the data, and
        the ``R2``.
    """
    cost, A = network.evaluate_cost(theta, *examples), network.predict(theta, examples.X)
    figures = {"cost": cost}
    if classes is not None:
        figures["accuracy"] = accuracy(A, examples.Y)
    else:
        figures["RMSE"] = root_mean_squared_error(A, examples.Y)
        figures["R2"] = r2(A, examples.Y)
    return {name: float(value) for name, value in figures.items()}


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
