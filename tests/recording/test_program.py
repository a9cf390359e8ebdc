"""Tests of recordings: what is recorded, what runs, how it reads, and what is refused."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from dnn_xp import Dense, Network, record
from dnn_xp.backends import namespace, to_host
from dnn_xp.recording import ArrayType, RecordingError, open_batch


def softmax(x):
    xp = namespace(x)
    e = xp.exp(x - xp.max(x, axis=0, keepdims=True))
    return e / xp.sum(e, axis=0)


def operations(program):
    return [operation.name for operation in program.operations]


def test_a_program_runs_on_every_library(xp, array, device):
    x = array(np.random.default_rng(0).normal(size=(3, 8)))
    program = record(softmax, open_batch(x))
    found = program.run(xp, x)
    assert namespace(found) is xp
    np.testing.assert_allclose(to_host(found), to_host(softmax(x)), rtol=1e-14)


@pytest.mark.parametrize("m", [1, 2, 7])
def test_an_open_axis_is_of_any_size(xp, array, m):
    x = array(np.random.default_rng(m).normal(size=(3, m)))
    program = record(softmax, ArrayType((3, None)))
    assert program.run(xp, x).shape == (3, m)
    np.testing.assert_allclose(to_host(program.run(xp, x)), to_host(softmax(x)), rtol=1e-14)


def test_what_comes_in_stays_as_it_is(xp, array):
    def descend(theta, gradient):
        gradient *= 0.1
        theta -= gradient
        return theta

    host = np.asarray([1.0, 2.0])
    theta, gradient = array(host), array(host)
    found = record(descend, theta, gradient).run(xp, theta, gradient)
    np.testing.assert_array_equal(to_host(found), host - host * 0.1)
    np.testing.assert_array_equal(to_host(theta), host)
    np.testing.assert_array_equal(to_host(gradient), host)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x + 1.0, [2.0, 3.0]),
        (lambda x: 1.0 - x, [0.0, -1.0]),
        (lambda x: 2.0**x, [2.0, 4.0]),
        (lambda x: x @ x, 5.0),
        (lambda x: -abs(x), [-1.0, -2.0]),
        (lambda x: np.asarray([3.0, 4.0]) * x, [3.0, 8.0]),
        (lambda x: np.float64(2.0) * x, [2.0, 4.0]),
        (lambda x: x[::-1][0], 2.0),
        (lambda x: x[None, :, None][0, 1, 0], 2.0),
    ],
)
def test_operators_are_recorded(function, expected):
    x = np.asarray([1.0, 2.0])
    np.testing.assert_array_equal(record(function, x).run(np, x), expected)


def test_in_place_operators_give_a_name_another_value():
    def two(x):
        y = x
        y += 1.0
        y *= y
        return x, y

    x, y = record(two, np.ones(2)).run(np, np.ones(2))
    assert x.tolist() == [1.0, 1.0]  # as on a library that never writes
    assert y.tolist() == [4.0, 4.0]


# ------------------------------------------------------------------ what is in a program


def test_an_operation_is_done_once():
    def twice(x):
        xp = namespace(x)
        return xp.exp(x) + xp.exp(x) * (2.0 * x), 2.0 * x

    assert operations(record(twice, np.ones(3))) == ["exp", "multiply", "multiply", "add"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x * 1, x * 1.0),  # the same number, of another type
        lambda x: (x * 0.0, x * -0.0),
        lambda x: (x - 2.0, 2.0 - x),
        lambda x: (x[:1], x[1:]),
        lambda x: (namespace(x).sum(x), namespace(x).sum(x, keepdims=True)),
        lambda x: (namespace(x).zeros(2, dtype="float32"), namespace(x).zeros(2, dtype="float64")),
    ],
)
def test_operations_that_differ_are_kept_apart(function):
    program = record(function, np.ones(2))
    assert len(program.operations) == 2
    for a, b in zip(program.run(np, np.ones(2)), function(np.ones(2)), strict=True):
        assert (a.dtype, np.signbit(a).tolist()) == (b.dtype, np.signbit(b).tolist())


def test_what_no_output_needs_is_left_out():
    def wasteful(x, y):
        xp = namespace(x)
        xp.exp(y)
        xp.asarray(np.ones(5)) * 2.0
        return x * 2.0

    program = record(wasteful, np.ones(2), np.ones(2))
    assert operations(program) == ["multiply"]
    assert [x.name for x in program.inputs] == ["x", "y"]
    assert not program.constants


def test_an_equal_constant_is_kept_once():
    def add(x):
        return x + np.ones(2), x * np.ones(2), x - np.ones(2, "float32")

    program = record(add, np.ones(2))
    assert sorted(str(host.dtype) for host in program.constants.values()) == ["float32", "float64"]


def test_a_constant_stays_what_it_was():
    host = np.ones(2)
    program = record(lambda x: x + host, np.ones(2))
    host[:] = 5.0
    assert program.run(np, np.ones(2)).tolist() == [2.0, 2.0]


class Pair(NamedTuple):
    left: object
    right: object


def test_structures_come_in_and_go_out():
    def swap(state, parameters, rate):
        return Pair(state.right * rate, [parameters[0]["W"], None, {"left": state.left}])

    x, y = np.ones(2), np.ones(3)
    program = record(swap, Pair(x, y), [{"W": x}], 0.5)
    assert [v.name for v in program.inputs] == [
        "state.left",
        "state.right",
        "parameters[0].W",
        "rate",
    ]
    found = program.run(np, Pair(x, y), [{"W": 2.0 * x}], 3.0)
    assert type(found) is Pair
    assert found.left.tolist() == [3.0, 3.0, 3.0]
    assert found.right[0].tolist() == [2.0, 2.0]
    assert found.right[1] is None
    assert found.right[2]["left"] is x


def test_numbers_are_worked_out_when_a_program_runs():
    def corrected(x, step, beta):
        return x / (1.0 - beta**step), -(step // 2 + 1) % 3, x.shape[0] * 2

    x = np.ones(4)
    program = record(corrected, ArrayType((None,)), 1, 0.5)
    for step in (1, 2, 5):
        found = program.run(np, x, step, 0.9)
        expected = corrected(x, step, 0.9)
        assert found[0].tolist() == expected[0].tolist()
        assert found[1:] == expected[1:]


def test_a_number_takes_the_dtype_of_arrays():
    program = record(lambda x, rate: x * rate, np.ones(2, "float32"), 0.1)
    assert program.run(np, np.ones(2, "float32"), 0.2).dtype == np.float32


def test_constants_and_new_arrays_are_made_where_the_inputs_are(xp, array, device):
    def function(x):
        own = namespace(x)
        return x + own.ones(3, dtype=x.dtype) + own.arange(3, dtype=x.dtype) + np.ones(3)

    x = array(np.zeros(3))
    found = record(function, x).run(xp, x)
    assert to_host(found).tolist() == [2.0, 3.0, 4.0]


def test_open_batch_opens_the_last_axis(array):
    x = array(np.zeros((3, 4), "float32"))
    assert open_batch(x) == ArrayType((3, None), "float32")
    assert open_batch(x, axis=0) == ArrayType((None, 4), "float32")


# ------------------------------------------------------------------ how it reads


def test_a_program_can_be_read():
    def layer(parameters, X, rate):
        xp = namespace(X)
        Z = xp.maximum(parameters["W"] @ X + parameters["b"], 0.0)
        mean = xp.sum(Z, axis=-1, keepdims=True) * (rate / X.shape[-1])
        return {"A": Z, "mean": xp.reshape(mean, (-1,))[:1], "half": X.T[0, ::2] + np.ones(1)}

    parameters = {"W": np.ones((2, 3), "float32"), "b": np.ones((2, 1), "float32")}
    program = record(layer, parameters, ArrayType((3, None), "float32"), 0.1)
    expected = """\
layer(parameters.W: float32[2, 3], parameters.b: float32[2, 1], X: float32[3, m], rate: float)
  c1 = constant                         float64[1]
  v1 = parameters.W @ X                 float32[2, m]
  v2 = v1 + parameters.b                float32[2, m]
  v3 = maximum(v2, 0.0)                 float32[2, m]
  v4 = sum(v3, axis=1, keepdims=True)   float32[2, 1]
  v5 = v4 * (rate / m)                  float32[2, 1]
  v6 = reshape(v5, (2,))                float32[2]
  v7 = v6[0:1]                          float32[1]
  v8 = X.T                              float32[m, 3]
  v9 = v8[0, 0:3:2]                       float32[2]
  v10 = v9 + c1                         float64[2]
  return {'A': v3, 'mean': v7, 'half': v10}"""
    assert [line.split() for line in repr(program).splitlines()] == [
        line.split() for line in expected.splitlines()
    ]


def test_operations_are_counted():
    network = Network(4, (Dense(3, "relu"), Dense(2)), "squared_error")
    program = record(network.forward, network.initialize(0), ArrayType((4, None)))
    for batch in (1, 10):
        counts = program.counts(batch)
        known = network.summary().multiplications * batch
        assert sum(count.multiplications for count in counts) == known
    (product,) = [x for x in program.counts(10) if str(x.operation) == "v2 @ X"]
    assert product.multiplications == 3 * 4 * 10
    assert product.bytes == 3 * 10 * 8


# ------------------------------------------------------------------ what is refused


def branches(x):
    return x if x > 0 else -x


def loops(x):
    return sum(row for row in x)


def unknown(x):
    return namespace(x).nonzero(x)


def fft(x):
    return namespace(x).fft.fft(x)


def writes(x):
    x[0] = 1.0
    return x


def mixes(x):
    return x + namespace(x).arange(2)


REFUSED = {
    "truth value": (branches, "bool(): found a symbol of bool[2]", "xp.where"),
    "float": (lambda x: float(x[0]), "float(): found a symbol of float64[]", "shape ()"),
    "int": (lambda x: int(x[0]), "int(): found", "shape ()"),
    "range": (lambda x: range(x[0]), "int(): found", "shape ()"),
    "complex": (lambda x: complex(x[0]), "complex(): found", "shape ()"),
    "iteration": (loops, "iteration: found a symbol of float64[2]", "x[i]"),
    "NumPy": (np.asarray, "numpy.asarray(): found", "__array_namespace__"),
    "DLPack": (np.from_dlpack, "from_dlpack(): found", "namespace"),
    "unknown function": (unknown, "xp.nonzero: found", "depends on values"),
    "extension": (fft, "xp.fft: found", "hand in the result"),
    "writing": (writes, "x[...] = value: found", "xp.concat"),
    "kinds": (mixes, "add: found float64 beside int64", "xp.astype"),
    "a float beside integers": (
        lambda x: namespace(x).arange(2) * 0.5,
        "multiply: found int64 beside 0.5",
        "xp.astype",
    ),
    "dtype of a function": (lambda x: namespace(x).exp(x > 0), "exp: found bool", "xp.astype"),
    "dtype of a sum": (lambda x: namespace(x).sum(x > 0), "sum: found bool", "xp.astype"),
    "shapes": (lambda x: x + np.ones(3), "add: found shapes (2,) and (3,)", "or of 1"),
    "a product": (lambda x: x @ np.ones((3, 2)), "matmul: found shapes (2,) and (3, 2)", "rows"),
    "reshape": (lambda x: namespace(x).reshape(x, (3,)), "reshape: found the shape (2,)", "(3,)"),
    "axis": (lambda x: namespace(x).sum(x, axis=1), "sum: found axis 1", "1 axes"),
    "index": (lambda x: x[2], "x[...]: found place 2 of an axis of 2", "within"),
    "mask": (lambda x: x[x > 0], "x[...]: found", "xp.take"),
    "too many parts": (lambda x: x[0, 0], "x[...]: found (0, 0)", "each of (2,)"),
    "text": (lambda x: namespace(x).asarray("a"), "constant: found 'a'", "input"),
    "complex numbers": (lambda x: x * np.ones(2, complex), "constant: found", "input"),
    "transpose": (lambda x: x.T, "T: found shape (2,)", "matrix_transpose"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_recorded_is_named_with_the_way_out(kind):
    function, found, way_out = REFUSED[kind]
    with pytest.raises((RecordingError, AttributeError)) as error:
        record(function, np.ones(2))
    assert found in str(error.value)
    assert way_out in str(error.value)


OPEN_REFUSED = {
    "length": (len, "len(): found a symbol of float64[m]", "x.shape[0]"),
    "range": (lambda x: range(x.shape[0]), "int(): found the number m", "functools.partial"),
    "float": (lambda x: float(x.shape[0]), "float(): found the number m", "functools.partial"),
    "order": (lambda x: x.shape[0] > 3, "depends on m", "known size"),
    "a part": (lambda x: x[:2], "found the slice slice(None, 2, None) of an axis of m", "known"),
    "the end": (lambda x: x[1:], "found the slice slice(1, None, None) of an axis of m", "known"),
    "steps": (lambda x: x[::2], "of an axis of m", "known size"),
    "a place": (lambda x: x[1], "x[...]: found place 1 of an axis of m", "within"),
    "a square": (
        lambda x: namespace(x).reshape(x[:, None] * x, (-1,)),
        "one open axis at most",
        "known size",
    ),
    "beside another size": (lambda x: x + np.ones(3), "add: found shapes (m,) and (3,)", "or of 1"),
    "arange by 2": (
        lambda x: namespace(x).arange(0, x.shape[0], 2),
        "arange: found 0 to m",
        "by 1",
    ),
}


@pytest.mark.parametrize("kind", OPEN_REFUSED)
def test_what_an_open_axis_does_not_allow_is_named(kind):
    function, found, way_out = OPEN_REFUSED[kind]
    with pytest.raises(RecordingError) as error:
        record(function, ArrayType((None,)))
    assert found in str(error.value)
    assert way_out in str(error.value)


@pytest.mark.parametrize(
    "use", [bool, float, int, abs, round, range, lambda n: n < 2, lambda n: n <= 1]
)
def test_a_number_that_comes_in_is_not_known(use):
    with pytest.raises(RecordingError, match=r"the number n, which is not known.*partial"):
        record(lambda n, x: use(n), 3, np.ones(2))


@pytest.mark.parametrize(
    "value",
    ["relu", True, object(), np.sum, Dense(3), b"x", {1, 2}, slice(2)],
    ids=lambda value: type(value).__name__,
)
def test_an_input_that_is_no_array_is_refused(value):
    with pytest.raises(RecordingError, match=r"^y: found .*functools\.partial"):
        record(lambda x, y: x, np.ones(2), value)


@pytest.mark.parametrize("dtype", ["complex128", "U3", "datetime64[s]", "object", "longdouble"])
def test_an_input_of_another_dtype_is_refused(dtype):
    with pytest.raises(RecordingError, match=r"^dtype: found .*expected one of bool, int8"):
        record(lambda x: x, np.zeros(2, dtype))


def test_a_symbol_does_not_outlive_its_recording():
    kept = []
    record(lambda x: kept.append(x) or x, np.ones(2))
    with pytest.raises(RecordingError, match=r"of another one, expected"):
        kept[0] + 1.0
    with pytest.raises(RecordingError, match=r"of another one, expected"):
        record(lambda x: x + kept[0], np.ones(2))


X, PAIR = np.ones((3, 4)), Pair(np.ones(2), 1)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((X, PAIR), ValueError, r"^b: found float64\[3\], expected float64\[m\], m being .* 4"),
        ((X[:2], PAIR, X[0]), ValueError, r"^X: found float64\[2, 4\], expected float64\[3, m\]"),
        ((X[0], PAIR, X[0]), ValueError, r"^X: found float64\[4\], expected float64\[3, m\]"),
        ((X[:, :0], PAIR, X[0, :0]), ValueError, r"^X: found .*1 or more"),
        ((X.astype("f4"), PAIR, X[0]), ValueError, r"^X: found float32\[3, 4\], expected float64"),
        (
            (X.tolist(), PAIR, X[0]),
            TypeError,
            r"found X\[0\]\[0\], .*what was recorded: X",
        ),
        (("X", PAIR, X[0]), ValueError, r"^X: found str\[\], expected float64\[3, m\]"),
        ((X, (X[0], 1), X[0]), TypeError, r"expected what was recorded: X, pair\.left"),
        ((X, Pair(np.ones(2), 1.5), X[0]), TypeError, r"^pair\.right: found 1\.5, .* type int"),
        ((X, Pair(np.ones(2), True), X[0]), TypeError, r"^pair\.right: found True, .* type int"),
        ((X, Pair(np.ones(2), None), X[0]), TypeError, r"expected what was recorded: X, pair"),
        ((X,), TypeError, r"^function: found 1 arguments, expected .*: X, pair, b"),
    ],
)
def test_a_program_refuses_other_inputs(arguments, error, words):
    def function(X, pair, b):
        return X * pair.right + b, pair.left

    program = record(function, open_batch(X), PAIR, open_batch(X[0]))
    if len(arguments) == 2:
        arguments = (*arguments, np.ones(3))
    program.run(np, X, PAIR, X[0])
    with pytest.raises(error, match=words):
        program.run(np, *arguments)


def test_a_network_is_recorded_through_its_own_methods(xp, array):
    network = Network(3, (Dense(4, "tanh"), Dense(2)), "softmax_cross_entropy")
    theta, X = array(network.layout.draw(np.random.default_rng(0))), array(np.ones((3, 6)))
    program = record(network.predict, theta, open_batch(X))
    found = to_host(program.run(xp, theta, X))
    np.testing.assert_allclose(found, to_host(network.predict(theta, X)), rtol=1e-14)
    assert program.name == "predict"


def test_the_errors_of_the_door_are_those_of_arrays():
    network = Network(3, (Dense(2),), "squared_error")
    with pytest.raises(ValueError, match=r"theta: found shape \(2,\), expected \(8,\)"):
        record(network.predict, np.ones(2), ArrayType((3, None)))
    with pytest.raises(ValueError, match=r"X has shape \(4, m\), expected \(3, m\)"):
        record(network.predict, np.ones(8), ArrayType((4, None)))
    with pytest.raises(ValueError, match="dtype int64, expected a floating one"):
        record(network.predict, np.ones(8), ArrayType((3, None), "int64"))


def test_names_of_arguments_are_those_of_the_function():
    def function(theta, /, X, *others):
        return theta + X + others[0] + others[1]

    inputs = [np.ones(2)] * 4
    assert [x.name for x in record(function, *inputs).inputs] == ["theta", "X", "x3", "x4"]
    assert record(partial(function, np.ones(2)), *inputs[1:]).inputs[0].name == "X"
    assert record(lambda m, v1: m * v1, 2, np.ones(2)).run(np, 3, np.ones(2)).tolist() == [3.0, 3.0]
