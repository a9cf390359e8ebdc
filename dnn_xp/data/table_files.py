"""Files of tables: CSV, TSV and Parquet, read as columns for an encoder.

Whichever library splits a file of text, what its values are is decided here: the same numbers,
truth values, times, texts and missing values come out of it.
"""

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check_path
from dnn_xp.backends import HostArray
from dnn_xp.data.frames import Columns
from dnn_xp.data.tables import TableEncoder
from dnn_xp.data.text_values import MISSING, NUMBER, WHOLE, read_text_column
from dnn_xp.files.opening import check_file, describe_size, memory_size, read_whole, seeming
from dnn_xp.reprs import printable

__all__ = [
    "TABLES",
    "TableFile",
    "is_table",
    "read_table_file",
    "select_features",
    "take_target",
    "with_targets",
]

TABLES = (".csv", ".tsv", ".parquet")
"""Suffixes of the files that are read as tables."""

_SHARE = 16
"""A file may have this part of the memory: its values as texts are ten times as large."""

_NAMELESS = re.compile(r"\d+", re.ASCII)
_INDEX = re.compile(r"__index_level_\d+__")
"""Names that pandas gives to the index of a frame in a Parquet file."""


class TableFile(NamedTuple):
    """Table as it was read from a file.

    Attributes
    ----------
    columns : Columns
        A frame that `TableEncoder` and the estimators of tables read: int64, float64, bool or
        datetime64 where all values are such, else objects. Missing are NaN, NaT or None.
    names : tuple of str
        Of the columns, each once.
    reader : str
        What split the file: "pandas", "polars", "pyarrow" or "csv".
    notes : tuple of str
        What was taken for granted, as sentences for a reader.
    missing : mapping of str to frozenset of str
        The words of a file of text that stood for a missing value, by column; `""` is one.
    """

    columns: Columns
    names: tuple[str, ...]
    reader: str
    notes: tuple[str, ...] = ()
    missing: Mapping[str, frozenset[str]] = MappingProxyType({})


def is_table(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is read as a table, by its suffix: .csv, .tsv or .parquet."""
    return Path(path).suffix.lower() in TABLES


def read_table_file(path: str | os.PathLike[str], *, like: TableEncoder | None = None) -> TableFile:
    r"""Read a table from a CSV, TSV or Parquet file.

    Parameters
    ----------
    path : path
        Separators of a ``.csv`` are ``,``, ``;`` or tabs. The first line holds the names, unless
        it reads as values. Text is UTF-8, UTF-16 with its mark, or else Windows-1252.
    like : TableEncoder, optional
        One that was fitted on such a table. Its categories stay text, also where all of those in
        this file read as numbers; names that it knows tell whether the first line holds them.

    Raises
    ------
    FileNotFoundError, OSError
        Where there is no such file, or it may not be read.
    ValueError
        Where it is no file, too large for the memory, no table, or has rows of several lengths,
        names that come twice, or no rows. Where a Parquet file cannot be read with what is
        installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from dnn_xp.data import TableEncoder, take_target
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "pets.csv")
    ...     _ = path.write_text("kilos,kind,age\n4.5,cat,3\n,dog,7\n30,dog,5\n")
    ...     table = read_table_file(path)
    >>> X, y, target = take_target(table)
    >>> X, y.tolist(), target
    (<Columns: 3 rows of kilos, kind>, [3, 7, 5], 'age')
    >>> TableEncoder().fit(X).transform(X).shape
    (3, 3)
    """
    path = check_path("path", path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    check_file(path)
    limit, size = memory_size() // _SHARE, path.stat().st_size
    if size > limit:
        raise ValueError(
            f"{path}: found {describe_size(size)}, expected at most {describe_size(limit)} of a "
            f"table on this machine; larger data are read in pieces from an HDF5 file with the "
            "arrays x and y (numbers, rows are examples)"
        )
    of_text = path.suffix.lower() != ".parquet"
    table = _read_text(path, like) if of_text else _read_parquet(path)
    twice = sorted({name for name in table.names if table.names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{path}: found several columns called {', '.join(map(printable, twice[:5]))}, "
            "expected a name each"
        )
    if not table.columns.shape[0]:
        raise ValueError(f"{path}: found names of columns and no rows, expected at least one")
    return table


def take_target(table: TableFile, target: str | None = None) -> tuple[Columns, HostArray, str]:
    """Return the features of a table, the column that is to be learnt, and its name.

    Parameters
    ----------
    table : TableFile
    target : str, optional
        The name of the column. Default: the last.

    Raises
    ------
    ValueError
        Where there is no such column, or no other beside it.
    """
    name = _name_target(table, target)
    return table.columns.without(name), table.columns[name], name


def _name_target(table: TableFile, target: str | None) -> str:
    name = table.names[-1] if target is None else target
    if name not in table.names:
        raise ValueError(
            f"target: found '{printable(name)}', expected a column of the table: "
            f"{_listed(table.names)}"
        )
    if len(table.names) == 1:
        raise ValueError(f"target: found {printable(name)} alone, expected features beside it")
    return name


def with_targets(table: TableFile, target: str | None = None) -> TableFile:
    """Return a table without the rows that lack what is to be learnt; a note counts them.

    Raises
    ------
    ValueError
        Where there is no such column, or nothing in it; or where a word such as NA is there, which
        may be a class.
    """
    name = _name_target(table, target)
    y = table.columns[name]
    if y.dtype.kind == "O":
        lacks = np.asarray([value is None or value != value for value in y.tolist()])
    else:
        lacks = y != y  # NaN and NaT are not themselves
    if not lacks.any():
        return table
    if words := sorted(table.missing.get(name, frozenset()) - {""}):
        raise ValueError(
            f"target: found {', '.join(words)} in {int(lacks.sum()):,} rows of {printable(name)}, "
            "which stands for a missing value; leave those rows out, or call that class otherwise"
        )
    if lacks.all():
        raise ValueError(f"target: found nothing in {printable(name)}, expected values")
    n = int(lacks.sum())
    note = f"{n:,} row{'s' * (n > 1)} without {printable(name)}: left out"
    return table._replace(columns=table.columns.rows(~lacks), notes=(*table.notes, note))


def select_features(table: TableFile, encoder: TableEncoder) -> Columns:
    """Return the columns of a table that an encoder knows, by name and in its order.

    Raises
    ------
    ValueError
        Where one is not there, or the encoder knows no names.
    """
    names = getattr(encoder, "feature_names_in_", None)
    if names is None:
        if table.columns.shape[1] == encoder.n_features_in_:
            return table.columns
        raise ValueError(
            f"found {table.columns.shape[1]} columns, expected {encoder.n_features_in_}, as in "
            "the data that the model was trained on"
        )
    if lacking := [name for name in names if name not in table.names]:
        raise ValueError(
            f"lacks {_listed(lacking)}, which the model was trained on: found "
            f"{_listed(table.names)}"
        )
    return table.columns.select(names)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:20])) + (", ..." if len(names) > 20 else "")


# ----------------------------------------------------------------------------- text


def _read_text(path: Path, like: TableEncoder | None) -> TableFile:
    text, notes = _decode(read_whole(path), path)
    separator = "\t" if path.suffix.lower() == ".tsv" else _find_separator(text)
    fields, reader = _split(text, separator, path)
    first = [column[0] for column in fields]
    known = None if like is None else getattr(like, "feature_names_in_", None)
    if _holds_names(fields, known):
        names = [name or f"column_{place}" for place, name in enumerate(first, 1)]
        columns = {place: column[1:] for place, column in enumerate(fields)}
        if not first[0] and _counts_rows(columns[0]) and len(columns) > 1:
            notes.append("the first column has no name and numbers the rows: left out")
            del columns[0]
    else:
        names = [f"column_{place}" for place in range(1, len(fields) + 1)]
        columns = dict(enumerate(fields))
        notes.append(f"the first line reads as values: columns are called {names[0]}, ...")
    texts = _text_features(like)
    kept = tuple(names[place] for place in columns)
    read = [
        read_text_column(column, as_text=name in texts, decimal_commas=separator != ",")
        for name, column in zip(kept, columns.values(), strict=True)
    ]
    notes += [
        f"{printable(name)}: {one.note}" for name, one in zip(kept, read, strict=True) if one.note
    ]
    missing = {name: one.missing for name, one in zip(kept, read, strict=True)}
    return TableFile(
        Columns(kept, [one.array for one in read]), kept, reader, tuple(notes), missing
    )


def _text_features(like: TableEncoder | None) -> set[str]:
    """Return the names of the features whose levels are text."""
    names = getattr(like, "feature_names_in_", None)
    if like is None or names is None:
        return set()
    of_text = [one.levels is not None and one.levels.kind == "text" for one in like.features_]
    return {name for name, is_text in zip(names, of_text, strict=True) if is_text}


def _decode(content: bytes, path: Path) -> tuple[str, list[str]]:
    """Return the text of a file, and what is to be said of its encoding."""
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    problem = seeming(content[:512])
    if not is_wide and b"\0" in content:
        problem = problem or "; where it is one in another encoding, save it as UTF-8"
    if problem:
        raise ValueError(f"{path}: not a table of text{problem}")
    notes: list[str] = []
    try:
        text = content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        if is_wide:
            raise ValueError(f"{path}: not a table of text in UTF-16: {error}") from error
        text = content.decode("cp1252", errors="replace")
        notes.append("the text is not UTF-8: read as Windows-1252")
    if not text.strip():
        raise ValueError(f"{path}: found nothing in it, expected names of columns, and rows")
    return text, notes


def _find_separator(text: str) -> str:
    """Return the separator that splits the first rows into most fields, as many in each."""

    def rank(separator: str) -> tuple[bool, int]:
        try:
            rows = list(islice(_csv_rows(text[:65536], separator, strict=False), 20))
        except csv.Error:
            return False, 0
        widths = [*map(len, rows[:-1] or rows)]  # the last one may be cut
        return widths[:1] != [1] and len({*widths}) == 1, max(widths, default=0)

    return max((",", ";", "\t"), key=rank)


def _split(text: str, separator: str, path: Path) -> tuple[list[list[str]], str]:
    """Return the columns of a text, blanks at the ends of values left out, and what split it.

    A library takes what all read the same: without quotes, as many separators in each line.
    """
    reader = next((name for name in _SPLITTERS if find_spec(name)), "csv")
    if reader != "csv" and _is_plain(text, separator):
        columns = _SPLITTERS[reader](text.encode(), separator)
    else:
        columns, reader = _split_by_csv(text, separator, path), "csv"
    return [[*map(str.strip, column)] for column in columns], reader


def _is_plain(text: str, separator: str) -> bool:
    """Return whether separators alone split the lines, each into as many values."""
    if '"' in text or "\r" in text.replace("\r\n", "\n"):
        return False
    data = np.frombuffer(text.encode(), np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if not ends.size or ends[-1] != data.size - 1:
        ends = np.append(ends, data.size)
    found = np.searchsorted(np.flatnonzero(data == ord(separator)), ends)
    widths = np.diff(found, prepend=0)
    return bool(widths[0] > 0 and np.all(widths == widths[0]))


def _split_by_csv(text: str, separator: str, path: Path) -> Sequence[Sequence[str]]:
    rows: list[list[str]] = []
    lines = _csv_rows(text, separator)
    try:
        for row in lines:
            if rows and len(row) != len(rows[0]):
                raise ValueError(
                    f"{path}: row {len(rows)} ({printable(separator.join(row))[:40]!r}): found "
                    f"{len(row)} values, expected {len(rows[0])}, as in the first line"
                )
            rows.append(row)
    except csv.Error as error:
        raise ValueError(f"{path}: row {len(rows)}: cannot be read: {error}") from error
    return list(zip(*rows, strict=True))


def _csv_rows(text: str, separator: str, strict: bool = True) -> Iterator[list[str]]:
    """Yield the rows of a text; lines of blanks are none, but where a row is a single value."""
    lines = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=strict
    )
    width = 0
    for row in lines:
        if row and (width == 1 or len(row) > 1 or row[0].strip()):
            width = len(row)
            yield row


def _split_by_pyarrow(content: bytes, separator: str) -> Sequence[Sequence[str]]:
    from pyarrow import csv as arrow
    from pyarrow import string

    width = content.partition(b"\n")[0].count(separator.encode()) + 1
    table = arrow.read_csv(
        io.BytesIO(content),
        # Threads of its own were still running, now and then, as a process ended: it aborted.
        arrow.ReadOptions(autogenerate_column_names=True, use_threads=False),
        arrow.ParseOptions(delimiter=separator, quote_char=False),
        arrow.ConvertOptions(
            column_types={f"f{place}": string() for place in range(width)},
            strings_can_be_null=False,
        ),
    )
    return [column.to_pylist() for column in table.columns]


def _split_by_polars(content: bytes, separator: str) -> Sequence[Sequence[str]]:
    import polars

    table = polars.read_csv(
        content, has_header=False, separator=separator, quote_char=None, infer_schema=False
    )
    return [column.fill_null("").to_list() for column in table.get_columns()]


def _split_by_pandas(content: bytes, separator: str) -> Sequence[Sequence[str]]:
    import pandas

    table = pandas.read_csv(
        io.BytesIO(content),
        sep=separator,
        header=None,
        dtype=str,
        keep_default_na=False,
        quoting=csv.QUOTE_NONE,
        encoding="utf-8",
    )
    return [column.tolist() for _, column in table.items()]


_SPLITTERS: dict[str, Callable[[bytes, str], Sequence[Sequence[str]]]] = {
    "pyarrow": _split_by_pyarrow,
    "polars": _split_by_polars,
    "pandas": _split_by_pandas,
}
"""The fastest first."""


# ----------------------------------------------------------------------------- names


def _holds_names(fields: Sequence[Sequence[str]], known: Sequence[str] | None) -> bool:
    """Return whether the first line holds names, and not values as the lines below it do."""
    first = [column[0] for column in fields]
    if known is not None:
        if set(known) <= set(first):
            return True
        if all(name.startswith("column_") for name in known):
            return False
    below = [set(column[1:]) - MISSING for column in fields]
    of_numbers = [bool(values) and all(map(NUMBER.fullmatch, values)) for values in below]
    heads = [name for name, is_number in zip(first, of_numbers, strict=True) if is_number]
    if not heads or not all(name in MISSING or NUMBER.fullmatch(name) for name in heads):
        return True
    if not any(NUMBER.fullmatch(name) for name in heads):
        return True
    others = [
        name in values
        for name, values, is_number in zip(first, below, of_numbers, strict=True)
        if not is_number
    ]
    # Names may be years: whole numbers beside texts that do not come again.
    years = all(_NAMELESS.fullmatch(name) for name in heads if name not in MISSING)
    return years and bool(others) and not all(others)


def _counts_rows(values: Sequence[str]) -> bool:
    """Return whether a column without a name is what some programs write before each row."""
    return all(map(WHOLE.fullmatch, values)) and len(set(values)) == len(values)


# ----------------------------------------------------------------------------- Parquet


def _read_parquet(path: Path) -> TableFile:
    with path.open("rb") as file:
        head = file.read(512)
    if not head.startswith(b"PAR1"):
        raise ValueError(f"{path}: not a Parquet file{seeming(head)}")
    reader = next((name for name in _PARQUET if find_spec(name)), None)
    if reader is None:
        raise ValueError(
            f"{path}: a Parquet file is read by pyarrow, polars or pandas, none of which is "
            "installed: pip install pyarrow, or save the table as CSV"
        )
    try:
        found = _PARQUET[reader](path)
    except ImportError as error:  # pandas without an engine
        raise ValueError(f"{path}: {error}: pip install pyarrow") from error
    except Exception as error:  # each library has errors of its own for what is damaged
        raise ValueError(f"{path}: cannot be read by {reader}: {printable(error)}") from error
    kept = [(str(name), array) for name, array in found if not _INDEX.fullmatch(str(name))]
    names = tuple(name for name, _ in kept)
    return TableFile(Columns(names, [array for _, array in kept]), names, reader)


def _parquet_by_pyarrow(path: Path) -> list[tuple[str, HostArray]]:
    import pyarrow
    from pyarrow import parquet

    table = parquet.read_table(path, use_threads=False)
    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pyarrow.types.is_timestamp(kind):
            column = column.cast(pyarrow.timestamp("us", kind.tz), safe=False)
        is_number = pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)
        found.append((name, column.to_numpy() if is_number else _host(column.to_pylist())))
    return found


def _parquet_by_polars(path: Path) -> list[tuple[str, HostArray]]:
    import polars

    found = []
    for column in polars.read_parquet(path).get_columns():
        is_number = column.dtype.is_integer() or column.dtype.is_float()
        found.append((column.name, column.to_numpy() if is_number else _host(column.to_list())))
    return found


def _parquet_by_pandas(path: Path) -> list[tuple[str, HostArray]]:
    import pandas

    found = []
    for name, column in pandas.read_parquet(path).items():
        is_number = column.dtype in map(np.dtype, "bhilqBHILQefd")
        found.append((str(name), column.to_numpy() if is_number else _host(column.tolist())))
    return found


_PARQUET: dict[str, Callable[[Path], list[tuple[str, HostArray]]]] = {
    "pyarrow": _parquet_by_pyarrow,
    "polars": _parquet_by_polars,
    "pandas": _parquet_by_pandas,
}


def _host(values: Sequence[Any]) -> HostArray:
    """Return values as objects, or as truth values where all are such."""
    array = np.empty(len(values), object)
    array[:] = values
    return array.astype(bool) if all(type(one) is bool for one in values) else array
