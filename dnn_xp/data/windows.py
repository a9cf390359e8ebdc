"""The order of examples that are read a window at a time, and batches of them, read ahead.

A window is what is in memory at once: runs of neighbouring examples, drawn from all over the data,
which are shuffled among each other. So a file is read in long pieces, and yet in random order.
"""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from dnn_xp.backends import HostArray

__all__ = [
    "RowBatch",
    "Window",
    "WindowOrder",
    "part_unit",
    "read_ahead",
    "run_of_chunks",
    "window_batches",
]

RUN = 64
"""Examples of a run, where there are no chunks, or smaller ones."""

Fetch = Callable[[HostArray], tuple[HostArray, ...]]
"""Reads rows at rising places: one array, or several that belong together."""


class Window(NamedTuple):
    """Examples that are in memory together.

    Attributes
    ----------
    examples : array of integers, shape (k,)
        Their places in the data, rising.
    order : array of integers, shape (k,)
        Where among them each one is that the epoch takes, one after the other.
    """

    examples: HostArray
    order: HostArray


@dataclass(frozen=True)
class WindowOrder:
    """The order in which epochs take examples: by windows, which depend on nothing but numbers.

    Runs come in random order; so many of them as fit make a window, and the examples of each are
    shuffled. Where all fit into one, the order is that of an array in memory.

    Parameters
    ----------
    n_examples : int
    run : int
        Neighbouring examples that are read together: those of a file's chunk.
    window : int
        Examples that a window holds, at most, but that it holds a run at least.
    """

    n_examples: int
    run: int
    window: int

    @property
    def n_windows(self) -> int:
        """How many windows there are in an epoch."""
        if self.n_examples <= self.window:  # though the last run be one that is cut short
            return 1
        return -(-self._n_runs // self._runs_at_once)

    def windows(self, seed: int, epoch: int, skip: int = 0) -> Iterator[Window]:
        """Yield the windows of an epoch: each example is in one of them, and there once.

        Parameters
        ----------
        seed, epoch : int
            The order depends on these, and on the numbers of this object, alone.
        skip : int
            Windows to leave out at the beginning; the others are the same.
        """
        if self.n_windows == 1:
            order = np.random.default_rng((seed, epoch)).permutation(self.n_examples)
            if not skip:
                yield Window(np.arange(self.n_examples), order)
            return
        runs = self._shuffled_runs(seed, epoch)
        for number in range(skip, self.n_windows):
            first = number * self._runs_at_once
            here = np.sort(runs[first : first + self._runs_at_once])
            examples = (here[:, None] * self.run + np.arange(self.run)).ravel()
            examples = examples[: np.searchsorted(examples, self.n_examples)]
            rng = np.random.default_rng((seed, epoch, number))
            yield Window(examples, rng.permutation(len(examples)))

    def find(self, seed: int, epoch: int, count: int) -> tuple[int, int]:
        """Return in which window, and at which place of its order, an epoch is after `count`."""
        if self.n_windows == 1 or count == 0:
            return 0, count
        full = self.run * self._runs_at_once
        place = int(np.argmax(self._shuffled_runs(seed, epoch)))  # of the last run
        lacking = -self.n_examples % self.run  # which that run has fewer than others
        if count >= full * (place // self._runs_at_once + 1) - lacking:
            count += lacking
        number, place = divmod(count, full)
        return number, place

    def held(self, window: Window, rank: int, size: int) -> HostArray:
        """Return which examples of a window one of several processes reads, as truth values.

        Each of them holds every size-th run of each window.

        Parameters
        ----------
        window : Window
        rank : int
            The process, from 0.
        size : int
            How many processes there are.
        """
        runs = window.examples // self.run
        numbers = np.cumsum(np.diff(runs, prepend=runs[:1]) != 0)
        found: HostArray = numbers % size == rank
        return found

    @property
    def _n_runs(self) -> int:
        return -(-self.n_examples // self.run)

    @property
    def _runs_at_once(self) -> int:
        return max(1, self.window // self.run)

    def _shuffled_runs(self, seed: int, epoch: int) -> HostArray:
        return np.random.default_rng((seed, epoch)).permutation(self._n_runs)


def run_of_chunks(chunk: int) -> int:
    """Return how many neighbouring examples are read together: so many chunks as make a run."""
    return int(chunk * max(1, RUN // chunk))


class RowBatch(NamedTuple):
    """A batch, as far as it is held here.

    Attributes
    ----------
    examples : array of int32, shape (b,)
        Their places in the data.
    used : int
        How many of them count; those after them only fill up the shape.
    whole : int
        How many examples the whole batch has.
    rows : tuple of ndarray
        What was fetched of them.
    """

    examples: HostArray
    used: int
    whole: int
    rows: tuple[HostArray, ...]


def read_ahead(
    windows: Iterator[Window], fetch: Callable[[Window], tuple[HostArray, ...]], ahead: bool = True
) -> Generator[tuple[Window, tuple[HostArray, ...]]]:
    """Yield windows with what is fetched of each.

    Parameters
    ----------
    windows : iterator of Window
    fetch : callable
    ahead : bool
        Whether a thread fetches the next window meanwhile. It ends with this generator, which is
        to be closed; what it raises is raised where its window is asked for.
    """
    if not ahead:
        for one in windows:
            yield one, fetch(one)
        return
    with ThreadPoolExecutor(1, "dnn_xp_reads_ahead") as pool:
        coming = [(one, pool.submit(fetch, one)) for one in islice(windows, 1)]
        while coming:
            window, future = coming.pop()
            rows = future.result()
            coming = [(one, pool.submit(fetch, one)) for one in islice(windows, 1)]
            yield window, rows


def part_unit(batch_size: int, size: int) -> int:
    """Return what the lengths of parts of a batch are filled up to multiples of.

    A quarter of a process's usual part: few shapes, where a library compiles for each, and little
    that does not count.
    """
    return -(-batch_size // (4 * size))


def window_batches(
    order: WindowOrder,
    fetch: Fetch,
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    first: int = 0,
    ahead: bool = True,
    padded: bool = False,
    rank: int = 0,
    size: int = 1,
    release: Callable[[tuple[HostArray, ...]], None] | None = None,
) -> Generator[RowBatch]:
    """Yield the batches of an epoch with their rows, which are read a window at a time.

    Parameters
    ----------
    order : WindowOrder
    fetch : callable
        ``fetch(places)`` is a tuple of what there is at rising places of the data.
    batch_size : int
        The last batch holds what is left over.
    seed, epoch : int
    first : int
        Batches to leave out at the beginning.
    ahead : bool
        Whether a thread reads the next window meanwhile: close this generator.
    padded : bool
        Whether a batch that is smaller is filled up to `batch_size` with examples that do not
        count, unless there are none; a part of one to a multiple of a quarter of its usual length.
    rank, size : int
        Of this process among several: it reads what it holds, and yields its part of each batch.
    release : callable, optional
        Is told what was fetched of a window when the batches hold all of it, in memory of their
        own: the next but one may then be fetched into the memory of this one.
    """
    unit = None
    if padded:
        unit = batch_size if size == 1 else part_unit(batch_size, size)
    skip, begin = order.find(seed, epoch, first * batch_size)

    def fetch_held(window: Window) -> tuple[HostArray, ...]:
        mine = window.examples
        return fetch(mine if size == 1 else mine[order.held(window, rank, size)])

    parts, whole = list[RowBatch](), 0
    read = read_ahead(order.windows(seed, epoch, skip), fetch_held, ahead)
    with closing(read):
        for window, rows in read:
            held = None if size == 1 else order.held(window, rank, size)
            places = None if held is None else np.cumsum(held) - 1
            while begin < len(window.order):
                taken = window.order[begin : begin + batch_size - whole]
                begin, whole = begin + len(taken), whole + len(taken)
                if held is not None:
                    taken = taken[held[taken]]
                at = taken if places is None else places[taken]
                some = tuple(one.take(at, axis=0) for one in rows)  # copies
                examples = window.examples[taken].astype(np.int32)
                parts.append(RowBatch(examples, len(examples), whole, some))
                if whole == batch_size:
                    yield _joined(parts, whole, unit)
                    parts, whole = [], 0
            begin = 0
            if release is not None:
                release(rows)
    if whole:
        yield _joined(parts, whole, unit)


def _joined(parts: list[RowBatch], whole: int, unit: int | None) -> RowBatch:
    """Return the parts of a batch as one, filled up to a multiple of a unit where one is given."""
    examples, rows = parts[0].examples, parts[0].rows
    if len(parts) > 1:
        examples = np.concatenate([part.examples for part in parts])
        rows = tuple(map(np.concatenate, zip(*(part.rows for part in parts), strict=True)))
    count = len(examples)
    if unit is not None and count % unit:
        filled = np.resize(np.arange(count), -(-count // unit) * unit)
        examples, rows = examples[filled], tuple(one[filled] for one in rows)
    return RowBatch(examples, count, whole, rows)
