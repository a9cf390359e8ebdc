"""Preprocessing: what is fitted, what it does, and that it is the same for other examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dnn_xp.data.datasets import Dataset
from dnn_xp.data.preprocessing import Preprocessing, apply, fit_preprocessing


def numbers(X):
    return Dataset(np.asarray(X), np.zeros((1, np.shape(X)[1])), None, None, None)


@pytest.mark.parametrize("pixel_max", [255, 16])
def test_pictures_go_from_0_to_1(pixel_max):
    X = np.array([[0, pixel_max], [pixel_max, 0]], dtype=np.uint8)
    fitted = fit_preprocessing(Dataset(X, np.array([0, 1]), ("a", "b"), (2, 1, 1), pixel_max))
    assert apply(fitted, X, "float64").tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_pixels_are_those_of_a_division():
    X = np.arange(256, dtype=np.uint8)[:, None]
    fitted = fit_preprocessing(Dataset(X, np.array([0]), ("a",), (16, 16, 1), 255))
    # The article divides by 255; a product with 1 / 255 is rounded twice instead of once.
    np.testing.assert_allclose(apply(fitted, X, "float64"), X / 255, rtol=2**-52)


def test_other_features_get_mean_0_and_deviation_1():
    X = np.random.default_rng(0).normal([[5.0], [-300.0]], [[0.01], [40.0]], (2, 500))
    Z = apply(fit_preprocessing(numbers(X)), X, "float64")
    # The means of 500 rounded values of size 1, of features with 5 / 0.01 times their deviation.
    np.testing.assert_allclose(Z.mean(axis=1), 0, atol=500 * 5 / 0.01 * np.finfo(float).eps)
    np.testing.assert_allclose(Z.std(axis=1), 1, rtol=1e-12)


def test_a_hand_worked_case():
    fitted = fit_preprocessing(numbers([[1, 3], [2, 2]]))
    assert fitted.shift.tolist() == [[2.0], [2.0]]
    assert fitted.scale.tolist() == [[1.0], [1.0]]
    assert apply(fitted, np.array([[5], [2]]), "float32").tolist() == [[3.0], [0.0]]


@given(st.floats(-1e150, 1e150), st.integers(1, 50))
def test_a_constant_feature_becomes_0(value, m):
    X = np.full((1, m), value)
    fitted = fit_preprocessing(numbers(X))
    assert fitted.scale.tolist() == [[1.0]]
    assert not apply(fitted, X, "float64").any()


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 20)),
              elements=st.floats(-1e100, 1e100, allow_subnormal=False)))  # fmt: skip
def test_whatever_the_data_the_result_is_finite(X):
    assert np.isfinite(apply(fit_preprocessing(numbers(X)), X, "float64")).all()


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int64, np.float32])
def test_what_came_in_is_not_changed_and_not_overflowed(kind, dtype):
    X = np.array([[0, 1, 1]]).astype(kind)
    X.flags.writeable = False
    Z = apply(Preprocessing(np.asarray(2.0), np.asarray(0.5)), X, dtype)
    assert Z.dtype == dtype
    assert Z.tolist() == [[-1.0, -0.5, -0.5]]


def test_it_is_computed_in_float64_and_rounded_once():
    X = np.linspace(0, 1, 1000, dtype="float32")[None, :]
    Z = apply(Preprocessing(0.1, 1 / 3), X, "float32")
    assert Z.tolist() == ((X.astype("float64") - 0.1) * (1 / 3)).astype("float32").tolist()


def test_each_example_stays_in_one_piece():
    X = np.zeros((10, 3), dtype=np.uint8).T
    fitted = Preprocessing(np.zeros((3, 1)), np.ones((3, 1)))
    assert apply(fitted, X, "float32").flags.f_contiguous


@pytest.mark.parametrize("shape", [(2, 5), (3,), (4, 3)])
def test_other_features_than_those_fitted_are_refused(shape):
    fitted = Preprocessing(np.zeros((3, 1)), np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"X: found the shape \(.*\), expected \(3, m\)"):
        apply(fitted, np.zeros(shape), "float64")


@pytest.mark.parametrize(
    "values", [[1e308, -1e308], [1.7e308, 1.7e308], [np.nan, 1.0], [np.inf, 1.0], [0.0, -np.inf]]
)
def test_preprocessing_of_what_has_no_mean_or_spread_is_refused(values):
    X = np.array([[0.0, 1.0], values])
    with pytest.raises(ValueError, match="X: found 1 of 2 features with values that are not fin"):
        fit_preprocessing(Dataset(X, np.array([0, 1]), ("a", "b"), None, None))
