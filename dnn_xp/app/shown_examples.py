"""Examples that a model is shown for a picture or a page: what it was trained on, or other data."""

import contextlib
from contextlib import ExitStack
from pathlib import Path

import typer
from typer.core import TyperGroup

from dnn_xp.app.experiment import Told, check_features
from dnn_xp.app.runs import read_record
from dnn_xp.app.tabular import predict_table
from dnn_xp.app.use import DataOptions, load_parts
from dnn_xp.callbacks.run_folder import RECORD, load_record
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
    if not _names_its_data(path):
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


def _names_its_data(path: Path) -> bool:
    """Return whether a folder tells with which words the run in it was begun."""
    if not (path / RECORD).is_file():
        return False
    try:
        record = load_record(path)
    except ValueError:  # which is told when it is read for good
        return True
    return not isinstance(record, dict) or "arguments" in record


def load_shown(
    model: Model,
    options: DataOptions,
    opened: ExitStack,
    advance: Told,
    *,
    with_training: bool = False,
) -> Examples:
    """Return what is held out of the data, where they are those of the training; else all.

    Of data that are larger than memory it is some.

    Parameters
    ----------
    model : Model
    options : DataOptions
    opened : ExitStack
        By which files are closed.
    advance : callable
        Told how much is read.
    with_training : bool
        Whether the examples that the model was trained on stand beside them.

    Raises
    ------
    ValueError, OSError, ImportError
        Where the data cannot be read, or do not fit the model.
    """
    wanted = ("held out", "all", *(("training",) if with_training else ()))
    if model.table is not None:
        found = predict_table(model, options.data, options.target, wanted)
        parts = {
            name: Examples(
                _name(options, name),
                one.rows.dataset,
                one.outputs,
                one.interval,
                names=[f"row {int(place) + 1}" for place in one.rows.dataset.X[0]],
            )
            for name, one in found.items()
        }
    else:
        loaded, _ = load_parts(model, options, opened, advance)
        seed = model.about.get("seed", 0)
        parts = {
            name: _examples(_name(options, name), part, model, seed)
            for name, part in loaded.items()
            if name in wanted
        }
    held_out = "held out" in parts
    shown = parts["held out" if held_out else "all"]
    return shown._replace(training=parts.get("training"), is_held_out=held_out)


def _examples(name: str, part: Dataset | StoredDataset, model: Model, seed: int) -> Examples:
    notes: tuple[str, ...] = ()
    if isinstance(part, StoredDataset):
        part, notes = in_memory(part, seed)
    check_features(part.X.shape[0], model.network)
    return Examples(name, part, notes=notes)


def _name(options: DataOptions, part: str) -> str:
    name = Path(options.data).name
    return name if part == "all" else f"{name}, {part}"
