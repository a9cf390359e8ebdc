"""Small products run on one thread, and the limit is taken back, also in a forked process."""

import multiprocessing
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest

from dnn_xp import Dense, Network, train
from dnn_xp.backends import threads, threads_for
from dnn_xp.network import propagation
from dnn_xp.training import Callback, lbfgs
from dnn_xp.training.optimizers import adam

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
    with two_threads(pool):
        yield pool


@contextmanager
def two_threads(pool):
    """Set a pool to two threads, and control it no further."""
    with pool.limit(limits=2):
        for one in pool.lib_controllers:
            getattr(one, "clear_controlling_thread", lambda: None)()
        yield


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
    with two_threads(pool):
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


# ----------------------------------------------------------------------------- other runs


def gradient_run(X, Y):
    """Return what is learnt and measured by an optimizer whose steps are elementwise."""
    network = Network(X.shape[0], (Dense(100, "tanh"), Dense(1)), "squared_error")
    return train(network, X, Y, optimizer=adam(0.01), epochs=3, validation=(X, Y))


def example_space_run(X, Y):
    network = Network(X.shape[0], (Dense(100, "tanh"), Dense(1)), "squared_error")
    return train(network, X, Y, epochs=3, example_space=True, validation=(X, Y))


def lbfgs_run(X, Y):
    """Return what L-BFGS learns, whose sums over 10,000 parameters BLAS would share out."""
    network = Network(X.shape[0], (Dense(100, "tanh"), Dense(1)), "squared_error")
    return lbfgs(network, X, Y, max_iter=8, l2=0.1, validation=(X, Y))


def lbfgs_of_batches(X, Y):
    network = Network(X.shape[0], (Dense(100, "tanh"), Dense(1)), "squared_error")
    return lbfgs(network, X, Y, max_iter=8, batch_size=70)


def same(one, other):
    """Return whether two runs have the same bits."""
    return np.array_equal(one.theta, other.theta) and one.history == other.history


@pytest.fixture
def blas():
    pytest.importorskip("threadpoolctl")
    pytest.importorskip("scipy")
    pool = threads._pools("blas")
    if not pool.lib_controllers:
        pytest.skip("threadpoolctl does not know what NumPy multiplies with here")
    with two_threads(pool):
        yield pool


@pytest.mark.once
@pytest.mark.parametrize(
    ("run", "n", "m"),
    [
        (gradient_run, 120, 60),
        (gradient_run, 120, 150),
        (example_space_run, 160, 80),
        (lbfgs_run, 120, 60),
        (lbfgs_run, 120, 150),
        (lbfgs_of_batches, 120, 150),
    ],
)
def test_bits_of_small_products_do_not_depend_on_the_number_of_threads(blas, run, n, m):
    """That number is what other runs in the process change."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(n, m)), rng.normal(size=(1, m))
    found = run(X, Y)
    with blas.limit(limits=1):
        assert same(run(X, Y), found)


@pytest.mark.once
def test_runs_in_threads_have_the_bits_of_runs_alone(blas):
    rng = np.random.default_rng(0)
    data = [(rng.normal(size=(100, m)), rng.normal(size=(1, m))) for m in (40, 90, 130, 180)]
    works = [(run, *pair) for run in (lbfgs_run, gradient_run) for pair in data]
    alone = [run(*pair) for run, *pair in works]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda work: work[0](*work[1:]), works))
    assert all(map(same, alone, together))
    assert sizes(blas) == {2}


@pytest.mark.once
def test_runs_that_overlap_in_threads_limit_and_put_back_whoever_ends_last(blas):
    """Also where the thread that began first is no more."""
    first, second = (threading.Event() for _ in range(2))
    seen = []

    def work(mine, other):
        with threads_for(SMALL, like=np.zeros(1)):
            mine.set()
            other.wait(10)
        seen.append(most(blas))

    one = threading.Thread(target=work, args=(first, second))
    one.start()
    first.wait(10)
    with threads_for(SMALL, like=np.zeros(1)):
        second.set()
        one.join()
        assert seen == [1]
    assert most(blas) == 2
    assert limited(lambda: most(blas)) == 1, "the next thread is free to limit"
    assert most(blas) == 2


@pytest.mark.once
def test_a_limit_of_ones_own_in_another_thread_stays(blas):
    inside, done = threading.Event(), threading.Event()

    def work():
        with blas.limit(limits=1):
            inside.set()
            done.wait(10)

    other = threading.Thread(target=work)
    other.start()
    inside.wait(10)
    with threads_for(SMALL, like=np.zeros(1)):
        done.set()
        other.join()
    assert most(blas) == 2


# ----------------------------------------------------------------------------- forked processes


def in_a_fork(function):
    """Return what a function returns in a forked process: a small number."""
    child = os.fork()
    if not child:  # nothing of pytest's may run here
        try:
            os._exit(function())
        except BaseException:
            os._exit(255)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def forks():
    if not hasattr(os, "fork"):
        pytest.skip("no process is forked on this system")
    if "jax" in sys.modules:
        pytest.skip("JAX is loaded, whose threads may hold locks for ever in a forked process")


def limited(function):
    """Call a function while another Python thread is in a run of small products."""
    inside, done = threading.Event(), threading.Event()

    def work():
        with threads_for(SMALL, like=np.zeros(1)):
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    try:
        return function()
    finally:
        done.set()
        thread.join()


def most(pool):
    return max(sizes(pool))


forking = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@forking
@pytest.mark.once
def test_runs_of_other_threads_do_not_go_on_in_a_forked_process(blas, forks):
    assert limited(lambda: most(blas)) == 1
    assert limited(lambda: in_a_fork(lambda: most(blas))) == 2
    assert most(blas) == 2


@forking
@pytest.mark.once
def test_a_run_goes_on_in_the_process_that_it_forks(blas, forks):
    def child():
        inside = most(blas)
        context.__exit__(None, None, None)
        return 10 * inside + most(blas)

    context = threads_for(SMALL, like=np.zeros(1))
    with context:
        assert limited(lambda: in_a_fork(child)) == 12
        assert most(blas) == 1
    assert most(blas) == 2


@forking
@pytest.mark.once
def test_a_forked_process_limits_its_own_runs(blas, forks):
    def child():
        with threads_for(SMALL, like=np.zeros(1)):
            inside = most(blas)
        return 10 * inside + most(blas)

    assert limited(lambda: in_a_fork(child)) == 12


@forking
@pytest.mark.once
def test_a_process_forked_while_another_thread_changes_the_limit_does_not_hang(blas, forks):
    def child():
        with threads_for(SMALL, like=np.zeros(1)):
            return most(blas)

    with threads._blas_alone()._lock:  # as another thread would hold it
        assert in_a_fork(child) == 1


def count(answers):
    answers.put((most(threads._pools("blas")), gradient_run(np.ones((4, 9)), np.ones((1, 9)))[0]))


@forking
@pytest.mark.once
def test_a_worker_that_is_started_in_a_step_has_all_threads(blas, forks):
    context = multiprocessing.get_context("fork")

    class Starts(Callback):
        def step(self, run):
            self.seen, answers = most(blas), context.SimpleQueue()
            worker = context.Process(target=count, args=(answers,))
            worker.start()
            self.found, _ = answers.get()
            worker.join()

    starts = Starts()
    X, Y = np.ones((3, 8)), np.ones((1, 8))
    train(Network(3, (Dense(1),), "squared_error"), X, Y, epochs=1, callbacks=[starts])
    assert (starts.seen, starts.found) == (1, 2)
