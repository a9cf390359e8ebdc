"""What is handed to a network: seen to at the door. What each message says is in test_network."""

import numpy as np
import pytest

from dnn_xp import Dense, Dropout, Network, backends, lbfgs, train
from dnn_xp.data.sources import Source
from dnn_xp.network.checks import check_data, check_theta, float_reference
from dnn_xp.network.layout import Layout
from tests.helpers import assert_close

LAYOUT = Layout(3, (Dense(4), Dense(2)))


def test_targets_and_weights_are_brought_beside_X(array, dtype):
    X = array(np.ones((3, 5)), dtype)
    _, Y, weights = check_data(LAYOUT, X, np.zeros((2, 5), "int32").tolist(), [1, 2, 3, 4, 5])
    assert_close(Y, array(np.zeros((2, 5)), dtype))
    assert_close(weights, array([1.0, 2.0, 3.0, 4.0, 5.0], dtype))


def test_targets_stand_beside_what_a_source_reads(array):
    like = array(np.empty((3, 0)))
    source = Source((3, 5), lambda which: None, like)
    _, Y, _ = check_data(LAYOUT, source, np.zeros((2, 5)))
    assert_close(Y, array(np.zeros((2, 5))))
    assert float_reference(LAYOUT, source) is like


def test_theta_of_several_networks_is_one_where_they_are_allowed(array):
    theta = array(np.zeros((2, LAYOUT.size)))
    check_theta(LAYOUT, theta, several=True)
    with pytest.raises(ValueError, match=r"theta: found shape \(2, 26\), expected \(26,\)"):
        check_theta(LAYOUT, theta)
    with pytest.raises(ValueError, match=r"theta: found shape \(1, 2, 26\)"):
        check_theta(LAYOUT, theta[None, ...], several=True)


# ----------------------------------------------------------------------------- kinds of arrays

NETWORK = Network(3, (Dense(2),), "squared_error")
M = 5
X = np.linspace(-1.0, 1.0, 3 * M).reshape(3, M)
Y = X[:2] * 0.5


def doors(X, Y, weights=None, theta=None):
    """Return what takes data, with these."""
    start = NETWORK.initialize(0) if theta is None else theta
    return {
        "train": lambda: train(NETWORK, X, Y, start, weights=weights, epochs=1),
        "lbfgs": lambda: lbfgs(NETWORK, X, Y, start, weights=weights, max_iter=1),
        "validation": lambda: train(
            NETWORK, np.zeros((3, M)), np.zeros((2, M)), epochs=1, validation=(X, Y, weights)
        ),
        "evaluate_cost": lambda: NETWORK.evaluate_cost(start, X, Y, weights),
        "cost_and_gradient": lambda: NETWORK.cost_and_gradient(start, X, Y, weights),
    }


NO_X = {
    "list": (X.tolist(), "found a list, expected an array"),
    "None": (None, "found None, expected an array"),
    "text": ("data.csv", "found a str, expected an array"),
    "number": (3.0, "found a float, expected an array"),
    "matrix": (np.matrix, "found a numpy.matrix, expected an array"),
    "mask": (np.ma.masked_less(X, 0.0), "found an array with a mask"),
    "objects": (X.astype(object), "found dtype object, expected real numbers"),
    "texts": (X.astype(str), "found dtype <U.*, expected real numbers"),
    "complex": (X + 1j, "found dtype complex128, expected real numbers"),
    "times": (X.astype("datetime64[s]"), "found dtype datetime64"),
    "whole numbers": (X.astype(int), "found dtype int64, expected a floating one"),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # numpy.matrix has one
@pytest.mark.parametrize(("found", "message"), NO_X.values(), ids=NO_X)
@pytest.mark.parametrize("door", list(doors(X, Y)))
def test_what_is_no_array_of_floats_is_named(door, found, message):
    found = np.asmatrix(X) if found is np.matrix else found
    with (
        backends.use_backend("numpy"),
        pytest.raises((ValueError, TypeError), match=f"^(validation: )?X: {message}"),
    ):
        doors(found, Y)[door]()


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.ma.masked_less(Y, 0.0), "Y: found an array with a mask"),
        (np.matrix, "Y: found a numpy.matrix"),
        (Y.astype(object), "Y: found dtype object"),
        ([["a"] * M] * 2, "Y: found a list of <U1, expected real numbers"),
        ([[None] * M] * 2, "Y: found a list, expected real numbers"),
        ([[1.0, 2.0], [1.0]], "Y: found a list that is no array"),
        (Y * 1j, "Y: found dtype complex128"),
        ({0: 1.0}, "Y: found a dict, expected real numbers"),
    ],
    ids=["mask", "matrix", "objects", "texts", "None", "ragged", "complex", "dict"],
)
@pytest.mark.parametrize("door", list(doors(X, Y)))
def test_targets_that_are_no_numbers_are_named(door, found, message):
    found = np.asmatrix(Y) if found is np.matrix else found
    with (
        backends.use_backend("numpy"),
        pytest.raises(ValueError, match=f"^(validation: )?{message}"),
    ):
        doors(X, found)[door]()


def test_a_data_frame_is_named_as_examples_and_read_as_targets():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X)
    with backends.use_backend("numpy"):
        with pytest.raises(TypeError, match=r"^X: found a pandas.*DataFrame, expected an array"):
            doors(frame, Y)["train"]()
        expected, found = (doors(X, y)["train"]().theta for y in (Y, pandas.DataFrame(Y)))
    assert_close(found, expected, rtol=0)


def test_lists_and_numbers_of_any_kind_do_as_targets_weights_and_theta(array):
    expected = doors(array(X), array(Y), array(np.ones(M)), array(np.zeros(8)))
    found = doors(array(X), Y.tolist(), [1] * M, [0] * 8)
    for door in ("train", "lbfgs"):
        assert_close(found[door]().theta, expected[door]().theta, rtol=0)


@pytest.mark.parametrize("door", ["train", "lbfgs"])
def test_the_other_byte_order_gives_native_arrays(door):
    swapped = [x.astype(x.dtype.newbyteorder()) for x in (X, Y, np.zeros(8))]
    found = doors(swapped[0], swapped[1], theta=swapped[2])[door]().theta
    assert found.dtype.isnative
    assert_close(found, doors(X, Y, theta=np.zeros(8))[door]().theta, rtol=0)


@pytest.mark.parametrize("door", ["train", "lbfgs", "validation"])
def test_tensors_that_require_gradients_give_plain_ones(door):
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(x, requires_grad=True) for x in (X, Y, np.ones(M), np.zeros(8))]
    with backends.use_backend("torch"):
        run = doors(*tensors)[door]
        if door == "validation":
            plain = torch.zeros((3, M), dtype=torch.float64)
            validation = (*tensors[:2], tensors[2])
            theta = train(NETWORK, plain, plain[:2], epochs=1, validation=validation).theta
        else:
            theta = run().theta
    assert not theta.requires_grad
    assert all(tensor.requires_grad for tensor in tensors)


def test_a_record_for_autograd_passes_through_predictions():
    torch = pytest.importorskip("torch")
    examples = torch.tensor(X, requires_grad=True)
    theta = torch.tensor(np.arange(8.0), dtype=torch.float64)
    NETWORK.predict(theta, examples)[0].sum().backward()
    np.testing.assert_allclose(examples.grad, np.tile([[0.0], [1.0], [2.0]], M))


def test_sparse_tensors_are_named():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"^X: found a sparse tensor, expected a dense one"):
        train(NETWORK, torch.tensor(X).to_sparse(), torch.tensor(Y), epochs=1)


def test_masked_weights_are_named():
    with pytest.raises(ValueError, match=r"^weights: found an array with a mask"):
        doors(X, Y, np.ma.masked_equal(np.ones(M), 1.0))["evaluate_cost"]()


def test_a_network_that_learns_nothing_is_named():
    network = Network(3, (Dropout(0.5),), "squared_error")
    for run in (train, lbfgs):
        with pytest.raises(ValueError, match=r"^network: found no parameters in \(Dropout"):
            run(network, X, X)
