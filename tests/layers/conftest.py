"""Running a layer by itself."""

import numpy as np
import pytest

from dnn_xp.layers import Context


@pytest.fixture
def run(array, xp):
    """Return a function that runs a layer of four inputs forward, with its drawn parameters."""

    def forward(layer, A_prev, **context):
        drawn = layer.initialize((4,), np.random.default_rng(0))
        parameters = {name: array(value, "float64") for name, value in drawn.items()}
        return layer.forward(array(A_prev), parameters, Context(xp, **context))

    return forward
