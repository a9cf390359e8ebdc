"""Curves of the command line: learning rates as they were planned, and names of runs."""

from pathlib import Path

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")
pytest.importorskip("matplotlib", reason="the pictures need matplotlib")

from dnn_xp import Dense, Network
from dnn_xp.app.curves import _own_names, draw_history
from dnn_xp.app.optimization import choose_schedule

pytestmark = pytest.mark.once

NETWORK = Network(2, (Dense(1),), "squared_error")


@pytest.mark.parametrize(
    ("schedule", "warm_up", "rates"),
    [
        ("exponential", 0.0, [0.5, 0.5 * 0.01**0.25, 0.05]),
        ("constant", 2.0, [0.0, 0.25, 0.5]),
        ("constant", 0.0, None),
        ("plateau", 0.0, None),
    ],
)
def test_the_rates_are_those_at_the_beginning_of_each_epoch(schedule, warm_up, rates):
    plan = choose_schedule(schedule, warm_up, 4)
    figure = draw_history({"cost": [3.0, 2.0, 1.0]}, 0.5, plan, "some/my.npz", NETWORK)
    title = figure.get_suptitle() or figure.axes[0].get_title()
    assert title == "my.npz: 2-1, squared_error, 3 parameters"
    if rates is None:
        assert len(figure.axes) == 1
    else:
        assert list(figure.axes[-1].lines[0].get_ydata()) == pytest.approx(rates)


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["runs/a", "runs/b"], ["a", "b"]),
        (["here/a", "there/a"], ["here/a", "there/a"]),
        (["runs/a/"], ["a"]),
    ],
)
def test_runs_have_short_names_of_their_own(folders, names):
    assert _own_names([Path(folder) for folder in folders]) == names
