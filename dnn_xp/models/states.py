"""State of an object in a group of an HDF5 file: JSON, and the arrays that are in it.

===========  =========================================================================
``state``    text, JSON, in which ``{"array": "3"}`` stands for the array ``arrays/3``
``arrays``   a data set of numbers for each of them
===========  =========================================================================
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.files.hdf5 import (
    check_total,
    find_data_set,
    find_group,
    fixed,
    read_array,
    read_json,
)

if TYPE_CHECKING:
    import h5py

__all__ = ["read_state", "write_state"]

_ARRAY = "array"


def write_state(group: "h5py.Group", state: dict[str, Any]) -> None:
    """Write a dictionary of JSON's types and arrays of numbers.

    Parameters
    ----------
    group : h5py.Group
        Empty.
    state : dict of str to Any

    Raises
    ------
    TypeError, ValueError
        For anything else, and numbers outside of arrays that are not finite.
    """
    arrays: list[Any] = []

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            arrays.append(value)
            return {_ARRAY: str(len(arrays) - 1)}
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value

    text = json.dumps(plain(state), allow_nan=False)
    group["state"] = fixed(text)
    for number, array in enumerate(arrays):
        if array.dtype.kind not in "biuf":
            raise TypeError(f"state: found an array of {array.dtype}, expected numbers")
        group[f"arrays/{number}"] = array


def read_state(group: "h5py.Group") -> dict[str, Any]:
    """Return a dictionary that `write_state` wrote, tuples as lists.

    Parameters
    ----------
    group : h5py.Group

    Raises
    ------
    TypeError, ValueError
        Where it holds something else, or more than its file can.
    """
    described = read_json(find_data_set(group, "state"))
    held = find_group(group, "arrays") if "arrays" in group else {}
    data_sets = {name: find_data_set(held, name) for name in held}
    check_total(data_sets.values())
    arrays = {name: np.asarray(read_array(one)) for name, one in data_sets.items()}

    def full(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {_ARRAY}:
                return arrays[value[_ARRAY]]
            return {key: full(item) for key, item in value.items()}
        return [full(item) for item in value] if isinstance(value, list) else value

    state: dict[str, Any] = full(described)
    return state
