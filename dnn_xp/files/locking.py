"""A lock on a file's name that dies with the process that holds it.

The lock is held on a small file beside the one that is meant, because that one is replaced by
each write. A process that is killed leaves the small file behind, but nobody holds it any more.
"""

import errno
import os
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FileLock", "InUseError", "is_locked", "lock_of"]

_HAVE_NONE = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
"""What systems say whose files cannot be locked."""


_LOOKS, _MOMENT = 5, 0.02
"""How often a lock is tried, and after how many seconds again."""


class InUseError(OSError):
    """A file is in use by another run."""


def lock_of(target: Path) -> Path:
    """Return the file by which another one is locked."""
    return target.with_name(f".{target.name}.lock")


def is_locked(target: Path) -> bool:
    """Return whether somebody holds the lock on the name of a file; nothing is made or changed.

    False, too, where that cannot be found out.
    """
    try:
        descriptor = os.open(lock_of(target.resolve()), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


class FileLock:
    """A lock on the name of a file, taken when it is made.

    Parameters
    ----------
    path : path
        The file, which need not exist; its folder must. A link is followed.

    Raises
    ------
    InUseError
        Where another run holds it, in this process or in another.
    OSError
        Where nothing can be written beside the file.

    Attributes
    ----------
    works : bool
        False where the system or the file system has no locks: then nothing is held.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = lock_of(Path(path).resolve())
        self._descriptor: int | None = None
        for look in range(_LOOKS):
            try:
                while fcntl is not None and not self._take(path):
                    pass  # the one before has just let go of it, and removed the file
                break
            except InUseError:  # by a run, or for a moment by who looks whether there is one
                if look == _LOOKS - 1:
                    raise
                time.sleep(_MOMENT)
        self.works = self._descriptor is not None

    def release(self) -> None:
        """Let go of it, as the end of the process would."""
        if self._descriptor is not None:
            self._file.unlink(missing_ok=True)  # first: nobody takes a lock on what has no name
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, path: str | os.PathLike[str]) -> bool:
        """Take it, or find out that there is none; False where the file was removed meanwhile."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise InUseError(f"{path}: is being written by another run") from error
        except OSError as error:
            os.close(descriptor)
            self._file.unlink(missing_ok=True)
            if error.errno in _HAVE_NONE:
                return True
            raise
        if not _is_file_of(descriptor, self._file):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True


def _is_file_of(descriptor: int, path: Path) -> bool:
    """Return whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
