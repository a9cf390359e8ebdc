"""The files that a command writes: seen to before it computes, and each written whole."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_xp.app.errors import user_errors
from dnn_xp.backends import require
from dnn_xp.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_outputs", "check_plot", "draw"]

PLOT_SUFFIXES = (".png", ".svg", ".pdf")


def check_outputs(data: str, files: Mapping[str, Path | None]) -> None:
    """See that what comes of a command can be written.

    Parameters
    ----------
    data : str
        What is read, and must not be overwritten.
    files : mapping of str to Path or None
        By the options that name them.

    Raises
    ------
    ValueError
        Naming the option whose file cannot be written.
    """
    named: dict[Path, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        if path.is_dir():
            raise ValueError(f"{option}: found the folder {path}, expected the name of a file")
        if path.exists() and not path.is_file():
            raise ValueError(f"{option}: found {path}, expected a file or a new name")
        if not path.parent.is_dir():
            raise ValueError(f"{option}: the folder {path.parent} does not exist")
        if path.exists() and Path(data).exists() and path.samefile(data):
            raise ValueError(f"{option}: {path} holds the data and would be overwritten")
        try:
            tempfile.TemporaryFile(dir=path.parent).close()
        except OSError as error:
            raise ValueError(
                f"{option}: cannot write to {path.parent}: {error.strerror}"
            ) from error
        other = named.setdefault(path.resolve(), option)
        if other != option:
            raise ValueError(f"{option}: {path} is the {other}, too")


def check_plot(plot: Path | None) -> None:
    """See that ``--plot`` names a kind of picture, and that it can be drawn.

    Raises
    ------
    ValueError
        Where the file's suffix names no format of pictures.
    """
    if plot is None:
        return
    if plot.suffix.lower() not in PLOT_SUFFIXES:
        expected = ", ".join(PLOT_SUFFIXES)
        raise ValueError(f"--plot: found {str(plot)!r}, expected a name that ends in {expected}")
    require("matplotlib", extra="app")


def draw(figure: "Figure", plot: Path) -> str:
    """Write a figure, and say where it is."""
    with user_errors(), replacing(plot) as temporary:
        figure.savefig(temporary)
    return str(plot)
