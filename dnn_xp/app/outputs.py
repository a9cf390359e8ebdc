"""The files that a command writes: seen to before it computes, and each written whole."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_xp.app.errors import Failure
from dnn_xp.app.formatting import describe_written
from dnn_xp.backends import require
from dnn_xp.files import replacing, try_replacing
from dnn_xp.files.locking import lock_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_apart", "check_outputs", "check_plot", "check_space", "draw", "option_errors"]

PLOT_SUFFIXES = (".png", ".svg", ".pdf")


def check_outputs(data: str, files: Mapping[str, Path | None]) -> None:
    """See that what comes of a command can be written where it really leads.

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
        folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
        if not folder.is_dir():
            raise ValueError(f"{option}: the folder {folder} does not exist")
        if path.exists() and Path(data).exists() and path.samefile(data):
            raise ValueError(f"{option}: {path} holds the data and would be overwritten")
        if path.exists() and not os.access(path, os.W_OK):
            raise ValueError(f"{option}: {path} is write-protected")
        try:
            try_replacing(path)
        except OSError as error:
            reason = error.strerror or str(error).removeprefix("path: ")
            raise ValueError(f"{option}: cannot write {path.name} to {folder}: {reason}") from error
        other = named.setdefault(Path(os.path.realpath(path)), option)
        if other != option:
            raise ValueError(f"{option}: {path} is the {other}, too")


def check_apart(checkpoint: Path | None, files: Mapping[str, Path | None]) -> None:
    """See that no other output has the name of an older checkpoint, or of its lock.

    Parameters
    ----------
    checkpoint : Path or None
        What ``--checkpoint`` says.
    files : mapping of str to Path or None
        By the options that name them.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if checkpoint is None:
        return
    kept = Path(os.path.realpath(checkpoint))
    for option, path in files.items():
        if path is None or option == "--checkpoint":
            continue
        there = Path(os.path.realpath(path))
        number = there.name.removeprefix(f"{kept.name}.")
        is_older = number != there.name and number.isdecimal()
        names = (kept.name, lock_of(kept).name)
        if there.parent == kept.parent and (is_older or there.name in names):
            raise ValueError(
                f"{option}: found {path}, where --checkpoint {checkpoint} keeps what belongs to "
                "it; give another name"
            )


def check_space(files: Mapping[str, tuple[Path | None, int]]) -> None:
    """See that there is room for what will be written, all together where it is on one disk.

    Parameters
    ----------
    files : mapping of str to (Path or None, int)
        By the options that name them, with about how many bytes they take.

    Raises
    ------
    ValueError
        Naming the option whose file is too large.
    """
    taken: dict[int, int] = {}
    for option, (path, size) in files.items():
        if path is None:
            continue
        try:
            folder = _nearest(os.path.dirname(os.path.realpath(path)))
            disk, free = _disk_of(folder), shutil.disk_usage(folder).free
        except OSError:  # not every file system tells
            continue
        left = free - taken.get(disk, 0)
        if left < size:
            raise ValueError(
                f"{option}: {path} takes about {size:,} bytes, and only {max(left, 0):,} are free "
                "there beside the other outputs"
            )
        taken[disk] = taken.get(disk, 0) + size


def _disk_of(folder: str) -> int:
    return os.stat(folder).st_dev


def _nearest(folder: str) -> str:
    """Return a folder that is there: this one, or the next above it."""
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


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
    """Write a figure, and say where it is and how large.

    Raises
    ------
    Failure
        Naming the option and the file, where it cannot be written.
    """
    with option_errors("--plot", plot), replacing(plot) as temporary:
        figure.savefig(temporary)
    return describe_written(plot)


@contextmanager
def option_errors(option: str, path: Path) -> Iterator[None]:
    """Turn the error of a file that cannot be written into one that names it and its option.

    Raises
    ------
    Failure
        In place of an OSError or a ValueError.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).removeprefix("path: ")
        raise Failure(f"{option}: {path}: {reason}") from error
