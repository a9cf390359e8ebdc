"""Files and folders of one's own: of a name, or with a number where that is taken."""

import itertools
from collections.abc import Callable
from pathlib import Path

__all__ = ["claim", "claim_folder"]


def claim(path: Path, make: Callable[[Path], object], *, mark: str = "-", suffix: str = "") -> Path:
    """Make a file or a folder that is nobody's yet, and return its path.

    Whoever makes it has it, also where several processes want one.

    Parameters
    ----------
    path : Path
    make : callable
        Makes it at a path; raises FileExistsError where there is one.
    mark : str
        What stands before the number where the name is taken: 2, 3, ...
    suffix : str
        Of the name, what stays behind the number.
    """
    stem = path.name.removesuffix(suffix)
    names = (f"{stem}{mark}{number}{suffix}" for number in itertools.count(2))
    for own in itertools.chain([path], map(path.with_name, names)):
        try:
            make(own)
        except FileExistsError:
            continue
        break
    return own


def claim_folder(path: Path, *, mark: str = "-") -> Path:
    """Make a folder that is nobody's yet, as `claim` does.

    Where none can be made, its path is returned all the same: who uses it will say so.
    """
    return claim(path, _make_or_leave, mark=mark)


def _make_or_leave(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise
    except OSError:
        pass
