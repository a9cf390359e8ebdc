"""A bar that fits into its terminal, and says how long it takes where it can know. Needs rich."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import Progress, Task
from rich.text import Text

__all__ = ["Bar", "Pace"]

WIDTH, NARROWEST = 20, 10
"""Of the bar itself, in characters, where there is room for it and where there is little."""
ECHO = 4
"""Columns that are left free, for a terminal shows ^C there: a line that is full would wrap."""
GROUND = 1.0
"""Seconds of which something is known, before anything is said of those to come."""
NOT_WORTH_A_WORD = 0.5
"""Seconds in which something of unknown length is done, and nothing is shown of it."""


class Pace:
    """How fast something goes, without its first piece and, later, without its first whole unit.

    Libraries load and compile in the first piece, and again where the first unit ends, as where an
    epoch's last batch is smaller, or where it is measured.

    Parameters
    ----------
    begun : float
        How much was done before.
    """

    def __init__(self, begun: float) -> None:
        self._begun, self._whole = begun, math.floor(begun) + 1.0
        self._marks: list[tuple[float, float]] = []
        self._last = (0.0, begun)

    def look(self, done: float, now: float) -> None:
        """Take note of how much is done.

        Parameters
        ----------
        done : float
        now : float
            In seconds, of a clock that goes on evenly.
        """
        if done == self._last[1]:
            return
        self._last = (now, done)
        if not self._marks or (done >= self._whole > self._marks[-1][1]):
            self._marks.append(self._last)

    def seconds_left(self, total: float, now: float) -> float | None:
        """Return how long the rest takes, or None where there is no ground to say it.

        Parameters
        ----------
        total, now : float
        """
        last, done = self._last
        for mark, of in reversed(self._marks):
            if last - mark >= GROUND:
                left = (total - done) * (last - mark) / (done - of)
                return max(0.0, left - (now - last))
        return None


class Bar(Progress):
    """A bar for each task, such as ``"epoch 3/10 ━━━╾────── cost 0.5 00:12 left"``.

    A task without a total has a line that tells of it and of the time, after half a second.

    Parameters
    ----------
    console : Console, optional
    elapsed : bool
        Whether the time that it took stands there in the end, and no word after the time left.
    """

    def __init__(self, console: Console | None = None, *, elapsed: bool = True) -> None:
        self._elapsed, self._paces = elapsed, dict[int, Pace]()
        super().__init__(console=console)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return a line for each task."""
        for task in self.tasks:
            if not task.visible:
                continue
            if task.total is None:
                passed = task.elapsed or 0.0
                shown = passed > NOT_WORTH_A_WORD
                # A line in any case, which is one that can be taken back.
                yield Text(f"{task.description} ... {_clock(passed)}" if shown else "")
                continue
            pace = self._paces.setdefault(task.id, Pace(task.completed))
            now = self.get_time()
            pace.look(task.completed, now)
            yield self._line(task, task.total, pace.seconds_left(task.total, now))

    def _line(self, task: Task, total: float, left: float | None) -> "_Line":
        time_shown, word = "--:--" if left is None else _clock(left), "left"
        if self._elapsed:
            word = ""
        if task.finished:
            time_shown = _clock((task.finished_time or 0.0) if self._elapsed else 0.0)
        digits = 0 if task.completed == math.floor(task.completed) else 2
        return _Line(
            f"{task.description} {task.completed:.{digits}f}/{total:.0f}",
            min(1.0, task.completed / total) if total else 1.0,
            str(task.fields.get("text", "")),
            time_shown,
            word,
        )


class _Line(NamedTuple):
    """The parts of a line, of which so many are drawn as have room."""

    head: str
    share: float
    text: str
    time: str
    word: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.draw(options.max_width - ECHO, ascii_only=options.ascii_only)

    def draw(self, width: int, *, ascii_only: bool = False) -> Text:
        """Return the line: where there is little room without the last word, then without a bar."""
        for word in (self.word, ""):
            around = [Text(part) for part in (self.head, self.text, self.time, word) if part]
            room = min(WIDTH, width - Text(" ").join(around).cell_len - 1)
            if room >= NARROWEST:
                bar = _bar(self.share, room, ascii_only=ascii_only)
                return Text(" ").join([around[0], bar, *around[1:]])
        text = Text(self.text)
        text.truncate(max(1, width - len(self.head) - len(self.time) - 2), overflow="ellipsis")
        line = Text(" ").join(part for part in (Text(self.head), text, Text(self.time)) if part)
        line.truncate(max(1, width), overflow="ellipsis")
        return line


def _bar(share: float, width: int, *, ascii_only: bool) -> Text:
    """Draw a bar whose done part is told by its form, whatever colours there are."""
    done = math.floor(share * width)
    if ascii_only:
        return Text.assemble(("=" * done, "bold"), ("-" * (width - done), "dim"))
    half = "╾" if share * width - done >= 0.5 else ""
    rest = "─" * (width - done - len(half))
    return Text.assemble((f"{'━' * done}{half}", "bold"), (rest, "dim"))


def _clock(seconds: float) -> str:
    """Return a time such as ``"01:30"`` or ``"2:00:00"``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
