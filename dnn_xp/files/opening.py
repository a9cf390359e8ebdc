"""Files of strangers: opened only where they are files, and read up to a bound."""

import os
import stat
from pathlib import Path

__all__ = ["check_file", "describe_size", "memory_size", "read_whole", "seeming"]

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)

_BEGINNINGS = (
    (b"version https://git-lfs", "a pointer of git-lfs: git lfs pull fetches the file itself"),
    (b"version git-lfs", "a pointer of git-lfs: git lfs pull fetches the file itself"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "an NPY file, which holds a single array"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a file that is compressed with gzip"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%!PS", "a PostScript program"),
    (b"%PDF", "a PDF document"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<svg", "an SVG drawing"),
    (b"dnn_xp model\n", "a model of dnn_xp"),
    (b"dnn_xp checkpoint\n", "a checkpoint of dnn_xp"),
)


def check_file(path: str | os.PathLike[str]) -> None:
    """Refuse what is no file, before it is opened: a pipe would wait, a device may never end.

    Links are followed.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, OSError
        Where there is no such file, it is a folder, or nobody may look.
    ValueError
        Where it is a pipe, a device or a socket.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{os.fspath(path)}: found a folder, expected a file")
    for is_kind, kind in _KINDS:
        if is_kind(mode):
            raise ValueError(f"{os.fspath(path)}: found {kind}, expected a file")


def read_whole(
    path: str | os.PathLike[str], limit: int | None = None, begins: bytes = b""
) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    path : path
    limit : int, optional
        The bytes that it may have. Default: those of the machine's memory.
    begins : bytes
        Where it begins otherwise, only its first block is read, and returned.

    Raises
    ------
    OSError
        Where it cannot be opened.
    ValueError
        Where it is no file, or larger than that.
    """
    check_file(path)
    limit = memory_size() if limit is None else limit
    with Path(path).open("rb") as file:
        head = file.read(512)
        if not head.startswith(begins):
            return head
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            found, most = describe_size(size), describe_size(limit)
            raise ValueError(f"{os.fspath(path)}: found {found}, expected at most {most}")
        file.seek(0)
        try:
            content = file.read(size + 1)
        except (MemoryError, OverflowError) as error:
            raise ValueError(f"{os.fspath(path)}: does not fit into the memory") from error
    if len(content) > size:
        raise ValueError(f"{os.fspath(path)}: grows while it is read, expected a file that is done")
    return content


def memory_size() -> int:
    """Return the bytes of the machine's memory, or a number beyond all where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 2**62


def seeming(head: bytes) -> str:
    """Return "; it seems to be ..." by the first bytes of a file, or "" where that is not known."""
    if not head:
        return "; it is empty"
    if not head.strip(b"\0"):
        return "; it holds zeros"
    lower = head.lstrip().lower()
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning) or lower.startswith(beginning):
            return f"; it seems to be {kind}"
    return ""


def describe_size(size: int) -> str:
    """Return a number of bytes as people say it, such as "3.5 MB"."""
    number = float(min(size, 10**300))
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 1000:
            return f"{size} bytes" if unit == "bytes" else f"{number:.3g} {unit}"
        number /= 1000
    return "more than 1,000 TB"
