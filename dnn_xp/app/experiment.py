"""An experiment: data become arrays, a network is made for them, a run can be broken off.

Nothing here prints. Arrays are made on the current backend; columns are examples.
"""

import math
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dnn_xp.backends import Array, bring, dtype_name, from_host, to_host
from dnn_xp.files import Dataset, Preprocessing, apply, fit_preprocessing, load, split
from dnn_xp.functions.metrics import accuracy, one_hot, r2, root_mean_squared_error
from dnn_xp.layers import Dense
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
)
from dnn_xp.training import train as train_network
from dnn_xp.training.callbacks import History
from dnn_xp.training.limits import INTERRUPTED

__all__ = [
    "INTERRUPTED",
    "Examples",
    "Experiment",
    "bring_examples",
    "build_network",
    "classify",
    "diverged",
    "fingerprint",
    "measure",
    "parse_layers",
    "prepare",
    "run_experiment",
    "split_parts",
]

HELD_OUT = 0.2
"""The part of the examples that is held out where the data have no test part of their own."""


class Examples(NamedTuple):
    """Data as a network takes them.

    Attributes
    ----------
    X : array, shape (n_features, m)
    Y : array, shape (n_outputs, m)
    """

    X: Array
    Y: Array


class Experiment(NamedTuple):
    """All that a run needs.

    Attributes
    ----------
    fingerprint : int
        Of the data before they were divided.
    part, held_out_part : Dataset
        As read: what is learnt from, and what is kept back.
    preprocessing : Preprocessing
    targets : Preprocessing or None
        The same for real targets: what brings them to the order of one while a network learns.
    network : Network
    theta : array
        Initial parameters.
    examples, held_out : Examples
        The two parts as arrays of the backend.
    """

    fingerprint: int
    part: Dataset
    held_out_part: Dataset
    preprocessing: Preprocessing
    targets: Preprocessing | None
    network: Network
    theta: Array
    examples: Examples
    held_out: Examples


# ----------------------------------------------------------------------------- before


def prepare(
    data: str,
    *,
    data_dir: Path | None = None,
    hidden: Sequence[int],
    activation: str,
    seed: int,
    dtype: str,
) -> Experiment:
    """Load data and make a network for them.

    Parameters
    ----------
    data, data_dir
        As in `dnn_xp.files.load`.
    hidden, activation
        As in `build_network`.
    seed : int
        Of the parameters, and of the part that is held out.
    dtype : str

    Raises
    ------
    ValueError, OSError, ImportError, BackendError
        Where what is asked for is not there, or does not fit.
    """
    dataset, test = load(data, folder=data_dir)
    part, rest = split_parts(dataset, test, seed)
    network = build_network(part, hidden, activation)
    preprocessing = fit_preprocessing(part)
    examples = bring_examples(part, preprocessing, network, dtype)
    held_out = bring_examples(rest, preprocessing, network, dtype)
    theta = network.initialize(seed, like=examples.X)
    targets = fit_targets(part) if part.classes is None else None
    return Experiment(
        fingerprint(dataset),
        part,
        rest,
        preprocessing,
        targets,
        network,
        theta,
        examples,
        held_out,
    )


def split_parts(dataset: Dataset, test: Dataset | None, seed: int) -> tuple[Dataset, Dataset]:
    """Return a part to learn from and a part that is held out.

    Parameters
    ----------
    dataset, test
        As `dnn_xp.files.load` returns them.
    seed : int
        Of the choice, where the data have no test part of their own.
    """
    return (dataset, test) if test is not None else split(dataset, HELD_OUT, seed)


def fingerprint(dataset: Dataset) -> int:
    """Return a number by which the same data are known again, under whatever name."""
    # X transposed, because there each example lies in one piece: nothing is copied.
    return zlib.crc32(dataset.y.tobytes(), zlib.crc32(np.ascontiguousarray(dataset.X.T).data))


def parse_layers(text: str) -> tuple[int, ...]:
    """Turn ``"64,32"`` into (64, 32), and an empty text into no hidden layer at all."""
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ValueError(
            f"--layers: found {text!r}, expected the units of each hidden layer, such as '64,32'"
        )
    return tuple(int(word) for word in words)


def build_network(dataset: Dataset, hidden: Sequence[int], activation: str) -> Network:
    """Return a network for data: they decide what the outputs and the cost are.

    Parameters
    ----------
    dataset : Dataset
    hidden : sequence of int
        The units of each hidden layer.
    activation : str
        Of the hidden layers.
    """
    if dataset.classes is None:
        n_outputs, cost = dataset.y.shape[0], "squared_error"
    elif len(dataset.classes) == 1:
        raise ValueError(f"the data have the one class {dataset.classes[0]!r}, expected several")
    elif len(dataset.classes) == 2:
        n_outputs, cost = 1, "sigmoid_cross_entropy"
    else:
        n_outputs, cost = len(dataset.classes), "softmax_cross_entropy"
    layers = (*(Dense(units, activation, "he_normal") for units in hidden), Dense(n_outputs))
    return Network(dataset.X.shape[0], layers, cost)


def fit_targets(dataset: Dataset) -> Preprocessing:
    """Find out how real targets are brought to the mean 0, and to a spread of 1 all together.

    One scale for all of them keeps their ratios, and so what a squared error is small for.
    """
    shift = dataset.y.mean(axis=1, keepdims=True, dtype=np.float64)
    spread = np.sqrt(np.mean((dataset.y - shift) ** 2))
    return Preprocessing(shift, np.asarray(1.0 / spread if spread > 0 else 1.0))


def bring_examples(
    dataset: Dataset, preprocessing: Preprocessing, network: Network, dtype: str
) -> Examples:
    """Put data on the current backend, in the form that a network takes.

    Raises
    ------
    ValueError
        Where they do not fit the network.
    """
    n_features, m = dataset.X.shape
    if n_features != network.n_inputs:
        raise ValueError(
            f"the examples have {n_features} features, expected {network.n_inputs}, as many as "
            "those that the model was trained on"
        )
    X = from_host(apply(preprocessing, dataset.X, dtype))
    if dataset.classes is not None and network.n_outputs > 1:
        Y = one_hot(dataset.y, network.n_outputs, like=X)
    else:
        Y = from_host(dataset.y.reshape(-1, m), dtype=dtype)
    Y, _ = network.check_data(X, Y)
    return Examples(X, Y)


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
            run = train_network(
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
