"""Arrays of the article's functions: what it computes is computed, what does not fit is named."""

import numpy as np
import pytest

from dnn_xp import Dense, Network, backends, train
from dnn_xp.article import arrays, models, steps
from dnn_xp.article.arrays import check_labels
from tests.helpers import assert_close, assert_values

RNG = np.random.default_rng(0)
A, W, B = RNG.normal(size=(3, 4)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 1))
PARAMETERS = {"W1": W, "b1": B, "W2": RNG.normal(size=(1, 5)), "b2": np.zeros((1, 1))}
CACHE = (A, W, B)
Z = W @ A + B
GRADS = {f"d{name}": value for name, value in PARAMETERS.items()}
LABELS = np.array([[1.0, 0.0, 0.0, 1.0]])
AL = np.array([[0.9, 0.2, 0.4, 0.6]])


def changed(parameters, **others):
    found = {**parameters, **others}
    return {name: value for name, value in found.items() if value is not None}


WRONG = {
    "b is a vector": (lambda: steps.linear_forward(A, W, B[:, 0]), r"b: .*\(5,\).*\(5, 1\)"),
    "b is a row": (lambda: steps.linear_forward(A, W, B.T), r"b: .*\(1, 5\), expected \(5, 1\)"),
    "b is a number": (lambda: steps.linear_forward(A, W, 0.5), r"b: found shape \(\), .*\(5, 1\)"),
    "W is transposed": (lambda: steps.linear_forward(A, W.T, B), r"W: .*\(3, 5\), .*\(n, 3\)"),
    "A is a column of no axis": (lambda: steps.linear_forward(A[:, 0], W, B), r"A: .*\(3,\)"),
    "A holds text": (lambda: steps.linear_forward([["a"]], W, B), "A: found a list of <U1"),
    "W has a mask": (lambda: steps.linear_forward(A, np.ma.masked_equal(W, 0), B), "W: .*a mask"),
    "A is a matrix": (lambda: steps.linear_forward(np.asmatrix(A), W, B), "A: .*numpy.matrix"),
    "A_prev, not A": (
        lambda: steps.linear_activation_forward(A.T, W, B, "relu"), r"W: .*expected \(n, 4\)"),
    "A_prev is None": (
        lambda: steps.linear_activation_forward(None, W, B, "relu"), "A_prev: found None"),
    "X has other features": (
        lambda: steps.L_model_forward(A[:2], PARAMETERS), r"X: .*\(2, 4\), expected \(3, m\)"),
    "parameters without b2": (
        lambda: steps.L_model_forward(A, changed(PARAMETERS, b2=None)), "parameters: found W1, b1"),
    "no parameters": (lambda: steps.L_model_forward(A, {}), "parameters: found nothing, expected"),
    "parameters are arrays": (lambda: steps.L_model_forward(A, [W, B]), "parameters: found .*dict"),
    "W2 does not follow W1": (
        lambda: steps.L_model_forward(A, changed(PARAMETERS, W2=np.ones((1, 4)))), r"W2: .*\(n, 5"),
    "b1 is a vector": (
        lambda: steps.L_model_forward(A, changed(PARAMETERS, b1=B[:, 0])), r"b1: .*\(5, 1\)"),
    "too few labels": (lambda: steps.compute_cost(AL, [1, 0]), r"Y: found shape \(2,\), .*\(1, 4"),
    "labels 1 and 2": (lambda: steps.compute_cost(AL, LABELS + 1), "Y: found numbers from 1 to 2"),
    "labels of NaN": (lambda: steps.compute_cost(AL, LABELS * np.nan), "Y: found NaN"),
    "labels as text": (lambda: steps.compute_cost(AL, ["a", "b", "a", "b"]), "Y: found a list of"),
    "AL is a vector": (lambda: steps.compute_cost(AL[0], LABELS), r"AL: found shape \(4,\)"),
    "AL of no examples": (lambda: steps.compute_cost(AL[:, :0], []), "AL: found no examples"),
    "dZ of another shape": (lambda: steps.linear_backward(A, CACHE), r"dZ: found shape \(3, 4\)"),
    "a cache of two": (lambda: steps.linear_backward(Z, CACHE[:2]), r"cache: .*\(A_prev, W, b\)"),
    "dA of another shape": (
        lambda: steps.linear_activation_backward(A, (CACHE, Z), "relu"), r"dA: found shape \(3, 4"),
    "a cache that is Z": (lambda: steps.linear_activation_backward(Z, Z, "relu"), "cache: found"),
    "dA beside Z": (lambda: steps.back_relu(A, Z), r"dA: found shape \(3, 4\), expected \(5, 4\)"),
    "dA beside another Z": (lambda: steps.back_sigmoid(A, Z), r"dA: found shape \(3, 4\)"),
    "no caches": (lambda: steps.L_model_backward(AL, LABELS, []), "caches: found none"),
    "no gradient": (
        lambda: steps.update_parameters(PARAMETERS, changed(GRADS, dW2=None), 0.1), "grads: found"),
    "a gradient of another shape": (
        lambda: steps.update_parameters(PARAMETERS, changed(GRADS, db1=B.T), 0.1), "db1: found sh"),
    "a rate in words": (
        lambda: steps.update_parameters(PARAMETERS, GRADS, "0.1"), "learning_rate: found '0.1'"),
    "a rate of NaN": (
        lambda: steps.update_parameters(PARAMETERS, GRADS, np.nan), "learning_rate: found nan"),
    "one size": (lambda: steps.initialize_parameters_deep([4]), "layer_dims: found"),
    "a fraction of a unit": (lambda: steps.initialize_parameters_deep([4, 2.5]), "layer_dims: fou"),
    "a text of sizes": (lambda: steps.initialize_parameters_deep("43"), "layer_dims: found '43'"),
    "no inputs": (lambda: steps.initialize_parameters(0, 2, 1), "n_x: found 0"),
    "a seed in words": (lambda: steps.initialize_parameters(3, 2, 1, seed="1"), "seed: found '1'"),
    "a scale that is true": (
        lambda: steps.initialize_parameters(3, 2, 1, scale=True), "scale: found True"),
    "whole numbers for weights": (
        lambda: steps.initialize_parameters(3, 2, 1, dtype="int64"), "dtype: found 'int64'"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # numpy.matrix has one
@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_named(call, message):
    with (
        backends.use_backend("numpy"),
        pytest.raises((ValueError, TypeError), match=f"^{message}"),
    ):
        call()


def test_shapes_are_seen_to_on_every_library(array):
    with pytest.raises(ValueError, match=r"^b: found shape \(5,\), expected \(5, 1\); a column is"):
        steps.linear_forward(array(A), array(W), array(B[:, 0]))
    with pytest.raises(ValueError, match=r"^X: found shape \(3,\), expected \(3, m\)"):
        steps.L_model_forward(array(A[:, 0]), {k: array(v) for k, v in PARAMETERS.items()})


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8", "bool"])
def test_whole_numbers_are_computed_as_the_article_computes_them(array, xp, kind):
    whole = np.array([[200, 2], [100, 0], [1, 3]]).astype(kind)
    weights = np.array([[3, 2, 0]]).astype(kind)
    expected = weights.astype(int) @ whole.astype(int)  # np.dot of bytes overflows: we do not
    Z, _ = steps.linear_forward(array(whole), array(weights), array([[0]], "int64"))
    assert_values(Z, expected)
    Z, _ = steps.linear_forward(array(whole), array(weights), array([[0.5]]))
    assert_values(Z, expected + 0.5)
    A, _ = steps.relu(array([[-2, 3]]))
    assert_values(A, [[0.0, 3.0]])
    assert_values(steps.sigmoid(array([[0, 0]]))[0], [[0.5, 0.5]])
    assert_values(steps.back_sigmoid(array([[1, 4]]), array([[0, 0]])), [[0.25, 1.0]])
    assert float(steps.compute_cost(array([[1, 0]]), array([[True, False]]))) == 0.0


def test_lists_and_frames_are_taken_where_arrays_are(array, xp):
    pandas = pytest.importorskip("pandas")
    expected, _ = steps.linear_forward(array(A), array(W), array(B))
    for read in (np.ndarray.tolist, pandas.DataFrame):
        Z, _ = steps.linear_forward(read(A), array(W), read(B))
        assert_close(Z, expected)
        alone, _ = steps.linear_forward(*map(read, (A, W, B)))
        assert_close(alone, expected)  # on the current backend
        AL, _ = steps.L_model_forward(read(A), {k: read(v) for k, v in PARAMETERS.items()})
        cost = steps.compute_cost(AL, read(LABELS))
        assert_close(cost, steps.compute_cost(AL, array(LABELS)))


def test_arrays_of_the_host_follow_those_of_a_library(array, xp, library, dtype):
    Z, (A_there, _, _) = steps.linear_forward(A, array(W, dtype), B)
    # Beside NumPy's own float32, float64 is the wider one.
    assert_close(Z, array(W @ A + B, "float64" if library.backend == "numpy" else dtype), rtol=1e-5)
    assert backends.namespace(A_there) is xp


def test_dtypes_that_differ_become_the_wider_one(array, xp):
    Z, _ = steps.linear_forward(array(A, "float32"), array(W), array(B))
    assert Z.dtype == xp.float64


def test_labels_may_lie_in_a_column_or_be_one_number(array):
    AL_there = array(AL)
    for labels in (LABELS, LABELS[0], LABELS.T, LABELS.astype(int), LABELS.astype(bool).tolist()):
        assert_close(arrays.check_labels("Y", labels, AL_there), array(LABELS))
    assert_close(arrays.check_labels("Y", 1, AL_there[:, :1]), array([[1.0]]))


def test_a_record_for_autograd_passes_through_the_steps():
    torch = pytest.importorskip("torch")
    weights = torch.tensor(W, requires_grad=True)
    Z, _ = steps.linear_forward(torch.tensor(A), weights, torch.tensor(B))
    Z.sum().backward()
    assert_values(weights.grad, np.tile(A.sum(axis=1), (5, 1)))


def test_a_rate_that_is_an_array_of_one_number_is_left_as_it_is(array):
    moved = steps.update_parameters({"W1": array(W)}, {"dW1": array(W)}, array(0.5))
    assert_close(moved["W1"], array(0.5 * W))


STRANGE = {
    "meta": (lambda torch, x: torch.empty(x.shape, device="meta"), "on the device meta, which"),
    "bfloat16": (lambda types, x: x.astype(types.bfloat16), "NumPy's array of bfloat16, expected"),
    "float8": (lambda types, x: x.astype(types.float8_e5m2), "array of float8_e5m2, expected"),
    "int4": (lambda types, x: x.astype(types.int4), "NumPy's array of int4, expected"),
    "fields": (lambda _, x: x.astype([("a", "f4")]), "expected one of a dtype of NumPy's own"),
}
DOORS = {
    "linear_forward": ("A", lambda x: steps.linear_forward(x, np.ones((2, 3)), np.zeros((2, 1)))),
    "W": ("W", lambda x: steps.linear_forward(np.ones((3, 1)), x, np.zeros((2, 1)))),
    "compute_cost": ("AL", lambda x: steps.compute_cost(x, np.ones((2, 3)))),
    "sigmoid": ("Z", steps.sigmoid),
    "two_layer_model": (
        "X",
        lambda x: models.two_layer_model(x, np.ones((1, 3)), (2, 2, 1), num_iterations=1),
    ),
    "train": (
        "X",
        lambda x: train(Network(2, (Dense(1),), "squared_error"), x, np.ones((1, 3)), epochs=1),
    ),
}


@pytest.mark.once
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", STRANGE)
def test_arrays_that_hold_no_numbers_of_their_library_are_named(kind, door):
    make, said = STRANGE[kind]
    module = {"meta": "torch", "fields": "numpy"}.get(kind, "ml_dtypes")
    x = make(pytest.importorskip(module), np.ones((2, 3)))
    name, call = DOORS[door]
    with pytest.raises(ValueError, match=f"^{name}: found .*{said}"):
        call(x)


@pytest.mark.once
@pytest.mark.parametrize("dtype", ["Float64", "Float32", "Int64", "UInt8", "boolean", "float64"])
def test_numbers_of_pandas_are_taken_whatever_their_dtype(dtype):
    pandas = pytest.importorskip("pandas")
    values = np.asarray([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    frame = pandas.DataFrame(values).astype(dtype)
    W, b = np.ones((1, 2)), np.zeros((1, 1))
    Z, _ = steps.linear_forward(frame, W, b)
    np.testing.assert_array_equal(Z, W @ values)
    np.testing.assert_array_equal(steps.relu(frame)[0], values)
    column = pandas.Series(values[0]).astype(dtype)
    assert check_labels("Y", column, np.full((1, 3), 0.5)).tolist() == values[:1].tolist()


@pytest.mark.once
@pytest.mark.parametrize("dtype", ["string", "object", "datetime64[ns]", "complex128"])
def test_columns_of_pandas_that_are_no_numbers_are_named(dtype):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.ones((2, 3))).astype(dtype)
    with pytest.raises(ValueError, match=r"^Z: found a pandas.*, expected real numbers"):
        steps.sigmoid(frame)


@pytest.mark.once
def test_a_missing_number_of_pandas_is_nan():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[0.5, None]]).astype("Float64")
    assert np.isnan(np.asarray(steps.sigmoid(frame)[0])[0, 1])
    with pytest.raises(ValueError, match=r"^X: found NaN"):
        models.two_layer_model(frame, [[1, 0]], (1, 2, 1), num_iterations=1)
