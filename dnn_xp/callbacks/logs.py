"""Logs of a run: the figures of each epoch, for other programs to read while it goes on.

A log holds what the history holds. So a run that goes on from a checkpoint writes its log anew up
to there, and has no epoch twice that was done again.
"""

import copy
import csv
import io
import itertools
import json
import math
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dnn_xp.backends import require
from dnn_xp.files.atomic import replacing
from dnn_xp.training import Callback, Run, TrainingResult
from dnn_xp.training.progress import History

__all__ = ["CSVLog", "JSONLinesLog", "TensorBoard"]


class _Lines(Callback):
    """A text file with one line for each epoch."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def apart(self) -> Callback:
        """Return a log in a new file: of this name, or with a number where that is taken."""
        other = copy.copy(self)
        # Asked in this order, since another may make it meanwhile. /dev/stdout is no file.
        if not self.path.exists() or self.path.is_file():
            other.path = _claim(self.path, lambda path: path.open("x").close())
        return other

    def start(self, run: Run) -> None:
        """Write what has been done already."""
        self._done = 0
        with replacing(self.path) as temporary:
            temporary.write_text(self._new(run.history), encoding="utf-8", newline="")

    def epoch(self, run: Run) -> None:
        """Write the latest."""
        self._append(run.history)

    def end(self, result: TrainingResult) -> TrainingResult:
        """Write the epoch in which the run diverged, too."""
        self._append(result.history)
        return result

    def _append(self, history: History) -> None:
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(self._new(history))

    def _new(self, history: History) -> str:
        """Return the lines of the epochs that have not been written."""
        first, self._done = self._done, len(history.get("cost", ()))
        rows = [{"epoch": i + 1} | _figures(history, i) for i in range(first, self._done)]
        return self._lines(rows, bool(first))

    def _lines(self, rows: list[dict[str, Any]], begun: bool) -> str:
        raise NotImplementedError


class CSVLog(_Lines):
    """Write a table of comma-separated values: a line of names, and one for each epoch.

    Parameters
    ----------
    path : path
        A file of this name is replaced.
    """

    def _lines(self, rows: list[dict[str, Any]], begun: bool) -> str:
        if not rows:
            return ""
        text = io.StringIO(newline="")
        if not begun:
            self._names = list(rows[0])
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
        A file of this name is replaced.
    """

    def _lines(self, rows: list[dict[str, Any]], begun: bool) -> str:
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

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
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
            for name, value in _figures(run.history, run.epoch - 1).items()
        ]
        self._write(run.epoch, summary=summary.Summary(value=values))

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

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


def _claim(path: Path, make: Callable[[Path], None]) -> Path:
    """Make a file or a folder that is nobody's yet: of this name, or with a number, which is said.

    Whoever makes it has it, also where several processes want one.
    """
    for number in itertools.count(1):
        own = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            make(own)
        except FileExistsError:
            continue
        break
    if own != path:
        warnings.warn(
            f"{path}: another fit has written it; this one writes {own.name} beside it",
            stacklevel=2,
        )
    return own


def _figures(history: History, place: int) -> dict[str, float]:
    """Return the figures of one epoch."""
    return {name: values[place] for name, values in history.items() if place < len(values)}
