"""Folders of pictures: which pictures belong to which class, and what is passed over."""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from dnn_xp.reprs import printable

__all__ = ["PictureFiles", "describe_passed_over", "find_pictures"]

PARTS = frozenset(
    ("train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval")
)
"""Names of folders that are parts of the data, where all have such names."""

MOST_KINDS = 5
"""Kinds of files that are named."""


class PictureFiles(NamedTuple):
    """Pictures of a folder, found and not read.

    Attributes
    ----------
    classes : dict of str to list of Path
        The pictures of each class, sorted; the classes are sorted, too.
    passed_over : Counter of str
        How many files of each kind, or links and folders, were passed over.
    """

    classes: dict[str, list[Path]]
    passed_over: Counter[str]


def find_pictures(path: Path, suffixes: Collection[str]) -> PictureFiles:
    """Find the pictures of a folder that has a subfolder for each class.

    What lies in folders within such a subfolder, at any depth, belongs to its class. Links are
    followed, but never to a folder that the class has had already.

    Parameters
    ----------
    path : Path
    suffixes : collection of str
        Of the pictures, in lower case with their dot.

    Raises
    ------
    OSError
        Where a folder may not be read.
    ValueError
        Where the subfolders are parts of the data.
    """
    passed_over: Counter[str] = Counter()
    classes: dict[str, list[Path]] = {}
    for one in sorted(path.iterdir()):
        if one.is_dir() and one.name[0] != ".":
            seen = {_identity(path), _identity(one)}
            classes[one.name] = sorted(_walk(one, suffixes, seen, passed_over))
        elif one.suffix.lower() in suffixes and one.is_file() and one.name[0] != ".":
            passed_over[f"{printable(one.suffix.lower())} in no folder of a class"] += 1
        else:
            passed_over[_kind(one)] += 1
    if len(classes) > 1 and all(name.lower() in PARTS for name in classes):
        first = path / next(iter(classes))
        raise ValueError(
            f"{printable(path)}: found the folders {', '.join(classes)}, which are parts of the "
            f"data, expected one for each class; give one of them, such as {first}"
        )
    return PictureFiles(classes, passed_over)


def _walk(
    folder: Path,
    suffixes: Collection[str],
    seen: set[tuple[int, int]],
    passed_over: Counter[str],
) -> Iterator[Path]:
    """Yield the pictures in a folder and all folders within, and count what else is there."""
    for one in sorted(folder.iterdir()):
        if one.name[0] == "." or not (one.is_dir() or one.is_file()):
            passed_over[_kind(one)] += 1
        elif one.is_dir():
            if (identity := _identity(one)) in seen:
                passed_over["link to a folder that was read"] += 1
                continue
            seen.add(identity)
            yield from _walk(one, suffixes, seen, passed_over)
        elif one.suffix.lower() in suffixes:
            yield one
        else:
            passed_over[_kind(one)] += 1


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _kind(one: Path) -> str:
    """Return what is passed over: a file by its suffix."""
    if one.name[0] == ".":
        return "hidden folder" if one.is_dir() else "hidden"
    if one.is_file():
        return printable(one.suffix.lower()) or "without a suffix"
    return "broken link" if one.is_symlink() else "neither file nor folder"


def describe_passed_over(passed_over: Counter[str]) -> str:
    """Say what was passed over, such as ``"22 files passed over: 20 .heic, 2 .txt"``, or nothing.

    Parameters
    ----------
    passed_over : Counter of str
        As in `PictureFiles`.
    """
    if not passed_over:
        return ""
    total, most = passed_over.total(), passed_over.most_common(MOST_KINDS)
    said = [f"{count} {kind}" for kind, count in most]
    if others := total - sum(count for _, count in most):
        said.append(f"{others} of other kinds")
    return f"{total} file{'' if total == 1 else 's'} passed over: {', '.join(said)}"
