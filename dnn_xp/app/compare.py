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
from dnn_xp.reports.run_summaries import (
    RunSummary,
    describe_best,
    differing_settings,
    find_folders,
    in_order,
    summarize,
)

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
    runs = in_order([summarize(one) for one in folders])
    if as_json:
        print_json({"runs": runs})
    elif not runs:
        printing.say(console, f"there is no run in {RUNS if folder is None else folder}")
    else:
        _show(runs, console)
    for run in runs:
        if run.problem:
            say("warning", f"{run.folder} is damaged: {run.problem}")


def _show(runs: Sequence[RunSummary], console: Console) -> None:
    differing = differing_settings(runs)
    headings = ["run", "state", "epochs", "best", "at epoch"]
    rows = [
        [
            str(run.folder),
            run.state,
            str(run.epochs),
            describe_best(run),
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


def _describe_settings(run: RunSummary, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {run.settings[name]}" for name in names if run.settings.get(name))
