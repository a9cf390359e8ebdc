"""The figures that are measured between epochs: the cost of validation data, and metrics."""

from collections.abc import Callable, Mapping

from dnn_xp.backends import Array, bring
from dnn_xp.data.sources import Source
from dnn_xp.functions.costs import find_cost
from dnn_xp.network import Network

__all__ = ["Dataset", "Examples", "Judged", "Metric", "measures", "validation_beside"]

MEASURED_AT_ONCE = 4096
"""Examples that go through the network at a time when it is measured, so that memory is bounded."""

Examples = Array | Source
Dataset = tuple[Examples, Array] | tuple[Examples, Array, Array]
Judged = tuple[Examples, Array, Array | None]
"""Validation data that were checked and brought, with weights or None."""

Metric = Callable[[Array, Array], Array]


def validation_beside(like: Array, network: Network, validation: Dataset | None) -> Judged | None:
    """Return validation data, checked, in the library of the data that are trained on.

    Raises
    ------
    ValueError
        Where they do not fit the network.
    """
    if validation is None:
        return None
    X, Y, *weights = validation
    if not isinstance(X, Source):
        X = bring(X, like=like)
    try:
        return X, *network.check_data(X, Y, *weights)
    except ValueError as error:
        raise ValueError(f"validation: {error}") from error


def measures(
    network: Network,
    X: Examples,
    Y: Array,
    weights: Array | None,
    validation: Judged | None,
    metrics: Mapping[str, Metric],
) -> Callable[[Array], dict[str, float]]:
    """Return a function of theta that gives the figures that are measured after an epoch.

    Parameters
    ----------
    network : Network
    X, Y, weights
        What is trained on, and measured where there are no validation data.
    validation : tuple, optional
        As `validation_beside` returns it.
    metrics : mapping of str to callable

    Raises
    ------
    ValueError
        Where a metric has the name of the cost.
    """
    prefix = ""
    if validation is not None:
        X, Y, weights = validation
        prefix = "validation_"
    elif not metrics:
        return lambda theta: {}
    if "cost" in metrics:
        raise ValueError("metrics: found one called 'cost', which is the name of the run's own")

    def measure(theta: Array) -> dict[str, float]:
        Z = network.forward(theta, X, batch_size=MEASURED_AT_ONCE)
        figures = {"cost": network.mean_cost(Z, Y, weights)} if validation is not None else {}
        A = find_cost(network.cost).output(Z)
        figures |= {name: metric(A, Y) for name, metric in metrics.items()}
        return {prefix + name: float(value) for name, value in figures.items()}

    return measure
