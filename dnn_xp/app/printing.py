"""Tables and progress on the screen: in colour on a terminal, as plain text elsewhere."""

import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dnn_xp.app.experiment import Told
from dnn_xp.callbacks.progress_bar import NEXT_LOOK, NOT_AT_ONCE, make_bar
from dnn_xp.reprs import printable

__all__ = [
    "epochs",
    "facts",
    "fits",
    "is_live",
    "open_console",
    "progress",
    "reading",
    "say",
    "table",
]

Advance = Callable[[float, str], None]
Within = Callable[[int, int, int], None]

# The words carry it. Green and cyan can hardly be read on a light ground.
_STYLES = {"off": "bold red", "error": "bold red"}
# Where there is no terminal: about how many lines tell of progress, the seconds after which there
# is one anyway, and a width at which a row stays a line.
_LINES, _SILENCE, _PLAIN_WIDTH = 10, 60.0, 1000
_NOT_WORTH_A_WORD = 1.0
"""Seconds up to which the reading of data is not spoken of, where there is no terminal."""


def open_console(*, as_json: bool = False) -> Console:
    """Return where to print: live and in colour only on a terminal that a person looks at.

    ``FORCE_COLOR`` asks for colour elsewhere, too, unless ``NO_COLOR`` is set.

    Parameters
    ----------
    as_json : bool
        Whether standard output is left to a JSON document. Then progress is shown on standard
        error, and only on a terminal.
    """
    stream = sys.stderr if as_json else sys.stdout
    watched = stream.isatty() and not os.environ.get("CI")
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    # Of a terminal that is dumb, rich takes it that it is 80 columns wide.
    columns, lines = shutil.get_terminal_size() if watched and dumb else (_PLAIN_WIDTH, 25)
    return Console(
        file=stream,
        quiet=as_json and not watched,
        force_terminal=watched or _is_colour_forced(),
        force_interactive=watched and not dumb,
        width=None if watched and not dumb else columns,
        height=None if watched and not dumb else lines,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _is_colour_forced() -> bool:
    """Say whether there is to be colour where nobody watches, as on the page of a CI."""
    forced = os.environ.get("FORCE_COLOR", "").lower() not in ("", "0", "false")
    return forced and not os.environ.get("NO_COLOR")


def say(console: Console, text: str, style: str = "") -> None:
    """Print a text; where there is no terminal, a line stays a line however long it is."""
    console.print(text, style=style, soft_wrap=_keeps_lines(console))


def table(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    gap: int = 2,
    optional: Sequence[int] = (),
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
    optional : sequence of int
        The places of the columns that are left out where there is no room, the first one first.
    """
    columns = [
        [printable(heading), *(printable(row[place]) for row in rows)]
        for place, heading in enumerate(headings)
    ]
    shown, gap = _choose(columns, console.width, gap, optional)
    drawn = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for place, width in shown.items():
        justify: Literal["left", "right"] = "right" if place in numbers else "left"
        drawn.add_column(columns[place][0], justify=justify, overflow="fold", width=width)
    for cells in zip(*(columns[place][1:] for place in shown), strict=True):
        drawn.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
    _print(console, drawn)


def fits(
    console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]], *, gap: int = 2
) -> bool:
    """Return whether a table has room with each of its cells in one line."""
    cells = zip(headings, *rows, strict=True)
    widths = [_width([printable(cell) for cell in column]) for column in cells]
    return sum(widths) + gap * (len(widths) - 1) <= console.width


def _choose(
    columns: Sequence[Sequence[str]], room: int, gap: int, optional: Sequence[int]
) -> tuple[dict[int, int | None], int]:
    """Return which columns of texts are shown, how wide and how far apart: no word is broken.

    Where there is no room for that, all columns are shown, and rich breaks what it must.
    """
    natural = [_width(cells) for cells in columns]
    least = [_width([word for cell in cells for word in cell.split()]) for cells in columns]
    places = [*range(len(columns))]
    for left_out, apart in ((None, gap), *((place, gap) for place in optional), (None, 1)):
        places = [place for place in places if place != left_out]
        room_left = room - apart * (len(places) - 1)
        if sum(least[place] for place in places) <= room_left:
            widths = {place: natural[place] for place in places}
            while sum(widths.values()) > room_left:  # from where the most can be had
                widths[max(places, key=lambda place: widths[place] - least[place])] -= 1
            return {**widths}, apart
    return dict.fromkeys(range(len(columns))), gap


def _width(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts), default=0)


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


def _keeps_lines(console: Console) -> bool:
    """Say whether a line stays a line, as where a program reads it."""
    return console.width >= _PLAIN_WIDTH


def _print(console: Console, drawn: Table) -> None:
    if not _keeps_lines(console):
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
    if is_live(console):
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
        ``told(done, total)`` shows how much is done. Before it is called, a terminal shows that
        something is being done, and for how long; elsewhere nothing is said.
    """
    if not is_live(console):
        yield _print_tenths(console, title)
        return
    with make_bar(console, elapsed=False) as bar:
        bar.live.transient = True  # until it is known how much there is
        task = bar.add_task(f"{title}ing", total=None)

        def told(done: int, total: int) -> None:
            bar.live.transient = False
            bar.update(task, description=title, completed=done, total=total)

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
        lines, shown = _print_tenths(console, f"epoch {begun + 1}, batch"), ""
        began = last = time.monotonic()

        def advance(done: float, text: str) -> None:
            nonlocal shown, began
            shown, began = text, time.monotonic()
            show(done, text)

        def within(done: int, batch: int, n_batches: int) -> None:
            nonlocal last
            if not is_live(console):
                if done == begun:
                    lines(batch, n_batches)
            elif (now := time.monotonic()) - last > NEXT_LOOK and now - began > NOT_AT_ONCE:
                last = now
                show(done + batch / n_batches, shown)

        yield advance, within


def is_live(console: Console) -> bool:
    """Say whether what is shown can be drawn anew, as a bar is."""
    return console.is_interactive


def _print_lines(console: Console, title: str, total: int, begun: int) -> Advance:
    """Return what prints a line now and then, where there is no terminal."""
    every, last_line = math.ceil(total / _LINES), time.monotonic()
    first: float | None = None

    def advance(done: float, text: str) -> None:
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
