"""Signals end a command as Ctrl-C does, also before it trains."""

import os
import signal
import threading
import time
from functools import partial

import numpy as np
import pytest

from dnn_xp.app.stopping import stopping_signals

NUMBERS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
by_name = pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)


@pytest.fixture(autouse=True)
def usual_handlers():
    """Put back what signals mean, which a command does not."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupted(number):
    """Return the signals that were heard in a block that one has ended."""
    heard = []
    with pytest.raises(KeyboardInterrupt), stopping_signals(heard):
        signal.raise_signal(number)
    return heard


@by_name
def test_a_signal_is_an_interrupt(number):
    assert interrupted(number) == [number]
    assert signal.getsignal(number) is signal.SIG_DFL  # no traceback while Python shuts down


@by_name
def test_the_second_signal_ends_the_process(monkeypatch, number):
    codes = []
    monkeypatch.setattr("os._exit", codes.append)
    with pytest.raises(KeyboardInterrupt), stopping_signals([signal.SIGTERM]):
        signal.raise_signal(number)
    assert codes == [128 + number]


@by_name
@pytest.mark.parametrize("kind", ["ignored", "somebody's"])
def test_a_signal_that_is_heard_already_is_let_be(number, kind):
    heard = []
    handler = signal.SIG_IGN if kind == "ignored" else lambda *_: heard.append(number)
    before = signal.signal(number, handler)
    with stopping_signals([]):
        signal.raise_signal(number)
    assert signal.signal(number, before) is handler
    assert heard == ([] if kind == "ignored" else [number])


def test_a_system_without_some_signals(monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    assert interrupted(signal.SIGTERM) == [signal.SIGTERM]


def test_other_threads_hear_nothing():
    done = []

    def run():
        with stopping_signals([]):
            done.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [signal.SIG_DFL]


@by_name
@pytest.mark.parametrize("name", ["prepare", "measure"])
def test_a_command_says_what_stopped_it(dnn_xp, monkeypatch, tmp_path, number, name):
    """Before there is anything to keep, and in a command that keeps nothing."""

    def stopped(*_, **__):
        signal.raise_signal(number)

    if name == "prepare":
        monkeypatch.setattr("dnn_xp.app.train.prepare_experiment", stopped)
        code, out, err = dnn_xp("train")
        assert list(tmp_path.iterdir()) == []
    else:
        assert dnn_xp("train", "--epochs", "1", "--layers", "8", "--run", "r").code == 0
        monkeypatch.setattr("dnn_xp.app.use.measure", stopped)
        code, out, err = dnn_xp("evaluate", "r/model.h5", "digits")
    assert (code, out) == (128 + number, "")
    said = "interrupted" if number == signal.SIGINT else f"stopped by {number.name}"
    assert err.strip() == f"dnn-xp: {said}"


# Where a second signal is worst: in the midst of the answer to the first one.
TWICE = """
import signal, sys
from pathlib import Path
import dnn_xp.app.cli as cli
{patch}
cli.main(["train", "--epochs", "2", "--layers", "8"])
"""
RAISE = "signal.raise_signal(signal.{})"
MOMENTS = {
    "while it says so": "real = cli._say\n"
    "def twice(message):\n    {second}\n    real(message)\ncli._say = twice",
    "while the stack is left": "import dnn_xp.app.streams as streams\n"
    "real = streams.Output.flush\ndef twice(self):\n    {second}\n    real(self)\n"
    "streams.Output.flush = twice",
    "while Python shuts down": "import threading\nthreading._register_atexit(lambda: {second})",
}


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    ("first", "second"), [("SIGINT", "SIGINT"), ("SIGTERM", "SIGHUP"), ("SIGHUP", "SIGINT")]
)
def test_a_second_signal_is_no_traceback(start, moment, first, second):
    pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")
    patch = MOMENTS[moment].format(second=RAISE.format(second))
    stopped = f"t.prepare_experiment = lambda *_, **__: {RAISE.format(first)}"
    process = start(code=TWICE.format(patch=f"import dnn_xp.app.train as t\n{stopped}\n{patch}"))
    out, err = process.communicate()
    number = getattr(signal, second)
    assert process.returncode in (128 + number, -number), err  # a shell shows them alike
    assert out == ""
    lines = [line for line in err.splitlines() if line]  # Typer ends the line of ^C
    assert lines in ([], ["dnn-xp: interrupted"], [f"dnn-xp: stopped by {first}"])


def interrupted_within(product, times=1):
    """Return the seconds from a signal to the end of a product, in which it comes."""
    pressed = []

    def press():
        pressed.append(time.perf_counter())
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.02)

    def run():
        threading.Timer(0.05, press).start()
        product()
        time.sleep(5)  # where it came late

    with pytest.raises(KeyboardInterrupt), stopping_signals([]):
        run()
    return time.perf_counter() - pressed[0]


@pytest.mark.once
def test_what_takes_long_to_stop_says_that_it_will(capfd):
    """As one long product of a command that does not train."""
    threads = pytest.importorskip("threadpoolctl", reason="the command line needs dnn-xp[app]")
    with threads.threadpool_limits(1):
        for size in (3000, 4500, 7000):  # until it takes long enough
            A = np.ones((size, size))
            seconds = interrupted_within(partial(np.matmul, A, A))
            out, err = capfd.readouterr()
            assert out == ""
            if seconds > 0.3:
                break
    assert err == "dnn-xp: stopping, ^C again to stop at once\n"


def test_what_stops_at_once_says_nothing(capfd):
    assert interrupted_within(lambda: time.sleep(5)) < 1
    assert capfd.readouterr() == ("", "")


LONG = """
import os, signal, threading, time
import numpy as np
from dnn_xp.app.stopping import stopping_signals
A = np.ones((6000, 6000))
def press():
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
with stopping_signals([]):
    threading.Timer(0.05, press).start()
    A @ A
print("the product is over")
"""


@pytest.mark.once
def test_the_second_signal_ends_the_process_within_a_long_product(start):
    process = start(code=LONG, OMP_NUM_THREADS="1")
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err == "dnn-xp: stopping, ^C again to stop at once\n"
