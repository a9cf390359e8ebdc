"""Which examples a step sees: shuffles, minibatches and shares of a mixture, drawn on the host."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from dnn_xp.backends import Array, bring, has_fixed_shapes, has_views, namespace, take_examples
from dnn_xp.sources import Source
from dnn_xp.training.step import Batch, Data, Recipe

__all__ = ["epoch_batches", "gathers", "minibatches", "mixup_shares"]

Indices = np.ndarray[Any, np.dtype[np.integer[Any]]]

GATHERED_AT_ONCE = 32_768
"""Elements of X that are gathered for several small batches at a time, since calls cost, too."""


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
        The order to take instead.
    padded : bool
        Whether the last minibatch is filled up to `batch_size` with examples that do not count.
    move : callable, optional
        Takes the order of the epoch to where it is used, all at once.

    Yields
    ------
    indices : array of int32
    count : int
        How many of them count, from the first on.
    """
    if order is None:
        order = np.random.default_rng((seed, epoch)).permutation(n_examples)
    places = order.astype(np.int32)
    if padded:
        places = np.resize(places, -(-n_examples // batch_size) * batch_size)
    moved = places if move is None else move(places)
    for start in range(0, n_examples, batch_size):
        count = min(batch_size, n_examples - start)
        yield moved[start : start + (batch_size if padded else count)], count


def mixup_shares(alpha: float, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return 4,096 draws of a Beta(alpha, alpha) distribution, from which steps choose."""
    return np.random.default_rng(seed).beta(alpha, alpha, 4096)


def gathers(X: Array | Source, batch_size: int) -> bool:
    """Return whether `epoch_batches` gathers the examples of a batch, rather than the step.

    Parameters
    ----------
    X : array or Source, shape (n_inputs, m)
    batch_size : int
    """
    if isinstance(X, Source):
        return True
    return has_views(X) and 2 * X.shape[0] * batch_size <= GATHERED_AT_ONCE


def epoch_batches(
    recipe: Recipe,
    data: Data,
    batch_size: int,
    seed: int,
    epoch: int,
    order: Callable[[int], Indices] | None,
) -> Iterator[tuple[Data, Batch]]:
    """Yield what each step of an epoch reads, and which examples those are.

    Parameters
    ----------
    recipe : Recipe
    data : Data
        All of them.
    batch_size, seed, epoch
        As in `minibatches`.
    order : callable, optional
        ``order(epoch)`` is the order to take instead of a random one.
    """
    X, Y, weights, *rest = data
    n_inputs, n_examples = X.shape
    reads = isinstance(X, Source)
    chosen = None if order is None else order(epoch)  # asked for each epoch: it may draw
    if batch_size == n_examples:
        X = X.read(slice(0, n_examples)) if reads else X
        yield Data(X, Y, weights, *rest), Batch(None, n_examples)
        return
    draw = partial(minibatches, order=chosen, padded=recipe.padded)
    place = partial(bring, like=Y, dtype=namespace(Y).int32)
    if not recipe.gathered:
        # A compiled step takes NumPy's arrays as they are, and would compile each slice of its own.
        move = None if has_fixed_shapes(Y) else place
        for indices, count in draw(n_examples, batch_size, seed, epoch, move=move):
            yield data, Batch(indices, count)
        return
    at_once = 1 if reads else max(1, GATHERED_AT_ONCE // (n_inputs * batch_size))
    for indices, count in draw(n_examples, at_once * batch_size, seed, epoch):
        places = place(indices)
        some_X = X.read(indices) if reads else take_examples(X, places)
        some_Y = take_examples(Y, places)
        some_weights = None if weights is None else namespace(weights).take(weights, places)
        for start in range(0, count, batch_size):
            part = slice(start, min(start + batch_size, places.shape[0]))
            w = None if some_weights is None else some_weights[part]
            seen = Data(some_X[:, part], some_Y[:, part], w, *rest)
            yield seen, Batch(places[part], min(batch_size, count - start))
