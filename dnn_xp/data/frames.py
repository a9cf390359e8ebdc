"""Tables as they come in: data frames, arrays of any library, lists of rows, sparse matrices.

A frame is known by what it offers, whichever library it is of.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import shown
from dnn_xp.backends import (
    Array,
    HostArray,
    asarray_like,
    namespace,
    plain_array,
    to_host,
    without_record,
)
from dnn_xp.data.columns import KINDS, Column, numbers_of, values_of
from dnn_xp.reprs import printable

__all__ = [
    "Columns",
    "Table",
    "by_columns",
    "dense",
    "is_of_other_library",
    "read_numbers",
    "read_table",
    "read_values",
]


_FEW = 8
"""Rows of a pandas frame that come sooner all at once than column by column."""


class Table(NamedTuple):
    """Table of rows and features, as it came in.

    Attributes
    ----------
    shape : (int, int)
        (m, n_features).
    names : tuple or None
        Of the features, where they have names.
    matrix : array or sparse matrix, or None
        All of it, where that is of numbers; an array may be of any library.
    columns : sequence
        Else each column.
    """

    shape: tuple[int, int]
    names: tuple[Any, ...] | None
    matrix: Any
    columns: Sequence[Column]


class Columns:
    """Frame of NumPy's columns, as encoders and estimators of tables read it.

    Parameters
    ----------
    names : sequence of str
        Each once.
    arrays : sequence of ndarray, shape (m,)

    Attributes
    ----------
    columns : tuple of str
        The names.
    shape : (int, int)
        (m, n_features).
    """

    def __init__(self, names: Sequence[str], arrays: Sequence[HostArray]) -> None:
        self.columns, self._arrays = tuple(names), list(arrays)
        self.shape = (len(arrays[0]) if arrays else 0, len(arrays))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, name: str) -> HostArray:
        return self._arrays[self.columns.index(name)]

    def __repr__(self) -> str:
        return f"<Columns: {self.shape[0]} rows of {', '.join(map(printable, self.columns))}>"

    def get_columns(self) -> list[HostArray]:
        """Return each column."""
        return self._arrays

    def rows(self, places: HostArray) -> "Columns":
        """Return the rows at some places, or where a mask is true."""
        return Columns(self.columns, [array[places] for array in self._arrays])

    def select(self, names: Sequence[str]) -> "Columns":
        """Return the columns of these names, in this order."""
        return Columns(names, [self[name] for name in names])

    def without(self, name: str) -> "Columns":
        """Return all columns but one."""
        return self.select([one for one in self.columns if one != name])


def read_table(X: Any, *, by_value: bool = False) -> Table:
    """Return what a table consists of.

    Parameters
    ----------
    X : data frame, array, list of rows or sparse matrix of SciPy
    by_value : bool
        Whether columns of objects do as well as those of dtypes: the kinds are known.

    Raises
    ------
    ValueError, TypeError
        Where it is none, or of complex numbers, bytes or records; where names come twice.
    """
    _refuse_what_is_not_read(X)
    if (columns := _columns_of_frame(X, by_value)) is not None:
        names = tuple(X.columns)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"X: found several features called {twice!r}, expected a name each")
        return Table((X.shape[0], len(names)), names, None, columns)
    if hasattr(X, "tocsr"):
        _check_two_dimensions(len(X.shape))
        if X.dtype.kind == "c":
            raise ValueError(f"Complex data not supported\nX: {shown(X)}\n")
        return Table(X.shape, None, X.tocsr(), ())
    if is_of_other_library(X):
        if namespace(X).isdtype(X.dtype, "complex floating"):
            raise ValueError(f"Complex data not supported\nX: {shown(X)}\n")
        X = plain_array("X", X)
    else:
        X = _as_array(X)
    _check_two_dimensions(len(X.shape))
    if not isinstance(X, np.ndarray):
        if any(math.isnan(length or 0) for length in X.shape):
            raise ValueError("X: found an unknown number of rows; compute its chunk sizes first")
        return Table(X.shape, None, without_record(X), ())
    if X.dtype.kind in "biuf":
        return Table(X.shape, None, X, ())
    return Table(X.shape, None, None, list(X.T))


def is_of_other_library(X: Any) -> bool:
    """Return whether X is an array of another library than NumPy."""
    if isinstance(X, np.ndarray):
        return False
    try:
        return namespace(X) is not namespace(np.empty(0))
    except TypeError:
        return False


def _refuse_what_is_not_read(X: Any) -> None:
    kind = type(X)  # a frame's own attributes are its columns
    for method in ("collect", "compute", "to_pandas"):
        is_frame = hasattr(kind, "columns") and not hasattr(kind, "get_columns")
        if is_frame and hasattr(kind, method):
            raise TypeError(
                f"X: found a {kind.__name__}, whose columns are not at hand, expected a data "
                f"frame in memory: X.{method}()"
            )
    if np.ma.is_masked(X):
        raise ValueError(
            "X: found a masked array of which some elements are hidden, expected a value in each "
            "place; .filled(numpy.nan) makes missing ones of them"
        )


def _columns_of_frame(X: Any, by_value: bool) -> Sequence[Column] | None:
    """Return the columns of a frame as polars has it, or pandas; None where X is no frame."""
    if hasattr(type(X), "get_columns"):
        return list(X.get_columns())
    if hasattr(type(X), "iloc") and X.ndim == 2:
        if by_value and X.shape[0] <= _FEW:
            return list(X.to_numpy(dtype=object).T)
        return [column for _, column in X.items()]
    return None


def _check_two_dimensions(n: int) -> None:
    if n != 2:
        raise ValueError(
            f"Expected 2D array, got {n}D array instead. Reshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it "
            "contains a single sample."
        )


def _as_array(X: Any) -> HostArray:
    try:
        array = np.asarray(X)
        if array.dtype.kind not in "biufc" and not isinstance(X, np.ndarray):
            array = np.asarray(X, dtype=object)  # NumPy makes texts of numbers beside a text
    except ValueError as error:
        raise ValueError(f"X: found rows of several lengths, expected one ({error})") from error
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\nX: {shown(array)}\n")
    if array.dtype.kind not in KINDS:
        raise ValueError(
            f"X: found an array of {array.dtype}, expected numbers, text or objects; a data frame "
            "has columns of several dtypes"
        )
    return array


def read_numbers(table: Table, places: list[int], kinds: list[str], labels: list[str]) -> Any:
    """Return some features as numbers, rows are examples: a matrix of any form, or of float64."""
    if table.matrix is None:
        X = np.empty((table.shape[0], len(places)))
        for i, place in enumerate(places):
            X[:, i] = numbers_of(table.columns[place], kinds[place], labels[place])
        return X
    if places == list(range(table.shape[1])):
        return table.matrix
    if is_of_other_library(table.matrix):
        xp = namespace(table.matrix)
        chosen = asarray_like(np.asarray(places, np.int32), like=table.matrix, dtype=xp.int32)
        return xp.take(table.matrix, chosen, axis=1)
    return table.matrix[:, places]


def by_columns(table: Table) -> Table:
    """Return a table that columns are taken from, where a sparse one is kept by rows."""
    sparse = hasattr(table.matrix, "tocsc")
    return table._replace(matrix=table.matrix.tocsc()) if sparse else table


def read_values(table: Table, place: int) -> list[Any]:
    """Return the values of a feature, as `values_of` does."""
    if table.matrix is None:
        return values_of(table.columns[place])
    if is_of_other_library(table.matrix):
        return list(to_host(table.matrix[:, place]).tolist())
    return list(dense(table.matrix[:, [place]])[:, 0].tolist())


def dense(matrix: Any) -> Array:
    """Return an array with all its zeros where it is sparse, else as it is."""
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix
