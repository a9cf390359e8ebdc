"""Folders of runs: where ``dnn-xp train`` keeps what it learns, and ``dnn-xp resume`` finds it."""

import contextlib
import json
import os
import re
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from typer.core import TyperGroup

from dnn_xp.app.errors import UserError, user_errors
from dnn_xp.app.options import expanded
from dnn_xp.callbacks.run_folder import CHECKPOINT, RECORD, RunFolder
from dnn_xp.files import InUseError
from dnn_xp.training import Run

__all__ = [
    "RUNS",
    "KeptRun",
    "Record",
    "find_last_run",
    "make_folder",
    "read_record",
    "remove_where_empty",
    "resume",
]

RUNS = Path("runs")
"""Where the folders of runs lie, in the folder in which a command is run."""

_LONGEST_NAME = 60
_LONGEST_RECORD = 10_000_000


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
            raise UserError(
                f"--run: {self.path} holds a run: add --resume to go on with it, or name another "
                "folder"
            ) from error


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
    """

    arguments: tuple[str, ...]
    directory: Path | None
    epochs: int
    done: bool


def make_folder(data: str, runs: Path = RUNS) -> Path:
    """Make a new folder for a run on such data, such as ``runs/2026-11-28_digits_2``.

    Where it cannot be made, its name is returned all the same: who uses it will say so.
    """
    stem = re.sub(r"[^\w.-]+", "_", Path(data).stem).strip("._")[:_LONGEST_NAME]
    name = "_".join(part for part in (date.today().isoformat(), stem) if part)
    folder, number = runs / name, 1
    with suppress(OSError):
        runs.mkdir(exist_ok=True)
        while True:
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
                folder = runs / f"{name}_{number}"
            else:
                break
    return folder


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


def resume(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(
            callback=expanded, metavar="FOLDER", help="Of the run. Default: the last one in runs/."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Go on to so many epochs in all.")
    ] = None,
) -> None:
    """Go on with a run that was interrupted or killed, or for more epochs.

    It ends with the very bits of a run that was never stopped.
    """
    with user_errors():
        folder = find_last_run() if run is None else run
        record = read_record(folder)
        if record.done and (epochs is None or epochs == record.epochs):
            raise ValueError(
                f"{folder}: its {record.epochs} epochs are done: --epochs N goes on to more"
            )
    more = () if epochs is None else ("--epochs", str(epochs))
    command, *words = record.arguments
    # An option that is there twice counts as it is there last; what follows "--" are no options.
    end = words.index("--") if "--" in words else len(words)
    arguments = [command, *words[:end], *more, *words[end:]]
    here, there = Path.cwd(), record.directory
    if there is None or not there.is_dir() or there.samefile(here):
        there = here
    else:
        folder = folder.absolute()
    main = context.parent
    assert main is not None  # the command of commands
    assert isinstance(main.command, TyperGroup)
    train = main.command.get_command(main, "train")
    assert train is not None
    with contextlib.chdir(there):
        options = [*words[:end], *more, "--run", str(folder), "--resume", *words[end:]]
        with train.make_context("train", options, parent=main, obj=arguments) as own:
            train.invoke(own)


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
        if os.path.getsize(path) > _LONGEST_RECORD:
            raise ValueError("it is too large")
        record = json.loads(path.read_bytes())
        arguments, directory = record["arguments"], record.get("directory")
        epochs, ending = record["settings"]["epochs"], record.get("ending")
        if not (isinstance(arguments, list) and all(isinstance(word, str) for word in arguments)):
            raise TypeError("its arguments are no list of texts")
        if arguments[:1] != ["train"]:
            raise ValueError("its arguments are not those of dnn-xp train")
        if not isinstance(directory, str | None) or not isinstance(epochs, int):
            raise TypeError("its directory or its epochs are of another kind")
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: is no record of a dnn-xp train: {error}") from error
    there = None if directory is None else Path(directory)
    return Record(tuple(arguments), there, epochs, ending == "completed")
