"""Folders of runs: a run keeps what it learnt, its figures, and what it was, as it goes on."""

import errno
import json
import math
import os
import platform
import sys
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from dnn_xp.arguments import check_kind, check_path
from dnn_xp.callbacks.checkpoint import Checkpoint
from dnn_xp.callbacks.logs import JSONLinesLog
from dnn_xp.files.atomic import remove_leftovers, replacing, try_replacing
from dnn_xp.files.claiming import claim_folder
from dnn_xp.files.locking import InUseError
from dnn_xp.files.opening import read_whole
from dnn_xp.models import CheckpointError, Model, load_checkpoint, save_model
from dnn_xp.network.description import describe_network
from dnn_xp.training.identity import AnotherRunError, check_same_run
from dnn_xp.training.moments import Callback
from dnn_xp.training.result import Ending, TrainingResult
from dnn_xp.training.run import Run

__all__ = [
    "CHECKPOINT",
    "MODEL",
    "RECORD",
    "RunFolder",
    "RunFolderWarning",
    "has_begun",
    "has_learnt",
    "load_record",
]

MODEL, HISTORY, CHECKPOINT, RECORD = "model.h5", "history.jsonl", "checkpoint", "run.json"

_LONGEST_RECORD = 10_000_000

Figures = dict[str, float]


class RunFolderWarning(UserWarning):
    """Something could not be written to the folder of a run, which goes on."""


_OWN_KEYS = {"run", "versions", "begun", "epochs", "ended", "ending", "reason", "figures"}
"""What the record says of the run itself."""


class RunFolder(Callback):
    """Keep a run in a folder: its model, its figures, its checkpoint, and what it was.

    =================  ===========================================================================
    ``model.h5``       the network and its parameters, where the run ends, is stopped or broken off
    ``history.jsonl``  a line for each epoch: see `JSONLinesLog`
    ``checkpoint``     what it takes to go on, and the one before: see `Checkpoint`
    ``run.json``       settings, versions, a fingerprint of the data, how it ended, last figures
    =================  ===========================================================================

    Parameters
    ----------
    path : path
        The folder; it is made where there is none.
    seconds : float, optional
        Write a checkpoint after the step at which so many have gone by since the last time.
    about : mapping, optional
        What else ``run.json`` says, of JSON's types.
    make_model : callable, optional
        ``make_model(result)`` is the `Model` to keep, for one with preprocessing and classes.
        Default: the network by itself.
    in_units : callable, optional
        ``in_units(figures)`` is what is written of the figures of an epoch, a dict.

    Raises
    ------
    TypeError
        Where `about` holds something else.
    FileExistsError
        When a run begins in a folder that holds another, or its own further on.
    InUseError
        When the run in that folder is still going on.

    Warns
    -----
    RunFolderWarning
        When something cannot be written; the run goes on.
    LogWarning, CheckpointWarning
        The same, of the figures of an epoch and of a checkpoint while the run goes on.

    Examples
    --------
    >>> import numpy as np
    >>> from tempfile import TemporaryDirectory
    >>> from dnn_xp import Dense, Network, RunFolder, load_checkpoint, load_model, train
    >>> network, X = Network(2, (Dense(1),), "squared_error"), np.ones((2, 4))
    >>> with TemporaryDirectory() as folder:
    ...     run = train(network, X, X[:1], epochs=3, callbacks=[RunFolder(folder)])
    ...     print(*sorted(path.name for path in Path(folder).iterdir()))
    ...     model = load_model(f"{folder}/model.h5")
    ...     progress = load_checkpoint(f"{folder}/checkpoint")
    checkpoint checkpoint.1 history.jsonl model.h5 run.json
    >>> bool(np.all(model.theta == run.theta)), progress.epoch
    (True, 3)
    """

    comes_last: ClassVar[bool] = True
    writes: ClassVar[bool] = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        seconds: float | None = 60.0,
        about: Mapping[str, Any] | None = None,
        make_model: Callable[[TrainingResult], Model] | None = None,
        in_units: Callable[[Figures], Figures] | None = None,
    ) -> None:
        check_kind("about", about, Mapping | None, "a dictionary of JSON's types")
        if own := sorted(_OWN_KEYS & {*(about or {})}):
            raise ValueError(f"about: found {', '.join(own)}, which say how the run goes")
        try:
            json.dumps(about)
        except (TypeError, ValueError) as error:
            raise TypeError(f"about: {error}; expected JSON's types") from error
        self.path, self.seconds, self.about = check_path("path", path), seconds, about
        self.make_model, self.in_units = make_model, in_units
        self._checkpoint = Checkpoint(self.path / CHECKPOINT, seconds=seconds)
        self._log = _Log(self.path / HISTORY, in_units)
        self._run: Run | None = None
        self._parts = list[Callback]()

    def apart(self) -> Callback:
        """Return one with a new folder: of this name, or with a number where that is taken."""
        return RunFolder(
            claim_folder(self.path),
            seconds=self.seconds,
            about=self.about,
            make_model=self.make_model,
            in_units=self.in_units,
        )

    def start(self, run: Run) -> None:
        """Make the folder, and write what there is to know at the beginning."""
        self._run, self._parts, self._ended = None, [], False
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            try_replacing(self.path / RECORD)
        except OSError as error:
            self._warn(f"nothing will be kept here ({error.strerror or error})")
            return
        # From here on nobody else writes here: what is found stays as it is.
        if not self._try(f"could be written to {CHECKPOINT}", self._checkpoint.take_lock):
            return
        self._refuse_another(run)
        for part in (self._checkpoint, self._log):
            if self._try(f"could be written to {part.path.name}", partial(part.start, run)):
                self._parts.append(part)
        # Only now: where another process is at it, nothing here is this run's to write.
        for name in (MODEL, HISTORY, RECORD):
            remove_leftovers(self.path / name)
        earlier = _read_record(self.path)
        self._run, self._begun = run, _now() if earlier is None else earlier["begun"]
        self._try(f"can be written to {MODEL}", partial(try_replacing, self.path / MODEL))
        try:
            describe_network(run.network)
        except ValueError as error:
            self._warn(f"no model will be kept ({error})")
        self._write_record()

    def step(self, run: Run) -> None:
        """Write a checkpoint where it is time."""
        if self._checkpoint in self._parts:
            self._checkpoint.step(run)

    def epoch(self, run: Run) -> None:
        """Write the figures, and a checkpoint where it is time."""
        for part in self._parts:
            part.epoch(run)

    def end(self, result: TrainingResult) -> TrainingResult:
        """Write all that came of the run."""
        if self._run is not None:
            if self._checkpoint in self._parts:
                self._checkpoint.end(result)
            self._keep(result)
        return result

    def close(self) -> None:
        """Keep what was learnt up to the last whole epoch, where the run was broken off."""
        try:
            if self._run is not None and not self._ended:
                self._keep(self._run.last_whole_epoch()._replace(reason="broken off"))
        finally:
            self._checkpoint.close()
            self._log.close()
            self._run = None

    def _refuse_another(self, run: Run) -> None:
        """Let no run take the place of another's work, nor one that begins of its own."""
        begins = (run.epoch, run.batch) == (0, 0)
        own = _is_of(self.path, run)
        if (begins and has_begun(self.path)) or (not own and _holds_files(self.path)):
            raise FileExistsError(
                errno.EEXIST,
                "there is another run in this folder: go on from its checkpoint, or take another "
                "folder",
                str(self.path),
            )

    def _keep(self, result: TrainingResult) -> None:
        self._ended = True
        if has_learnt(result):
            self._try(f"could be written to {MODEL}", partial(self._save_model, result))
        if self._log in self._parts:
            self._log.end(result)
        else:  # now, perhaps
            self._try(f"could be written to {HISTORY}", partial(self._log.write, result.history))
        self._write_record(result)

    def _save_model(self, result: TrainingResult) -> None:
        save_model(self.path / MODEL, (self.make_model or self._plain_model)(result))

    def _plain_model(self, result: TrainingResult) -> Model:
        assert self._run is not None  # one has begun
        return Model(self._run.network, result.theta, about={"epochs": result.epochs})

    def _write_record(self, result: TrainingResult | None = None) -> None:
        assert self._run is not None  # one has begun
        record = {
            **(self.about or {}),
            "run": dict(self._run.identity),
            "versions": _versions(self._run),
            "begun": self._begun,
            "epochs": self._run.epoch,
        }
        if result is not None:
            last = {name: values[-1] for name, values in result.history.items() if values}
            record |= {
                "ended": _now(),
                "ending": str(result.ending),
                "reason": result.reason,
                "figures": {
                    name: value if math.isfinite(value) else None  # JSON has no other numbers
                    for name, value in self._log.in_units(last).items()
                },
            }
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"

        def write() -> None:
            with replacing(self.path / RECORD) as temporary:
                temporary.write_text(text, encoding="utf-8", errors="backslashreplace")

        self._try(f"could be written to {RECORD}", write)

    def _try(self, what: str, do: Callable[[], object]) -> bool:
        try:
            do()
        except InUseError:
            raise
        except (OSError, ValueError) as error:
            self._warn(f"nothing {what} ({error})")
            return False
        return True

    def _warn(self, what: str) -> None:
        warnings.warn(f"{self.path}: {what}", RunFolderWarning, stacklevel=2)


class _Log(JSONLinesLog):
    """A log whose figures may be in other units than the run's."""

    def __init__(self, path: Path, convert: Callable[[Figures], Figures] | None) -> None:
        super().__init__(path)
        self._convert = convert

    def in_units(self, figures: Figures) -> Figures:
        return figures if self._convert is None else self._convert(figures)


def has_learnt(result: TrainingResult) -> bool:
    """Return whether there is something to keep: a step was taken, and it did not diverge."""
    steps = 0 if result.progress is None else result.progress.steps
    return result.ending is not Ending.DIVERGED and (result.epochs > 0 or steps > 0)


def has_begun(folder: Path) -> bool:
    """Return whether the run in a folder can go on from further than its beginning.

    Beside a checkpoint of the beginning a model is that of a run that was broken off.
    """
    try:
        progress = load_checkpoint(folder / CHECKPOINT)
    except FileNotFoundError:
        return (folder / MODEL).exists()
    except (CheckpointError, OSError):  # it cannot be read, but another dnn_xp may
        return True
    return (progress.epoch, progress.batch) != (0, 0)


def _holds_files(folder: Path) -> bool:
    """Return whether there is something in a folder that a run would replace."""
    history = folder / HISTORY
    return (
        has_begun(folder)
        or (folder / MODEL).exists()
        or (history.exists() and history.stat().st_size > 0)
        or ((folder / RECORD).exists() and _read_record(folder) is None)
    )


def _is_of(folder: Path, run: Run) -> bool:
    """Return whether the run in a folder is this one."""
    record = _read_record(folder)
    try:
        check_same_run({} if record is None else record["run"], run.identity)
    except AnotherRunError:
        return False
    return True


def load_record(folder: Path) -> Any:
    """Return what the file holds that says of a folder what its run is.

    Raises
    ------
    OSError
        Where it cannot be opened.
    ValueError
        Where it is no JSON, or too large.
    """
    try:
        return json.loads(read_whole(folder / RECORD, _LONGEST_RECORD))
    except RecursionError as error:
        raise ValueError(f"{folder / RECORD}: is nested too deeply") from error


def _read_record(folder: Path) -> dict[str, Any] | None:
    """Return what a folder says of its run, or None where it says nothing of the kind."""
    try:
        record = load_record(folder)
    except (OSError, ValueError):
        return None
    fits = isinstance(record, dict) and isinstance(record.get("run"), dict)
    return record if fits and isinstance(record.get("begun"), str) else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _versions(run: Run) -> dict[str, str]:
    """Return the versions of what computes a run."""
    library = type(run.position).__module__.partition(".")[0]
    modules = {name: sys.modules.get(name) for name in ("dnn_xp", "numpy", library)}
    return {"python": platform.python_version()} | {
        name: str(getattr(module, "__version__", "unknown")) for name, module in modules.items()
    }
