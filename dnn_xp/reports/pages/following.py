"""A run as it goes on in its folder: what it is, how far it has come, and its figures so far.

Nothing is written there, and no lock is kept.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dnn_xp.callbacks.run_folder import HISTORY, RECORD, load_record
from dnn_xp.files.opening import check_file, describe_size
from dnn_xp.reports.run_summaries import LONGEST_HISTORY, History, add_epoch, state_of

__all__ = ["Follower"]

_AT_ONCE = 8_000_000
"""Bytes of figures that are read in one look."""

_SEEN = 1_000
"""Last bytes of what was read, by which a file is known to have grown, and not to be another."""

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
        As in `RunSummary`; "waiting" where there is no run yet, "gone" where its folder is.
    problem : str
        What cannot be read, or "".
    is_behind : bool
        Whether there are figures that the next look reads.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.history: History = {}
        self.record: Mapping[str, Any] = {}
        self.state, self.problem = "waiting", ""
        self.is_behind = False
        self._n_epochs, self._offset, self._seen, self._rest = 0, 0, b"", b""
        self._history_file: tuple[int, int] | None = None
        self._broken = ""
        self._record_stamp: tuple[int, ...] | None = None
        self._asked, self._heard = -_LOCK_SECONDS, ""

    def look(self) -> bool:
        """Read what is new, and return whether something is."""
        before = self._stamp()
        self.problem = ""
        try:
            if self._read_record():
                self.state = self._find_state()
                self._read_history()
        except (OSError, ValueError) as error:
            self.problem = str(error)
        return self._stamp() != before

    def _stamp(self) -> tuple[object, ...]:
        """Return what is another where there is something new."""
        history = self._n_epochs, self._history_file, self.is_behind
        return (*history, self._record_stamp, self.state, self.problem)

    def _read_record(self) -> bool:
        """Read it where it is another, and return whether there is one."""
        try:
            found = os.stat(self.folder / RECORD)
        except FileNotFoundError:
            if self.folder.is_dir():
                self._forget()
                self.record, self._record_stamp, self.state = {}, None, "waiting"
            else:  # what was seen is all that there is
                self.state = "gone"
            return False
        stamp = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp == self._record_stamp:
            return True
        record = load_record(self.folder)
        if not isinstance(record, dict) or not isinstance(record.get("run"), dict):
            raise ValueError(f"{RECORD} is no record of a run")
        self.record, self._record_stamp, self._asked = record, stamp, -_LOCK_SECONDS
        return True

    def _read_history(self) -> None:
        """Read the lines behind those that are known; all of them where the file is another."""
        path = self.folder / HISTORY
        try:
            check_file(path)
            file = open(path, "rb")  # noqa: SIM115
        except FileNotFoundError:  # before the first epoch, or of an estimator of tables
            self._forget()
            return
        with file:
            found = os.fstat(file.fileno())
            file.seek(self._offset - len(self._seen))
            content = file.read(len(self._seen) + _AT_ONCE)
            which = (found.st_dev, found.st_ino)
            if which != self._history_file or not content.startswith(self._seen):
                self._forget()
                self._history_file = which
                file.seek(0)
                content = file.read(_AT_ONCE)
        if self._broken:  # what stands behind it cannot be read, either
            raise ValueError(self._broken)
        content = content[len(self._seen) :]
        self._offset += len(content)
        self._seen = (self._seen + content)[-_SEEN:]
        self.is_behind = self._offset < found.st_size
        self._add(content)

    def _add(self, content: bytes) -> None:
        try:
            if self._offset > LONGEST_HISTORY:
                most = describe_size(LONGEST_HISTORY)
                raise ValueError(f"{HISTORY} is longer than {most}, and not read further")
            *lines, self._rest = (self._rest + content).split(b"\n")
            for line in lines:
                text = line.decode("utf-8", "replace")
                add_epoch(self.history, self._n_epochs + 1, text)
                self._n_epochs += 1
        except ValueError as error:
            self._broken, self._rest, self.is_behind = str(error), b"", False
            raise

    def _forget(self) -> None:
        """Be as before the first epoch."""
        self.history, self.is_behind = {}, False
        self._n_epochs, self._offset, self._seen, self._rest = 0, 0, b"", b""
        self._history_file, self._broken = None, ""

    def _find_state(self) -> str:
        if self.record.get("ending") is None:
            now = time.monotonic()
            if now - self._asked < _LOCK_SECONDS:
                return self._heard
            self._asked = now
        self._heard = state_of(self.folder, self.record)
        return self._heard
