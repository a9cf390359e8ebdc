"""The parameters of a network in scikit-learn's form: ``coefs_``, ``intercepts_``, and norms."""

from typing import Any, NamedTuple

from dnn_xp.backends import Array, bring, dtype_name, namespace
from dnn_xp.layers import Arrays, Dense
from dnn_xp.network import Network

__all__ = ["AT_ONCE", "Weights", "by_layer", "from_theta", "moved", "to_theta"]


AT_ONCE = 4096
"""Examples that go through a network at a time where nothing is learnt."""


class Weights(NamedTuple):
    """The parameters of a network, layer by layer.

    Attributes
    ----------
    coefs : list of array, shape (n_inputs, n_outputs)
    intercepts : list of array, shape (n_outputs,)
    norms : list of dict of str to array, shape (n_units,)
        Of the normalizing layers, by the names in `dnn_xp.Network.shapes`.
    """

    coefs: list[Array]
    intercepts: list[Array]
    norms: list[Arrays]


def from_theta(network: Network, theta: Array) -> Weights:
    """Return the parameters that a vector holds, as views where the library has views."""
    xp, found = namespace(theta), Weights([], [], [])
    for layer, of_layer in zip(network.layers, network.layout.views(theta, xp), strict=True):
        if isinstance(layer, Dense):
            found.coefs.append(xp.matrix_transpose(of_layer["W"]))
            found.intercepts.append(xp.reshape(of_layer["b"], (-1,)))
        elif of_layer:
            found.norms.append({key: xp.reshape(one, (-1,)) for key, one in of_layer.items()})
    return found


def moved(weights: Weights, like: Array, dtype: Any = None) -> Weights:
    """Return the parameters beside an array, each in the dtype that it has, or in another."""

    def move(x: Array) -> Array:
        own = getattr(namespace(like), dtype_name(x.dtype))
        return bring(x, like=like, dtype=own if dtype is None else dtype)

    norms = [{key: move(one) for key, one in of_layer.items()} for of_layer in weights.norms]
    return Weights(list(map(move, weights.coefs)), list(map(move, weights.intercepts)), norms)


def by_layer(network: Network, weights: Weights) -> list[Arrays]:
    """Return the parameters of each layer, in the shapes that it has them in."""
    xp = namespace(weights.coefs[0])
    dense = zip(weights.coefs, weights.intercepts, strict=True)
    norms = iter(weights.norms)
    found: list[Arrays] = []
    for layer, slots in zip(network.layers, network.layout.slots, strict=True):
        if isinstance(layer, Dense):
            coef, intercept = next(dense)
            W, b = coef.T, xp.reshape(intercept, (-1, 1))
            found.append({"W": W, "b": b})
        elif slots:
            found.append({key: xp.reshape(one, (-1, 1)) for key, one in next(norms).items()})
        else:
            found.append({})
    return found


def to_theta(network: Network, weights: Weights) -> Array:
    """Return the vector that holds the parameters.

    Raises
    ------
    ValueError
        Where they are of another network.
    """
    kinds = [isinstance(layer, Dense) for layer in network.layers if layer.parameter_shapes((1,))]
    for name, found, expected in (
        ("coefs_", len(weights.coefs), sum(kinds)),
        ("norms_", len(weights.norms), len(kinds) - sum(kinds)),
    ):
        if found != expected:
            raise ValueError(
                f"{name}: found {found}, expected {expected}, one a layer; a network that is "
                "trained on stays what it is"
            )
    return network.pack(
        {
            f"{key}{place}": one
            for place, of_layer in enumerate(by_layer(network, weights), 1)
            for key, one in of_layer.items()
        }
    )
