"""The mathematics of one step: pure functions on arrays of any library.

Columns are examples. Every function takes its namespace from its arguments, or from ``xp`` where
the caller knows it already. May import `dnn_xp.backends` only.
"""

from dnn_xp.functions.activations import ACTIVATIONS, ActivationFunction
from dnn_xp.functions.costs import COSTS, Cost
from dnn_xp.functions.initializers import INITIALIZERS

__all__ = ["ACTIVATIONS", "COSTS", "INITIALIZERS", "ActivationFunction", "Cost"]
