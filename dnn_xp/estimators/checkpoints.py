"""Checkpoints of fits: a folder with a file for each fit, so that none goes on from another's."""

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_path
from dnn_xp.backends import computes_lazily
from dnn_xp.estimators.data import HostArray, Rows, as_columns, take_rows
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.training import Callback, Progress, Run
from dnn_xp.training.identity import digest, fingerprint_of

if TYPE_CHECKING:
    from dnn_xp.callbacks.checkpoint import Checkpoint

__all__ = ["FitData", "check_draws_again", "open_checkpoint", "open_in_folder"]


class FitData(NamedTuple):
    """Examples in rows, in the library that they came in; the rest is on the host.

    Attributes
    ----------
    X : array or sparse matrix, shape (m, n_features)
    Y : ndarray, shape (n_outputs, m)
    weights : ndarray, shape (m,), or None
    frame : data frame, optional
        Of validation data: X as the user has it, with names, for scorers.
    order : ndarray, shape (m,), optional
        Where the examples are that were taken first, second and so on. Default: in that order.
    """

    X: Rows
    Y: HostArray
    weights: HostArray | None
    frame: Any = None
    order: HostArray | None = None

    def take(self, places: HostArray) -> "FitData":
        """Return some of the examples; on Dask each stays in its block."""
        order = None
        if computes_lazily(self.X):
            places, order = np.unique(places, return_inverse=True)
        weights = None if self.weights is None else self.weights[places]
        return FitData(take_rows(self.X, places), self.Y[:, places], weights, order=order)


def open_checkpoint(
    estimator: FittedNetwork, run: Run, validation_data: FitData | None
) -> tuple[list[Callback], Progress | None]:
    """Return what writes the checkpoints of a fit, and the newest that there is, if there is one.

    Parameters
    ----------
    estimator : FittedNetwork
        Whose ``checkpoint`` is a folder, or a `Checkpoint` of one.
    run : Run
        At its beginning.
    validation_data : Data or None

    Raises
    ------
    ValueError
        Where a fit that goes on would not draw what it drew before or is shorter than what is
        done, a function has no name, or there is a file of the folder's name.
    """
    check_draws_again(estimator.random_state)
    name = digest(_identity(estimator, run, validation_data))
    checkpoint, progress = open_in_folder(estimator.checkpoint, name)
    if progress is not None and progress.epoch > run.epochs:
        raise ValueError(
            f"max_iter: found {run.epochs}, expected at least {progress.epoch}: so many epochs of "
            f"this fit are done in {checkpoint.path.parent}; use another folder"
        )
    return [checkpoint], progress


def check_draws_again(random_state: Any) -> None:
    """Refuse a random state that would not draw again what it drew before.

    Raises
    ------
    ValueError
    """
    if not isinstance(random_state, Integral):
        raise ValueError(
            f"random_state: found {random_state!r}, expected an int where there is a "
            "checkpoint: a fit that goes on has to draw what it drew before"
        )


def open_in_folder(given: Any, name: str) -> "tuple[Checkpoint, Progress | None]":
    """Return what writes a file of a folder, and what it holds, if it is there.

    Parameters
    ----------
    given : path or Checkpoint
        The folder, which is made where it is not there; a `Checkpoint` of it says how often the
        file is written.
    name : str
        Of the file.

    Raises
    ------
    ValueError
        Where there is a file of the folder's name.
    """
    # Only here: few fits write files.
    from dnn_xp.callbacks.checkpoint import Checkpoint
    from dnn_xp.models.checkpoints import load_checkpoint

    options = (
        {name: getattr(given, name) for name in ("epochs", "steps", "seconds", "keep")}
        if isinstance(given, Checkpoint)
        else {}
    )
    folder = given.path if isinstance(given, Checkpoint) else check_path("checkpoint", given)
    if folder.is_file():
        raise ValueError(
            f"checkpoint: found the file {folder}, expected a folder, in which each fit has a "
            "file of its own"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.checkpoint"
    try:
        progress = load_checkpoint(path)
    except FileNotFoundError:
        progress = None
    return Checkpoint(path, **options), progress


def _identity(
    estimator: FittedNetwork, run: Run, validation_data: FitData | None
) -> Mapping[str, Any]:
    """Return what a fit is known again by: that of its run, and what stops it or sets its rate."""
    names = (
        *("early_stopping", "tol", "n_iter_no_change", "power_t", "learning_rate", "scoring"),
        *("shuffle", "random_state"),
    )
    own = {name: _described(name, getattr(estimator, name)) for name in names}
    identity = {**run.progress.run, "estimator": {"kind": type(estimator).__name__} | own}
    if validation_data is not None:
        X, Y, weights, *_ = validation_data
        identity["validation_data"] = fingerprint_of((as_columns(X), Y, weights))
    return identity


def _described(name: str, value: Any) -> Any:
    """Return a parameter in JSON's types, of a function its name; refuse one without a name."""
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Integral):
        return int(value)
    own = getattr(value, "__qualname__", None)
    text = repr(value) if own is None else f"{value.__module__}.{own}"
    if "<" in text:  # "<lambda>", "f.<locals>.g", or where in memory it lies
        raise ValueError(
            f"{name}: found {text}, expected a function of a module, by whose name a fit with a "
            "checkpoint is known again"
        )
    return text
