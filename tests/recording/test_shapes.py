"""Tests of shapes: against NumPy's, with an open axis for which any size may stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.recording import RecordingError, Size
from dnn_xp.recording.number import evaluated
from dnn_xp.recording.shapes import (
    as_shape,
    axes_of,
    axis_of,
    broadcast,
    matmul_shape,
    reduced,
    reshaped,
    shown_shape,
    size_of,
)

M = 5  # what the open axis stands for here; no known axis is as long
AXES = st.sampled_from([1, 2, 3, Size()])
SHAPES = st.lists(AXES, max_size=4).map(tuple)


def known(shape):
    return evaluated(shape, {"m": M})


@given(SHAPES, SHAPES, SHAPES)
def test_shapes_together_are_numpys(a, b, c):
    try:
        expected = np.broadcast_shapes(*map(known, (a, b, c)))
    except ValueError:
        with pytest.raises(RecordingError, match=r"^add: found shapes .*expected axes of one size"):
            broadcast("add", a, b, c)
    else:
        assert known(broadcast("add", a, b, c)) == expected


@given(SHAPES, SHAPES)
def test_shapes_of_products_are_numpys(a, b):
    try:
        expected = np.matmul(np.zeros(known(a)), np.zeros(known(b))).shape
    except ValueError:
        with pytest.raises(RecordingError, match="found shapes"):
            matmul_shape(a, b)
    else:
        assert known(matmul_shape(a, b)) == expected


@given(st.lists(AXES, max_size=4), st.data())
def test_reduced_shapes_are_numpys(shape, data):
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True)) if shape else []
    for keepdims in (False, True):
        x = np.zeros(known(tuple(shape)))
        expected = np.sum(x, axis=tuple(axes), keepdims=keepdims).shape
        assert known(reduced(tuple(shape), axes, keepdims)) == expected


@pytest.mark.parametrize(
    ("shape", "wanted", "expected"),
    [
        ((6,), (2, 3), (2, 3)),
        ((6,), (-1, 3), (2, 3)),
        ((2, Size()), (-1,), (Size(2),)),
        ((Size(2),), (2, -1), (2, Size())),
        ((Size(2, 4),), (2, -1), (2, Size(1, 2))),
        ((2, 3, Size()), (6, Size()), (6, Size())),
        ((2, 3, Size()), (-1, Size()), (6, Size())),
        ((Size(), Size()), (Size(), 1, Size()), (Size(), 1, Size())),
        ((0, 3), (0,), (0,)),
        ((), (1, -1), (1, 1)),
    ],
    ids=str,
)
def test_reshaped(shape, wanted, expected):
    found = reshaped(shape, wanted)
    assert found == expected
    assert np.zeros(known(shape)).reshape(known(wanted)).shape == known(found)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((6,), (4,)),
        ((6,), (-1, 4)),
        ((6,), (-1, -1)),
        ((2, Size()), (3, -1)),
        ((2, Size()), (2,)),
        ((6,), (Size(),)),
        ((6,), (Size(), -1)),
        ((Size(1, 1),), (2, -1)),
        ((0,), (0, -1)),
    ],
    ids=str,
)
def test_other_numbers_of_elements_are_refused(shape, wanted):
    with pytest.raises(RecordingError, match=r"^reshape: found the shape .*, expected one that"):
        reshaped(shape, wanted)


def test_elements_are_counted():
    assert size_of("size", (2, 3)) == 6
    assert size_of("size", ()) == 1
    assert size_of("size", (2, Size(), 3)) == Size(6)
    assert size_of("size", (Size(), 0, Size())) == 0
    with pytest.raises(RecordingError, match="one open axis at most"):
        size_of("size", (Size(), Size()))


def test_axes_count_from_either_end():
    assert axis_of("sum", -1, 3) == 2
    assert axes_of("sum", None, 2) == (0, 1)
    assert axes_of("sum", (-1, 0), 2) == (1, 0)
    assert axes_of("sum", np.int64(1), 2) == (1,)


@pytest.mark.parametrize("axis", [2, -3, "a", 1.0, (0, 2), (0, -2), None])
def test_other_axes_are_refused(axis):
    function = axis_of if axis is None else axes_of
    with pytest.raises(RecordingError, match=r"^sum: found axis"):
        function("sum", axis, 2)


def test_what_is_a_shape():
    assert as_shape("zeros", 3) == (3,)
    assert as_shape("zeros", [2, np.int32(3), Size()]) == (2, 3, Size())
    assert shown_shape((2, Size(), Size(1, 2))) == "[2, m, m + 2]"
    for other in ("ab", 1.0, (1, None), ((1,),)):
        with pytest.raises(RecordingError, match=r"^zeros: found the shape"):
            as_shape("zeros", other)
