"""One seeded run on every library: the same draws, and results within rounding of NumPy's."""

from functools import cache

import numpy as np

from dnn_xp import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    Network,
    ParametricActivation,
    PeriodicEmbedding,
    accuracy,
    train,
)
from dnn_xp import backends as b
from dnn_xp.training import sgd
from tests.helpers import assert_values

NETWORK = Network(
    5,
    (
        PeriodicEmbedding(3, 4, 3),
        Dense(8, initializer="he_normal"),
        BatchNorm(),
        Activation("gelu"),
        Dropout(0.2),
        Dense(6),
        ParametricActivation("silu"),
        LayerNorm(),
        Dropout(0.1),
        Dense(3),
    ),
    "softmax_cross_entropy",
)
# Of a batch in blocks nobody sees the whole.
IN_BLOCKS = Network(
    NETWORK.n_inputs,
    tuple(layer for layer in NETWORK.layers if not isinstance(layer, BatchNorm)),
    NETWORK.cost,
)
EPOCHS, BATCH = 4, 8  # the last batch of 30 examples holds 6


def tolerance(dtype):
    """Allow 4 eps in each of 16 steps, on numbers up to about 1.

    A library sums and takes exponentials in its own order; the descent neither damps nor amplifies
    that much. What is nearly 0, as biases in front of a batch normalization are, has the errors
    of the larger numbers that it comes from. A mask or a batch that differs is off by 1e-2.
    """
    bound = 4 * 16 * float(np.finfo(dtype).eps)
    return {"rtol": bound, "atol": bound}


def run(array, dtype, seed=3, network=NETWORK):
    """Return a run that starts where seed 3 does, and what it predicts."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 30))
    Y = np.eye(3)[:, X[:3].argmax(axis=0)]
    weights = rng.uniform(0.5, 2.0, size=30)
    X, Y, weights = (array(x, dtype) for x in (X, Y, weights))
    result = train(
        network,
        X,
        Y,
        network.initialize(3, like=X),
        optimizer=sgd(0.2),
        epochs=EPOCHS,
        batch_size=BATCH,
        seed=seed,
        weights=weights,
        validation=(X, Y),
        metrics={"accuracy": accuracy},
    )
    return result, network.predict(result.theta, X)


@cache
def reference(dtype, network=NETWORK):
    with b.use_backend("numpy"):
        return run(lambda x, dtype: np.asarray(x, dtype=dtype), dtype, network=network)


def test_a_run_agrees_with_numpys(array, library, dtype):
    network = IN_BLOCKS if library.value == "dask" else NETWORK
    actual, A = run(array, dtype, network=network)
    desired, A_desired = reference(dtype, network)
    assert_values(actual.theta, desired.theta, **tolerance(dtype))
    assert_values(actual.theta, reference("float64", network)[0].theta, **tolerance(dtype))
    assert_values(A, A_desired, **tolerance(dtype))
    assert list(actual.history) == list(desired.history)
    for name, figures in desired.history.items():
        np.testing.assert_allclose(actual.history[name], figures, **tolerance(dtype))


def test_the_run_is_one_that_learns_and_draws():
    """What agrees is worth agreeing on; another seed's draws are far out of tolerance."""
    result, _ = reference("float64")
    assert result.history["validation_cost"][-1] < 0.8 * result.history["validation_cost"][0]
    with b.use_backend("numpy"):
        other, _ = run(np.asarray, "float64", seed=4)
    assert np.abs(other.theta - result.theta).max() > 1e-2
