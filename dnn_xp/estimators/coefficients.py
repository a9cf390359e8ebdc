"""Weights of a network in scikit-learn's form: ``coefs_``, ``intercepts_``, and norms."""

from typing import Any, NamedTuple

from dnn_xp.backends import Array, Vector, asarray_like, dtype_name, namespace
from dnn_xp.layers import Arrays, Dense
from dnn_xp.network import Network

__all__ = ["Weights", "bring_weights", "by_layer", "from_theta", "to_theta"]


class Weights(NamedTuple):
    """Weights of a network, layer by layer: all of its parameters.

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


def from_theta(network: Network, theta: Vector) -> Weights:
    """Return the weights that a vector holds, as views where the library has views."""
    xp, weights = namespace(theta), Weights([], [], [])
    for layer, arrays in zip(network.layers, network.layout.views(theta, xp), strict=True):
        if isinstance(layer, Dense):
            weights.coefs.append(xp.matrix_transpose(arrays["W"]))
            weights.intercepts.append(xp.reshape(arrays["b"], (-1,)))
        elif arrays:
            weights.norms.append({name: xp.reshape(x, (-1,)) for name, x in arrays.items()})
    return weights


def bring_weights(weights: Weights, like: Array, dtype: Any = None) -> Weights:
    """Return the weights beside an array, each in the dtype that it has, or in another."""

    def bring_one(x: Array) -> Array:
        own = getattr(namespace(like), dtype_name(x.dtype))
        return asarray_like(x, like=like, dtype=own if dtype is None else dtype)

    return Weights(
        [bring_one(coef) for coef in weights.coefs],
        [bring_one(intercept) for intercept in weights.intercepts],
        [{name: bring_one(x) for name, x in arrays.items()} for arrays in weights.norms],
    )


def by_layer(network: Network, weights: Weights) -> list[Arrays]:
    """Return the arrays of each layer, in the shapes that it has them in."""
    xp = namespace(weights.coefs[0])
    dense = zip(weights.coefs, weights.intercepts, strict=True)
    norms = iter(weights.norms)
    layers: list[Arrays] = []
    for layer, slots in zip(network.layers, network.layout.slots, strict=True):
        if isinstance(layer, Dense):
            coef, intercept = next(dense)
            layers.append({"W": coef.T, "b": xp.reshape(intercept, (-1, 1))})
        elif slots:
            layers.append({name: xp.reshape(x, (-1, 1)) for name, x in next(norms).items()})
        else:
            layers.append({})
    return layers


def to_theta(network: Network, weights: Weights) -> Vector:
    """Return the vector that holds the weights.

    Raises
    ------
    ValueError
        Where they are of another network.
    """
    dense = [isinstance(layer, Dense) for layer in network.layers if layer.parameter_shapes((1,))]
    for name, count, expected in (
        ("coefs_", len(weights.coefs), sum(dense)),
        ("norms_", len(weights.norms), len(dense) - sum(dense)),
    ):
        if count != expected:
            raise ValueError(
                f"{name}: found {count}, expected {expected}, one a layer; a network that is "
                "trained on stays what it is"
            )
    slots = [slots for slots in network.layout.slots if "W" in slots]
    for place, (coef, intercept, own) in enumerate(
        zip(weights.coefs, weights.intercepts, slots, strict=True)
    ):
        _check_shape(f"coefs_[{place}]", coef, own["W"].shape[::-1])
        _check_shape(f"intercepts_[{place}]", intercept, own["b"].shape[:1])
    return network.pack(
        {
            f"{name}{place}": x
            for place, arrays in enumerate(by_layer(network, weights), 1)
            for name, x in arrays.items()
        }
    )


def _check_shape(name: str, x: Array, expected: tuple[int, ...]) -> None:
    """Refuse a weight of another shape, which a user may have set."""
    found = tuple(getattr(x, "shape", ())) if hasattr(x, "shape") else type(x).__name__
    if found != expected:
        raise ValueError(f"{name}: found {found}, expected an array of shape {expected}")
