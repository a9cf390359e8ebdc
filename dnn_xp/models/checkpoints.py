"""Checkpoints: what a run needs to go on, in a file that is there whole or not at all.

=====================  =========================================================================
``state/theta``        the parameters, or coordinates; also ``kept``, ``finite`` and
                       ``state/average``, where there is one
``state/optimizer/..`` an array for each name of the optimizer's state
``total``              the cost of the epoch under way
``callbacks/NAME/..``  numbers, texts and arrays that callbacks remember
``about``              text, JSON: run, epoch, batch, steps, history
``version``            an attribute
=====================  =========================================================================

The newest checkpoint has the name that was asked for; those before it are ``NAME.1``, ``NAME.2``.
Texts are UTF-8 bytes of fixed length. Each file is sealed: see `dnn_xp.files.sealing`. No pickle
anywhere.
"""

import errno
import io
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_xp.backends import to_host
from dnn_xp.files.atomic import replacing
from dnn_xp.files.hdf5 import fixed, read_array, read_text
from dnn_xp.files.sealing import BLOCK, is_of_kind, seal, seal_problem, version_problem
from dnn_xp.training import Progress
from dnn_xp.training.step import State

if TYPE_CHECKING:
    import h5py

__all__ = [
    "CheckpointError",
    "CheckpointWarning",
    "load_checkpoint",
    "save_checkpoint",
]

_VERSION = 2


class CheckpointError(ValueError):
    """No checkpoint can be used; the message says which files there are and what is wrong."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written, or is damaged and the one before it is used."""


# ----------------------------------------------------------------------------- saving


def save_checkpoint(path: str | os.PathLike[str], progress: Progress, *, keep: int = 2) -> None:
    """Write a checkpoint, and keep some of those before it.

    Parameters
    ----------
    path : path
        A checkpoint of this name becomes the one before.
    progress : Progress
        With arrays of any library; they are copied now.
    keep : int
        How many there are afterwards, at most.

    Raises
    ------
    OSError
        Where it cannot be written, or another file has the name of an older one. Those that were
        there remain.
    """
    path = Path(path).resolve()
    for number in range(1, keep):
        older = _name(path, number)
        if older.exists() and not is_of_kind(older, "checkpoint"):
            raise FileExistsError(
                errno.EEXIST, "no checkpoint, but it has the name of an older one", str(older)
            )
    import h5py  # takes 30 ms to load, and not every run reads a file

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=BLOCK) as file:
        file.attrs["version"] = _VERSION
        about = {
            "run": dict(progress.run),
            "epoch": progress.epoch,
            "batch": progress.batch,
            "steps": progress.steps,
            "history": progress.history,
        }
        file["about"] = fixed(json.dumps(about))
        theta, optimizer, average, total = progress.state
        file["state/theta"] = to_host(theta)
        if average is not None:
            file["state/average"] = to_host(average)
        names = file.create_group("state/optimizer", track_order=True)
        # A state that was loaded is a plain tuple: its order is what counts.
        for name, vector in zip(
            getattr(optimizer, "_fields", range(len(optimizer))), optimizer, strict=True
        ):
            names[str(name)] = to_host(vector)
        for name, array in (("total", total), ("kept", progress.kept), ("finite", progress.finite)):
            file[name] = to_host(array)
        for callback, state in progress.callbacks.items():
            for name, value in state.items():
                file[f"callbacks/{callback}/{name}"] = _storable(value)
    with replacing(path) as temporary:
        with temporary.open("wb") as whole:
            whole.write(seal(buffer, "checkpoint"))
            os.fsync(whole.fileno())
        # Only now, so that a disk that is full leaves the names as they are.
        _make_room(path, keep)


def _storable(value: Any) -> Any:
    """Return a number, a text or an array as a data set holds it."""
    if isinstance(value, str):
        return fixed(value)
    return value if isinstance(value, bool | int | float) else to_host(value)


def _make_room(path: Path, keep: int) -> None:
    """Pass the names on, so that the newest is free; a kill in between leaves all files whole."""
    for number, older in sorted(_older(path).items()):
        if number >= keep and is_of_kind(older, "checkpoint"):
            older.unlink()
    for number in range(keep - 1, 0, -1):
        newer = _name(path, number - 1)
        if newer.exists():
            newer.replace(_name(path, number))


def _name(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def _older(path: Path) -> dict[int, Path]:
    """Return the checkpoints before the newest that are there, by their number."""
    endings = (
        (beside, beside.name.removeprefix(f"{path.name}.")) for beside in path.parent.glob("*.*")
    )
    return {
        int(ending): beside
        for beside, ending in endings
        if beside.name != ending and ending.isdecimal()
    }


# ----------------------------------------------------------------------------- loading


def load_checkpoint(path: str | os.PathLike[str]) -> Progress:
    """Read the newest checkpoint that is whole, for `train` to go on from on any library.

    Parameters
    ----------
    path : path
        As it was saved. Where that file is damaged, the one before it is used, with a
        `CheckpointWarning` that says so.

    Returns
    -------
    Progress
        With NumPy arrays, whatever library they came from.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    CheckpointError
        Where none can be used, with what is wrong with each.
    """
    path = Path(path).resolve()
    older = [before for _, before in sorted(_older(path).items())]
    problems = []
    for candidate in ([path] if path.exists() else []) + older:
        try:
            progress = _read(candidate)
        except (CheckpointError, OSError) as error:
            problems.append(str(error))
            continue
        if problems:
            said = f"{'; '.join(problems)}; {candidate} is used instead"
            warnings.warn(said, CheckpointWarning, stacklevel=2)
        return progress
    if not problems:
        raise FileNotFoundError(errno.ENOENT, "there is no checkpoint of this name", str(path))
    raise CheckpointError("; ".join(problems))


def _read(path: Path) -> Progress:
    content = path.read_bytes()
    if problem := seal_problem(content, "checkpoint"):
        raise CheckpointError(f"{path}: {problem}")
    try:
        return _progress(content, path)
    except CheckpointError:
        raise
    # Whole, but made by other means than save_checkpoint: whatever is wrong, it is the file.
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a checkpoint that can be used: {error}") from error


def _progress(content: bytes, path: Path) -> Progress:
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        if problem := version_problem(file.attrs["version"], _VERSION):
            raise CheckpointError(f"{path}: {problem}")
        state, callbacks = file["state"], file.get("callbacks", {})
        return Progress(
            state=State(
                read_array(state["theta"]),
                tuple(map(read_array, state["optimizer"].values())),
                read_array(state["average"]) if "average" in state else None,
                read_array(file["total"]),
            ),
            **{name: read_array(file[name]) for name in ("kept", "finite")},
            callbacks={name: _remembered(group) for name, group in callbacks.items()},
            **json.loads(read_text(file["about"])),
        )


def _remembered(group: "h5py.Group") -> Mapping[str, Any]:
    def value(data_set: "h5py.Dataset") -> Any:
        if data_set.dtype.kind == "S":
            return read_text(data_set)
        array = read_array(data_set)
        return array if array.shape else array.item()

    return {name: value(data_set) for name, data_set in group.items()}
