"""Compiled steps, and what the standard has no words for."""

import os
import platform
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

from dnn_xp import backends
from tests.helpers import assert_close, assert_values


@pytest.mark.parametrize("indices", [[2, 0], [6, 6, 1], list(range(7))])
def test_take_examples_takes_columns(array, indices):
    host = np.arange(21.0).reshape(3, 7)
    taken = backends.take_examples(array(host), array(indices))
    assert_values(taken, host[:, indices])


def test_by_example_takes_the_same_examples(array, library):
    host = np.arange(21.0).reshape(3, 7)
    X, indices = array(host), array([2, 0])
    brought = backends.as_example_rows(X)
    assert tuple(brought.shape) == (3, 7)
    assert_close(backends.take_examples(brought, indices), backends.take_examples(X, indices))
    assert (brought is X) is (library.backend != "jax"), "a copy where there are no strides"


def test_by_example_can_be_compiled(array):
    X = array(np.arange(21.0).reshape(3, 7))
    compiled = backends.compile_step(lambda _, X, i: backends.take_examples(X, i), None, like=X)
    assert_values(compiled(backends.as_example_rows(X), array([6, 1])), [[6, 1], [13, 8], [20, 15]])


def test_set_at_puts_values_into_a_slice(array, dtype):
    x = array(np.arange(5.0), dtype)
    changed = backends.set_at(x, slice(1, 3), array([7.0, 8.0], dtype))
    assert_close(changed, array([0.0, 7.0, 8.0, 3.0, 4.0], dtype))


def test_set_at_can_be_compiled(array):
    def put(length, x, values):
        return backends.set_at(x, slice(length, None), values)

    x = array(np.arange(5.0))
    compiled = backends.compile_step(put, 2, like=x)
    assert_values(compiled(x, array([7.0, 8.0, 9.0])), [0.0, 1.0, 7.0, 8.0, 9.0])


def test_set_at_leaves_a_read_only_array_alone():
    x = np.zeros(3)
    x.flags.writeable = False
    assert_values(backends.set_at(x, slice(2), np.ones(2)), [1.0, 1.0, 0.0])
    assert_values(x, np.zeros(3))


def test_sums_of_rows_and_columns(array, dtype, xp):
    """Of whole numbers, so that every order of summation gives the same."""
    host = np.arange(-5.0, 7.0).reshape(3, 4)
    x = array(host, dtype)
    rows, columns = backends.row_sums(x), backends.column_sums(x)
    assert rows.dtype == columns.dtype == x.dtype
    assert_values(rows, host.sum(axis=1, keepdims=True), rtol=0)
    assert_values(columns, host.sum(axis=0), rtol=0)
    assert_values(backends.vector_sums(columns), host.sum(), rtol=0)
    if backends.has_views(x):
        out = xp.zeros_like(rows)
        assert backends.row_sums(x, out=out) is out
        assert_close(out, rows, rtol=0)


def test_another_shape(array):
    x = array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert_values(backends.reshaped(x, (3, 2)), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], rtol=0)
    assert_values(backends.reshaped(x[:3], (1, -1)), [[1.0, 2.0, 3.0]], rtol=0)


def test_maxima_of_columns(array, dtype):
    host = np.asarray([[1.0, -np.inf, -3.0], [2.0, -np.inf, -7.0], [-5.0, 4.0, np.inf]])
    maxima = backends.column_maxima(array(host, dtype))
    assert maxima.dtype == array(host, dtype).dtype
    assert_values(maxima, [[2.0, 4.0, np.inf]], rtol=0)


def test_each_of_several_matrices_is_one_by_itself(array, xp):
    """Sums, maxima, products and transposes of shape (k, n, m) are k of those of (n, m)."""
    rng = np.random.default_rng(0)
    host, other = rng.integers(-5, 6, size=(2, 3, 4)), rng.integers(-5, 6, size=(4, 2))
    x, b = array(host.astype(float)), array(other.astype(float))
    for function in (
        backends.row_sums,
        backends.column_sums,
        backends.column_maxima,
        backends.transposed,
        lambda one: backends.product(one, b),
    ):
        found = function(x)
        for i in range(2):
            assert_close(found[i, ...], function(x[i, ...]), rtol=0)
    assert_values(backends.vector_sums(x[:, 0, :]), host[:, 0, :].sum(axis=1).astype(float))
    changed = backends.set_at(x[:, 0, :] * 1.0, slice(1, 3), x[:, 1, :2])
    assert_values(changed[:, 1:3], host[:, 1, :2].astype(float))
    if backends.has_views(x):
        out = xp.zeros_like(backends.row_sums(x))
        assert backends.row_sums(x, out=out) is out
        assert_close(out, backends.row_sums(x), rtol=0)


@pytest.mark.parametrize("m", [1, 5, 63, 64, 65, 130])
def test_compiled_examples_are_those_of_the_function(array, m):
    """Filled up to the next size for which there is a program, and cut again."""
    X = array(np.random.default_rng(0).normal(size=(3, m)))
    run = backends.compile_examples(_affine, 2.0, like=X)
    found = run({"b": array([[1.0], [2.0], [3.0]])}, X, xp=backends.namespace(X))
    assert_close(found, 2.0 * X + array([[1.0], [2.0], [3.0]]), rtol=1e-15)


def _affine(factor, parameters, X, *, xp):
    return factor * X + parameters["b"]


class Pair(NamedTuple):
    """A state of two arrays, as optimizers have it."""

    total: object
    last: object


def step(scale, state, x):
    return Pair(state.total + scale * x, x)


def test_compiled_step_computes_the_same(array):
    x = array([[1.0, 2.0, 3.0, 4.0]])
    compiled = backends.compile_step(step, 2.0, like=x)
    state = Pair(array([[0.0, 0.0, 0.0, 0.0]]), x)
    for _ in range(3):
        state = compiled(state, x)
    assert isinstance(state, Pair)
    assert_close(state.total, array([[6.0, 12.0, 18.0, 24.0]]))
    assert_close(state.last, x)


def test_jax_step_compiles_once_for_constants_and_shapes():
    jax = pytest.importorskip("jax")
    traced = []

    def counted(scale, x):
        traced.append(scale)
        return scale * x

    x = jax.numpy.ones((2, 3))
    for scale in (2.0, 2.0, 3.0):
        backends.compile_step(counted, scale, like=x)(x)
    assert traced == [2.0, 3.0]


def test_jax_step_may_use_donated_memory():
    jax = pytest.importorskip("jax")
    x = jax.numpy.ones((256, 256))
    donated = backends.compile_step(lambda one, x: x + one, 1.0, like=x, donate=(0,))
    assert_values(donated(x), np.full((256, 256), 2.0))
    assert x.is_deleted()


@pytest.mark.parametrize("length", [1, 65_536, 65_537, 200_000])
def test_cache_blocks_cover_a_vector_once_and_in_order(array, length):
    x = array(np.zeros(length), "float32")
    host = np.arange(length)
    blocks = backends.cache_blocks(x)
    np.testing.assert_array_equal(np.concatenate([host[block] for block in blocks]), host)
    assert backends.namespace(x).concat([x[block] for block in blocks]).shape == (length,)


def test_long_vectors_on_the_host_are_cut():
    assert len(backends.cache_blocks(np.zeros(200_000))) > 1


FAULTS = """
import resource, sys
import numpy as np
from dnn_xp.backends import keep_freed_memory

def step():
    return [np.ones(120_000, np.float32) for _ in range(8)]  # 4 MB, in 940 pages

if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps so little memory")
def test_memory_that_a_step_frees_is_there_for_the_next():
    """Each page that the system hands out anew is a fault."""
    own = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    faults = {}
    for name in ("kept", "as it was"):
        command = [sys.executable, "-c", FAULTS, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=own)
        faults[name] = int(done.stdout)
    assert faults["kept"] < 940, f"20 steps, the pages of one: {faults}"
    assert faults["as it was"] > 10 * faults["kept"], "else there is nothing to keep any more"


def test_few_calls_are_preferred_where_they_are_compiled_or_launched(array, library):
    expected = library.value in ("jax", "torch:cuda", "cupy", "cupy:stand-in")
    assert backends.prefers_few_calls(array(np.ones(2))) is expected
