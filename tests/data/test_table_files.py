"""Tables in CSV, TSV and Parquet files: what their values are, whichever library splits them."""

import contextlib
import os
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from dnn_xp.data import table_files
from dnn_xp.data.table_files import (
    TABLES,
    TableFile,
    is_table,
    read_table_file,
    select_features,
    take_target,
    with_targets,
)
from dnn_xp.data.tables import TableEncoder

pytestmark = pytest.mark.once

READERS = ("pyarrow", "polars", "pandas", "csv")


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Leave one library that reads tables, by taking the others away."""
    leave(request.param, monkeypatch)
    return str(request.param)


def leave(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if reader != "csv":
        pytest.importorskip(reader)
    for name in {"pyarrow", "polars", "pandas"} - {reader}:
        monkeypatch.setitem(sys.modules, name, None)


def read(
    tmp_path: Path, content: str | bytes, name: str = "table.csv", **options: object
) -> TableFile:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table_file(path, **options)  # type: ignore[arg-type]


def listed(table: TableFile) -> dict[str, list[object]]:
    """Return the values of each column; what is missing is None."""
    return {
        name: [None if value is None or value != value else value for value in column.tolist()]
        for name, column in zip(table.names, table.columns.get_columns(), strict=True)
    }


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "b.tsv", "c.parquet", "folder.csv/d.Parquet"])
def test_tables_are_known_by_their_suffixes(name: str) -> None:
    assert is_table(name)
    assert not is_table(name + ".gz")


# --------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", " 2", "+3"], [1, 2, 3]),
        (["0.1234567890123456789", "NA", "?"], [0.1234567890123456789, None, None]),
        (["red", "", " red "], ["red", None, "red"]),
        (["True", "false"], [True, False]),
        (["2024-02-29", ""], [datetime(2024, 2, 29), None]),
        (["Käse", "日本", "'", "\x0c1"], ["Käse", "日本", "'", "1"]),
    ],
)
def test_the_values_of_a_column(
    texts: list[str], expected: list[object], reader: str, tmp_path: Path
) -> None:
    table = read(tmp_path, "x,name\n" + "".join(f"{text},end\n" for text in texts))
    assert table.reader == reader
    assert listed(table)["x"] == expected


MIXED = """\
age,plan,joined,student,paid,city
31,day,2024-01-05,true,1.5,Graz
,full,2024-02-01,false,NA,Wien
57,day,,true,3.25,
40,family,2023-11-30,,2,Linz
"""


@pytest.mark.parametrize("suffix", TABLES[:2])
def test_an_encoder_cannot_tell_the_readers(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = MIXED.replace(",", {".csv": ",", ".tsv": "\t"}[suffix])
    encoded, described = [], []
    for reader in READERS:
        with monkeypatch.context() as patched:
            leave(reader, patched)
            table = read(tmp_path, content, f"table{suffix}")
        assert table.reader == reader
        encoder = TableEncoder().fit(table.columns)
        encoded.append(encoder.transform(table.columns))
        described.append(encoder.describe())
    assert [part.split()[1] for part in described[0].splitlines()[1:-1]] == [
        "number", "category", "time", "boolean", "number", "category",
    ]  # fmt: skip
    assert all((one == encoded[0]).all() for one in encoded)
    assert len({*described}) == 1


def test_a_table_is_what_pandas_reads(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = read(tmp_path, MIXED)
    frame = pandas.read_csv(tmp_path / "table.csv", parse_dates=["joined"])
    encoder = TableEncoder().fit(frame)
    assert (TableEncoder().fit(table.columns).transform(frame) == encoder.transform(frame)).all()
    assert (encoder.transform(table.columns) == encoder.transform(frame)).all()


def test_commas_are_decimal_signs_where_they_separate_nothing(reader: str, tmp_path: Path) -> None:
    table = read(tmp_path, "a;b;c\n1,5;2;x,y\n-0,25;;z\n")
    assert listed(table) == {"a": [1.5, -0.25], "b": [2.0, None], "c": ["x,y", "z"]}
    assert table.notes == ("a: a comma is taken for the decimal sign",)


def test_what_is_no_number_among_numbers_is_said(reader: str, tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n1,x\n2,y\nmany\x1b[2J,z\n")
    assert table.notes == (
        "a: most values are numbers, but not 'many\\x1b[2J': taken for categories",
    )


@pytest.mark.parametrize(
    ("training", "new", "expected"),
    [
        (["1", "2", "a"], ["1", "2"], ["1", "2"]),
        (["1", "2", "a"], ["2.0", ""], ["2.0", None]),
        (["true", "false", "maybe"], ["true", "true"], ["true", "true"]),
        (["2024-01-01", "never"], ["2024-01-01", "2024-01-02"], ["2024-01-01", "2024-01-02"]),
        (["?", "a", "b"], ["?", "?"], ["?", "?"]),
        (["1", "2", "3"], ["1", "2"], [1, 2]),
        (["true", "false"], ["true", "true"], [True, True]),
    ],
)
def test_categories_stay_what_they_were_in_training(
    training: list[str], new: list[str], expected: list[object], tmp_path: Path
) -> None:
    table = read(tmp_path, "\n".join(["x,y", *(f"{text},0" for text in training)]))
    encoder = TableEncoder().fit(table.columns)
    content = "\n".join(["x,y", *(f"{text},0" for text in new)])
    assert listed(read(tmp_path, content, like=encoder))["x"] == expected


# --------------------------------------------------------------------------- splitting

FORMS: dict[str, tuple[str | bytes, dict[str, list[object]]]] = {
    "semicolons": ("a;b\n1;x\n2;y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "tabs": ("a\tb\n1\tx\n2\ty\n", {"a": [1, 2], "b": ["x", "y"]}),
    "commas within semicolons": ("a;b\nx,y;1\nz;2\n", {"a": ["x,y", "z"], "b": [1, 2]}),
    "quotes": ('a,b\n"x,1","y\nz"\n"q""q",2\n', {"a": ["x,1", 'q"q'], "b": ["y\nz", "2"]}),
    "blanks before quotes": ('a, b\n1, "x, y"\n2, z\n', {"a": [1, 2], "b": ["x, y", "z"]}),
    "ends of Windows": ("a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
    "ends of old": ("a,b\r1,x\r2,y\r", {"a": [1, 2], "b": ["x", "y"]}),
    "no end": ("a,b\n1,x\n2,y", {"a": [1, 2], "b": ["x", "y"]}),
    "empty lines": ("\na,b\n\n1,x\n   \n2,y\n\n", {"a": [1, 2], "b": ["x", "y"]}),
    "a row of nothing": ("a,b\n1,x\n,\n", {"a": [1.0, None], "b": ["x", None]}),
    "a row of nothing, by tabs": ("a\tb\n1\tx\n\t\n", {"a": [1.0, None], "b": ["x", None]}),
    "one column": ("a\n1\n2\n", {"a": [1, 2]}),
    "one column with a gap": ('a\n1\n""\n3\n', {"a": [1.0, None, 3.0]}),
    "a mark of UTF-8": (b"\xef\xbb\xbfa,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "UTF-16": ("a,b\n1,ä\n2,y\n".encode("utf-16"), {"a": [1, 2], "b": ["ä", "y"]}),
    "Windows-1252": ("a,b\n1,ä\n2,€\n".encode("cp1252"), {"a": [1, 2], "b": ["ä", "€"]}),
    "blanks about names": (" a , b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "an index of pandas": (",a,b\n0,5,x\n1,6,y\n", {"a": [5, 6], "b": ["x", "y"]}),
    "an index of some rows": (",a,b\n17,5,x\n3,6,y\n", {"a": [5, 6], "b": ["x", "y"]}),
    "names of R": ('"","a","b"\n"1",5,"x"\n"2",6,"y"\n', {"a": [5, 6], "b": ["x", "y"]}),
    "no name": ("a,,b\n1,2.5,x\n1,2.5,y\n", {"a": [1, 1], "column_2": [2.5, 2.5], "b": ["x", "y"]}),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_forms_of_text(case: str, reader: str, tmp_path: Path) -> None:
    content, expected = FORMS[case]
    assert listed(read(tmp_path, content)) == expected


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,2.9,virginica\n", 3),
        ("1,2\n3,4\n5,6\n", 2),
        ("-1,red\n2,red\n3,blue\n", 2),
        ("1,5,no\n2,,no\n3,7,yes\n", 3),
        ("0.5\n1.5\n", 1),
    ],
)
def test_a_first_line_of_values_names_nothing(
    content: str, names: int, reader: str, tmp_path: Path
) -> None:
    table = read(tmp_path, content)
    assert table.names == tuple(f"column_{i + 1}" for i in range(names))
    assert table.columns.shape[0] == content.count("\n")
    assert "the first line reads as values" in table.notes[0]


@pytest.mark.parametrize(
    "content",
    [
        "country,2019,2020\nAT,1.5,2.5\nDE,3.5,4.5\n",
        "a,b\nx,y\ny,x\n",
        "a,1\n1,2\n3,4\n",
        "name,age\nJo,31\n",
        "a\n1\n",
    ],
)
def test_a_first_line_of_names(content: str, tmp_path: Path) -> None:
    assert read(tmp_path, content).names == tuple(content.split()[0].split(","))


def test_names_that_an_encoder_knows_tell_whether_they_are_there(tmp_path: Path) -> None:
    named = TableEncoder().fit(read(tmp_path, "1,2\nx,y\n").columns)
    assert read(tmp_path, "1,2\n3,4\n", like=named).columns.shape == (1, 2)
    numbered = TableEncoder().fit(read(tmp_path, "1.5,x\n2,x\n").columns)
    assert read(tmp_path, "2,new\n", like=numbered).columns.shape == (1, 2)


# --------------------------------------------------------------------------- refusals

REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": (b"", "it is empty"),
    "blank": ("\n  \n", "found nothing in it"),
    "a mark alone": (b"\xef\xbb\xbf", "found nothing in it"),
    "names alone": ("a,b\n", "no rows"),
    "a row too short": ("a,b,c\n1,2,3\n4,5\n", r"row 2 \('4,5'\): found 2 values, expected 3"),
    "a row too long": ("a,b\n1,2\n4,5,6\n", r"row 2 \('4,5,6'\): found 3 values, expected 2"),
    "rows longer than names": ("a,b\n1,2,3\n4,5,6\n", "row 1 .*found 3 values, expected 2"),
    "a quote without end": ('a,b\n"1,2\n3,4\n', "cannot be read: unexpected end of data"),
    "text after a quote": ('a,b\n"x"y,2\n', "cannot be read"),
    "names twice": ("a,b,a\n1,2,3\n", "several columns called a"),
    "zeros": (b"\0" * 64, "it holds zeros"),
    "bytes": (b"a,b\n1,\0\n", "save it as UTF-8"),
    "UTF-16 without its mark": ("a,b\n1,2\n".encode("utf-16-le"), "save it as UTF-8"),
    "half of UTF-16": (b"\xff\xfea\0,\0b\0\n", "not a table of text in UTF-16"),
    "an archive": (b"PK\x03\x04 and more", "a ZIP archive"),
    "a web page": (b"<!DOCTYPE html><html>", "a web page"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "HDF5": (b"\x89HDF\r\n\x1a\n....", "an HDF5 file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused(case: str, reader: str, tmp_path: Path) -> None:
    content, said = REFUSED[case]
    with pytest.raises(ValueError, match=said) as raised:
        read(tmp_path, content)
    assert str(raised.value).startswith(str(tmp_path / "table.csv"))


def test_a_table_larger_than_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnn_xp.data.table_files.memory_size", lambda: 16 * 100)
    assert read(tmp_path, "a\n" + "1\n" * 49).columns.shape == (49, 1)
    for suffix in TABLES:
        with pytest.raises(ValueError, match=r"found 102 bytes, expected at most 100 .* HDF5"):
            read(tmp_path, "a\n" + "1\n" * 50, f"large{suffix}")


@pytest.mark.parametrize("suffix", TABLES)
def test_what_is_no_file_is_refused(suffix: str, tmp_path: Path) -> None:
    pipe = tmp_path / f"pipe{suffix}"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="found a pipe"):
        read_table_file(pipe)
    device = tmp_path / f"device{suffix}"
    device.symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="found a device"):
        read_table_file(device)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_table_file(tmp_path / f"none{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(IsADirectoryError, match="found a folder"):
        read_table_file(tmp_path / f"folder{suffix}")


# --------------------------------------------------------------------------- Parquet

VIENNA = timezone(timedelta(hours=1))
PARQUET: dict[str, list[object]] = {
    "whole": [1, 2, 3],
    "gaps": [1, None, 3],
    "numbers": [1.5, None, float("nan")],
    "truth": [True, False, True],
    "truths": [True, None, False],
    "texts": ["red", None, "blue"],
    "days": [date(2024, 1, 1), None, date(1969, 1, 1)],
    "times": [datetime(2024, 1, 1, 12), None, datetime(2024, 1, 1)],
    "zones": [datetime(2024, 1, 1, 12, tzinfo=VIENNA), None, datetime(2024, 1, 1, tzinfo=UTC)],
    "spans": [timedelta(hours=1), None, timedelta(0)],
    "money": [Decimal("1.10"), None, Decimal("2.25")],
    "empty": [None, None, None],
}


@pytest.mark.parametrize("left", READERS[:3])
def test_parquet(left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    polars = pytest.importorskip("polars")
    parquet.write_table(pyarrow.table(PARQUET), tmp_path / "table.parquet")
    frame = polars.DataFrame(PARQUET)
    table = read_by(left, tmp_path / "table.parquet", monkeypatch)
    assert (table.reader, table.names) == (left, tuple(PARQUET))
    encoder = TableEncoder().fit(frame)
    own = TableEncoder().fit(table.columns)
    assert own.describe() == encoder.describe()
    assert (own.transform(table.columns) == encoder.transform(frame)).all()


def read_by(reader: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> TableFile:
    """Read Parquet by one library: pandas needs another for it, which is not asked."""
    pytest.importorskip(reader)
    with monkeypatch.context() as patched:
        patched.setattr(table_files, "_PARQUET", {reader: table_files._PARQUET[reader]})
        return read_table_file(path)


@pytest.mark.parametrize("left", READERS[:3])
def test_parquet_of_pandas(left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(
        {
            "a": pandas.array([1, None, 3], "Int64"),
            "b": pandas.Categorical(["x", None, "y"]),
            "c": pandas.array([True, None, False], "boolean"),
            "d": np.array(["2024-01-01T00:00:00.123456789", "NaT", "1969-12-31"], "M8[ns]"),
            "e": [1, 2, 3],
        },
        index=["p", "q", "r"],
    )
    frame.to_parquet(tmp_path / "table.parquet")
    table = read_by(left, tmp_path / "table.parquet", monkeypatch)
    assert table.names == ("a", "b", "c", "d", "e")
    encoder = TableEncoder().fit(frame)
    assert (encoder.transform(table.columns) == encoder.transform(frame)).all()
    assert TableEncoder().fit(table.columns).describe() == encoder.describe()


@pytest.mark.parametrize("left", READERS[:3])
@pytest.mark.parametrize("kept", [5, 60, 0.5, 0.9])
def test_truncated_parquet(
    kept: float, left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "table.parquet"
    parquet.write_table(pyarrow.table({"a": [*range(500)], "b": ["x", "y"] * 250}), path)
    content = path.read_bytes()
    n = int(kept * len(content)) if kept < 1 else int(kept)
    path.write_bytes(content[:n] + b"\xff" * 8 + content[n + 8 :])
    with contextlib.suppress(ValueError):  # some bytes are not looked at
        assert read_by(left, path, monkeypatch).columns.shape == (500, 2)
    path.write_bytes(content[:n])
    with pytest.raises(ValueError, match=f"cannot be read by {left}"):
        read_by(left, path, monkeypatch)


def test_parquet_without_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave("csv", monkeypatch)
    with pytest.raises(ValueError, match="none of which is installed: pip install pyarrow"):
        read(tmp_path, b"PAR1 and more", "table.parquet")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1" + b"\0" * 50 + b"PAR1", "cannot be read by"),
        (b"PAR1", "cannot be read by"),
        (b"a,b\n1,2\n", "not a Parquet file"),
        (b"\x93NUMPY", "it seems to be an NPY file"),
        (b"", "it is empty"),
    ],
)
def test_damaged_parquet(content: bytes, said: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=said):
        read(tmp_path, content, "table.parquet")


# --------------------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("target", "name", "others"), [(None, "c", "ab"), ("a", "a", "bc"), ("b", "b", "ac")]
)
def test_the_target_is_the_last_column_or_the_one_asked_for(
    target: str | None, name: str, others: str, tmp_path: Path
) -> None:
    table = read(tmp_path, "a,b,c\n1,2,x\n3,4,y\n")
    features, y, found = take_target(table, target)
    assert (found, features.columns, features.shape) == (name, tuple(others), (2, 2))
    assert y.tolist() == listed(table)[name]


def test_targets_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="target: found 'Label', expected a column of the table: a, label"
    ):
        take_target(read(tmp_path, "a,label\n1,2\n"), "Label")
    with pytest.raises(ValueError, match="found a alone"):
        take_target(read(tmp_path, "a\n1\n"))


@pytest.mark.parametrize(
    "values", [["1", "", "3"], ["x", "", "y"], ["2024-01-01", "", "2024-01-02"]]
)
def test_rows_without_a_target_are_left_out_and_counted(values: list[str], tmp_path: Path) -> None:
    content = "a,b\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))
    table = with_targets(read(tmp_path, content))
    assert table.columns["a"].tolist() == [0, 2]
    assert table.notes == ("1 row without b: left out",)


@pytest.mark.parametrize("word", ["NA", "None", "nan", "null", "N/A"])
def test_words_that_may_be_a_class_are_not_left_out(word: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"target: found {word} in 1 rows of b"):
        with_targets(read(tmp_path, f"a,b\n1,x\n2,{word}\n3,\n".replace("3,\n", "")))


def test_features_are_found_by_their_names(tmp_path: Path) -> None:
    encoder = TableEncoder().fit(read(tmp_path, "a,b\n1,x\n2,y\n").columns)
    other = read(tmp_path, "c,b,a\n7,y,3\n", like=encoder)
    assert select_features(other, encoder).columns == ("a", "b")
    with pytest.raises(ValueError, match="lacks b, which the model was trained on: found c, a"):
        select_features(read(tmp_path, "c,a\n7,3\n", like=encoder), encoder)


def test_rows_of_columns(tmp_path: Path) -> None:
    columns = read(tmp_path, "a,b\n1,x\n2,y\n3,z\n").columns
    some = columns.rows(np.asarray([2, 0]))
    assert (some["a"].tolist(), some["b"].tolist(), len(some)) == ([3, 1], ["z", "x"], 2)
    assert repr(columns) == "<Columns: 3 rows of a, b>"
