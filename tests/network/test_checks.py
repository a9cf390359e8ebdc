"""What is handed to a network: seen to at the door. What each message says is in test_network."""

import numpy as np
import pytest

from dnn_xp import Dense
from dnn_xp.data.sources import Source
from dnn_xp.network.checks import check_data, check_theta, float_reference
from dnn_xp.network.layout import Layout
from tests.helpers import assert_close

LAYOUT = Layout(3, (Dense(4), Dense(2)))


def test_targets_and_weights_are_brought_beside_X(array, dtype):
    X = array(np.ones((3, 5)), dtype)
    _, Y, weights = check_data(LAYOUT, X, np.zeros((2, 5), "int32").tolist(), [1, 2, 3, 4, 5])
    assert_close(Y, array(np.zeros((2, 5)), dtype))
    assert_close(weights, array([1.0, 2.0, 3.0, 4.0, 5.0], dtype))


def test_targets_stand_beside_what_a_source_reads(array):
    like = array(np.empty((3, 0)))
    source = Source((3, 5), lambda which: None, like)
    _, Y, _ = check_data(LAYOUT, source, np.zeros((2, 5)))
    assert_close(Y, array(np.zeros((2, 5))))
    assert float_reference(LAYOUT, source) is like


def test_theta_of_several_networks_is_one_where_they_are_allowed(array):
    theta = array(np.zeros((2, LAYOUT.size)))
    check_theta(LAYOUT, theta, several=True)
    with pytest.raises(ValueError, match=r"theta: found shape \(2, 26\), expected \(26,\)"):
        check_theta(LAYOUT, theta)
    with pytest.raises(ValueError, match=r"theta: found shape \(1, 2, 26\)"):
        check_theta(LAYOUT, theta[None, ...], several=True)
