"""Columns: of which kind they are, and the same numbers and values whatever holds them."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from dnn_xp.data.columns import (
    as_key,
    feature_label,
    is_text_of_numbers,
    kind_of,
    numbers_of,
    values_of,
)

pytestmark = pytest.mark.once

NAN = float("nan")
UTC_2020 = 1577836800.0  # seconds from 1970 to 2020
LOCAL = dt.timezone(dt.timedelta(hours=1))


def column(values, dtype=object):
    held = np.empty(len(values), dtype)
    held[:] = values
    return held


def numbers(held, kind="number"):
    return np.asarray(numbers_of(held, kind, "feature 0"), np.float64).tolist()


COLUMNS = [
    (column([1.5, 2], "float32"), "number"),
    (column([1, 2], "uint8"), "number"),
    (column([True, False], bool), "boolean"),
    (column(["a", "b"], "U1"), "category"),
    (column(["2020-01-01", "NaT"], "M8[D]"), "time"),
    (column([1, 2], "m8[s]"), "duration"),
    (column([1, 2.5, None, Decimal("1"), np.int8(3)]), "number"),
    (column([None, NAN]), "number"),
    (column([True, None, NAN]), "boolean"),
    (column([True, 2.5]), "category"),
    (column([True, np.bool_(False)]), "boolean"),
    (column(["a", None]), "category"),
    (column([1, "a"]), "category"),
    (column([dt.date(2020, 1, 1), None]), "time"),
    (column([dt.datetime(2020, 1, 1), dt.date(2020, 1, 1)]), "time"),
    (column([dt.timedelta(1), None]), "duration"),
    (column([dt.timedelta(1), 3]), "category"),
    (column([(1, 2), "a"]), "category"),
]


@pytest.mark.parametrize(("held", "kind"), COLUMNS)
def test_the_kind_of_a_column(held, kind):
    assert kind_of(held, "feature 0") == kind


NUMBERS = [
    (column([1, None, NAN, 2.5]), "number", [1, NAN, NAN, 2.5]),
    (column([Decimal("0.5"), Fraction(1, 4), None]), "number", [0.5, 0.25, NAN]),
    (column([True, None]), "number", [1, NAN]),
    (column([True, False], bool), "number", [1, 0]),
    (column(["1.5", " 2 ", 3, None]), "number", [1.5, 2, 3, NAN]),
    (column(["2020-01-01", "NaT"], "M8[D]"), "time", [UTC_2020, NAN]),
    (column(["2020-01-01T00:00:00.5"], "M8[ns]"), "time", [UTC_2020 + 0.5]),
    (column([dt.date(2020, 1, 1), None]), "time", [UTC_2020, NAN]),
    (column([dt.datetime(2020, 1, 1, 1, tzinfo=LOCAL)]), "time", [UTC_2020]),
    (column([np.datetime64("2020-01-01")]), "time", [UTC_2020]),
    (column([1500], "m8[ms]"), "duration", [1.5]),
    (column([dt.timedelta(seconds=1.5), None]), "duration", [1.5, NAN]),
    (column([None, NAN]), "time", [NAN, NAN]),
    (column([NAN, NAN], float), "time", [NAN, NAN]),
    (column([np.datetime64("NaT")]), "number", [NAN]),
    (column(["NaT"], "M8[s]"), "number", [NAN]),
    (column(["NaT"], "m8[s]"), "time", [NAN]),
    (column([]), "time", []),
]


@pytest.mark.parametrize(("held", "kind", "expected"), NUMBERS)
def test_a_column_as_numbers(held, kind, expected):
    np.testing.assert_array_equal(numbers(held, kind), expected)


@pytest.mark.parametrize(
    ("held", "kind", "words"),
    [
        (column(["a", "1"]), "number", "could not convert string to float: found 'a' in feature 0"),
        (column(["2020-01-01"], "M8[D]"), "number", "values of the kind time in feature 0, expec"),
        (column(["2020-01-01"], "M8[D]"), "duration", "kind time in feature 0, expected the kind"),
        (column([1.0, 2.0], float), "time", "the kind number in feature 0, expected the kind time"),
        (column([dt.date(2020, 1, 1)]), "number", "found values of the kind time"),
        (column([dt.date(2020, 1, 1), 1]), "number", "expected numbers"),
        (column([1, None]), "duration", "expected the kind duration"),
        (column([10**400]), "number", "infinity in feature 0"),
        (column([1j]), "number", "Complex data not supported"),
        (column([b"1"]), "number", "found bytes"),
    ],
)
def test_values_of_another_kind_are_refused(held, kind, words):
    with pytest.raises(ValueError, match=words):
        numbers(held, kind)


def test_lists_are_no_numbers():
    with pytest.raises(TypeError, match="argument must be a string or a number"):
        numbers(column([[1], [2]]))


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (column([1j], complex), "Complex data not supported"),
        (np.zeros(1, "S1"), r"found \|S1 in feature 0, expected numbers, text, categories"),
    ],
)
def test_columns_of_no_kind_are_refused(held, words):
    with pytest.raises(ValueError, match=words):
        kind_of(held, "feature 0")


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (1, 1),
        (1.0, 1),
        (True, 1),
        (np.bool_(False), 0),
        (np.float32(0.5), 0.5),
        (Decimal("2"), 2),
        (-0.0, 0),
        ("1", "1"),
        (np.str_("a"), "a"),
        ("", ""),
        (None, None),
        (NAN, None),
        (np.float64("nan"), None),
        (Decimal("NaN"), None),
        (np.datetime64("NaT"), None),
        (np.timedelta64("NaT"), None),
        (dt.date(2020, 1, 1), UTC_2020),
        (dt.timedelta(seconds=0.5), 0.5),
        (dt.time(1, 30), "01:30:00"),
        ((1, "a"), "(1, 'a')"),
    ],
)
def test_what_a_value_is_told_from_others_by(value, key):
    found = as_key(value, "feature 0")
    assert found == key
    assert type(found) in (str, int, float, type(None))


def test_times_are_values_as_seconds():
    assert values_of(column(["2020-01-01"], "M8[ns]")) == [UTC_2020]
    assert values_of(column([dt.date(2020, 1, 1)])) == [dt.date(2020, 1, 1)]


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (np.asarray(["1", "2.5", "nan"]), True),
        (np.asarray(["1", "a"]), False),
        (column(["1", "2"]), False),
        (column([1, 2], int), False),
    ],
)
def test_text_of_numbers_is_known(held, found):
    assert is_text_of_numbers(held) == found


def test_a_feature_is_called_by_its_name_where_it_has_one():
    assert feature_label(["age", "x\n"], 1) == r"feature 'x\n'"
    assert feature_label(None, 3) == "feature 3"


# ----------------------------------------------------------------------------- of frames

PANDAS = [
    ([1, None], "Int64", "number", [1, NAN]),
    ([1.5, None], "Float64", "number", [1.5, NAN]),
    ([True, None], "boolean", "boolean", [1, NAN]),
    ([1, 2], "Sparse[int64]", "number", [1, 2]),
    (["a", None], "string", "category", None),
    (["a", None], "str", "category", None),
    ([1, 2], "category", "category", [1, 2]),
    (["2020-01-01", None], "datetime64[ns]", "time", [UTC_2020, NAN]),
    (["2020-01-01", None], "datetime64[ns, UTC]", "time", [UTC_2020, NAN]),
    ([dt.timedelta(seconds=1), None], "timedelta64[s]", "duration", [1, NAN]),
    (["2020-01"], "period[M]", "category", None),
]


@pytest.mark.parametrize(("values", "dtype", "kind", "expected"), PANDAS)
def test_columns_of_pandas(values, dtype, kind, expected):
    pandas = pytest.importorskip("pandas")
    held = pandas.Series(values, dtype=dtype)
    assert kind_of(held, "feature 0") == kind
    if expected is None:
        assert as_key(values_of(held)[0], "feature 0") == values[0]
    else:
        found = numbers(held, kind if kind in ("time", "duration") else "number")
        np.testing.assert_array_equal(found, expected)


ARROW = [
    ([1, None], "int64", "number", [1, NAN]),
    ([1.5, None], "double", "number", [1.5, NAN]),
    ([True, None], "bool", "boolean", [1, NAN]),
    (["a", None], "string", "category", None),
    ([dt.datetime(2020, 1, 1), None], "timestamp[us]", "time", [UTC_2020, NAN]),
    ([dt.date(2020, 1, 1), None], "date32", "time", [UTC_2020, NAN]),
    ([dt.timedelta(seconds=3), None], "duration[ms]", "duration", [3, NAN]),
]


@pytest.mark.parametrize(("values", "name", "kind", "expected"), ARROW)
def test_columns_of_pandas_on_arrow(values, name, kind, expected):
    arrow = pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    dtype = arrow.type_for_alias(name)
    held = pandas.Series(values, dtype=pandas.ArrowDtype(dtype))
    assert kind_of(held, "feature 0") == kind
    if expected is not None:
        found = numbers(held, kind if kind in ("time", "duration") else "number")
        np.testing.assert_array_equal(found, expected)
    assert [as_key(value, "") for value in values_of(held)] == [as_key(one, "") for one in values]


def test_decimals_on_arrow_are_numbers():
    arrow = pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    dtype = pandas.ArrowDtype(arrow.decimal128(5, 2))
    held = pandas.Series([Decimal("1.25"), None], dtype=dtype)
    assert kind_of(held, "feature 0") == "number"
    np.testing.assert_array_equal(numbers(held), [1.25, NAN])


def test_intervals_are_categories_by_their_text():
    pandas = pytest.importorskip("pandas")
    held = pandas.Series(pandas.cut([1, 5], [0, 2, 6]))
    assert [as_key(value, "") for value in values_of(held)] == ["(0, 2]", "(2, 6]"]


POLARS = [
    ([1, None], "UInt8", "number", [1, NAN]),
    ([1.5, None], "Float32", "number", [1.5, NAN]),
    ([Decimal("1.5"), None], "Decimal", "number", [1.5, NAN]),
    ([True, None], "Boolean", "boolean", [1, NAN]),
    ([True, False], "Boolean", "boolean", [1, 0]),
    ([None, None], "Null", "number", [NAN, NAN]),
    (["a", None], "String", "category", None),
    (["a", None], "Categorical", "category", None),
    ([dt.date(2020, 1, 1), None], "Date", "time", [UTC_2020, NAN]),
    ([dt.datetime(2020, 1, 1), None], "Datetime", "time", [UTC_2020, NAN]),
    ([dt.datetime(2020, 1, 1, 1, tzinfo=LOCAL)], None, "time", [UTC_2020]),
    ([dt.timedelta(seconds=3), None], "Duration", "duration", [3, NAN]),
]


@pytest.mark.parametrize(("values", "name", "kind", "expected"), POLARS)
def test_columns_of_polars(values, name, kind, expected):
    polars = pytest.importorskip("polars")
    held = polars.Series(values, dtype=name and getattr(polars, name))
    assert kind_of(held, "feature 0") == kind
    if expected is not None:
        found = numbers(held, kind if kind in ("time", "duration") else "number")
        np.testing.assert_array_equal(found, expected)
    assert [as_key(value, "") for value in values_of(held)] == [as_key(one, "") for one in values]


@pytest.mark.parametrize("values", [[[1]], [{"a": 1}], [b"a"], [dt.time(1)]])
def test_columns_of_polars_that_are_of_no_kind_are_refused(values):
    polars = pytest.importorskip("polars")
    with pytest.raises(ValueError, match=r"found .* in feature 0, expected numbers, text, categ"):
        kind_of(polars.Series(values), "feature 0")
