"""``dnn-xp runs``: the runs that were kept, beside each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dnn_xp.app import printing
from dnn_xp.app.documents import print_json
from dnn_xp.app.errors import say, user_errors
from dnn_xp.app.options import AsJson, as_path
from dnn_xp.app.runs import RUNS
from dnn_xp.reports.run_summaries import RunSummary, find_folders, summarize
from dnn_xp.reports.words import describe_metric

__all__ = ["compare_runs"]


def compare_runs(
    folder: Annotated[
        Path | None,
        typer.Argument(
            parser=str,
            callback=as_path,
            metavar="FOLDER",
            help="In which the folders of the runs are. Default: runs/.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the runs that were kept, the best of each data set first.

    Beside the best figure, or below where a terminal is narrow, stand the settings in which the
    runs differ. A run is done, interrupted (dnn-xp resume goes on with it), running, diverged, or
    damaged.
    """
    console = printing.open_console(as_json=as_json)
    with user_errors():
        folders = find_folders(RUNS if folder is None else folder)
    runs = _in_order([summarize(one) for one in folders])
    if as_json:
        print_json({"runs": runs})
    elif not runs:
        printing.say(console, f"there is no run in {RUNS if folder is None else folder}")
    else:
        _show(runs, console)
    for run in runs:
        if run.problem:
            say("warning", f"{run.folder} is damaged: {run.problem}")


def _in_order(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Return runs on the same data together, the latest data first, and of them the best first.

    Runs that have no figure come behind those that have, and damaged ones last.
    """
    latest: dict[str, str] = {}
    for run in runs:
        data = run.settings.get("data", "")
        latest[data] = max(latest.get(data, ""), run.begun)

    def rank(run: RunSummary) -> tuple[object, ...]:
        data, best = run.settings.get("data", ""), run.best
        if best is None:
            return (data, 1, "", 0.0, run.folder.name)
        value = best.value if best.mode == "min" else -best.value
        return (data, 0, best.name, value, run.folder.name)

    in_groups = sorted(runs, key=rank)
    in_groups.sort(key=lambda run: latest[run.settings.get("data", "")], reverse=True)
    return sorted(in_groups, key=lambda run: run.state == "damaged")


def _show(runs: Sequence[RunSummary], console: Console) -> None:
    differing = _differing([run.settings for run in runs if run.state != "damaged"])
    headings = ["run", "state", "epochs", "best", "at epoch"]
    rows = [
        [
            str(run.folder),
            run.state,
            str(run.epochs),
            _describe_best(run),
            "" if run.best is None or run.best.epoch is None else str(run.best.epoch),
        ]
        for run in runs
    ]
    values = [[run.settings.get(name, "") for name in differing] for run in runs]
    whole = [*headings, *differing]
    beside = [[*row, *own] for row, own in zip(rows, values, strict=True)]
    if not differing or printing.fits(console, whole, beside):
        printing.table(console, whole, beside, numbers=(2, 4))
        return
    printing.table(console, headings, rows, numbers=(2, 4), optional=(4,))
    printing.say(console, "")
    printing.table(
        console,
        ["run", "settings in which they differ"],
        [[str(run.folder), _describe_settings(run, differing)] for run in runs],
    )


def _differing(settings: Sequence[object]) -> list[str]:
    """Return the names of the settings that are not the same in all that have them."""
    known = [one for one in settings if isinstance(one, dict)]
    names = dict.fromkeys(name for one in known for name in one)
    return [
        name
        for name in names
        # An estimator of tables has no such settings as a network's; which of both it is counts.
        if len({one.get(name) for one in known if name in one or name == "tabular"}) > 1
    ]


def _describe_settings(run: RunSummary, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {run.settings[name]}" for name in names if run.settings.get(name))


def _describe_best(run: RunSummary) -> str:
    if run.best is None:
        return ""
    words = f"{run.best.name} {describe_metric(run.best.name, run.best.value)}"
    return words if run.best.is_held_out else f"{words} (training)"
