"""Showing of figures as the article's programs do: by pyplot, which then saves them, too."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dnn_xp.backends import require
from dnn_xp.reports import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["show_by_pyplot"]


def show_by_pyplot(figure: "Figure") -> None:
    """Show a figure in its window or notebook, or have pyplot keep it where there is neither.

    ``plt.savefig("figure.png")`` then saves it, and a line on stderr says so.
    """
    try:
        if figures.can_show():
            figures.show(figure)
            _show_once(figure)
            return
        pyplot = require("matplotlib.pyplot", extra="app")
        pyplot.figure(FigureClass=lambda *_, **__: figure)
    # As many kinds as there are screens that do not answer; none may cost the training before it.
    except Exception as error:
        print(f"the figure cannot be shown: {error}", file=sys.stderr)
    else:
        words = "no window for the figure: plt.savefig('figure.png') of matplotlib.pyplot saves it"
        print(words, file=sys.stderr)


def _show_once(figure: "Figure") -> None:
    """Keep a notebook from showing a figure again where it is what the same cell returns."""
    found = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = None if found is None else found()
    if shell is not None:
        vars(figure)["_ipython_display_"] = _nothing_in_this_cell(shell)


def _nothing_in_this_cell(shell: Any) -> Callable[[], None]:
    cell = shell.execution_count

    def display() -> None:
        if shell.execution_count != cell:
            raise NotImplementedError  # which is IPython's word for: as any other figure

    return display
