"""The same numbers as scikit-learn's, from the same random state: losses, scores, predictions.

Cases in which each two of their parts meet once; all of them are measured by
benchmarks/sklearn_parity.py.
"""

from itertools import combinations, product

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")
pytest.importorskip("pandas")

from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

from dnn_xp import estimators
from tests.estimators.parity import (
    ACTIVATIONS,
    FACTORS,
    SETTINGS,
    TARGETS,
    Case,
    Pair,
    data,
    fit_both,
    formed,
    make,
    outputs,
    pairwise,
    relative,
    sample_weight,
)

pytestmark = pytest.mark.once

# Sums in another order differ by some 1e-16 a step, and 150 steps make up to 1e-14 of that.
ROUNDING = 1e-11

CASES = [Case(**case) for case in pairwise(FACTORS)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_course_is_scikit_learns(case):
    pair = fit_both(case)
    X, _ = formed(*data(case.target), case.form)
    assert pair.difference(X) < ROUNDING
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(pair.ours, name) == getattr(pair.theirs, name)
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        found, expected = getattr(pair.ours, name), getattr(pair.theirs, name)
        assert found == (None if expected is None else pytest.approx(expected, rel=ROUNDING))
    for found, expected in zip(pair.ours.coefs_, pair.theirs.coefs_, strict=True):
        assert relative(found, expected) < ROUNDING
    if "adaptive" in case.solver:
        assert pair.theirs._optimizer.learning_rate < 0.01 * pair.theirs.learning_rate_init


def test_each_two_parts_meet_in_a_case():
    met = {pair for case in CASES for pair in combinations(enumerate(case), 2)}
    for (i, one), (j, other) in combinations(enumerate(FACTORS.values()), 2):
        assert {((i, a), (j, b)) for a, b in product(one, other)} <= met


@pytest.mark.parametrize("change", [{"random_state": 4}, {"alpha": 0.011}, {"beta_2": 0.99}])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_difference_is_seen(change):
    """Each little change is far beyond rounding."""
    X, y = data("binary")
    options = SETTINGS | {"n_iter_no_change": 99}
    theirs = make(neural_network, "binary", **options).fit(X, y)
    ours = make(estimators, "binary", **options | change).fit(X, y)
    assert Pair(ours, theirs).difference(X) > 1e6 * ROUNDING


@pytest.mark.parametrize("course", [{}, {"early_stopping": True}, {"shuffle": False}])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_random_numbers_are_drawn_as_scikit_learn_draws_them(course):
    """A generator that is handed in is left where scikit-learn leaves it."""
    X, y = data("multiclass")
    states = []
    for package in (estimators, neural_network):
        rng = np.random.RandomState(8)
        one = make(package, "multiclass", **SETTINGS | course | {"random_state": rng})
        one.fit(X, y)
        one.fit(X, y)
        states.append(rng.get_state())
    np.testing.assert_array_equal(states[0][1], states[1][1])
    assert states[0][2] == states[1][2]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_float32_is_scikit_learns_within_its_rounding(target):
    X, y = data(target)
    loss = {"loss": "poisson"} if target == "counts" else {}
    ours, theirs = (
        make(package, target, **SETTINGS | loss).fit(X.astype("float32"), y)
        for package in (estimators, neural_network)
    )
    # A thousand times what float64's rounding may do, as its unit is 5e8 times float64's.
    assert Pair(ours, theirs).difference(X.astype("float32")) < 1e-4
    assert outputs(ours, X.astype("float32")).dtype == np.float32


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_warm_start_keeps_the_best_parameters():
    """scikit-learn's go on to change: what it keeps as the best are the very arrays it trains."""
    X, y = data("one output")
    options = SETTINGS | {"early_stopping": True, "warm_start": True}
    ours, theirs = (
        make(package, "one output", **options) for package in (estimators, neural_network)
    )
    before = [(one.fit(X, y).best_validation_score_, one.predict(X)) for one in (ours, theirs)]
    for one, (best, predicted) in zip((ours, theirs), before, strict=True):
        one.set_params(learning_rate_init=1e-9, tol=1.0).fit(X, y)
        assert one.best_validation_score_ == best
        assert np.array_equal(one.predict(X), predicted) is (one is ours)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_without_hidden_layers_it_is_scikit_learns(target, activation, solver, early_stopping):
    """`activation` has a part in it: it is what the output is drawn as."""
    if (target, solver) == ("three outputs", "lbfgs"):
        pytest.skip("scikit-learn descends another gradient there")
    X, y = data(target)
    options = SETTINGS | {"hidden_layer_sizes": (), "activation": activation, "max_iter": 5}
    options |= {"solver": solver, "early_stopping": early_stopping}
    options |= {"loss": "poisson"} if target == "counts" else {}
    ours, theirs = (
        make(package, target, **options).fit(X, y) for package in (estimators, neural_network)
    )
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=ROUNDING)
    assert relative(outputs(ours, X), outputs(theirs, X)) < ROUNDING
    assert ours.n_layers_ == 2


# ----------------------------------------------------------------------------- L-BFGS

QUASI_NEWTON = SETTINGS | {"solver": "lbfgs", "tol": 1e-6, "max_iter": 20}


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "three outputs"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weights", [None, sample_weight()], ids=["plain", "weighted"])
def test_lbfgs_makes_scipys_moves(target, activation, weights):
    """Rounding differs, and 20 moves that divide by small curvatures make more of it."""
    X, y = data(target)
    loss = {"loss": "poisson"} if target == "counts" else {}
    options = QUASI_NEWTON | loss | {"activation": activation}
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 20 iteration"):
        ours, theirs = (
            make(package, target, **options).fit(X, y, sample_weight=weights)
            for package in (estimators, neural_network)
        )
    assert ours.n_iter_ == theirs.n_iter_ == 20
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    assert relative(outputs(ours, X), outputs(theirs, X)) < 1e-8


@pytest.mark.parametrize("target", ["multiclass", "one output"])
@pytest.mark.parametrize(
    "limit",
    [
        *({"max_fun": n} for n in (1, 2, 3, 5, 8, 13, np.int64(21))),
        {"max_iter": 1},
        {"max_iter": 7},
    ],
    ids=str,
)
def test_lbfgs_comes_to_its_limits_as_scipys_does(target, limit):
    """More evaluations than `max_fun` end it, and an iteration that is begun is finished."""
    X, y = data(target)
    found = []
    for package in (estimators, neural_network):
        one = make(package, target, **QUASI_NEWTON | limit)
        with pytest.warns(ConvergenceWarning) as warned:
            one.fit(X, y)
        found.append((one.n_iter_, str(warned[0].message), one.loss_))
    assert found[0][:2] == found[1][:2]
    assert found[0][2] == pytest.approx(found[1][2], rel=1e-9)


FUNCTIONS = {"identity": lambda Z: Z, "tanh": np.tanh}


def loss_of(one, X, y):
    """Return half the mean squared error and the penalty, as scikit-learn documents them."""
    A, last = X, len(one.coefs_) - 1
    for place, (W, b) in enumerate(zip(one.coefs_, one.intercepts_, strict=True)):
        Z = A @ W + b
        A = Z if place == last else FUNCTIONS[one.activation](Z)
    squares = sum(np.square(W).sum() for W in one.coefs_)
    return 0.5 * np.square(A - y).mean() + 0.5 * one.alpha * squares / len(X)


def largest_slope(one, X, y, h=1e-5):
    """Return the largest element of the gradient of the loss, by central differences."""
    slopes = []
    for part in (*one.coefs_, *one.intercepts_):
        for place in np.ndindex(part.shape):
            value, costs = part[place], []
            for moved in (value + h, value - h):
                part[place] = moved
                costs.append(loss_of(one, X, y))
            part[place] = value
            slopes.append(abs(costs[0] - costs[1]) / (2.0 * h))
    return max(slopes)


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("alpha", [0.1, 1.0])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_lbfgs_of_several_outputs_ends_where_the_loss_is_flat(activation, alpha):
    """scikit-learn's gradient is that of the sum over outputs, its loss the mean: it ends early."""
    X, y = data("three outputs")
    options = QUASI_NEWTON | {
        "activation": activation,
        "alpha": alpha,
        "max_iter": 3000,
        "tol": 1e-7,
    }
    ours, theirs = (
        make(package, "three outputs", **options).fit(X, y)
        for package in (estimators, neural_network)
    )
    for one in (ours, theirs):
        assert one.loss_ == pytest.approx(loss_of(one, X, y), rel=1e-14)
    # Both end where the loss falls by less than 2e-9: there our slope is some sqrt(2e-9).
    assert largest_slope(ours, X, y) < 1e-4
    assert largest_slope(theirs, X, y) > 5e-4
    assert ours.loss_ < theirs.loss_
