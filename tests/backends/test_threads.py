"""Small products run on one thread, and the limit is taken back."""

import sys
from contextlib import nullcontext

import numpy as np
import pytest

from dnn_xp import Dense, Network, train
from dnn_xp.backends import threads, threads_for
from dnn_xp.network import propagation
from dnn_xp.training import Callback, lbfgs

SMALL, LARGE = 2**21, 2**21 + 1
POOLS = {"numpy": "blas", "torch": "openmp"}


@pytest.fixture
def pool(library):
    """Return the pool that the library takes threads from, set to two in this Python thread."""
    pytest.importorskip("threadpoolctl")
    if library.backend not in POOLS:
        pytest.skip(f"the threads of {library.backend} cannot be limited")
    pool = threads._pools(POOLS[library.backend])  # without what loads later, such as SciPy's BLAS
    if not pool.lib_controllers:
        pytest.skip(f"threadpoolctl does not know what {library.backend} multiplies with here")
    with pool.limit(limits=2):
        yield pool


def sizes(pool):
    return {one.get_num_threads() for one in pool.lib_controllers}


def test_small_products_run_on_one_thread(pool, array):
    with threads_for(SMALL, like=array([0.0])):
        assert sizes(pool) == {1}
    assert sizes(pool) == {2}


def test_large_products_take_all_threads(pool, array):
    with threads_for(LARGE, like=array([0.0])):
        assert sizes(pool) == {2}


def test_an_error_takes_the_limit_back(pool, array):
    with pytest.raises(KeyboardInterrupt), threads_for(SMALL, like=array([0.0])):
        raise KeyboardInterrupt
    assert sizes(pool) == {2}


def test_of_runs_that_overlap_the_last_takes_the_limit_back():
    """As two Python threads do: the first to begin ends first."""
    pytest.importorskip("threadpoolctl")
    pool = threads._pools("blas")
    if not pool.lib_controllers:
        pytest.skip("threadpoolctl does not know what NumPy multiplies with here")
    with pool.limit(limits=2):
        first, second = (threads_for(SMALL, like=np.zeros(1)) for _ in range(2))
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert sizes(pool) == {1}
        second.__exit__(None, None, None)
        assert sizes(pool) == {2}


def test_nothing_is_limited_without_threadpoolctl(monkeypatch, array):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    threads._pools.cache_clear()
    try:
        assert isinstance(threads_for(SMALL, like=array([0.0])), nullcontext)
    finally:
        threads._pools.cache_clear()


class Watch(Callback):
    """Notes how many threads there are while the network steps, and between epochs."""

    def __init__(self, pool):
        self.pool, self.during, self.between = pool, set(), set()

    def step(self, now):
        self.during |= sizes(self.pool)

    def epoch(self, now):
        self.between |= sizes(self.pool)


@pytest.mark.parametrize(("batch_size", "during"), [(16, {1}), (1024, {2})])
def test_training_limits_its_steps_by_their_largest_product(pool, array, batch_size, during):
    """Of 64 weights to 64 units: 2**16 multiplications of 16 examples, 2**22 of 1024."""
    network = Network(64, (Dense(64, "tanh"), Dense(1)), "squared_error")
    X, Y = array(np.ones((64, 1024))), array(np.ones((1, 1024)))
    watch = Watch(pool)
    train(network, X, Y, epochs=2, batch_size=batch_size, callbacks=[watch])
    assert (watch.during, watch.between) == (during, {2})


@pytest.mark.parametrize(("batch_size", "during"), [(16, {1}), (None, {2})])
def test_lbfgs_limits_its_evaluations(pool, array, monkeypatch, batch_size, during):
    pytest.importorskip("scipy")
    network = Network(64, (Dense(64, "tanh"), Dense(1)), "squared_error")
    X, Y = array(np.ones((64, 1024))), array(np.ones((1, 1024)))
    seen, evaluate = set(), propagation.forward

    def watched(*arguments, **options):
        seen.update(sizes(pool))
        return evaluate(*arguments, **options)

    monkeypatch.setattr(propagation, "forward", watched)
    watch = Watch(pool)
    lbfgs(network, X, Y, max_iter=2, batch_size=batch_size, callbacks=[watch])
    assert (seen, watch.between) == (during, {2})
