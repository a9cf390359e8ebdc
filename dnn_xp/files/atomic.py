"""Write a file whole or not at all: everything that this package writes goes through here."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["remove_leftovers", "replacing", "try_replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside a file, and put what was written there in the file's place.

    The old file, where there is one, stays whole until the new one is on the disk; after an
    error it is still there and the temporary file is gone. A process that is killed may leave
    the temporary file behind, never half a file under the final name. The new file has the
    permissions of the old one.

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
    target = _target(path)
    temporary = _beside(target)
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        _keep_permissions(target, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(target.parent)


def try_replacing(path: str | os.PathLike[str]) -> Path:
    """Try out whether a file could be replaced, and return the folder where it really lies.

    Parameters
    ----------
    path : path
        As for `replacing`; nothing changes.

    Raises
    ------
    OSError
        Where `replacing` would fail before anything is written, the file may not be written, or
        no file can be made beside it.
    """
    target = _target(path)
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"path: found {target}, which may not be written")
    temporary = _beside(target)
    try:
        temporary.open("xb").close()
    finally:
        temporary.unlink(missing_ok=True)
    return target.parent


def _target(path: str | os.PathLike[str]) -> Path:
    """Return where a path really leads, or refuse what can be no file there."""
    try:
        target = Path(path).resolve()
    except RuntimeError as error:  # until Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
    if target.is_dir():
        raise IsADirectoryError(f"path: found the folder {target}, expected the name of a file")
    if target.exists() and not target.is_file():  # /dev/null would be a plain file from now on
        raise OSError(f"path: found {target}, expected a file or a new name")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path: the folder {target.parent} does not exist")
    return target


def _beside(target: Path) -> Path:
    """Return a new name; the suffix stays last, since some writers choose the format by it."""
    return target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")


def _keep_permissions(target: Path, temporary: Path) -> None:
    """Give a new file the owner, as far as that is allowed, and the permissions of the old one."""
    with suppress(FileNotFoundError):
        old = target.stat()
        if hasattr(os, "chown"):
            with suppress(OSError):  # not ours to give, or an owner that has no name here
                os.chown(temporary, old.st_uid, old.st_gid)
        with suppress(OSError):  # a file system that has no permissions
            temporary.chmod(stat.S_IMODE(old.st_mode))


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
