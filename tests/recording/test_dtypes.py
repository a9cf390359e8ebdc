"""Tests of dtypes: the standard's table, against the library that is nothing else."""

import numpy as np
import pytest

from dnn_xp.recording import Number, RecordingError, dtype_name
from dnn_xp.recording.dtypes import DTYPES, find_dtype, promoted, with_number

STANDARD = [name for name in DTYPES if name != "float16"]


@pytest.mark.once
@pytest.mark.parametrize("b", STANDARD)
@pytest.mark.parametrize("a", STANDARD)
def test_dtypes_together_are_the_standards(a, b):
    strict = pytest.importorskip("array_api_strict")
    try:
        expected = dtype_name(strict.result_type(getattr(strict, a), getattr(strict, b)))
    except TypeError:
        with pytest.raises(RecordingError, match=f"^add: found {a} beside {b}, .*xp.astype"):
            promoted("add", DTYPES[a], DTYPES[b])
    else:
        assert promoted("add", DTYPES[a], DTYPES[b]).name == expected


def test_three_dtypes_together():
    assert promoted("add", *map(np.dtype, ("float16", "float32", "float64"))).name == "float64"


@pytest.mark.once
@pytest.mark.parametrize("number", [True, 1, 1.0], ids=repr)
@pytest.mark.parametrize("dtype", STANDARD)
def test_numbers_beside_arrays_are_the_standards(dtype, number):
    strict = pytest.importorskip("array_api_strict")
    array = strict.zeros(2, dtype=getattr(strict, dtype))
    try:
        fits = (array == number) is not NotImplemented
    except TypeError:
        fits = False
    if fits:
        assert with_number("equal", DTYPES[dtype], number) == DTYPES[dtype]
    else:
        with pytest.raises(RecordingError, match=f"^equal: found {dtype} beside {number!r}"):
            with_number("equal", DTYPES[dtype], number)


@pytest.mark.parametrize(("kind", "fits"), [(int, "int8"), (int, "float32"), (float, "float16")])
def test_numbers_that_come_in_count_as_their_kind(kind, fits):
    assert with_number("add", DTYPES[fits], Number("n", (), kind)).name == fits


@pytest.mark.parametrize(("kind", "dtype"), [(float, "int8"), (int, "bool"), (float, "bool")])
def test_numbers_of_another_kind_are_refused(kind, dtype):
    with pytest.raises(RecordingError, match=f"^add: found {dtype} beside n, expected"):
        with_number("add", DTYPES[dtype], Number("n", (), kind))


@pytest.mark.parametrize("name", STANDARD)
def test_a_dtype_of_any_library_is_found(name, xp):
    if hasattr(xp, name):
        assert find_dtype(getattr(xp, name)).name == name
    assert find_dtype(name).name == name


@pytest.mark.parametrize("name", ["bfloat16", "complex64", "float", "", None, "m8[s]"])
def test_other_dtypes_are_refused(name):
    with pytest.raises(RecordingError, match=r"^dtype: found .*, expected one of bool, int8, "):
        find_dtype(name)
