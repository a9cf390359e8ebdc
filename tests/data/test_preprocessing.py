"""Preprocessing: what is fitted, what it does, and that it is the same for other examples."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dnn_xp.data import preprocessing
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


# Features over which sums and squares are easily lost: far from 0, of very different spreads,
# constant from one window to the next, sorted, so small or large that squares are 0 or infinite.
_rng = np.random.default_rng(1)
FEATURES = {
    "normal": _rng.normal(size=1000),
    "far from 0": 1e9 + _rng.normal(size=1000),
    "tiny": 1e-200 * _rng.normal(size=1000),
    "huge": 1e149 * _rng.normal(size=1000),
    "bytes": _rng.integers(0, 256, 1000),
    "sorted": np.arange(1000.0) ** 3,
    "one that differs": np.r_[np.zeros(999), 1e-12],
    "constant, then another": np.r_[np.full(500, 0.1), np.full(500, 0.3)],
    "growing by orders": 10.0 ** np.linspace(-140, 140, 1000),
}


@pytest.mark.parametrize("elements", [1, 7, 64, 999, 2**19])
@pytest.mark.parametrize("name", FEATURES)
def test_windows_of_all_sizes_give_the_same_statistics(monkeypatch, name, elements):
    monkeypatch.setattr(preprocessing, "_ELEMENTS", elements)
    x = FEATURES[name].astype(np.float64)
    fitted = fit_preprocessing(numbers(x[None, :]))
    unit = np.max(np.abs(x))
    mean = np.mean(x / unit) * unit
    spread = np.ptp(x)
    deviation = np.std((x - mean) / spread) * spread
    # A thousand sums of rounded numbers; the mean is known within a part of the numbers' size.
    eps = 1000 * np.finfo(float).eps
    assert fitted.shift.item() == pytest.approx(mean, abs=eps * unit, rel=0)
    assert 1 / fitted.scale.item() == pytest.approx(deviation, rel=eps * max(1, unit / spread))


@pytest.mark.parametrize("elements", [1, 5, 2**19])
@pytest.mark.parametrize("value", [0.1, -1e150, 1e-310, 7, np.float32(0.7)])
def test_a_constant_feature_becomes_0_window_by_window(monkeypatch, value, elements):
    monkeypatch.setattr(preprocessing, "_ELEMENTS", elements)
    X = np.full((2, 33), value)
    fitted = fit_preprocessing(numbers(X))
    assert fitted.scale.tolist() == [[1.0], [1.0]]
    assert not apply(fitted, X, "float64").any()


@pytest.mark.parametrize("place", [0, 16, 32])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.7e308])
def test_one_bad_number_in_any_window_is_refused(monkeypatch, value, place):
    monkeypatch.setattr(preprocessing, "_ELEMENTS", 5)
    X = np.linspace(-1.7e308, 0, 33)[None, :].copy()
    X[0, place] = value
    with pytest.raises(ValueError, match="X: found 1 of 1 features with values that are not fin"):
        fit_preprocessing(numbers(X))


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="X: found no examples"):
        fit_preprocessing(numbers(np.empty((3, 0))))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("elements", [1, 100, 2**19])
def test_windows_of_all_sizes_give_the_same_bits(monkeypatch, elements, order):
    X = np.asarray(np.random.default_rng(0).integers(0, 256, (30, 70), dtype=np.uint8), order=order)
    fitted = Preprocessing(np.full((30, 1), 0.3), np.full((30, 1), 1 / 7))
    expected = ((X.astype(np.float64) - 0.3) * (1 / 7)).astype(np.float32)
    monkeypatch.setattr(preprocessing, "_ELEMENTS", elements)
    assert apply(fitted, X, "float32").tolist() == expected.tolist()


@pytest.mark.parametrize("image_shape", [None, (28, 28, 1)])
def test_no_copy_of_all_bytes_is_made_in_float64(image_shape):
    X = np.random.default_rng(0).integers(0, 256, (20_000, 784), dtype=np.uint8).T
    dataset = Dataset(X, np.zeros((1, 20_000)), None, image_shape, image_shape and 255)
    tracemalloc.start()
    fitted = fit_preprocessing(dataset)
    _, fitting = tracemalloc.get_traced_memory()
    Z = apply(fitted, X, "float32")
    _, applying = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    window = 8 * 2**19
    assert fitting < 4 * window < 8 * X.nbytes / 4
    assert applying < Z.nbytes + 4 * window
