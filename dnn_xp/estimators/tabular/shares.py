"""Shares of the examples: what each member of an ensemble trains on, and what it holds out."""

from typing import NamedTuple

import numpy as np

from dnn_xp.estimators.data import HostArray

__all__ = ["Share", "draw_shares"]


class Share(NamedTuple):
    """The places of the examples that a member trains on, and of those that it holds out."""

    training: HostArray
    held_out: HostArray


def draw_shares(
    strata: HostArray, n_members: int, part: float, rng: np.random.RandomState
) -> list[Share]:
    """Return the share of each member, with classes in about the same proportions.

    Hold-outs do not overlap as long as there are examples that nobody has held out; then all may
    be held out again.

    Parameters
    ----------
    strata : ndarray of int, shape (m,)
        The class of each example, or 0 for all.
    n_members : int
    part : float
        That is held out, between 0 and 1.
    rng : RandomState

    Raises
    ------
    ValueError
        Where there are fewer than two examples.
    """
    m = len(strata)
    if m < 2:
        raise ValueError(f"X: found n_samples={m}, expected at least 2, of which one is held out")
    size = min(max(1, round(part * m)), m - 1)
    shares, waiting = [], strata[:0]
    for _ in range(n_members):
        if len(waiting) < size:
            waiting = _mixed(strata, rng)
        held_out, waiting = waiting[:size], waiting[size:]
        inside = np.ones(m, bool)
        inside[held_out] = False
        shares.append(Share(np.flatnonzero(inside), np.sort(held_out)))
    return shares


def _mixed(strata: HostArray, rng: np.random.RandomState) -> HostArray:
    """Return a random order in which every stretch has its part of each stratum."""
    order = rng.permutation(len(strata))
    _, inverse, counts = np.unique(strata[order], return_inverse=True, return_counts=True)
    by_stratum = np.argsort(inverse, kind="stable")
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(strata))
    rank[by_stratum] = np.arange(len(strata)) - np.repeat(starts, counts)
    offsets = rng.random_sample(len(counts))
    return order[np.argsort((rank + offsets[inverse]) / counts[inverse], kind="stable")]
