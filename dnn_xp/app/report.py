"""Tables and progress on the screen: in colour on a terminal, as plain text elsewhere."""

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dnn_xp.app.experiment import Told
from dnn_xp.callbacks.progress_bar import make_bar
from dnn_xp.reprs import printable

__all__ = ["epochs", "facts", "open_console", "progress", "reading", "say", "table"]

Advance = Callable[[int, str], None]
Within = Callable[[int, int, int], None]

_STYLES = {"ok": "green", "off": "bold red", "error": "bold red"}
# Where there is no terminal: about how many lines tell of progress, the seconds after which there
# is one anyway, and a width at which a row stays a line.
_LINES, _SILENCE, _PLAIN_WIDTH = 10, 60.0, 1000
_NOT_WORTH_A_WORD = 1.0
"""Seconds up to which the reading of data is not spoken of, where there is no terminal."""


def open_console(*, as_json: bool = False) -> Console:
    """Return where to print: live and in colour only on a terminal that a person looks at.

    Parameters
    ----------
    as_json : bool
        Whether standard output is left to a JSON document. Then progress is shown on standard
        error, and only on a terminal.
    """
    stream = sys.stderr if as_json else sys.stdout
    watched = stream.isatty() and not os.environ.get("CI")
    return Console(
        file=stream,
        quiet=as_json and not watched,
        force_terminal=watched,
        width=None if watched else _PLAIN_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


def say(console: Console, text: str, style: str = "") -> None:
    """Print a text; where there is no terminal, a line stays a line however long it is."""
    console.print(text, style=style, soft_wrap=not console.is_terminal)


def table(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    gap: int = 2,
) -> None:
    """Print rows under headings; what would steer a terminal is shown as its escape.

    Parameters
    ----------
    console : Console
    headings : sequence of str
    rows : sequence of sequence of str
    numbers : sequence of int
        The places of the columns that are set flush right.
    gap : int
        Spaces between columns.
    """
    drawn = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for place, heading in enumerate(headings):
        drawn.add_column(heading, justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(cell), style=_STYLES.get(cell, "")) for cell in row))
    _print(console, drawn)


def facts(console: Console, pairs: Sequence[tuple[str, str]], width: int = 0) -> None:
    """Print names with what they stand for, one pair a line.

    Parameters
    ----------
    console : Console
    pairs : sequence of (str, str)
    width : int
        Of the names at least, so that two such tables stand in line.
    """
    drawn = Table.grid(padding=(0, 2, 0, 0))
    drawn.add_column(style="bold", no_wrap=True, min_width=width)
    drawn.add_column(overflow="fold")
    for name, text in pairs:
        drawn.add_row(Text(printable(name)), Text(printable(text)))
    _print(console, drawn)


def _print(console: Console, drawn: Table) -> None:
    if console.is_terminal:
        console.print(drawn)
        return
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        say(console, line.rstrip())


@contextmanager
def progress(console: Console, title: str, total: int, begun: int = 0) -> Iterator[Advance]:
    """Show how far something is.

    Parameters
    ----------
    console : Console
    title : str
        What is counted, such as ``"epoch"``.
    total : int
    begun : int
        How much was done before.

    Yields
    ------
    callable
        ``advance(done, text)`` shows how much is done, and a text beside it.
    """
    if _is_live(console):
        with make_bar(console, elapsed=False) as bar:
            task = bar.add_task(title, total=total, completed=begun, text="")
            yield lambda done, text: bar.update(task, completed=done, text=text)
    else:
        yield _print_lines(console, title, total, begun)


@contextmanager
def reading(console: Console, title: str) -> Iterator[Told]:
    """Show how far data are read, from where they begin to be.

    Parameters
    ----------
    console : Console
    title : str
        What is done, such as ``"read"``.

    Yields
    ------
    callable
        ``told(done, total)`` shows how much is done. Nothing is shown before it is called.
    """
    if not _is_live(console):
        yield _print_tenths(console, title)
        return
    with ExitStack() as shown:
        advance: Advance | None = None

        def told(done: int, total: int) -> None:
            nonlocal advance
            if advance is None:
                advance = shown.enter_context(progress(console, title, total))
            advance(done, "")

        yield told


def _print_tenths(console: Console, title: str) -> Told:
    """Return what prints a line after a second, and for each tenth that is done from then on."""
    begun, tenths, first = time.monotonic(), 0, (0.0, 0)

    def told(done: int, total: int) -> None:
        nonlocal tenths, first
        now, tenth = time.monotonic(), 1 + done * _LINES // total
        if not first[1]:  # what comes before it, and the first piece, say nothing of the speed
            first = now, done
        if now - begun > _NOT_WORTH_A_WORD and tenth > tenths:
            tenths, left = tenth, ""
            if done > first[1]:
                left = f", {(now - first[0]) / (done - first[1]) * (total - done):.0f} s left"
            say(console, f"{title} {done}/{total}{left}")

    return told


@contextmanager
def epochs(console: Console, total: int, begun: int = 0) -> Iterator[tuple[Advance, Within]]:
    """Show how far a training is, also within an epoch that takes long.

    Parameters
    ----------
    console : Console
    total : int
        How many epochs there are to be.
    begun : int
        How many were done before.

    Yields
    ------
    advance : callable
        ``advance(done, text)`` shows how many epochs are done, and a text beside it.
    within : callable
        ``within(done, batch, n_batches)`` shows how far the next one is: where there is no
        terminal, the first one alone.
    """
    with progress(console, "epoch", total, begun) as show:
        lines, last, shown = _print_tenths(console, f"epoch {begun + 1}, batch"), 0.0, ""

        def advance(done: int, text: str) -> None:
            nonlocal shown
            shown = text
            show(done, text)

        def within(done: int, batch: int, n_batches: int) -> None:
            nonlocal last
            if not _is_live(console):
                if done == begun:
                    lines(batch, n_batches)
            elif time.monotonic() - last > _NOT_WORTH_A_WORD:
                last = time.monotonic()
                far = f"{batch / n_batches:.0%} of epoch {done + 1}"
                show(done, f"{shown}, {far}" if shown else far)

        yield advance, within


def _is_live(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


def _print_lines(console: Console, title: str, total: int, begun: int) -> Advance:
    """Return what prints a line now and then, where there is no terminal."""
    every, last_line = math.ceil(total / _LINES), time.monotonic()
    first: float | None = None

    def advance(done: int, text: str) -> None:
        nonlocal first, last_line
        now = time.monotonic()
        if first is None:
            first = now
        if done in (begun + 1, total) or done % every == 0 or now - last_line > _SILENCE:
            last_line, since = now, done - begun - 1
            left = ""
            if done == total:
                left = ", 0 s left"
            elif since > 0:  # what comes before the first one is done takes longer than others
                left = f", {(now - first) / since * (total - done):.0f} s left"
            say(console, f"{title} {done}/{total}  {text}{left}")

    return advance
