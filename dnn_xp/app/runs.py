"""Folders of runs: where ``dnn-xp train`` keeps what it learns, and ``dnn-xp resume`` finds it."""

import contextlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from typer.core import TyperGroup

from dnn_xp.app.completion import run_names
from dnn_xp.app.errors import UserError, say, user_errors
from dnn_xp.app.options import (
    AsJson,
    CheckpointFile,
    CurveFile,
    LogFile,
    OutputFile,
    TensorBoardDir,
    TrustFlag,
    as_path,
)
from dnn_xp.arguments import check, check_choice, check_whole
from dnn_xp.callbacks.run_folder import CHECKPOINT, RECORD, RunFolder, has_begun, load_record
from dnn_xp.files import InUseError
from dnn_xp.files.claiming import claim_folder
from dnn_xp.training import Ending, Run

__all__ = [
    "COPIES",
    "RUNS",
    "SETTINGS",
    "KeptRun",
    "Record",
    "find_last_run",
    "make_folder",
    "read_record",
    "refuse_begun",
    "remove_where_empty",
    "resume",
]

RUNS = Path("runs")
"""Where the folders of runs lie, in the folder in which a command is run."""

_LONGEST_NAME = 60
_MOST_EPOCHS = 10**9


class KeptRun(RunFolder):
    """The folder of a run of ``dnn-xp train``: what refuses it is told in words of options."""

    def start(self, run: Run) -> None:
        """Begin, or refuse the folder.

        Raises
        ------
        UserError
            Where it holds another run, or one that is going on.
        """
        try:
            super().start(run)
        except InUseError as error:
            raise UserError(f"{self.path} is being written by another run") from error
        except FileExistsError as error:
            raise UserError(_holds_a_run(self.path)) from error


def refuse_begun(folder: Path) -> None:
    """Refuse a folder in which a run has begun.

    Raises
    ------
    UserError
    """
    if has_begun(folder):
        raise UserError(_holds_a_run(folder))


def _holds_a_run(folder: Path) -> str:
    return f"--run: {folder} holds a run: add --resume to go on with it, or name another folder"


class Record(NamedTuple):
    """What the folder of a run says of it.

    Attributes
    ----------
    arguments : tuple of str
        With which ``dnn-xp`` trains it.
    directory : Path or None
        Where that was; paths are seen from there.
    epochs : int
        How many were to be done.
    done : bool
        Whether it came to its end.
    by_estimator : bool
        Whether an estimator of tables was trained, which leaves no checkpoint.
    """

    arguments: tuple[str, ...]
    directory: Path | None
    epochs: int
    done: bool
    by_estimator: bool


def make_folder(data: str, runs: Path = RUNS) -> Path:
    """Make a new folder for a run on such data, such as ``runs/2026-11-28_digits_2``.

    Where it cannot be made, its name is returned all the same: who uses it will say so.
    """
    stem = re.sub(r"[^\w.-]+", "_", Path(data).stem).strip("._")[:_LONGEST_NAME]
    name = "_".join(part for part in (date.today().isoformat(), stem) if part)
    return claim_folder(runs / name, mark="_")


def remove_where_empty(folder: Path) -> None:
    """Remove a folder in which nothing was kept, and the one of all runs where it was the first."""
    with suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


def find_last_run(runs: Path = RUNS) -> Path:
    """Return the folder of the run that was written to last.

    Raises
    ------
    ValueError
        Where there is none.
    """
    folders = [record.parent for record in runs.glob(f"*/{RECORD}")]
    if not folders:
        raise ValueError(f"there is no run in {runs}: name the folder of one, or begin one")
    return max(folders, key=_last_written)


def _last_written(folder: Path) -> tuple[int, str]:
    times = [
        path.stat().st_mtime_ns for path in (folder / RECORD, folder / CHECKPOINT) if path.is_file()
    ]
    return max(times, default=0), folder.name


SETTINGS = (
    *("data", "x", "y", "target", "tabular", "task", "time_limit", "importances"),
    *("data_dir", "layers", "activation", "epochs", "batch_size", "optimizer"),
    *("learning_rate", "schedule", "warm_up", "clip_norm", "clip_value", "ema_decay", "dropout"),
    *("norm", "weight_decay", "l1", "l2", "max_norm", "label_smoothing", "mixup", "noise"),
    *("early_stopping", "class_weight", "metric", "seed", "dtype", "backend", "device"),
)
"""What its folder says of a run that goes on."""

COPIES = ("output", "plot", "checkpoint", "log", "tensorboard", "trust")
"""What is written elsewhere, and what is trusted: said anew to ``dnn-xp resume``, or left out."""


def resume(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(
            parser=str,
            callback=as_path,
            metavar="FOLDER",
            autocompletion=run_names,
            help="Of the run. Default: the last one in runs/.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Go on to so many epochs in all.")
    ] = None,
    output: OutputFile = None,
    plot: CurveFile = None,
    checkpoint: CheckpointFile = None,
    log: LogFile = None,
    tensorboard: TensorBoardDir = None,
    trust: TrustFlag = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was interrupted or killed, or for more epochs.

    It ends with the very bits of a run that was never stopped. Data, network and training are those
    that the folder of the run names; it writes to that folder, and elsewhere only where that is
    said here.
    """
    with user_errors():
        folder = find_last_run() if run is None else run
        record = read_record(folder)
        if record.by_estimator:
            raise ValueError(
                f"{folder}: --tabular trained it, which leaves no checkpoint to go on from"
            )
        if record.done and (epochs is None or epochs == record.epochs):
            raise ValueError(
                f"{folder}: its {record.epochs} epochs are done: --epochs N goes on to more"
            )
    more = () if epochs is None else ("--epochs", str(epochs))
    command, *words = record.arguments
    # An option that is there twice counts as it is there last; what follows "--" are no options.
    end = words.index("--") if "--" in words else len(words)
    options = [*words[:end], *more, *words[end:]]
    copies: dict[str, object] = {
        "output": output,
        "plot": plot,
        "checkpoint": checkpoint,
        "log": log,
        "tensorboard": tensorboard,
        "trust": trust,
    }
    here, there = Path.cwd(), record.directory
    if there is None or not there.is_dir() or there.samefile(here):
        there = here
    else:
        folder = folder.absolute()
        copies |= {name: path.absolute() for name, path in copies.items() if isinstance(path, Path)}
    main = context.parent
    assert main is not None  # the command of commands
    assert isinstance(main.command, TyperGroup)
    train = main.command.get_command(main, "train")
    assert train is not None
    with (
        contextlib.chdir(there),
        train.make_context("train", options, parent=main, obj=[command, *options]) as own,
    ):
        _say_what_is_left_out(folder, own.params, copies)
        own.params = {name: own.params[name] for name in SETTINGS} | copies
        own.params |= {"run": folder, "no_run": False, "resume": True, "resume_or_start": False}
        own.params["as_json"] = as_json
        train.invoke(own)


def _say_what_is_left_out(
    folder: Path, begun: Mapping[str, object], copies: Mapping[str, object]
) -> None:
    """Say in a line which files of the command that began a run are not written now."""
    left = [name for name in COPIES if begun[name] and not copies[name]]
    if left:
        words = [f"--{name}" if name == "trust" else f"--{name} {begun[name]}" for name in left]
        say(
            "note",
            f"{folder} was begun with {', '.join(words)}, which count here only where they are "
            "given to dnn-xp resume, too",
        )


def read_record(folder: Path) -> Record:
    """Return what the folder of a run says of it.

    Raises
    ------
    ValueError
        Where it is no run that ``dnn-xp train`` began.
    """
    path = folder / RECORD
    if not path.is_file():
        raise ValueError(f"{folder}: holds no run: there is no {RECORD}")
    try:
        record = load_record(folder)
        arguments, directory = record["arguments"], record.get("directory")
        epochs, ending = record["settings"]["epochs"], record.get("ending")
        _check_texts("arguments", arguments)
        if arguments[:1] != ["train"]:
            raise ValueError("its arguments are not those of dnn-xp train")
        _check_texts("directory", [] if directory is None else [directory])
        by_estimator = "estimator" in record["settings"]
        check_whole("epochs", epochs, 0 if by_estimator else 1)
        check("epochs", epochs, epochs <= _MOST_EPOCHS, f"at most {_MOST_EPOCHS:,}")
        if ending is not None:
            check_choice("ending", ending, [str(one) for one in Ending])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: is no record of a dnn-xp train: {error}") from error
    there = None if directory is None else Path(directory)
    return Record(tuple(arguments), there, epochs, ending == Ending.COMPLETED, by_estimator)


def _check_texts(name: str, found: object) -> None:
    """Refuse what is no list of texts that could have come from a command line."""
    fits = isinstance(found, list) and all(isinstance(word, str) for word in found)
    check(name, found, fits, "texts")
    assert isinstance(found, list)
    for word in found:
        check(name, word, "\0" not in word, "texts without NUL")
        os.fsencode(word)  # which refuses half of a character
