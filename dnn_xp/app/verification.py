"""Verification of an array library: each number next to what it must be.

The article's seeded cases, and the gradient of a small network for each cost and each activation
beside a difference of its cost. A library that lacks an operation gets a row that says so, and
the rest still runs.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.article.cases import CHECKS, Check
from dnn_xp.backends import from_host, to_host
from dnn_xp.functions.activations import ACTIVATIONS
from dnn_xp.functions.costs import COSTS
from dnn_xp.layers import Dense
from dnn_xp.network import Network, check_gradient

__all__ = ["Comparison", "comparisons", "count"]

GRADIENT_TOLERANCE = 1e-7
"""Of a relative difference: the truncation of the difference quotient and float64's rounding."""


class Comparison(NamedTuple):
    """A number beside what it must be.

    Attributes
    ----------
    name : str
    value, expected : float
        Of an array, the element that is farthest off.
    difference : float
        Absolute for what the article prints, relative for a gradient.
    ok : bool
    problem : str or None
        Why there is no number.
    """

    name: str
    value: float
    expected: float
    difference: float
    ok: bool
    problem: str | None = None


def count() -> int:
    """Return how many steps `comparisons` takes."""
    return len(CHECKS) + len(COSTS) + len(ACTIVATIONS)


def comparisons() -> Iterator[list[Comparison]]:
    """Compute everything on the current backend, step by step.

    Yields
    ------
    list of Comparison
        Those of one step.
    """
    for check in CHECKS:
        yield _attempt(check.name, partial(_printed, check))
    for cost in COSTS:
        network = Network(5, (Dense(4, "tanh"), Dense(3)), cost)
        yield _attempt(f"gradient of {cost}", partial(_gradient, network))
    for activation in ACTIVATIONS:
        network = Network(5, (Dense(4, activation), Dense(3)), "squared_error")
        yield _attempt(f"gradient of {activation}", partial(_gradient, network))


def _attempt(name: str, step: Callable[[str], list[Comparison]]) -> list[Comparison]:
    try:
        return step(name)
    # What a library does where it lacks something is not ours to know.
    except Exception as error:
        nothing = float("nan")
        problem = f"{type(error).__name__}: {error}"
        return [Comparison(name, nothing, nothing, nothing, False, problem)]


def _printed(check: Check, name: str) -> list[Comparison]:
    """Compare each array that a cell of the article prints."""
    computed, compared = check.compute(), []
    for part, expected in check.expected.items():
        value = np.asarray(to_host(computed[part]), dtype=np.float64)
        wanted = np.asarray(expected, dtype=np.float64)
        if value.shape != wanted.shape:
            raise ValueError(f"{part}: found shape {value.shape}, expected {wanted.shape}")
        differences = np.abs(value - wanted)
        # A nan counts as farthest off, and is not within any tolerance.
        worst = np.unravel_index(np.argmax(differences), differences.shape)
        difference = float(differences[worst])
        numbers = float(value[worst]), float(wanted[worst]), difference
        compared.append(Comparison(f"{name} {part}", *numbers, difference <= check.tolerance))
    return compared


def _gradient(network: Network, name: str) -> list[Comparison]:
    """Compare a gradient with a difference quotient."""
    rng = np.random.default_rng(1)
    theta, X, Y = rng.normal(size=network.size), rng.normal(size=(5, 7)), _targets(network, rng)
    check = check_gradient(network, *(from_host(array) for array in (theta, X, Y)))
    return [Comparison(name, *check, check.relative_difference < GRADIENT_TOLERANCE)]


def _targets(network: Network, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Draw targets of the kind that the cost is for."""
    shape = (network.n_targets, 7)
    if network.cost in ("softmax_cross_entropy", "grouped_softmax_cross_entropy"):
        return np.eye(3)[rng.integers(3, size=7)].T
    if network.cost == "sigmoid_cross_entropy":
        return rng.integers(2, size=shape).astype(np.float64)
    if network.cost == "poisson":
        return rng.poisson(2.0, size=shape).astype(np.float64)
    return rng.normal(size=shape)
