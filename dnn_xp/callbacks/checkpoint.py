"""Checkpoints of a run: when they are written."""

import os
import time
import warnings
from typing import ClassVar

from dnn_xp.arguments import check_not_negative, check_path, check_whole
from dnn_xp.files.atomic import remove_leftovers, try_replacing
from dnn_xp.files.locking import FileLock
from dnn_xp.models.checkpoints import CheckpointWarning, save_checkpoint
from dnn_xp.training.moments import Callback
from dnn_xp.training.progress import Progress
from dnn_xp.training.result import TrainingResult
from dnn_xp.training.run import Run

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Write checkpoints: when a run begins, every so often, and when it ends or is stopped.

    A run that diverges keeps those from before. Where one cannot be written later than at the
    beginning, a `CheckpointWarning` says so and the run goes on. While the run goes on, no other
    one can write to the same path, in whatever process; where the file system has no locks, a
    `CheckpointWarning` says so.

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

    Raises
    ------
    ValueError
        Where a number is out of its range.
    OSError
        When a run begins, where none can be written, or another run writes to the same path.

    Examples
    --------
    A program that, killed at any moment and started again, goes on where it was:

    >>> import numpy as np
    >>> from tempfile import TemporaryDirectory
    >>> from dnn_xp import Dense, Network, load_checkpoint, train
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
    writes: ClassVar[bool] = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        epochs: int | None = None,
        steps: int | None = None,
        seconds: float | None = 60.0,
        keep: int = 2,
    ) -> None:
        self.path, self.keep = check_path("path", path), check_whole("keep", keep, 1)
        self.epochs = None if epochs is None else check_whole("epochs", epochs, 1)
        self.steps = None if steps is None else check_whole("steps", steps, 1)
        self.seconds = seconds
        if seconds is not None:
            self.seconds = check_not_negative("seconds", seconds)
        self._lock: FileLock | None = None

    def apart(self) -> Callback:
        """Refuse to be one of several.

        Raises
        ------
        ValueError
            The fits of an estimator would write over each other, and none could go on.
        """
        raise ValueError(
            f"callbacks: found {self!r}, expected it as the parameter checkpoint, of a folder, in "
            "which each fit has a file of its own and goes on from it"
        )

    def start(self, run: Run) -> None:
        """Write the first one, so that what hinders it shows before the training."""
        self.take_lock()
        progress = run.progress
        remove_leftovers(self.path)
        self._steps_done, self._saved = progress.steps, _place(progress)
        if (progress.epoch, progress.batch) == (0, 0) or not self.path.exists():
            save_checkpoint(self.path, progress, keep=self.keep)
        else:
            try_replacing(self.path)
        self._time = time.monotonic()

    def step(self, run: Run) -> None:
        """Write one where the steps or seconds are over."""
        self._steps_done += 1
        if (self.steps and self._steps_done % self.steps == 0) or self._is_late():
            self._save(run.progress)

    def epoch(self, run: Run) -> None:
        """Write one where the epochs or seconds are over."""
        if (self.epochs and run.epoch % self.epochs == 0) or self._is_late():
            self._save(run.progress)

    def end(self, result: TrainingResult) -> TrainingResult:
        """Write the last one."""
        if result.progress is not None and _place(result.progress) != self._saved:
            self._save(result.progress)
        return result

    def close(self) -> None:
        """Let others write to the path."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def take_lock(self) -> None:
        """Keep others from writing to the path, until `close`.

        Raises
        ------
        OSError
            Where another run writes to it, or its folder is not there.
        """
        if self._lock is not None:
            return
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"path: the folder {self.path.parent} does not exist")
        self._lock = FileLock(self.path)
        if not self._lock.works:
            said = f"{self.path}: cannot be locked here; see that no other run writes to it"
            warnings.warn(said, CheckpointWarning, stacklevel=2)

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
