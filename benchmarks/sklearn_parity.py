"""How far from scikit-learn's are the losses, scores and predictions of the same estimator?

    python -m benchmarks.sklearn_parity

Every target, activation, solver and course of training, each plain and weighted, dense and sparse,
shuffled and in order: 5,760 pairs, which takes some minutes. A row is a target, an activation and a
solver; its figures are the largest relative differences of each course, and how many pairs diverge.
"""

import math
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read as the libraries load, below

import numpy as np
from sklearn import neural_network

from benchmarks.harness import keep
from dnn_xp import estimators
from tests.estimators.parity import (
    ACTIVATIONS,
    BATCH_SIZE,
    COURSES,
    SOLVERS,
    TARGETS,
    Case,
    Pair,
    data,
    fitted,
    formed,
)

# Whether shuffled, the size of batches, and the form of the data.
FEEDS = ((True, BATCH_SIZE, "array"), (False, "auto", "CSR"))


def cases(target: str, activation: str, solver: str, course: str) -> Iterator[Case]:
    """Yield what differs in how the data are given."""
    for weighted, feed in product((False, True), FEEDS):
        yield Case(target, activation, solver, course, weighted, *feed)


def difference(case: Case) -> float:
    """Return the largest relative difference of a pair, or NaN where scikit-learn's diverges."""
    X, _ = formed(*data(case.target), case.form)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of numbers that overflow
        try:
            theirs = fitted(neural_network, case)
        except ValueError:  # parameters that are not finite
            return math.nan
        if not np.isfinite(theirs.loss_curve_).all():
            return math.nan
    return Pair(fitted(estimators, case), theirs).difference(X)


def row(target: str, activation: str, solver: str) -> dict[str, str | float]:
    """Return the largest difference of each course."""
    warnings.simplefilter("error")
    found = {
        course: [difference(case) for case in cases(target, activation, solver, course)]
        for course in COURSES
    }
    largest = {course: _largest(some) for course, some in found.items()}
    return {
        "target": target,
        "activation": activation,
        "solver": solver,
        **largest,
        "largest": _largest(list(largest.values())),
        "diverging": sum(math.isnan(one) for some in found.values() for one in some),
    }


def _largest(differences: list[float]) -> float:
    return max((one for one in differences if not math.isnan(one)), default=math.nan)


def main() -> None:
    """Print the table and keep it."""
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(row, *zip(*product(TARGETS, ACTIVATIONS, SOLVERS), strict=True)))
    keep("sklearn_parity", rows)
    pairs, diverging = len(rows) * len(COURSES) * 2 * len(FEEDS), sum(r["diverging"] for r in rows)
    largest = _largest([one["largest"] for one in rows])
    print(f"{pairs} pairs, of which {diverging} diverge; the largest difference: {largest:.1e}")


if __name__ == "__main__":
    main()
