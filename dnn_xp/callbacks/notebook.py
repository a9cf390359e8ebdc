"""A bar in a notebook: a line of text that is written anew, without widgets."""

import sys
import time
from importlib import import_module
from typing import Any

__all__ = ["NotebookBar", "in_notebook"]

_WIDTH = 20
"""Of the bar itself, in characters."""

_PAUSE = 0.1
"""Seconds between two states that are shown: a page follows no faster."""


def in_notebook() -> bool:
    """Return whether this is a kernel of Jupyter, whose page can show a line anew."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class NotebookBar:
    """A line for each task, such as ``epoch 3/10 ━━━━━━────────────── cost 0.5 00:12``.

    As much of `rich.progress.Progress` as a bar of a run needs; that one wants ipywidgets in a
    notebook.

    Examples
    --------
    >>> bar = NotebookBar()
    >>> task = bar.add_task("epoch", total=4, text="")
    >>> bar.update(task, completed=1, text="cost 0.5")
    >>> print(bar.text())
    epoch 1/4 ━━━━━─────────────── cost 0.5 00:00
    """

    def __init__(self) -> None:
        self._tasks: list[dict[str, Any]] = []
        self._shown_at = 0.0
        self._display: Any = None

    def __enter__(self) -> "NotebookBar":
        """Show what there is from now on."""
        showing = import_module("IPython.display")
        self._display = showing.display(self._bundle(), raw=True, display_id=True)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave the last state on the page."""
        self._show()
        self._display = None

    def add_task(self, description: str, *, total: float | None, **fields: Any) -> int:
        """Add a line, and return its number.

        Parameters
        ----------
        description : str
        total : float or None
        **fields
            ``completed``, and the ``text`` beside the bar.
        """
        task = {"description": description, "total": total, "completed": 0, "text": ""}
        self._tasks.append({**task, "begun": time.monotonic(), "ended": None, **fields})
        self._show()
        return len(self._tasks) - 1

    def update(self, task: int, **changes: Any) -> None:
        """Change fields of a line; it is shown if it is time to."""
        now, found = time.monotonic(), self._tasks[task]
        found |= changes
        if found["ended"] is None and found["completed"] == found["total"]:
            found["ended"] = now
        if now - self._shown_at >= _PAUSE:
            self._show()

    def text(self) -> str:
        """Return the lines of all tasks."""
        return "\n".join(map(self._line, self._tasks))

    def _line(self, task: dict[str, Any]) -> str:
        now = time.monotonic() if task["ended"] is None else task["ended"]
        minutes, seconds = divmod(round(now - task["begun"]), 60)
        clock = f"{minutes:02}:{seconds:02}"
        total, completed = task["total"], task["completed"]
        if total is None:
            return " ".join(filter(None, (task["description"], task["text"], clock)))
        done = int(_WIDTH * min(1.0, completed / total)) if total else _WIDTH
        bar = "━" * done + "─" * (_WIDTH - done)
        digits = 0 if completed == int(completed) else 2  # within an epoch
        counted = f"{task['description']} {completed:.{digits}f}/{total:.0f}"
        return " ".join(filter(None, (counted, bar, task["text"], clock)))

    def _show(self) -> None:
        self._shown_at = time.monotonic()
        if self._display is not None:
            self._display.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        return {"text/plain": self.text()}
