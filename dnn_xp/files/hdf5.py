"""Texts and arrays in HDF5 files of strangers: only what lies in the file itself, and is bounded.

HDF5 follows links into other files, keeps data in them, and keeps data of variable length in heaps
in which a damaged or hostile file can lead a reader round for ever. So a link and a data set are
looked at before they are followed and read: only hard links, only types of a fixed size, no more
bytes than the file can hold. Texts are UTF-8 bytes of a fixed length. The heaps themselves are
refused where HDF5 asks for their bytes: already to open a virtual data set it reads one.
"""

import errno
import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.files.chunks import RowsInChunks, chunk_places, packing_problem
from dnn_xp.files.opening import check_file, describe_size, memory_size, seeming
from dnn_xp.files.rows import RowsInFile
from dnn_xp.reprs import printable

if TYPE_CHECKING:
    import h5py

try:
    import fcntl
except ImportError:  # on Windows, where HDF5 locks the bytes themselves
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "ERRORS",
    "BytesWithoutHeaps",
    "FileWithoutHeaps",
    "HeapError",
    "check_total",
    "find_data_set",
    "find_group",
    "fixed",
    "list_members",
    "naming",
    "open_hdf5",
    "read_array",
    "read_attribute",
    "read_json",
    "read_stored",
    "read_text",
    "read_texts",
    "stored_rows",
]

ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What HDF5 and h5py raise where a file is damaged or absurd."""

_EXPANSION = 1032
"""Bytes that one byte of a compressed file can become, at most: deflate's limit."""

_WAY_OUT = "; if you know where the file is from, say so: trusted=True, or --trust"


# ----------------------------------------------------------------------------- opening


class HeapError(ValueError):
    """HDF5 asked for a heap: a data set is virtual, or something is of variable length."""


class _WithoutHeaps:
    """Part of a file object that keeps heaps from HDF5, which asks for each by its first byte.

    So does a stored image of its cache, in which heaps can be hidden.
    """

    def read(self, *size: Any) -> Any:
        content = super().read(*size)  # type: ignore[misc]
        _check_no_heap(content)
        return content

    def readinto(self, buffer: Any, /) -> Any:
        count = super().readinto(buffer)  # type: ignore[misc]
        _check_no_heap(bytes(memoryview(buffer)[:5]))
        return count


def _check_no_heap(head: bytes) -> None:
    if head.startswith((b"GCOL\x01", b"MDCI\0")):
        raise HeapError("is virtual, or of variable length: its parts may lie in other files")


class FileWithoutHeaps(_WithoutHeaps, io.FileIO):
    """A file that HDF5 reads without its heaps."""


class BytesWithoutHeaps(_WithoutHeaps, io.BytesIO):
    """The content of a file that HDF5 reads without its heaps."""


@contextmanager
def open_hdf5(path: str | os.PathLike[str], *, trusted: bool = False) -> Iterator["h5py.File"]:
    """Open an HDF5 file for reading.

    Parameters
    ----------
    path : path
    trusted : bool
        Whether HDF5 may read its heaps, too.

    Raises
    ------
    OSError
        Where it is not there, or may not be read.
    ValueError
        Where it is no HDF5 file, damaged, or open for writing in another program.
    """
    import h5py  # takes 30 ms to load, and not every run reads a file

    check_file(path)
    with FileWithoutHeaps(path) as raw:
        head = raw.read(512)
        if head.startswith(b"\x89HDF\r\n\x1a\n\x03") and head[11] & 1:  # a mark in the file itself
            raise ValueError(
                f"{os.fspath(path)}: is open for writing in another program, or was when that was "
                "killed: close it there, or run h5clear -s on it"
            )
        try:
            _share(raw)
            opened = h5py.File(path if trusted else raw, "r")
        except ERRORS as error:
            known = h5py.is_hdf5(path)
            raise ValueError(f"{os.fspath(path)}: {_why_not(error, known, head)}") from error
        with opened:
            yield opened


def _share(file: io.FileIO) -> None:
    """Lock a file for reading as HDF5 does, while it is open.

    Raises
    ------
    BlockingIOError
        Where another program has it open for writing.
    """
    if fcntl is None or os.environ.get("HDF5_USE_FILE_LOCKING", "").upper() in ("FALSE", "0"):
        return
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        return


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what HDF5 raises while it reads into the one error of a file that cannot be used.

    Raises
    ------
    ValueError
        Which names the file.
    """
    try:
        yield
    except ERRORS as error:
        ours = type(error) in (ValueError, TypeError, HeapError) and str(error)
        said = str(error) if ours else f"damaged: {str(error) or type(error).__name__}"
        raise ValueError(f"{os.fspath(path)}: {printable(said)}") from error


def _why_not(error: BaseException, known: bool, head: bytes) -> str:
    """Return why a file cannot be opened, in words."""
    if getattr(error, "errno", None) in (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK):
        return "is in use by another program, which has it open for writing: close it there first"
    return (
        f"damaged: {printable(error)}" if known else f"not an HDF5 file, or damaged{seeming(head)}"
    )


def find_group(group: "h5py.Group", name: str) -> "h5py.Group":
    """Return a group that lies in the file itself.

    Parameters
    ----------
    group : h5py.Group
        Where the search begins.
    name : str
        Such as ``"state/optimizer"``.

    Raises
    ------
    ValueError
        Where there is none.
    """
    return _find(group, name, "Group")


def find_data_set(
    group: "h5py.Group", name: str, *, trusted: bool | None = None, whole: bool = True
) -> "h5py.Dataset":
    """Return a data set that lies in the file itself, of a fixed type and a size it can have.

    Parameters
    ----------
    group : h5py.Group
        Where the search begins.
    name : str
        Such as ``"state/theta"``.
    trusted : bool, optional
        Whether a virtual data set may take parts from other files, texts may be of variable
        length, and HDF5 may unpack data itself, by filters of all kinds. None is False, where
        there is no choice: data are then in one piece, as all that this package writes.
    whole : bool
        Whether it is to be read whole, and so must fit into the memory; else a row must.

    Raises
    ------
    ValueError
        Where there is none, or it may not be read.
    """
    way_out = "" if trusted is None else _WAY_OUT
    try:
        data_set = _find(group, name, "Dataset")
    except HeapError as error:
        raise ValueError(f"{printable(name)}: {error}{way_out}") from None
    problem = _refusal(data_set)
    if problem is None and not trusted:
        problem = _doubt(data_set, chunks=trusted is not None)
        problem = problem and problem + way_out
    elif problem is None and data_set.is_virtual:
        problem = _sources_problem(data_set)
    if problem := problem or _memory_problem(data_set, whole):
        raise ValueError(f"{printable(name)}: {problem}")
    return data_set


def list_members(group: "h5py.Group") -> list[str]:
    """Return what there is in a group, in words, without following links."""
    import h5py

    said = []
    for name in group:
        # h5py gives a name that is no UTF-8 as bytes.
        key, object_type = name if isinstance(name, bytes) else name.encode(), None
        if group.id.links.get_info(key).type == h5py.h5l.TYPE_HARD:
            object_type = h5py.h5o.get_info(group.id, key).type
        kind = "the group " if object_type == h5py.h5o.TYPE_GROUP else ""
        said.append(kind + printable(name))
    return said


def check_total(data_sets: Iterable["h5py.Dataset"]) -> None:
    """Refuse data sets that are together larger than their file: one that has several names.

    Raises
    ------
    ValueError
    """
    held = list(data_sets)
    total = sum(math.prod(one.shape) * one.dtype.itemsize for one in held)
    if held and total > (size := held[0].file.id.get_filesize()):
        raise ValueError(
            f"declares {describe_size(total)}, which a file of {describe_size(size)} cannot hold"
        )


def _find(group: "h5py.Group", name: str, kind: str) -> Any:
    """Follow hard links from group to group: no other link is opened."""
    import h5py

    found: Any = group
    for part in filter(None, name.split("/")):
        if not isinstance(found, h5py.Group):
            raise ValueError(f"{printable(name)}: is not there: {found.name} is no group")
        try:
            link = found.id.links.get_info(part.encode()).type
        except ERRORS:
            there = ", ".join(list_members(found)[:20]) or "nothing"
            raise ValueError(f"{printable(name)}: is not there: found {there}") from None
        if link != h5py.h5l.TYPE_HARD:
            where = "a link to another file" if link == h5py.h5l.TYPE_EXTERNAL else "a link"
            raise ValueError(
                f"{printable(name)}: found {where}, expected it in the file itself: links are "
                "not followed"
            )
        found = found[part]
    if not isinstance(found, getattr(h5py, kind)):
        expected = {"Group": "a group", "Dataset": "a data set"}
        other = expected.get(type(found).__name__, "a type")
        raise ValueError(f"{printable(name)}: found {other}, expected {expected[kind]}")
    return found


# ----------------------------------------------------------------------------- what may be read


def _refusal(data_set: "h5py.Dataset") -> str | None:
    """Return why a data set is never read. Its shape is not asked: that can open other files."""
    import h5py

    if data_set.id.get_create_plist().get_external_count():
        return "is kept in another file, expected it in the file itself"
    if data_set.dtype.hasobject and h5py.check_string_dtype(data_set.dtype) is None:
        return "found objects, or data of variable length, expected numbers or text"
    return None


def _doubt(data_set: "h5py.Dataset", chunks: bool) -> str | None:
    """Return why a data set is not read in a file of unknown origin."""
    import h5py

    if data_set.id.get_create_plist().get_layout() == h5py.h5d.VIRTUAL:
        return "is virtual: its parts may lie in other files"
    if data_set.dtype.hasobject:
        return "found text of variable length, expected text of a fixed length"
    if (shape := data_set.shape) is None:
        return None
    size, in_chunks = data_set.file.id.get_filesize(), data_set.chunks is not None
    declared = max(math.prod(shape), math.prod(data_set.chunks or (0,))) * data_set.dtype.itemsize
    if declared > size * (_EXPANSION if in_chunks else 1):
        found = describe_size(size)
        return f"declares {describe_size(declared)}, which a file of {found} cannot hold"
    if in_chunks:
        return packing_problem(data_set) if chunks else "is in chunks, expected it in one piece"
    if (held := data_set.id.get_storage_size()) != declared:
        return f"declares {describe_size(declared)}, found {describe_size(held)}"
    return None


def _memory_problem(data_set: "h5py.Dataset", whole: bool) -> str | None:
    """Return why a data set cannot be read at once; Python's integers do not overflow."""
    if (shape := data_set.shape) is None:
        return "holds nothing, expected numbers or text"
    elements = max(math.prod(shape if whole else shape[1:]), math.prod(data_set.chunks or ()))
    if (size := elements * data_set.dtype.itemsize) > memory_size():
        return f"found {describe_size(size)}, more than the memory of this machine"
    return None


def _sources_problem(data_set: "h5py.Dataset", depth: int = 4) -> str | None:
    """Return what is wrong with the parts of a virtual data set, each of which must be there."""
    here = Path(data_set.file.filename)
    for _, file_name, name, _ in data_set.virtual_sources():
        part = f"its part {printable(name)} in {printable(file_name)}"
        if depth == 0 or "%" in file_name + name:
            return f"{part} is virtual again, or one of a series, which is not read"
        if (path := here if file_name == "." else _source_file(here, file_name)) is None:
            return f"{part} is not there"
        try:
            with open_hdf5(path, trusted=True) as file:
                source = _find(file, name, "Dataset")
                problem = _refusal(source)
                if problem is None and source.is_virtual:
                    problem = _sources_problem(source, depth - 1)
        except (OSError, ValueError) as error:
            return f"{part}: {error}"
        if problem:
            return f"{part} {problem}"
    return None


def _source_file(here: Path, name: str) -> Path | None:
    """Return the file that HDF5 takes for a part: it looks in several folders."""
    prefix = os.environ.get("HDF5_VDS_PREFIX", "").replace("${ORIGIN}", str(here.parent))
    places = [Path(prefix, name)] if prefix else []
    places += [here.parent / name, Path(name), here.parent / Path(name).name]
    places += [here.resolve().parent / name]
    return next((place for place in places if os.path.lexists(place)), None)


# ----------------------------------------------------------------------------- reading


def fixed(value: str | Sequence[str]) -> Any:
    """Return a text, or several, in the form in which a data set or an attribute holds them.

    Raises
    ------
    ValueError
        Where a text ends with a NUL, which such a form would lose.
    """
    texts = [value] if isinstance(value, str) else list(value)
    if bad := [text for text in texts if text.endswith("\0")]:
        raise ValueError(f"text: found {bad[0]!r}, expected one that does not end with a NUL")
    encoded = np.asarray([text.encode() or b"\0" for text in texts] or np.empty(0, "S1"))
    return encoded[0] if isinstance(value, str) else encoded


def read_text(data_set: "h5py.Dataset") -> str:
    """Return the text that a data set holds.

    Raises
    ------
    TypeError
        Where it holds something else.
    """
    (text,) = _texts(data_set, shape=())
    return text


def read_texts(data_set: "h5py.Dataset") -> tuple[str, ...]:
    """Return the texts that a data set of one dimension holds.

    Raises
    ------
    TypeError
        Where it holds something else.
    """
    return tuple(_texts(data_set, shape=data_set.shape[:1]))


def _texts(data_set: "h5py.Dataset", shape: tuple[int, ...]) -> list[str]:
    if data_set.dtype.kind != "S" or data_set.shape != shape:
        found = f"{data_set.dtype}{data_set.shape}"
        raise TypeError(f"{data_set.name}: found {found}, expected text of fixed length")
    return [text.decode() for text in np.ravel(data_set[()]).tolist()]


def read_json(data_set: "h5py.Dataset") -> dict[str, Any]:
    """Return the dictionary that a data set holds as text, in JSON.

    Raises
    ------
    TypeError
        Where it holds no text, or no dictionary.
    ValueError
        Where it is not JSON, or lists lie in lists too deep.
    """
    try:
        value = json.loads(read_text(data_set))
    except RecursionError:
        raise ValueError(f"{data_set.name}: found JSON that is nested too deep") from None
    if not isinstance(value, dict):
        raise TypeError(f"{data_set.name}: found {type(value).__name__}, expected a dictionary")
    return value


def read_array(data_set: "h5py.Dataset") -> Any:
    """Return what a data set holds, a number or an array.

    Raises
    ------
    TypeError
        Where it holds texts, objects or parts of variable length.
    """
    if data_set.dtype.kind not in "biuf":
        raise TypeError(f"{data_set.name}: found {data_set.dtype}, expected numbers")
    return data_set[()]


def stored_rows(data_set: "h5py.Dataset", *, trusted: bool, file: io.FileIO | None = None) -> Any:
    """Return the rows of a data set, as they are stored, to be read by slices.

    Parameters
    ----------
    data_set : h5py.Dataset
        As `find_data_set` returned it.
    trusted : bool
        Whether HDF5 may unpack chunks itself, where they are packed in other ways than ours.
    file : io.FileIO, optional
        The file that it is in, in which rows that are not packed are read past HDF5.

    Returns
    -------
    RowsInFile, RowsInChunks or h5py.Dataset
        A slice of which raises ValueError where a chunk is damaged.
    """
    import h5py

    if data_set.chunks is not None:
        if trusted and packing_problem(data_set) is not None:
            return data_set
        places = None if file is None else chunk_places(data_set, os.fstat(file.fileno()).st_size)
        if file is None or places is None:
            return RowsInChunks(data_set)
        return RowsInFile(file, places, data_set.shape, data_set.dtype, data_set.chunks)
    begin = data_set.id.get_offset()
    if (
        file is None
        or begin is None
        or data_set.id.get_create_plist().get_layout() != h5py.h5d.CONTIGUOUS
        or not data_set.id.get_type().equal(h5py.h5t.py_create(data_set.dtype, logical=True))
    ):
        return data_set
    return RowsInFile(file, begin, data_set.shape, data_set.dtype)


def read_stored(data_set: "h5py.Dataset", *, trusted: bool) -> np.ndarray[Any, Any]:
    """Return all that a data set holds, as it is stored.

    Parameters
    ----------
    data_set : h5py.Dataset
        As `find_data_set` returned it.
    trusted : bool
        Whether HDF5 may unpack chunks itself.

    Raises
    ------
    ValueError
        Where a chunk is damaged.
    """
    if trusted or data_set.chunks is None:
        return np.asarray(data_set[()])
    return RowsInChunks(data_set)[:]


def read_attribute(file: "h5py.File", name: str) -> Any:
    """Return the numbers or the bytes of an attribute, or None where there is none of this name.

    Raises
    ------
    TypeError
        Where it is of variable length, or holds something else.
    """
    if name not in file.attrs:
        return None
    attribute = file.attrs.get_id(name)
    if attribute.dtype.kind not in "biufS":
        raise TypeError(f"{name}: found {attribute.dtype}, expected numbers or text")
    if math.prod(attribute.shape) * attribute.dtype.itemsize > 2**16:
        raise TypeError(f"{name}: found an attribute of {attribute.shape}, expected a small one")
    value = np.empty(attribute.shape, attribute.dtype)
    attribute.read(value)
    return value[()]
