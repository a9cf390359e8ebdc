"""The page of a run as it goes on, from what its folder says."""

from types import SimpleNamespace

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp import Dense, Network
from dnn_xp.network.description import describe_network
from dnn_xp.reports.pages.live_page import live_page
from tests.reports.pages.reading import HOSTILE_NAMES, Reader

pytestmark = pytest.mark.once

NETWORK = Network(3, (Dense(2),), "softmax_cross_entropy")
RECORD = {
    "run": {"network": describe_network(NETWORK)},
    "command": "dnn-xp train digits",
    "versions": {"numpy": "2.4.6"},
    "begun": "2026-12-01T10:00:00+00:00",
    "settings": {"epochs": 30},
}
HISTORY = {
    "cost": [2.0, 1.0, 0.5],
    "validation_cost": [2.0, 1.5, 1.25],
    "validation_accuracy": [0.5, 0.9, 0.8],
}


def follower(tmp_path, state="running", record=RECORD, history=HISTORY, problem=""):
    return SimpleNamespace(
        folder=tmp_path / "a", state=state, record=record, history=history, problem=problem
    )


def test_figures_curves_and_command(tmp_path):
    page = live_page(follower(tmp_path))
    assert page.title == "a"
    assert page.summary.startswith("It is going on. 3-2, softmax_cross_entropy, 8 parameters.")
    assert [one[:2] for one in page.headlines] == [
        ("3", "of 30 epochs done"),
        ("0.5", "cost, training"),
        ("1.25", "cost, held out"),
        ("90.00%", "best accuracy, held out"),
    ]
    assert page.headlines[3].beside == "last: 80.00%"
    found = Reader(page.html(live=True))
    assert [one.get("id") for one in found.named("section")] == ["curves", "versions"]
    assert "dnn-xp train digits" in found.words
    assert found.named("noscript")
    assert found.named("p", id="connection", role="status")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        *(("waiting", "has not begun"), ("done", "has ended"), ("diverged", "It diverged")),
        ("interrupted", "dnn-xp resume goes on with it"),
    ],
)
def test_its_state_is_said(tmp_path, state, said):
    page = live_page(follower(tmp_path, state, RECORD | {"reason": "cost became nan"}))
    assert said in page.summary
    assert "Cost became nan." in page.summary


def test_of_a_run_that_has_not_begun_there_is_a_page(tmp_path):
    page = live_page(follower(tmp_path, "waiting", {}, {}))
    assert page.sections == []
    assert page.headlines[0].value == "0"
    page.html(live=True)


def test_what_cannot_be_read_is_said(tmp_path):
    assert "cannot be read: line 7" in live_page(follower(tmp_path, problem="line 7")).summary


@pytest.mark.parametrize(
    "record",
    [
        {"run": {"network": {"layers": "?"}}, "versions": [], "settings": 3, "command": ["a"]},
        {"run": 1, "versions": None, "settings": {"epochs": "many"}},
        *({"run": {}, "command": name, "reason": name, name: name} for name in HOSTILE_NAMES),
    ],
)
def test_records_of_strangers_do_no_harm(tmp_path, record):
    html = live_page(follower(tmp_path, "done", record, {"<b>": [1.0], **HISTORY})).html(live=True)
    assert html.count("<script>") == 2
    assert not Reader(html).named("img")
