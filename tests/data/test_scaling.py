"""Scaling of numbers: by hand-worked cases, by NumPy's quantiles, and the same on every library."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dnn_xp.backends import device as device_of
from dnn_xp.backends import dtype_name, to_host
from dnn_xp.data.scaling import in_double, measure_spread, scale_numbers

NAN = np.nan
COLUMNS = {
    # numbers: (missing, median, scale)
    (1.0, 2.0, 3.0, 4.0, 5.0): (0, 3.0, 2.0),
    (4.0, 1.0, 3.0, 2.0): (0, 2.5, 1.5),  # the quartiles are 1.75 and 3.25
    (NAN, 5.0, NAN, 1.0, 3.0): (2, 3.0, 2.0),
    (0.0, 0.0, 0.0, 0.0, 8.0): (0, 0.0, 4.0),  # its quartiles are equal: half of the range
    (7.0, 7.0, 7.0): (0, 7.0, 0.0),
    (7.0, NAN, 7.0): (1, 7.0, 0.0),
    (NAN, NAN): (2, 0.0, 0.0),
    (-3.0,): (0, -3.0, 0.0),
    (1.0, 3.0): (0, 2.0, 1.0),
}


@pytest.mark.once
@pytest.mark.parametrize("numbers", COLUMNS)
def test_a_hand_worked_column(numbers):
    spread = measure_spread(np.asarray(numbers)[:, None])
    found = spread.n_missing.item(), spread.centre.item(), spread.scale.item()
    assert found == COLUMNS[numbers]
    assert spread.is_finite.all()


@pytest.mark.once
@given(
    X=arrays(
        np.float64,
        st.tuples(st.integers(1, 30), st.integers(1, 4)),
        elements=st.floats(-1e6, 1e6) | st.just(NAN),
    )
)
def test_medians_and_quartiles_are_those_of_numpy(X):
    spread = measure_spread(X)
    for j, column in enumerate(X.T):
        here = column[~np.isnan(column)]
        assert spread.n_missing[j] == len(column) - len(here)
        if len(here):
            lower, median, upper = np.quantile(here, [0.25, 0.5, 0.75])
            between = upper - lower if upper > lower else np.ptp(here) / 2
            # NumPy interpolates from the nearer end; each rounds a few times at the size of X.
            atol = 8 * np.finfo(float).eps * np.abs(here).max()
            np.testing.assert_allclose(spread.centre[j], median, rtol=0, atol=atol)
            if between > 2 * atol:
                np.testing.assert_allclose(spread.scale[j], between, rtol=0, atol=2 * atol)


def test_statistics_have_the_same_bits_on_every_library(array, dtype):
    X = np.random.default_rng(0).normal(size=(50, 7)).astype(dtype)
    X[::5, 2] = X[:, 3] = NAN
    for found, expected in zip(measure_spread(array(X)), measure_spread(X), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64"])
def test_whole_numbers_are_measured_without_overflow(array, dtype):
    most = np.iinfo("uint8" if dtype == "uint8" else "int16").max
    spread = measure_spread(array([[0], [most], [most]], dtype))
    assert (spread.centre.item(), spread.scale.item()) == (most, most / 2)


def test_infinity_is_told(array):
    columns = [(np.inf, 1.0), (1.0, -np.inf), (NAN, np.inf), (1.7e308, -1.7e308), (1.0, NAN)]
    spread = measure_spread(array(np.transpose(columns)))
    assert spread.is_finite.tolist() == [False, False, False, False, True]


def test_numbers_are_clipped_smoothly(array):
    X = array([[1.0], [1.0 + 2 * 3], [1.0 - 2 * 3], [NAN], [1e300], [-1e300]], "float64")
    Z, missing = scale_numbers(X, np.asarray([1.0]), np.asarray([2.0]))
    # At z = 3 and -3 the clip divides by the square root of 2.
    half = 3 / np.sqrt(2)
    expected = [0.0, half, -half, 0.0, 3.0, -3.0]
    np.testing.assert_allclose(to_host(Z)[:, 0], expected, rtol=4 * np.finfo(float).eps)
    assert to_host(missing)[:, 0].tolist() == [False, False, False, True, False, False]


@pytest.mark.once
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(5e-324, 1e308))
def test_scaled_numbers_are_never_beyond_3(x, scale):
    Z, _ = scale_numbers(np.asarray([[x]]), np.asarray([-1e308]), np.asarray([scale]))
    assert abs(Z.item()) <= 3.0


@pytest.mark.once
def test_scaling_keeps_the_order_of_numbers():
    X = np.sort(np.random.default_rng(0).standard_cauchy((200, 1)), axis=0)
    Z, _ = scale_numbers(X, np.zeros(1), np.ones(1))
    assert (np.diff(Z[:, 0]) >= 0).all()


@pytest.mark.parametrize("kind", ["float32", "float64", "int32"])
def test_numbers_come_in_double_where_the_device_has_it(array, xp, kind):
    x = array([[1, 2]], kind)
    there = in_double(x)
    assert dtype_name(there.dtype) == "float64"
    assert device_of(there) == device_of(x)
    assert to_host(there).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("scale", "expected"),
    [(4.0, [0.0, 3.0, -1 / np.sqrt(1 + 1 / 9)]), (1e-60, [0.0, 3.0, -3.0])],
)
def test_in_single_precision_numbers_are_scaled_all_the_same(array, scale, expected):
    X = array([[1.0], [1e30], [-3.0]], "float32")  # which has no 1e-60
    Z, _ = scale_numbers(X, np.asarray([1.0]), np.asarray([scale]))
    assert dtype_name(Z.dtype) == "float32"
    with np.errstate(over="ignore"):  # on Dask it is computed now
        found = to_host(Z)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo("float32").eps)
