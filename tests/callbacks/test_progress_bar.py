"""A bar of a run, in print and step by step."""

import copy
import io
import re
import sys
import time
from importlib.util import find_spec
from itertools import count

import pytest

from dnn_xp import Callback
from dnn_xp.callbacks import ProgressBar
from dnn_xp.callbacks.progress_bar import make_bar
from tests.runs import StopAfter, train_case

CASE = "dropout, batch norm, adamw, averages, validation"  # 3 epochs of 3 steps

needs_rich = pytest.mark.skipif(find_spec("rich") is None, reason="needs dnn-xp[app]")


class RecordingBar:
    """Keep what a bar is told."""

    def __init__(self):
        self.calls = []

    def add_task(self, title, **fields):
        self.calls.append({"title": title, **fields})
        return 0

    def update(self, task, **fields):
        self.calls.append(fields)


class Failing(Callback):
    """Fail at the end of an epoch."""

    def epoch(self, run):
        raise RuntimeError("on purpose")


def test_progress_bar_it_moves_from_epoch_to_epoch():
    bar = RecordingBar()
    result = train_case(CASE, ProgressBar("case", lambda run: f"epoch {run.epoch}", bar))
    assert bar.calls == [
        {"title": "case", "total": 3, "completed": 0, "text": ""},
        *({"completed": i, "text": f"epoch {i}"} for i in (1, 2, 3)),
        {"total": 3, "completed": 3},
    ]
    assert result.epochs == 3


def test_it_starts_where_a_run_goes_on_and_is_full_where_one_stops():
    bar = RecordingBar()
    begun = train_case(CASE, ProgressBar(bar=bar), StopAfter(4))
    assert bar.calls[-1] == {"total": 1, "completed": 1}
    train_case(CASE, ProgressBar(bar=bar), resume=begun.progress)
    start = next(i for i, call in enumerate(bar.calls) if i and "title" in call)
    assert bar.calls[start] == {"title": "epoch", "total": 3, "completed": 1, "text": ""}


@pytest.mark.parametrize("begun", [0, 1])
def test_it_moves_within_an_epoch_that_takes_long(monkeypatch, begun):
    """0.2 s a look: at each second step of three, and never in the first 0.3 s of an epoch."""
    resume = train_case(CASE, epochs=begun).progress if begun else None
    clock = count()
    monkeypatch.setattr(time, "monotonic", lambda: 0.2 * next(clock))
    bar = RecordingBar()
    train_case(CASE, ProgressBar(bar=bar), resume=resume)
    moves = [call["completed"] for call in bar.calls]
    assert moves[-1] == 3
    assert {n + part / 3 for n in range(begun, 3) for part in (2, 3)} <= set(moves)
    assert sorted(moves) == moves
    assert not {n + 1 / 3 for n in range(3)} & set(moves)


def test_it_describes_what_other_callbacks_measure_too():
    class Measure(Callback):
        def epoch(self, run):
            run.history.setdefault("luck", []).append(1 / 3)

    bar = RecordingBar()
    result = train_case(CASE, ProgressBar(bar=bar), Measure())
    *_, last, _ = bar.calls
    assert set(result.history) > {"cost", "validation_cost", "luck"}
    assert last["text"] == ", ".join(
        f"{name} {values[-1]:.4g}" for name, values in result.history.items()
    )
    assert last["text"].endswith(", luck 0.3333")


@needs_rich
def test_where_nobody_looks_on_its_last_state_is_printed(capsys):
    bar = ProgressBar()
    for _ in range(2):  # one object serves two runs
        train_case(CASE, bar)
        printed = capsys.readouterr().out
        assert re.fullmatch(r"epoch 3/3 cost .* 00:00\n", printed)  # no bar: there is no room
    copy.deepcopy(bar)  # as scikit-learn does: nothing of the screen is left in it


@needs_rich
def test_it_closes_also_where_a_run_fails(capsys):
    """There can be one at a time."""
    with pytest.raises(RuntimeError, match="on purpose"):
        train_case(CASE, ProgressBar(), Failing())
    capsys.readouterr()
    train_case(CASE, ProgressBar())
    assert "epoch 3/3" in capsys.readouterr().out


@needs_rich
def test_a_bar_that_is_given_stays_open(capsys):
    with make_bar() as bar:
        train_case(CASE, ProgressBar("first", bar=bar))
        assert bar.live.is_started
        train_case(CASE, ProgressBar("second", bar=bar))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("first 3/3 ")
    assert second.startswith("second 3/3 ")


@needs_rich
@pytest.mark.parametrize(("elapsed", "ending"), [(True, "cost 0.5 00:07"), (False, "00:00 left")])
def test_the_time_is_what_it_took_or_what_is_left(elapsed, ending):
    from rich.console import Console

    screen, clock = io.StringIO(), iter((0.0, *(7.0,) * 99))
    with make_bar(Console(file=screen, width=80), elapsed=elapsed) as bar:
        bar.get_time = lambda: next(clock)
        task = bar.add_task("epoch", total=2, text="")
        bar.update(task, completed=2, text="cost 0.5")
    assert screen.getvalue().strip().endswith(ending)


def test_a_text_is_no_markup():
    rich = pytest.importorskip("rich.console")
    screen = io.StringIO()
    with make_bar(rich.Console(file=screen, width=80)) as bar:
        bar.add_task("epoch", total=2, text="[red] of [two]")
    assert "[red] of [two]" in screen.getvalue()


def test_progress_bar_without_rich_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(ImportError, match=r"rich\.progress is needed here: .*dnn-xp\[app\]"):
        ProgressBar()
