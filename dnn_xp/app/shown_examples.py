"""Examples that a model is shown for a picture or a page: what it was trained on, or other data."""

import contextlib
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import typer
from typer.core import TyperGroup

from dnn_xp.app.experiment import Told, check_features
from dnn_xp.app.runs import read_record
from dnn_xp.app.tabular import predict_table
from dnn_xp.app.use import DataOptions, load_parts
from dnn_xp.callbacks.run_folder import RECORD
from dnn_xp.data import Dataset
from dnn_xp.data.stored import StoredDataset
from dnn_xp.models import Model
from dnn_xp.reports.examples import Examples, in_memory

__all__ = ["load_shown", "trained_on"]


def trained_on(path: Path, trusted: bool, context: typer.Context, there: ExitStack) -> DataOptions:
    """Return the data of a run as its folder names them; from there, until `there` is closed.

    Parameters
    ----------
    path : Path
        Of the folder; whole, since the working directory becomes another.
    trusted : bool
    context : typer.Context
        Of a command.
    there : ExitStack

    Raises
    ------
    ValueError
        Where it is no run that ``dnn-xp train`` began.
    """
    if not (path / RECORD).is_file():
        raise ValueError(f"{path}: does not say where its data are; add --data DATA")
    record = read_record(path)
    command, *words = record.arguments
    main = context.parent
    assert main is not None  # the command of commands
    assert isinstance(main.command, TyperGroup)
    train = main.command.get_command(main, "train")
    assert train is not None
    if record.directory is not None and record.directory.is_dir():
        there.enter_context(contextlib.chdir(record.directory))
    with train.make_context("train", words, parent=main, obj=[command, *words]) as own:
        data, x, y, target, data_dir = (
            own.params[name] for name in ("data", "x", "y", "target", "data_dir")
        )
    return DataOptions(data, x, y, target, data_dir, trusted)  # trust is said anew each time
