"""Training: what a run does, in the order of `train`'s promises."""

import numpy as np
import pytest

from dnn_xp import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Ending,
    Network,
    accuracy,
    backends,
    sgd,
    train,
)
from dnn_xp.functions.activations import ActivationFunction
from dnn_xp.training import (
    Callback,
    DivergenceWarning,
    ReduceOnPlateau,
    Regularization,
    adam,
    adamw,
    momentum,
)
from dnn_xp.training.batches import minibatches
from tests.helpers import assert_close, assert_is_like, assert_values
from tests.runs import train_as_estimators_do

# Rounding of a few dozen steps on numbers near 1.
ROUNDING = {"rtol": 1e-11, "atol": 1e-12}

NET = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
DROPPING = Network(3, (Dense(4, "tanh"), Dropout(0.3), Dense(1)), "sigmoid_cross_entropy")


# ----------------------------------------------------------------------------- descent


def logistic_regression(X, Y, weights, w, b, rate, batches):
    """Return parameters and the costs of each epoch, written down in NumPy anew.

    `batches` holds, for each epoch, the examples of each batch.
    """
    weights, history = weights / weights.mean(), []
    for epoch in batches:
        total = 0.0
        for some in epoch:
            P = 1 / (1 + np.exp(-(w @ X[:, some] + b)))
            y, v = Y[:, some], weights[some]
            total -= (v * (y * np.log(P) + (1 - y) * np.log(1 - P))).sum()
            dZ = v * (P - y) / len(some)
            w, b = w - rate * dZ @ X[:, some].T, b - rate * dZ.sum(axis=1, keepdims=True)
        history.append(total / X.shape[1])
    return np.concatenate([w.ravel(), b.ravel()]), history


LINEAR = Network(3, (Dense(1),), "sigmoid_cross_entropy")
LINEAR_START = np.array([0.5, -0.3, 0.1, 0.2])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [None, 10, 99, 5, 4])
def test_descent_is_the_one_by_hand(array, data, weighted, batch_size):
    """The last batch of 4 holds two: its gradient is a mean over two."""
    batches = [[list(range(10))]] * 5
    if batch_size in (4, 5):
        batches = [
            [indices for indices, _ in minibatches(10, batch_size, seed=3, epoch=epoch)]
            for epoch in range(5)
        ]
    X, Y, weights = (backends.to_host(x) for x in data)
    weights = weights if weighted else np.ones(10)
    w, b = LINEAR_START[:3].reshape(1, 3), LINEAR_START[3:].reshape(1, 1)
    theta, costs = logistic_regression(X, Y, weights, w, b, 0.3, batches)
    run = train(
        LINEAR,
        *data[:2],
        array(LINEAR_START),
        optimizer=sgd(0.3),
        epochs=5,
        batch_size=batch_size,
        seed=3,
        weights=data[2] if weighted else None,
    )
    assert_values(run.theta, theta, **ROUNDING)
    assert run.history == {"cost": pytest.approx(costs, rel=1e-11)}
    assert run.epochs == 5
    assert run.reason == "5 epochs"


@pytest.mark.parametrize("batch_size", [None, 4])
def test_train_only_ratios_of_weights_matter(data, batch_size):
    X, Y, weights = data
    one, other = (
        train(NET, X, Y, weights=w, epochs=3, batch_size=batch_size)
        for w in (weights, 1000.0 * weights)
    )
    assert_close(one.theta, other.theta, **ROUNDING)
    assert one.history["cost"] == pytest.approx(other.history["cost"], rel=1e-11)


def test_an_example_without_weight_is_not_there(array, data):
    X, Y, _ = data
    with_it = train(NET, X, Y, weights=array([1.0] * 8 + [0.0] * 2), epochs=3)
    without = train(NET, X[:, :8], Y[:, :8], epochs=3)
    assert_close(with_it.theta, without.theta, **ROUNDING)
    assert with_it.history["cost"] == pytest.approx(without.history["cost"], rel=1e-11)


def test_train_the_default_start_is_the_seeds(data):
    X, Y, _ = data
    run = train(NET, X, Y, epochs=0, seed=5)
    assert_close(run.theta, NET.initialize(5, like=backends.block_like(X)), rtol=0)
    assert (run.history, run.epochs, run.reason) == ({}, 0, "0 epochs")


def test_train_what_is_handed_in_is_not_changed(data, library):
    X, Y, weights = data
    # On Dask each block is normalized by itself.
    normalize = BatchNorm(across="part" if library.backend == "dask" else "batch")
    network = Network(3, (Dense(4), normalize, Activation("tanh"), Dense(1)), NET.cost)
    arguments = (network.initialize(1, like=X), X, Y, weights)
    before = [backends.to_host(x).copy() for x in arguments]
    for batch_size in (None, 4):
        theta, *_ = arguments
        run = train(network, X, Y, theta, weights=weights, epochs=2, batch_size=batch_size)
        assert not np.array_equal(backends.to_host(run.theta), before[0])
        for actual, desired in zip(arguments, before, strict=True):
            assert_values(actual, desired, rtol=0)


def test_train_all_stays_in_the_dtype_and_on_the_device_of_X(array, data, dtype):
    """On Dask in the library of the blocks."""
    X = array(backends.to_host(data[0]), dtype)
    Y = [[int(y) for y in backends.to_host(data[1])[0]]]  # brought to X's side
    run = train(DROPPING, X, Y, epochs=2, batch_size=4, weights=list(range(1, 11)))
    assert_is_like(run.theta, backends.block_like(X))
    assert all(type(cost) is float for cost in run.history["cost"])


def test_running_statistics_follow_the_batches(array, library):
    """A mean of 3 and a variance of 4 are half-way there after one step of momentum 0.5."""
    network = Network(1, (BatchNorm(momentum=0.5), Dense(1)), "squared_error")
    X = array([[1.0, 5.0, 1.0, 5.0]])
    if library.backend == "dask":  # where each block is normalized by itself, or all are one
        with pytest.raises(ValueError, match=r"layer 1, BatchNorm.*must see all of a batch"):
            train(network, X, X)
        network = Network(1, (BatchNorm(momentum=0.5, across="part"), Dense(1)), network.cost)
    run = train(network, X, X, epochs=2)
    statistics = network.unpack(run.theta)
    assert_values(statistics["mean1"], [[2.25]])  # 0, 1.5, 2.25
    assert_values(statistics["variance1"], [[3.25]])  # 1, 2.5, 3.25


# ----------------------------------------------------------------------------- seeds


def test_a_seed_decides_shuffles(data):
    X, Y, _ = data
    theta = NET.initialize(like=X)
    one, same, other = (train(NET, X, Y, theta, batch_size=4, epochs=2, seed=s) for s in (1, 1, 2))
    assert_close(one.theta, same.theta, rtol=0)
    assert one.history == same.history
    assert not np.array_equal(backends.to_host(one.theta), backends.to_host(other.theta))


@pytest.mark.parametrize("batch_size", [None, 4])
def test_a_seed_decides_dropout(data, batch_size):
    X, Y, _ = data
    theta = DROPPING.initialize(like=X)
    one, same, other = (
        train(DROPPING, X, Y, theta, batch_size=batch_size, epochs=2, seed=s) for s in (1, 1, 2)
    )
    assert_close(one.theta, same.theta, rtol=0)
    assert one.history == same.history
    assert one.history["cost"][0] != other.history["cost"][0]


def test_each_step_draws_anew(array):
    """Of one example, without a gradient to move by, the cost is the mask's alone."""
    network = Network(200, (Dropout(0.5), Dense(1)), "squared_error")
    theta = array(np.concatenate([np.ones(200), [0.0]]))
    options = {"optimizer": sgd(1e-300), "epochs": 6}
    run = train(network, array(np.ones((200, 1))), array([[0.0]]), theta, **options)
    assert len(set(run.history["cost"])) > 3


def test_a_mean_of_the_parameters_begins_with_few_steps(data):
    """Step n counts at least 1 / n: the first mean is of the first step alone, and so on."""
    X, Y, _ = data
    options = {"optimizer": sgd(0.3), "epochs": 3}
    seen = []

    class Watch(Callback):
        def step(self, run):
            seen.append(backends.to_host(run.progress.state.theta).copy())

    run = train(NET, X, Y, ema_decay=0.999, callbacks=[Watch()], **options)
    assert_values(run.theta, np.mean(seen, axis=0), rtol=1e-12)


# ----------------------------------------------------------------------------- divergence


def test_a_run_that_is_stopped_where_it_diverges_says_so(array, data, xp):
    """Whoever stops it in the middle of an epoch must not be handed what is not finite."""
    X, Y = 1e200 * data[0], data[1]
    network = Network(3, (Dense(4), Dense(1)), "squared_error")

    class Stop(Callback):
        def step(self, run):
            return "enough" if run.progress.batch == 4 else None

    with pytest.warns(DivergenceWarning), np.errstate(all="ignore"):
        run = train(network, X, Y, batch_size=2, epochs=1, callbacks=[Stop()])
    assert (run.ending, run.progress) == (Ending.DIVERGED, None)
    assert run.reason.startswith("diverged")
    assert bool(xp.all(xp.isfinite(run.theta)))


@pytest.mark.parametrize("batch_size", [None, 4])
def test_train_divergence_is_said(array, data, dtype, xp, batch_size):
    X, Y = (array(backends.to_host(x), dtype) for x in data[:2])
    network = Network(3, (Dense(4), Dense(1)), "squared_error")
    with np.errstate(over="ignore", invalid="ignore"), pytest.warns(DivergenceWarning) as warned:
        run = train(network, X, Y, optimizer=sgd(1e3), epochs=200, batch_size=batch_size)
    assert run.reason.startswith("diverged: the cost became ")
    assert f"in epoch {run.epochs + 1}; lower the learning rate" in run.reason
    assert [str(one.message) for one in warned] == [run.reason]
    assert not np.isfinite(run.history["cost"][-1])
    assert np.isfinite(run.history["cost"][:-1]).all()
    assert bool(xp.all(xp.isfinite(run.theta)))


# ----------------------------------------------------------------------------- the door


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, "epochs: found -1, expected a whole number from 0 on"),
        ({"seed": -1}, "seed: found -1, expected a whole number from 0 on"),
        ({"epochs": 2.0}, "epochs: found 2.0, expected a whole number from 0 on"),
        ({"batch_size": 4.0}, "batch_size: found 4.0, expected a whole number from 1 on"),
        ({"clip_norm": -1.0}, "clip_norm: found -1.0, expected a number above 0"),
        ({"clip_value": float("nan")}, "clip_value: found nan, expected a number above 0"),
        ({"metrics": {"cost": accuracy}}, "metrics: found one called 'cost'"),
        *(
            ({"regularization": Regularization(**{name: -1.0})}, f"{name}: found -1.0, expected")
            for name in ("l1", "l2", "max_norm", "label_smoothing", "mixup", "noise")
        ),
        ({"weights": [0.0] * 10}, r"weights: found a mean of 0.0, expected one above 0"),
        ({"batch_size": 0}, "batch_size: found 0, expected a whole number from 1 on"),
        ({"weights": [1.0]}, r"weights: found shape \(1,\), expected \(10,\)"),
        ({"theta": [1.0]}, r"theta: found shape \(1,\), expected \(21,\)"),
        (
            {"validation": ([[1.0]], [[1.0]])},
            r"validation: layer 1, .*X has shape \(1, 1\), expected \(3, m",
        ),
    ],
)
def test_train_what_does_not_fit_is_refused(array, data, options, message):
    for name, value in options.items():
        if name == "theta":
            options = {name: array(value)}
        if name == "validation":
            options = {name: tuple(array(x) for x in value)}
    with pytest.raises(ValueError, match=message):
        train(NET, *data[:2], **options)


def test_validation_data_that_do_not_fit_are_refused_in_example_space(array):
    X, Y = array(np.ones((9, 4))), array(np.ones((1, 4)))
    network = Network(9, (Dense(1),), "squared_error")
    with pytest.raises(ValueError, match=r"layer 1, .*X has shape \(4, 1\), expected \(9, m\)"):
        train(network, X, Y, validation=(array(np.ones((4, 1))), Y), example_space=True)


@pytest.mark.parametrize(
    ("cost", "y", "smoothed"),
    [
        ("sigmoid_cross_entropy", [0, 1, 0, 1], [0.05, 0.95, 0.05, 0.95]),
        ("softmax_cross_entropy", [0, 1, 0, 0], [0.025, 0.925, 0.025, 0.025]),
        (
            ("grouped_softmax_cross_entropy", 1, 3),
            [1, 0, 1, 0],
            [1, 0.1 / 3, 0.9 + 0.1 / 3, 0.1 / 3],
        ),
    ],
)
def test_a_part_of_each_label_is_spread_over_the_classes(array, data, cost, y, smoothed):
    X, Y, Y_smoothed = data[0], *(array(np.tile(one, (10, 1)).T * 1.0) for one in (y, smoothed))
    network = Network(3, (Dense(4),), cost)
    theta = network.initialize(0, like=X)
    options = {"optimizer": sgd(0.3), "epochs": 3}
    rules = Regularization(label_smoothing=0.1)
    run = train(network, X, Y, theta, regularization=rules, **options)
    assert_close(run.theta, train(network, X, Y_smoothed, theta, **options).theta, **ROUNDING)


def test_labels_that_are_none_are_not_smoothed(data):
    network = Network(3, (Dense(1),), "squared_error")
    with pytest.raises(ValueError, match=r"label_smoothing: found cost .*, expected one between"):
        train(network, *data[:2], regularization=Regularization(label_smoothing=0.1))


def test_no_examples_are_refused(data):
    with pytest.raises(ValueError, match="X: found no examples, expected at least one"):
        train(NET, data[0][:, :0], data[1][:, :0])


def test_what_makes_an_optimizer_is_none(data):
    with pytest.raises(TypeError, match=r"optimizer: found <function adam .*, expected one such"):
        train(NET, *data[:2], optimizer=adam)


def test_whole_numbers_are_refused(array, data):
    with pytest.raises(ValueError, match=r"X: found dtype .*uint8, expected a floating one"):
        train(NET, array(np.ones((3, 10)), "uint8"), data[1])


# ----------------------------------------------------------------------------- compiling


def test_jax_compiles_the_step_once(array, library, data):
    """For all steps of all runs of equal networks, whatever the numbers: rates, strengths, seeds.

    A last batch that is smaller is filled up.
    """
    if library.backend != "jax":
        pytest.skip("only JAX compiles")
    calls = []

    def traced(Z, xp):
        calls.append(Z.shape)
        return xp.tanh(Z)

    own = ActivationFunction("traced", traced, lambda dA, Z, A, xp: dA * (1.0 - A * A))

    def run(m=10, **options):
        network = Network(3, (Dense(4, own), Dropout(0.3), Dense(1)), "sigmoid_cross_entropy")
        train(network, data[0][:, :m], data[1][:, :m], epochs=3, **options)
        return len(calls)

    assert run(batch_size=4) == 1
    assert run(batch_size=4) == 1
    for seed in (1, 2, 3):
        assert run(batch_size=4, seed=seed) == 1
    for rate in np.linspace(0.01, 0.9, 10):
        assert run(batch_size=4, optimizer=sgd(float(rate))) == 1
    assert run(batch_size=5) == 2
    assert run() == 3
    assert run() == 3
    count = 3
    for options in (
        lambda x: {"regularization": Regularization(l1=x)},
        lambda x: {"regularization": Regularization(l2=x, max_norm=1.0 + x, noise=x)},
        lambda x: {"clip_norm": x},
        lambda x: {"clip_value": x, "ema_decay": x},
        lambda x: {"optimizer": adamw(x, weight_decay=x)},
    ):
        count += 1
        for number in (0.1, 0.2, 0.3):
            assert run(batch_size=4, **options(number)) == count


def test_jax_compiles_example_space_once_for_all_seeds(array, library):
    if library.backend != "jax":
        pytest.skip("only JAX compiles")
    calls = []

    def traced(Z, xp):
        calls.append(Z.shape)
        return xp.tanh(Z)

    own = ActivationFunction("traced", traced, lambda dA, Z, A, xp: dA * (1.0 - A * A))
    rng = np.random.default_rng(0)
    X, Y = array(rng.normal(size=(12, 7))), array(rng.normal(size=(1, 7)))
    network = Network(12, (Dense(4, own), Dense(1)), "squared_error")
    for seed in (0, 1, 2):
        train(network, X, Y, epochs=20, seed=seed, example_space=True)
        assert len(calls) == 1


def test_jax_compiles_predictions_once_for_all_numbers_of_rows(array, library, data):
    """Up to a size; they are filled up to it."""
    if library.backend != "jax":
        pytest.skip("only JAX compiles")
    calls = []

    def traced(Z, xp):
        calls.append(Z.shape)
        return xp.tanh(Z)

    own = ActivationFunction("traced", traced, lambda dA, Z, A, xp: dA * (1.0 - A * A))
    network = Network(3, (Dense(4, own), Dense(1)), "sigmoid_cross_entropy")
    X = array(np.random.default_rng(0).normal(size=(3, 64)))
    theta = network.initialize(0, like=X)
    whole = network.predict(theta, X)
    for m in (1, 2, 9, 20, 63):
        assert_close(network.predict(theta, X[:, :m]), whole[:, :m], rtol=1e-12)
    assert calls == [(4, 64)]


# ----------------------------------------------------------------------------- in another order


def test_an_order_of_ones_own(data):
    """The batches are those of the order, epoch by epoch."""
    X, Y, weights = data
    rng = np.random.default_rng(8)
    orders = [rng.permutation(10) for _ in range(3)]
    run = train_as_estimators_do(
        LINEAR,
        X,
        Y,
        LINEAR_START,
        optimizer=sgd(0.3),
        epochs=3,
        batch_size=4,
        weights=weights,
        order=orders.__getitem__,
    )
    host = [backends.to_host(one) for one in data]
    batches = [np.split(order, [4, 8]) for order in orders]
    theta, costs = logistic_regression(
        *host, LINEAR_START[None, :3], LINEAR_START[None, 3:], 0.3, batches
    )
    assert_values(run.theta, theta, **ROUNDING)
    assert run.history["cost"] == pytest.approx(costs, rel=1e-11)


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (np.arange(9), r"int64 of shape \(9,\)"),
        (np.arange(10.0), r"float64 of shape \(10,\)"),
        (np.arange(10) + 1, "no 0"),
        (np.array([0, 1, 2, 3, 3, 5, 6, 7, 8, 9]), "no 4"),
    ],
)
def test_an_order_that_is_none_is_refused(data, order, found):
    expected = f"^order: found {found}, expected the numbers from 0 to 9, each once$"
    with pytest.raises(ValueError, match=expected):
        train_as_estimators_do(LINEAR, *data[:2], epochs=1, batch_size=4, order=lambda _: order)


def test_a_schedule_among_the_callbacks_is_told_once(data):
    rates = []
    for listed in (False, True):
        plateau = ReduceOnPlateau(0.5, patience=1, monitor="cost", min_delta=1e9)
        callbacks = [plateau] if listed else []
        train(LINEAR, *data[:2], epochs=6, schedule=plateau, callbacks=callbacks)
        rates.append(plateau(0.0))
    assert rates[0] == rates[1] < 1.0


def test_a_schedule_of_numpys_numbers_leaves_the_dtype(array, data, dtype):
    X, Y = (array(backends.to_host(one), dtype) for one in data[:2])
    runs = [
        train(NET, X, Y, epochs=2, optimizer=adam(0.1), schedule=schedule)
        for schedule in (lambda epoch: np.float64(0.3), lambda epoch: 0.3)
    ]
    assert_close(runs[0].theta, runs[1].theta, rtol=0)


def test_an_order_is_asked_for_in_each_epoch(data):
    """Also where one batch holds all: whoever draws it draws as often as for smaller ones."""
    for batch_size in (4, None):
        asked = []

        def order(epoch, asked=asked):
            asked.append(epoch)
            return np.arange(10)

        options = {"epochs": 3, "batch_size": batch_size, "order": order}
        train_as_estimators_do(LINEAR, *data[:2], **options)
        assert asked == [0, 1, 2]


def test_a_run_after_another_takes_over_the_optimizer(data):
    """Two runs of one epoch are one of two, where the draws and the order go on as well."""
    X, Y, _ = data
    orders = [np.arange(10), np.arange(10)[::-1]]
    options = {"optimizer": adam(0.05), "batch_size": 4}
    whole = train_as_estimators_do(DROPPING, X, Y, epochs=2, order=orders.__getitem__, **options)
    first = train_as_estimators_do(DROPPING, X, Y, epochs=1, order=lambda _: orders[0], **options)
    second = train_as_estimators_do(
        DROPPING,
        X,
        Y,
        first.theta,
        epochs=1,
        order=lambda _: orders[1],
        after=first.progress,
        **options,
    )
    assert_close(second.theta, whole.theta, rtol=0)
    assert first.history["cost"] + second.history["cost"] == whole.history["cost"]


def test_another_optimizers_state_is_refused(data):
    X, Y, _ = data
    first = train(NET, X, Y, epochs=1, optimizer=adam(0.1))
    with pytest.raises(ValueError, match="after: found an optimizer's state of shapes"):
        train_as_estimators_do(NET, X, Y, epochs=1, optimizer=momentum(0.1), after=first.progress)
