"""Dask: examples that lie in blocks, on a cluster or on this machine, and stay where they are.

What is summed over examples is summed where they are, and only sums travel. Nothing is kept on a
worker: each task is a function of its blocks and its arguments alone, so that a worker that is lost
costs the time to do its tasks again, and not a bit of the result.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import is_dask_array

from dnn_xp.backends.moving import (
    Array,
    HostArray,
    Matrix,
    Vector,
    asarray_like,
    namespace,
    readable_blocks,
)
from dnn_xp.backends.running import take_examples

__all__ = ["Block", "Blocks", "block_like", "from_blocks", "map_blocks", "refuse_scattered"]

RUN_EXAMPLES = 16_384
"""Examples that neighbouring blocks have together, at most, where one task looks at all of them.

A task is sent all parameters and returns as many sums. However many they are, that takes as long as
the arithmetic for some hundreds of examples.
"""
RUN_BYTES = 2**27
"""And their bytes, since the blocks of a task must be in the memory of one worker at once."""


def block_like(x: Array) -> Array:
    """Return an empty array of the library, device and dtype of the blocks of an array.

    An array that is not in blocks comes back as it is.
    """
    return readable_blocks(x)._meta if is_dask_array(x) else x


def from_blocks(x: Array) -> Array:
    """Return an array in memory: on Dask computed, in the library of its blocks; else itself."""
    return readable_blocks(x).compute() if is_dask_array(x) else x


class Block(NamedTuple):
    """Examples of one block, as a task sees them.

    Attributes
    ----------
    X : array, shape (n_inputs, b)
    Y : array, shape (n_outputs, b)
    weights : array, shape (b,), or None
    places : array of int32, shape (b,)
        Where in the data the examples are.
    """

    X: Matrix
    Y: Matrix
    weights: Vector | None
    places: Array


class Blocks:
    """Examples with targets and weights on Dask, cut alike into blocks of columns.

    X is used as it is: where it fits into the memory of the workers, persist it beforehand, or each
    sum works it out anew, from the files that it is read from. Targets and weights are persisted.

    Parameters
    ----------
    X : Dask array, shape (n_inputs, m)
    Y : Dask array, shape (n_outputs, m)
    weights : Dask array, shape (m,), optional

    Attributes
    ----------
    shape : (int, int)
        Of X.

    Raises
    ------
    ValueError
        Where blocks were scattered over a cluster, so that a lost one could not be made again.
    """

    def __init__(self, X: Array, Y: Array, weights: Array | None = None) -> None:
        refuse_scattered(X=X, Y=Y, weights=weights)
        X = _in_columns(X)
        beside = [_in_columns(Y, X.chunks[1])]
        if weights is not None:
            beside.append(weights.rechunk((X.chunks[1],)))
        beside = import_module("dask").persist(*beside)
        self._kept = (X, *beside)  # a scheduler forgets what nobody holds any more
        self.shape: tuple[int, int] = X.shape
        stops = np.cumsum([0, *X.chunks[1]]).tolist()
        parts = zip(*(x.to_delayed().ravel() for x in self._kept), strict=True)
        spans = zip(stops[:-1], stops[1:], parts, strict=True)
        self._spans = [span for span in spans if span[0] < span[1]]
        width = X.shape[0] * getattr(X.dtype, "itemsize", 8)
        self._runs = list(_runs([stop - start for start, stop, _ in self._spans], width))

    def sums(self, function: Callable[[Block], Vector], places: HostArray | None = None) -> Vector:
        """Return the sum of what a function makes of each block.

        Parameters
        ----------
        function : callable
            ``function(block)`` is a vector of the block's library. It is pickled, and called where
            the block is.
        places : array of NumPy's integers, optional
            The examples that count; of each block the function sees those. Default: all.

        Returns
        -------
        array
            Here, in the library of the blocks. The order of additions depends on the sizes of the
            blocks alone, and so do the bits of the sum.
        """
        dask, tasks = import_module("dask"), []
        chosen: Sequence[Any] = [stop for _, stop, _ in self._spans]
        if places is not None:
            chosen = self._split(places)
        for run in self._runs:
            held = [i for i in run if places is None or len(chosen[i])]
            if held:
                some = [(self._spans[i][0], chosen[i]) for i in held]
                task = dask.delayed(partial(_sum_run, function, some), pure=False)
                tasks.append(task([self._spans[i][2] for i in held]))
        # Added to 0: what comes from another process may not be written to.
        return sum(dask.compute(*tasks))

    def _split(self, places: HostArray) -> list[HostArray]:
        """Return which of the places each block holds, in their order."""
        starts = [start for start, _, _ in self._spans]
        holders = np.searchsorted(starts, places, side="right") - 1
        by_holder = places[np.argsort(holders, kind="stable")]
        stops = np.cumsum(np.bincount(holders, minlength=len(starts)))
        return np.split(by_holder, stops[:-1])


def _in_columns(x: Array, columns: Any = None) -> Array:
    """Return a matrix in blocks of whole columns."""
    return x.rechunk({0: -1} if columns is None else {0: -1, 1: columns})


def _runs(lengths: Sequence[int], width: int) -> Iterator[range]:
    """Yield which blocks go to one task, by their lengths: where they are must not decide bits."""
    first, held = 0, 0
    for i, length in enumerate(lengths):
        held += length
        if i > first and (held > RUN_EXAMPLES or held * width > RUN_BYTES):
            yield range(first, i)
            first, held = i, length
    yield range(first, len(lengths))


def _sum_run(
    function: Callable[[Block], Vector],
    chosen: Sequence[tuple[int, Any]],
    blocks: Sequence[tuple[Any, ...]],
) -> Vector:
    """Return the sum over blocks of one run, each with its start and the places that count."""
    total: Any = 0
    for (start, places), (X, Y, *weights) in zip(chosen, blocks, strict=True):
        total = total + function(_block(X, Y, weights[0] if weights else None, start, places))
    return total


def _block(X: Matrix, Y: Matrix, weights: Vector | None, start: int, places: Any) -> Block:
    """Return all examples of a block, where the places are its end, or those at some places."""
    xp = namespace(Y)
    place = partial(asarray_like, like=Y, dtype=xp.int32)
    if isinstance(places, int):
        return Block(X, Y, weights, place(np.arange(start, places, dtype=np.int32)))
    here = place(places - start)
    some = None if weights is None else xp.take(weights, here)
    return Block(take_examples(X, here), take_examples(Y, here), some, place(places))


def refuse_scattered(**arrays: Array | None) -> None:
    """Refuse blocks that were put on a cluster by hand, and have no task to be made by.

    Parameters
    ----------
    **arrays : array or None
        By the names of arguments; on Dask or not.

    Raises
    ------
    ValueError
    """
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return
    for name, x in arrays.items():
        futures = [] if x is None else distributed.futures_of(x)
        keys = [future.key for future in futures]
        if keys and futures[0].client.run_on_scheduler(_has_lost(), keys=keys):
            raise ValueError(
                f"{name}: found blocks that were scattered, which nobody could make again once "
                "their worker is lost, expected those of a graph; make them by tasks, as "
                "dask.array.from_array(...).persist() does"
            )


def _has_lost() -> Callable[..., bool]:
    """Return what a scheduler is asked; a closure, which comes to it whole, without this module."""

    def has_lost(keys: Sequence[Any], dask_scheduler: Any) -> bool:
        left, seen = [dask_scheduler.tasks.get(key) for key in keys], set()
        while left:
            task = left.pop()
            if task is None or task.run_spec is None or task.has_lost_dependencies:
                return True
            seen.add(task)
            left += [other for other in task.dependencies if other not in seen]
        return False

    return has_lost


# ----------------------------------------------------------------------------- block by block


def map_blocks(
    function: Callable[..., Matrix], parameters: Sequence[Mapping[str, Array]], *matrices: Matrix
) -> Matrix:
    """Return what a function makes of matrices, block by block, once it is asked for.

    Parameters
    ----------
    function : callable
        ``function(parameters, *matrices)`` has a column, or an element, for each column of them.
        It is pickled, and called where the blocks are.
    parameters : sequence of dict of str to array
        In the library of the blocks, here, or on Dask.
    *matrices : Dask array, shape (n, m)
    """
    dask, da = import_module("dask"), import_module("dask.array")
    first = _in_columns(matrices[0])
    columns = first.chunks[1]
    parts = [first, *(_in_columns(x, columns) for x in matrices[1:])]
    # Of no examples, to know the form of what comes out.
    none = function(
        [{name: _stand_in(x, x.shape) for name, x in own.items()} for own in parameters],
        *(_stand_in(x, (x.shape[0], 0)) for x in parts),
    )
    lead = tuple(none.shape[:-1])
    return da.map_blocks(
        partial(_call, function),
        *parts,
        parameters=dask.delayed(parameters, pure=False),
        chunks=(*((length,) for length in lead), columns),
        drop_axis=0 if none.ndim == 1 else None,
        new_axis=[*range(none.ndim - 2)] or None,
        meta=none,
    )


def _call(function: Callable[..., Matrix], *blocks: Matrix, parameters: Any) -> Matrix:
    return function(parameters, *blocks)


def _stand_in(x: Array, shape: tuple[int, ...]) -> Array:
    """Return zeros of the kind of an array's blocks, or an array that is in memory."""
    if not is_dask_array(x):
        return x
    like = block_like(x)
    return namespace(like).zeros(shape, dtype=like.dtype)
