"""Importances of features: what their permutation costs, on examples that were held out."""

from collections.abc import Sequence

import numpy as np

from dnn_xp.backends import Array, Matrix, Vector, asarray_like, namespace, take_examples
from dnn_xp.estimators.data import HostArray
from dnn_xp.estimators.tabular.members import Examples
from dnn_xp.network import Network
from dnn_xp.network.propagation import mean_cost
from dnn_xp.training.evaluation import AT_ONCE

__all__ = ["permutation_importances"]

_REPEATS = 5


def permutation_importances(
    network: Network,
    thetas: Sequence[Vector],
    held_out: Sequence[Examples],
    feature_of: HostArray,
    n_features: int,
    rng: np.random.RandomState,
) -> tuple[HostArray, HostArray]:
    """Return how much the cost grows where a feature is shuffled (Breiman 2001), and its spread.

    Parameters
    ----------
    network : Network
    thetas : sequence of array
        Of each member.
    held_out : sequence of Examples
        That each member has not seen.
    feature_of : ndarray of int, shape (n_columns,)
        The feature that each encoded column comes from: its columns are shuffled together.
    n_features : int
    rng : RandomState

    Returns
    -------
    importances, spreads : ndarray, shape (n_features,)
        Mean and standard deviation over members and shuffles.
    """
    grown = np.zeros((len(thetas), _REPEATS, n_features))
    for i, (theta, part) in enumerate(zip(thetas, held_out, strict=True)):
        before = _cost(network, theta, part)
        m = part.X.shape[1]
        for repeat in range(_REPEATS):
            for feature in np.unique(feature_of):
                order = rng.permutation(m)
                shuffled = _shuffled(part.X, feature_of == feature, order)
                after = _cost(network, theta, part._replace(X=shuffled))
                grown[i, repeat, feature] = after - before
    return grown.mean(axis=(0, 1)), grown.std(axis=(0, 1))


def _shuffled(X: Matrix, rows: HostArray, order: HostArray) -> Matrix:
    """Return columns in which some rows come from other columns."""
    xp = namespace(X)
    chosen = asarray_like(rows[:, None], like=X, dtype=xp.bool)
    return xp.where(chosen, take_examples(X, asarray_like(order, like=X, dtype=xp.int32)), X)


def _cost(network: Network, theta: Vector, part: Examples) -> float:
    Z: Array = network.forward(theta, part.X, batch_size=AT_ONCE)
    return float(mean_cost(network.cost, Z, part.Y, part.weights, xp=namespace(Z)))
