"""Networks: where parameters lie in theta, the passes through the layers, and their check."""

from dnn_xp.network.gradient_check import GradientCheck, check_gradient
from dnn_xp.network.network import Network
from dnn_xp.network.propagation import CostAndGradient
from dnn_xp.network.summary import LayerSummary, NetworkSummary

__all__ = [
    "CostAndGradient",
    "GradientCheck",
    "LayerSummary",
    "Network",
    "NetworkSummary",
    "check_gradient",
]
