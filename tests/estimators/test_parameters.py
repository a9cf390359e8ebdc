"""Arguments: what is refused, as scikit-learn refuses it, and what is not."""

import math
import re
from dataclasses import fields
from inspect import cleandoc

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn import neural_network

from dnn_xp import Callback
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.estimators.parameters import (
    SOLVERS,
    InvalidParameterError,
    Parameters,
    check_parameters,
)
from dnn_xp.functions.activations import ACTIVATIONS
from dnn_xp.training import cosine, sgd
from tests.helpers import name_of

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, y = np.eye(4), np.array([0, 1, 0, 1])
BAD = {
    "hidden_layer_sizes": ["abc", None, 2.5, (2.5,), [[3]], 0, True, (True,)],
    "activation": [3, None, [4]],
    "solver": ["newton", None, 3],
    "alpha": [-1, -1e-300, None, "a", math.nan, math.inf],
    "batch_size": [0, -1, 1.5, "all", None],
    "learning_rate": ["falling", None, 0.1],
    "learning_rate_init": [0, -0.1, "a", math.nan],
    "power_t": [-1, None],
    "max_iter": [0, 1.0, None],
    "shuffle": ["True", None, 1],
    "tol": [-1, None, math.inf],
    "verbose": [-1, "loud", None, 0.5],
    "warm_start": [1, None],
    "momentum": [-0.1, 1.1, None],
    "nesterovs_momentum": ["False", None],
    "early_stopping": [1, "True"],
    "validation_fraction": [1.0, -0.1, None],
    "beta_1": [1.0, -0.1, None],
    "beta_2": [1.0, -0.1, None],
    "epsilon": [0, -1.0, None],
    "n_iter_no_change": [0, 2.5, -math.inf, None],
    "max_fun": [0, 1.5],
    "random_state": ["a", "0", -1, 2**32, 3.0, np.random.default_rng(0), [1]],
}
OF_OURS = {
    "dropout": [1.0, -0.1, None, [0.1, 1.0]],
    "batch_norm": [1],
    "layer_norm": ["True"],
    "l1": [-1.0],
    "max_norm": [0, -1.0],
    "clip_norm": [0.0],
    "weight_decay": [-0.1],
    "scoring": ["best", 3],
    "callbacks": [None, [3]],
    "checkpoint": [3],
    "fitted_as_numpy": [None],
    "scale_target": [None, 1, "y"],
}
GOOD = {
    "hidden_layer_sizes": [3, (3,), [3, 2], (), np.array([3]), np.int64(3)],
    "activation": ["identity", "logistic", "tanh", "relu"],
    "alpha": [0, 0.0, np.float32(0.5), 10**9],
    "batch_size": ["auto", 1, np.int32(2)],
    "learning_rate": ["constant", "invscaling", "adaptive"],
    "power_t": [0],
    "tol": [0],
    "shuffle": [True, np.False_],
    "verbose": [False, 0],
    "momentum": [0, 1],
    "validation_fraction": [0],
    "beta_1": [0],
    "n_iter_no_change": [1, math.inf],
    "random_state": [0, np.int64(3), 2**32 - 1, np.random.RandomState(0), None],
}


def cases(values):
    return [(name, value) for name, several in values.items() for value in several]


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize(("name", "value"), cases(BAD))
def test_what_scikit_learn_refuses_is_refused(kind, name, value):
    ours, theirs = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}, neural_network
    with pytest.raises((ValueError, TypeError)):
        getattr(theirs, kind)(**{name: value}).fit(X, y)
    message = rf"^The '{name}' parameter of {kind} must be .+\. Got (?s:.)* instead\.$"
    with pytest.raises(InvalidParameterError, match=message) as caught:
        ours[kind](**{name: value}).fit(X, y)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("name", "value"), cases(OF_OURS))
def test_what_it_has_not_is_refused_likewise(method, name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of MLPRegressor must"):
        getattr(MLPRegressor(**{name: value}), method)(X, y)


@pytest.mark.parametrize(("name", "value"), cases(GOOD))
def test_what_scikit_learn_takes_is_taken(name, value):
    options = {"max_iter": 2, name: value}
    ours, theirs = (
        MLPRegressor(**options).fit(X, y),
        neural_network.MLPRegressor(**options).fit(X, y),
    )
    assert ours.n_iter_ == theirs.n_iter_


@pytest.mark.parametrize("solver", [*SOLVERS, sgd(0.1)], ids=name_of)
def test_solvers(solver):
    reg = MLPRegressor(solver=solver, max_iter=3).fit(X, y)
    assert len(reg.loss_curve_) == 3
    assert reg.loss_curve_[-1] < reg.loss_curve_[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("activation", one) for one in ACTIVATIONS],
        ("activation", ("leaky_relu", 0.2)),
        ("activation", ACTIVATIONS["gelu"]),
        ("activation", ["gelu", ("elu", 0.5)]),
        ("learning_rate", cosine(2)),
        ("dropout", [0.5, 0.0]),
        ("scoring", "neg_mean_squared_error"),
        ("scoring", "loss"),
        ("scoring", lambda one, X, y: one.score(X, y)),
        ("callbacks", [Callback()]),
        ("loss", ("huber", 0.5)),
        ("max_norm", 2),
    ],
)
def test_what_only_ours_take(name, value):
    options = {"hidden_layer_sizes": (3, 2), "max_iter": 2, name: value}
    assert MLPRegressor(**options).fit(X, y).n_iter_ == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "step"}, "'activation' parameter .* a str among {'elu', .* Got 'step' ins"),
        ({"loss": "absolute"}, "'loss' parameter .* a str among {'absolute_error', .* Got 'absolu"),
        ({"loss": ("huber", -1.0)}, r"'loss' parameter .* Got \('huber', -1.0\) instead"),
    ],
)
def test_names_that_are_unknown_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**options).fit(X, y)


def test_arguments_are_looked_at_when_it_learns_and_not_before():
    clf = MLPClassifier(alpha=-1)
    with pytest.raises(InvalidParameterError):
        check_parameters(clf)
    check_parameters(clf.set_params(alpha=1.0))
    assert issubclass(InvalidParameterError, ValueError)
    assert issubclass(InvalidParameterError, TypeError)


# ----------------------------------------------------------------------------- what is documented

DEFAULT_SCORE = re.compile(r" Default: (accuracy|R2)\.$")


def descriptions(kind):
    """Return the types and the text of each parameter in a docstring, by its names."""
    section = re.split(r"Parameters\n-+\n", cleandoc(kind.__doc__))[1].split("\n\n")[0]
    entries = re.split(r"\n(?=\w)", section)
    return {entry.split(" : ")[0]: entry.split(" : ")[1] for entry in entries}


def test_shared_parameters_are_described_alike():
    """In the same order; only the score that is the default differs."""
    ours, others = descriptions(MLPClassifier), descriptions(MLPRegressor)
    shared = [names for names in ours if names in others]
    assert {name for names in shared for name in names.split(", ")} == {
        parameter.name for parameter in fields(Parameters)
    }
    assert shared == [names for names in others if names in ours]
    assert ours.keys() - others.keys() == {"class_weight", "label_smoothing"}
    assert others.keys() - ours.keys() == {"loss", "scale_target"}
    for scores in (ours, others):
        scores["scoring"], count = DEFAULT_SCORE.subn("", scores["scoring"])
        assert count == 1
    for names in shared:
        assert ours[names] == others[names], names
