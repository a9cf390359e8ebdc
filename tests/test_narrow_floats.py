"""Floats of 16 bits, on each library that has them: trained, measured and summed without overflow.

What is worked out in float32 from the same numbers is the oracle: an error of more than a few units
of rounding, 2^-11 in float16 and 2^-8 in bfloat16, would be another one's.
"""

import numpy as np
import pytest

from dnn_xp import (
    BatchNorm,
    Checkpoint,
    Dense,
    Dropout,
    LayerNorm,
    Network,
    ParametricActivation,
    PeriodicEmbedding,
    accuracy,
    lbfgs,
    load_checkpoint,
    sgd,
    train,
)
from dnn_xp.backends import from_host, namespace, numbers_on_host, to_host, widened
from dnn_xp.functions.metrics import METRICS, confusion_matrix
from dnn_xp.training import Regularization, adam
from tests.helpers import assert_close, assert_values

M = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, M))
Y = (X[:1] > 0.0) * 1.0
EPSILON = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
LAYERED = Network(
    5,
    (Dense(6, "relu"), LayerNorm(), Dropout(0.1), BatchNorm(across="part"), Dense(1)),
    "sigmoid_cross_entropy",
)
PLAIN = Network(5, (Dense(6, "tanh"), Dense(1)), "sigmoid_cross_entropy")
EMBEDDED = Network(
    5,
    (PeriodicEmbedding(5, 4, 3), Dense(6), ParametricActivation("tanh"), Dense(1)),
    "sigmoid_cross_entropy",
)
VALUES = Network(5, (Dense(6, "tanh"), Dense(1)), "squared_error")


@pytest.fixture(params=EPSILON)
def narrow(request, array, xp, library):
    """Return a function that makes an array of 16 bits of an array of the host."""
    # Dask's arrays are NumPy's inside, though its namespace does not name the dtype.
    dtype = getattr(np if library.backend == "dask" else xp, request.param, None)
    if dtype is None:
        pytest.skip(f"this library has no {request.param}")

    def make(host):
        return xp.astype(array(host, "float32"), dtype)

    make.dtype, make.epsilon = dtype, EPSILON[request.param]
    return make


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": sgd(0.5)},
        {
            "optimizer": adam(0.01),  # whose epsilon is 0 in float16
            "batch_size": 32,
            "micro_batch": 16,
            "ema_decay": 0.9,
            "clip_norm": 0.5,
            "regularization": Regularization(1e-4, 1e-3, max_norm=2.0),
        },
    ],
    ids=["plain", "all at once"],
)
@pytest.mark.parametrize("network", [PLAIN, EMBEDDED], ids=["dense", "embedded"])
def test_training_is_that_of_float32_within_rounding(narrow, array, options, network):
    run, wide = (
        train(network, make(X), make(Y), network.initialize(0), epochs=4, **options)
        for make in (narrow, lambda host: array(to_host(widened(narrow(host))), "float32"))
    )
    assert run.theta.dtype == narrow.dtype
    assert run.history["cost"] == pytest.approx(wide.history["cost"], rel=8 * narrow.epsilon)
    assert_values(widened(run.theta), to_host(wide.theta), atol=16 * narrow.epsilon, rtol=0)


def test_layers_that_sum_do_not_overflow(narrow):
    """The squares of numbers above 256 have no place in float16."""
    run = train(
        LAYERED, narrow(3000.0 * X), narrow(Y), optimizer=sgd(0.1), epochs=2, batch_size=30,
        validation=(narrow(3000.0 * X), narrow(Y)), metrics={"accuracy": accuracy},
    )  # fmt: skip
    assert run.reason == "2 epochs"
    assert np.isfinite([*run.history["cost"], *run.history["validation_cost"]]).all()
    assert 0.0 <= run.history["validation_accuracy"][-1] <= 1.0


def test_costs_of_large_targets_are_summed_in_float32(narrow):
    """3000^2 / 2 is beyond float16, and so is each sum of such costs."""
    run = train(VALUES, narrow(X), narrow(3000.0 * Y), optimizer=adam(0.1), epochs=1)
    theta = VALUES.initialize(0, like=narrow(X))
    start = float(VALUES.evaluate_cost(theta, narrow(X), narrow(3000.0 * Y)))
    assert run.history["cost"] == pytest.approx([start], rel=1e-6)
    assert start == pytest.approx(0.5 * 3000.0**2 * Y.mean(), rel=0.01)


def test_weights_whose_sum_overflows_weigh_as_others_do(narrow):
    theta = PLAIN.initialize(0, like=narrow(X))
    costs = [
        float(PLAIN.evaluate_cost(theta, narrow(X), narrow(Y), narrow(weight * np.arange(M))))
        for weight in (1.0, 1024.0)
    ]
    assert costs[0] == pytest.approx(costs[1], rel=1e-6)
    run = train(PLAIN, narrow(X), narrow(Y), theta, weights=narrow(1024.0 * np.arange(M)))
    plain = train(PLAIN, narrow(X), narrow(Y), theta, weights=narrow(1.0 * np.arange(M)))
    assert run.history["cost"] == pytest.approx(plain.history["cost"], rel=1e-6)


def test_lbfgs_finds_the_minimum_of_float32(narrow, array):
    theta = VALUES.initialize(0, like=array(X))
    targets = 0.5 * X[:1] - X[1:2]
    run = lbfgs(VALUES, narrow(X), narrow(targets), theta, max_iter=8)
    start = float(VALUES.evaluate_cost(theta, array(X), array(targets)))
    assert run.theta.dtype == narrow.dtype
    assert run.history["cost"][-1] < 0.2 * start


def test_a_run_goes_on_bit_for_bit(narrow, tmp_path):
    """Also from a file, which has no place for bfloat16: its state is of float32."""
    options = {"optimizer": adam(0.01), "batch_size": 30, "ema_decay": 0.9}
    whole = train(PLAIN, narrow(X), narrow(Y), epochs=3, **options)
    checkpoint = Checkpoint(tmp_path / "run")
    train(PLAIN, narrow(X), narrow(Y), epochs=2, callbacks=[checkpoint], **options)
    resume = load_checkpoint(tmp_path / "run")
    rest = train(PLAIN, narrow(X), narrow(Y), epochs=3, resume=resume, **options)
    assert rest.history == whole.history
    assert_values(widened(rest.theta), to_host(widened(whole.theta)), rtol=0)


def test_small_updates_are_not_lost(narrow, xp):
    """A tenth of a unit of rounding, 20 times, is two units."""
    network = Network(1, (Dense(1),), "absolute_error")
    X, theta = narrow(np.zeros((1, 1))), narrow([0.0, 1.0])  # the slope of b is 1
    step = 2 * narrow.epsilon / 10
    run = train(network, X, X, theta, optimizer=sgd(step), epochs=20)
    moved = 1.0 - float(widened(run.theta)[1])
    assert moved == pytest.approx(4 * narrow.epsilon, rel=0.01)


def test_example_space_is_not_chosen(narrow, caplog):
    tall = RNG.normal(size=(30, 7))
    network = Network(30, (Dense(4), Dense(1)), "squared_error")
    with caplog.at_level("INFO", logger="dnn_xp"):
        train(network, narrow(tall), narrow(tall[:1]), epochs=10)
    assert "space of" not in caplog.text
    with pytest.raises(ValueError, match=r"^example_space: found True, .* X is of 16 bits"):
        train(network, narrow(tall), narrow(tall[:1]), epochs=10, example_space=True)


# ----------------------------------------------------------------------------- metrics, moving


def test_figures_of_70000_examples_are_those_of_float32(narrow, xp):
    A = np.tile(np.array([[0.75, 0.25, 0.625, 0.5, 0.875, 0.25, 0.25]]), 10_000)
    targets = np.tile(np.array([[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]]), 10_000)
    for name, metric in METRICS.items():
        if name != "top_k_accuracy":
            value = metric(narrow(A), narrow(targets))
            assert value.dtype == xp.float32
            assert_close(value, metric(widened(narrow(A)), widened(narrow(targets))))
    counts = to_host(confusion_matrix(narrow(A), narrow(targets)))
    assert counts.tolist() == [[20_000.0, 10_000.0], [20_000.0, 20_000.0]]


def test_parameters_are_made_and_moved(narrow, xp):
    name = "bfloat16" if narrow.epsilon == EPSILON["bfloat16"] else "float16"
    if not hasattr(xp, name):
        pytest.skip("the library does not name the dtype")
    for theta in (PLAIN.initialize(3, dtype=name), PLAIN.initialize(3, like=narrow(X))):
        assert theta.dtype == narrow.dtype
        assert_values(widened(theta), to_host(PLAIN.initialize(3)), rtol=narrow.epsilon, atol=1e-6)
    made = from_host(np.array([1.0, -2.5]), dtype=name)
    assert made.dtype == narrow.dtype
    assert to_host(made).tolist() == [1.0, -2.5]
    assert numbers_on_host([made[0], made[1]]) == [1.0, -2.5]
    assert namespace(made) is xp
