"""``dnn-xp watch``: a page on this machine that shows a run while it goes on."""

import webbrowser
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from dnn_xp.app import printing
from dnn_xp.app.completion import run_names
from dnn_xp.app.errors import UserError, user_errors
from dnn_xp.app.options import as_path
from dnn_xp.app.report import page_of_run
from dnn_xp.app.runs import find_last_run
from dnn_xp.arguments import check, check_whole
from dnn_xp.backends import require
from dnn_xp.reports.pages.following import Follower
from dnn_xp.reports.pages.live_page import live_page
from dnn_xp.reports.pages.page import Page
from dnn_xp.reports.pages.watching import Watching

__all__ = ["watch"]


def watch(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(
            parser=str,
            callback=as_path,
            metavar="RUN",
            autocompletion=run_names,
            help="The folder of the run, which may begin later. Default: the last run in runs/.",
        ),
    ] = None,
    *,
    port: Annotated[
        int, typer.Option(metavar="N", help="Of this machine. Default: one that is free.")
    ] = 0,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser at once.")
    ] = False,
) -> None:
    """Show a run in a browser while it goes on, until Ctrl-C.

    The page is on this machine and for it alone: nobody else can see it. The run is only looked
    at; it may be another process's, or have ended: then the page is that of dnn-xp report.
    """
    console = printing.open_console()
    with user_errors():
        require("jinja2", extra="app")
        check_whole("--port", port, 0)
        check("--port", port, port < 2**16, "a number up to 65535")
        folder = find_last_run() if run is None else run
        if not folder.is_dir():
            found = "a file" if folder.exists() else "no such folder"
            raise ValueError(f"{folder}: found {found}, expected the folder of a run")
        server = _open(folder, port, partial(live_page, whole=partial(_page_of_ended, context)))
    with suppress(KeyboardInterrupt), server:  # which is how it ends
        printing.say(console, f"{folder} is shown on {server.url} until Ctrl-C")
        if open_browser:
            webbrowser.open(server.url)
        server.wait()


def _open(folder: Path, port: int, make_page: Callable[[Follower], Page]) -> Watching:
    try:
        return Watching(Follower(folder.absolute()), make_page, port=port)
    except OSError as error:
        raise ValueError(f"--port: {port} cannot be taken: {error.strerror}") from error


def _page_of_ended(context: typer.Context, folder: Path) -> Page | None:
    """Return the report on a run that goes on no more, or None where none can be made."""
    try:
        with ExitStack() as opened:
            return page_of_run(folder, None, False, (None, ""), context, opened)
    except (ImportError, MemoryError, OSError, UserError, ValueError):
        return None
