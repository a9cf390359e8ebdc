"""Resuming: what ``dnn-xp train --checkpoint FILE --resume`` adds to a training."""

import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from dnn_xp.app.errors import UserError
from dnn_xp.callbacks import Checkpoint
from dnn_xp.models import CheckpointWarning, load_checkpoint
from dnn_xp.training import AnotherRunError, Progress
from dnn_xp.training.identity import describe_difference

__all__ = ["Resume", "checkpoint_errors", "open_resume", "resume_command"]

SECONDS = 10.0
"""What a kill may cost, in time."""


class Resume(NamedTuple):
    """The progress that a training goes on from, and the checkpoints that it writes.

    Attributes
    ----------
    progress : Progress or None
        None where the training begins anew.
    checkpoints : tuple of Checkpoint
        One or none.
    """

    progress: Progress | None = None
    checkpoints: tuple[Checkpoint, ...] = ()

    @property
    def epochs_before(self) -> int:
        """Epochs that were done in another process."""
        return 0 if self.progress is None else self.progress.epoch


def open_resume(checkpoint: Path | None, resume: bool) -> Resume:
    """Read the checkpoint that a training goes on from, and see that none is lost.

    Parameters
    ----------
    checkpoint : Path or None
        What ``--checkpoint`` says.
    resume : bool
        What ``--resume`` says.

    Raises
    ------
    ValueError
        Where there is no checkpoint to go on from, or one that would be replaced.
    """
    if checkpoint is None:
        if resume:
            raise ValueError("--resume: goes on from a --checkpoint FILE, and none is given")
        return Resume()
    checkpoints = (Checkpoint(checkpoint, seconds=SECONDS),)
    if resume:
        try:
            return Resume(load_checkpoint(checkpoint), checkpoints)
        except FileNotFoundError as error:
            raise ValueError(f"--resume: there is no checkpoint {checkpoint}") from error
    if checkpoint.exists():
        raise ValueError(
            f"--checkpoint: {checkpoint} exists: add --resume to go on from it, or remove it to "
            "begin anew"
        )
    return Resume(None, checkpoints)


@contextmanager
def checkpoint_errors() -> Iterator[None]:
    """Say in a line on stderr what is wrong with a checkpoint, and go on where that can be done.

    Raises
    ------
    UserError
        Where it belongs to another run, or none can be written.
    """

    def say(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        print(f"dnn-xp: warning: {message}", file=sys.stderr)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", CheckpointWarning)
            warnings.showwarning = say
            yield
    except AnotherRunError as error:
        raise UserError(f"--resume: {_describe(error)}") from error
    except OSError as error:
        raise UserError(f"--checkpoint: {error.strerror or error}") from error


_OPTIONS = {
    "X": "the data or --dtype",
    "Y": "the data",
    "batch_size": "--batch-size",
    "clip_norm": "--clip-norm",
    "ema_decay": "--ema-decay",
    "metric": "--metric",
    "network": "--layers or --activation",
    "optimizer": "--optimizer or --learning-rate",
    "schedule": "--schedule, --warm-up or --epochs",
    "seed": "--seed",
    "weights": "--class-weight",
}
"""What a person changed where a run is another one, by what the run knows it by."""


def _describe(error: AnotherRunError) -> str:
    """Return what differs, by the names of options."""
    if error.differences.keys() & {"data", "validation_data"}:
        return "this is the progress of a run on other data"
    differences = []
    for name, (found, expected) in error.differences.items():
        if name in _OPTIONS:  # the start follows from the others
            _, _, said = describe_difference(name, found, expected).partition(": ")
            differences.append(f"{_OPTIONS[name]}: {said}")
    if not differences:
        return str(error)
    return f"this is the progress of another run; {'; '.join(differences)}"


def resume_command(arguments: Sequence[str]) -> str:
    """Return the command that goes on with what these arguments began, as one types it.

    Parameters
    ----------
    arguments : sequence of str
        Of the command that was interrupted.
    """
    options = () if "--resume" in arguments else ("--resume",)
    return shlex.join(("dnn-xp", *arguments, *options))
