"""Files of predictions: CSV, JSON and NPZ, each written whole or not at all."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dnn_xp.app.documents import as_json
from dnn_xp.app.predictions import Predictions
from dnn_xp.backends import HostArray
from dnn_xp.files import replacing

__all__ = ["SUFFIXES", "as_document", "save_predictions"]

SUFFIXES = (".csv", ".json", ".npz")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With one of these in front a spreadsheet takes a text for a formula, which it computes."""


def save_predictions(path: Path, where: Mapping[str, HostArray], predictions: Predictions) -> int:
    """Write predictions to a file in the form that its suffix names.

    Parameters
    ----------
    path : Path
        Ends in one of `SUFFIXES`.
    where : mapping of str to ndarray, shape (m,)
        Of which file and row each is.
    predictions : Predictions

    Returns
    -------
    int
        Before how many texts of a CSV a ' was put, as they begin like the formula of a spreadsheet.

    Raises
    ------
    OSError
        Where the file cannot be written. An older file of this name is then still whole.
    """
    guarded = 0
    with replacing(path) as temporary:
        if path.suffix.lower() == ".json":
            temporary.write_text(as_json(as_document(where, predictions)) + "\n")
        elif path.suffix.lower() == ".npz":
            with temporary.open("wb") as file:
                np.savez(file, **_arrays(where, predictions))  # type: ignore[arg-type]
        else:
            guarded = _write_csv(temporary, _csv_columns(where, predictions))
    return guarded


def as_document(where: Mapping[str, HostArray], predictions: Predictions) -> dict[str, object]:
    """Return predictions as a JSON document.

    Parameters
    ----------
    where, predictions
        As in `save_predictions`.
    """
    columns = _under_names({**where, **predictions.columns})
    rows = [
        dict(zip(columns, values, strict=True))
        for values in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]
    if (probabilities := predictions.probabilities) is None:
        return {"predictions": rows}
    for row, values in zip(rows, probabilities.tolist(), strict=True):
        row["probabilities"] = values
        if predictions.labels:
            row["labels"] = [
                name for name, p in zip(predictions.classes, values, strict=True) if p > 0.5
            ]
    return {"classes": predictions.classes, "predictions": rows}


def _arrays(where: Mapping[str, HostArray], predictions: Predictions) -> dict[str, HostArray]:
    columns = _under_names({**where, **predictions.columns})
    arrays = {
        name: column.astype(str) if column.dtype == object else column
        for name, column in columns.items()
    }
    if predictions.probabilities is not None:
        arrays["probabilities"] = predictions.probabilities
        arrays["classes"] = np.asarray(predictions.classes)
    return arrays


def _under_names(columns: Mapping[str, HostArray]) -> dict[str, HostArray]:
    return {name.replace(" ", "_").replace("-", "_"): column for name, column in columns.items()}


def _csv_columns(where: Mapping[str, HostArray], predictions: Predictions) -> dict[str, HostArray]:
    columns = _under_names({**where, **predictions.columns})
    if predictions.labels and predictions.probabilities is not None:
        pairs = zip(predictions.classes, predictions.probabilities.T, strict=True)
        columns |= {f"probability of {name}": column for name, column in pairs}
    return columns


def _write_csv(path: Path, columns: Mapping[str, HostArray]) -> int:
    guarded = 0

    def cell(value: object) -> object:
        nonlocal guarded
        if isinstance(value, str) and _is_formula(value):
            guarded += 1
            return f"'{value}"
        return "" if value != value else value  # NaN: nothing is known

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        lists = [column.tolist() for column in columns.values()]
        writer.writerows(map(cell, row) for row in zip(*lists, strict=True))
    return guarded


def _is_formula(text: str) -> bool:
    if not text.startswith(_FORMULA) or len(text) == 1:
        return False
    try:
        float(text)
    except ValueError:
        return True
    return text.startswith(("\t", "\r"))
