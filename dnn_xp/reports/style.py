"""The look of all pictures: their colours, lines and fonts, whatever Matplotlib is set to.

Seven colours that everybody can tell apart (Okabe and Ito 2008). What they tell, dashes, markers or
places tell as well, so that a picture can be read in grey.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dnn_xp.backends import require
from dnn_xp.reprs import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "COLOURS",
    "DASHES",
    "FAINT",
    "HELD_OUT",
    "MARKERS",
    "TRAINING",
    "headed",
    "hide_frame",
    "legend_name",
    "own_style",
    "say_instead",
    "short",
    "use_log_scale",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
FAINT = "#999999"

TRAINING, HELD_OUT = "training", "held out"
"""The parts of the data, in the words of the command line."""

_SETTINGS: Mapping[str, Any] = {
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # TrueType: journals refuse Type 3
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "dnn_xp",  # the same names in the same picture
    "text.parse_math": False,  # a class may be called "$5 to $9"
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "grid.alpha": 0.3,
    "image.interpolation": "nearest",
}


@contextmanager
def own_style() -> Iterator[None]:
    """Draw as all pictures here do, and put back what Matplotlib was set to.

    Raises
    ------
    ImportError
        Where Matplotlib is not installed: names the extra that installs it.
    """
    require("matplotlib.figure", extra="app")
    style = require("matplotlib.style", extra="app")
    with style.context(["default", dict(_SETTINGS)]):
        yield


def hide_frame(axes: "Axes") -> None:
    """Take away the axes around what has none, such as a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def say_instead(axes: "Axes", words: str) -> None:
    """Say in the middle of the axes why there is nothing to see."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color="#555555")


def use_log_scale(axes: "Axes", axis: str, lowest: float, highest: float) -> None:
    """Make an axis logarithmic, with numbers that are written out.

    Parameters
    ----------
    axes : Axes
    axis : {"x", "y"}
    lowest, highest : float
        Of what is drawn, above 0: they decide how many numbers stand at it.
    """
    ticker = require("matplotlib.ticker", extra="app")
    getattr(axes, f"set_{axis}scale")("log")
    own = getattr(axes, f"{axis}axis")
    between = (1.0, 2.0, 5.0) if highest < 300.0 * lowest else (1.0,)
    own.set_major_locator(ticker.LogLocator(subs=between, numticks=8))
    own.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    own.set_minor_formatter(ticker.NullFormatter())


def headed(title: str | None, said: str) -> str:
    """Return a title over what a picture says of itself, or that alone."""
    return f"{title}\n{said}" if title else said


def short(name: object, length: int = 14) -> str:
    """Return a name that fits: of a long one the beginning."""
    text = printable(name)
    return text if len(text) <= length else text[: length - 1] + "…"


def legend_name(name: object, length: int = 40) -> str:
    """Return a name as a legend shows it: one with an underscore in front it would leave out."""
    text = short(name, length)
    return f" {text}" if text.startswith("_") else text
