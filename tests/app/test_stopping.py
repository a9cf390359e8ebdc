"""Signals end a command as Ctrl-C does, also before it trains."""

import signal
import threading

import pytest

from dnn_xp.app.stopping import stopping_signals

NUMBERS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
by_name = pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)


def interrupted(number):
    """Return the signals that were heard in a block that one has ended."""
    with pytest.raises(KeyboardInterrupt), stopping_signals() as heard:
        signal.raise_signal(number)
    return heard


@by_name
def test_a_signal_is_an_interrupt(number):
    assert interrupted(number) == [number]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_ctrl_c_is_none_of_them():
    assert interrupted(signal.SIGINT) == []


@by_name
@pytest.mark.parametrize("kind", ["ignored", "somebody's"])
def test_a_signal_that_is_heard_already_is_let_be(number, kind):
    heard = []
    handler = signal.SIG_IGN if kind == "ignored" else lambda *_: heard.append(number)
    before = signal.signal(number, handler)
    with stopping_signals():
        signal.raise_signal(number)
    assert signal.signal(number, before) is handler
    assert heard == ([] if kind == "ignored" else [number])


def test_a_system_without_some_signals(monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    assert interrupted(signal.SIGTERM) == [signal.SIGTERM]


def test_other_threads_hear_nothing():
    done = []

    def run():
        with stopping_signals():
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
        monkeypatch.setattr("dnn_xp.app.train.prepare", stopped)
        code, out, err = dnn_xp("train")
        assert list(tmp_path.iterdir()) == []
    else:
        assert dnn_xp("train", "--epochs", "1", "--layers", "8", "--run", "r").code == 0
        monkeypatch.setattr("dnn_xp.app.use.measure", stopped)
        code, out, err = dnn_xp("evaluate", "r/model.h5", "digits")
    assert (code, out) == (128 + number, "")
    assert err.strip() == f"dnn-xp: stopped by {number.name}"
    assert signal.getsignal(number) is signal.SIG_DFL
