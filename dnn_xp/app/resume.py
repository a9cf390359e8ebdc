"""What ``dnn-xp train --checkpoint FILE --resume`` adds to a training."""

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

__all__ = ["Journey", "going_on", "how_to_go_on", "open_journey"]

SECONDS = 10.0
"""What a kill may cost, in time."""


class Journey(NamedTuple):
    """Where a training comes from, and who keeps it for going on.

    Attributes
    ----------
    resume : Progress or None
    keepers : tuple of Checkpoint
        One or none.
    """

    resume: Progress | None
    keepers: tuple[Checkpoint, ...]

    @property
    def epochs_before(self) -> int:
        """Epochs that were done in another process."""
        return 0 if self.resume is None else self.resume.epoch


def open_journey(checkpoint: Path | None, resume: bool) -> Journey:
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
        return Journey(None, ())
    keepers = (Checkpoint(checkpoint, seconds=SECONDS),)
    if resume:
        try:
            return Journey(load_checkpoint(checkpoint), keepers)
        except FileNotFoundError as error:
            raise ValueError(f"--resume: there is no checkpoint {checkpoint}") from error
    if checkpoint.exists():
        raise ValueError(
            f"--checkpoint: {checkpoint} exists: add --resume to go on from it, or remove it to "
            "begin anew"
        )
    return Journey(None, keepers)


@contextmanager
def going_on() -> Iterator[None]:
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
        raise UserError(f"--resume: {error}") from error
    except OSError as error:
        raise UserError(f"--checkpoint: {error.strerror or error}") from error


def how_to_go_on(arguments: Sequence[str]) -> str:
    """Return the command that goes on with what these arguments began, as one types it.

    Parameters
    ----------
    arguments : sequence of str
        Of the command that was interrupted.
    """
    again = arguments if "--resume" in arguments else (*arguments, "--resume")
    return shlex.join(("dnn-xp", *again))
