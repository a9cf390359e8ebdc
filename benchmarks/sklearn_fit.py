"""How long do fit and predict take, against scikit-learn's own?

    python -m benchmarks.sklearn_fit [THREADS]

The same arguments, data and seed; that both go the same way is checked first, by their losses.
"""

import os
import sys

THREADS = sys.argv[1] if len(sys.argv) > 1 else "2"
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = THREADS

import subprocess  # noqa: E402 - threads are chosen before the libraries load
import warnings  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import numpy as np  # noqa: E402
import sklearn.neural_network as peer  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402

import dnn_xp  # noqa: E402
from benchmarks.harness import alternate, report  # noqa: E402

warnings.simplefilter("ignore", ConvergenceWarning)

PROGRAMS = {"dnn_xp": dnn_xp.MLPClassifier, "scikit-learn": peer.MLPClassifier}
ROUNDS = 7
MS = 1e-3


class Job(NamedTuple):
    features: int
    hidden: tuple[int, ...]
    batch: int
    solver: str
    dtype: str
    examples: int
    epochs: int

    def __str__(self) -> str:
        return f"fit {self.hidden}, batch {self.batch}, {self.solver}, {self.dtype}"


FITS = (
    Job(784, (256, 128), 128, "adam", "float32", 4096, 2),
    Job(20, (64,), 32, "sgd", "float64", 4096, 4),
    Job(20, (64, 64, 64), 32, "adam", "float32", 4096, 3),
    Job(784, (512, 512), 512, "adam", "float32", 8192, 2),
)


def data(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Return examples, and classes that a linear rule with noise gives."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(job.examples, job.features)).astype(job.dtype)
    scores = X @ rng.normal(size=(job.features, 10)) + rng.normal(size=(job.examples, 10))
    return X, scores.argmax(axis=1)


def estimators(job: Job) -> Mapping[str, Any]:
    """Return one of each, told the same."""
    told = {
        "hidden_layer_sizes": job.hidden,
        "batch_size": job.batch,
        "solver": job.solver,
        "max_iter": job.epochs,
        "random_state": 0,
    }
    return {name: kind(**told) for name, kind in PROGRAMS.items()}


def agree(job: Job, X: np.ndarray, y: np.ndarray) -> None:
    """Check that both have the same losses."""
    curves = [one.fit(X, y).loss_curve_ for one in estimators(job).values()]
    np.testing.assert_allclose(*curves, rtol=1e-9 if job.dtype == "float64" else 1e-4)


def fits() -> dict[str, dict[str, list[float]]]:
    """Measure whole calls of fit."""
    results = {}
    for job in FITS:
        X, y = data(job)
        agree(job, X, y)
        programs = {name: _bound(one.fit, X, y) for name, one in estimators(job).items()}
        results[str(job)] = alternate(programs, ROUNDS)
    return results


def predictions() -> dict[str, dict[str, list[float]]]:
    """Measure predict on one row and on many."""
    results = {}
    for job in (FITS[0], FITS[1]):
        X, y = data(job)
        fitted = {name: one.fit(X, y) for name, one in estimators(job).items()}
        many = np.resize(X, (100_000, job.features))
        one = X[:1]
        ours, theirs = (model.predict(X) for model in fitted.values())
        assert np.mean(ours == theirs) > 0.99  # in float32 they end a little apart
        for rows, repeats in ((one, 200), (many, 1)):
            programs = {
                name: _repeated(model.predict, rows, repeats) for name, model in fitted.items()
            }
            seconds = alternate(programs, ROUNDS)
            results[f"predict {len(rows)} rows, {job.hidden}, {job.dtype}"] = {
                name: [second / repeats for second in one] for name, one in seconds.items()
            }
    return results


FIRST_FIT = """
from {module} import MLPClassifier
MLPClassifier(max_iter=2, hidden_layer_sizes=4, batch_size=2).fit([[0.0], [1.0]], [0, 1])
"""


def first_fits() -> dict[str, dict[str, list[float]]]:
    """Measure a program that imports a classifier and fits it once."""
    modules = {"dnn_xp": "dnn_xp", "scikit-learn": "sklearn.neural_network"}
    programs = {
        name: _bound(_run, FIRST_FIT.format(module=module)) for name, module in modules.items()
    }
    return {"import and first fit": alternate(programs, ROUNDS)}


def _run(program: str) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


def _bound(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def _repeated(function: Callable[..., Any], argument: Any, times: int) -> Callable[[], Any]:
    def repeat() -> None:
        for _ in range(times):
            function(argument)

    return repeat


if __name__ == "__main__":
    report(f"sklearn_fit_{THREADS}", fits() | predictions() | first_fits(), MS, per="ms")
