"""The moments of a run."""

import numpy as np
import pytest

from dnn_xp import Callback, Dense, Network, backends, sgd, train

NET = Network(1, (Dense(1),), "squared_error")


@pytest.fixture
def passing_by(array):
    """Return a run that goes from 0 towards 1, while the validation data would have it at 0.6.

    The gradient is b - 1 and the rate 0.1: b is 1 - 0.9^k after k epochs, nearest to 0.6 when
    0.9^k is nearest to 0.4, for k = 9.
    """

    def run(*callbacks, epochs=40):
        zero = array(np.zeros((1, 4)))
        data = {"validation": (zero, zero + 0.6)}
        start = array([0.0, 0.0])
        return train(
            NET,
            zero,
            zero + 1.0,
            start,
            optimizer=sgd(0.1),
            epochs=epochs,
            callbacks=callbacks,
            **data,
        )

    return run


def bias(theta):
    return float(backends.to_host(theta)[1])


class Diary(Callback):
    def __init__(self, last=99):
        self.last, self.lines = last, []

    def start(self, moment):
        self.lines.append(("start", moment.epoch, moment.epochs, bias(moment.theta), {}))

    def epoch(self, moment):
        history = {name: len(figures) for name, figures in moment.history.items()}
        self.lines.append(("epoch", moment.epoch, moment.epochs, bias(moment.theta), history))
        return "enough" if moment.epoch == self.last else None

    def end(self, result):
        self.lines.append(("end", result.epochs, result.reason))
        return result


def test_moments_of_a_run(passing_by):
    diary = Diary()
    run = passing_by(diary, epochs=2)
    start, first, second, end = diary.lines
    assert start == ("start", 0, 2, 0.0, {})
    assert first[:3] == ("epoch", 1, 2)
    assert first[3] == pytest.approx(0.1, rel=1e-14)
    assert first[4] == {"cost": 1, "validation_cost": 1}
    assert second[:3] == ("epoch", 2, 2)
    assert second[3] == pytest.approx(bias(run.theta), rel=1e-14)
    assert end == ("end", 2, "2 epochs")


def test_a_callback_ends_the_run(passing_by):
    run = passing_by(Diary(), Diary(last=3), Diary(last=3))
    assert run.epochs == 3
    assert run.reason == "enough; enough"


def test_a_callback_may_give_another_result(passing_by):
    class Rounded(Callback):
        def end(self, result):
            return result._replace(reason=f"{result.reason}, rounded")

    assert passing_by(Rounded(), Rounded(), epochs=1).reason == "1 epochs, rounded, rounded"


def test_kept_parameters_do_not_change(passing_by):
    """What a callback keeps of one epoch is not overwritten by the next."""
    kept = []

    class Keep(Callback):
        def start(self, moment):
            kept.append(moment.theta)

        def epoch(self, moment):
            kept.append(moment.theta)

    passing_by(Keep(), epochs=3)
    assert [bias(theta) for theta in kept] == pytest.approx([1 - 0.9**k for k in range(4)])
