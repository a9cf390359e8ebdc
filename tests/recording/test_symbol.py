"""Tests of symbols: dtypes and shapes as NumPy's, and what a recorder holds."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.backends import device, has_values, is_narrow, namespace, set_at, to_host, widened
from dnn_xp.recording import ArrayType, RecordingError, Size, is_symbol, record
from dnn_xp.recording.namespace import SymbolNamespace
from dnn_xp.recording.number import evaluated
from dnn_xp.recording.symbol import ELEMENTWISE, Recorder

M = 5  # what the open axis stands for here; no known axis is as long
SHAPES = st.lists(st.sampled_from([1, 2, 3, Size()]), max_size=3).map(tuple)
ONE_OPERAND = {name for name in ELEMENTWISE if getattr(getattr(np, name, None), "nin", 2) == 1} | {
    "sign",
    "round",
    "abs",
}


def recorder():
    return Recorder(SymbolNamespace)


def host(dtype, shape, seed):
    """Return numbers that most functions take: a few small ones above 0."""
    return np.asarray(
        1 + np.random.default_rng(seed).integers(0, 2, evaluated(shape, {"m": M}))
    ).astype(dtype)


def assert_as_numpy(function, *types):
    """Compare a recorded function with the same on NumPy: dtype, shape, values; said and run."""
    arrays = [host(dtype, shape, seed) for seed, (dtype, shape) in enumerate(types)]
    with np.errstate(all="ignore"):
        expected = function(*arrays)
        kept = []
        inputs = [
            ArrayType(tuple(None if isinstance(n, Size) else n for n in shape), dtype)
            for dtype, shape in types
        ]
        program = record(lambda *xs: kept.append(function(*xs)) or kept[0], *inputs)
        found = program.run(np, *arrays)
    assert kept[0].dtype == expected.dtype == found.dtype
    assert evaluated(kept[0].shape, {"m": M}) == expected.shape == found.shape
    np.testing.assert_array_equal(found, expected)


@given(st.sampled_from(sorted(ELEMENTWISE)), SHAPES, SHAPES, st.data())
def test_elementwise_functions_are_numpys(name, first, second, data):
    kinds, _ = ELEMENTWISE[name]
    dtypes = [
        x
        for x in ("bool", "int32", "int64", "uint8", "float32", "float64")
        if np.dtype(x).kind in kinds
    ]
    dtype = data.draw(st.sampled_from(dtypes))
    others = [x for x in dtypes if np.dtype(x).kind == np.dtype(dtype).kind]
    types = [(dtype, first), (data.draw(st.sampled_from(others)), second)]
    try:
        np.broadcast_shapes(*(evaluated(shape, {"m": M}) for _, shape in types))
    except ValueError:
        types = [types[0], (types[1][0], first)]
    types = types[:1] if name in ONE_OPERAND else types
    assert_as_numpy(lambda *xs: getattr(namespace(xs[0]), name)(*xs), *types)


OPERATORS = [
    *(operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod, operator.pow),
    *(operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne),
]


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64"])
@pytest.mark.parametrize("apply", OPERATORS)
def test_operators_with_numbers_on_either_side(apply, dtype):
    number = 3 if dtype == "int32" else 1.5
    assert_as_numpy(lambda x: apply(x, number), (dtype, (2, Size())))
    assert_as_numpy(lambda x: apply(number, x), (dtype, (2, Size())))


@pytest.mark.parametrize(
    "apply", [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]
)
def test_operators_on_bits(apply):
    assert_as_numpy(lambda x: apply(x, 1), ("int32", (3,)))
    assert_as_numpy(lambda x: apply(1, x), ("int32", (3,)))
    assert_as_numpy(lambda x: ~(x + 1), ("int32", (3,)))


@pytest.mark.parametrize("apply", [operator.iadd, operator.isub, operator.imul, operator.itruediv])
def test_operators_in_place_return_another_symbol(apply):
    def function(x):
        y = x
        y = apply(y, x + 1.0)
        return (x if is_symbol(x) else host("float64", (3,), 0)) + y

    x = host("float64", (3,), 0)
    found = record(function, x).run(np, x)
    np.testing.assert_array_equal(found, x + apply(x.copy(), x + 1.0))


INDICES = [
    0,
    -1,
    (0, -1),
    slice(1, None),
    (slice(None), slice(0, 2)),
    (..., 0),
    (0, ...),
    (..., slice(None, None, -1)),
    (slice(None, None, 2), None),
    (None, ..., None),
    (slice(-2, -1), slice(5, 1)),
    (slice(3, 0, -2), slice(-9, 9)),
    (),
    ...,
    np.int64(1),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_parts_are_numpys(index):
    assert_as_numpy(lambda x: x[index] * 1.0, ("float64", (4, 3)))


@pytest.mark.parametrize(
    "index", [0, (0, slice(None)), (..., slice(0, None)), (slice(None), -1), (..., slice(None, 1))]
)
def test_parts_beside_an_open_axis(index):
    assert_as_numpy(lambda x: x[index] * 1.0, ("float64", (4, Size())))


def test_attributes_are_the_standards():
    x = recorder().input("x", np.dtype("float32"), (2, 3, Size()))
    assert (x.ndim, x.shape, x.size, x.dtype) == (3, (2, 3, Size()), Size(6), np.float32)
    assert x.device is None
    assert x.to_device("cpu") is x
    assert x.mT.shape == (2, Size(), 3)
    assert len(x) == 2
    assert repr(x) == "a symbol of float32[2, 3, m]"


def test_the_backends_know_a_symbol():
    x = recorder().input("x", np.dtype("float16"), (2,))
    assert is_symbol(x)
    assert not is_symbol(np.ones(2))
    assert namespace(x, x) is x.__array_namespace__(api_version="2024.12")
    assert device(x) is None
    assert not has_values(x)
    assert is_narrow(x)
    assert widened(x).dtype == np.float32
    with pytest.raises(RecordingError, match=r"^numpy\.asarray\(\): found a symbol"):
        to_host(x)


@pytest.mark.parametrize("where", [slice(0, 2), slice(1, 3), slice(3, 5), slice(0, 5)])
@pytest.mark.parametrize("shape", [(5,), (2, 5)])
def test_values_are_set_in_a_copy(where, shape):
    x, values = np.zeros(shape), np.ones((*shape[:-1], where.stop - where.start))
    program = record(lambda x, values: set_at(x, where, values), x, values)
    np.testing.assert_array_equal(program.run(np, x, values), set_at(x.copy(), where, values))
    assert not x.any()


def test_transposed_twice_is_itself():
    x = recorder().input("x", np.dtype("float32"), (2, 3))
    assert x.T.T.place == x.place


@pytest.mark.parametrize("other", [None, "a", [1.0], object()])
def test_what_is_no_array_is_left_to_python(other):
    x = recorder().input("x", np.dtype("float32"), (2,))
    with pytest.raises(TypeError):
        x + other
    with pytest.raises(TypeError):
        other @ x


@pytest.mark.parametrize("apply", [operator.add, operator.mul, operator.sub, operator.matmul])
def test_arrays_of_known_values_become_constants(apply):
    assert_as_numpy(lambda x: apply(np.arange(3.0), x), ("float64", (3,)))
    assert_as_numpy(lambda x: apply(x, np.arange(3.0)), ("float64", (3,)))
