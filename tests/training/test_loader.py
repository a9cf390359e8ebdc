"""What the steps of an epoch read is the same, however it comes to them."""

import numpy as np
import pytest

from dnn_xp import Dense, Dropout, Network, train
from dnn_xp.training import Regularization
from tests.helpers import assert_close

# Rounding of a few dozen steps on numbers near 1.
ROUNDING = {"rtol": 1e-11, "atol": 1e-12}

DROPPING = Network(3, (Dense(4, "tanh"), Dropout(0.3), Dense(1)), "sigmoid_cross_entropy")


@pytest.mark.parametrize("elements", [0, 24])  # of X: no batch ahead, and two batches of four
def test_what_is_gathered_at_once_changes_nothing(array, monkeypatch, elements):
    rng = np.random.default_rng(0)
    host = rng.normal(size=(3, 10))
    X, Y = array(host), array((host[:1] + host[1:2] > 0).astype(float))
    options = {"epochs": 3, "batch_size": 4, "weights": array(rng.uniform(0.5, 2.0, size=10))}
    options["regularization"] = Regularization(noise=0.1)
    usual = train(DROPPING, X, Y, **options)
    monkeypatch.setattr("dnn_xp.training.loader.PREFETCHED_ELEMENTS", elements)
    assert_close(train(DROPPING, X, Y, **options).theta, usual.theta, **ROUNDING)
