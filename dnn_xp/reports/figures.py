"""Figures: how they are made, saved and shown.

A figure belongs to no window: save it with ``figure.savefig(path)``, or hand it to `show`. In a
notebook it shows itself. Matplotlib is loaded when it is needed.
"""

import io
import os
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from dnn_xp.backends import require
from dnn_xp.reports.style import own_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["drawn", "has_window", "new_figure", "save", "show"]

Arguments = ParamSpec("Arguments")

_WITHOUT_DATE = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "ps": {"CreationDate": None}}
"""What a file says of itself by default: nothing that differs from one run to an equal one."""

_PIXELS_PER_INCH = 100
"""On a page; twice as many are in the picture, for screens and paper that show more."""


def drawn(function: "Callable[Arguments, Figure]") -> "Callable[Arguments, Figure]":
    """Have a function draw in the style that all pictures have here.

    Parameters
    ----------
    function : callable
        Returns a figure.
    """

    @wraps(function)
    def draw(*args: Arguments.args, **kwargs: Arguments.kwargs) -> "Figure":
        with own_style():
            return function(*args, **kwargs)

    return draw


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure that keeps its labels apart.

    Parameters
    ----------
    width, height : float
        In inches.
    """
    made: Figure = _figure_class()(figsize=(width, height), layout="constrained")
    return made


def save(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Write a figure to a file; the suffix says which kind: .png, .svg, .pdf.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    with own_style():
        figure.savefig(path)


def show(figure: "Figure") -> None:
    """Show a figure in its window or notebook; where there is neither, do nothing.

    Like ``matplotlib.pyplot.show``, which it calls, it waits for the windows to be closed unless
    Matplotlib is in interactive mode, and shows all other figures of pyplot, too.
    """
    if has_window():
        pyplot = require("matplotlib.pyplot", extra="app")
        # Its public way of putting a figure under pyplot's care: a "class" that is our figure.
        pyplot.figure(FigureClass=lambda *_, **__: figure)
        pyplot.show()


def has_window() -> bool:
    """Return whether there is a window or a notebook that a figure can be shown in."""
    pyplot = require("matplotlib.pyplot", extra="app")
    registry = require("matplotlib.backends", extra="app")
    silent = registry.backend_registry.list_builtin(registry.BackendFilter.NON_INTERACTIVE)
    return pyplot.get_backend().lower() not in silent


@cache
def _figure_class() -> Any:
    """Return the class of our figures, made where Matplotlib is first needed."""
    plain: Any = require("matplotlib.figure", extra="app").Figure

    class OwnFigure(plain):  # type: ignore[misc]
        """A figure that keeps its style, and shows itself in a notebook."""

        def draw(self, renderer: Any) -> None:
            with own_style():
                super().draw(renderer)

        def savefig(self, fname: Any, **options: Any) -> None:
            with own_style():
                kind = options.get("format") or _kind(fname)
                if known := _WITHOUT_DATE.get(kind, {}) | (options.pop("metadata", None) or {}):
                    options["metadata"] = known
                super().savefig(fname, **options)

        def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
            file = io.BytesIO()
            self.savefig(file, format="png", dpi=2 * _PIXELS_PER_INCH)
            width, height = (round(_PIXELS_PER_INCH * side) for side in self.get_size_inches())
            return file.getvalue(), {"width": width, "height": height}

    OwnFigure.__qualname__ = OwnFigure.__name__
    return OwnFigure


def _kind(file: Any) -> str:
    """Return the kind that the name of a file says, or that of what has none."""
    return Path(file).suffix.lstrip(".").lower() if isinstance(file, str | os.PathLike) else "png"


def __getattr__(name: str) -> Any:
    """Return the class of figures to who unpickles one."""
    if name == "OwnFigure":
        return _figure_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
