"""Files of strangers: HDF5 files that reach out, repeat, declare too much, or end too early."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from dnn_xp.files.sealing import seal

Edit = Callable[[h5py.File, str], None]
"""Puts something in the place of a data set."""


def _external_link(file: h5py.File, name: str) -> None:
    file[name] = h5py.ExternalLink("other.h5", "/x")


def _link_to_a_pipe(file: h5py.File, name: str) -> None:
    file[name] = h5py.ExternalLink("pipe", "/x")


def _soft_link(file: h5py.File, name: str) -> None:
    file["elsewhere"] = np.zeros((4, 3))
    file[name] = h5py.SoftLink("/elsewhere")


def _circle(file: h5py.File, name: str) -> None:
    file[name] = h5py.SoftLink(f"/{name}")


def _dangling(file: h5py.File, name: str) -> None:
    file[name] = h5py.SoftLink("/nowhere")


def _external_storage(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (4, 3), "f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def _virtual(file: h5py.File, name: str, source: str = "other.h5") -> None:
    layout = h5py.VirtualLayout((4, 3), "f8")
    layout[:] = h5py.VirtualSource(source, "x", (4, 3))
    file.create_virtual_dataset(name, layout)


def _virtual_of_a_pipe(file: h5py.File, name: str) -> None:
    _virtual(file, name, "pipe")


def _group(file: h5py.File, name: str) -> None:
    file.create_group(f"{name}/inner")


def _named_type(file: h5py.File, name: str) -> None:
    file[name] = np.dtype("f8")


def _ragged(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (4, 3), h5py.vlen_dtype(np.float64))


def _text_of_variable_length(file: h5py.File, name: str) -> None:
    file.create_dataset(name, data=["a", "b", "c", "d"], dtype=h5py.string_dtype())


def _references(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (4, 3), h5py.ref_dtype)


def _nothing(file: h5py.File, name: str) -> None:
    file[name] = h5py.Empty("f8")


def _huge(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (1 << 30, 1 << 30), "f8", chunks=(1, 1024))


def _overflowing(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (1 << 62, 16), "f8", chunks=(1, 16))


def _never_written(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (4, 3), "f8")


def _short_chunk(file: h5py.File, name: str) -> None:
    x = file.create_dataset(name, (4, 3), "f8", chunks=(4, 3), fletcher32=True)
    x.id.write_direct_chunk((0, 0), b"ab")


def _wide_texts(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (4, 3), f"S{1 << 30}", chunks=(1, 1))


HOSTILE: dict[str, Edit] = {
    edit.__name__.strip("_"): edit
    for edit in (
        _external_link, _link_to_a_pipe, _soft_link, _circle, _dangling, _external_storage,
        _virtual, _virtual_of_a_pipe, _group, _named_type, _ragged, _references, _nothing,
        _text_of_variable_length, _huge, _overflowing, _never_written, _short_chunk, _wide_texts,
    )
}  # fmt: skip


def put(file: h5py.File, name: str, edit: Edit) -> None:
    """Put something hostile in the place of a data set."""
    if name in file:
        del file[name]
    edit(file, name)


def resealed(path: Path, kind: str, name: str, edit: Edit) -> None:
    """Put something hostile into a file that is sealed, and seal it again."""
    buffer = io.BytesIO(path.read_bytes())
    with h5py.File(buffer, "r+") as file:
        put(file, name, edit)
    path.write_bytes(seal(buffer, kind))


def neighbours(folder: Path) -> None:
    """Make what the hostile files reach out for."""
    with h5py.File(folder / "other.h5", "w") as file:
        file["x"] = np.full((4, 3), 42.0)
    os.mkfifo(folder / "pipe")
