"""The figures that are measured between epochs: the cost of validation data, and metrics."""

from collections.abc import Callable, Mapping
from numbers import Real
from typing import NamedTuple

from dnn_xp.arguments import check_kind, naming_argument, shown
from dnn_xp.backends import (
    Array,
    asarray_like,
    block_like,
    computed,
    computes_lazily,
    dtype_name,
    namespace,
    plain_array,
    refuse_scattered,
    threads_for,
    without_record,
)
from dnn_xp.data.sources import Source, in_batches, in_memory
from dnn_xp.functions.costs import find_cost
from dnn_xp.functions.metrics.modes import Mode, mode_of
from dnn_xp.network import Network
from dnn_xp.network.checks import check_examples, check_floating
from dnn_xp.network.propagation import mean_cost
from dnn_xp.network.values import check_values, checked_targets, finite_source

__all__ = [
    "AT_ONCE",
    "LabeledExamples",
    "Evaluation",
    "Examples",
    "Metric",
    "ValidationData",
    "as_figure",
    "figure_modes",
    "make_evaluator",
    "prepare_validation",
]

AT_ONCE = 4096
"""Examples that go through the network at a time when it is measured, so that memory is bounded."""

Examples = Array | Source
LabeledExamples = tuple[Examples, Examples] | tuple[Examples, Examples, Array]
ValidationData = tuple[Examples, Examples, Array | None]
"""Validation data that were checked and brought, with weights or None."""

Metric = Callable[[Array, Array], Array]


class Evaluation(NamedTuple):
    """Validation data and metrics that are measured after each epoch, as in `dnn_xp.train`.

    Attributes
    ----------
    validation : (X, Y) or (X, Y, weights), optional
    metrics : mapping of str to callable
    """

    validation: LabeledExamples | None = None
    metrics: Mapping[str, Metric] = {}

    @property
    def prefix(self) -> str:
        """What stands before the names of figures in the history."""
        return "" if self.validation is None else "validation_"


def prepare_validation(
    like: Array, network: Network, validation: LabeledExamples | None
) -> ValidationData | None:
    """Return validation data, checked, in the library of the data that are trained on.

    Raises
    ------
    ValueError, TypeError
        Where they do not fit the network, or its cost.
    """
    if validation is None:
        return None
    # An array has a length, too, and would be taken apart by its rows.
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise TypeError(
            f"validation: found {shown(validation)}, expected a tuple (X, Y) or (X, Y, weights)"
        )
    X, Y, *weights = validation
    with naming_argument("validation"):
        X = in_memory(X)
        if not isinstance(X, Source):
            X = _beside(plain_array("X", X), like, network.layers[0].takes_integers)
        X, Y, own_weights = check_examples(network, X, Y, *weights)
        check_values(network.cost, X, Y, own_weights)
        if computes_lazily(X):
            refuse_scattered(X=X, Y=Y, weights=own_weights)
    Y = checked_targets(network.cost, Y)
    X, Y, own_weights = map(without_record, (finite_source(X), Y, own_weights))
    return X, Y, own_weights


def _beside(X: Array, like: Array, takes_integers: bool) -> Array:
    """Return X in the library and the dtype of other data, or as integers where it may be some.

    Beside data on Dask, what is in memory stays there.
    """
    if not computes_lazily(X):
        like = block_like(like)
    dtype = None
    if takes_integers and namespace(X).isdtype(X.dtype, "integral"):
        dtype = getattr(namespace(like), dtype_name(X.dtype))
    else:
        check_floating("X", X)
    return asarray_like(X, like=like, dtype=dtype)


def figure_modes(evaluation: Evaluation) -> dict[str, Mode]:
    """Return which figures are better when smaller, and which when larger, as far as is known."""
    found = {name: mode_of(metric) for name, metric in evaluation.metrics.items()}
    return {evaluation.prefix + name: mode for name, mode in found.items() if mode is not None}


def _check_metrics(metrics: Mapping[str, Metric]) -> None:
    expected = "functions of (A, Y) by name, such as {'accuracy': accuracy}"
    check_kind("metrics", metrics, Mapping, expected)
    for name, metric in metrics.items():
        if not (isinstance(name, str) and callable(metric)):
            raise TypeError(f"metrics: found {name!r}: {shown(metric)}, expected {expected}")


def as_figure(name: str, found: object) -> float:
    """Return what a metric has come to as Python's own number, or refuse it.

    Parameters
    ----------
    name : str
        Of the metric.
    found : object

    Raises
    ------
    TypeError
        Where it is no real number; a text that reads as one, and a truth value, are none.
    """
    shape, dtype = getattr(found, "shape", None), getattr(found, "dtype", None)
    if dtype is None:
        fits = isinstance(found, Real) and not isinstance(found, bool)
    else:
        fits = shape == () and dtype_name(dtype).startswith(("float", "bfloat", "int", "uint"))
    if not fits:
        raise TypeError(
            f"metrics: found {shown(found)} of {name!r}, expected a number, or an array of the "
            "shape () that holds one"
        )
    return float(found)  # type: ignore[arg-type]


def make_evaluator(
    network: Network,
    training: ValidationData,
    validation: ValidationData | None,
    evaluation: Evaluation,
) -> Callable[[Array], dict[str, float]]:
    """Return a function of theta that gives the figures that are measured after an epoch.

    Parameters
    ----------
    network : Network
    training : tuple (X, Y, weights)
        What is trained on, and measured where there are no validation data.
    validation : tuple, optional
        As `prepare_validation` returns it.
    evaluation : Evaluation

    Raises
    ------
    ValueError, TypeError
        Where a metric has the name of the cost, or is no function.
    """
    metrics, prefix = evaluation.metrics, evaluation.prefix
    _check_metrics(metrics)
    if validation is None and not metrics:
        return lambda theta: {}
    if "cost" in metrics:
        raise ValueError("metrics: found one called 'cost', which is the name of the run's own")
    X, Y, weights = training if validation is None else validation
    multiplications = network.layout.largest_parameter * min(AT_ONCE, X.shape[1])

    def evaluate(theta: Array) -> dict[str, float]:
        with threads_for(multiplications, like=theta):
            Z = computed(network.forward(theta, X, batch_size=AT_ONCE))
        xp, targets = namespace(Z), Y
        if metrics and isinstance(Y, Source):  # for a metric is a figure of all of them
            targets = xp.concat([some for some, _ in in_batches(Y, AT_ONCE)], axis=-1)
        figures: dict[str, float] = {}
        if validation is not None:
            cost = mean_cost(network.cost, Z, targets, weights, batch_size=AT_ONCE, xp=xp)
            figures["cost"] = float(cost)
        A = find_cost(network.cost).output(Z)
        figures |= {name: as_figure(name, metric(A, targets)) for name, metric in metrics.items()}
        return {prefix + name: value for name, value in figures.items()}

    return evaluate
