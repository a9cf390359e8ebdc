"""Operations that libraries run fastest each in its way, or for which the standard has no words."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import cache, lru_cache, partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import (
    is_cupy_array,
    is_dask_array,
    is_jax_array,
    is_numpy_array,
    is_torch_array,
)
from array_api_extra import at

from dnn_xp.backends.moving import Array, namespace
from dnn_xp.backends.replaying import Replay
from dnn_xp.recording import by_product, is_symbol

__all__ = [
    "ExampleRows",
    "as_example_rows",
    "cache_blocks",
    "column_maxima",
    "column_sums",
    "compile_examples",
    "compile_step",
    "computed",
    "computes_lazily",
    "has_fixed_shapes",
    "has_views",
    "keep_freed_memory",
    "prefers_few_calls",
    "product",
    "reshaped",
    "row_sums",
    "set_at",
    "take_examples",
    "transposed",
    "vector_sums",
]


class ExampleRows(NamedTuple):
    """Examples in rows that stand for a matrix of columns; a tuple, which a compiled step takes.

    Attributes
    ----------
    rows : array, shape (m, n)
    """

    rows: Array

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the matrix, (n, m)."""
        m, n = self.rows.shape
        return n, m


def take_examples(X: Array, indices: Array, *, xp: Any = None) -> Array:
    """Return the examples (columns) of X that the indices name.

    Parameters
    ----------
    X : array, shape (n, m), or ExampleRows
    indices : array of integers, shape (batch,)
        In X's library, on its device.
    """
    if isinstance(X, ExampleRows):
        return (xp or namespace(X.rows)).take(X.rows, indices, axis=0).T
    if isinstance(X, np.ndarray):
        # `take` along the second axis of a transposed view copies the whole of it: 10,000 times
        # slower for a small batch of a large X.
        return X[:, indices]
    if is_jax_array(X):  # whose transpose is a copy of the whole of it, where it is not compiled
        return (xp or namespace(X)).take(X, indices, axis=1)
    return (xp or namespace(X)).take(X.T, indices, axis=0).T


def as_example_rows(X: Array) -> Any:
    """Return X in the form from which `take_examples` takes fastest.

    Where arrays have strides, the transpose of an array with an example in each row has it. JAX's
    have none, so that a column lies scattered over memory: there it is an `ExampleRows`, a copy.

    Parameters
    ----------
    X : array, shape (n, m)
    """
    return ExampleRows(namespace(X).matrix_transpose(X)) if is_jax_array(X) else X


def has_views(x: Array) -> bool:
    """Return whether a slice of x is a view through which x is written to."""
    return bool(is_numpy_array(x) or is_torch_array(x) or is_cupy_array(x))


def product(a: Array, b: Array, *, out: Array | None = None, xp: Any = None) -> Array:
    """Return a @ b, written into `out` where it is given, for which the standard has no words.

    Parameters
    ----------
    a, b : array, shape (..., l, m) and (..., m, n)
    out : array, shape (..., l, n), optional
        Of a library for which `has_views` is true.
    """
    if isinstance(a, np.ndarray) and a.ndim == 2:  # half the time of a small `matmul`
        return np.dot(a, b, out=out)
    return a @ b if out is None else (xp or namespace(a)).matmul(a, b, out=out)


def reshaped(x: Array, shape: tuple[int, ...], *, xp: Any = None) -> Array:
    """Return x in another shape."""
    if isinstance(x, np.ndarray):  # without the wrapper, which takes longer
        return x.reshape(shape)
    return (xp or namespace(x)).reshape(x, shape)


def transposed(x: Array) -> Array:
    """Return x with its last two axes exchanged."""
    return x.T if x.ndim == 2 else namespace(x).matrix_transpose(x)


def set_at(x: Array, where: slice, values: Array, *, xp: Any = None) -> Array:
    """Return vectors with other values in a slice, for which the standard has no words.

    Parameters
    ----------
    x : array, shape (..., n)
        Changed in place where its library can do that: not to be used any more.
    where : slice
    values : array
        As many along the last axis as the slice is long.
    """
    if is_symbol(x):
        return _set_symbols(x, where, values)
    place = where if x.ndim == 1 else (..., where)
    return at(x, place).set(values, xp=xp)


def _set_symbols(x: Array, where: slice, values: Array) -> Array:
    """Return what `set_at` does: symbols are not written to."""
    start, stop, _ = where.indices(x.shape[-1])
    return namespace(x).concat([x[..., :start], values, x[..., stop:]], axis=-1)


def row_sums(x: Array, *, out: Array | None = None, xp: Any = None) -> Array:
    """Return the sum of each row as a column, written into `out` where it is given.

    Parameters
    ----------
    x : array, shape (..., n, m)
    out : array, shape (..., n, 1), optional
        Of a library for which `has_views` is true.
    """
    if isinstance(x, np.ndarray) and x.ndim == 2:  # several times as fast as NumPy's sum
        return np.dot(x, _ones((x.shape[1], 1), x.dtype), out=out)
    sums = (xp or namespace(x)).sum(x, axis=-1, keepdims=True)
    if out is None:
        return by_product(sums) if x.ndim == 2 else sums
    out[...] = sums
    return out


def column_sums(x: Array, *, xp: Any = None) -> Array:
    """Return the sum of each column of matrices, shape (..., n, m), as shape (..., m)."""
    if isinstance(x, np.ndarray) and x.ndim == 2:
        return np.dot(_ones((x.shape[0],), x.dtype), x)
    sums = (xp or namespace(x)).sum(x, axis=-2)
    return by_product(sums) if x.ndim == 2 else sums


def vector_sums(x: Array, *, xp: Any = None) -> Array:
    """Return the sum of each vector, shape (..., n), as shape (...)."""
    if isinstance(x, np.ndarray) and x.ndim == 1:
        return np.dot(_ones(x.shape, x.dtype), x)
    sums = (xp or namespace(x)).sum(x, axis=-1)
    return by_product(sums) if x.ndim == 1 else sums


def column_maxima(x: Array, *, xp: Any = None) -> Array:
    """Return the largest element of each column of matrices, shape (..., n, m), as (..., 1, m)."""
    if isinstance(x, np.ndarray):  # without the wrapper, which takes longer than a small matrix
        return np.maximum.reduce(x, axis=-2, keepdims=True)
    return (xp or namespace(x)).max(x, axis=-2, keepdims=True)


@lru_cache(maxsize=16)
def _ones(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    return np.ones(shape, dtype)


def cache_blocks(x: Array) -> list[slice]:
    """Return slices of a vector that are worked through one after the other, in place.

    A block of a few vectors stays in a processor's cache from one operation to the next. Where
    views do not exist, or arrays are not on a processor, there is one slice.
    """
    if isinstance(x, np.ndarray):
        block = 65_536
    elif is_torch_array(x) and x.device.type == "cpu":
        block = 262_144  # its calls cost more
    else:
        return [slice(None)]
    length = x.shape[0]
    if length <= block or x.ndim > 1:
        return [slice(None)]
    return [slice(start, start + block) for start in range(0, length, block)]


@cache
def keep_freed_memory() -> None:
    """Have the process keep the memory that a step frees, up to 64 MiB, for the next step.

    Notes
    -----
    glibc hands freed memory back to the system, which clears each page anew for the next step: up
    to half the time of one. It keeps twice the largest block that it ever took from the system by
    itself and gave back (``man mallopt``, M_MMAP_THRESHOLD), of 32 MiB at most. So such a block is
    taken, not touched, and given back, once in a process. Elsewhere that changes nothing.
    """
    with suppress(MemoryError):
        np.empty(2**25 - 2**16, np.uint8)


def has_fixed_shapes(like: Array) -> bool:
    """Return whether the library compiles anew for every shape of a batch."""
    return bool(is_jax_array(like))


def prefers_few_calls(like: Array) -> bool:
    """Return whether a call costs more than a small product, as compiled ones do, and CUDA's."""
    on_cuda = is_torch_array(like) and like.device.type == "cuda"
    return bool(is_jax_array(like) or is_cupy_array(like) or on_cuda)


def compile_step(
    function: Callable[..., Any],
    constant: Hashable,
    *,
    like: Array,
    donate: Sequence[int] = (),
    compile: bool = False,
    repeated: bool = False,
) -> Callable[..., Any]:
    """Return ``function(constant, ...)`` as a function of the rest, as fast as the library runs it.

    Parameters
    ----------
    function : callable
        A function of a module: of a constant, and of arrays, numbers and (named) tuples of them.
    constant : hashable
        Its first argument. Runs whose constants are equal share what was compiled.
    like : array
        An array of the library on which it will run.
    donate : sequence of int
        Places of arguments, behind the constant, whose memory may be used for the result.
    compile : bool
        Whether PyTorch compiles, too.
    repeated : bool
        Whether it is handed its own result again and again, as its first argument; the last one is
        a workspace of it, which it can do without. NumPy then has a plan of it: see `Replay`.

    Returns
    -------
    callable
        On JAX compiled, once for each set of shapes; on PyTorch without a record for autograd,
        compiled on request; on CuPy one that runs on the device of `like`; on NumPy planned, where
        it is `repeated`; elsewhere the function as it is. (Steps over examples on Dask are no such
        function: see `Blocks`.)

    Notes
    -----
    A CUDA graph would save CuPy's launches of kernels. But CuPy refuses each call of cuBLAS while
    a stream is captured (cupy issue 6290), so that no step with a matrix product can become one.
    """
    if is_jax_array(like):
        return _jit(function, constant, tuple(donate))
    bound = partial(function, constant)
    if is_torch_array(like):
        torch = import_module("torch")
        fast: Callable[..., Any] = torch.inference_mode()(
            torch.compile(bound) if compile else bound
        )
        return fast
    if is_cupy_array(like):  # what a step makes is then made beside `like`
        return partial(_on_device, like.device, bound)
    if repeated and isinstance(like, np.ndarray):
        return Replay(function, constant)
    return bound


def compile_examples(
    function: Callable[..., Any], constant: Hashable, *, like: Array
) -> Callable[..., Any]:
    """Return ``function(constant, parameters, *matrices, xp=xp)`` as a function of the rest.

    Parameters
    ----------
    function : callable
        A function of a module, which maps each column of the matrices, shape (..., n, m), to one.
    constant : hashable
    like : array
        An array of the library on which it will run.

    Returns
    -------
    callable
        On JAX compiled once for all numbers of columns up to 64, to 128, and so on: matrices are
        filled up with zeros, and the result is cut to their columns. Elsewhere as it is.
    """
    if not is_jax_array(like):
        return partial(function, constant)
    compiled = _jit_examples(function, constant)
    lax = import_module("jax").lax

    def padded(x: Array, size: int) -> Array:
        if x.shape[-1] == size:
            return x
        edges = [(0, 0, 0)] * (x.ndim - 1) + [(0, size - x.shape[-1], 0)]
        return lax.pad(x, np.zeros((), x.dtype), edges)

    def run(parameters: Any, *matrices: Array, xp: Any) -> Array:
        m = matrices[0].shape[-1]
        size = max(64, 1 << (m - 1).bit_length())
        found = compiled(parameters, *(padded(x, size) for x in matrices))
        return found if m == size else found[..., :m]

    return run


@lru_cache(maxsize=64)
def _jit_examples(function: Callable[..., Any], constant: Hashable) -> Callable[..., Any]:
    jax = import_module("jax")
    compiled: Callable[..., Any] = jax.jit(partial(function, constant, xp=jax.numpy))
    return compiled


@lru_cache(maxsize=64)
def _jit(
    function: Callable[..., Any], constant: Hashable, donate: tuple[int, ...]
) -> Callable[..., Any]:
    jax = import_module("jax")
    compiled: Callable[..., Any] = jax.jit(partial(function, constant), donate_argnums=donate)
    return compiled


def _on_device(place: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    with place:
        return function(*arguments)


def computes_lazily(x: Array) -> bool:
    """Return whether the values of an array are worked out anew each time that they are needed."""
    return bool(is_dask_array(x))


def computed(x: Array) -> Array:
    """Return an array whose values are there: on Dask computed and kept, elsewhere itself."""
    return x.persist() if is_dask_array(x) else x
