"""A run as it goes on in its folder: what it is, how far it has come, and its figures so far.

Nothing is written there, and no lock is kept.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dnn_xp.callbacks.run_folder import HISTORY, RECORD, load_record
from dnn_xp.reports.run_summaries import History, add_epoch, state_of

__all__ = ["Follower"]

_AT_ONCE = 8_000_000
"""Bytes of figures that are read in one look."""

_LOCK_SECONDS = 2.0
"""How often it is asked at most whether somebody is at work: that takes a lock for a moment."""


class Follower:
    """A run's folder, looked at again and again.

    Parameters
    ----------
    folder : path

    Attributes
    ----------
    history : dict of str to list of float
        The figures of the epochs that are done.
    record : mapping
        What the run says of itself; empty where it says nothing yet.
    state : str
        As in `RunSummary`; "waiting" where there is no run yet.
    problem : str
        What cannot be read, or "".
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.history: History = {}
        self.record: Mapping[str, Any] = {}
        self.state, self.problem = "waiting", ""
        self._n_epochs, self._offset, self._rest = 0, 0, b""
        self._history_file: tuple[int, int] | None = None
        self._broken = ""
        self._record_stamp: tuple[int, ...] | None = None
        self._asked, self._heard = -_LOCK_SECONDS, ""

    def look(self) -> bool:
        """Read what is new, and return whether something is."""
        before = (self._n_epochs, self._record_stamp, self.state, self.problem, self._history_file)
        self.problem = ""
        try:
            if not self.folder.is_dir():
                raise FileNotFoundError(f"there is no folder {self.folder}")
            self._read_record()
            self._read_history()
            self.state = self._find_state()
        except FileNotFoundError as error:
            self.state = "waiting"
            self.problem = "" if self.folder.is_dir() else str(error)
        except (OSError, ValueError) as error:
            self.problem = str(error)
        after = (self._n_epochs, self._record_stamp, self.state, self.problem, self._history_file)
        return before != after

    def _read_record(self) -> None:
        found = os.stat(self.folder / RECORD)
        stamp = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp == self._record_stamp:
            return
        record = load_record(self.folder)
        if not isinstance(record, dict) or not isinstance(record.get("run"), dict):
            raise ValueError(f"{RECORD} is no record of a run")
        self.record, self._record_stamp, self._asked = record, stamp, -_LOCK_SECONDS

    def _read_history(self) -> None:
        """Read the lines behind those that are known; all of them where the file is another."""
        try:
            file = open(self.folder / HISTORY, "rb")  # noqa: SIM115
        except FileNotFoundError:  # before the first epoch, or of an estimator of tables
            self._forget()
            return
        with file:
            found = os.fstat(file.fileno())
            which = (found.st_dev, found.st_ino)
            if which != self._history_file or found.st_size < self._offset:
                self._forget()
                self._history_file = which
            if self._broken:  # what stands behind it cannot be read, either
                raise ValueError(self._broken)
            file.seek(self._offset)
            content = file.read(_AT_ONCE)
        self._offset += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            try:
                add_epoch(self.history, self._n_epochs + 1, line.decode("utf-8", "replace"))
            except ValueError as error:
                self._broken = str(error)
                raise
            self._n_epochs += 1

    def _forget(self) -> None:
        self.history, self._n_epochs, self._offset, self._rest = {}, 0, 0, b""
        self._history_file, self._broken = None, ""

    def _find_state(self) -> str:
        if self.record.get("ending") is None:
            now = time.monotonic()
            if now - self._asked < _LOCK_SECONDS:
                return self._heard
            self._asked = now
        self._heard = state_of(self.folder, self.record)
        return self._heard
