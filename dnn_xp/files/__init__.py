"""Files: replaced whole or not at all, locked, sealed against damage, read without pickle."""

from dnn_xp.files.arrays import read_arrays
from dnn_xp.files.atomic import remove_leftovers, replacing, try_replacing
from dnn_xp.files.locking import FileLock, InUseError
from dnn_xp.files.sealing import seal, seal_problem

__all__ = [
    "FileLock",
    "InUseError",
    "read_arrays",
    "remove_leftovers",
    "replacing",
    "seal",
    "seal_problem",
    "try_replacing",
]
