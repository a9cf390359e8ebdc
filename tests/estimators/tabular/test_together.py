"""Members trained as one network are those that are trained one by one."""

import math
import time
from functools import partial

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.exceptions import ConvergenceWarning

from dnn_xp import Dense, Dropout, Network
from dnn_xp.backends import computes_lazily, to_host
from dnn_xp.callbacks import EarlyStopping
from dnn_xp.estimators import TabularClassifier, TabularRegressor
from dnn_xp.estimators.tabular import base
from dnn_xp.estimators.tabular.members import Examples, Recipe, take, train_member
from dnn_xp.estimators.tabular.shares import Share, draw_shares
from dnn_xp.estimators.tabular.together import train_together
from dnn_xp.layers import PeriodicEmbedding
from dnn_xp.training import DivergenceWarning, adamw, cosine, sgd
from tests.helpers import assert_values

RNG = np.random.default_rng(0)
M = 50
X = RNG.normal(size=(3, M))
CLASSES = (X[0] * X[1] > 0) + 1 * (X[2] > 0.5)
Y = np.eye(3)[CLASSES].T
WEIGHTS = RNG.uniform(0.1, 2.0, M)
SEEDS = [3, 1, 2]
PLAIN = (Dense(5, "tanh"), Dense(3))
RANDOM = (PeriodicEmbedding(2), Dense(5, "tanh"), Dropout(0.4), Dense(3))


def recipe_of(layers, label_smoothing=0.0, optimizer=None):
    optimizer = adamw(0.05, weight_decay=0.1) if optimizer is None else optimizer
    network = Network(3, layers, "softmax_cross_entropy")
    return Recipe(network, optimizer, 5, 8, cosine(5, warm_up=1.0), label_smoothing)


EXAMPLES = Examples(X, Y, None)


@pytest.fixture
def examples(array):
    found = Examples(array(X), array(Y), None)
    if computes_lazily(found.X):
        pytest.skip("estimators of tables take no arrays on Dask")
    return found


def raise_(kind, *_):
    raise kind


def drawn():
    return draw_shares(CLASSES, len(SEEDS), 0.25, np.random.RandomState(0))


def whole():
    return [Share(np.arange(M), np.arange(0))] * len(SEEDS)


@pytest.mark.parametrize(
    ("recipe", "weighted", "shares", "own"),
    [
        (recipe_of(PLAIN, 0.1), False, drawn, False),
        (recipe_of(PLAIN), True, drawn, False),
        (recipe_of(RANDOM), True, drawn, False),
        (recipe_of(PLAIN), True, whole, True),
        (recipe_of(RANDOM), False, whole, False),
        (recipe_of(PLAIN)._replace(batch_size=M), True, whole, True),
    ],
    ids=["smoothed", "weighted", "random", "own validation", "no validation", "whole batch"],
)
def test_members_trained_together_are_those_trained_apart(
    array, examples, recipe, weighted, shares, own
):
    if weighted:
        examples = examples._replace(weights=array(WEIGHTS))
    validation = take(examples, np.arange(10)) if own else None
    told = []
    together = train_together(recipe, examples, shares(), validation, SEEDS, tell=told.append)
    assert told == [1, 2, 3, 4, 5]
    for found, share, seed in zip(together, shares(), SEEDS, strict=True):
        held_out = take(examples, share.held_out) if len(share.held_out) else validation
        alone = train_member(recipe, take(examples, share.training), held_out, seed)
        assert found.epoch == alone.epoch
        assert_values(found.theta, to_host(alone.theta), atol=1e-12)
        assert found.history.keys() == alone.history.keys()
        for name, values in alone.history.items():
            np.testing.assert_allclose(found.history[name], values, rtol=1e-12)


@pytest.mark.once
@pytest.mark.parametrize("n_steps", [2, 9])
def test_what_time_allows_is_kept(monkeypatch, n_steps):
    ticks = iter([0.0] * (n_steps - 1) + [1.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    found = train_together(recipe_of(PLAIN), EXAMPLES, drawn(), None, SEEDS, end=0.5)
    n_epochs = n_steps // 5  # of 38 examples, 8 in a step
    assert [member.epoch for member in found] == [n_epochs] * len(SEEDS)
    assert [len(member.history.get("cost", [])) for member in found] == [n_epochs] * len(SEEDS)
    assert not np.any(np.isnan([member.theta for member in found]))


@pytest.mark.once
def test_an_interrupt_keeps_what_all_have_learnt():
    def interrupt(n_epochs):
        if n_epochs == 2:
            raise KeyboardInterrupt

    options = (recipe_of(PLAIN), EXAMPLES, drawn(), None, SEEDS)
    with pytest.warns(ConvergenceWarning, match="interrupted by user after 2 of 5 epochs"):
        found = train_together(*options, tell=interrupt)
    assert [len(member.history["cost"]) for member in found] == [2] * len(SEEDS)
    hasty = options[0]._replace(schedule=partial(raise_, KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):  # before the first epoch is done
        train_together(hasty, *options[1:])


@pytest.mark.once
def test_members_that_diverge_are_told_of_and_keep_their_best():
    recipe = recipe_of(PLAIN, optimizer=sgd(1e308))._replace(schedule=lambda epoch: epoch >= 1)
    with (
        np.errstate(all="ignore"),
        pytest.warns(DivergenceWarning, match="lower learning_rate_init"),
    ):
        found = train_together(recipe, EXAMPLES, drawn(), None, SEEDS)
    for member in found:
        assert member.epoch == 1
        assert np.all(np.isfinite(member.theta))
        assert math.isnan(member.history["cost"][-1])


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "y"), [(TabularClassifier, CLASSES), (TabularRegressor, X[0])], ids=["classes", "y"]
)
def test_estimators_train_together_where_few_calls_are_preferred(kind, y, monkeypatch, tmp_path):
    options = {"n_members": 2, "hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
    alone = kind(**options).fit(X.T, y)
    monkeypatch.setattr(base, "prefers_few_calls", lambda like: True)
    called = []

    def spy(*arguments, **named):
        called.append(arguments)
        return train_together(*arguments, **named)

    monkeypatch.setattr(base, "train_together", spy)
    together = kind(**options).fit(X.T, y)
    assert len(called) == 1
    np.testing.assert_allclose(together.thetas_, alone.thetas_, atol=1e-5)  # float32
    assert together.best_epochs_ == alone.best_epochs_
    kind(**options, callbacks=[EarlyStopping()]).fit(X.T, y)
    kind(**options, checkpoint=tmp_path / "checkpoints").fit(X.T, y)
    kind(**options | {"n_members": 1}).fit(X.T, y)
    assert len(called) == 1  # each member is followed by itself, or there is one
    with pytest.warns(ConvergenceWarning, match="time_limit") as caught:
        kind(**options, time_limit=1e-6).fit(X.T, y)
    assert {one.filename for one in caught} == {__file__}
    assert len(called) == 2
