"""Loading of batches: a step reads all data and the places of a batch, or the batch itself."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any

from dnn_xp.backends import (
    Array,
    HostArray,
    asarray_like,
    has_fixed_shapes,
    has_views,
    namespace,
)
from dnn_xp.data.sources import Source, StoredRows, read_examples, reference_array
from dnn_xp.data.windows import window_batches
from dnn_xp.training.batches import minibatches
from dnn_xp.training.settings import Settings
from dnn_xp.training.step import Batch, Data, StepConfig

__all__ = ["load_batches", "prefetches", "reads_windows"]

PREFETCHED_ELEMENTS = 32_768
"""Elements of X that are gathered for several small batches at a time, since calls cost, too."""


def prefetches(X: Array | Source, Y: Array | Source, batch_size: int) -> bool:
    """Return whether `load_batches` gathers the examples of a batch, rather than the step.

    Parameters
    ----------
    X : array or Source, shape (n_inputs, m)
    Y : array or Source, shape (n_targets, m)
    batch_size : int
    """
    if isinstance(X, Source) or isinstance(Y, Source):
        return True
    return has_views(X) and 2 * X.shape[0] * batch_size <= PREFETCHED_ELEMENTS


def reads_windows(X: Array | Source, settings: Settings) -> bool:
    """Return whether `load_batches` reads examples a window at a time, in the source's own order.

    Parameters
    ----------
    X : array or Source, shape (n_inputs, m)
    settings : Settings
    """
    in_windows = isinstance(X, Source) and X.order is not None and settings.order is None
    return bool(in_windows and settings.batch_size < X.shape[1])


def load_batches(
    config: StepConfig,
    data: Data,
    settings: Settings,
    epoch: int,
    first: int = 0,
    share: tuple[int, int] = (0, 1),
) -> Generator[tuple[Data, Batch]]:
    """Yield what each step of an epoch reads, and which examples those are.

    Where no batch is gathered, it is all data: a `Source` as it is, with places of NumPy's. What
    yields is to be closed: a thread may be reading ahead.

    Parameters
    ----------
    config : StepConfig
    data : Data
        All of them.
    settings : Settings
    epoch : int
    first : int
        The batch to begin with.
    share : (int, int)
        The number of this process, and of how many: of windows that are gathered each process
        reads what it holds, and has its part of each batch.
    """
    X, Y, weights, *rest = data
    m = X.shape[1]
    # Asked for in each epoch, whatever the batches are: it may draw.
    chosen = None if settings.order is None else settings.order(epoch)
    if settings.batch_size == m:
        if first == 0:
            everything = slice(0, m)
            if config.gathered:
                X = X.read(everything) if isinstance(X, Source) else X
                Y = Y.read(everything) if isinstance(Y, Source) else Y
            yield Data(X, Y, weights, *rest), Batch(None, m, m)
    elif reads_windows(X, settings):
        yield from _load_windows(config, data, settings, epoch, first, share)
    else:
        draw = partial(
            minibatches, seed=settings.seed, epoch=epoch, order=chosen, padded=config.padded
        )
        yield from islice(_load_shuffled(config, data, settings.batch_size, draw), first, None)


def _load_windows(
    config: StepConfig,
    data: Data,
    settings: Settings,
    epoch: int,
    first: int,
    share: tuple[int, int],
) -> Iterator[tuple[Data, Batch]]:
    """Yield the batches of a source in its own order, whose rows are read a window at a time."""
    X, Y, weights, *rest = data
    sources = [one for one in (X, Y) if config.gathered and isinstance(one, Source)]
    ways = [(one.fetch, one.release) for one in sources if one.fetch is not None]
    place = _placer(Y)
    rank, size = share if config.gathered else (0, 1)

    def fetch(places: HostArray) -> tuple[HostArray, ...]:
        return tuple(fetch_rows(places) for fetch_rows, _ in ways)

    def release(rows: tuple[HostArray, ...]) -> None:
        for (_, release_rows), some in zip(ways, rows, strict=True):
            if release_rows is not None:
                release_rows(some)

    batches = window_batches(
        X.order,
        fetch,
        settings.batch_size,
        settings.seed,
        epoch,
        first=first,
        ahead=X.ahead,
        padded=config.padded,
        rank=rank,
        size=size,
        release=release,
    )
    with closing(batches):
        for examples, count, whole, rows in batches:
            if not config.gathered:
                yield data, Batch(examples, count, whole)
                continue
            places, (x_rows, *y_rows) = place(examples), rows
            if not len(examples):  # none of the batch's is held here
                yield Data(None, None, None, *rest), Batch(places, count, whole)
                continue
            some_Y = Y.read(StoredRows(*y_rows)) if y_rows else _take(Y, examples, places)
            w = None if weights is None else namespace(weights).take(weights, places)
            seen = Data(X.read(StoredRows(x_rows)), some_Y, w, *rest)
            yield seen, Batch(places, count, whole)


def _load_shuffled(
    config: StepConfig, data: Data, batch_size: int, draw: Callable[..., Iterator[Any]]
) -> Iterator[tuple[Data, Batch]]:
    """Yield the batches of an order that is drawn at once."""
    X, Y, weights, *rest = data
    n_inputs, n_examples = X.shape
    reads = isinstance(X, Source) or isinstance(Y, Source)
    place = _placer(Y)
    if not config.gathered:
        # A compiled step takes NumPy's arrays as they are, and would compile each slice of its own.
        move = None if has_fixed_shapes(Y) or reads else place
        for indices, count in draw(n_examples, batch_size, move=move):
            yield data, Batch(indices, count, count)
        return
    at_once = 1 if reads else max(1, PREFETCHED_ELEMENTS // (n_inputs * batch_size))
    move = None if reads else place
    for indices, count in draw(n_examples, at_once * batch_size, move=move):
        places = place(indices) if reads else indices
        some_X, some_Y = _take(X, indices, places), _take(Y, indices, places)
        some_weights = None if weights is None else namespace(weights).take(weights, places)
        for start in range(0, count, batch_size):
            part = slice(start, min(start + batch_size, places.shape[0]))
            w = None if some_weights is None else some_weights[part]
            seen = Data(some_X[:, part], some_Y[:, part], w, *rest)
            here = min(batch_size, count - start)
            yield seen, Batch(places[part], here, here)


def _placer(Y: Array | Source) -> Callable[[HostArray], Array]:
    """Return what brings places beside the targets."""
    like = reference_array(Y)
    return partial(asarray_like, like=like, dtype=namespace(like).int32)


def _take(x: Array | Source, indices: HostArray, places: Array) -> Array:
    """Return some examples, by their places on the host or beside the array."""
    return read_examples(x, indices if isinstance(x, Source) else places)
