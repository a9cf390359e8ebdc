"""Tests of the namespace of symbols: dtypes, shapes and values of its functions are NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.backends import namespace
from dnn_xp.recording import ArrayType, RecordingError, Size, record
from dnn_xp.recording.namespace import FUNCTIONS, SymbolNamespace
from dnn_xp.recording.number import evaluated
from dnn_xp.recording.symbol import ELEMENTWISE, Recorder
from tests import array_calls
from tests.recording.test_symbol import assert_as_numpy

REDUCTIONS = {
    "all": ("bool",),
    "any": ("bool",),
    # Not count_nonzero: of a whole array it is a number of Python's in older versions.
    "max": ("int32", "float32"),
    "mean": ("float32", "float64"),
    "min": ("int32", "float64"),
    "prod": ("int32", "uint8", "float32"),
    "std": ("float32", "float64"),
    "sum": ("int8", "int32", "uint32", "float32", "float64"),
    "var": ("float64",),
}


@given(st.sampled_from(sorted(REDUCTIONS)), st.booleans(), st.data())
def test_reductions_are_numpys(name, keepdims, data):
    dtype = data.draw(st.sampled_from(REDUCTIONS[name]))
    shape = data.draw(st.lists(st.sampled_from([1, 2, 3, Size()]), min_size=1, max_size=3))
    axes = st.integers(-len(shape), len(shape) - 1)
    several = st.lists(axes.map(lambda i: i % len(shape)), unique=True, max_size=3).map(tuple)
    axis = data.draw(st.one_of(st.none(), axes, several))

    def reduce(x):
        return namespace(x).astype(
            getattr(namespace(x), name)(x, axis=axis, keepdims=keepdims), x.dtype
        )

    assert_as_numpy(reduce, (dtype, tuple(shape)))
    assert_as_numpy(
        lambda x: namespace(x).asarray(getattr(namespace(x), name)(x, axis=axis)),
        (dtype, tuple(shape)),
    )


MANY = ("float32", (2, 3, Size()))
PAIR = (("float64", (3, Size())), ("float64", (3, Size())))
CALLS = {
    "arange": (lambda xp, x: x + xp.arange(x.shape[2], dtype=xp.float32), MANY),
    "arange of a part": (lambda xp, x: x[0, 0] + xp.arange(0, x.shape[2], dtype=xp.float32), MANY),
    "arange by 2": (lambda xp, x: x[0, 0, 0] + xp.arange(1, 6, 2, dtype="float32"), MANY),
    "arange of floats": (
        lambda xp, x: xp.astype(x[0, 0, 0], "float64") + xp.arange(0.0, 1.0, 0.3),
        MANY,
    ),
    "argmax": (lambda xp, x: xp.argmax(x, axis=1, keepdims=True), MANY),
    "argmin": (lambda xp, x: xp.argmin(x), MANY),
    "argsort": (lambda xp, x: xp.argsort(x, axis=1), MANY),
    "asarray of symbols": (lambda xp, x: xp.stack([x[0, 0, 0], x[1, 1, 0]]), MANY),
    "asarray to another dtype": (lambda xp, x: xp.asarray(x, dtype=xp.float64), MANY),
    "astype": (lambda xp, x: xp.astype(x, xp.int32), MANY),
    "astype to booleans": (lambda xp, x: xp.astype(x, xp.bool), MANY),
    "broadcast_arrays": (lambda xp, x: xp.broadcast_arrays(x, x[0, :, :1])[1], MANY),
    "broadcast_to": (lambda xp, x: xp.broadcast_to(x[:, :, :1], (4, *x.shape)), MANY),
    "clip": (lambda xp, x: xp.clip(x, 1.0, 1.5), MANY),
    "clip below": (lambda xp, x: xp.clip(x, min=1.5), MANY),
    "concat": (lambda xp, x: xp.concat([x, x[:, :1, :]], axis=1), MANY),
    "concat of open axes": (
        lambda xp, x: xp.concat([x, x[..., :1], x], axis=-1),
        MANY,
    ),
    "concat of dtypes": (lambda xp, x: xp.concat([x, xp.astype(x, xp.float64)]), MANY),
    "concat of all": (lambda xp, x: xp.concat([x, x[0]], axis=None), MANY),
    "cumulative_prod": (lambda xp, x: xp.cumulative_prod(x, axis=2), MANY),
    "cumulative_sum": (lambda xp, x: xp.cumulative_sum(x, axis=-1, include_initial=True), MANY),
    "empty_like": (lambda xp, x: 0.0 * xp.zeros_like(xp.empty_like(x)), MANY),
    "expand_dims": (lambda xp, x: xp.expand_dims(x, axis=-1) + 1.0, MANY),
    "flip": (lambda xp, x: xp.flip(x, axis=2), MANY),
    "flip all": (lambda xp, x: xp.flip(x), MANY),
    "full": (lambda xp, x: xp.full((2, x.shape[2]), 3.0) + 0.0, MANY),
    "full of whole numbers": (lambda xp, x: xp.full(x.shape, 3), MANY),
    "full of booleans": (lambda xp, x: xp.full(2, True), MANY),
    "full_like": (lambda xp, x: xp.full_like(x, 3), MANY),
    "matmul": (lambda xp, x: xp.matmul(x, xp.matrix_transpose(x)), MANY),
    "matrix_transpose": (lambda xp, x: xp.matrix_transpose(x), MANY),
    "ones": (lambda xp, x: xp.ones((3, x.shape[-1]), dtype=xp.int8), MANY),
    "ones_like": (lambda xp, x: xp.ones_like(x, dtype=xp.int8), MANY),
    "permute_dims": (lambda xp, x: xp.permute_dims(x, (2, -3, 1)), MANY),
    "reshape": (lambda xp, x: xp.reshape(x, (6, -1)), MANY),
    "searchsorted": (
        lambda xp, x: xp.searchsorted(
            xp.asarray([0.0, 1.5]), xp.astype(x[0, 0], "float64"), side="right"
        ),
        MANY,
    ),
    "sort": (lambda xp, x: xp.sort(x, axis=1), MANY),
    "squeeze": (lambda xp, x: xp.squeeze(x[:, :1, :], axis=1), MANY),
    "stack": (lambda xp, x: xp.stack([x, 2.0 * x], axis=-2), MANY),
    "std": (lambda xp, x: xp.std(x, axis=1, correction=1.0), MANY),
    "sum to another dtype": (lambda xp, x: xp.sum(x, dtype=xp.float64), MANY),
    "take": (lambda xp, x: xp.take(x, xp.asarray([2, 0]), axis=1), MANY),
    "take of a vector": (lambda xp, x: xp.take(x[0, :, 0], xp.asarray([2, 0, 0])), MANY),
    "take by a symbol": (lambda xp, x: xp.take(x, xp.argmax(x[0], axis=0), axis=1), MANY),
    "tensordot": (lambda xp, x: xp.tensordot(x, x, axes=((0, 2), (0, 2))), MANY),
    "unstack": (lambda xp, x: xp.unstack(x, axis=1)[2] * 1.0, MANY),
    "var": (lambda xp, x: xp.var(x, axis=(0, 1)), MANY),
    "where": (lambda xp, x: xp.where(x > 1.0, x, 0.0), MANY),
    "where of numbers first": (lambda xp, x: xp.where(x > 1.0, 0.5, x), MANY),
    "where of several shapes": (lambda xp, x: xp.where(x[0, 0] > 1.0, x, x[:, :, :1]), MANY),
    "zeros": (lambda xp, x: xp.zeros(x.shape), MANY),
    "zeros_like": (lambda xp, x: xp.zeros_like(x), MANY),
}


@pytest.mark.parametrize("call", CALLS)
def test_functions_are_numpys(call):
    function, *types = CALLS[call]
    assert_as_numpy(lambda *xs: function(namespace(*xs), *xs), *types)


@pytest.mark.parametrize("axis", [-1, -2])
def test_dot_products_are_numpys(axis):
    assert_as_numpy(lambda x, y: namespace(x).vecdot(x, y, axis=axis), *PAIR)


def test_what_is_asked_of_dtypes_is_answered():
    def function(x):
        xp = namespace(x)
        assert xp.finfo(x.dtype).eps == np.finfo("float32").eps
        assert xp.iinfo(xp.int32).max == 2**31 - 1
        assert xp.isdtype(x.dtype, "real floating")
        assert xp.result_type(x, xp.float64, 1.0) == xp.float64
        assert xp.can_cast(x, xp.float64)
        assert xp.pi == np.pi
        assert xp.__array_namespace_info__().default_dtypes()["real floating"] == xp.float64
        return x

    record(function, np.ones(2, "float32"))


@pytest.mark.parametrize(
    "name", sorted({array_calls.parse(call)[0] for call in array_calls.listed()})
)
def test_all_functions_that_the_package_calls_are_there(name):
    assert hasattr(SymbolNamespace(Recorder(SymbolNamespace)), name)


def test_what_is_there_are_functions_of_the_standard():
    strict = pytest.importorskip("array_api_strict")
    assert set(FUNCTIONS) <= set(strict.__all__)
    assert set(ELEMENTWISE) <= set(FUNCTIONS)


@pytest.mark.parametrize("name", ["fft", "linalg", "unique_values", "bfloat16", "no_such_function"])
def test_what_is_not_there_is_named(name):
    xp = SymbolNamespace(Recorder(SymbolNamespace))
    assert not hasattr(xp, name)
    with pytest.raises(AttributeError, match=rf"^xp\.{name}: found a function that is not"):
        getattr(xp, name)


REFUSED = {
    "no arrays": (lambda xp, x: xp.add(1.0, 2.0), "add: found 1.0, 2.0, expected an array"),
    "where": (lambda xp, x: xp.where(x, x, x), "where: found a condition of float64"),
    "where of numbers": (lambda xp, x: xp.where(x > 0, 1.0, 2.0), "where: found 1.0 and 2.0"),
    "full": (lambda xp, x: xp.full(2, x), "full: found a Symbol"),
    "full of floats": (
        lambda xp, x: xp.full(2, 0.5, dtype=xp.int32),
        "full: found int32 beside 0.5",
    ),
    "take": (lambda xp, x: xp.take(x, x, axis=0), "take: found a symbol of float64[2, 2]"),
    "concat of nothing": (lambda xp, x: xp.concat([]), "concat: found no arrays"),
    "concat": (lambda xp, x: xp.concat([x, x[:1]], axis=1), "concat: found shapes (2, 2), (1, 2)"),
    "stack": (lambda xp, x: xp.stack([x, x[0]]), "stack: found shapes (2, 2), (2,)"),
    "squeeze": (lambda xp, x: xp.squeeze(x, axis=0), "squeeze: found shape (2, 2)"),
    "mean": (lambda xp, x: xp.mean(xp.astype(x, xp.int32)), "mean: found int32, expected floats"),
    "options": (lambda xp, x: xp.sum(x, initial=1.0), "sum: found the argument initial"),
    "broadcast": (lambda xp, x: xp.broadcast_to(x, (2,)), "broadcast_to: found shape (2, 2)"),
    "axes": (lambda xp, x: xp.permute_dims(x, (0,)), "permute_dims: found axes (0,)"),
    "axes twice": (lambda xp, x: xp.sum(x, axis=(0, -2)), "sum: found axis (0, -2)"),
    "vecdot": (lambda xp, x: xp.vecdot(x, x[0, :1]), "vecdot: found a symbol of float64[2, 2]"),
    "tensordot": (lambda xp, x: xp.tensordot(x, x[:1], axes=1), "tensordot: found"),
    "searchsorted": (lambda xp, x: xp.searchsorted(x, x), "searchsorted: found"),
    "cumulative": (lambda xp, x: xp.cumulative_sum(x), "cumulative_sum: found axis None"),
    "matmul": (lambda xp, x: (x > 0) @ (x > 0), "matmul: found bool"),
    "a number alone": (lambda xp, x: x @ x[0, 0], "matmul: found shapes (2, 2) and ()"),
}


@pytest.mark.parametrize("call", REFUSED)
def test_what_does_not_fit_is_refused(call):
    function, words = REFUSED[call]
    with pytest.raises(RecordingError) as error:
        record(lambda x: function(namespace(x), x), np.ones((2, 2)))
    assert str(error.value).startswith(words)


def test_open_sizes_stay_sizes():
    def function(x):
        xp = namespace(x)
        both = xp.concat([x, x, xp.zeros((2, 1))], axis=1)
        assert both.shape == (2, Size(2, 1))
        assert xp.reshape(x, (-1,)).shape == (Size(2),)
        return both

    program = record(function, ArrayType((2, None)))
    assert program.run(np, np.ones((2, 3))).shape == (2, 7)
    assert evaluated(program.outputs.shape, {"m": 3}) == (2, 7)
    assert program.outputs.type == "float64[2, (2 * m) + 1]"
