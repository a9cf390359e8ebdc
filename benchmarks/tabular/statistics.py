"""How much less or more one method has of a score than another, and how sure that is."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.tabular.rows import Row

RESAMPLES = 10_000
INTERVAL = (0.025, 0.975)


class Change(NamedTuple):
    """A mean change in percent with its 95 % interval, less is better; of how many pairs."""

    percent: float
    low: float
    high: float
    pairs: int
    sets: int


def change(rows: Iterable[Row], ours: str, theirs: str, score: str) -> Change | None:
    """Return the mean paired change of the logarithm of a score, over what both were fitted to.

    Each set counts the same. Repetitions of a set are not independent, so the interval is of sets
    drawn anew, and then of repetitions within each. Of ten sets such an interval is about a fifth
    too narrow: what it only just excludes is not excluded.
    """
    found = pairs(rows, ours, theirs, score)
    if not found:
        return None
    logarithms = [np.array(one) for one in found.values()]
    mean = float(np.mean([one.mean() for one in logarithms]))
    low, high = np.quantile(resampled(logarithms), INTERVAL)
    figures = (100.0 * float(np.expm1(one)) for one in (mean, low, high))
    return Change(*figures, sum(map(len, logarithms)), len(logarithms))


def pairs(rows: Iterable[Row], ours: str, theirs: str, score: str) -> dict[str, list[float]]:
    """Return for each set the logarithms of the ratios of its repetitions."""
    of: dict[str, dict[tuple[str, int, int], float]] = {ours: {}, theirs: {}}
    for row in rows:
        if row["method"] in of and score in row:
            place = (row["set"], row["repetition"], row["rows"])
            of[row["method"]][place] = _positive(row, score)
    found: dict[str, list[float]] = {}
    for place, value in of[ours].items():
        if place in of[theirs]:
            found.setdefault(place[0], []).append(float(np.log(value / of[theirs][place])))
    return found


def resampled(sets: list[np.ndarray], resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Return means over sets that were drawn with replacement, each over repetitions drawn so."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(sets), (resamples, len(sets)))
    means = np.empty(drawn.shape)
    for place, values in enumerate(sets):
        here = drawn == place
        again = rng.integers(0, len(values), (int(here.sum()), len(values)))
        means[here] = values[again].mean(axis=1)
    return means.mean(axis=1)


def standard_error_of_coverage(row: Mapping[str, float], coverage: float) -> float:
    """Return that of a split-conformal coverage: both the test and the hold-out are samples."""
    counts = 1.0 / row["test_rows"] + 1.0 / row["held_out_rows"]
    return float(np.sqrt(coverage * (1.0 - coverage) * counts))


def _positive(row: Row, score: str) -> float:
    """Return a score, or where none was wrong that of half a row of the test."""
    return max(row[score], 0.5 / row["test_rows"])
