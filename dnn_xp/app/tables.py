"""Tables as data: their rows are divided first, and an encoder is fitted on the training part.

Nothing here prints.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dnn_xp.app.experiment import (
    Experiment,
    bring_examples,
    build_network,
    check_names_can_be_kept,
    check_precision,
    describe_absent,
    fit_targets,
    initial_theta,
    split_parts,
)
from dnn_xp.backends import HostArray
from dnn_xp.data import Dataset, Preprocessing
from dnn_xp.data.class_names import check_class_names
from dnn_xp.data.frames import Columns
from dnn_xp.data.table_files import read_table_file, select_features, take_target, with_targets
from dnn_xp.data.tables import TableEncoder
from dnn_xp.data.tasks import decide_task
from dnn_xp.models import Model
from dnn_xp.reprs import printable

__all__ = [
    "TableData",
    "divide",
    "encode",
    "load_table",
    "load_table_like",
    "name_target",
    "prepare_table",
]


class TableData(NamedTuple):
    """A table with what is to be learnt from it.

    Attributes
    ----------
    features : Columns
    dataset : Dataset
        Of which X are the numbers of the rows, shape (1, m), for it to be divided.
    target : str
        The name of the column that is learnt.
    fingerprint : int
        By which the same table is known again.
    """

    features: Columns
    dataset: Dataset
    target: str
    fingerprint: int


def load_table(data: str, target: str | None = None, task: str | None = None) -> TableData:
    """Load a table, and decide what is to be learnt from it.

    Parameters
    ----------
    data : str
        A file for `dnn_xp.data.table_files.read_table_file`.
    target : str, optional
        The name of the column. Default: the last, and a note says so.
    task : str, optional
        As in `dnn_xp.data.tasks.decide_task`.

    Raises
    ------
    ValueError, OSError
        Where it cannot be read, or learnt from.
    """
    table = with_targets(read_table_file(data), target)
    features, y, name = take_target(table, target)
    notes = table.notes
    if target is None:
        notes = (*notes, f"the last column, {printable(name)}, is learnt: --target to change")
    return _table_data(data, features, y, name, task, notes)


def name_target(model: Model, target: str | None) -> str:
    """Return the column that is learnt: the one that is asked for, else that of the training.

    Raises
    ------
    ValueError
        Where neither is known.
    """
    name = target or model.about.get("target")
    if not isinstance(name, str):
        raise ValueError("--target: found none, expected the column that the model predicts")
    return name


def load_table_like(data: str, encoder: TableEncoder, target: str, task: str) -> TableData:
    """Load a table with the features that a model knows.

    Raises
    ------
    ValueError, OSError
        Where it cannot be read, or lacks some of them.
    """
    table = with_targets(read_table_file(data, like=encoder), target)
    return _table_data(
        data, select_features(table, encoder), table.columns[target], target, task, table.notes
    )


def _table_data(
    data: str,
    features: Columns,
    y: HostArray,
    name: str,
    task: str | None,
    notes: tuple[str, ...],
) -> TableData:
    where = f"{data}: {printable(name)}"
    decided = decide_task(y, task, where=where)
    check_class_names(where, decided.classes or ())
    check_names_can_be_kept(decided.classes)
    notes = notes if task is not None else (*notes, decided.why)
    rows = np.arange(len(features), dtype=np.float64)[None, :]
    dataset = Dataset(rows, decided.y, decided.classes, None, None, decided.name, notes)
    return TableData(features, dataset, name, _fingerprint(features, y))


def _fingerprint(features: Columns, y: HostArray) -> int:
    """Return a number by which the same values are known again, under whatever names."""
    found = 0
    for column in (*features.get_columns(), y):
        content = repr(column.tolist()).encode() if column.dtype.hasobject else column.tobytes()
        found = zlib.crc32(content, found)
    return found


def divide(table: TableData, seed: int) -> dict[str, TableData]:
    """Return the part that is learnt from, and the one that is held out, by their names."""
    parts = split_parts(table.dataset, None, seed)
    names = ("training", "held out")
    return {
        name: table._replace(features=table.features.rows(part.X[0].astype(np.int64)), dataset=part)
        for name, part in zip(names, parts, strict=True)
    }


def encode(table: TableData, encoder: TableEncoder) -> Dataset:
    """Return a table as columns for a network."""
    return table.dataset._replace(X=encoder.transform(table.features).T)


def prepare_table(
    data: str,
    *,
    target: str | None,
    task: str | None,
    hidden: Sequence[int],
    activation: str,
    dropout: float,
    norm: str | None,
    seed: int,
    dtype: str,
) -> Experiment:
    """Load a table and make a network for it, as `dnn_xp.app.experiment.prepare` does for arrays.

    Parameters
    ----------
    data, target, task
        As in `load_table`.
    hidden, activation, dropout, norm, seed, dtype
        As in `dnn_xp.app.experiment.prepare`.

    Raises
    ------
    ValueError, OSError, BackendError
        Where what is asked for is not there, or does not fit.
    """
    table = load_table(data, target, task)
    parts = divide(table, seed)
    encoder = TableEncoder().fit(parts["training"].features)
    part, rest = (encode(one, encoder) for one in parts.values())
    network = build_network(part, hidden, activation, dropout, norm)
    preprocessing = Preprocessing(np.asarray(0.0), np.asarray(1.0))
    examples, held_out = (
        bring_examples(one, preprocessing, network, dtype) for one in (part, rest)
    )
    targets = fit_targets(part) if part.task == "regression" else None
    if targets is not None:
        check_precision(table.dataset.y, 1.0 / float(targets.scale), dtype)
    n_features = table.features.shape[1]
    become = f"{n_features} features become {encoder.n_columns_} columns of numbers"
    return Experiment(
        table.fingerprint,
        part,
        rest,
        preprocessing,
        targets,
        network,
        initial_theta(network, part, seed, examples.X),
        examples,
        held_out,
        examples,
        notes=(*part.notes, become, *describe_absent({"training": part, "held out": rest})),
        encoder=encoder,
        target=table.target,
    )
