"""Networks described in JSON's types, as files and runs know them again."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dnn_xp.functions.activations import ActivationFunction
from dnn_xp.functions.costs import Cost
from dnn_xp.layers import LAYERS, Layer
from dnn_xp.network.network import Network

__all__ = ["UnknownLayerError", "describe_network", "network_of"]


class UnknownLayerError(ValueError):
    """A description names a layer whose class is not known."""


def describe_network(network: Network, *, own_functions: bool = False) -> dict[str, Any]:
    """Return the description of a network: numbers, texts, lists and dictionaries.

    A layer is ``{"kind": "Dense", "units": 4, ...}``: the name of its class and its fields.

    Parameters
    ----------
    network : Network
    own_functions : bool
        Whether activations and costs that are functions of one's own are described by their names,
        from which they cannot be made again.

    Raises
    ------
    ValueError
        Where a layer of one's own has the name of one of the house, or a function is one's own and
        must not be.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, ActivationFunction | Cost):
            if own_functions:
                return {"own": value.name}
            raise ValueError(
                f"network: found {value.name!r}, a function of your own, which cannot be stored; "
                "expected activations and costs by name"
            )
        if isinstance(value, tuple | list):
            return [plain(element) for element in value]
        if not isinstance(value, Layer):
            return value
        kind = type(value).__name__
        if LAYERS.get(kind, type(value)) is not type(value):
            raise ValueError(
                f"network: found a layer of your own called {kind}, which is one of ours"
            )
        if any(field.name == "kind" for field in fields(value)):
            raise ValueError(
                f"network: found {kind} with a field called 'kind', which is the word for its "
                "class; call the field otherwise"
            )
        return {"kind": kind} | {
            field.name: plain(getattr(value, field.name)) for field in fields(value)
        }

    return {
        "n_inputs": network.n_inputs,
        "layers": plain(network.layers),
        "cost": plain(network.cost),
    }


def network_of(
    description: Mapping[str, Any], layers: Mapping[str, type[Layer]] | None = None
) -> Network:
    """Return the network of a description.

    Parameters
    ----------
    description : mapping
        As `describe_network` returns it.
    layers : mapping of str to type, optional
        The classes of layers of one's own, by name.

    Raises
    ------
    UnknownLayerError
        Where a layer's class is neither of the house nor handed in.
    """
    classes = LAYERS | dict(layers or {})

    def built(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(built(element) for element in value)
        if not isinstance(value, dict):
            return value
        kind = value["kind"]
        if kind not in classes:
            raise UnknownLayerError(
                f"found the layer {kind!r}, which is none of dnn_xp's; "
                f"hand in its class: load_model(path, layers={{{kind!r}: ...}})"
            )
        return classes[kind](**{key: built(part) for key, part in value.items() if key != "kind"})

    return Network(
        description["n_inputs"], built(description["layers"]), built(description["cost"])
    )
