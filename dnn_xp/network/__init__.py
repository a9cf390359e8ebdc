"""Networks: where parameters lie in theta, the passes through the layers, and their check."""

from dnn_xp.network.gradient_check import GradientCheck, check_gradient
from dnn_xp.network.network import Network, Sums

__all__ = ["GradientCheck", "Network", "Sums", "check_gradient"]
