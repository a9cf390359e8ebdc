"""A run that is stopped, at whatever step, and taken up ends like one that was not: bit for bit."""

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

from dnn_xp import Callback, Dense, Network, backends, train
from dnn_xp.functions.activations import ActivationFunction
from dnn_xp.training import DivergenceWarning, Ending, Optimizer, Regularization, adam, sgd
from tests.runs import (
    CASES,
    NEED_A_WHOLE_BATCH,
    PLAIN,
    StopAfter,
    assert_same,
    on_host,
    train_case,
)


@pytest.fixture
def run(array):
    """Return `train_case` on the library of the test."""
    return partial(train_case, array=array)


# ----------------------------------------------------------------------------- the same bits


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_was_stopped_ends_like_one_that_was_not(run, library, case):
    """Within an epoch, after its last step, and within the next; Dask takes 20 ms a step."""
    if library.backend == "dask" and case in NEED_A_WHOLE_BATCH:
        with pytest.raises(ValueError, match=r"must see all of a batch|is mixed with any other"):
            run(case)
        return
    undisturbed = run(case)
    n_steps = undisturbed.progress.steps
    for steps in (min(4, n_steps - 1),) if library.backend == "dask" else (1, 3, 5):
        stopped = run(case, StopAfter(steps))
        # One with fewer steps than that ends by itself, as it would have.
        assert stopped.progress.steps == min(steps, n_steps)
        assert stopped.ending is (Ending.STOPPED if steps <= n_steps else undisturbed.ending)
        assert_same(run(case, resume=on_host(stopped.progress)), undisturbed)


def test_a_run_that_was_stopped_again_and_again():
    case, progress = "dropout, batch norm, adamw, averages, validation", None
    for _ in range(3):
        progress = train_case(case, StopAfter(2), resume=progress).progress
    assert progress.steps == 6
    assert_same(train_case(case, resume=progress), train_case(case))


def test_sums_over_parameters_are_the_same_sums(array, xp):
    """Also where an array has blocks, and a sum over other blocks has other last digits."""
    rng = np.random.default_rng(0)
    X, Y = array(rng.normal(size=(40, 6)), "float32"), array(rng.normal(size=(1, 6)), "float32")
    network = Network(40, (Dense(60, "tanh"), Dense(1)), "squared_error")
    options = {"regularization": Regularization(l1=3.0, l2=10.0), "optimizer": sgd(1e-4)}
    for epochs in (0, 1):
        begun = train(network, X, Y, epochs=epochs, **options)
        run = train(network, X, Y, epochs=2, **options)
        resumed = train(network, X, Y, epochs=2, resume=on_host(begun.progress), **options)
        assert_same(resumed, run)


# ----------------------------------------------------------------------------- going on


def test_more_epochs(run):
    begun = run("sgd, full batch", epochs=2)
    assert (begun.progress.epoch, begun.progress.batch, begun.progress.steps) == (2, 0, 2)
    assert_same(run("sgd, full batch", resume=begun.progress), run("sgd, full batch"))


@pytest.mark.parametrize("case", ["sgd, full batch", "early stopping"])
def test_a_run_that_has_ended_stays_as_it_is(run, case):
    ended = run(case)
    assert ended.epochs == (2 if case == "early stopping" else 3)
    assert_same(run(case, resume=on_host(ended.progress)), ended)


def test_progress_is_not_changed_by_going_on(run):
    case = "micro-batches, a schedule that remembers"
    begun = run(case, StopAfter(1))
    one, other = (run(case, epochs=1, resume=begun.progress) for _ in range(2))
    assert_same(one, other)
    assert begun.progress.history == {}


def test_what_was_chosen_for_some_epochs_stays_for_more():
    """Example space pays from 2 epochs on: 2 * epochs * 4 units > 10 examples."""
    case, auto = "momentum in example space", {"example_space": "auto"}
    begun = train_case(case, epochs=1, **auto)
    assert "example_space" not in begun.progress.run
    assert_same(
        train_case(case, resume=begun.progress, **auto), train_case(case, example_space=False)
    )
    begun = train_case(case, epochs=2, **auto)
    assert begun.progress.run.get("example_space") is True
    ended = train_case(case, epochs=2, resume=begun.progress, **auto)
    np.testing.assert_array_equal(backends.to_host(ended.theta), backends.to_host(begun.theta))


def test_a_run_that_is_to_be_shorter_than_its_progress_is_refused():
    begun = train_case("momentum in example space", epochs=2)
    with pytest.raises(ValueError, match="epochs: found 1, expected at least 2, as are done"):
        train_case("momentum in example space", epochs=1, resume=begun.progress)


def test_progress_a_run_that_diverges(array):
    """From b = 1 and at a rate of 1e100, b is -1e100, 1e200, -1e300 and then infinite."""
    network = Network(1, (Dense(1),), "squared_error")
    zero, start = array(np.zeros((1, 4))), array([0.0, 1.0])
    options = {"optimizer": sgd(1e100), "epochs": 9}

    def run(*callbacks, resume=None):
        with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergenceWarning)
            return train(network, zero, zero, start, callbacks=callbacks, resume=resume, **options)

    ended = run()
    assert ended.reason.startswith("diverged")
    assert ended.progress is None  # there is nothing to go on from
    for steps in range(1, ended.epochs + 1):
        resumed = run(resume=on_host(run(StopAfter(steps)).progress))
        assert resumed.reason == ended.reason
        np.testing.assert_array_equal(
            backends.to_host(resumed.theta), backends.to_host(ended.theta)
        )


# ----------------------------------------------------------------------------- another run


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"optimizer": adam(0.1)}, r"optimizer: found sgd\(0\.3\), expected adam\(0\.1\)"),
        ({"optimizer": sgd(0.31)}, r"optimizer: found sgd\(0\.3\), expected sgd\(0\.31\)"),
        ({"regularization": Regularization(l2=0.5)}, "l2: found the default, expected 0.5"),
        ({"clip_norm": 1.0}, "clip_norm: found the default, expected 1.0"),
        ({"ema_decay": 0.9}, "ema_decay: found the default, expected 0.9"),
        ({"micro_batch": 2}, "micro_batch: found the default, expected 2"),
        ({"weights": True}, "weights: found the default, expected true"),
        ({"batch_size": 5}, "batch_size: found 10, expected 5"),
        ({"seed": 4}, "seed: found 3, expected 4; theta: found another start"),
    ],
)
def test_another_run_is_refused(changes, named):
    begun = train_case("sgd, full batch", epochs=0)
    with pytest.raises(ValueError, match=f"^this is the progress of another run; {named}"):
        train_case("sgd, full batch", resume=begun.progress, **changes)


def test_another_network_other_data_and_another_start_are_refused():
    X, theta = np.ones((3, 4)), np.zeros(PLAIN.size)
    options = {"epochs": 0, "example_space": False}
    begun = train(PLAIN, np.array(X), [[0, 1, 0, 1]], np.array(theta), **options)
    other = Network(3, (Dense(4, "relu"), Dense(1)), PLAIN.cost)
    for network, X_other, theta_other, named in (
        (other, X, theta, "network: layers 1: activation: found tanh, expected relu$"),
        (PLAIN, X[:, :2], theta, r"X: found float64 \(3, 4\), expected float64 \(3, 2\)"),
        (PLAIN, X.astype("float32"), theta, r"X: found float64 .*, expected float32 \(3, 4\)"),
        (PLAIN, X, theta + 1.0, "theta: found another start, expected the one that the run began"),
        (PLAIN, X + 1.0, theta, "X, Y or weights: found other data, expected those that the run"),
    ):
        Y = [[0, 1, 0, 1][: X_other.shape[1]]]
        with pytest.raises(ValueError, match=named):
            train(
                network,
                np.array(X_other),
                Y,
                np.array(theta_other),
                resume=begun.progress,
                **options,
            )


def test_functions_of_ones_own_are_known_by_name():
    own = ActivationFunction("own", np.tanh, lambda dA, Z, A, xp: dA * (1.0 - A * A))
    network = Network(3, (Dense(4, own), Dense(1)), PLAIN.cost)
    run = train(network, np.array(np.ones((3, 2))), [[0, 1]], epochs=0)
    assert "0x" not in str(run.progress.run)
    assert run.progress.run["network"]["layers"][0]["activation"] == {"own": "own"}


# ----------------------------------------------------------------------------- callbacks


class Remembering(Callback):
    """Count epochs, and say what was told."""

    def __init__(self, told, name):
        self.told, self.name, self.count = told, name, 0

    def start(self, run):
        self.told.append(f"start {self.name}")

    def state(self):
        return {"count": self.count, "name": self.name} if self.count else {}

    def restore(self, run, state):
        assert state["name"] == self.name
        self.count = state["count"]

    def epoch(self, run):
        self.count += 1
        self.told.append(f"epoch {self.name} {self.count}")


class Last(Remembering):
    comes_last = True

    def epoch(self, run):
        self.told.append(f"{sorted(run.progress.callbacks)}")


def test_callbacks_remember_each_for_itself():
    told = []

    def callbacks():
        return Last(told, "last"), Remembering(told, "one"), Remembering(told, "two")

    begun = train_case("sgd, full batch", *callbacks(), epochs=1)
    train_case("sgd, full batch", *callbacks(), epochs=2, resume=begun.progress)
    start = ["start one", "start two", "start last"]
    names = "['Remembering', 'Remembering 2']"
    first = [*start, "epoch one 1", "epoch two 1", names]
    assert told == [*first, *start, "epoch one 2", "epoch two 2", names]


def test_a_callback_that_comes_in_later_starts_anew():
    begun = train_case("sgd, full batch", epochs=1)
    told = []
    train_case("sgd, full batch", Remembering(told, "new"), epochs=2, resume=begun.progress)
    assert told == ["start new", "epoch new 1"]


class Sums(NamedTuple):
    count: Any
    total: Any


def test_state_of_an_optimizer_of_ones_own_keeps_its_dtypes(array, xp, library):
    """Float32 parameters, with sums in float64 and a count of integers."""
    network = Network(3, (Dense(2),), "squared_error")
    X = xp.astype(array(np.linspace(-1.0, 1.0, 12).reshape(3, 4)), xp.float32)
    Y = xp.astype(array(np.linspace(0.0, 1.0, 8).reshape(2, 4)), xp.float32)
    wide = xp.float32 if library.backend == "jax" else xp.float64  # which JAX has on demand

    def init(theta):
        count = xp.astype(backends.asarray_like(0.0, like=theta), xp.int32)
        return Sums(count, xp.astype(theta * 0.0, wide))

    def update(theta, gradient, state, learning_rate, step):
        total = state.total + xp.astype(gradient, wide) / 3.0
        moved = theta - xp.astype(learning_rate * total, theta.dtype)
        return moved, Sums(state.count + 1, total)

    options = {"optimizer": Optimizer(init, update, 0.01), "batch_size": 2}
    whole = train(network, X, Y, epochs=6, **options)
    begun = train(network, X, Y, epochs=3, **options)
    rest = train(network, X, Y, epochs=6, resume=begun.progress, **options)
    assert rest.progress.state.optimizer.count.dtype == xp.int32
    assert rest.progress.state.optimizer.total.dtype == wide
    np.testing.assert_array_equal(backends.to_host(rest.theta), backends.to_host(whole.theta))
