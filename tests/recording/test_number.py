"""Tests of numbers that are not known yet."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.recording import Number, RecordingError, Size
from dnn_xp.recording.number import evaluated

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv]
OPERATORS += [operator.floordiv, operator.mod, operator.pow]
N = Number("n", (), int)


@given(
    st.sampled_from(OPERATORS), st.integers(1, 9), st.one_of(st.integers(1, 5), st.floats(0.5, 4.0))
)
def test_an_expression_is_worked_out_as_python_does(apply, n, other):
    for expression, expected in (
        (apply(N, other), apply(n, other)),
        (apply(other, N), apply(other, n)),
        (apply(N, N), apply(n, n)),
        (-apply(N, other), -apply(n, other)),
    ):
        found = expression.evaluate({"n": n})
        assert (found, type(found)) == (expected, type(expected))
        assert expression.kind is type(expected)


SIZES = [Size(), Size(2), Size(1, 3), Size(3, -1)]
KNOWN = [0, 1, 3, -2]


@pytest.mark.parametrize("b", [*SIZES, *KNOWN], ids=str)
@pytest.mark.parametrize("a", SIZES, ids=str)
def test_sizes_are_worked_out_for_every_batch(a, b):
    for m in (1, 2, 7):
        known = {"m": m}
        x, y = evaluated(a, known), evaluated(b, known)
        assert evaluated(a + b, known) == x + y
        assert evaluated(b + a, known) == y + x
        assert evaluated(a - b, known) == x - y
        assert evaluated(a * b, known) == x * y
        assert evaluated(b * a, known) == y * x
        assert evaluated(a / 2, known) == x / 2
        assert evaluated((slice(a, b), (a,)), known) == (slice(x, y), (x,))


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("b", [*SIZES, *KNOWN], ids=str)
@pytest.mark.parametrize("a", SIZES, ids=str)
def test_sizes_are_compared_only_where_every_batch_agrees(a, b, compare):
    answers = {compare(evaluated(a, {"m": m}), evaluated(b, {"m": m})) for m in range(1, 50)}
    if len(answers) == 1:
        assert compare(a, b) is answers.pop()
    else:
        with pytest.raises(RecordingError, match=r"depends on m, expected .* known size"):
            compare(a, b)


@pytest.mark.parametrize("b", [*SIZES, *KNOWN], ids=str)
@pytest.mark.parametrize("a", SIZES, ids=str)
def test_sizes_are_equal_where_they_are_for_every_batch(a, b):
    equal = all(evaluated(a, {"m": m}) == evaluated(b, {"m": m}) for m in range(1, 50))
    assert (a == b) is equal
    assert (a != b) is not equal
    assert not equal or hash(a) == hash(b)


def test_an_open_axis_is_not_empty():
    assert bool(Size())
    assert Size() != 0
    with pytest.raises(RecordingError, match="bool"):
        bool(Size(1, -1))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0 - 0.9**N, "(1.0 - (0.9 ** n))"),
        (Size(), "m"),
        (Size(2, 1), "((2 * m) + 1)"),
        (1.0 / Size(1, -2), "(1.0 / (m - 2))"),
        (-N, "(-n)"),
    ],
)
def test_numbers_read_as_in_python(number, text):
    assert repr(number) == text
    assert eval(text, {"n": 3, "m": 5}) == number.evaluate({"n": 3, "m": 5})


@pytest.mark.parametrize("other", ["a", None, [1], 1j])
def test_what_is_no_number_is_left_to_python(other):
    for apply in (operator.add, operator.lt):
        with pytest.raises(TypeError, match=r"unsupported operand|not supported|concatenate"):
            apply(N, other)
