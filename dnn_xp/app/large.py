"""Experiments on data that are too large for the memory: they stay in their file.

Nothing here prints.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from dnn_xp.app.errors import UserError
from dnn_xp.app.experiment import (
    HELD_OUT,
    ExampleArrays,
    Experiment,
    Told,
    bring_targets,
    build_network,
    check_data_dir,
    check_features,
    check_names_can_be_kept,
    check_precision,
    describe_absent,
    initial_theta,
    prepare,
)
from dnn_xp.backends import Array, from_host
from dnn_xp.data import Preprocessing, Source, open_examples
from dnn_xp.data.preprocessing import fit_pictures, standardize
from dnn_xp.data.stored import (
    StoredDataset,
    is_large,
    measure_columns,
    open_stored,
    scan,
    split_runs,
)
from dnn_xp.data.tasks import task_of
from dnn_xp.network import Network

__all__ = ["balanced_weights", "bring_large", "most_measured", "prepare_experiment"]

MOST = 2**16
"""Examples that are held out, or measured, at most: their accuracy is known to 0.2 percent."""
MOST_NUMBERS = 2**24
"""Outputs of those examples, at most, where there are many."""


def prepare_experiment(
    data: str,
    *,
    data_dir: Path | None = None,
    trusted: bool = False,
    hidden: Sequence[int],
    activation: str,
    seed: int,
    dtype: str,
    opened: ExitStack,
    task: str | None = None,
    advance: Told | None = None,
) -> Experiment:
    """Load data, or open them where they are large, and make a network for them.

    Parameters
    ----------
    opened : ExitStack
        What stays in a file can be read until this is closed.
    data, data_dir, trusted, hidden, activation, seed, dtype, task, advance
        As in `dnn_xp.app.experiment.prepare`.

    Raises
    ------
    ValueError, OSError, ImportError, BackendError
        Where what is asked for is not there, or does not fit.
    """
    check_data_dir(data, data_dir)
    if is_large(data, trusted=trusted):
        dataset = opened.enter_context(open_stored(data, trusted=trusted, task=task))
        network = build_network(dataset, hidden, activation)
        return _prepare_large(dataset, network, seed, dtype, opened, advance)
    return prepare(
        data,
        data_dir=data_dir,
        trusted=trusted,
        hidden=hidden,
        activation=activation,
        seed=seed,
        dtype=dtype,
        task=task,
        advance=advance,
    )


def _prepare_large(
    dataset: StoredDataset,
    network: Network,
    seed: int,
    dtype: str,
    opened: ExitStack,
    advance: Told | None,
) -> Experiment:
    """Look at data in one pass over the file, or in two.

    In the first the numbers are looked at, and it is told by which the data are known again; in
    the second, which pictures do not need, the spread of each feature is measured.
    """
    check_names_can_be_kept(dataset.classes)
    part, held_out, measured = split_runs(dataset, HELD_OUT, most_measured(dataset), seed)
    if dataset.pixel_max is not None:
        fingerprint = scan(dataset, advance)
        preprocessing = fit_pictures(dataset.pixel_max)
    else:
        n_first = dataset.X.shape[1]
        total = n_first + part.X.shape[1]
        fingerprint = scan(dataset, _of_both(0, total, advance))
        preprocessing = standardize(measure_columns(part.X, _of_both(n_first, total, advance)))
    real = task_of(dataset.task, dataset.classes) == "regression"
    targets = _fit_targets(part, dtype) if real else None
    like = from_host(np.empty(0, dtype))
    X = _opened(part.X.rows, like, preprocessing, opened)
    Y = _opened(part.y.rows, like, targets, opened)
    order = X.order
    assert order is not None  # it is that of a file
    return Experiment(
        fingerprint,
        part,
        held_out,
        preprocessing,
        targets,
        network,
        initial_theta(network, part, seed, like),
        ExampleArrays(X, Y),
        bring_large(held_out, preprocessing, network, dtype, opened),
        bring_large(measured, preprocessing, network, dtype, opened),
        f"from the file, in windows of {order.window:,} examples and runs of {order.run:,}",
        (*part.notes, *describe_absent({"training": part, "held out": held_out})),
    )


def most_measured(dataset: StoredDataset) -> int:
    """Return how many examples are measured at most, whose predictions are in memory."""
    n_outputs = dataset.y.shape[0] if dataset.classes is None else len(dataset.classes)
    return max(1, min(MOST, MOST_NUMBERS // n_outputs))


def bring_large(
    part: StoredDataset,
    preprocessing: Preprocessing,
    network: Network,
    dtype: str,
    opened: ExitStack,
) -> ExampleArrays:
    """Return examples that are read as they are needed, with their targets in memory.

    Parameters
    ----------
    part : StoredDataset
        Of few examples.
    preprocessing, network, dtype
        As in `dnn_xp.app.experiment.bring_examples`.
    opened : ExitStack
        They can be read until this is closed.

    Raises
    ------
    ValueError
        Where they do not fit the network.
    """
    check_features(part.X.shape[0], network)
    like = from_host(np.empty(0, dtype))
    y = part.y.read()
    if task_of(part.task, part.classes) == "classes":
        y = y[0].astype(np.int64)
    X = _opened(part.X.rows, like, preprocessing, opened)
    return ExampleArrays(X, bring_targets(y, network, like))


def balanced_weights(part: StoredDataset, dtype: str) -> Array:
    """Return weights of the examples by which each class counts the same."""
    places = part.y.read()[0]
    counts = np.bincount(places)
    weights = len(places) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return from_host(weights.astype(dtype)[places])


def _fit_targets(part: StoredDataset, dtype: str) -> Preprocessing:
    """Find out how real targets are brought to the order of one, as `fit_targets` does."""
    found = measure_columns(part.y)
    variances = found.squares / found.n_examples * (found.highest - found.lowest) ** 2
    spread = float(np.sqrt(np.mean(variances)))
    spread = spread if spread > 0 else 1.0
    check_precision(np.stack([found.lowest, found.highest]), spread, dtype)
    return Preprocessing(found.mean, np.asarray(1.0 / spread))


def _of_both(before: int, total: int, advance: Told | None) -> Told | None:
    """Return what tells of one of two passes over the data."""
    if advance is None:
        return None
    return lambda done, _: advance(before + done, total)


def _opened(
    rows: Any, like: Array, preprocessing: Preprocessing | None, opened: ExitStack
) -> Source:
    """Return rows as a source, whose errors are those of a file that the user can mend."""
    source = opened.enter_context(open_examples(rows, like=like, preprocessing=preprocessing))
    assert source.fetch is not None  # it is that of a file
    return source._replace(
        read=_with_user_errors(source.read), fetch=_with_user_errors(source.fetch)
    )


def _with_user_errors(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def reading(which: Any) -> Any:
        try:
            return read(which)
        except (OSError, ValueError) as error:
            raise UserError(str(error)) from error

    return reading
