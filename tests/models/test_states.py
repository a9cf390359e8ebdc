"""States in files: what was written comes back, and what was not is refused."""

import io

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.models.states import read_state, write_state

pytestmark = pytest.mark.once
PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
VALUES = st.recursive(
    PLAIN | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def through(state):
    with h5py.File(io.BytesIO(), "w") as file:
        group = file.create_group("table")
        write_state(group, state)
        return read_state(group)


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
def test_dictionaries_come_back(state):
    assert through(state) == state


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "uint8"])
def test_arrays_come_back_in_their_dtype(dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype)
    found = through({"a": {"b": [values, values[:0]]}})["a"]["b"]
    for one, expected in zip(found, (values, values[:0]), strict=True):
        np.testing.assert_array_equal(one, expected)
        assert one.dtype == expected.dtype


@pytest.mark.parametrize("value", [np.asarray(["a"]), np.asarray([None]), object(), float("nan")])
def test_what_a_file_cannot_hold_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        through({"a": value})


@pytest.mark.parametrize("text", ['{"a": {"array": "7"}}', "[1]", '{"a": {"array": 1}}'])
def test_a_state_that_does_not_fit_its_arrays_is_refused(text):
    with h5py.File(io.BytesIO(), "w") as file:
        group = file.create_group("table")
        group["state"] = np.bytes_(text)
        with pytest.raises((TypeError, ValueError, KeyError)):
            read_state(group)
