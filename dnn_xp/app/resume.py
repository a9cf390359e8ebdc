"""Resuming: what ``--checkpoint FILE`` and ``--run FOLDER`` add to a training."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dnn_xp.app.errors import UserError, say, warnings_as_lines
from dnn_xp.callbacks import Checkpoint, LogWarning, RunFolderWarning
from dnn_xp.files.opening import read_whole
from dnn_xp.files.sealing import is_of_kind, seal_problem
from dnn_xp.models import CheckpointError, CheckpointWarning, load_checkpoint
from dnn_xp.models.checkpoints import older_checkpoints
from dnn_xp.training import AnotherRunError, Progress, Run
from dnn_xp.training.identity import describe_difference

__all__ = [
    "SECONDS",
    "Resume",
    "check_data",
    "check_options",
    "holds_progress",
    "open_resume",
    "resume_command",
    "run_errors",
]

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


class _NamedCheckpoint(Checkpoint):
    """The checkpoint of ``--checkpoint``: what hinders it at the start is the option's error."""

    def start(self, run: Run) -> None:
        try:
            super().start(run)
        except OSError as error:
            if error.strerror:
                there = error.filename if isinstance(error, FileExistsError) else self.path
                raise UserError(f"--checkpoint: {there}: {error.strerror}") from error
            raise UserError(f"--checkpoint: {error}") from error


def open_resume(
    checkpoint: Path | None,
    *,
    run: Path | None = None,
    resume: bool = False,
    or_start: bool = False,
) -> Resume:
    """Read the checkpoint that a training goes on from, and see that none is lost.

    Parameters
    ----------
    checkpoint : Path or None
        What ``--checkpoint`` says.
    run : Path or None
        The checkpoint in the folder of ``--run``, which is preferred.
    resume, or_start : bool
        Whether ``--resume`` and ``--resume-or-start`` are there.

    Raises
    ------
    ValueError
        Where there is no checkpoint to go on from, or one that would be replaced.
    """
    checkpoints = () if checkpoint is None else (_NamedCheckpoint(checkpoint, seconds=SECONDS),)
    sources = [path for path in (run, checkpoint) if path is not None]
    option = "--resume-or-start" if or_start else "--resume"
    if resume or or_start:
        if not sources:
            raise ValueError(
                f"{option}: goes on from a --checkpoint FILE or with a --run FOLDER, and none is "
                "given; dnn-xp resume goes on with the last run"
            )
        found = [progress for path in sources if (progress := _load(path, or_start)) is not None]
        if found:  # of two the one that is further on: the other could not be written
            return Resume(max(found, key=lambda progress: progress.steps), checkpoints)
        missing = f"{option}: there is no checkpoint {' or '.join(map(str, sources))}"
        if not or_start:
            raise ValueError(missing)
        say("warning", f"{missing} to go on from: begins anew")
    elif checkpoint is not None and holds_progress(checkpoint):
        raise ValueError(
            f"--checkpoint: {checkpoint} exists: add --resume to go on from it, or remove it to "
            "begin anew"
        )
    return Resume(None, checkpoints)


def holds_progress(path: Path) -> bool:
    """Return whether a file is there, or an older checkpoint alone, as a kill may leave it."""
    older = older_checkpoints(path).values()
    return path.exists() or any(is_of_kind(one, "checkpoint") for one in older)


def _load(path: Path, or_start: bool) -> Progress | None:
    """Return the newest checkpoint, or None where there is none, or none but damaged ones."""
    try:
        return load_checkpoint(path)
    except FileNotFoundError:
        return None
    except CheckpointError as error:
        found = [path, *older_checkpoints(path).values()]
        there = [one for one in found if one.exists()]
        if not or_start or not all(map(_is_damaged, there)):
            raise
        for one in there:
            one.replace(one.with_name(f"{one.name}.damaged"))
        say("warning", f"{error}; put aside as {path.name}.damaged")
        return None


def _is_damaged(path: Path) -> bool:
    """Return whether a file is what a power cut or a full disk leaves of a checkpoint.

    A whole one of another version is none, and neither is a file of another kind.
    """
    content = read_whole(path)
    if not content.strip(b"\0"):
        return True
    return is_of_kind(path, "checkpoint") and seal_problem(content, "checkpoint") is not None


def check_options(progress: Progress | None, options: Mapping[str, str], epochs: int) -> None:
    """Refuse to go on with other options than a run began with.

    Parameters
    ----------
    progress : Progress or None
        None where none is gone on from.
    options : mapping of str to str
        What they say now.
    epochs : int
        How many there are to be.

    Raises
    ------
    ValueError
        Naming each option that is another, what it is and what it was.
    """
    if progress is None:
        return
    begun = progress.callbacks.get(WATCH, {})
    differences = [
        f"{option}: found {now}, begun with {begun[option]}"
        for option, now in options.items()
        if option in begun and begun[option] != now
    ]
    if differences:
        raise ValueError("; ".join(differences))
    if epochs < progress.epoch:
        raise ValueError(
            f"--epochs: found {epochs}, expected at least {progress.epoch}, as are done already"
        )


def check_data(progress: Progress | None, data: str, fingerprint: int) -> None:
    """Refuse to go on with other data than a run began with, whatever else they change.

    Parameters
    ----------
    progress : Progress or None
        None where none is gone on from.
    data : str
        What the command names.
    fingerprint : int
        Of the data that were read now.

    Raises
    ------
    ValueError
        Naming the data.
    """
    begun = {} if progress is None else progress.callbacks.get(WATCH, {})
    if begun.get("fingerprint", fingerprint) != fingerprint:
        raise ValueError(
            f"--resume: this is the progress of a run on other data: {data} has changed since, or "
            "is another file"
        )


WATCH = "_Watch"
"""By this name a checkpoint holds what the options said when its run began."""


@contextmanager
def run_errors() -> Iterator[None]:
    """Say in a line on stderr what is wrong with what a run keeps, and go on where that can be.

    Raises
    ------
    UserError
        Where a checkpoint belongs to another run.
    """
    try:
        with warnings_as_lines(CheckpointWarning, LogWarning, RunFolderWarning):
            yield
    except AnotherRunError as error:
        raise UserError(f"--resume: {_describe(error)}") from error


_OPTIONS = {
    "X": "the data or --dtype",
    "Y": "the data",
    "batch_size": "--batch-size",
    "clip_norm": "--clip-norm",
    "clip_value": "--clip-value",
    "ema_decay": "--ema-decay",
    "metric": "--metric",
    "l1": "--l1",
    "l2": "--l2",
    "label_smoothing": "--label-smoothing",
    "max_norm": "--max-norm",
    "method": "--optimizer",
    "mixup": "--mixup",
    "network": "--layers, --activation, --dropout or --norm",
    "noise": "--noise",
    "optimizer": "--optimizer, --learning-rate or --weight-decay",
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
            _, _, said = describe_difference(name, expected, found).partition(": ")
            now, _, before = said.rpartition(", expected ")
            differences.append(f"{_OPTIONS[name]}: {now}, begun with {before}")
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
    known = {"--resume", "--resume-or-start"}
    options = () if known & set(arguments) else ("--resume",)
    # After the command's name: what follows "--" are no options.
    return shlex.join(("dnn-xp", *arguments[:1], *options, *arguments[1:]))
