"""How far from scikit-learn's are the losses, scores and predictions of the same estimator?

    python -m benchmarks.sklearn_parity

Every target, activation, solver and course of training, each plain and weighted, with data in
every form: 14,400 pairs, which takes half an hour. A row is a target, an activation and a solver;
its figures are the largest relative differences of each course.
"""

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read as the libraries load, below

from benchmarks.harness import keep
from tests.estimators.parity import (
    ACTIVATIONS,
    BATCH_SIZE,
    COURSES,
    SOLVERS,
    TARGETS,
    Case,
    data,
    fit_both,
    formed,
)

# Whether shuffled, the size of batches, and the form of the data.
FEEDS = (
    (True, "auto", "array"),
    (True, BATCH_SIZE, "CSR"),
    (False, BATCH_SIZE, "CSC"),
    (False, "auto", "lists"),
    (True, BATCH_SIZE, "pandas"),
)


def cases(target: str, activation: str, solver: str, course: str) -> Iterator[Case]:
    """Yield what differs in how the data are given."""
    for weighted, feed in product((False, True), FEEDS):
        yield Case(target, activation, solver, course, weighted, *feed)


def difference(case: Case) -> float:
    """Return the largest relative difference of a pair."""
    X, _ = formed(*data(case.target), case.form)
    return fit_both(case).difference(X)


def row(target: str, activation: str, solver: str) -> dict[str, str | float]:
    """Return the largest difference of each course."""
    warnings.simplefilter("error")
    found = {
        course: max(map(difference, cases(target, activation, solver, course)))
        for course in COURSES
    }
    words = {"target": target, "activation": activation, "solver": solver}
    return words | found | {"largest": max(found.values())}


def main() -> None:
    """Print the table and keep it."""
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(row, *zip(*product(TARGETS, ACTIVATIONS, SOLVERS), strict=True)))
    keep("sklearn_parity", rows)
    pairs = len(rows) * len(COURSES) * 2 * len(FEEDS)
    print(f"{pairs} pairs; the largest difference: {max(row['largest'] for row in rows):.1e}")


if __name__ == "__main__":
    main()
