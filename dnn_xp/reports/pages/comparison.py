"""Several runs on a page: a table of all, and their curves over each other."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dnn_xp.reports.pages.cells import Cell, key
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.curves import figures_table
from dnn_xp.reports.pages.page import Headline, Page, Section
from dnn_xp.reports.pages.times import describe_moment, describe_seconds, seconds_between
from dnn_xp.reports.run_summaries import (
    History,
    RunSummary,
    describe_best,
    differing_settings,
    in_order,
)
from dnn_xp.reports.style import short
from dnn_xp.reports.words import counted, describe_metric
from dnn_xp.svg import line_chart

__all__ = ["comparison_page"]

_MOST_DRAWN, _MOST_PANELS = 16, 12
"""Runs that can be told apart in a chart, and charts on a page."""

_MOST_POINTS = 2_400
"""Of all lines of a chart together."""

_MOST_ROWS = 12
"""Of the table of a chart, which has a column for each run."""

_MOST_SETTINGS = 12
"""That have a column of their own."""

_STATES = ("done", "running", "interrupted", "diverged", "damaged")


def comparison_page(
    runs: Sequence[RunSummary], histories: Mapping[str, History], title: str = ""
) -> Page:
    """Page that compares runs: the best first, what differs between them, and their curves.

    Parameters
    ----------
    runs : sequence of RunSummary
        As `dnn_xp.reports.run_summaries.summarize` reads them.
    histories : mapping of str to dict of str to list of float
        Figures of each epoch, by the folder of the run as a text (``str(run.folder)``) or by the
        folder's name; a run may have none.
    title : str, optional
        Default: the number of runs.
    """
    ordered = in_order(runs)
    names = _names(ordered)
    sections = [_table(ordered, names)]
    curves = _curves(ordered, names, histories)
    if curves is not None:
        sections.append(curves)
    return Page(title or counted(len(ordered), "run"), _summary(ordered), _best(ordered), sections)


def _names(runs: Sequence[RunSummary]) -> list[str]:
    """Return a name for each run: that of its folder, or more of the path where that is shared."""
    shared = Counter(run.folder.name for run in runs)
    return class_names(
        [run.folder.name if shared[run.folder.name] == 1 else str(run.folder) for run in runs]
    )


def _summary(runs: Sequence[RunSummary]) -> str:
    """Say what states the runs are in, and on which data they are."""
    counts = Counter(run.state for run in runs)
    states = ", ".join(f"{counts[state]:,} {state}" for state in _STATES if counts[state])
    data = [*dict.fromkeys(run.settings.get("data", "") for run in runs if run.state != "damaged")]
    if len(data) > 1:
        return (
            f"{states}. They are on different data, so that their figures cannot all be compared."
        )
    return f"{states}." if states else "There are no runs."


def _best(runs: Sequence[RunSummary]) -> list[Headline]:
    """Return the best figure of the runs on the data that were used last."""
    if not runs or runs[0].best is None:
        return []
    first, best = runs[0], runs[0].best
    where = "held out" if best.is_held_out else "training"
    epoch = "" if best.epoch is None else f", epoch {best.epoch:,}"
    words = f"best {best.name}, {where}{epoch}"
    return [Headline(describe_metric(best.name, best.value), words, short(first.folder.name, 60))]


# ----------------------------------------------------------------------------- the table


def _table(runs: Sequence[RunSummary], names: Sequence[str]) -> Section:
    differing = differing_settings(runs)
    shown = differing[:_MOST_SETTINGS]
    figure = _common_figure(runs)
    rows = [
        [*_row(name, place, run, figure), *_settings(run, shown), _begun(run)]
        for place, (name, run) in enumerate(zip(names, runs, strict=True))
    ]
    content = {
        "head": [
            "run",
            "state",
            f"best {figure}".strip(),
            "at epoch",
            "epochs",
            "took",
            *shown,
            "begun (UTC)",
        ],
        "words": [1, *range(6, 7 + len(shown))],
        "rows": rows,
        "damaged": [
            (name, run.problem) for name, run in zip(names, runs, strict=True) if run.problem
        ],
        "n_more": len(differing) - len(shown),
        "same": _same(runs, differing),
    }
    return Section("Runs", "comparison", content)


def _row(name: str, place: int, run: RunSummary, figure: str) -> list[Cell]:
    best = run.best
    value = math.nan if best is None else best.value
    shown = describe_best(run)
    if best is not None and figure:
        shown = describe_metric(best.name, best.value)
    seconds = seconds_between(run.begun, run.ended)
    epoch = "" if best is None or best.epoch is None else best.epoch
    return [
        (name, place),
        run.state,
        (shown, key(value)),
        (str(epoch), epoch),
        (f"{run.epochs:,}", run.epochs),
        (describe_seconds(seconds), key(seconds)),
    ]


def _common_figure(runs: Sequence[RunSummary]) -> str:
    """Return the name of the best figures, where it is that of all runs."""
    names = {(run.best.name, run.best.is_held_out) for run in runs if run.best is not None}
    if len(names) != 1:
        return ""
    ((name, is_held_out),) = names
    return name if is_held_out else f"{name} (training)"


def _begun(run: RunSummary) -> Cell:
    return (short(describe_moment(run.begun).removesuffix(" UTC"), 24), run.begun)


def _settings(run: RunSummary, names: Sequence[str]) -> list[Cell]:
    return [_by_number(short(run.settings.get(name, ""), 60)) for name in names]


def _by_number(text: str) -> Cell:
    """Return a cell that is sorted as a number where it is one."""
    try:
        value = float(text)
    except ValueError:
        return text
    return (text, value) if math.isfinite(value) else text


def _same(runs: Sequence[RunSummary], differing: Sequence[str]) -> list[tuple[str, str]]:
    """Return the settings that are the same in all runs."""
    known = [run.settings for run in runs if run.state != "damaged"]
    if len(known) < 2:
        return []
    names = dict.fromkeys(name for one in known for name in one if name not in differing)
    return [(name, next(one[name] for one in known if name in one)) for name in names]


# ----------------------------------------------------------------------------- the curves


def _curves(
    runs: Sequence[RunSummary], names: Sequence[str], histories: Mapping[str, History]
) -> Section | None:
    """Return the section of curves; None where no run has any."""
    found = {name: _history(run, histories) for name, run in zip(names, runs, strict=True)}
    with_curves = [name for name in names if found[name]]
    drawn = with_curves[:_MOST_DRAWN]
    # A run that lacks a figure keeps its place: it has the same colour in all charts.
    panels = {
        key: {name: found[name].get(key) or [math.nan] for name in drawn}
        for key in _keys([found[name] for name in drawn])
    }
    charts = [_chart(*panel) for panel in [*panels.items()][:_MOST_PANELS]]
    if not charts:
        return None
    content = {
        "charts": charts,
        "n_drawn": len(drawn),
        "n_with": len(with_curves),
        "without": [name for name in names if not found[name]][:_MOST_DRAWN],
        "n_without": sum(not found[name] for name in names),
    }
    return Section("How they learnt", "comparison_curves", content)


def _history(run: RunSummary, histories: Mapping[str, History]) -> History:
    return histories.get(str(run.folder)) or histories.get(run.folder.name) or {}


def _keys(histories: Sequence[History]) -> list[str]:
    """Return which figures are drawn: the cost, what is held out, and metrics without that."""
    there = dict.fromkeys(
        key for one in histories for key, values in one.items() if any(map(math.isfinite, values))
    )
    costs = [key for key in ("validation_cost", "cost") if key in there]
    held_out = [key for key in there if key.startswith("validation_") and key not in costs]
    rest = [
        key
        for key in there
        if key not in (*costs, *held_out, "learning_rate") and f"validation_{key}" not in there
    ]
    return [*costs, *held_out, *rest]


def _chart(key: str, lines: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return a chart of one figure of all runs, and its heading."""
    name = key.removeprefix("validation_")
    longest, most = max(map(len, lines.values())), _MOST_POINTS // len(lines)
    step = -(-longest // most)
    last = {len(values) - 1 for values in lines.values() if values}
    kept = sorted({*range(0, longest, step), *last})
    title = f"{short(name, 40)}, {'training' if name == key else 'held out'}"
    figures = {short(run, 40): np.asarray(values) for run, values in lines.items()}
    return {
        "title": title,
        "chart": line_chart(
            {run: [values[i] for i in kept if i < len(values)] for run, values in lines.items()},
            [i + 1 for i in kept] if step > 1 else None,
            x_name="epochs",
            y_name=short(name, 20),
            y_is_share=name.endswith("accuracy"),
            hover=True,
        ),
        "step": step,
        "table": figures_table(name, figures, title, most_rows=_MOST_ROWS),
    }
