"""Assertions shared by all tests: one for arrays of a library, one for values from elsewhere.

`assert_close` compares two arrays that must agree in everything, namespace, dtype, shape and
device included. `assert_values` compares an array of any library with numbers that stand in a
test, an article or another program's output.
"""

import re
from typing import Any

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from dnn_xp import backends


def assert_close(
    actual: Any, desired: Any, *, rtol: float | None = None, atol: float = 0.0
) -> None:
    """Check that two arrays are of one kind and equal within rounding.

    The namespace, dtype, shape and device must be the same. Floating values agree within
    ``atol + rtol * abs(desired)``, where rtol is ``4 * sqrt(eps)`` of the dtype unless given (a
    looser one carries its reason in the test); other values are equal.
    """
    assert_is_like(actual, desired)
    shape, expected = tuple(actual.shape), tuple(desired.shape)
    assert shape == expected, f"shape is {shape}, expected {expected}"
    _compare(backends.to_host(actual), backends.to_host(desired), rtol, atol)


def assert_is_like(actual: Any, like: Any) -> None:
    """Check that an array has the namespace, the dtype and the device of another."""
    for name, of in (
        ("namespace", backends.namespace),
        ("dtype", lambda x: x.dtype),
        ("device", backends.device),
    ):
        got, expected = of(actual), of(like)
        assert got == expected, f"{name} is {got}, expected {expected}"


def assert_values(
    actual: Any, desired: Any, *, rtol: float | None = None, atol: float = 0.0
) -> None:
    """Check an array of any library, or a number, against literal values, on the host.

    The shape must be that of `desired` (a number, nested lists or a NumPy array); rtol and atol as
    in `assert_close`, with the dtype of `actual`.
    """
    host = actual if isinstance(actual, bool | int | float) else backends.to_host(actual)
    host, desired = np.asarray(host), np.asarray(desired)
    assert host.shape == desired.shape, f"shape is {host.shape}, expected {desired.shape}"
    _compare(host, desired, rtol, atol)


def _compare(actual: Any, desired: Any, rtol: float | None, atol: float) -> None:
    if not np.issubdtype(actual.dtype, np.floating):
        assert_array_equal(actual, desired)
        return
    if rtol is None:
        rtol = 4.0 * float(np.finfo(actual.dtype).eps) ** 0.5
    assert_allclose(actual, desired, rtol=rtol, atol=atol)


def name_of(value: Any) -> str:
    """Return a name for a test's parameter, the same in each process: no addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))
