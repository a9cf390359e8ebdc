"""A thread that hears signals at once, and leaves nothing behind."""

import io
import os
import queue
import signal
import socket
import sys
import threading
from contextlib import suppress

import pytest

from dnn_xp.wakeup import WakeUp, print_at_once

pytestmark = pytest.mark.once
NUMBERS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGWINCH")
    if hasattr(signal, name)
]


@pytest.fixture(autouse=True)
def leaves_nothing():
    """See that signals mean what they meant, that no thread is left and no descriptor."""
    handlers = {number: signal.getsignal(number) for number in NUMBERS}
    threads, least = threading.active_count(), os.open(os.devnull, os.O_RDONLY)
    os.close(least)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert signal.set_wakeup_fd(-1) == -1
    assert threading.active_count() == threads
    after = os.open(os.devnull, os.O_RDONLY)
    os.close(after)
    assert after == least


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_each_signal_that_somebody_hears_is_told(number):
    told = queue.Queue()
    signal.signal(number, lambda *_: None)
    wake_up = WakeUp(told.put)
    for _ in range(2):
        signal.raise_signal(number)
        assert told.get(timeout=5) == number
    wake_up.close()
    signal.raise_signal(number)
    assert told.empty()


def test_it_is_told_before_the_handler_returns():
    told, order = threading.Event(), []
    signal.signal(signal.SIGINT, lambda *_: order.append(told.wait(5)))
    wake_up = WakeUp(lambda number: told.set())
    signal.raise_signal(signal.SIGINT)
    wake_up.close()
    assert order == [True]


def test_what_was_heard_before_it_was_closed_is_told():
    told, signals = [], 50
    signal.signal(signal.SIGINT, lambda *_: None)
    wake_up = WakeUp(told.append)
    for _ in range(signals):
        signal.raise_signal(signal.SIGINT)
    wake_up.close()
    assert told == [signal.SIGINT] * signals


@pytest.mark.parametrize("kind", ["socket", "pipe"])
def test_a_descriptor_that_was_there_is_woken_up_and_put_back(kind):
    """As that of asyncio."""
    ours, theirs = socket.socketpair() if kind == "socket" else map(os.fdopen, os.pipe(), "rw")
    os.set_blocking(theirs.fileno(), False)
    signal.set_wakeup_fd(theirs.fileno())
    signal.signal(signal.SIGINT, lambda *_: None)
    wake_up = WakeUp(lambda number: None)
    signal.raise_signal(signal.SIGINT)
    assert os.read(ours.fileno(), 9) == bytes([signal.SIGINT])
    wake_up.close()
    assert signal.set_wakeup_fd(-1) == theirs.fileno()
    for end in (ours, theirs):
        end.close()


def test_a_descriptor_that_is_full_is_no_error():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, lambda *_: None)
    told = queue.Queue()
    wake_up = WakeUp(told.put)
    signal.raise_signal(signal.SIGINT)
    assert told.get(timeout=5) == signal.SIGINT
    wake_up.close()
    signal.set_wakeup_fd(-1)
    os.close(reader)
    os.close(writer)


def test_who_came_meanwhile_stays():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    wake_up = WakeUp(lambda number: None)
    signal.set_wakeup_fd(writer)
    wake_up.close()
    assert signal.set_wakeup_fd(-1) == writer
    os.close(reader)
    os.close(writer)


def test_one_within_another():
    """As `Interruptible` within a command: both are told, and each puts back what was there."""
    told = queue.Queue()
    signal.signal(signal.SIGINT, lambda *_: None)
    outer = WakeUp(lambda number: told.put("outer"))
    inner = WakeUp(lambda number: told.put("inner"))
    signal.raise_signal(signal.SIGINT)
    assert {told.get(timeout=5), told.get(timeout=5)} == {"inner", "outer"}
    inner.close()
    signal.raise_signal(signal.SIGINT)
    assert told.get(timeout=5) == "outer"
    outer.close()


def test_it_may_be_closed_again():
    wake_up = WakeUp(lambda number: None)
    for _ in range(3):
        wake_up.close()


def test_outside_of_the_main_thread_it_is_refused():
    errors = []

    def run():
        try:
            WakeUp(lambda number: None)
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "main thread" in errors[0]


def test_where_there_is_no_thread_left_nothing_is_put_in_place(monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="new thread"):
        WakeUp(lambda number: None)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "printed"), [(io.StringIO(), "a word\n"), (Screen(), "\ra word\n")]
)
def test_a_line_is_over_what_a_terminal_shows(monkeypatch, stream, printed):
    monkeypatch.setattr(sys, "stderr", stream)
    print_at_once("a word")
    assert stream.getvalue() == printed


def test_a_stream_that_is_closed_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", closed := Screen())
    closed.close()
    print_at_once("a word")
