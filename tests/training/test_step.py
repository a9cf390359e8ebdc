"""One step: what it does with a gradient, and which examples it is the gradient of."""

import numpy as np
import pytest

from dnn_xp import Activation, BatchNorm, Dense, Dropout, Network
from dnn_xp.backends import compile_step, has_views, to_host
from dnn_xp.functions.counters import PARTNER_STREAM, make_draws, random_places
from dnn_xp.training import Regularization, adamw, sgd
from dnn_xp.training.step import Batch, Data, Numbers, Recipe, State, step
from tests.helpers import assert_close, assert_values

M, RATE = 9, 0.1
NETWORK = Network(3, (Dense(4, "tanh"), Dense(2)), "softmax_cross_entropy")
DRAWING = Network(
    3,
    (Dense(4), BatchNorm(), Activation("tanh"), Dropout(0.4), Dense(2)),
    "softmax_cross_entropy",
)
RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(3, M)), np.eye(2)[RNG.integers(0, 2, M)].T
WEIGHTS = RNG.uniform(0.5, 2.0, M)
THETA = RNG.normal(size=NETWORK.size)


def data(array, network=NETWORK, *, weights=None, shares=None):
    x = array(X)
    return Data(
        x,
        array(Y),
        None if weights is None else array(weights),
        network.weight_mask(like=x),
        None if shares is None else array(shares),
    )


def taken(
    array, recipe, batch=None, *, theta=THETA, weights=None, shares=None, number=1, stays=0.0
):
    """Return theta, its average and the cost after one step."""
    held = data(array, recipe.network, weights=weights, shares=shares)
    begin = array(theta) * 1.0  # its own memory, which the step may change
    average = begin * 1.0 if recipe.average else None
    state = State(begin, recipe.optimizer.init(begin), average)
    run = compile_step(step, recipe, like=held.X)
    numbers = Numbers(number, 5, RATE, stays)
    state, cost = run(state, array(0.0), held, batch or Batch(None, M), numbers, None)
    return state.theta, state.average, cost


def mean_gradient(array, **options):
    sums = NETWORK.cost_and_gradient(array(THETA), array(X), array(Y), **options)
    return sums.cost, to_host(sums.gradient) / M


def test_plain_step_goes_down_the_mean_gradient(array):
    theta, _, cost = taken(array, Recipe(NETWORK, sgd(RATE)))
    expected, gradient = mean_gradient(array)
    assert_values(theta, THETA - RATE * gradient, rtol=1e-12)
    assert_close(cost, expected, rtol=1e-13)


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
def test_penalties_act_on_weights_and_count_in_the_cost(array, l1, l2):
    theta, _, cost = taken(array, Recipe(NETWORK, sgd(RATE), Regularization(l1=l1, l2=l2)))
    plain, gradient = mean_gradient(array)
    W = THETA * to_host(NETWORK.weight_mask(like=array(X)))
    slope = gradient + l1 * np.sign(W) + l2 * W
    assert_values(theta, THETA - RATE * slope, rtol=1e-12)
    penalty = l1 * np.abs(W).sum() + 0.5 * l2 * (W**2).sum()
    assert_values(cost, float(plain) + M * penalty, rtol=1e-12)


def test_clipping(array):
    _, gradient = mean_gradient(array)
    limit = float(0.5 * np.abs(gradient).max())
    theta, *_ = taken(array, Recipe(NETWORK, sgd(RATE), clip_value=limit))
    assert_values(theta, THETA - RATE * np.clip(gradient, -limit, limit), rtol=1e-12)

    limit = float(0.5 * np.linalg.norm(gradient))
    theta, *_ = taken(array, Recipe(NETWORK, sgd(RATE), clip_norm=limit))
    assert_values(theta, THETA - RATE * gradient / 2.0, rtol=1e-12)
    theta, *_ = taken(array, Recipe(NETWORK, sgd(RATE), clip_norm=100.0))
    assert_values(theta, THETA - RATE * gradient, rtol=1e-12)


def test_decoupled_decay_acts_on_weights_only(array):
    plain, *_ = taken(array, Recipe(NETWORK, adamw(RATE, weight_decay=0.0)))
    decayed, *_ = taken(array, Recipe(NETWORK, adamw(RATE, weight_decay=0.5)))
    W = THETA * to_host(NETWORK.weight_mask(like=array(X)))
    assert_values(decayed, to_host(plain) - RATE * 0.5 * W, rtol=1e-12)


def test_max_norm_holds_after_the_step(array):
    theta, *_ = taken(array, Recipe(NETWORK, sgd(RATE), Regularization(max_norm=0.7)))
    for name, value in NETWORK.unpack(theta).items():
        if name.startswith("W"):
            assert np.linalg.norm(to_host(value), axis=1).max() <= 0.7 * (1 + 1e-12)


def test_average_moves_by_what_does_not_stay(array):
    theta, average, _ = taken(array, Recipe(NETWORK, sgd(RATE), average=True), stays=0.75)
    assert_values(average, 0.75 * THETA + 0.25 * to_host(theta), rtol=1e-12)


@pytest.mark.parametrize("micro_batch", [1, 4, 8, 100])
def test_micro_batches_add_up(array, micro_batch):
    """Dropout included: a mask belongs to an example, however the batch is split."""
    network = Network(3, (Dense(4, "tanh"), Dropout(0.4), Dense(2)), NETWORK.cost)
    recipe = Recipe(network, sgd(RATE), Regularization(noise=0.1, mixup=1.0))
    options = {"weights": WEIGHTS, "shares": np.linspace(0.0, 1.0, 16)}
    whole, _, cost = taken(array, recipe, **options)
    parts, _, sum_of_parts = taken(array, recipe._replace(micro_batch=micro_batch), **options)
    assert_close(parts, whole, rtol=1e-12, atol=1e-14)
    assert_close(sum_of_parts, cost, rtol=1e-12)


@pytest.mark.parametrize("network", [NETWORK, DRAWING], ids=["plain", "batch norm, dropout"])
@pytest.mark.parametrize("micro_batch", [None, 3])
def test_what_fills_up_a_batch_does_not_count(array, xp, network, micro_batch):
    theta = np.abs(np.random.default_rng(2).normal(size=network.size))
    recipe = Recipe(network, sgd(RATE), micro_batch=micro_batch)
    indices = array(np.asarray([4, 1, 7], dtype=np.int32))
    full = array(np.asarray([4, 1, 7, 0, 0, 0], dtype=np.int32))
    for weights in (None, WEIGHTS):
        bare = taken(array, recipe, Batch(indices, 3), theta=theta, weights=weights)
        filled = taken(
            array, recipe._replace(padded=True), Batch(full, 3), theta=theta, weights=weights
        )
        assert_close(filled[0], bare[0], rtol=1e-12, atol=1e-14)
        assert_close(filled[2], bare[2], rtol=1e-12)


def test_mixup_takes_a_share_of_another_example(array):
    """Of its features and of its target: all of it, a quarter, nothing."""
    recipe = Recipe(NETWORK, sgd(RATE), Regularization(mixup=1.0))
    draws = make_draws(5, 1, np.arange(M, dtype=np.int32))
    partners = random_places(draws, M, PARTNER_STREAM)
    assert len(set(partners.tolist())) > 2
    for share in (1.0, 0.75, 0.0):
        mixed = [share * own + (1.0 - share) * own[:, partners] for own in (X, Y)]
        sums = NETWORK.cost_and_gradient(array(THETA), *map(array, mixed))
        theta, _, cost = taken(array, recipe, shares=np.full(8, share))
        assert_close(cost, sums.cost, rtol=1e-12)
        assert_values(theta, THETA - RATE * to_host(sums.gradient) / M, rtol=1e-12)


def test_noise_is_another_in_every_step(array):
    recipe = Recipe(NETWORK, sgd(RATE), Regularization(noise=0.5))
    costs = {float(taken(array, recipe, number=number)[2]) for number in (1, 2, 2, 3)}
    assert len(costs) == 3


def test_workspace_changes_nothing_but_the_memory(array, xp):
    begin = array(np.abs(np.random.default_rng(2).normal(size=DRAWING.size)))
    if not has_views(begin):
        pytest.skip("no views, and so no workspace")
    recipe = Recipe(DRAWING, sgd(RATE), Regularization(max_norm=0.7, l2=0.1))
    held = data(array, DRAWING)
    results = []
    for with_workspace in (False, True):
        theta = begin * 1.0
        workspace = DRAWING.workspace(theta) if with_workspace else None
        state, total = State(theta, (), None), array(0.0)
        for number in (1, 2, 3):
            numbers = Numbers(number, 5, RATE)
            state, total = step(recipe, state, total, held, Batch(None, M), numbers, workspace)
        results.append((state.theta, total))
        assert state.theta is theta
    assert_close(results[1][0], results[0][0], rtol=1e-13)
    assert_close(results[1][1], results[0][1], rtol=1e-13)


@pytest.mark.parametrize("indices", [None, [8, 2, 5, 1]])
def test_weights_may_count_within_their_batch(array, indices):
    """A batch's cost and gradient are then those of its weighted mean, and so are penalties."""
    l2, some = 0.3, slice(None) if indices is None else indices
    rules = Regularization(l2=l2, summed=True)
    recipe = Recipe(NETWORK, sgd(RATE), rules, by_batch=True)
    count = M if indices is None else len(indices)
    batch = Batch(None if indices is None else array(np.asarray(indices, "int32")), count)
    theta, _, cost = taken(array, recipe, batch, weights=WEIGHTS)

    weights = WEIGHTS[some]
    sums = NETWORK.cost_and_gradient(
        array(THETA), array(X[:, some]), array(Y[:, some]), array(weights)
    )
    w = THETA * to_host(NETWORK.weight_mask(like=array(THETA)))
    gradient = (to_host(sums.gradient) + l2 * w) / weights.sum()
    mean = (float(sums.cost) + l2 / 2 * (w**2).sum()) / weights.sum()
    assert_values(theta, THETA - RATE * gradient, rtol=1e-12)
    assert float(cost) == pytest.approx(count * mean, rel=1e-12)


def test_a_batch_without_weight_moves_nothing(array):
    recipe = Recipe(NETWORK, sgd(RATE), by_batch=True)
    theta, _, cost = taken(array, recipe, weights=np.zeros(M))
    assert_values(theta, THETA, rtol=0)
    assert float(cost) == 0.0


def test_the_penalty_of_a_long_theta_is_that_of_its_parts():
    """Of more than one block, on NumPy."""
    network = Network(300, (Dense(300), Dense(1)), "squared_error")
    theta = np.random.default_rng(0).normal(size=network.size)
    x, mask = np.zeros((300, 1)), network.weight_mask(like=theta)
    rules = Regularization(l1=0.2, l2=0.5)
    recipe = Recipe(network, sgd(RATE), rules)
    state, numbers = State(theta.copy(), (), None), Numbers(1, 5, RATE)
    held = Data(x, np.zeros((1, 1)), None, mask)
    state, cost = step(recipe, state, np.asarray(0.0), held, Batch(None, 1), numbers)
    sums = network.cost_and_gradient(theta, x, np.zeros((1, 1)))
    w = theta * mask
    expected = float(sums.cost) + 0.2 * np.abs(w).sum() + 0.25 * (w**2).sum()
    assert float(cost) == pytest.approx(expected, rel=1e-12)
    slope = sums.gradient + 0.2 * np.sign(w) + 0.5 * w
    assert_values(state.theta, theta - RATE * slope, rtol=1e-12, atol=1e-14)
