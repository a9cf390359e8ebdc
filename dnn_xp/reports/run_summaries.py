"""Folders of runs as they are read: what each run was, how far it came, and its figures.

Nothing here prints, and nothing is written.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dnn_xp.arguments import check_whole
from dnn_xp.callbacks.run_folder import CHECKPOINT, HISTORY, MODEL, RECORD, load_record
from dnn_xp.files.locking import is_locked
from dnn_xp.files.opening import read_whole
from dnn_xp.reports.words import describe_metric, mode_by_name
from dnn_xp.training import Ending

__all__ = [
    "LONGEST_HISTORY",
    "Best",
    "History",
    "STATES",
    "RunSummary",
    "add_epoch",
    "best_of",
    "describe_best",
    "differing_settings",
    "find_folders",
    "holds_a_run",
    "in_order",
    "read_history",
    "state_of",
    "summarize",
]

History = dict[str, list[float]]

LONGEST_HISTORY = 200_000_000
"""Bytes of the figures of a run, of which more are not read."""

STATES = {
    None: "interrupted",  # killed: it could not say so itself
    Ending.COMPLETED: "done",
    Ending.CONVERGED: "done",
    Ending.EXHAUSTED: "done",
    Ending.STOPPED: "done",
    Ending.INTERRUPTED: "interrupted",
    Ending.DIVERGED: "diverged",
}
"""Of runs, by how they ended: see `RunSummary`."""


class Best(NamedTuple):
    """The best figure of a run.

    Attributes
    ----------
    name : str
        Of the metric, such as ``"accuracy"``.
    value : float
    epoch : int or None
        None where it is the figure of the end.
    mode : {"min", "max"}
        Which is better.
    is_held_out : bool
        Whether it was measured on what is held out.
    """

    name: str
    value: float
    epoch: int | None
    mode: str
    is_held_out: bool


class RunSummary(NamedTuple):
    """What the folder of a run says of it.

    Attributes
    ----------
    folder : Path
    state : str
        "done", "interrupted", "running", "diverged", or "damaged".
    begun : str
        When, in ISO 8601; empty where that is not known.
    epochs : int
        How many are done.
    reason : str
        Why it ended.
    best : Best or None
    last : dict of str to float
        The figures of the last epoch.
    settings : dict of str to str
        By their names: of `dnn-xp train`, those of its options.
    problem : str
        What is damaged.
    ended : str
        When, as `begun`; empty of a run that has not.
    """

    folder: Path
    state: str
    begun: str = ""
    epochs: int = 0
    reason: str = ""
    best: Best | None = None
    last: Mapping[str, float] = {}
    settings: Mapping[str, str] = {}
    problem: str = ""
    ended: str = ""


# ----------------------------------------------------------------------------- finding


def find_folders(folder: Path) -> list[Path]:
    """Return the folders of runs in a folder, by name; or itself, where it is that of a run.

    Raises
    ------
    ValueError
        Where it is no folder.
    OSError
        Where it cannot be read.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        raise ValueError(f"{folder}: found {found}, expected a folder of runs")
    if holds_a_run(folder):
        return [folder]
    return [one for one in sorted(folder.iterdir()) if holds_a_run(one)]


def holds_a_run(folder: Path) -> bool:
    """Return whether a folder is that of a run, whole or damaged."""
    try:
        names = (RECORD, HISTORY, MODEL, CHECKPOINT)
        return folder.is_dir() and any((folder / name).is_file() for name in names)
    except OSError:  # which cannot be looked into: that is said of it
        return True


# ----------------------------------------------------------------------------- reading


def summarize(folder: Path) -> RunSummary:
    """Return what the folder of a run says of it; of one that cannot be read, why not."""
    try:
        return _read(folder)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        return RunSummary(folder, "damaged", problem=said.removeprefix(f"{folder}/"))


def _read(folder: Path) -> RunSummary:
    if not (folder / RECORD).is_file():
        raise ValueError(f"there is no {RECORD}")
    try:
        record = load_record(folder)
    except ValueError as error:
        raise ValueError(f"{RECORD} cannot be read ({error})") from error
    if not isinstance(record, dict) or not isinstance(record.get("run"), dict):
        raise ValueError(f"{RECORD} is no record of a run")
    ending, state = record.get("ending"), state_of(folder, record)
    history = read_history(folder) if (folder / HISTORY).is_file() else {}
    best, epochs = best_of(history), len(history.get("cost", ()))
    if not history:  # an estimator of tables has figures of its end only
        figures = _mapping(record, "figures")
        at_end = {name: [value] for name, value in figures.items() if isinstance(value, float)}
        best, epochs = best_of(at_end), check_whole("epochs", record.get("epochs", 0), 0)
        best = None if best is None else best._replace(epoch=None)
    settings = _mapping(record, "settings")
    if ending in (Ending.COMPLETED, Ending.STOPPED) and not (folder / MODEL).is_file():
        raise ValueError(f"there is no {MODEL}")
    return RunSummary(
        folder,
        state,
        str(record.get("begun", "")),
        epochs,
        str(record.get("reason", "")),
        best,
        {name: values[-1] for name, values in history.items()},
        _settings(record, settings),
        ended=str(record.get("ended", "")),
    )


def state_of(folder: Path, record: Mapping[str, Any]) -> str:
    """Return the state of a run: "done", "interrupted", "running" or "diverged".

    Parameters
    ----------
    folder : Path
    record : mapping
        What is written there of the run.

    Raises
    ------
    ValueError
        Where it ended as no run does.
    """
    ending = record.get("ending")
    if ending is not None and ending not in list(Ending):
        raise ValueError(f"{RECORD} says that it ended {ending!r}")
    if is_locked(folder / CHECKPOINT):
        return "running"
    return STATES[None if ending is None else Ending(ending)]


def read_history(folder: Path) -> History:
    """Return the figures of each epoch that a run has kept; null is NaN.

    A line that is being written, or was when the run was killed, is left out.

    Raises
    ------
    OSError
        Where they cannot be read.
    ValueError
        Where another line is no epoch.
    """
    text = read_whole(folder / HISTORY, LONGEST_HISTORY).decode("utf-8", "replace")
    lines = text.split("\n")[:-1]  # behind the last end of a line there is nothing whole
    history: History = {}
    for number, line in enumerate(lines, 1):
        add_epoch(history, number, line)
    return history


def add_epoch(history: History, number: int, line: str) -> None:
    """Add the figures of an epoch to those before it.

    Parameters
    ----------
    history : History
        Of the epochs before, to each of which it has a figure by each name.
    number : int
        Of the epoch, from 1.
    line : str
        As it stands in the file.

    Raises
    ------
    ValueError
        Where it is no epoch of that number.
    """
    try:
        figures = json.loads(line)
        if not isinstance(figures, dict) or figures.pop("epoch") != number:
            raise ValueError("its number is another")
        found = {
            str(name): math.nan if value is None else float(value)
            for name, value in figures.items()
        }
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"line {number} of {HISTORY} is no epoch ({error})") from error
    for name in {**history, **found}:  # a run that goes on may measure other things than before
        history.setdefault(name, [math.nan] * (number - 1)).append(found.get(name, math.nan))


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{RECORD} has no {name}, but {found!r:.40}")
    return found


def _settings(record: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a run as texts: of the command line, or of `train` itself."""
    options = _mapping(record, "options")
    if not options:
        own = record["run"]
        return {name: _as_text(own[name]) for name in own if name not in ("network", "theta")}
    words = {name.lstrip("-"): _as_text(value) for name, value in options.items()}
    words.pop("data", None)  # how they are read
    known = [name for name in ("data", "target", "backend") if name in settings]
    named = {name: _as_text(settings[name]) for name in known}
    return named | words


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def best_of(history: History) -> Best | None:
    """Return the best of the figures by which a run is judged: held out, where there are such.

    It is the metric that is always measured on such data, so that runs can be compared; where there
    is none, the cost.
    """
    for key in _keys(history):
        mode = mode_by_name(key.removeprefix("validation_"))
        finite = [(value, i) for i, value in enumerate(history[key], 1) if math.isfinite(value)]
        if mode is not None and finite:
            sign = 1.0 if mode == "min" else -1.0
            value, epoch = min(finite, key=lambda one: (sign * one[0], one[1]))
            name = key.removeprefix("validation_")
            return Best(name, value, epoch, mode, name != key)
    return None


def _keys(history: History) -> Iterator[str]:
    """Yield the names of a history, the one that a run is judged by first."""
    held_out = [key for key in history if key.startswith("validation_")]
    yield from (key for key in held_out if key != "validation_cost")
    yield from (key for key in ("validation_cost", "cost") if key in history)


# ----------------------------------------------------------------------------- comparing


def in_order(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Return runs on the same data together, the latest data first, and of them the best first.

    Runs that have no figure come behind those that have, and damaged ones last.
    """
    latest: dict[str, str] = {}
    for run in runs:
        data = run.settings.get("data", "")
        latest[data] = max(latest.get(data, ""), run.begun)

    def rank(run: RunSummary) -> tuple[object, ...]:
        data, best = run.settings.get("data", ""), run.best
        if best is None:
            return (data, 1, "", 0.0, run.folder.name)
        value = best.value if best.mode == "min" else -best.value
        return (data, 0, best.name, value, run.folder.name)

    in_groups = sorted(runs, key=rank)
    in_groups.sort(key=lambda run: latest[run.settings.get("data", "")], reverse=True)
    return sorted(in_groups, key=lambda run: run.state == "damaged")


def differing_settings(runs: Sequence[RunSummary]) -> list[str]:
    """Return the names of the settings that are not the same in all runs that have them.

    Of what is damaged no settings are known.
    """
    known = [run.settings for run in runs if run.state != "damaged"]
    names = dict.fromkeys(name for one in known for name in one)
    return [
        name
        for name in names
        # An estimator of tables has no such settings as a network's; which of both it is counts.
        if len({one.get(name) for one in known if name in one or name == "tabular"}) > 1
    ]


def describe_best(run: RunSummary) -> str:
    """Return the best figure of a run as text, such as ``"accuracy 97.49%"``; or nothing."""
    if run.best is None:
        return ""
    words = f"{run.best.name} {describe_metric(run.best.name, run.best.value)}"
    return words if run.best.is_held_out else f"{words} (training)"
