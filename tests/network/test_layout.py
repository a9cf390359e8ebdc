import numpy as np
import pytest

from dnn_xp import BatchNorm, Dense, Dropout, Network
from dnn_xp.backends import has_views
from dnn_xp.network.layout import Layout
from tests.helpers import assert_close, assert_values

LAYOUT = Layout(3, (Dense(4, "relu"), BatchNorm(), Dropout(0.5), Dense(2)))
NETWORK = Network(3, LAYOUT.layers, "huber")


def test_statistics_lie_behind_all_parameters():
    starts = {name: slot.start for name, (_, slot) in LAYOUT.named.items()}
    assert starts == {
        "W1": 0,
        "b1": 12,
        "gamma2": 16,
        "beta2": 20,
        "W4": 24,
        "b4": 32,
        "mean2": 34,
        "variance2": 38,
    }
    assert (LAYOUT.n_parameters, LAYOUT.size, LAYOUT.n_outputs) == (34, 42, 2)


def test_views_and_join_are_inverse_but_for_statistics(array, xp):
    theta = array(np.arange(1.0, 43.0))
    views = LAYOUT.views(theta, xp)
    assert [sorted(of_layer) for of_layer in views] == [
        ["W", "b"],
        ["beta", "gamma", "mean", "variance"],
        [],
        ["W", "b"],
    ]
    gradients = [
        {key: value for key, value in of_layer.items() if key not in ("mean", "variance")}
        for of_layer in views
    ]
    joined = LAYOUT.join(gradients, theta, xp)
    assert_values(joined, np.concatenate([np.arange(1.0, 35.0), np.zeros(8)]), rtol=0)


@pytest.mark.parametrize("limit", [0.5, 3.0, 1e9])
def test_limit_norms_shortens_long_rows_and_nothing_else(array, dtype, limit):
    theta = np.random.default_rng(0).normal(size=42)
    theta[24:28] = 0.0  # a row of no length
    given = array(theta, dtype)
    before = NETWORK.unpack(given)
    after = NETWORK.unpack(LAYOUT.limit_norms(given, limit))
    for name, value in before.items():
        desired = np.asarray(theta[slice(*LAYOUT.named[name][1][:2])]).reshape(value.shape)
        if name.startswith("W"):
            norms = np.linalg.norm(desired, axis=1, keepdims=True)
            desired = np.where(norms > limit, desired * (limit / np.maximum(norms, limit)), desired)
        assert_close(after[name], array(desired, dtype), atol=1e-7 if dtype == "float32" else 1e-15)


def test_theta_is_changed_in_place_where_views_are(array):
    theta = array(np.arange(1.0, 43.0)) * 1.0
    if not has_views(theta):
        pytest.skip("no views of theta that have to stay")
    assert LAYOUT.limit_norms(theta, 0.5) is theta
    assert LAYOUT.update_statistics(theta, array(np.ones(8))) is theta


def test_a_shape_that_does_not_fit_names_the_layer(array):
    parameters = NETWORK.unpack(array(np.zeros(42)))
    parameters["W4"] = array(np.zeros((4, 2)))
    with pytest.raises(
        ValueError, match=r"W4 of layer 4, Dense.*shape \(4, 2\), expected \(2, 4\)"
    ):
        NETWORK.pack(parameters)
