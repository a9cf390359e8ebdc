"""The page of several runs beside each other: how they went, and in which settings they differ."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dnn_xp.reports.curves import panels_of
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Headline, Page, Section
from dnn_xp.reports.run_summaries import (
    History,
    RunSummary,
    describe_best,
    differing_settings,
    in_order,
)
from dnn_xp.reports.words import counted, describe_metric
from dnn_xp.svg import line_chart

__all__ = ["comparison_page"]

_MOST_DRAWN, _MOST_LISTED, _MOST_SETTINGS = 12, 1_000, 12


def comparison_page(
    runs: Sequence[RunSummary], histories: Mapping[str, History], *, title: str = ""
) -> Page:
    """Page that shows several runs beside each other.

    Parameters
    ----------
    runs : sequence of RunSummary
    histories : mapping of str to History
        By the folder of the run; of those that have one.
    title : str, optional
    """
    ordered = in_order(runs)
    names = class_names([str(run.folder) for run in ordered])
    by_name = {
        name: histories[str(run.folder)]
        for name, run in zip(names, ordered, strict=True)
        if histories.get(str(run.folder))
    }
    sections = [_runs_section(ordered, names)]
    if by_name:
        sections.append(_curves_section(by_name))
    states = [run.state for run in ordered]
    said = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    data = {run.settings["data"] for run in ordered if run.settings.get("data")}
    on = f" on {next(iter(data))}" if len(data) == 1 else ""
    return Page(
        title or f"{counted(len(runs), 'run')}{on}",
        f"{counted(len(runs), 'run')}: {', '.join(said)}.",
        _headlines(ordered, names),
        sections,
    )


def _headlines(runs: Sequence[RunSummary], names: Sequence[str]) -> list[Headline]:
    """Return the best run of each data set that has one."""
    found, seen = [], set()
    for run, name in zip(runs, names, strict=True):
        data = run.settings.get("data", "")
        if run.best is None or run.state == "damaged" or data in seen:
            continue
        seen.add(data)
        words = run.best.name if run.best.is_held_out else f"{run.best.name} (training)"
        on = f" on {data}" if data else ""
        value = describe_metric(run.best.name, run.best.value)
        found.append(Headline(value, f"best {words}{on}", name))
    return found[:6]


def _runs_section(runs: Sequence[RunSummary], names: Sequence[str]) -> Section:
    settings = differing_settings([run.settings for run in runs if run.state != "damaged"])
    rows = [
        {
            "place": place,
            "name": name,
            "state": run.state,
            "problem": run.problem or ("" if run.state == "done" else run.reason),
            "epochs": run.epochs,
            "best": describe_best(run),
            "value": run.best.value if run.best is not None else math.nan,
            "at": "" if run.best is None or run.best.epoch is None else str(run.best.epoch),
            "begun": run.begun,
            "settings": [run.settings.get(one, "") for one in settings[:_MOST_SETTINGS]],
        }
        for place, (name, run) in enumerate(zip(names, runs, strict=True))
    ]
    content = {
        "rows": rows[:_MOST_LISTED],
        "n_runs": len(rows),
        "settings": settings[:_MOST_SETTINGS],
        "n_settings": len(settings),
    }
    return Section("Runs", "comparison", content)


def _curves_section(histories: Mapping[str, History]) -> Section:
    """Return charts with a line for each run: the cost first, and what was measured held out."""
    drawn = dict([*histories.items()][:_MOST_DRAWN])
    charts: list[dict[str, Any]] = []
    for panel, curves in panels_of(drawn).items():
        parts = dict.fromkeys(curve.part for curve in curves)
        for part in parts:
            lines = {curve.run: curve.figures.tolist() for curve in curves if curve.part == part}
            chart = line_chart(lines, y_name=panel, hover=True)
            if chart:
                charts.append({"title": f"{panel}, {part}", "chart": chart})
    content = {"charts": charts, "n_drawn": len(drawn), "n_runs": len(histories)}
    return Section("How they learnt", "comparison_curves", content)
