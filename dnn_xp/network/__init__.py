"""Networks: where parameters lie in theta, the passes through the layers, and their check."""

from dnn_xp.network.gradient_check import GradientCheck, check_gradient
from dnn_xp.network.network import CostAndGradient, Network

__all__ = ["GradientCheck", "Network", "CostAndGradient", "check_gradient"]
