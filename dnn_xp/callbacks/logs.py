"""Logs of a run: the figures of each epoch, for other programs to read while it goes on.

A log holds what the history holds. So a run that goes on from a checkpoint writes its log anew up
to there, and has no epoch twice that was done again. A log that cannot be written later than at the
beginning ends no run.
"""

import copy
import csv
import errno
import io
import json
import math
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from dnn_xp.arguments import check_path
from dnn_xp.backends import require
from dnn_xp.files.atomic import replacing
from dnn_xp.files.claiming import claim
from dnn_xp.files.locking import FileLock, InUseError
from dnn_xp.training import Callback, Run, TrainingResult
from dnn_xp.training.progress import History

__all__ = ["CSVLog", "JSONLinesLog", "LogWarning", "TensorBoard"]


class LogWarning(UserWarning):
    """A log cannot be written for now; all of it is written where that can be done again."""


class _Lines(Callback):
    """A text file with one line for each epoch."""

    writes: ClassVar[bool] = True

    begins: ClassVar[str]
    """How such a file begins."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = check_path("path", path)
        self._lock: FileLock | None = None

    def apart(self) -> Callback:
        """Return a log in a new file: of this name, or with a number where that is taken."""
        other = copy.copy(self)
        # Asked in this order, since another may make it meanwhile. /dev/stdout is no file.
        if not self.path.exists() or self.path.is_file():
            other.path = _claim(
                self.path, lambda path: path.open("x").close(), suffix=self.path.suffix
            )
        return other

    def start(self, run: Run) -> None:
        """Write what has been done already, but not over a file that is no log.

        Raises
        ------
        InUseError
            Where another log is written to it: their lines would mix.
        OSError
            Where it is none, or cannot be written.
        """
        self._take_lock()
        if self.path.is_file():
            with self.path.open("rb") as file:
                head = file.read(len(self.begins))
            if head and head != self.begins.encode():
                raise FileExistsError(
                    errno.EEXIST, "is no log of a run, and stays: give another name", str(self.path)
                )
        self.write(run.history)

    def epoch(self, run: Run) -> None:
        """Write the latest."""
        self._follow(run.history)

    def end(self, result: TrainingResult) -> TrainingResult:
        """Write the epoch in which the run diverged, too."""
        self._follow(result.history)
        return result

    def close(self) -> None:
        """Let others write to it."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _take_lock(self) -> None:
        if self._lock is not None or not self.path.parent.is_dir():  # which `write` says
            return
        try:
            self._lock = FileLock(self.path)
        except InUseError as error:
            raise InUseError(
                f"path: found {self.path}, to which another callback or another run is writing; "
                "expected a file of its own"
            ) from error

    def write(self, history: History) -> None:
        """Write all of a history in the place of what is there."""
        self._done, self._names, self._is_behind = 0, list[str](), False
        with replacing(self.path) as temporary:
            temporary.write_text(self._new(history), encoding="utf-8", newline="")

    def append(self, history: History) -> None:
        """Write the epochs of a history that have not been written."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(self._new(history))

    def _follow(self, history: History) -> None:
        """Bring the log up to a history, or say that this cannot be done now."""
        # A run that goes on may measure more than before.
        grown = self._names and any(name not in self._names for name in history)
        was_behind = self._is_behind
        try:
            if was_behind or grown:
                self.write(history)
            else:
                self.append(history)
        except OSError as error:
            self._is_behind = True
            if not was_behind:
                said = f"{self.path}: nothing could be logged ({error}); the run goes on"
                warnings.warn(said, LogWarning, stacklevel=2)

    def in_units(self, figures: dict[str, float]) -> dict[str, float]:
        """Return the figures of an epoch as they are written."""
        return figures

    def _new(self, history: History) -> str:
        first, self._done = self._done, len(history.get("cost", ()))
        rows = [
            {"epoch": i + 1} | self.in_units(_figures(history, i)) for i in range(first, self._done)
        ]
        return self._lines(rows)

    def _lines(self, rows: list[dict[str, Any]]) -> str:
        raise NotImplementedError


class CSVLog(_Lines):
    """Write a table of comma-separated values: a line of names, and one for each epoch.

    Parameters
    ----------
    path : path
        A log of this name is replaced; another file is not, and neither is one that is written to.
    """

    begins = "epoch,"

    def _lines(self, rows: list[dict[str, Any]]) -> str:
        if not rows:
            return ""
        text, begun = io.StringIO(newline=""), bool(self._names)
        if not begun:
            self._names = list(dict.fromkeys(name for row in rows for name in row))
        table = csv.DictWriter(text, self._names, lineterminator="\n")
        if not begun:
            table.writeheader()
        table.writerows(rows)
        return text.getvalue()


class JSONLinesLog(_Lines):
    """Write a JSON object for each epoch, each on a line of its own.

    Parameters
    ----------
    path : path
        A log of this name is replaced; another file is not, and neither is one that is written to.
    """

    begins = '{"epoch": '

    def _lines(self, rows: list[dict[str, Any]]) -> str:
        finite = [  # JSON has no other numbers
            {name: value if math.isfinite(value) else None for name, value in row.items()}
            for row in rows
        ]
        return "".join(f"{json.dumps(row)}\n" for row in finite)


class TensorBoard(Callback):
    """Write the figures for TensorBoard, which draws them: ``tensorboard --logdir FOLDER``.

    Needs the extra ``tensorboard``.

    Parameters
    ----------
    folder : path
        A run that goes on writes into the folder of the run before it.
    """

    writes: ClassVar[bool] = True

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = check_path("folder", folder)
        self._writer: Any = None
        _tensorboard()  # which says now what is missing, not in a run

    def apart(self) -> Callback:
        """Return one with a new folder: of this name, or with a number where that is taken."""
        other = copy.copy(self)
        other.folder = _claim(self.folder, lambda path: path.mkdir(parents=True))
        return other

    def start(self, run: Run) -> None:
        """Have what was written after this epoch passed over."""
        writer, event, _ = _tensorboard()
        self._writer = writer.EventFileWriter(str(self.folder))
        begins = event.SessionLog(status=event.SessionLog.START)
        self._write(run.epoch + 1, session_log=begins)

    def epoch(self, run: Run) -> None:
        """Write the latest figures."""
        _, _, summary = _tensorboard()
        values = [
            summary.Summary.Value(tag=name, simple_value=value)
            for name, value in self.in_units(_figures(run.history, run.epoch - 1)).items()
        ]
        self._write(run.epoch, summary=summary.Summary(value=values))

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def in_units(self, figures: dict[str, float]) -> dict[str, float]:
        """Return the figures of an epoch as they are written."""
        return figures

    def _write(self, step: int, **content: Any) -> None:
        _, event, _ = _tensorboard()
        self._writer.add_event(event.Event(wall_time=time.time(), step=step, **content))
        self._writer.flush()


def _tensorboard() -> tuple[Any, Any, Any]:
    """Return its modules: no callback holds one, since estimators are copied and pickled."""
    return (
        require("tensorboard.summary.writer.event_file_writer", extra="tensorboard"),
        require("tensorboard.compat.proto.event_pb2", extra="tensorboard"),
        require("tensorboard.compat.proto.summary_pb2", extra="tensorboard"),
    )


def _claim(path: Path, make: Callable[[Path], None], suffix: str = "") -> Path:
    """Make a file or a folder that is nobody's yet, and say it where it is not of this name."""
    own = claim(path, make, suffix=suffix)
    if own != path:
        warnings.warn(
            f"{path}: another fit has written it; this one writes {own.name} beside it",
            stacklevel=2,
        )
    return own


def _figures(history: History, place: int) -> dict[str, float]:
    """Return the figures of one epoch."""
    return {name: values[place] for name, values in history.items() if place < len(values)}
