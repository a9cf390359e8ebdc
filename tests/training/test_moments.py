"""The moments of a run: callbacks in their order, how they end it, and patience."""

import numpy as np
import pytest

from dnn_xp import Callback, Dense, EarlyStopping, Ending, Network, backends, sgd, train
from dnn_xp.training import Patience
from tests.helpers import name_of

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

    def start(self, run):
        self.lines.append(("start", run.epoch, run.epochs, bias(run.theta), {}))

    def epoch(self, run):
        history = {name: len(figures) for name, figures in run.history.items()}
        self.lines.append(("epoch", run.epoch, run.epochs, bias(run.theta), history))
        return "enough" if run.epoch == self.last else None

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
    assert (run.epochs, run.ending) == (3, Ending.STOPPED)
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
        def start(self, run):
            kept.append(run.theta)

        def epoch(self, run):
            kept.append(run.theta)

    passing_by(Keep(), epochs=3)
    assert [bias(theta) for theta in kept] == pytest.approx([1 - 0.9**k for k in range(4)])


def test_callbacks_that_are_none_are_refused(passing_by):
    with pytest.raises(TypeError, match="callbacks: found 'early', expected objects of Callback"):
        passing_by("early")


def test_a_callback_that_is_listed_twice_is_told_once(passing_by):
    diary = Diary()
    passing_by(diary, diary, epochs=1)
    assert [line[0] for line in diary.lines] == ["start", "epoch", "end"]


class Open(Callback):
    """Something that must be closed, and may fail at it."""

    def __init__(self, log, name, fails_at=None):
        self.log, self.name, self.fails_at = log, name, fails_at

    def start(self, run):
        self._do("start")

    def epoch(self, run):
        self._do("epoch")

    def end(self, result):
        self._do("end")
        return result

    def close(self):
        self._do("close")

    def _do(self, what):
        self.log.append(f"{self.name} {what}")
        if what == self.fails_at:
            raise OSError(f"{self.name} fails")


@pytest.mark.parametrize("moment", ["start", "epoch", "end", "close"])
def test_callbacks_are_closed_however_the_run_ends(passing_by, moment):
    log = []
    callbacks = [Open(log, "a"), Open(log, "b", fails_at=moment), Open(log, "c")]
    with pytest.raises(OSError, match="b fails"):
        passing_by(*callbacks, epochs=2)
    assert sorted(log[-3:]) == ["a close", "b close", "c close"]
    assert sum(line.endswith("close") for line in log) == 3


class Asked(Callback):
    """Stops as an interrupt does."""

    ending = Ending.INTERRUPTED

    def epoch(self, run):
        return "asked" if run.epoch == 2 else None


@pytest.mark.parametrize("order", [1, -1])
def test_an_interrupt_is_the_ending_and_all_reasons_are_kept(passing_by, order):
    run = passing_by(*[Asked(), Diary(last=2)][::order])
    assert run.ending is Ending.INTERRUPTED
    assert run.reason == ("asked; enough" if order == 1 else "enough; asked")


# ----------------------------------------------------------------------------- patience


@pytest.mark.parametrize("mode", ["min", "max"])
def test_patience_counts_figures_that_are_no_better(mode):
    sign = 1.0 if mode == "min" else -1.0
    patience = Patience(mode, min_delta=0.5, patience=2)
    seen = []
    for figure in (3.0, 2.6, 2.4, 2.0, 2.3):
        is_best = patience.update(sign * figure, "figure")
        seen.append((is_best, patience.waited, sign * patience.best, patience.is_over))
    assert seen == [
        (True, 0, 3.0, False),
        (False, 1, 3.0, False),  # by 0.4: not enough
        (True, 0, 2.4, False),  # by 0.6 since the best that counted
        (False, 1, 2.4, False),
        (False, 2, 2.4, True),
    ]


def test_patience_of_scikit_learn_compares_with_any_best():
    patience = Patience("min", min_delta=0.5, patience=2, any_best=True)
    seen = []
    for figure in (3.0, 2.6, 2.4, 1.9):
        is_best = patience.update(figure, "figure")
        seen.append((is_best, patience.waited, patience.best))
    assert seen == [(True, 0, 3.0), (True, 1, 2.6), (True, 2, 2.4), (True, 0, 1.9)]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("any_best", [False, True])
def test_patience_never_takes_nan_for_better_and_says_so(mode, any_best):
    patience = Patience(mode, patience=2, any_best=any_best)
    for waited in (1, 2):
        with pytest.warns(RuntimeWarning, match="f1 is not a number, which is no improvement"):
            assert not patience.update(float("nan"), "f1")
        assert patience.waited == waited
    assert patience.is_over
    assert patience.update(0.0, "f1")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("up",), "mode: found 'up', expected 'min' or 'max'"),
        (("min", -1.0), "min_delta: found -1.0"),
        (("min", float("nan")), "min_delta: found nan"),
        (("min", 0.0, 0), "patience: found 0"),
    ],
)
def test_patience_that_makes_no_sense_is_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        Patience(*arguments)


# ----------------------------------------------------------------------------- going on


class Counting(Callback):
    """Count epochs, in steps of its own."""

    def __init__(self, by=1, why=None):
        self.by, self.why, self.count = by, why, 0

    def state(self):
        return {"by": self.by, "count": self.count}

    def restore(self, run, state):
        assert state["by"] == self.by
        self.count = state["count"]

    def epoch(self, run):
        self.count += self.by


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_two_of_a_kind_are_known_again_in_whatever_order_they_come(passing_by, order):
    begun = passing_by(Counting(3), Counting(1), Counting(2), epochs=2).progress
    counters = [Counting(3), Counting(1), Counting(2)]
    train_on(begun, *(counters[i] for i in order))
    assert [counter.count for counter in counters] == [9, 3, 6]


def test_those_with_the_same_settings_are_known_by_their_order(passing_by):
    """Of a function, where in memory it lies is no setting."""
    first, second = Counting(1, lambda: 1), Counting(1, lambda: 2)
    begun = passing_by(first, second, epochs=2).progress
    assert set(begun.callbacks) == {"Counting", "Counting 2"}


def train_on(begun, *callbacks):
    zero = np.zeros((1, 4))
    zero, start = backends.asarray_like(zero, like=begun.kept), np.asarray([0.0, 0.0])
    return train(
        NET,
        zero,
        zero + 1.0,
        backends.asarray_like(start, like=begun.kept),
        validation=(zero, zero + 0.6),
        optimizer=sgd(0.1),
        epochs=3,
        callbacks=callbacks,
        resume=begun,
    )


@pytest.mark.parametrize(
    ("before", "now", "taken"),
    [
        (("cost",), "validation_cost", "cost"),
        (("cost", "validation_cost"), "cost", "validation_cost"),
    ],
)
def test_early_stopping_takes_no_best_epoch_by_another_figure(passing_by, before, now, taken):
    """Neither of one that has changed, nor of another that is no longer there."""
    begun = passing_by(*(EarlyStopping(9, monitor=name) for name in before), epochs=2).progress
    with pytest.raises(ValueError, match=f"monitor: found '{now}', expected '{taken}'"):
        train_on(begun, EarlyStopping(9, monitor=now))


# ----------------------------------------------------------------------------- what they return


@pytest.mark.parametrize("returned", [None, "better", 0.5, {}, ()], ids=repr)
def test_an_end_that_returns_no_result_is_named(passing_by, returned):
    class Careless(Callback):
        def end(self, result):
            return returned

    with pytest.raises(TypeError, match=r"Careless\(\): its end returned .+, expected the result"):
        passing_by(Careless(), epochs=1)


@pytest.mark.parametrize(
    "returned",
    [None, "text", 3, {"a": None}, {"a": ["b"]}, {"a": {"b": 1}}, {"a": lambda: 1}],
    ids=name_of,
)
def test_a_state_that_cannot_be_kept_is_named(passing_by, returned):
    class Careless(Callback):
        def state(self):
            return returned

    with pytest.raises(TypeError, match=r"Careless\(\): its state is .+, expected a dictionary of"):
        passing_by(Careless(), epochs=1)


@pytest.mark.parametrize(
    "value", [1, 2.5, True, "text", np.float32(1.0), np.ones(3), [1, 2.5], ()], ids=repr
)
def test_a_state_of_numbers_texts_and_arrays_is_kept(passing_by, value):
    class Careful(Callback):
        def state(self):
            return {"a": value}

    kept = passing_by(Careful(), epochs=1).progress.callbacks["Careful"]["a"]
    assert kept is value
