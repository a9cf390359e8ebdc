"""Replays: the same runs, to the last bit, whether steps are planned or not."""

import logging

import numpy as np
import pytest

from dnn_xp import Dense, Network, train
from dnn_xp.backends import replaying
from dnn_xp.backends.replaying import Replay
from dnn_xp.layers import Activation, BatchNorm, Dropout
from dnn_xp.training import Callback, Optimizer, Regularization, adam, cosine, momentum

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not replaying._IS_NEW, reason="where it rounds by where it writes to"),
]

rng = np.random.default_rng(0)
X, y = rng.normal(size=(6, 50)), rng.integers(0, 3, 50)
PLAIN = (Dense(8, "relu"), Dense(3))


@pytest.fixture
def planned(monkeypatch):
    """Have steps planned from the third on, and return how many plans were made."""
    made = []
    real = replaying.make_plan

    def make_plan(*arguments, **named):
        made.append(real(*arguments, **named))
        return made[-1]

    monkeypatch.setattr(replaying, "_PLAIN_CALLS", 2)
    monkeypatch.setattr(replaying, "make_plan", make_plan)
    return made


def trained(layers=PLAIN, **options):
    network = Network(6, layers, "softmax_cross_entropy")
    return train(
        network, X, y, **{"epochs": 6, "batch_size": 16, "optimizer": momentum(0.1)} | options
    )


CASES = {
    "plain": {},
    "a batch that is shorter": {"batch_size": 20},
    "a shorter one when others are planned": {"batch_size": 12},
    "all at once": {"batch_size": 50},
    "adam, a schedule": {"optimizer": adam(0.01), "schedule": cosine(6)},
    "rules": {
        "optimizer": adam(0.01),
        "regularization": Regularization(l2=0.01, noise=0.1, label_smoothing=0.1),
        "clip_norm": 0.5,
        "ema_decay": 0.9,
    },
    "weights": {"weights": rng.random(50)},
    "dropout": {"layers": (Dense(8, "relu"), Dropout(0.3), Dense(3))},
    "batch norm": {"layers": (Dense(8), BatchNorm(), Activation("tanh"), Dense(3))},
    "max norm": {"regularization": Regularization(max_norm=0.5)},
    "mixup": {"regularization": Regularization(mixup=0.2)},
    "micro-batches": {"micro_batch": 4},
    "float32": {"dtype": "float32"},
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_has_the_same_bits_with_plans_and_without(case, planned, monkeypatch):
    options = dict(CASES[case])
    dtype = options.pop("dtype", None)
    if dtype:
        monkeypatch.setitem(globals(), "X", X.astype(dtype))
    found = trained(**options)
    n_plans = len(planned)
    monkeypatch.setattr(replaying, "_PLAIN_CALLS", 10**9)
    expected = trained(**options)
    assert found.theta.tobytes() == expected.theta.tobytes()
    assert found.history == expected.history
    assert len(planned) == n_plans
    if case in ("plain", "all at once", "adam, a schedule", "dropout", "weights"):
        assert n_plans >= 1
    if "shorter" in case:
        assert n_plans == 2


def test_a_run_that_goes_on_has_the_bits_of_one_that_was_not_broken_off(planned):
    whole = trained(epochs=9)
    part = trained(epochs=4)
    rest = trained(epochs=9, resume=part.progress)
    assert rest.theta.tobytes() == whole.theta.tobytes()


def test_short_runs_are_not_planned():
    step = Replay(lambda c, state, x, workspace: state + x, None)
    for _ in range(replaying._PLAIN_CALLS):
        step(np.ones(3), np.ones(3), None)
    assert step._plans == []


def test_what_was_recorded_serves_the_next_run(planned, monkeypatch):
    recorded = []
    real = replaying.record
    monkeypatch.setattr(replaying, "_programs", {})
    monkeypatch.setattr(replaying, "record", lambda *a: recorded.append(1) or real(*a))
    trained()
    n = len(recorded)
    trained()
    trained(optimizer=momentum(0.05))
    assert n > 0
    assert len(recorded) == n


def test_runs_beside_each_other_do_not_share_memory(planned):
    """One that begins within another, by a callback."""

    class Another(Callback):
        def step(self, run):
            if run.step == 10:
                trained(optimizer=momentum(0.3))

    assert trained(callbacks=[Another()]).theta.tobytes() == trained().theta.tobytes()


def _own_sum(theta, gradient, state, learning_rate, step):
    theta -= learning_rate * gradient * float(np.sum(gradient * gradient)) ** 0.0
    return theta, state


def test_an_optimizer_that_cannot_be_recorded_runs_as_before_and_the_log_says_why(planned, caplog):
    own = Optimizer(lambda theta: (), _own_sum, 0.1)
    with caplog.at_level(logging.DEBUG, "dnn_xp"):
        found = trained(optimizer=own)
    assert planned == []
    assert "a step is not planned: " in caplog.text
    assert np.all(np.isfinite(found.theta))


def test_results_that_are_not_the_same_bits_are_not_used(planned, monkeypatch, caplog):
    class Off:
        def __init__(self, plan):
            self.plan = plan

        def run(self, *arguments):
            found = self.plan.run(*arguments)
            found.theta[0] = np.nextafter(found.theta[0], 9.0)
            return found

    real = replaying.make_plan
    monkeypatch.setattr(
        replaying, "make_plan", lambda *arguments, **named: Off(real(*arguments, **named))
    )
    with caplog.at_level(logging.DEBUG, "dnn_xp"):
        found = trained()
    assert "not the same to the last bit" in caplog.text
    monkeypatch.setattr(replaying, "_PLAIN_CALLS", 10**9)
    assert found.theta.tobytes() == trained().theta.tobytes()


def test_large_networks_run_as_before(planned, monkeypatch, caplog):
    monkeypatch.setattr(replaying, "_LARGEST", 10)
    with caplog.at_level(logging.DEBUG, "dnn_xp"):
        trained()
    assert planned == []
    assert "nearly all products" in caplog.text
