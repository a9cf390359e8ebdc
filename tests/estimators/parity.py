"""Fit scikit-learn's estimator and ours with the same parameters, and measure their distance."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn import neural_network
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

from dnn_xp import estimators

M, N_FEATURES, EPOCHS = 60, 7, 40
BATCH_SIZE = 14  # divides neither 60 nor the 48 that early stopping leaves to train on

SETTINGS = {
    "hidden_layer_sizes": (9, 5),
    "alpha": 0.01,
    "random_state": 3,
    "max_iter": EPOCHS,
    "tol": 1e-3,
    "n_iter_no_change": 8,
    "validation_fraction": 0.2,
}
MOMENTA = {
    "sgd": {"momentum": 0.0},
    "momentum": {"momentum": 0.9, "nesterovs_momentum": False},
    "nesterov": {"momentum": 0.9, "nesterovs_momentum": True},
}
RATES = {
    "constant": {"learning_rate_init": 0.01},
    "invscaling": {"learning_rate_init": 0.05, "power_t": 0.25},
    "adaptive": {"learning_rate_init": 0.05, "tol": 0.02, "n_iter_no_change": 2},
}

TARGETS = ("binary", "multiclass", "multilabel", "one output", "three outputs", "counts")
CLASSIFIED = TARGETS[:3]
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
SOLVERS: dict[str, dict[str, Any]] = {
    f"{kind} {rate}": {"solver": "sgd", "learning_rate": rate} | one | other
    for (kind, one), (rate, other) in product(MOMENTA.items(), RATES.items())
} | {"adam": {"solver": "adam", "learning_rate_init": 0.02}}
COURSES = (
    "fit",
    "early stopping",
    "warm start",
    "warm start, early stopping",
    "partial_fit",
    "fit, partial_fit",
)
FORMS = ("array", "CSR", "CSC", "lists", "pandas")


class Case(NamedTuple):
    """Case of a comparison: the parameters and the data of a pair of estimators."""

    target: str
    activation: str
    solver: str
    course: str
    weighted: bool
    shuffle: bool
    batch_size: int | str
    form: str

    def __str__(self) -> str:
        weights = "weighted" if self.weighted else "plain"
        order = "shuffled" if self.shuffle else "in order"
        return "-".join([*self[:4], weights, order, str(self.batch_size), self.form])


FACTORS: dict[str, Sequence[Any]] = {
    "target": TARGETS,
    "activation": ACTIVATIONS,
    "solver": tuple(SOLVERS),
    "course": COURSES,
    "weighted": (False, True),
    "shuffle": (True, False),
    "batch_size": ("auto", BATCH_SIZE),
    "form": FORMS,
}


def pairwise(factors: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return cases in which each two values of two factors meet at least once."""
    unmet = [
        {one: a, other: b}
        for one, other in combinations(factors, 2)
        for a, b in product(factors[one], factors[other])
    ]
    uses: Counter[tuple[str, Any]] = Counter()
    cases = []
    while unmet:
        case = dict(unmet[0])
        for name, values in factors.items():
            if name not in case:
                gains = [
                    (_meetings(case | {name: value}, name, unmet), -uses[name, value], -place)
                    for place, value in enumerate(values)
                ]
                case[name] = values[-max(gains)[2]]
        unmet = [pair for pair in unmet if not pair.items() <= case.items()]
        uses.update(case.items())
        cases.append(case)
    return cases


def _meetings(case: dict[str, Any], name: str, unmet: list[dict[str, Any]]) -> int:
    return sum(name in pair and pair.items() <= case.items() for pair in unmet)


# ----------------------------------------------------------------------------- data


def data(target: str) -> tuple[np.ndarray, np.ndarray]:
    """Return examples in rows, a quarter of whose features are 0, and their targets."""
    shape = {"n_samples": M, "n_features": N_FEATURES, "random_state": 0}
    if target in ("binary", "multiclass"):
        n_classes = 2 if target == "binary" else 4
        X, y = make_classification(n_informative=5, n_classes=n_classes, flip_y=0.2, **shape)
    elif target == "multilabel":
        X, y = make_multilabel_classification(n_classes=3, **shape)
        X = X / 10.0
    else:
        n_targets = 3 if target == "three outputs" else 1
        X, y = make_regression(n_targets=n_targets, noise=50.0, **shape)
        y = y / y.std(axis=0)
        if target == "counts":
            y = np.random.default_rng(1).poisson(np.exp(y / 2.0)).astype(float)
    X[np.random.default_rng(2).random(X.shape) < 0.25] = 0.0
    return X, y


def formed(X: np.ndarray, y: np.ndarray, form: str) -> tuple[Any, Any]:
    """Return data as a user may have them."""
    if form == "lists":
        return X.tolist(), y.tolist()
    if form == "pandas":
        import pandas

        frame = pandas.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
        return frame, pandas.Series(y) if y.ndim == 1 else pandas.DataFrame(y)
    make = {"array": np.asarray, "CSR": sparse.csr_array, "CSC": sparse.csc_array}[form]
    return make(X), y


def sample_weight() -> np.ndarray:
    """Return weights of examples, some of which are 0."""
    rng = np.random.default_rng(5)
    return rng.uniform(0.1, 3.0, M) * (rng.random(M) > 0.2)


# ----------------------------------------------------------------------------- pairs


def arguments(case: Case) -> dict[str, Any]:
    """Return the parameters of both estimators."""
    options = SETTINGS | SOLVERS[case.solver] | {"activation": case.activation}
    options |= {"shuffle": case.shuffle, "batch_size": case.batch_size}
    options |= {"early_stopping": "early" in case.course, "warm_start": "warm" in case.course}
    if case.target == "counts":  # whose exponential function soon flies away
        options |= {"loss": "poisson", "learning_rate_init": options["learning_rate_init"] / 3.0}
    return options


def make(package: ModuleType, target: str, **options: Any) -> Any:
    """Return the estimator of a package for a target."""
    kind = "MLPClassifier" if target in CLASSIFIED else "MLPRegressor"
    return getattr(package, kind)(**options)


def fitted(package: ModuleType, case: Case) -> Any:
    """Return the estimator of a package after a case's course."""
    one = make(package, case.target, **arguments(case))
    X, y = data(case.target)
    known = {"classes": np.arange(3) if case.target == "multilabel" else np.unique(y)}
    X, y = formed(X, y, case.form)
    given = {"sample_weight": sample_weight()} if case.weighted else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if case.course != "partial_fit":
            one.fit(X, y, **given)
        if "warm" in case.course:
            # Else scikit-learn's next steps would change what it has kept as the best.
            one.coefs_, one.intercepts_ = _copies(one.coefs_), _copies(one.intercepts_)
            one.fit(X, y, **given)
        if "partial_fit" in case.course:
            given |= known if case.target in CLASSIFIED else {}
            for _ in range(EPOCHS):
                one.partial_fit(X, y, **given)
    return one


def _copies(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [x.copy() for x in arrays]


def outputs(one: Any, X: Any) -> np.ndarray:
    """Return probabilities, or the numbers that are predicted."""
    return (one.predict_proba if hasattr(one, "predict_proba") else one.predict)(X)


def relative(found: Any, expected: Any) -> float:
    """Return the largest difference as a part of the largest number."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape, f"shape {found.shape}, expected {expected.shape}"
    return float(np.abs(found - expected).max() / (np.abs(expected).max() or 1.0))


class Pair(NamedTuple):
    """Our estimator and scikit-learn's, after the same."""

    ours: Any
    theirs: Any

    def difference(self, X: Any) -> float:
        """Return how far apart their losses, their scores and their outputs for X are."""
        ours, theirs = self
        found = [
            relative(
                np.divide(ours.loss_curve_, theirs.loss_curve_), np.ones_like(ours.loss_curve_)
            ),
            relative(outputs(ours, X), outputs(theirs, X)),
        ]
        if theirs.validation_scores_ is not None:
            found.append(relative(ours.validation_scores_, theirs.validation_scores_))
        return max(found)


def fit_both(case: Case) -> Pair:
    return Pair(fitted(estimators, case), fitted(neural_network, case))
