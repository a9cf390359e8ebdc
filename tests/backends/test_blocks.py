"""Examples in blocks on Dask: sums where they are, and matrices block by block."""

from functools import partial

import numpy as np
import pytest

from dnn_xp.backends import Blocks, block_like, from_blocks, map_blocks
from dnn_xp.backends.blocks import RUN_BYTES, RUN_EXAMPLES, _runs
from tests.helpers import assert_close, assert_values

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

M = 40
RNG = np.random.default_rng(0)
X, Y, WEIGHTS = RNG.normal(size=(3, M)), RNG.normal(size=(2, M)), RNG.uniform(size=M)

CUTS = {
    "in one": ((3,), (M,)),
    "even": ((3,), (10, 10, 10, 10)),
    "uneven": ((3,), (1, 25, 14)),
    "of rows, too": ((1, 2), (13, 13, 14)),
    "some empty": ((3,), (0, 20, 0, 20, 0)),
}


@pytest.fixture(params=["synchronous", "threads"])
def scheduler(request):
    with dask.config.set(scheduler=request.param):
        yield request.param


def products(block):
    """Return sums that tell targets, weights and places apart."""
    weights = 1.0 if block.weights is None else block.weights
    places = block.places.astype(float)
    return np.concatenate(
        [(block.X * weights) @ block.Y.T @ [1.0, 2.0], [(places * block.Y[0]).sum()]]
    )


def expected(places=slice(None), weights=None):
    x, y, w = X[:, places], Y[:, places], 1.0 if weights is None else weights[places]
    where = np.arange(M)[places]
    return np.concatenate([(x * w) @ y.T @ [1.0, 2.0], [(where * y[0]).sum()]])


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "places", [None, [3, 39, 0, 12], [20], list(range(M))[::-1]], ids=["all", "4", "1", "backwards"]
)
def test_sums_are_those_of_the_whole(scheduler, cut, weighted, places):
    """Whatever the blocks of targets and weights were."""
    weights = WEIGHTS if weighted else None
    blocks = Blocks(
        da.from_array(X, chunks=CUTS[cut]),
        da.from_array(Y, chunks=(1, 17)),
        da.from_array(WEIGHTS, chunks=9) if weighted else None,
    )
    assert blocks.shape == X.shape
    chosen = None if places is None else np.asarray(places, np.int32)
    found = blocks.sums(products, chosen)
    assert_values(found, expected(slice(None) if places is None else places, weights), rtol=1e-12)
    found += 1.0  # it is the caller's


def test_a_sum_has_the_same_bits_in_whatever_order_its_blocks_are_done():
    """And in all of several runs, which are added up here in their order."""
    wide = np.random.default_rng(1).normal(size=(1, 6 * RUN_EXAMPLES)).astype("float32")
    blocks = Blocks(da.from_array(wide, chunks=(1, RUN_EXAMPLES)), da.from_array(wide, chunks=-1))
    assert len(blocks._runs) == 6
    found = []
    for options in ({"scheduler": "synchronous"}, *[{"scheduler": "threads"}] * 5):
        with dask.config.set(**options):
            found.append(blocks.sums(lambda block: block.X @ block.Y.T).tobytes())
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("lengths", "width", "expected"),
    [
        ([10], 8, [[0]]),
        ([10, 10, 10], 8, [[0, 1, 2]]),
        ([RUN_EXAMPLES + 1, 1, 1], 8, [[0], [1, 2]]),
        ([RUN_EXAMPLES // 2] * 5, 8, [[0, 1], [2, 3], [4]]),
        ([1, RUN_EXAMPLES], 8, [[0], [1]]),
        ([10, 10, 10], RUN_BYTES // 20, [[0, 1], [2]]),
        ([10, 10, 10], RUN_BYTES, [[0], [1], [2]]),
    ],
)
def test_neighbours_share_a_task_by_their_sizes_alone(lengths, width, expected):
    assert [list(run) for run in _runs(lengths, width)] == expected


def test_targets_are_worked_out_once_and_X_where_it_is_not_persisted_each_time():
    seen = {"X": 0, "Y": 0}

    def noting(name, block):
        seen[name] += 1
        return block

    def lazy(name, host):
        some = da.from_array(host, chunks=(host.shape[0], 20))
        return some.map_blocks(partial(noting, name), meta=np.empty((0, 0)))

    with dask.config.set(scheduler="synchronous"):
        blocks = Blocks(lazy("X", X), lazy("Y", Y))
        for _ in range(3):
            blocks.sums(products)
    assert seen == {"X": 6, "Y": 2}


def test_tasks_of_blocks_that_hold_nothing_of_a_batch_are_not_made():
    asked = []

    def noting(block):
        asked.append(int(block.places[0]))
        return products(block)

    with dask.config.set(scheduler="synchronous"):
        blocks = Blocks(da.from_array(X, chunks=(3, 10)), da.from_array(Y))
        blocks.sums(noting, np.asarray([31, 12, 33, 19]))
    assert asked == [12, 31]


# ----------------------------------------------------------------------------- block by block


def affine(parameters, *matrices, rows=2):
    return parameters[0]["W"] @ matrices[0] + parameters[0]["b"] + sum(matrices[1:])


def first_row(parameters, x):
    return x[0, :]


def of_several(parameters, x):
    return parameters[0]["W"][None, :, :] @ x


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("there", [False, True], ids=["parameters here", "parameters on Dask"])
@pytest.mark.parametrize("function", [affine, first_row, of_several])
def test_a_function_of_columns_is_that_of_each_block(scheduler, cut, there, function):
    parameters = [{"W": RNG.normal(size=(2, 3)), "b": np.ones((2, 1))}]
    wanted = function(parameters, X)
    if there:
        parameters = [{name: da.from_array(x, chunks=1) for name, x in parameters[0].items()}]
    found = map_blocks(function, parameters, da.from_array(X, chunks=CUTS[cut]))
    assert found.chunks[-1] == CUTS[cut][1]
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    assert_close(found.compute(), wanted, rtol=1e-14)


def test_matrices_beside_the_first_are_cut_as_it_is(scheduler):
    parameters = [{"W": np.ones((2, 3)), "b": np.zeros((2, 1))}]
    beside = da.from_array(Y, chunks=(1, 7))
    found = map_blocks(affine, parameters, da.from_array(X, chunks=(3, 15)), beside)
    assert_values(found, affine(parameters, X, Y), rtol=1e-14)


def test_nothing_is_computed_before_it_is_asked_for():
    def refuse(block):
        raise AssertionError("it was computed")

    lazy = da.from_array(X, chunks=(3, 20)).map_blocks(refuse, meta=np.empty((0, 0)))
    found = map_blocks(first_row, [], lazy)
    with pytest.raises(AssertionError, match="it was computed"):
        found.compute(scheduler="synchronous")


def test_an_array_without_blocks_is_its_own_kind(array, dtype):
    x = array([[1.0, 2.0]], dtype)
    here = from_blocks(x)
    assert block_like(here) is here
    assert from_blocks(here) is here
    assert block_like(x).dtype == here.dtype
    assert_values(here, [[1.0, 2.0]])
