"""What becomes of L-BFGS where outputs saturate, in scikit-learn's estimator and in ours?

    python -m benchmarks.sklearn_saturated

scikit-learn clips the probabilities in the cost, at 2.2e-16, but not in the gradient. Where an
output is further from its target than that, its line search is shown a flat cost beside a steep
gradient, and gives up. Features that are not scaled make such outputs from the first iteration on.
A row is a data set as it comes, or scaled; its figures are means over the seeds.
"""

import os
import warnings
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read as the libraries load, below

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from benchmarks.harness import keep
from dnn_xp import estimators

DATA: dict[str, Callable[..., Any]] = {
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "iris": load_iris,
    "digits": load_digits,
}
SEEDS = range(8)


def row(name: str, *, scaled: bool) -> dict[str, str | float]:
    """Return the means of a data set: accuracy on the training data, loss and iterations."""
    X, y = DATA[name](return_X_y=True)
    X = scale(X) if scaled else X
    found: dict[str, str | float] = {"data": name, "features": "scaled" if scaled else "raw"}
    for package, words in ((estimators, "dnn_xp"), (neural_network, "scikit-learn")):
        fits = [
            package.MLPClassifier(solver="lbfgs", random_state=seed).fit(X, y) for seed in SEEDS
        ]
        figures = {
            "accuracy": [fit.score(X, y) for fit in fits],
            "loss": [fit.loss_ for fit in fits],
            "iterations": [fit.n_iter_ for fit in fits],
        }
        found |= {f"{figure}, {words}": float(np.mean(some)) for figure, some in figures.items()}
    return found


def main() -> None:
    """Print the table and keep it."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    keep(
        "sklearn_saturated", [row(name, scaled=scaled) for name in DATA for scaled in (False, True)]
    )


if __name__ == "__main__":
    main()
