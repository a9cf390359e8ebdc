"""Checkpoints: what a run needs to go on, in a file that is there whole or not at all.

=====================  =========================================================================
``state/theta``        the parameters, or coordinates; also ``kept``, ``finite`` and
                       ``state/average``, where there is one
``state/optimizer/..`` an array for each name of the optimizer's state
``total``              the cost of the epoch under way
``callbacks/NAME/..``  numbers, texts and arrays that callbacks remember
``about``              text, JSON: run, epoch, batch, steps, history
``version``            an attribute
=====================  =========================================================================

The newest checkpoint has the name that was asked for; those before it are ``NAME.1``, ``NAME.2``.
Each file is sealed: see `dnn_xp.files.sealing`. No pickle anywhere.
"""

import errno
import io
import json
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py

from dnn_xp.backends import to_host
from dnn_xp.files.atomic import remove_leftovers, replacing
from dnn_xp.files.sealing import BLOCK, is_of_kind, seal, seal_problem
from dnn_xp.training import Callback, Moment, Progress, TrainingResult
from dnn_xp.training.step import State

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "CheckpointWarning",
    "load_checkpoint",
    "save_checkpoint",
]

_VERSION = 1


class CheckpointError(ValueError):
    """No checkpoint can be used; the message says which files there are and what is wrong."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written, or is damaged and the one before it is used."""


# ----------------------------------------------------------------------------- saving


def save_checkpoint(path: str | os.PathLike[str], progress: Progress, *, keep: int = 2) -> None:
    """Write a checkpoint, and keep some of those before it.

    Parameters
    ----------
    path : path
        A checkpoint of this name becomes the one before.
    progress : Progress
        With arrays of any library; they are copied now.
    keep : int
        How many there are afterwards, at most.

    Raises
    ------
    OSError
        Where it cannot be written, or another file has the name of an older one. Those that were
        there remain.
    """
    path = Path(path).resolve()
    for number in range(1, keep):
        older = _name(path, number)
        if older.exists() and not is_of_kind(older, "checkpoint"):
            raise FileExistsError(
                errno.EEXIST, "no checkpoint, but it has the name of an older one", str(older)
            )
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=BLOCK) as file:
        file.attrs["version"] = _VERSION
        file["about"] = json.dumps(
            {
                "run": dict(progress.run),
                "epoch": progress.epoch,
                "batch": progress.batch,
                "steps": progress.steps,
                "history": progress.history,
            }
        )
        theta, optimizer, average = progress.state
        file["state/theta"] = to_host(theta)
        if average is not None:
            file["state/average"] = to_host(average)
        names = file.create_group("state/optimizer", track_order=True)
        for name, vector in optimizer._asdict().items() if optimizer else ():
            names[name] = to_host(vector)
        for name in ("total", "kept", "finite"):
            file[name] = to_host(getattr(progress, name))
        for callback, held in progress.callbacks.items():
            for name, value in held.items():
                plain = isinstance(value, bool | int | float | str)
                file[f"callbacks/{callback}/{name}"] = value if plain else to_host(value)
    with replacing(path) as temporary:
        with temporary.open("wb") as whole:
            whole.write(seal(buffer, "checkpoint"))
            os.fsync(whole.fileno())
        # Only now, so that a disk that is full leaves the names as they are.
        _make_room(path, keep)


def _make_room(path: Path, keep: int) -> None:
    """Pass the names on, so that the newest is free; a kill in between leaves all files whole."""
    for number, older in sorted(_older(path).items()):
        if number >= keep and is_of_kind(older, "checkpoint"):
            older.unlink()
    for number in range(keep - 1, 0, -1):
        newer = _name(path, number - 1)
        if newer.exists():
            newer.replace(_name(path, number))


def _name(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def _older(path: Path) -> dict[int, Path]:
    """Return the checkpoints before the newest that are there, by their number."""
    endings = ((one, one.name.removeprefix(f"{path.name}.")) for one in path.parent.glob("*.*"))
    return {
        int(ending): one for one, ending in endings if one.name != ending and ending.isdecimal()
    }


# ----------------------------------------------------------------------------- loading


def load_checkpoint(path: str | os.PathLike[str]) -> Progress:
    """Read the newest checkpoint that is whole, for `train` to go on from on any library.

    Parameters
    ----------
    path : path
        As it was saved. Where that file is damaged, the one before it is used, with a
        `CheckpointWarning` that says so.

    Returns
    -------
    Progress
        With NumPy arrays, whatever library they came from.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    CheckpointError
        Where none can be used, with what is wrong with each.
    """
    path = Path(path).resolve()
    older = [one for _, one in sorted(_older(path).items())]
    problems = []
    for candidate in ([path] if path.exists() else []) + older:
        try:
            progress = _read(candidate)
        except (CheckpointError, OSError) as error:
            problems.append(str(error))
            continue
        if problems:
            said = f"{'; '.join(problems)}; {candidate} is used instead"
            warnings.warn(said, CheckpointWarning, stacklevel=2)
        return progress
    if not problems:
        raise FileNotFoundError(errno.ENOENT, "there is no checkpoint of this name", str(path))
    raise CheckpointError("; ".join(problems))


def _read(path: Path) -> Progress:
    content = path.read_bytes()
    if problem := seal_problem(content, "checkpoint"):
        raise CheckpointError(f"{path}: {problem}")
    try:
        return _progress(content, path)
    except CheckpointError:
        raise
    # Whole, but made by other means than save_checkpoint: whatever is wrong, it is the file.
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a checkpoint that can be used: {error}") from error


def _progress(content: bytes, path: Path) -> Progress:
    with h5py.File(io.BytesIO(content), "r") as file:
        version = file.attrs["version"]
        if version > _VERSION:
            raise CheckpointError(
                f"{path}: found format version {version}, expected up to {_VERSION}: "
                "it was saved by a newer dnn_xp"
            )
        state, callbacks = file["state"], file.get("callbacks", {})
        return Progress(
            state=State(
                state["theta"][()],
                tuple(vector[()] for vector in state["optimizer"].values()),
                state["average"][()] if "average" in state else None,
            ),
            **{name: file[name][()] for name in ("total", "kept", "finite")},
            callbacks={name: _remembered(held) for name, held in callbacks.items()},
            **json.loads(file["about"].asstr()[()]),
        )


def _remembered(held: h5py.Group) -> Mapping[str, Any]:
    texts = {name: one.dtype.kind == "O" for name, one in held.items()}
    values = {name: one.asstr()[()] if texts[name] else one[()] for name, one in held.items()}
    return {
        name: value if texts[name] or value.shape else value.item()
        for name, value in values.items()
    }


# ----------------------------------------------------------------------------- while training


class Checkpoint(Callback):
    """Write checkpoints: when a run begins, every so often, and when it ends or is stopped.

    A run that diverges keeps those from before. Where one cannot be written later than at the
    beginning, a `CheckpointWarning` says so and the run goes on.

    Parameters
    ----------
    path : path
        See `save_checkpoint`. A run that begins anew replaces what is there.
    epochs, steps : int, optional
        Write after so many of them.
    seconds : float, optional
        Write after the step at which so many have gone by since the last time.
    keep : int
        How many checkpoints there are, at most.

    Examples
    --------
    A program that, killed at any moment and started again, goes on where it was:

    >>> import numpy as np
    >>> from tempfile import TemporaryDirectory
    >>> from dnn_xp import Dense, Network, train
    >>> def train_on(path, epochs):
    ...     try:
    ...         resume = load_checkpoint(path)
    ...     except FileNotFoundError:
    ...         resume = None
    ...     network, X = Network(2, (Dense(1),), "squared_error"), np.ones((2, 4))
    ...     options = {"callbacks": [Checkpoint(path)], "epochs": epochs, "resume": resume}
    ...     return train(network, X, X[:1], **options)
    >>> with TemporaryDirectory() as folder:
    ...     train_on(f"{folder}/run.checkpoint", 3).epochs
    ...     train_on(f"{folder}/run.checkpoint", 5).progress.steps
    3
    5
    """

    comes_last = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        epochs: int | None = None,
        steps: int | None = None,
        seconds: float | None = 60.0,
        keep: int = 2,
    ) -> None:
        for name, every in (("epochs", epochs), ("steps", steps), ("keep", keep)):
            if every is not None and every < 1:
                raise ValueError(f"{name}: found {every!r}, expected a whole number from 1 on")
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"seconds: found {seconds!r}, expected a number from 0 on")
        self.path, self.epochs, self.steps = Path(path), epochs, steps
        self.seconds, self.keep = seconds, keep

    def start(self, moment: Moment) -> None:
        """Write the first one, so that what hinders it shows before the training."""
        progress = moment.progress
        remove_leftovers(self.path)
        self._steps_done, self._saved = progress.steps, _place(progress)
        if (progress.epoch, progress.batch) == (0, 0) or not self.path.exists():
            save_checkpoint(self.path, progress, keep=self.keep)
        self._time = time.monotonic()

    def step(self, moment: Moment) -> None:
        """Write one where the steps or seconds are over."""
        self._steps_done += 1
        if (self.steps and self._steps_done % self.steps == 0) or self._is_late():
            self._save(moment.progress)

    def epoch(self, moment: Moment) -> None:
        """Write one where the epochs or seconds are over."""
        if (self.epochs and moment.epoch % self.epochs == 0) or self._is_late():
            self._save(moment.progress)

    def end(self, result: TrainingResult) -> TrainingResult:
        """Write the last one."""
        if result.progress is not None and _place(result.progress) != self._saved:
            self._save(result.progress)
        return result

    def _is_late(self) -> bool:
        return self.seconds is not None and time.monotonic() - self._time >= self.seconds

    def _save(self, progress: Progress) -> None:
        try:
            save_checkpoint(self.path, progress, keep=self.keep)
            self._saved = _place(progress)
        except OSError as error:
            said = f"{self.path}: no checkpoint could be written ({error}); older ones remain"
            warnings.warn(said, CheckpointWarning, stacklevel=2)
        self._time = time.monotonic()


def _place(progress: Progress) -> tuple[int, int]:
    """Return where a run is: the end of an epoch's last step is not yet the end of the epoch."""
    return progress.steps, progress.batch
