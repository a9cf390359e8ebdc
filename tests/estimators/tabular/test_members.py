"""Members: parts of the examples, jobs, and members for which there is no time."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.exceptions import ConvergenceWarning

from dnn_xp import Dense, Network
from dnn_xp.estimators.tabular.members import (
    Examples,
    Member,
    Recipe,
    run_members,
    take,
    train_member,
)
from dnn_xp.training import adamw, cosine
from tests.helpers import assert_values

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 20))
Y = X[:1] - X[1:2]
NETWORK = Network(3, (Dense(4, "tanh"), Dense(1)), "squared_error")
RECIPE = Recipe(NETWORK, adamw(0.05), 6, 5, cosine(6))


def test_examples_are_taken_by_their_places(array):
    places = np.asarray([7, 0, 19])
    examples = Examples(array(X), array(Y), array(X[2]))
    for found, of in zip(take(examples, places), (X, Y, X[2]), strict=True):
        assert_values(found, of[..., places])
    assert take(examples._replace(weights=None), places).weights is None


def test_a_member_keeps_the_epoch_of_the_least_validation_cost(array):
    training = Examples(array(X[:, :15]), array(Y[:, :15]), None)
    validation = Examples(array(X[:, 15:]), array(Y[:, 15:]), None)
    member = train_member(RECIPE, training, validation, 0)
    costs = member.history["validation_cost"]
    assert member.epoch == int(np.argmin(costs)) + 1
    last = train_member(RECIPE, training, None, 0)
    assert last.epoch == 6
    assert "validation_cost" not in last.history


def square(i):
    return None if i > 2 else Member(np.asarray([i]), {}, i)


@pytest.mark.once
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("shared", [True, False])
def test_members_come_in_their_order_whoever_trains_them(n_jobs, shared):
    told = []
    found = run_members(square, 3, n_jobs, shared=shared, tell=told.append)
    assert [member.epoch for member in found] == [0, 1, 2]
    assert told == [1, 2, 3]
    with pytest.warns(ConvergenceWarning, match="3 of 5 members are trained: the time limit"):
        assert len(run_members(square, 5, n_jobs, shared=shared, tell=told.append)) == 3
    assert told == [1, 2, 3] * 2
