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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check, check_path, check_whole
from dnn_xp.backends import to_host
from dnn_xp.files.atomic import replacing
from dnn_xp.files.hdf5 import (
    ERRORS,
    BytesWithoutHeaps,
    check_total,
    find_data_set,
    find_group,
    fixed,
    read_array,
    read_attribute,
    read_json,
    read_text,
)
from dnn_xp.files.opening import read_whole
from dnn_xp.files.sealing import BLOCK, is_of_kind, read_sealed, seal, version_problem
from dnn_xp.reprs import printable
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
        Where it cannot be written, or a file that is no checkpoint has its name, or that of an
        older one. Those that were there remain.
    TypeError, ValueError
        Where the history holds something else than lists of numbers.
    """
    path = check_path("path", path).resolve()
    _check_history(progress.history)
    if path.is_file() and not is_of_kind(path, "checkpoint") and not _is_damaged(path):
        raise FileExistsError(
            errno.EEXIST, "no checkpoint, and would be replaced by one", str(path)
        )
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
    for number, older in sorted(older_checkpoints(path).items()):
        if number >= keep and is_of_kind(older, "checkpoint"):
            older.unlink()
    for number in range(keep - 1, 0, -1):
        newer = _name(path, number - 1)
        if newer.exists() and is_of_kind(newer, "checkpoint"):  # a damaged one is replaced
            newer.replace(_name(path, number))


def _is_damaged(path: Path) -> bool:
    """Return whether what is no checkpoint was one: it is empty or zeros, or has older ones."""
    older = older_checkpoints(path).values()
    return not read_whole(path).strip(b"\0") or any(is_of_kind(one, "checkpoint") for one in older)


def _name(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def older_checkpoints(path: Path) -> dict[int, Path]:
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
    path = check_path("path", path).resolve()
    older = [before for _, before in sorted(older_checkpoints(path).items())]
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
    try:
        content = read_sealed(path, "checkpoint")
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    try:
        progress = _progress(content, path)
        _check(progress)
    except CheckpointError:
        raise
    # Whole, but made by other means than save_checkpoint: whatever is wrong, it is the file.
    except ERRORS as error:
        said = printable(error) or type(error).__name__
        raise CheckpointError(f"{path}: not a checkpoint that can be used: {said}") from error
    return progress


def _progress(content: bytes, path: Path) -> Progress:
    import h5py

    with h5py.File(BytesWithoutHeaps(content), "r") as file:
        if problem := version_problem(read_attribute(file, "version"), _VERSION):
            raise CheckpointError(f"{path}: {problem}")
        arrays = _data_sets(file)
        check_total(arrays.values())
        held = {name: read_array(data_set) for name, data_set in arrays.items()}
        optimizer = (held[name] for name in held if name.startswith("state/optimizer/"))
        about = read_json(find_data_set(file, "about"))
        if about.keys() != {"run", "epoch", "batch", "steps", "history"}:
            raise ValueError(f"about: found {', '.join(map(printable, about)) or 'nothing'}")
        return Progress(
            state=State(
                held["state/theta"], tuple(optimizer), held.get("state/average"), held["total"]
            ),
            kept=held["kept"],
            finite=held["finite"],
            callbacks=_callbacks(file),
            **about,
        )


def _data_sets(file: "h5py.File") -> dict[str, "h5py.Dataset"]:
    """Return the data sets of numbers, by their paths."""
    state = find_group(file, "state")
    names = ["state/theta", *(["state/average"] if "average" in list(state) else [])]
    names += [f"state/optimizer/{name}" for name in find_group(state, "optimizer")]
    return {name: find_data_set(file, name) for name in (*names, "total", "kept", "finite")}


def _callbacks(file: "h5py.File") -> dict[str, dict[str, Any]]:
    if "callbacks" not in list(file):
        return {}
    groups = find_group(file, "callbacks")
    found = {name: find_group(groups, name) for name in groups}
    held = {
        name: {one: find_data_set(group, one) for one in group} for name, group in found.items()
    }
    check_total(data_set for data_sets in held.values() for data_set in data_sets.values())
    return {
        name: {one: _remembered(data_set) for one, data_set in data_sets.items()}
        for name, data_sets in held.items()
    }


def _remembered(data_set: "h5py.Dataset") -> Any:
    if data_set.dtype.kind == "S":
        return read_text(data_set)
    array = read_array(data_set)
    return array if array.shape else array.item()


def _check(progress: Progress) -> None:
    """Refuse progress that no run can have come to, before one goes on from it."""
    theta, optimizer, average, total = progress.state
    vectors = {"theta": theta, "kept": progress.kept, "finite": progress.finite}
    if average is not None:
        vectors["average"] = average
    for name, vector in vectors.items():
        if vector.dtype.kind != "f" or not vector.shape or vector.shape != theta.shape:
            found, expected = f"{vector.dtype}{vector.shape}", f"floats of the shape {theta.shape}"
            raise ValueError(f"{name}: found {found}, expected {expected}")
        if not np.all(np.isfinite(vector)):
            raise ValueError(f"{name}: found values that are not finite")
    if np.shape(total) != () or np.asarray(total).dtype.kind != "f":
        raise ValueError(f"total: found the shape {np.shape(total)}, expected a number")
    for vector in optimizer:
        if np.any(np.isnan(vector)):
            raise ValueError("optimizer: found NaN in its state")
    if not isinstance(progress.run, dict):
        raise TypeError(f"run: found {progress.run!r}, expected a dictionary")
    for name in ("epoch", "batch", "steps"):
        number = getattr(progress, name)
        check_whole(name, number, 0)
        check(name, number, number < 2**53, "a number of epochs, batches or steps")
    _check_history(progress.history)
    costs = len(progress.history.get("cost", ()))
    if costs != progress.epoch:
        raise ValueError(f"history: found the cost of {costs} epochs, expected {progress.epoch}")


def _check_history(history: Any) -> None:
    """Refuse a history that is no dictionary of lists of numbers."""
    if not isinstance(history, dict):
        raise TypeError(f"history: found {history!r:.80}, expected a dictionary")
    for name, figures in history.items():
        if not isinstance(figures, list) or not all(
            isinstance(one, int | float) for one in figures
        ):
            raise ValueError(f"history: found {name} {figures!r:.80}, expected numbers")
