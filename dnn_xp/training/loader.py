"""Loading of batches: a step reads all data and the places of a batch, or the batch itself."""

from collections.abc import Iterator
from functools import partial

from dnn_xp.backends import (
    Array,
    asarray_like,
    has_fixed_shapes,
    has_views,
    namespace,
    take_examples,
)
from dnn_xp.data.sources import Source, read_examples
from dnn_xp.training.batches import minibatches
from dnn_xp.training.settings import Settings
from dnn_xp.training.step import Batch, Data, StepConfig

__all__ = ["load_batches", "prefetches"]

PREFETCHED_ELEMENTS = 32_768
"""Elements of X that are gathered for several small batches at a time, since calls cost, too."""


def prefetches(X: Array | Source, batch_size: int) -> bool:
    """Return whether `load_batches` gathers the examples of a batch, rather than the step.

    Parameters
    ----------
    X : array or Source, shape (n_inputs, m)
    batch_size : int
    """
    if isinstance(X, Source):
        return True
    return has_views(X) and 2 * X.shape[0] * batch_size <= PREFETCHED_ELEMENTS


def load_batches(
    config: StepConfig, data: Data, settings: Settings, epoch: int
) -> Iterator[tuple[Data, Batch]]:
    """Yield what each step of an epoch reads, and which examples those are.

    Where no batch is gathered, it is all data: a `Source` as it is, with places of NumPy's.

    Parameters
    ----------
    config : StepConfig
    data : Data
        All of them.
    settings : Settings
    epoch : int
    """
    X, Y, weights, *rest = data
    batch_size, seed, order = settings.batch_size, settings.seed, settings.order
    n_inputs, n_examples = X.shape
    reads = isinstance(X, Source)
    chosen = None if order is None else order(epoch)  # asked for each epoch: it may draw
    if batch_size == n_examples:
        X = X.read(slice(0, n_examples)) if reads and config.gathered else X
        yield Data(X, Y, weights, *rest), Batch(None, n_examples, n_examples)
        return
    draw = partial(minibatches, order=chosen, padded=config.padded)
    place = partial(asarray_like, like=Y, dtype=namespace(Y).int32)
    if not config.gathered:
        # A compiled step takes NumPy's arrays as they are, and would compile each slice of its own.
        move = None if has_fixed_shapes(Y) or reads else place
        for indices, count in draw(n_examples, batch_size, seed, epoch, move=move):
            yield data, Batch(indices, count, count)
        return
    at_once = 1 if reads else max(1, PREFETCHED_ELEMENTS // (n_inputs * batch_size))
    move = None if reads else place
    for indices, count in draw(n_examples, at_once * batch_size, seed, epoch, move=move):
        places = place(indices) if reads else indices
        some_X = read_examples(X, indices)
        some_Y = take_examples(Y, places)
        some_weights = None if weights is None else namespace(weights).take(weights, places)
        for start in range(0, count, batch_size):
            part = slice(start, min(start + batch_size, places.shape[0]))
            w = None if some_weights is None else some_weights[part]
            seen = Data(some_X[:, part], some_Y[:, part], w, *rest)
            here = min(batch_size, count - start)
            yield seen, Batch(places[part], here, here)
