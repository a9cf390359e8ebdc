"""``dnn-xp report``: a page on a run, or on several beside each other, to mail."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from dnn_xp.app import printing
from dnn_xp.app.completion import model_names
from dnn_xp.app.errors import UserError, say, user_errors
from dnn_xp.app.formatting import describe_written
from dnn_xp.app.large import check_data_options
from dnn_xp.app.options import (
    BackendName,
    DataDir,
    DeviceName,
    TargetName,
    TrustFlag,
    XName,
    YName,
    as_path,
    computing,
)
from dnn_xp.app.outputs import check_outputs, option_errors
from dnn_xp.app.runs import find_last_run
from dnn_xp.app.shown_examples import load_shown, trained_on
from dnn_xp.app.use import DataOptions
from dnn_xp.arguments import check_path
from dnn_xp.backends import BackendError, require
from dnn_xp.callbacks.run_folder import CHECKPOINT, HISTORY, MODEL, RECORD
from dnn_xp.files.claiming import claim
from dnn_xp.models import is_model_file
from dnn_xp.reports.examples import Examples
from dnn_xp.reports.pages.facts import Facts, gather
from dnn_xp.reports.pages.page import Page
from dnn_xp.reports.pages.report import compare, make_page
from dnn_xp.reports.run_summaries import find_folders, holds_a_run

__all__ = ["page_of_run", "report"]

BY_NAME = ("digits", "cats")
"""Data that are no files."""

_SUFFIXES = (".html", ".htm")


def report(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN... [DATA]",
            autocompletion=model_names,
            help="RUN is the folder of a run (with a run.json, history.jsonl, model.h5 or "
            "checkpoint in it), a folder of such folders, or the file of a model; several are "
            "compared. What is none of these is DATA, which the model is shown, as for dnn-xp "
            "train. Default: the last run in runs/, and what it was trained on, the part that was "
            "held out.",
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            parser=str,
            callback=as_path,
            metavar="FILE",
            help="Where to write it: .html. Default: a new report.html here.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="The same as DATA above, whatever it looks like."),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Of the page. Default: the name of the run."),
    ] = None,
    notes: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="What the model is meant for, and what not, for its model card."
        ),
    ] = "",
    x: XName = None,
    y: YName = None,
    target: TargetName = None,
    data_dir: DataDir = None,
    trust: TrustFlag = False,
    backend: BackendName = None,
    device: DeviceName = None,
) -> None:
    """Write a page on a run: how good it is beside chance, how it learnt, and where it is wrong.

    It is one file that fetches nothing, to keep or to mail: curves, mistakes, calibration, a model
    card, and how the run is repeated. Of several runs it is a comparison.
    """
    console = printing.open_console()
    with ExitStack() as opened, computing(backend, device):
        with user_errors():
            require("jinja2", extra="app")
            asked = _sort(words or [], data)
            of_data = {"--x": x, "--y": y, "--target": target, "--data-dir": data_dir}
            options = None
            if asked.data is not None:
                check_data_options(asked.data, x, y, target)
                options = DataOptions(asked.data, x, y, target, data_dir, trust)
            elif given := [name for name, value in of_data.items() if value is not None]:
                raise ValueError(f"{given[0]}: is of DATA, and found none; name them behind RUN")
            _check_output(output, asked)
            page = (
                compare(asked.runs, title, notes)
                if len(asked.runs) > 1
                else page_of_run(asked.runs[0], options, trust, (title, notes), context, opened)
            )
        path = _new_file() if output is None else output
        with option_errors("--output", path):
            page.save(path)
    printing.facts(console, [("report", describe_written(path))])


# ----------------------------------------------------------------------------- what is asked for


class _Asked(NamedTuple):
    """The runs that a command line names, and the data."""

    runs: Sequence[Path]
    data: str | None


def _sort(words: Sequence[str], named: str | None) -> _Asked:
    """Tell runs from data, by what is there.

    Parameters
    ----------
    words : sequence of str
    named : str or None
        What ``--data`` says.

    Raises
    ------
    ValueError
        Where a word may be both, or neither, or there are several data.
    """
    runs, data = list[Path](), [] if named is None else [named]
    for word in words:
        found = _find_runs(check_path("RUN", word))
        if found and word in BY_NAME:
            raise ValueError(
                f"{word}: found a run here and data of this name; write ./{word} for the run, or "
                f"--data {word}"
            )
        runs += found
        if not found:
            data.append(word)
    for word in data[named is not None :]:
        if word not in BY_NAME and not Path(word).exists():
            raise ValueError(f"{word}: found nothing of this name, expected a run, a model or data")
    if len(data) > 1:
        raise ValueError(
            f"{data[1]}: found no run, and {data[0]} is none either; expected one DATA at most"
        )
    runs = runs or [find_last_run()]
    if len(runs) > 1 and data:
        raise ValueError(
            f"{data[0]}: found {len(runs)} runs beside DATA; runs are compared by the figures that "
            "they kept, and one is shown data"
        )
    return _Asked(runs, data[0] if data else None)


def _find_runs(path: Path) -> list[Path]:
    """Return the runs that a path stands for; none where it is something else."""
    if path.is_file():
        return [path] if is_model_file(path) else []
    if not path.is_dir():
        return []
    return [path] if holds_a_run(path) else find_folders(path)


def _check_output(output: Path | None, asked: _Asked) -> None:
    """See that a page can be written there, and replaces nothing that it is made of."""
    if output is None:
        return
    if output.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"--output: found {str(output)!r}, expected a name that ends in .html")
    parts = [run / name for run in asked.runs for name in (RECORD, HISTORY, MODEL, CHECKPOINT)]
    for read in (asked.data or "", *map(str, (*asked.runs, *parts))):
        check_outputs(read, {"--output": output})


# ----------------------------------------------------------------------------- the page


def page_of_run(
    run: Path,
    options: DataOptions | None,
    trusted: bool,
    said: tuple[str | None, str],
    context: typer.Context,
    opened: ExitStack,
) -> Page:
    """Return the page on a run, from what it kept and what its model is shown.

    Parameters
    ----------
    run : Path
    options : DataOptions or None
        Where the data are; None for those that it was trained on.
    trusted : bool
        Whether those may be of a kind that runs code.
    said : (str or None, str)
        Title and notes.
    context : typer.Context
        Of the command.
    opened : ExitStack
        By which files are closed.

    Raises
    ------
    OSError, ValueError
        Where there is neither a run nor a model, or what is named does not fit it.
    """
    facts = gather(run)
    if options is not None and facts.model is None:
        why = facts.notes[-1] if facts.notes else "it keeps no model"
        raise ValueError(f"{run}: cannot be shown {options.data}: {why}")
    shown = None
    if facts.model is not None:
        shown, note = _show(facts, run.absolute(), options, trusted, context, opened)
        facts = facts._replace(notes=(*facts.notes, *([note] if note else [])))
    title, notes = said
    return make_page(facts, shown, title=title, notes=notes)


def _show(
    facts: Facts,
    path: Path,
    options: DataOptions | None,
    trusted: bool,
    context: typer.Context,
    opened: ExitStack,
) -> tuple[Examples | None, str]:
    """Return what a model is shown; or none, and why not, where nobody has named the data."""
    assert facts.model is not None  # a model is there to be shown something
    console = printing.open_console()
    try:
        with printing.reading(console, "read") as advance, ExitStack() as there:
            chosen = options or trained_on(path, trusted, context, there)
            return load_shown(facts.model, chosen, opened, advance, with_training=True), ""
    except (BackendError, ImportError, OSError, UserError, ValueError) as error:
        is_known = isinstance(error, BackendError) or "dnn-xp[" in str(error)
        if options is not None or (isinstance(error, ImportError) and not is_known):
            raise
        why = str(error).removeprefix(f"{path}: ")
    say("note", f"no examples are shown: {why}")
    return None, f"No examples are shown: {why}."


def _new_file() -> Path:
    """Return the name of a new file here: it is made, so that nobody else has it."""
    return claim(Path("report.html"), lambda path: path.open("x").close(), suffix=".html")
