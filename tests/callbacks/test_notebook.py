"""A bar in a notebook: its lines, and when they are shown."""

import sys
import warnings
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import dnn_xp
from dnn_xp.callbacks import ProgressBar
from dnn_xp.callbacks import notebook as module
from dnn_xp.callbacks.notebook import NotebookBar, in_notebook
from tests.runs import train_case

CASE = "dropout, batch norm, adamw, averages, validation"  # 3 epochs of 3 steps


class Page:
    """Keep what a notebook is told to show: a line, and what it becomes."""

    def __init__(self):
        self.states = []

    def display(self, bundle, *, raw, display_id):
        assert raw
        assert display_id
        self.update(bundle, raw=True)
        return self

    def update(self, bundle, *, raw):
        assert raw
        self.states.append(bundle["text/plain"])


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test sets."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def page(monkeypatch):
    """Run as in a kernel, without one."""
    page = Page()
    ipython, showing = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    showing.display = page.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", showing)
    return page


@pytest.mark.parametrize(
    ("shell", "found"),
    [
        (None, False),
        (lambda: None, False),  # IPython is loaded, and nobody runs it
        (lambda: SimpleNamespace(), False),  # on a terminal
        (lambda: SimpleNamespace(kernel=None), False),
        (lambda: SimpleNamespace(kernel=object()), True),
    ],
)
def test_a_notebook_is_a_kernel(shell, found, monkeypatch):
    ipython = ModuleType("IPython")
    if shell is not None:
        ipython.get_ipython = shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert in_notebook() is found


def test_without_ipython_there_is_no_notebook(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()


@pytest.mark.parametrize(
    ("total", "completed", "text", "line"),
    [
        (4, 0, "", "epoch 0/4 ──────────────────── 00:07"),
        (4, 1, "cost 0.5", "epoch 1/4 ━━━━━─────────────── cost 0.5 00:07"),
        (4, 1.75, "cost 0.5", "epoch 1.75/4 ━━━━━━━━──────────── cost 0.5 00:07"),
        (4, 4, "", "epoch 4/4 ━━━━━━━━━━━━━━━━━━━━ 00:07"),
        (4, 9, "", "epoch 9/4 ━━━━━━━━━━━━━━━━━━━━ 00:07"),
        (0, 0, "", "epoch 0/0 ━━━━━━━━━━━━━━━━━━━━ 00:07"),
        (100, 99.9, "", "epoch 99.90/100 ━━━━━━━━━━━━━━━━━━━─ 00:07"),
        (None, 3, "reading", "epoch reading 00:07"),
    ],
)
def test_a_line_says_how_far_it_is(total, completed, text, line, clock):
    bar = NotebookBar()
    task = bar.add_task("epoch", total=total, text="")
    clock.now += 7.0
    bar.update(task, completed=completed, text=text)
    assert bar.text() == line


def test_each_task_has_a_line_and_a_time_of_its_own(clock):
    bar = NotebookBar()
    first = bar.add_task("one", total=2)
    clock.now += 65.0
    bar.update(first, completed=2)
    second = bar.add_task("two", total=2)
    clock.now += 5.0
    bar.update(second, completed=1)
    one, other = bar.text().splitlines()
    assert one == f"one 2/2 {'━' * 20} 01:05"
    assert other == f"two 1/2 {'━' * 10}{'─' * 10} 00:05"


def test_the_page_is_told_of_ten_states_a_second_at_most_and_of_the_last(page, clock):
    with NotebookBar() as bar:
        task = bar.add_task("step", total=1000, text="")
        for i in range(1, 1001):
            clock.now += 0.01
            bar.update(task, completed=i)
        told = len(page.states)
    assert 90 <= told <= 102
    assert page.states[-1].startswith("step 1000/1000 ")


def test_a_run_in_a_notebook_needs_no_rich(page, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    bar = ProgressBar()
    for _ in range(2):  # one object serves two runs
        train_case(CASE, bar)
        assert page.states[-1].startswith("epoch 3/3 ━━━━━━━━━━━━━━━━━━━━ cost ")
        assert "validation_cost" in page.states[-1]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "TabularRegressor"])
def test_estimators_show_their_bars_in_a_notebook(name, page, monkeypatch):
    sklearn = pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = X[:, 0] if name.endswith("Regressor") else X[:, 0] > 0.0
    options = {"n_members": 2} if name.startswith("Tabular") else {"tol": 0.0, "verbose": "bar"}
    options = {"verbose": True, "max_iter": 2, "random_state": 0} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        getattr(dnn_xp, name)(**options).fit(X, y)
    lines = page.states[-1].splitlines()
    assert len(lines) == options.get("n_members", 1)
    assert all(line.startswith(f"{name}  epoch 2/2 ━") for line in lines)
