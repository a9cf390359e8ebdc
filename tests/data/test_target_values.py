"""What rows of y hold, and what parts of them hold together."""

import numpy as np
import pytest

from dnn_xp.data import target_values as module
from dnn_xp.data.target_values import look_at, merge_values, numbers_of, parsed, plain_values


@pytest.mark.parametrize(
    ("y", "kind", "distinct"),
    [
        ([3, 1, 3], "number", [1, 3]),
        ([[3.0], [1.0]], "number", [1, 3]),
        ([b"b", b"a", b"b"], "text", ["a", "b"]),
        ([[True], [False]], "truth value", [False, True]),
        ([[1, 2], [3, 4]], "number", None),
    ],
)
def test_different_values_of_a_column(y, kind, distinct):
    values = look_at(plain_values(y))
    assert (values.kind, values.n_rows) == (kind, len(y))
    if distinct is None:
        assert values.distinct is None
    else:
        assert values.distinct.tolist() == distinct
        assert values.counts.sum() == len(y)


@pytest.mark.parametrize(
    ("y", "whole", "zero_one", "signs", "one_hot"),
    [
        ([0.0, 1.0], True, True, False, False),
        ([-1, 1], True, False, True, False),
        ([0, 0.5], False, False, False, False),
        ([0, 2], True, False, False, False),
        ([[0, 1], [1, 0]], True, True, False, True),
        ([[-1, 1], [1, -1]], True, False, True, True),
        ([[1, 1], [1, 0]], True, True, False, False),
        ([[1, 0], [0, 0]], True, True, False, False),
        ([[0.5, 0.5], [1, 0]], False, False, False, False),
        ([2.0**60, 0], False, False, False, False),
    ],
)
def test_marks(y, whole, zero_one, signs, one_hot):
    values = look_at(np.asarray(y))
    found = (values.whole, values.zero_one, values.signs, values.one_hot)
    assert found == (whole, zero_one, signs, one_hot)
    rows = [look_at(np.asarray(y)[row : row + 1]) for row in range(len(y))]
    merged = merge_values(*rows)
    assert (merged.whole, merged.zero_one, merged.signs, merged.one_hot) == found
    assert (merged.lowest, merged.highest) == (values.lowest, values.highest)


def test_too_many_different_values_are_not_counted(monkeypatch):
    monkeypatch.setattr(module, "MOST", 5)
    assert look_at(np.arange(5)).distinct.tolist() == [0, 1, 2, 3, 4]
    assert look_at(np.arange(6)).distinct is None
    assert merge_values(look_at(np.arange(4)), look_at(np.arange(3, 7))).distinct is None
    assert len(look_at(plain_values([*"abcdefgh"])).distinct) == 8


def test_text_that_is_numbers():
    values = numbers_of(look_at(plain_values(["2", "1e1", " 2.5", "2"])))
    assert values.distinct.tolist() == [2.0, 2.5, 10.0]
    assert values.n_rows == 4
    for others in (["2", "two"], ["2", ""], ["2", "nan"], ["2", "inf"]):
        assert numbers_of(look_at(plain_values(others))) is None
    assert numbers_of(look_at(np.asarray([2.0]))) is None
    assert (parsed("-3"), parsed("three"), parsed("-inf")) == (-3.0, None, None)


@pytest.mark.parametrize("first", [0, 700])
def test_the_row_of_what_is_not_finite(first):
    with pytest.raises(ValueError, match=f"^y: found nan in row {first + 2}, expected finite"):
        look_at(np.asarray([[0.0, 1.0], [2.0, 3.0], [4.0, np.nan]]), "y", first)
