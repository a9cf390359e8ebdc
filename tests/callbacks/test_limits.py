"""The clock, Ctrl-C and the signals of the system end a run in good order."""

import os
import signal
import threading
import time
from itertools import count

import numpy as np
import pytest

from dnn_xp import Callback, Ending, Interruptible, TimeLimit
from dnn_xp.callbacks import limits
from tests.runs import assert_same, train_case

CASE = "dropout, batch norm, adamw, averages, validation"  # 3 epochs of 3 steps


class CtrlC(Callback):
    """Press Ctrl-C in a step, or at the end of an epoch; more than once, for those in a hurry.

    Where a list of answers is given, that step takes until one came.
    """

    def __init__(self, *, step=None, epoch=None, times=1, number=signal.SIGINT, answers=None):
        self.at_step, self.at_epoch, self.times, self.number = step, epoch, times, number
        self.answers = answers

    def step(self, run):
        if run.progress.steps == self.at_step:
            self.press()

    def epoch(self, run):
        if run.epoch == self.at_epoch:
            self.press()

    def press(self):
        n_before, end = len(self.answers or ()), time.monotonic() + 5
        for _ in range(self.times):
            signal.raise_signal(self.number)
        while self.answers is not None and len(self.answers) == n_before:
            assert time.monotonic() < end, "no answer"
            time.sleep(0.001)


NUMBERS = [getattr(signal, name) for name in limits.SIGNALS if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def handlers():
    """Return who listens to each signal, which must be the same afterwards."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield before
    after = {number: signal.signal(number, before[number]) for number in NUMBERS}
    assert after == before


@pytest.fixture
def handler(handlers):
    """Return who listens to Ctrl-C."""
    return handlers[signal.SIGINT]


@pytest.mark.parametrize("pressed", [{"step": 1}, {"step": 3}, {"step": 5}, {"epoch": 2}])
def test_the_step_is_finished_and_the_run_ends(pressed):
    run = train_case(CASE, CtrlC(**pressed), Interruptible())
    assert (run.ending, run.reason) == (Ending.INTERRUPTED, "interrupted")
    steps = pressed.get("step") or 3 * pressed["epoch"]
    assert run.progress.steps == steps
    assert run.epochs == (steps // 3 if "epoch" in pressed else (steps - 1) // 3)
    assert_same(train_case(CASE, Interruptible(), resume=run.progress), train_case(CASE))


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_each_signal_ends_the_run_in_good_order(number):
    with Interruptible() as listener:
        run = train_case(CASE, CtrlC(step=5, number=number), listener)
        assert (listener.number, listener.interrupted) == (number, True)
    assert (run.ending, run.progress.steps) == (Ending.INTERRUPTED, 5)
    assert_same(train_case(CASE, Interruptible(), resume=run.progress), train_case(CASE))


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_a_signal_that_was_ignored_stays_ignored(number):
    before = signal.signal(number, signal.SIG_IGN)
    listener = Interruptible()
    run = train_case(CASE, CtrlC(step=2, times=3, number=number), listener)
    assert signal.signal(number, before) is signal.SIG_IGN
    assert (run.ending, listener.number) == (Ending.COMPLETED, None)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_the_second_signal_does_what_it_did_before(number):
    heard = []
    before = signal.signal(number, lambda *_: heard.append(number))
    run = train_case(CASE, CtrlC(step=2, times=2, number=number), Interruptible())
    assert run.ending is Ending.INTERRUPTED
    assert heard == [number]
    signal.signal(number, before)


def test_a_system_without_some_signals(monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    run = train_case(CASE, CtrlC(step=2), Interruptible())
    assert run.ending is Ending.INTERRUPTED


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_in_a_block_signals_count_until_what_was_learnt_is_kept(number):
    with Interruptible() as listener:
        run = train_case(CASE, listener)
        signal.raise_signal(number)
        assert (run.ending, listener.number) == (Ending.COMPLETED, number)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_after_an_error_in_the_run_signals_mean_what_they_meant(handlers, number):
    class Fail(Callback):
        def epoch(self, run):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        train_case(CASE, Interruptible(), Fail())
    assert signal.getsignal(number) == handlers[number]


def test_the_second_time_it_is_over_at_once(handler):
    with pytest.raises(KeyboardInterrupt):
        train_case(CASE, CtrlC(step=2, times=2), Interruptible())
    assert signal.getsignal(signal.SIGINT) is handler


def test_after_the_run_it_means_what_it_meant(handler):
    train_case(CASE, Interruptible())
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_before_the_run_counts_in_a_block():
    with Interruptible() as ctrl_c:
        signal.raise_signal(signal.SIGINT)
        run = train_case(CASE, ctrl_c)
    assert (run.ending, run.progress.steps) == (Ending.INTERRUPTED, 1)


def test_an_error_in_a_block_gives_ctrl_c_back(handler):
    def fail():
        with Interruptible() as ctrl_c:
            train_case(CASE, ctrl_c, epochs=-1)

    with pytest.raises(ValueError, match="epochs"):
        fail()
    assert signal.getsignal(signal.SIGINT) is handler


def test_limit_one_object_serves_two_runs():
    ctrl_c = Interruptible()
    assert train_case(CASE, CtrlC(step=2), ctrl_c).ending is Ending.INTERRUPTED
    assert train_case(CASE, ctrl_c).reason == "3 epochs"


def test_another_listener_comes_back():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("me"))
    train_case(CASE, CtrlC(step=2), Interruptible())
    signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert heard == ["me"]


def test_other_threads_cannot_listen():
    errors = []

    def run():
        try:
            train_case(CASE, Interruptible())
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "main thread" in errors[0]


@pytest.mark.parametrize(("seconds", "steps"), [(2.0, 2), (4.5, 4), (100.0, 9)])
def test_a_run_ends_when_its_time_is_over(monkeypatch, seconds, steps):
    """A clock that goes on by 1 s at each look: at the start, and after each step and epoch."""
    clock = count()
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    run = train_case(CASE, TimeLimit(seconds))
    assert run.progress.steps == steps
    assert run.reason == ("3 epochs" if steps == 9 else f"{seconds:g} s are over")
    monkeypatch.undo()
    assert_same(train_case(CASE, TimeLimit(1e9), resume=run.progress), train_case(CASE))


def test_no_time_at_all_is_refused():
    with pytest.raises(ValueError, match="seconds: found 0, expected a number above 0"):
        TimeLimit(0)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
@pytest.mark.parametrize("times", [3, 10])
def test_many_signals_at_once_do_what_they_did_before(number, times):
    """Each of them, and nothing is called again and again."""
    heard = []
    before = signal.signal(number, lambda *_: heard.append(number))
    with Interruptible():
        for _ in range(times):
            signal.raise_signal(number)
    signal.raise_signal(number)
    signal.signal(number, before)
    assert heard == [number] * times


@pytest.mark.parametrize("moment", ["getsignal", "signal"])
def test_a_signal_while_it_begins_to_listen_or_ends(handlers, monkeypatch, moment):
    """Between any two of its lines: it is heard, or passed on."""
    real, coming = getattr(signal, moment), [signal.SIGINT] * 3

    def interrupted(*arguments):
        answer = real(*arguments)
        if arguments[0] == signal.SIGINT and coming:
            coming.pop()
            signal.raise_signal(signal.SIGINT)
        return answer

    monkeypatch.setattr(signal, moment, interrupted)
    with pytest.raises(KeyboardInterrupt), Interruptible():
        pass
    monkeypatch.undo()
    assert all(signal.getsignal(number) == handlers[number] for number in NUMBERS)


WORDS = {
    "SIGINT": "finishing this step, ^C again to stop at once",
    "SIGTERM": "SIGTERM: finishing this step, again to stop at once",
    "SIGHUP": "SIGHUP: finishing this step, again to stop at once",
}


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_the_first_signal_is_answered_in_its_words_and_once(number):
    said = []
    before = signal.signal(number, lambda *_: None)
    train_case(
        CASE, CtrlC(step=2, times=5, number=number, answers=said), Interruptible(said.append)
    )
    signal.signal(number, before)
    assert said == [WORDS[number.name]]


def test_it_is_answered_on_stderr(capfd):
    train_case(CASE, CtrlC(step=2), Interruptible())
    out, err = capfd.readouterr()
    assert (out, err.partition(", ")[2]) == ("", "^C again to stop at once\n")


def test_of_each_run_the_first_is_answered():
    said = []
    ctrl_c = Interruptible(said.append)
    for _ in range(2):
        train_case(CASE, CtrlC(step=2, answers=said), ctrl_c)
    assert said == [WORDS["SIGINT"]] * 2


def test_outside_of_a_run_there_is_no_step():
    said = []
    with Interruptible(said.append):
        signal.raise_signal(signal.SIGINT)
    assert said == ["finishing up, ^C again to stop at once"]


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="Windows has no such signals")
def test_signals_of_others_are_not_answered():
    said, heard = [], []
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
    run = train_case(CASE, CtrlC(step=2, number=signal.SIGUSR1), Interruptible(said.append))
    signal.signal(signal.SIGUSR1, before)
    assert (run.ending, said, heard) == (Ending.COMPLETED, [], [1])


def test_no_thread_is_left_where_a_run_fails():
    class Fail(Callback):
        def step(self, run):
            raise RuntimeError("a bug")

    before = threading.active_count()
    with pytest.raises(RuntimeError):
        train_case(CASE, Interruptible(), Fail())
    assert threading.active_count() == before
    assert signal.set_wakeup_fd(-1) == -1


def test_without_a_thread_the_run_ends_all_the_same(monkeypatch):
    def refused(told):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(limits, "WakeUp", refused)
    run = train_case(CASE, CtrlC(step=5), Interruptible())
    assert (run.ending, run.progress.steps) == (Ending.INTERRUPTED, 5)


class LongProduct(Callback):
    """Press Ctrl-C from elsewhere, while Python is within one product of matrices."""

    def __init__(self, size):
        self.size = size

    def step(self, run):
        A = np.ones((self.size, self.size))
        threading.Timer(0.05, self.press).start()
        A @ A @ A
        self.over = time.perf_counter()

    def press(self):
        self.pressed = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.once
def test_it_is_answered_within_a_long_product():
    """Not after it: of a few attempts one, as others may keep a processor busy meanwhile.

    A fast machine is given larger products.
    """
    waits = []
    for size in (1800, 1800, 1800, 2600, 3600, 5000):
        answers, product = [], LongProduct(size)
        listener = Interruptible(lambda text, answers=answers: answers.append(time.perf_counter()))
        run = train_case(CASE, product, listener)
        assert (run.ending, run.progress.steps) == (Ending.INTERRUPTED, 1)
        if product.pressed < product.over:
            waits.append((answers[0] - product.pressed, product.over - product.pressed))
        if any(wait < 0.2 and wait < whole for wait, whole in waits):
            return
    pytest.fail(f"answered after, of so many seconds: {waits}")
