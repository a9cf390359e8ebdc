"""The assertions of helpers.py fail when they should."""

import numpy as np
import pytest

from dnn_xp import backends
from tests.helpers import assert_close, assert_values


def test_equal_arrays_pass(array, dtype):
    assert_close(array([[1.0, 2.0]], dtype), array([[1.0, 2.0]], dtype))
    assert_values(array([[1.0, 2.0]], dtype), [[1.0, 2.0]])


@pytest.mark.parametrize(("off", "passes"), [(0.5, True), (2.0, False)])
def test_tolerance_is_four_roots_of_the_rounding_unit(array, dtype, off, passes):
    rtol = 4.0 * float(np.finfo(dtype).eps) ** 0.5
    actual, desired = 1.0 + off * rtol, 1.0
    for check in (
        lambda: assert_close(array(actual, dtype), array(desired, dtype)),
        lambda: assert_values(array(actual, dtype), desired),
    ):
        if passes:
            check()
        else:
            with pytest.raises(AssertionError, match="Not equal to tolerance"):
                check()


def test_rtol_and_atol_replace_the_default(array):
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_close(array(1.0 + 1e-9), array(1.0), rtol=1e-10)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_values(array([1e-9]), [0.0])
    assert_values(array([1e-9]), [0.0], atol=1e-8)


def test_other_dtype_fails(array):
    with pytest.raises(AssertionError, match="dtype is"):
        assert_close(array(1.0, "float32"), array(1.0, "float64"))


def test_other_shape_fails(array):
    with pytest.raises(AssertionError, match="shape is"):
        assert_close(array([1.0]), array([[1.0]]))
    with pytest.raises(AssertionError, match="shape is"):
        assert_values(array([1.0, 1.0]), 1.0)  # broadcasting would hide it


def test_other_library_fails(array, library):
    other = np.asarray(1.0)
    if library.backend == "numpy":
        other = pytest.importorskip("array_api_strict").asarray(1.0)
    with pytest.raises(AssertionError, match="namespace is"):
        assert_close(array(1.0), other)


def test_other_device_fails():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(AssertionError, match="device is"):
        assert_close(strict.asarray(1.0), strict.asarray(1.0, device=strict.Device("device1")))


def test_whole_numbers_and_truth_values_are_equal_or_fail(array):
    assert_close(array([2**53 + 1]), array([2**53 + 1]))
    with pytest.raises(AssertionError, match="not equal"):
        assert_close(array([2**53 + 1]), array([2**53]))  # the same in float64
    with pytest.raises(AssertionError, match="not equal"):
        assert_values(array([True, False]), [True, True])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_not_a_number_is_not_close_to_a_number(array, bad):
    with pytest.raises(AssertionError):
        assert_close(array([bad]), array([1.0]))
    with pytest.raises(AssertionError):
        assert_values(array([bad]), [1.0])


def test_array_shares_nothing_with_the_host(array, xp):
    host = np.ones((2, 5))
    made = array(host)
    host[...] = 0.0
    assert_values(made, np.ones((2, 5)))


def test_array_follows_the_fixtures(array, xp, device, dtype):
    made = array(np.zeros((2, 7)), dtype)
    assert backends.namespace(made) is xp is backends.current_backend().xp
    assert backends.device(made) == device
    assert made.dtype == getattr(xp, dtype)
