"""Write a file whole or not at all: everything that this package writes goes through here."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["remove_leftovers", "replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside a file, and put what was written there in the file's place.

    The old file, where there is one, stays whole until the new one is on the disk; after an
    error it is still there and the temporary file is gone. A process that is killed may leave
    the temporary file behind, never half a file under the final name.

    Parameters
    ----------
    path : path
        The final name. A link is followed, so that the file that it names is replaced.

    Yields
    ------
    Path
        A new name in the same folder with the same suffix, for the body to write to and close.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, OSError
        Before anything is written, where the folder does not exist, or the path is a folder or
        something else that is no file, such as a device.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "notes.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     (Path(folder) / "notes.txt").read_text()
    'whole'
    """
    target = Path(path).resolve()
    if target.is_dir():
        raise IsADirectoryError(f"path: found the folder {target}, expected the name of a file")
    if target.exists() and not target.is_file():  # /dev/null would be a plain file from now on
        raise OSError(f"path: found {target}, expected a file or a new name")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path: the folder {target.parent} does not exist")
    # The suffix stays the last part: some writers choose the format by it.
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(target.parent)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files that processes which were killed left beside a file.

    Parameters
    ----------
    path : path
        The file's final name, which no process is writing.
    """
    target = Path(path).resolve()
    for beside in target.parent.glob(f".*-*{target.suffix}"):
        middle = beside.name.removeprefix(f".{target.stem}-").removesuffix(target.suffix)
        if len(middle) == 8 and set(middle) <= set("0123456789abcdef"):
            beside.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Make the new name itself outlast a power cut, where folders can be opened (not Windows)."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
