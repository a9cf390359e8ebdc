"""Several runs on a page: the order, what differs, damaged ones, and many."""

import re
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="pages need dnn-xp[app]")

from dnn_xp.reports.pages.comparison import comparison_page
from dnn_xp.reports.run_summaries import Best, RunSummary
from tests.reports.pages.reading import HOSTILE_NAMES, Reader

pytestmark = pytest.mark.once


def run(name, accuracy=0.5, **said):
    settings = {"data": "digits", "optimizer": "adam"} | said.pop("settings", {})
    given = {
        "state": "done",
        "begun": "2026-12-01T05:00:00+00:00",
        "ended": "2026-12-01T05:01:30+00:00",
        "epochs": 2,
        "best": Best("accuracy", accuracy, 2, "max", True),
        "settings": settings,
    }
    return RunSummary(Path("runs", name), **given | said)


def history(last=0.5):
    return {"cost": [2.0, 1.0], "validation_cost": [2.0, 1.5], "validation_accuracy": [0.1, last]}


def page(runs, histories=None):
    html = comparison_page(runs, histories or {}).html()
    (main,) = re.findall(r"<main>.*</main>", html, re.DOTALL)
    assert html.count("<script>") == 1
    return Reader(main)


def test_the_best_comes_first_with_what_differs():
    found = page([run("a", 0.7), run("b", 0.9, settings={"optimizer": "sgd"})])
    assert found.tables[0]["rows"] == [
        ["run", "state", "best accuracy", "at epoch", "epochs", "took", "optimizer", "begun (UTC)"],
        ["b", "done", "90.00%", "2", "2", "1 min 30 s", "sgd", "2026-12-01 05:00"],
        ["a", "done", "70.00%", "2", "2", "1 min 30 s", "adam", "2026-12-01 05:00"],
    ]
    assert {"data-value": "0.9"} in found.named("td")
    assert "2 done." in found.words
    assert "90.00% best accuracy, held out, epoch 2 b" in " ".join(found.words.split())
    assert "1 settings" not in found.words
    assert "1 setting that is the same" in found.words


def test_runs_that_did_not_end_well_are_named_as_such():
    runs = [
        run("a"),
        run("b", state="running", ended=""),
        run("c", state="diverged", best=None),
        RunSummary(Path("runs/d"), "damaged", problem="there is no run.json"),
    ]
    found = page(runs, {"runs/a": history(), "runs/b": history()})
    rows = {row[0]: row for row in found.tables[0]["rows"][1:]}
    assert [row[1] for row in rows.values()] == ["done", "running", "diverged", "damaged"]
    assert rows["b"][5] == ""
    assert rows["c"][2:4] == ["", ""]
    assert "1 done, 1 running, 1 diverged, 1 damaged." in found.words
    assert "d: there is no run.json" in found.words
    assert "Without curves: c, d." in found.words


def test_each_figure_has_a_chart_with_a_line_for_each_run():
    runs = [run("a", 0.7), run("b", 0.9)]
    found = page(runs, {"runs/a": history(0.7), "b": {"cost": [3.0, 2.5]}})
    assert re.findall("<h3>(.*?)</h3>", found.html) == [
        "cost, held out",
        "cost, training",
        "accuracy, held out",
    ]
    charts = re.findall("<svg.*?</svg>", found.html, re.DOTALL)
    both = re.findall(r'data-line="(\w+)" data-x="([^"]*)" data-y="([^"]*)"', charts[1])
    assert both == [("b", "1 2", "3 2.5"), ("a", "1 2", "2 1")]
    # A run that lacks a figure has no line, and the others keep their colours.
    blue, orange = (
        re.search(f'data-line="{name}".*?stroke="(#\\w+)"', charts[1])[1] for name in "ba"
    )
    assert blue != orange
    assert re.search('data-line="a".*?stroke="(#\\w+)"', charts[2])[1] == orange


@pytest.mark.parametrize(
    ("bests", "heading", "shown"),
    [
        ([Best("cost", 0.5, 2, "min", False)], "best cost (training)", ["0.5"]),
        ([Best("a b", 0.5, 2, "min", True)], "best a b", ["0.5"]),
        (
            [Best("cost", 0.5, 2, "min", True), Best("cost", 0.5, 2, "min", False)],
            "best",
            ["cost 0.5", "cost 0.5 (training)"],
        ),
        ([Best("cost", 0.5, None, "min", True), None], "best cost", ["0.5", ""]),
    ],
)
def test_the_name_of_a_figure_of_all_runs_stands_above_it(bests, heading, shown):
    runs = [run(f"{i}", best=best) for i, best in enumerate(bests)]
    rows = page(runs).tables[0]["rows"]
    assert rows[0][2] == heading
    assert [row[2] for row in rows[1:]] == shown


def test_runs_on_different_data_are_told_so():
    found = page([run("a"), run("b", settings={"data": "cats"})])
    assert "They are on different data" in found.words


def test_folders_of_one_name_are_told_apart():
    runs = [run("a")._replace(folder=Path(where, "a")) for where in ("here", "there")]
    found = page(runs, {"here/a": history(), "there/a": history()})
    assert [row[0] for row in found.tables[0]["rows"][1:]] == ["here/a", "there/a"]
    assert found.named("g", **{"data-line": "there/a"})


def test_many_runs_are_listed_and_some_drawn():
    n = 200
    runs = [run(f"run_{i:03d}", 1.0 - i / 1_000, settings={"seed": str(i)}) for i in range(n)]
    long = {name: values * 5_000 for name, values in history().items()}
    found = page(runs, {f"runs/run_{i:03d}": long for i in range(n)})
    assert len(found.tables[0]["rows"]) == 1 + n
    assert "The first 16 of 200 runs are drawn." in found.words
    lines = {one["data-line"] for one in found.named("g") if "data-x" in one}
    assert lines == {f"run_{i:03d}" for i in range(16)}
    assert "One of 67 epochs is drawn." in found.words
    assert len(found.html) < 300_000


def test_one_run_and_none():
    assert page([run("a")]).tables[0]["caption"] == "The run"
    found = page([])
    assert "There are no runs." in found.words
    assert len(found.tables[0]["rows"]) == 1


def test_names_and_settings_of_strangers_stay_texts():
    runs = [
        run(f"run {i}", settings={"data": text, text[:50]: text}, reason=text)._replace(
            folder=Path("runs", text.replace("\0", "") or "none")
        )
        for i, text in enumerate(HOSTILE_NAMES)
    ]
    runs += [RunSummary(Path("x"), "damaged", problem=text) for text in HOSTILE_NAMES]
    found = page(runs, {str(one.folder): history() for one in runs})
    assert "\u202e" not in found.html
    assert len({row[0] for row in found.tables[0]["rows"][1:]}) == len(runs)
    assert len(found.html) < 200_000


def test_a_chart_has_its_numbers_as_a_table_of_few_rows():
    runs = [run("a"), run("b")]
    histories = {"a": {"cost": [1.0 / i for i in range(1, 101)]}, "b": {"cost": [2.0, 1.0]}}
    table = page(runs, histories).tables[1]
    assert table["rows"][0] == ["epochs", "a", "b"]
    assert table["rows"][1:3] == [["1", "1", "2"], ["10", "0.1", ""]]
    assert table["rows"][-1] == ["100", "0.01", ""]
    assert len(table["rows"]) == 1 + 12
    assert "12 of 100 epochs" in table["caption"]
