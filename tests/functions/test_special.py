"""The normal distribution, against Python's erfc."""

import math

import numpy as np

from dnn_xp.backends import to_host
from dnn_xp.functions.special import normal_cdf, normal_pdf
from tests.helpers import assert_close, assert_values

# To where the tail falls below the normal numbers: of float64 at 37.5, of float32 at 12.9.
POINTS = np.concatenate([np.linspace(-37.0, 37.0, 1481), [-0.0, 1e-300, -1e-300]])


def test_normal_cdf_keeps_its_digits_in_the_tail(array, dtype):
    points = POINTS if dtype == "float64" else POINTS[np.abs(POINTS) < 12.9]
    points = points.astype(dtype).astype("float64")
    desired = np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in points])
    off = np.abs(to_host(normal_cdf(array(points, dtype))) / desired - 1)
    # The argument of exp, z^2 / 2, is rounded three times on its way.
    assert (off <= (4 + 3 * points**2 / 2) * np.finfo(dtype).eps).all()


def test_normal_cdf_far_out(array, dtype):
    assert_values(normal_cdf(array([1e4, -1e4, 1e3, -1e3], dtype)), [1.0, 0.0, 1.0, 0.0])


def test_normal_cdf_is_symmetric(array, dtype):
    Z = array(POINTS, dtype)
    total = normal_cdf(Z) + normal_cdf(-Z)
    assert_close(total, array(np.ones(POINTS.size), dtype), rtol=2 * float(np.finfo(dtype).eps))


def test_normal_pdf(array, dtype):
    points = np.linspace(-8.0, 8.0, 65).astype(dtype).astype("float64")
    desired = [math.exp(-z * z / 2) / math.sqrt(2 * math.pi) for z in points]
    eps = float(np.finfo(dtype).eps)
    assert_values(normal_pdf(array(points, dtype)), desired, rtol=(4 + 32) * eps)  # z^2 / 2 = 32
    assert_values(normal_pdf(array([1e4, -1e4], dtype)), [0.0, 0.0])
