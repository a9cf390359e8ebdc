"""Which examples a step sees, drawn on the host: shuffles, minibatches, shares of a mixture."""

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["minibatches", "mixup_shares"]

Indices = np.ndarray[Any, np.dtype[np.int32]]


def minibatches(
    n_examples: int, batch_size: int, seed: int, epoch: int, *, padded: bool = False
) -> Iterator[tuple[Indices, int]]:
    """Yield the examples of each minibatch of an epoch, all of them once, in random order.

    Parameters
    ----------
    n_examples : int
    batch_size : int
        The last minibatch holds what is left over.
    seed, epoch : int
        The order depends on these alone, so a run can be taken up at any epoch.
    padded : bool
        Whether the last minibatch is filled up to `batch_size` with examples that do not count.

    Yields
    ------
    indices : array of int32
    count : int
        How many of them count, from the first on.
    """
    order = np.random.default_rng((seed, epoch)).permutation(n_examples).astype(np.int32)
    for start in range(0, n_examples, batch_size):
        indices = order[start : start + batch_size]
        yield np.resize(indices, batch_size) if padded else indices, indices.shape[0]


def mixup_shares(alpha: float, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return 4,096 draws of a Beta(alpha, alpha) distribution, from which steps choose."""
    return np.random.default_rng(seed).beta(alpha, alpha, 4096)
