"""Results as JSON: the one document that a command with ``--json`` writes to standard output."""

import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["as_json", "print_json"]


def as_json(found: object) -> str:
    """Return results as JSON of ASCII alone; null stands for NaN and infinity, which it has not.

    Parameters
    ----------
    found : object
        Mappings, NamedTuples (by their fields), sequences, texts, numbers (NumPy's, too), arrays of
        NumPy, paths, enumerations and None.

    Raises
    ------
    TypeError
        Where something else is in it.
    """
    return json.dumps(_plain(found), indent=1, allow_nan=False)


def print_json(found: object) -> None:
    """Print results as JSON to standard output, where nothing else may be written.

    Parameters
    ----------
    found : object
        As in `as_json`.
    """
    print(as_json(found))


def _plain(value: Any) -> object:
    """Return a value in types that JSON has."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        return [_plain(one) for one in value]
    return value
