"""A network and its data, in the coordinates in which they are trained."""

import numpy as np

from dnn_xp import Dense, Network
from dnn_xp.training.problem import Problem


def test_problem_is_that_of_the_network_unless_it_is_moved():
    theta = np.zeros(2)
    problem = Problem(Network(1, (Dense(1),), "squared_error"), theta, theta[None], theta[None])
    assert problem.to_theta(theta) is theta
    assert (problem.weights, problem.validation) == (None, None)
