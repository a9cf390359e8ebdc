"""The page of several runs: their order, their settings, and their curves."""

from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages import comparison
from dnn_xp.reports.pages.comparison import comparison_page
from dnn_xp.reports.run_summaries import Best, RunSummary
from tests.reports.pages.reading import HOSTILE_NAMES, Reader

pytestmark = pytest.mark.once


def run_of(name, accuracy=None, state="done", data="digits", **settings):
    best = None if accuracy is None else Best("accuracy", accuracy, 2, "max", True)
    return RunSummary(
        Path("runs") / name,
        state,
        "2026-11-30T10:00:00+00:00",
        3,
        "3 epochs",
        best,
        {},
        {"data": data, **settings},
        "there is no run.json" if state == "damaged" else "",
    )


RUNS = [
    run_of("a", 0.9, rate="0.1", seed="0"),
    run_of("b", 0.95, rate="0.2", seed="0"),
    run_of("c", None, "running", rate="0.3", seed="0"),
    run_of("d", None, "damaged"),
]
HISTORIES = {
    "runs/a": {"cost": [3.0, 2.0, 1.0], "validation_accuracy": [0.7, 0.9, 0.8]},
    "runs/b": {"cost": [3.0, 1.0, 0.5], "validation_accuracy": [0.8, 0.95, 0.9]},
}


def test_the_best_run_stands_first_and_settings_that_differ_beside():
    page = comparison_page(RUNS, HISTORIES)
    found = Reader(page.html())
    rows = found.tables[0]["rows"]
    assert rows[0] == ["run", "state", "epochs", "best", "at epoch", "rate", "begun"]
    assert [row[0] for row in rows[1:]] == ["runs/b", "runs/a", "runs/c", "runs/d"]
    assert rows[1][3:6] == ["accuracy 95.00%", "2", "0.2"]
    assert rows[4][1] == "damaged there is no run.json"
    assert page.title == "4 runs on digits"
    assert "2 done, 1 running, 1 damaged." in page.summary
    assert page.headlines[0][:2] == ("95.00%", "best accuracy on digits")


def test_curves_lie_over_each_other(monkeypatch):
    drawn = {}

    def line_chart(lines, *, y_name, hover):
        drawn[y_name] = lines
        return "<svg></svg>"

    monkeypatch.setattr(comparison, "line_chart", line_chart)
    html = comparison_page(RUNS, HISTORIES).html()
    assert drawn == {
        "cost": {"runs/b": [3.0, 1.0, 0.5], "runs/a": [3.0, 2.0, 1.0]},
        "accuracy": {"runs/b": [0.8, 0.95, 0.9], "runs/a": [0.7, 0.9, 0.8]},
    }
    assert "accuracy, held out" in html


def test_data_sets_have_a_best_run_each():
    runs = [run_of("a", 0.9), run_of("b", 0.5, data="pets"), run_of("c", 0.6, data="pets")]
    page = comparison_page(runs, {})
    assert sorted(one.value for one in page.headlines) == ["60.00%", "90.00%"]
    assert page.title == "3 runs"
    assert len(page.sections) == 1


def test_many_runs_are_listed_and_some_drawn():
    runs = [run_of(f"r{i}", i / 1000) for i in range(200)]
    histories = {str(run.folder): {"cost": [1.0, 0.5]} for run in runs}
    html = comparison_page(runs, histories).html()
    assert "Of 200 runs the first 12" in html
    assert len(Reader(html).tables[0]["rows"]) == 201


def test_names_and_settings_of_strangers_stay_texts():
    runs = [run_of(name.replace("/", "-"), 0.5, **{name: name}) for name in HOSTILE_NAMES]
    histories = {str(run.folder): {"cost": [1.0, 0.5], "<b>": [1.0, 2.0]} for run in runs}
    html = comparison_page(runs, histories).html()
    found = Reader(html)
    assert html.count("<script>") == 1
    assert not found.named("b", src="x")
    assert not found.named("img")
    assert "\u202e" not in html


def test_the_page_has_a_title_where_one_is_given():
    assert comparison_page(RUNS, {}, title="Rates").title == "Rates"
