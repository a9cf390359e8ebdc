"""Data that a page is given in Python, as the examples that a model is shown."""

from typing import Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.backends import HostArray, to_host
from dnn_xp.data import Dataset, Source, with_classes
from dnn_xp.data.stored import StoredDataset
from dnn_xp.functions.activations import sigmoid, softmax
from dnn_xp.functions.costs import find_cost
from dnn_xp.models import Model
from dnn_xp.network.checks import check_examples
from dnn_xp.reports.examples import MOST_EXAMPLES, Examples, in_memory, model_task
from dnn_xp.reports.pages.facts import Facts

__all__ = ["given_examples", "interval_of"]

_COVERAGE = 0.9
"""Of the intervals that an estimator is asked for."""

_NAME = "examples"

_RUN = 64
"""Neighbours of a file that are drawn together."""


def given_examples(facts: Facts, data: Any) -> Examples:
    """Return what a model is shown.

    Parameters
    ----------
    facts : Facts
    data : (X, Y), Dataset, StoredDataset or Examples
        X and Y as `train` takes them, or as the estimator does.

    Raises
    ------
    ValueError, TypeError
        Where they do not fit the model, or there is none.
    """
    model, estimator = facts.model, facts.estimator
    if isinstance(data, Examples):
        return data
    stored: tuple[str, ...] = ()
    if isinstance(data, StoredDataset):
        data, stored = in_memory(data, 0)
    if not isinstance(data, Dataset):
        fits = isinstance(data, tuple | list) and len(data) == 2
        check("data", type(data).__name__, fits, "(X, Y), a Dataset, or Examples")
    if estimator is not None:
        X, y = _rows_of(data) if isinstance(data, Dataset) else data
        return _said_by(estimator, X, y)._replace(notes=stored)
    if model is None:
        raise ValueError(f"data: {facts.name} has no model to show them to")
    if model.table is not None:
        kind = model.table["estimator"]
        raise ValueError(
            f"run: found a model of {kind}, expected the estimator that shows what it predicts: "
            f"{kind}.from_model(load_model(path))"
        )
    if isinstance(data, Dataset):
        known = data.classes is not None and model.classes not in (None, data.classes)
        data = with_classes(data, model.classes or ()) if known and data.y.ndim == 1 else data
        n_inputs, (n, m) = model.network.n_inputs, data.X.shape
        check("data", data.X.shape, n == n_inputs and m > 0, f"X of shape ({n_inputs}, m)")
        check("data", data.y.shape, data.y.shape[-1] == m, f"y of {m} examples")
        return Examples(_NAME, data, notes=stored)
    return _columns(model, *data)


def _columns(model: Model, X: Any, Y: Any) -> Examples:
    """Return examples and targets as `train` takes them."""
    m = X.shape[1] if isinstance(X, Source) else 0
    few: Any = slice(0, m)
    notes: tuple[str, ...] = ()
    if m > MOST_EXAMPLES:
        few = _some_places(m)
        notes = (f"Of {m:,} examples {len(few):,} are shown, drawn at random.",)
    is_source = isinstance(Y, Source)
    X, Y = (to_host(one.read(few) if isinstance(one, Source) else one) for one in (X, Y))
    Y = Y[..., few] if m and not is_source and Y.shape[-1:] == (m,) else Y
    network = model.network
    hint = "; model.encoder.transform(rows).T makes them" if model.encoder is not None else ""
    fits = X.ndim == 2 and X.shape[0] == network.n_inputs
    check("data", X.shape, fits, f"X of shape ({network.n_inputs}, m), columns{hint}")
    X, Y, _ = check_examples(network, X, Y)
    part = Dataset(X, Y, model.classes, model.image_shape, model.pixel_max, model_task(model))
    cost = find_cost(network.cost)
    if cost.output is softmax:
        part = part._replace(y=Y.argmax(axis=0), task="classes")
    elif cost.output is sigmoid and network.n_outputs == 1:
        part = part._replace(y=(Y[0] > 0.5).astype(np.int64), task="classes")
    elif cost.output is sigmoid:
        part = part._replace(y=(Y > 0.5).astype(np.uint8), task="labels")
    return Examples(_NAME, part, notes=notes)


def _some_places(m: int) -> HostArray:
    """Return places of some examples of a file: runs of neighbours, which are read together."""
    runs = np.random.default_rng(0).permutation(-(-m // _RUN))[: MOST_EXAMPLES // _RUN]
    places = (np.sort(runs)[:, None] * _RUN + np.arange(_RUN)).ravel()
    return places[places < m]


# ----------------------------------------------------------------------------- estimators


def _rows_of(data: Dataset) -> tuple[HostArray, HostArray]:
    """Return data as an estimator takes them."""
    if data.y.ndim == 1 and data.classes is not None:
        return data.X.T, np.asarray(data.classes)[data.y]
    return data.X.T, data.y.T if data.y.shape[0] > 1 else data.y[0]


def _said_by(estimator: Any, X: Any, y: Any) -> Examples:
    """Return examples, and what an estimator says of them."""
    y = to_host(y)
    if hasattr(estimator, "predict_proba"):
        A = estimator.predict_proba(X)
        if isinstance(A, list):
            raise ValueError("data: found several columns of classes, expected one")
        return _classes_of(estimator, to_host(A).T, y)
    A = to_host(estimator.predict(X))
    Y = y.reshape(A.shape).astype(np.float64)
    if A.ndim == 1:
        A, Y = A[None], Y[None]
    else:
        A, Y = A.T, Y.T
    part = Dataset(np.empty((0, A.shape[1])), Y, None, None, None, "regression")
    return Examples(_NAME, part, A, interval_of(estimator, X))


def _classes_of(estimator: Any, A: HostArray, y: HostArray) -> Examples:
    m, names = A.shape[1], tuple(map(str, to_host(estimator.classes_).tolist()))
    X = np.empty((0, m))
    if y.ndim == 2 and y.shape[1] > 1:
        labels = (y.T > 0.5).astype(np.uint8)
        return Examples(_NAME, Dataset(X, labels, names, None, None, "labels"), A)
    places, found = {name: place for place, name in enumerate(names)}, y.reshape(-1).tolist()
    if unknown := [one for one in found if str(one) not in places]:
        raise ValueError(f"data: found the class {unknown[0]!r}, expected some of {list(names)}")
    numbers = np.asarray([places[str(one)] for one in found], np.int64)
    return Examples(_NAME, Dataset(X, numbers, names, None, None, "classes"), A)


def interval_of(estimator: Any, X: Any) -> tuple[HostArray, HostArray, float] | None:
    """Return the intervals that an estimator gives; None where it gives none."""
    if not hasattr(estimator, "predict_interval"):
        return None
    try:
        ends = to_host(estimator.predict_interval(X, _COVERAGE))
    except ValueError:  # nothing was held out which they could be worked out from
        return None
    low, high = np.moveaxis(ends, -1, 0)
    return np.atleast_2d(low.T), np.atleast_2d(high.T), _COVERAGE
