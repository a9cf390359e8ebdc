"""Which examples a step sees: shuffles and minibatches as indices, drawn on the host."""

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["minibatches"]

Indices = np.ndarray[Any, np.dtype[np.int32]]


def minibatches(n_examples: int, batch_size: int, seed: int, epoch: int) -> Iterator[Indices]:
    """Yield the examples of each minibatch of an epoch, all of them once, in random order.

    Parameters
    ----------
    n_examples : int
    batch_size : int
        The last minibatch holds what is left over.
    seed, epoch : int
        The order depends on these alone, so a run can be taken up at any epoch.

    Yields
    ------
    array of int32
    """
    order = np.random.default_rng((seed, epoch)).permutation(n_examples).astype(np.int32)
    for start in range(0, n_examples, batch_size):
        yield order[start : start + batch_size]
