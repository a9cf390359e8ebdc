"""Batches, drawn on the host: shuffles, minibatches, coefficients of mixup."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["all_places", "filled_up", "minibatches", "mixup_coefficients"]

Indices = np.ndarray[Any, np.dtype[np.integer[Any]]]


def minibatches(
    n_examples: int,
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    order: Indices | None = None,
    padded: bool = False,
    move: Callable[[Indices], Any] | None = None,
) -> Iterator[tuple[Any, int]]:
    """Yield the examples of each minibatch of an epoch, all of them once, in random order.

    Parameters
    ----------
    n_examples : int
    batch_size : int
        The last minibatch holds what is left over.
    seed, epoch : int
        The order depends on these alone, so a run can be taken up at any epoch.
    order : array of integers, shape (n_examples,), optional
        The order to take instead: each example once.
    padded : bool
        Whether the last minibatch is filled up to `batch_size` with examples that do not count.
    move : callable, optional
        Takes the order of the epoch to where it is used, all at once.

    Yields
    ------
    indices : array of int32
    count : int
        How many of them count, from the first on.

    Raises
    ------
    ValueError
        Where the order is none.
    """
    if order is None:
        order = np.random.default_rng((seed, epoch)).permutation(n_examples)
    else:
        _check_order(order, n_examples)
    places = order.astype(np.int32)
    if padded:
        places = np.resize(places, -(-n_examples // batch_size) * batch_size)
    moved = places if move is None else move(places)
    for start in range(0, n_examples, batch_size):
        count = min(batch_size, n_examples - start)
        yield moved[start : start + (batch_size if padded else count)], count


def all_places(n_examples: int) -> Indices:
    """Return the places of all examples, in order."""
    return np.arange(n_examples, dtype=np.int32)


def filled_up(indices: Indices, unit: int) -> Indices:
    """Return indices, at least one, repeated until their number is a multiple of a unit.

    A library that compiles for each shape then meets few of them.
    """
    return np.resize(indices, -(-len(indices) // unit) * unit)


def _check_order(order: Indices, n_examples: int) -> None:
    order = np.asarray(order)
    expected = f"expected the numbers from 0 to {n_examples - 1}, each once"
    if order.shape != (n_examples,) or order.dtype.kind not in "iu":
        raise ValueError(f"order: found {order.dtype} of shape {order.shape}, {expected}")
    seen = np.zeros(n_examples, bool)
    inside = order[(order >= 0) & (order < n_examples)]
    seen[inside] = True
    if not seen.all():
        raise ValueError(f"order: found no {int(np.argmin(seen))}, {expected}")


def mixup_coefficients(alpha: float, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return 4,096 draws of a Beta(alpha, alpha) distribution, from which steps choose."""
    return np.random.default_rng(seed).beta(alpha, alpha, 4096)
