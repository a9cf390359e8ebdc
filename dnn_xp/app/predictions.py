"""Predictions as columns: what a model says of each example, in names and numbers.

Nothing here prints.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import HostArray, to_host
from dnn_xp.functions.costs import find_cost, quantiles_of
from dnn_xp.models import Model

__all__ = ["Predictions", "join", "of_estimator", "of_outputs"]


class Predictions(NamedTuple):
    """What a model says of some examples.

    Attributes
    ----------
    columns : mapping of str to ndarray, shape (m,)
        Texts and numbers. Those that end in "probability" are probabilities.
    probabilities : ndarray of float, shape (m, k), or None
        Of each class or label; None for values.
    classes : tuple of str
        Their names.
    labels : bool
        Whether these do not exclude each other.
    """

    columns: Mapping[str, HostArray]
    probabilities: HostArray | None = None
    classes: tuple[str, ...] = ()
    labels: bool = False


def join(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of several parts of the examples, by the same model, in one."""
    first = parts[0]
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in first.columns
    }
    if first.probabilities is None:
        return first._replace(columns=columns)
    several = [part.probabilities for part in parts if part.probabilities is not None]
    return first._replace(columns=columns, probabilities=np.concatenate(several))


# ----------------------------------------------------------------------------- of one network


def of_outputs(A: HostArray, model: Model) -> Predictions:
    """Return what the outputs of a model's network say.

    Parameters
    ----------
    A : ndarray, shape (n_outputs, m)
    model : Model
        Where it names no classes, they are called by their numbers.
    """
    name = find_cost(model.network.cost).name
    if name == "grouped_softmax_cross_entropy":
        return _of_groups(A, find_cost(model.network.cost).parameters)
    if model.classes is None and not name.startswith(("sigmoid", "softmax")):
        return _of_values(A, _names_of_values(model))
    if name.startswith("sigmoid") and (len(A) > 1 or len(model.classes or "..") == 1):
        return _of_labels(A.T, model.classes or _numbers(len(A)))
    if len(A) == 1:
        A = np.concatenate([1.0 - A, A])
    return _of_classes(A.T, model.classes or _numbers(len(A)))


def _of_groups(A: HostArray, sizes: Sequence[float]) -> Predictions:
    stops = np.cumsum([int(size) for size in sizes]).tolist()
    choices = [A[start:stop].T for start, stop in zip([0, *stops[:-1]], stops, strict=True)]
    return _of_choices(choices, [_numbers(choice.shape[1]) for choice in choices])


def _numbers(n: int) -> tuple[str, ...]:
    return tuple(map(str, range(n)))


def _of_classes(probabilities: HostArray, classes: tuple[str, ...], of: str = "") -> Predictions:
    """Return the likeliest class of each example, and the next one."""
    names, rows = np.asarray(classes, object), np.arange(len(probabilities))
    first = probabilities.argmax(axis=1)
    others = np.array(probabilities)
    others[rows, first] = -1.0
    second = others.argmax(axis=1)
    columns = {
        f"{of}class": names[first],
        f"{of}probability": probabilities[rows, first],
        f"{of}runner-up": names[second],
        f"{of}runner-up probability": probabilities[rows, second],
    }
    return Predictions(columns, probabilities, classes)


def _of_choices(choices: Sequence[HostArray], classes: Sequence[tuple[str, ...]]) -> Predictions:
    """Return the classes of several columns, each of which has its own."""
    found = [
        _of_classes(probabilities, names, f"output {place} ")
        for place, (probabilities, names) in enumerate(zip(choices, classes, strict=True), 1)
    ]
    columns = {name: column for one in found for name, column in one.columns.items()}
    named = [f"{place}: {name}" for place, names in enumerate(classes, 1) for name in names]
    return Predictions(columns, np.concatenate(choices, axis=1), tuple(named))


def _of_labels(probabilities: HostArray, labels: tuple[str, ...]) -> Predictions:
    """Return all labels above 1/2, and the likeliest of the others.

    The probability is that of the least sure decision.
    """
    said = np.empty(len(probabilities), object)
    for row, values in enumerate(probabilities > 0.5):
        said[row] = ", ".join(labels[place] for place in np.flatnonzero(values))
    rest = np.where(probabilities > 0.5, -1.0, probabilities)
    next_one, rows = rest.argmax(axis=1), np.arange(len(rest))
    none_left = rest[rows, next_one] < 0.0
    columns = {
        "labels": said,
        "probability": np.maximum(probabilities, 1.0 - probabilities).min(axis=1),
        "runner-up": np.where(none_left, "", np.asarray(labels, object)[next_one]),
        "runner-up probability": np.where(none_left, np.nan, rest[rows, next_one]),
    }
    return Predictions(columns, probabilities, labels, labels=True)


def _of_values(A: HostArray, names: Sequence[str]) -> Predictions:
    return Predictions({name: A[place] for place, name in enumerate(names)})


def _names_of_values(model: Model) -> list[str]:
    """Return names of outputs: values, or quantiles of them, numbered where there are several."""
    levels = quantiles_of(find_cost(model.network.cost))
    n_targets = model.network.n_outputs // max(1, len(levels))
    targets = ["value"] if n_targets == 1 else [f"value {i + 1}" for i in range(n_targets)]
    if not levels:
        return targets
    return [f"{target} at {level:g}" for target in targets for level in levels]


# ----------------------------------------------------------------------------- of estimators


def of_estimator(estimator: Any, model: Model, coverage: float) -> Callable[[Any], Predictions]:
    """Return what predicts by an estimator of tables.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
    model : Model
        Of which it was made.
    coverage : float
        Of the intervals that go with values, where examples were held out for them.
    """
    if not hasattr(estimator, "predict_proba"):
        return lambda X: _of_regressor(estimator, model, coverage, X)

    def predict(X: Any) -> Predictions:
        found = estimator.predict_proba(X)
        if isinstance(found, list):
            classes = [tuple(map(str, to_host(names).tolist())) for names in estimator.classes_]
            return _of_choices([to_host(choice) for choice in found], classes)
        probabilities = to_host(found)
        names = tuple(map(str, to_host(estimator.classes_).tolist()))
        if model.classes is None:
            return _of_labels(probabilities, names)
        return _of_classes(probabilities, names)

    return predict


def _of_regressor(estimator: Any, model: Model, coverage: float, X: Any) -> Predictions:
    values = to_host(estimator.predict(X))
    columns = _of_values(np.atleast_2d(values.T), _names_of_values(model)).columns
    targets = [] if (model.table or {}).get("errors") is None else _targets(columns)
    if not targets:
        return Predictions(columns)
    ends = to_host(estimator.predict_interval(X, coverage)).reshape(len(values), -1, 2)
    said = dict(columns)
    for place in range(ends.shape[1]):
        of = "" if ends.shape[1] == 1 else f" {place + 1}"
        said |= {f"lower{of}": ends[:, place, 0], f"upper{of}": ends[:, place, 1]}
    return Predictions(said)


def _targets(columns: Mapping[str, HostArray]) -> list[str]:
    return list(dict.fromkeys(name.partition(" at ")[0] for name in columns))
