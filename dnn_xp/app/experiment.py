"""An experiment: data become arrays, a network is made for them, a run can be broken off.

Nothing here prints. Arrays are made on the current backend; columns are examples.
"""

import math
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dnn_xp.backends import Array, from_host, to_host
from dnn_xp.files import Dataset, Preprocessing, apply, fit_preprocessing, load, split
from dnn_xp.functions.metrics import accuracy, one_hot
from dnn_xp.layers import Dense
from dnn_xp.network import Network
from dnn_xp.training import Callback, DivergenceWarning, Moment, Optimizer, TrainingResult
from dnn_xp.training import train as train_network

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
    "typical_error",
]

HELD_OUT = 0.2
"""The part of the examples that is held out where the data have no test part of their own."""

INTERRUPTED = "interrupted"
"""The reason of a run that Ctrl-C ended."""


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
    part, held_out_part : Dataset
        As read: what is learnt from, and what is kept back.
    preprocessing : Preprocessing
    network : Network
    theta : array
        Initial parameters.
    examples, held_out : Examples
        The two parts as arrays of the backend.
    """

    part: Dataset
    held_out_part: Dataset
    preprocessing: Preprocessing
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
    part, rest = split_parts(*load(data, folder=data_dir), seed)
    network = build_network(part, hidden, activation)
    preprocessing = fit_preprocessing(part)
    examples = bring_examples(part, preprocessing, network, dtype)
    held_out = bring_examples(rest, preprocessing, network, dtype)
    theta = network.initialize(seed, like=examples.X)
    return Experiment(part, rest, preprocessing, network, theta, examples, held_out)


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


class _LastEpoch(Callback):
    """Keep the last whole epoch at hand."""

    moment: Moment | None = None

    def start(self, moment: Moment) -> None:
        self.moment = moment

    def epoch(self, moment: Moment) -> None:
        self.moment = moment


def run_experiment(
    experiment: Experiment,
    *,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    seed: int,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Train, and where Ctrl-C breaks in, return what was learnt up to the last whole epoch.

    Parameters
    ----------
    experiment : Experiment
    optimizer, epochs, batch_size, seed, callbacks
        As in `dnn_xp.training.train`.

    Returns
    -------
    TrainingResult
        Its reason is `INTERRUPTED` where Ctrl-C ended it. Divergence is said there, too, and not
        by a warning.
    """
    last, network = _LastEpoch(), experiment.network
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", DivergenceWarning)
            return train_network(
                network,
                *experiment.examples,
                experiment.theta,
                optimizer=optimizer,
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
                validation=experiment.held_out,
                metrics={} if experiment.part.classes is None else {"accuracy": accuracy},
                callbacks=(last, *callbacks),
            )
    except KeyboardInterrupt:
        if last.moment is None:
            raise
        moment = last.moment
        # Some figures of the epoch that was broken off may be there already.
        whole = {name: values[: moment.epoch] for name, values in moment.history.items()}
        return TrainingResult(moment.theta, whole, moment.epoch, INTERRUPTED)


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
        With classes there is the ``accuracy``, from 0 to 1; with a squared_error the ``RMSE``.
    """
    figures = {"cost": float(network.evaluate_cost(theta, *examples))}
    if classes is not None:
        figures["accuracy"] = float(accuracy(network.predict(theta, examples.X), examples.Y))
    elif network.cost == "squared_error":
        figures["RMSE"] = typical_error(figures["cost"], network.n_outputs)
    return figures


def typical_error(squared_error: float, n_outputs: int) -> float:
    """Return the root mean square error that goes with a squared_error cost, which halves it."""
    return math.sqrt(2.0 * squared_error / n_outputs)


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
