"""What a run ends with."""

import contextlib
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from dnn_xp import Dense, Ending, Model, Network, TrainingResult, train
from dnn_xp.training import LBFGSState, adam


def test_result_of_a_run_holds_all_that_it_takes_to_go_on():
    X = np.ones((2, 4))
    run = train(Network(2, (Dense(1),), "squared_error"), X, X[:1], epochs=3)
    assert run.epochs == len(run.history["cost"]) == 3
    assert run.progress is not None
    assert run.progress.epoch == 3
    assert run.state is None  # that of L-BFGS


NETWORK = Network(2, (Dense(30, "tanh"), Dense(1)), "squared_error")
HOSTILE = '<script>alert("1")</script>\x1b[2J'


def run_on(array, **options):
    X = array(np.linspace(-1.0, 1.0, 8).reshape(2, 4), "float32")
    return train(NETWORK, X, X[:1, :], **{"epochs": 3, "optimizer": adam(0.01), **options})


def test_a_result_is_one_line_and_its_arrays_stay_where_they_are(array, monkeypatch):
    run = run_on(array)
    monkeypatch.setattr("dnn_xp.backends.to_host", None)
    for kind in (type(run.theta), type(run.progress.finite)):
        for name in ("__repr__", "__str__", "__array__", "__float__"):
            if hasattr(kind, name) and kind.__module__ not in ("numpy", "builtins"):
                with contextlib.suppress(TypeError):  # a class that cannot be changed
                    monkeypatch.setattr(kind, name, lambda *_, **__: pytest.fail("shows an array"))
    assert re.fullmatch(r"TrainingResult\(3 epochs, completed, cost [\d.]+\)", repr(run))
    for one in (run.progress, run.progress.state, Model(NETWORK, run.theta)):
        text = repr(one)
        assert "\n" not in text
        assert len(text) < 1000
        assert f"of float32, shape {tuple(run.theta.shape)}>" in text
    assert "<svg" in run._repr_html_()


@pytest.mark.parametrize(
    ("ending", "reason", "words"),
    [
        (Ending.COMPLETED, "7 epochs", "7 epochs, completed"),
        (Ending.STOPPED, "no better for 5 epochs", "7 epochs, stopped: no better for 5 epochs"),
        (
            Ending.DIVERGED,
            "diverged: the cost became nan",
            "7 epochs, diverged: the cost became nan",
        ),
        (Ending.INTERRUPTED, "interrupted", "7 epochs, interrupted"),
        (Ending.STOPPED, "a\nb\x1b[2J", r"7 epochs, stopped: a\nb\x1b[2J"),
    ],
)
def test_a_result_says_how_it_ended(ending, reason, words):
    run = TrainingResult(np.zeros(10**6), {"cost": [0.5] * 7}, 7, ending, reason)
    assert repr(run) == f"TrainingResult({words}, cost 0.5)"
    assert f"<b>TrainingResult</b>: {words}</p>" in run._repr_html_()


def test_a_result_counts_what_it_is_made_of():
    run = TrainingResult(np.zeros(3), {}, 1, Ending.COMPLETED, "")
    assert repr(run) == "TrainingResult(1 epoch, completed)"
    by_lbfgs = run._replace(state=LBFGSState(np.zeros(3)), epochs=2)
    assert repr(by_lbfgs) == "TrainingResult(2 iterations, completed)"
    many = run._replace(history={f"figure {i}": [0.5] for i in range(40)})
    assert repr(many).endswith("figure 5 0.5, 34 more figures)")


@pytest.mark.parametrize("values", [[0.25], [2.0, math.nan], [math.nan], [math.inf, 1.0], []])
def test_every_history_has_a_page(values):
    run = TrainingResult(np.zeros(3), {"cost": values}, len(values), Ending.COMPLETED, "")
    html = run._repr_html_()
    ElementTree.fromstring(html)  # well formed
    assert ("<svg" in html) == any(map(math.isfinite, values))
    assert ("<table" in html) == bool(values)


def test_the_page_of_a_result_has_the_curves_and_the_extremes_of_every_figure():
    history = {
        "cost": [2.0, 1.0],
        "validation_cost": [3.0, 4.0],
        "validation_accuracy": [0.5, 0.25],
    }
    html = TrainingResult(np.zeros(3), history, 2, Ending.COMPLETED, "")._repr_html_()
    page = ElementTree.fromstring(html)
    rows = [[cell.text for cell in row] for row in page.iter("tr")]
    assert rows == [
        ["figure", "last", "lowest (epoch)", "highest (epoch)"],
        ["cost", "1", "1 (2)", "2 (1)"],
        ["validation_cost", "4", "3 (1)", "4 (2)"],
        ["validation_accuracy", "0.25", "0.25 (2)", "0.5 (1)"],
    ]
    drawn = [one.text for one in page.iter("{http://www.w3.org/2000/svg}text")]
    assert {"training", "validation", "epochs", "cost"} <= {*drawn}


def test_names_and_reasons_of_others_are_escaped():
    run = TrainingResult(np.zeros(3), {HOSTILE: [1.0]}, 1, Ending.STOPPED, HOSTILE)
    for text in (repr(run), run._repr_html_()):
        assert "\x1b" not in text
    assert "<script" not in run._repr_html_()
