"""PyTorch's tensors in the blocks of Dask are read in their memory: as NumPy's arrays, on the host.

Where Dask and PyTorch are together, which is where processes are started.
"""

from functools import partial

import numpy as np
import pytest

from dnn_xp import Dense, Dropout, Network, accuracy, lbfgs, train
from dnn_xp.backends import asarray_like, block_like, from_blocks, plain_array, to_host
from tests.helpers import assert_close, assert_values

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
torch = pytest.importorskip("torch")

pytestmark = [
    pytest.mark.distributed,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:__array_wrap__"),  # of a tensor that NumPy has transposed
]

M = 120
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(M, 5))
LABELS = (ROWS[:, 0] > 0).astype(int) + (ROWS[:, 1] > 0)
X, Y, WEIGHTS = ROWS.T, np.eye(3)[LABELS].T, RNG.uniform(0.5, 2.0, M)
NET = Network(5, (Dense(6, "tanh"), Dropout(0.2), Dense(3)), "softmax_cross_entropy")


def blockwise(host, length=50):
    """Return an array of tensors that finds out by itself what a block is."""
    chunks = (*host.shape[:-1], length)
    return da.from_array(np.ascontiguousarray(host), chunks=chunks).map_blocks(torch.from_numpy)


def in_rows(host, length=50):
    """Return one whose blocks are of whole rows."""
    chunks = (length, *host.shape[1:])
    return da.from_array(np.ascontiguousarray(host), chunks=chunks).map_blocks(torch.from_numpy)


def turned(host, length=50):
    """Return the transpose of one, as Dask and NumPy make it on the host."""
    return in_rows(host.T, length).T


def told(host, length=50):
    """Return one of which it is said what a block is, in both directions in several."""
    like = torch.empty(0, dtype=torch.float64)
    return da.from_array(host, chunks=length // 10).map_blocks(torch.asarray, meta=like)


def delayed(host, length=50):
    """Return one of a single block."""
    like = torch.empty(0, dtype=torch.float64)
    block = dask.delayed(torch.from_numpy)(np.ascontiguousarray(host))
    return da.from_delayed(block, host.shape, meta=like)


def cast(dtype):
    """Return one of tensors of a dtype."""
    return da.from_array(X, chunks=50).map_blocks(partial(torch.asarray, dtype=dtype))


def of_futures(host, length=50):
    """Return one whose blocks are there already, and record what is done with them."""

    def made(block):
        return torch.tensor(block, requires_grad=True)

    return da.from_array(host, chunks=length).map_blocks(made).persist()


KINDS = [blockwise, turned, told, delayed, of_futures]


@pytest.fixture(autouse=True)
def threads():
    with dask.config.set(scheduler="threads"):
        yield


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_run_is_that_of_numpy(make, batch_size):
    options = {"epochs": 3, "batch_size": batch_size, "metrics": {"right": accuracy}}
    expected = train(NET, X, Y, weights=WEIGHTS, validation=(-X, Y), **options)
    x, y, w = make(X), make(Y), make(WEIGHTS)
    found = train(NET, x, y, weights=w, validation=(make(-X), y), **options)
    assert isinstance(found.theta, np.ndarray)
    assert_close(found.theta, expected.theta, rtol=1e-12, atol=1e-14)
    for name, figures in expected.history.items():
        assert found.history[name] == pytest.approx(figures, rel=1e-12)


@pytest.mark.parametrize("make", KINDS)
def test_lbfgs_is_that_of_numpy(make):
    network = Network(5, (Dense(6, "tanh"), Dense(3)), NET.cost)
    blocks = lambda host: da.from_array(host, chunks=make(host).chunks)  # noqa: E731
    expected = lbfgs(network, blocks(X), blocks(Y), max_iter=5, weights=WEIGHTS)
    found = lbfgs(network, make(X), make(Y), max_iter=5, weights=make(WEIGHTS))
    assert found.history["cost"] == pytest.approx(expected.history["cost"], rel=1e-12)


@pytest.mark.parametrize("make", KINDS)
def test_a_network_measures_and_predicts(make):
    theta = NET.initialize(0, like=make(X))
    assert_values(theta, NET.initialize(0, like=X))
    x, y = make(X), make(Y)
    predicted = NET.predict(from_blocks(theta), x)
    assert_values(predicted, NET.predict(to_host(theta), X), rtol=1e-12)
    wanted = float(NET.evaluate_cost(to_host(theta), X, Y, WEIGHTS))
    assert float(NET.evaluate_cost(from_blocks(theta), x, y, make(WEIGHTS))) == pytest.approx(
        wanted, rel=1e-12
    )
    assert float(accuracy(predicted, y)) == float(accuracy(to_host(predicted), Y))
    of_torch = torch.asarray(to_host(theta))
    assert_values(NET.predict(from_blocks(asarray_like(of_torch, like=x)), x), predicted)


@pytest.mark.parametrize("make", [blockwise, told])
@pytest.mark.parametrize(
    "options", [{}, {"solver": "lbfgs"}, {"early_stopping": True, "dropout": 0.2}], ids=str
)
def test_estimators_are_those_of_numpy(make, options):
    estimators = pytest.importorskip("dnn_xp.estimators")
    settings = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0} | options
    chunked = da.from_array(ROWS, chunks=make(ROWS).chunks)
    expected = estimators.MLPClassifier(**settings).fit(chunked, LABELS, WEIGHTS)
    x, y = make(ROWS), in_rows(LABELS)
    ours = estimators.MLPClassifier(**settings).fit(x, y, in_rows(WEIGHTS))
    assert ours.loss_curve_ == pytest.approx(expected.loss_curve_, rel=1e-12)
    assert ours.score(x, y) == expected.score(chunked, LABELS)
    assert_values(ours.predict(x), expected.predict(chunked))
    assert_values(ours.predict_proba(x), expected.predict_proba(chunked), rtol=1e-12)
    assert isinstance(ours.classes_, np.ndarray)
    numbers = estimators.MLPRegressor(**settings).fit(x, in_rows(ROWS[:, 0] * ROWS[:, 1]))
    wanted = estimators.MLPRegressor(**settings).fit(chunked, ROWS[:, 0] * ROWS[:, 1])
    assert_values(numbers.predict(x), wanted.predict(chunked), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_blocks_are_read_in_their_memory(dtype):
    tensor = torch.asarray(X, dtype=getattr(torch, dtype))
    made = da.from_delayed(dask.delayed(lambda: tensor)(), X.shape, meta=tensor[:0, :0])
    found = plain_array("X", made)
    assert (found.dtype, found.shape) == (np.dtype(dtype), X.shape)
    assert isinstance(block_like(made), np.ndarray)
    share = []

    def look(block):
        share.append(np.shares_memory(block, tensor.numpy()))
        return block

    found.map_blocks(look, meta=np.empty((0, 0), dtype)).compute(scheduler="synchronous")
    assert share == [True]


BAD = {
    "another dtype": (
        lambda: da.from_array(X, chunks=50).map_blocks(torch.from_numpy, meta=torch.empty(0)),
        r"X: found a block of float64 on cpu in an array on Dask that was made as one of float32 "
        r"on cpu; say what its blocks are: "
        r"meta=torch.empty\(0, dtype=torch.float64, device='cpu'\)",
    ),
    "another device": (
        lambda: da.from_array(X, chunks=50).map_blocks(
            lambda block: torch.empty(block.shape, dtype=torch.float64, device="meta"),
            meta=torch.empty(0, dtype=torch.float64),
        ),
        "X: found a block of float64 on meta",
    ),
    "a dtype that NumPy has not": (
        lambda: cast(torch.bfloat16),
        "X: found tensors of bfloat16 in the blocks of Dask, .* expected a dtype that NumPy has",
    ),
    "no floats": (
        lambda: cast(torch.int64),
        "X: found dtype int64, expected a floating one",
    ),
    "no real numbers": (
        lambda: cast(torch.complex64),
        "X: found dtype complex64, expected real numbers",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        train(NET, make(), Y)
