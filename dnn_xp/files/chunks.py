"""Chunks of HDF5 data sets, unpacked here.

Where a damaged or hostile file holds a chunk that is shorter than it should be, HDF5 goes on
reading in the memory beside it, or ends the process. Here each chunk has the size that it must
have, or is refused. The filters are those of HDF5 that numbers are packed by: deflate, shuffle and
Fletcher's checksum.
"""

import itertools
import math
import zlib
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import h5py

__all__ = ["RowsInChunks", "chunk_places", "packing_problem"]

HostArray = np.ndarray[Any, Any]
Packed = bytes | memoryview


def packing_problem(data_set: "h5py.Dataset") -> str | None:
    """Return why the chunks of a data set cannot be unpacked here, in words, or None."""
    import h5py

    plan = data_set.id.get_create_plist()
    filters = [plan.get_filter(place) for place in range(plan.get_nfilters())]
    if other := [name.decode() for code, _, _, name in filters if code not in _UNPACK]:
        return f"is packed by {other[0]!r:.40}, expected gzip, shuffle, fletcher32 or none"
    if not data_set.id.get_type().equal(h5py.h5t.py_create(data_set.dtype, logical=True)):
        return f"is stored in chunks of another form than {data_set.dtype}"
    lengths = zip(data_set.shape, data_set.chunks, strict=True)
    written, expected = (
        data_set.id.get_num_chunks(),
        math.prod(-(-n // size) for n, size in lengths),
    )
    if written < expected:
        return f"holds {written} of {expected} chunks: the others were never written"
    return None


def chunk_places(data_set: "h5py.Dataset", size: int) -> HostArray | None:
    """Return where chunks begin, if each holds whole rows as they are; or None.

    Parameters
    ----------
    data_set : h5py.Dataset
    size : int
        Bytes of its file.
    """
    shape, chunk, stored = data_set.shape, data_set.chunks, data_set.id
    plan, file_plan = stored.get_create_plist(), data_set.file.id.get_create_plist()
    if 0 in shape or shape[1:] != chunk[1:] or plan.get_nfilters() or file_plan.get_userblock():
        return None
    n_chunks, length = -(-shape[0] // chunk[0]), math.prod(chunk) * data_set.dtype.itemsize
    if stored.get_num_chunks() < n_chunks or not hasattr(stored, "chunk_iter"):
        return None
    found = np.full(n_chunks, -1)

    def note(one: Any) -> None:
        number = one.chunk_offset[0] // chunk[0]
        if number < n_chunks and one.size == length and one.byte_offset <= size - length:
            found[number] = one.byte_offset

    stored.chunk_iter(note)
    return None if (found < 0).any() else found


class RowsInChunks:
    """Rows of a data set that is in chunks, by slices.

    Chunks that a slice takes in part are kept unpacked until others are, so that rows may be read
    in their order by slices of any length.

    Parameters
    ----------
    data_set : h5py.Dataset

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    chunks : tuple of int
    """

    def __init__(self, data_set: "h5py.Dataset") -> None:
        self.shape, self.dtype, self.chunks = data_set.shape, data_set.dtype, data_set.chunks
        self._is_packed = data_set.id.get_create_plist().get_nfilters() > 0
        self._read_chunk = data_set.id.read_direct_chunk
        self._unpack = _unpacker(data_set)
        lengths = zip(self.shape[1:], self.chunks[1:], strict=True)
        self._others = [[slice(at, at + size) for at in range(0, n, size)] for n, size in lengths]
        self._kept: tuple[int, HostArray] | None = None

    def __getitem__(self, rows: slice) -> HostArray:
        """Return the rows of a slice, each step of which is 1.

        Raises
        ------
        ValueError
            Where a chunk is damaged.
        """
        start, stop, _ = rows.indices(self.shape[0])
        found = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        self.read_into(start, found)
        return found

    def read_into(self, start: int, found: HostArray) -> None:
        """Fill an array with the rows from a place on."""
        if found.size == 0:
            return
        step, at, stop = self.chunks[0], 0, start + len(found)
        for top in range(start - start % step, stop, step):
            first, last = max(start, top), min(stop, top + step, self.shape[0])
            target = found[at : at + last - first]
            if first == top and last == min(top + step, self.shape[0]):
                self._unpack_into(top, target)
            else:
                target[...] = self._block(top)[first - top : last - top]
            at += last - first

    def _block(self, top: int) -> HostArray:
        """Return all rows of the chunks that begin with a row."""
        kept = self._kept  # by this name, since another thread may read, too
        if kept is None or kept[0] != top:
            kept = self._kept = None  # no two at a time
            block = np.empty(
                (min(self.chunks[0], self.shape[0] - top), *self.shape[1:]), self.dtype
            )
            self._unpack_into(top, block)
            kept = self._kept = top, block
        return kept[1]

    def _unpack_into(self, top: int, target: HostArray) -> None:
        for place in itertools.product(*self._others):
            part, corner = target[(slice(None), *place)], (top, *(one.start for one in place))
            if not self._is_packed and part.shape == self.chunks and part.flags.c_contiguous:
                _, held = self._read_chunk(corner, out=part.reshape(-1).view(np.uint8))
                _check_size(held, part.nbytes)
                continue
            chunk = self._unpack(corner)
            part[...] = chunk if part.shape == chunk.shape else chunk[_corner(part.shape)]


def _check_size(content: Any, size: int) -> None:
    """Refuse a chunk of another size, beside which other memory would be read."""
    if len(content) != size:
        raise ValueError(f"damaged: found a chunk of {len(content)} bytes, expected {size}")


def _corner(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return where the part of a chunk is that lies within its data set."""
    return tuple(slice(0, n) for n in shape)


def _unpacker(data_set: "h5py.Dataset") -> Callable[[tuple[int, ...]], HostArray]:
    """Return what reads the chunk whose first element is at a place."""
    plan = data_set.id.get_create_plist()
    codes = [plan.get_filter(place)[0] for place in range(plan.get_nfilters())]
    dtype, chunk = data_set.dtype, data_set.chunks
    size = math.prod(chunk) * dtype.itemsize

    def unpack(corner: tuple[int, ...]) -> HostArray:
        skipped, packed = data_set.id.read_direct_chunk(corner)
        for place, code in reversed([*enumerate(codes)]):
            if not skipped >> place & 1:
                packed = _UNPACK[code](packed, dtype.itemsize, size)
        _check_size(packed, size)
        return np.frombuffer(packed, dtype).reshape(chunk)

    return unpack


# ----------------------------------------------------------------------------- filters


@cache
def _deflate() -> Any:
    """Return the module that inflates: where isal is installed its own, twice as fast as zlib."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    return isal_zlib


def _inflate(packed: Packed, itemsize: int, size: int) -> Packed:
    module = _deflate()
    try:
        found: bytes = module.decompressobj().decompress(packed, size + 4)  # 4 of a checksum
    except module.error as error:
        raise ValueError(f"damaged: a chunk cannot be unpacked: {error}") from None
    return found


def _unshuffle(packed: Packed, itemsize: int, size: int) -> Packed:
    """Bring the bytes of each element together again: first come the first bytes of all."""
    whole = len(packed) // itemsize * itemsize
    parts = np.frombuffer(packed, np.uint8, whole).reshape(itemsize, -1)
    if whole < len(packed) or itemsize > 16:  # long texts
        return parts.T.tobytes() + bytes(packed[whole:])
    found = np.empty((len(packed) // itemsize, itemsize), np.uint8)
    for place, part in enumerate(parts):  # a third of the time that a transposed copy takes
        found[:, place] = part
    return found.reshape(-1).data


def _check_sum(packed: Packed, itemsize: int, size: int) -> Packed:
    """Compare Fletcher's checksum, the last four bytes, and return what is before it."""
    content, found = bytes(packed[:-4]), int.from_bytes(packed[-4:], "little")
    words = np.frombuffer(content + b"\0" * (len(content) % 2), ">u2").astype(np.int64)
    sums = int(words.sum()), int((np.arange(len(words), 0, -1) % 65535 * words).sum())
    held = found & 0xFFFF, found >> 16
    if len(packed) < 4 or any((a - b) % 65535 for a, b in zip(sums, held, strict=True)):
        raise ValueError("damaged: the checksum of a chunk does not fit")
    return content


_UNPACK: dict[int, Callable[[Packed, int, int], Packed]] = {
    1: _inflate,
    2: _unshuffle,
    3: _check_sum,
}
"""By the numbers that HDF5 has given to them."""
