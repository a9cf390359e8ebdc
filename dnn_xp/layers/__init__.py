"""Layers: frozen descriptions that know their own forward and backward pass."""

from dnn_xp.layers.base import Arrays, Context, HostArrays, Layer, Shape, Shapes
from dnn_xp.layers.dense import Activation, ActivationSpec, Dense, ParametricActivation
from dnn_xp.layers.dropout import Dropout
from dnn_xp.layers.embeddings import PeriodicEmbedding
from dnn_xp.layers.normalization import BatchNorm, LayerNorm

__all__ = [
    "LAYERS",
    "Activation",
    "ActivationSpec",
    "Arrays",
    "BatchNorm",
    "Context",
    "Dense",
    "Dropout",
    "HostArrays",
    "Layer",
    "LayerNorm",
    "ParametricActivation",
    "PeriodicEmbedding",
    "Shape",
    "Shapes",
]

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Activation,
        BatchNorm,
        Dense,
        Dropout,
        LayerNorm,
        ParametricActivation,
        PeriodicEmbedding,
    )
}
"""The layers, by name."""
