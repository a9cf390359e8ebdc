"""What the tests of training train on."""

import numpy as np
import pytest


@pytest.fixture
def data(array):
    """Return X, Y and weights of 10 examples."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 10))
    Y = (X[:1] + X[1:2] > 0).astype(float)
    return array(X), array(Y), array(rng.uniform(0.5, 2.0, size=10))
