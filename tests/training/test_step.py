"""One step: what it does with a gradient, and which examples it is the gradient of."""

import numpy as np
import pytest

from dnn_xp import Activation, BatchNorm, Dense, Dropout, Network
from dnn_xp.backends import compile_step, from_blocks, has_views, to_host
from dnn_xp.functions.counters import PARTNER_STREAM, fold, make_key, random_places
from dnn_xp.training import Regularization, adam, adamw, sgd
from dnn_xp.training.batches import minibatches
from dnn_xp.training.step import (
    Batch,
    Data,
    State,
    StepConfig,
    StepScalars,
    Strengths,
    apply_update,
    batch_gradient,
    check_parts,
    from_vector,
    prepare_batch,
    step,
    to_vector,
)
from tests.helpers import assert_close, assert_values
from tests.runs import train_as_estimators_do

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


def data(array, network=NETWORK, *, weights=None, mixup=None):
    x = array(X)
    return Data(
        x,
        array(Y),
        None if weights is None else array(weights),
        network.layout.weight_mask(like=x),
        None if mixup is None else array(mixup),
    )


def batch_of(indices, count=None):
    whole = indices.shape[0] if count is None else count
    return Batch(indices, whole, whole)


ALL = Batch(None, M, M)


def taken(
    array,
    config,
    batch=ALL,
    *,
    theta=THETA,
    strengths=None,
    weights=None,
    mixup=None,
    number=1,
    ema_decay=0.0,
):
    """Return theta, its average and the cost after one step."""
    held = data(array, config.network, weights=weights, mixup=mixup)
    begin = array(theta) * 1.0  # its own memory, which the step may change
    average = begin * 1.0 if config.ema else None
    state = State(begin, config.optimizer.init(begin), average, array(0.0))
    run = compile_step(step, config, like=held.X)
    scalars = StepScalars(number, 5, RATE, strengths or Strengths(), ema_decay)
    state = run(state, held, batch, scalars, None)
    return state.theta, state.average, state.total


def mean_gradient(array, **options):
    sums = NETWORK.cost_and_gradient(array(THETA), array(X), array(Y), **options)
    return sums.cost, to_host(sums.gradient) / M


def test_plain_step_goes_down_the_mean_gradient(array):
    theta, _, cost = taken(array, StepConfig(NETWORK, sgd(RATE)))
    expected, gradient = mean_gradient(array)
    assert_values(theta, THETA - RATE * gradient, rtol=1e-12)
    assert_close(cost, expected, rtol=1e-13)


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
def test_penalties_act_on_weights_and_count_in_the_cost(array, l1, l2):
    strengths = Strengths(l1=l1 or None, l2=l2 or None)
    theta, _, cost = taken(array, StepConfig(NETWORK, sgd(RATE)), strengths=strengths)
    plain, gradient = mean_gradient(array)
    W = THETA * to_host(NETWORK.layout.weight_mask(like=array(X)))
    slope = gradient + l1 * np.sign(W) + l2 * W
    assert_values(theta, THETA - RATE * slope, rtol=1e-12)
    penalty = l1 * np.abs(W).sum() + 0.5 * l2 * (W**2).sum()
    assert_values(cost, float(plain) + M * penalty, rtol=1e-12)


def test_clipping(array):
    _, gradient = mean_gradient(array)
    limit = float(0.5 * np.abs(gradient).max())
    theta, *_ = taken(array, StepConfig(NETWORK, sgd(RATE)), strengths=Strengths(clip_value=limit))
    assert_values(theta, THETA - RATE * np.clip(gradient, -limit, limit), rtol=1e-12)

    limit = float(0.5 * np.linalg.norm(gradient))
    theta, *_ = taken(array, StepConfig(NETWORK, sgd(RATE)), strengths=Strengths(clip_norm=limit))
    assert_values(theta, THETA - RATE * gradient / 2.0, rtol=1e-12)
    theta, *_ = taken(array, StepConfig(NETWORK, sgd(RATE)), strengths=Strengths(clip_norm=100.0))
    assert_values(theta, THETA - RATE * gradient, rtol=1e-12)


def test_decoupled_decay_acts_on_weights_only(array):
    plain, *_ = taken(array, StepConfig(NETWORK, adamw(RATE, weight_decay=0.0)))
    decayed, *_ = taken(
        array, StepConfig(NETWORK, adamw(RATE)), strengths=Strengths(weight_decay=0.5)
    )
    W = THETA * to_host(NETWORK.layout.weight_mask(like=array(X)))
    assert_values(decayed, to_host(plain) - RATE * 0.5 * W, rtol=1e-12)


def test_max_norm_holds_after_the_step(array):
    theta, *_ = taken(array, StepConfig(NETWORK, sgd(RATE)), strengths=Strengths(max_norm=0.7))
    for name, value in NETWORK.unpack(theta).items():
        if name.startswith("W"):
            assert np.linalg.norm(to_host(value), axis=1).max() <= 0.7 * (1 + 1e-12)


def test_average_moves_by_what_does_not_stay(array):
    theta, average, _ = taken(array, StepConfig(NETWORK, sgd(RATE), ema=True), ema_decay=0.75)
    assert_values(average, 0.75 * THETA + 0.25 * to_host(theta), rtol=1e-12)


@pytest.mark.parametrize("micro_batch", [1, 4, 8, 100])
def test_micro_batches_add_up(array, micro_batch):
    """Dropout included: a mask belongs to an example, however the batch is split."""
    network = Network(3, (Dense(4, "tanh"), Dropout(0.4), Dense(2)), NETWORK.cost)
    config = StepConfig(network, sgd(RATE))
    options = {"weights": WEIGHTS, "mixup": np.linspace(0.0, 1.0, 16)}
    options |= {"strengths": Strengths(noise=0.1)}
    whole, _, cost = taken(array, config, **options)
    parts, _, sum_of_parts = taken(array, config._replace(micro_batch=micro_batch), **options)
    assert_close(parts, whole, rtol=1e-12, atol=1e-14)
    assert_close(sum_of_parts, cost, rtol=1e-12)


@pytest.mark.parametrize("network", [NETWORK, DRAWING], ids=["plain", "batch norm, dropout"])
@pytest.mark.parametrize("micro_batch", [None, 3])
def test_what_fills_up_a_batch_does_not_count(array, xp, network, micro_batch):
    theta = np.abs(np.random.default_rng(2).normal(size=network.size))
    config = StepConfig(network, sgd(RATE), micro_batch=micro_batch)
    indices = array(np.asarray([4, 1, 7], dtype=np.int32))
    full = array(np.asarray([4, 1, 7, 0, 0, 0], dtype=np.int32))
    for weights in (None, WEIGHTS):
        bare = taken(array, config, batch_of(indices), theta=theta, weights=weights)
        filled = taken(
            array, config._replace(padded=True), batch_of(full, 3), theta=theta, weights=weights
        )
        assert_close(filled[0], bare[0], rtol=1e-12, atol=1e-14)
        assert_close(filled[2], bare[2], rtol=1e-12)


def test_mixup_takes_a_share_of_another_example(array):
    """Of its features and of its target: all of it, a quarter, nothing."""
    config = StepConfig(NETWORK, sgd(RATE))
    key = make_key(5, 1, np.arange(M, dtype=np.int32))
    partners = random_places(fold(key, PARTNER_STREAM), M)
    assert len(set(partners.tolist())) > 2
    for share in (1.0, 0.75, 0.0):
        mixed = [share * own + (1.0 - share) * own[:, partners] for own in (X, Y)]
        sums = NETWORK.cost_and_gradient(array(THETA), *map(array, mixed))
        theta, _, cost = taken(array, config, mixup=np.full(8, share))
        assert_close(cost, sums.cost, rtol=1e-12)
        assert_values(theta, THETA - RATE * to_host(sums.gradient) / M, rtol=1e-12)


def test_noise_is_another_in_every_step(array):
    config, strengths = StepConfig(NETWORK, sgd(RATE)), Strengths(noise=0.5)
    steps = [taken(array, config, strengths=strengths, number=number) for number in (1, 2, 2, 3)]
    assert len({float(cost) for _, _, cost in steps}) == 3


def test_workspace_changes_nothing_but_the_memory(array, xp):
    begin = array(np.abs(np.random.default_rng(2).normal(size=DRAWING.size)))
    if not has_views(begin):
        pytest.skip("no views, and so no workspace")
    config, strengths = StepConfig(DRAWING, sgd(RATE)), Strengths(max_norm=0.7, l2=0.1)
    held = data(array, DRAWING)
    results = []
    for with_workspace in (False, True):
        theta = begin * 1.0
        workspace = DRAWING.layout.workspace(theta) if with_workspace else None
        state = State(theta, (), None, array(0.0))
        for number in (1, 2, 3):
            scalars = StepScalars(number, 5, RATE, strengths)
            state = step(config, state, held, ALL, scalars, workspace)
        results.append((state.theta, state.total))
        assert state.theta is theta
    assert_close(results[1][0], results[0][0], rtol=1e-13)
    assert_close(results[1][1], results[0][1], rtol=1e-13)


@pytest.mark.parametrize("indices", [None, [8, 2, 5, 1]])
def test_weights_may_count_within_their_batch(array, indices):
    """A batch's cost and gradient are then those of its weighted mean, and so are penalties."""
    l2, some = 0.3, slice(None) if indices is None else indices
    config = StepConfig(NETWORK, sgd(RATE), weights_by_batch=True, penalties_by_batch=True)
    count = M if indices is None else len(indices)
    batch = ALL if indices is None else batch_of(array(np.asarray(indices, "int32")))
    strengths = Strengths(l2=l2)
    theta, _, cost = taken(array, config, batch, strengths=strengths, weights=WEIGHTS)

    weights = WEIGHTS[some]
    sums = NETWORK.cost_and_gradient(
        array(THETA), array(X[:, some]), array(Y[:, some]), array(weights)
    )
    w = THETA * to_host(NETWORK.layout.weight_mask(like=array(THETA)))
    gradient = (to_host(sums.gradient) + l2 * w) / weights.sum()
    mean = (float(sums.cost) + l2 / 2 * (w**2).sum()) / weights.sum()
    assert_values(theta, THETA - RATE * gradient, rtol=1e-12)
    assert float(cost) == pytest.approx(count * mean, rel=1e-12)


def test_a_batch_without_weight_moves_nothing(array):
    config = StepConfig(NETWORK, sgd(RATE), weights_by_batch=True)
    theta, _, cost = taken(array, config, weights=np.zeros(M))
    assert_values(theta, THETA, rtol=0)
    assert float(cost) == 0.0


def test_the_penalty_of_a_long_theta_is_that_of_its_parts():
    """Of more than one block, on NumPy."""
    network = Network(300, (Dense(300), Dense(1)), "squared_error")
    theta = np.random.default_rng(0).normal(size=network.size)
    x, mask = np.zeros((300, 1)), network.layout.weight_mask(like=theta)
    config, strengths = StepConfig(network, sgd(RATE)), Strengths(l1=0.2, l2=0.5)
    state, scalars = (
        State(theta.copy(), (), None, np.asarray(0.0)),
        StepScalars(1, 5, RATE, strengths),
    )
    held = Data(x, np.zeros((1, 1)), None, mask)
    state = step(config, state, held, Batch(None, 1, 1), scalars)
    sums = network.cost_and_gradient(theta, x, np.zeros((1, 1)))
    w = theta * mask
    expected = float(sums.cost) + 0.2 * np.abs(w).sum() + 0.25 * (w**2).sum()
    assert float(state.total) == pytest.approx(expected, rel=1e-12)
    slope = sums.gradient + 0.2 * np.sign(w) + 0.5 * w
    assert_values(state.theta, theta - RATE * slope, rtol=1e-12, atol=1e-14)


# ----------------------------------------------------------------------------- in parts

PARTED = Network(3, (Dense(5, "tanh"), Dropout(0.3), Dense(2)), "softmax_cross_entropy")
EPOCHS, BATCH_SIZE = 3, 4  # batches of 4, 4 and 1


def deal(count, n_parts):
    """Return which process takes each example: uneven parts, of which the second has nothing."""
    places = np.arange(count) % n_parts
    return np.where(places == 1, n_parts - 1 if n_parts > 2 else 0, places)


def train_in_parts(array, network, theta, n_parts, *, by_batch=False, strengths=None):
    """Train as n_parts processes would, each of which holds all weights and reads its part."""
    x = array(X)
    held = Data(x, array(Y), array(WEIGHTS / WEIGHTS.mean()), network.layout.weight_mask(like=x))
    config = StepConfig(network, adam(RATE), weights_by_batch=by_batch, in_parts=True)
    begin = theta * 1.0
    state = State(begin, config.optimizer.init(begin), None, array(0.0))
    number = 0
    for epoch in range(EPOCHS):
        state = state._replace(total=array(0.0))
        for indices, count in minibatches(M, BATCH_SIZE, 5, epoch):
            number += 1
            scalars = StepScalars(number, 5, RATE, strengths or Strengths())
            whole = Batch(array(indices), count, count)
            scalars = prepare_batch(config, state.theta, held, whole, scalars)
            vectors = []
            for rank in range(n_parts):
                here = indices[deal(count, n_parts) == rank]
                part = Batch(array(here), len(here), count)
                sums = batch_gradient(config, state.theta, held, part, scalars)
                vectors.append(to_vector(sums))
            sums = from_vector(network, sum(vectors[1:], start=vectors[0]))
            state = apply_update(config, state, sums, scalars, held.weight_mask)
    return state


@pytest.mark.parametrize("by_batch", [False, True], ids=["weights over data", "weights by batch"])
@pytest.mark.parametrize("n_parts", [2, 3, 5])
def test_parts_of_a_batch_make_the_step_of_the_whole(array, n_parts, by_batch):
    theta = array(np.random.default_rng(4).normal(size=PARTED.size))
    whole = train_as_estimators_do(
        PARTED,
        array(X),
        array(Y),
        theta,
        optimizer=adam(RATE),
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        seed=5,
        weights=array(WEIGHTS),
        weights_by_batch=by_batch,
        regularization=Regularization(l2=0.1, noise=0.2),
        clip_norm=0.5,
    )
    strengths = Strengths(l2=0.1, noise=0.2, clip_norm=0.5)
    parts = train_in_parts(array, PARTED, theta, n_parts, by_batch=by_batch, strengths=strengths)
    parts = parts._replace(theta=from_blocks(parts.theta))
    assert_close(parts.theta, whole.theta, rtol=1e-12, atol=1e-14)
    assert float(parts.total) / M == pytest.approx(whole.history["cost"][-1], rel=1e-12)


def test_batch_norm_over_parts_is_refused_unless_each_part_is_normalized_by_itself():
    layers = (Dense(5), BatchNorm(), Activation("tanh"), Dense(2))
    with pytest.raises(ValueError, match=r"network: layer 2, BatchNorm\(.*must see all of a batch"):
        check_parts(Network(3, layers, "softmax_cross_entropy"))
    check_parts(Network(3, (layers[0], BatchNorm(across="part"), *layers[2:]), "squared_error"))
    check_parts(PARTED)


def test_statistics_of_parts_ride_along_as_their_weighted_mean(array):
    """Of one step from the start, with statistics that are those of the last batch."""
    layers = (Dense(5), BatchNorm(momentum=0.0, across="part"), Activation("tanh"), Dense(2))
    network = Network(3, layers, "softmax_cross_entropy")
    x = array(X)
    theta = network.initialize(2, like=x)
    config = StepConfig(network, adam(RATE), in_parts=True)
    held, scalars = Data(x, array(Y), None), StepScalars(1, 5, RATE)
    scalars = prepare_batch(config, theta, held, Batch(None, M, M), scalars)
    counts, vectors = (4, 5, 0), []
    for places in np.split(np.arange(M, dtype=np.int32), np.cumsum(counts)[:-1]):
        part = Batch(array(places), len(places), M)
        vectors.append(to_vector(batch_gradient(config, theta, held, part, scalars)))
    sums = from_vector(network, sum(vectors[1:], start=vectors[0]))
    state = State(theta * 1.0, config.optimizer.init(theta), None, array(0.0))
    moved = network.unpack(apply_update(config, state, sums, scalars).theta)
    W, b = (to_host(network.unpack(theta)[name]) for name in ("W1", "b1"))
    Z = np.split(W @ X + b, [4], axis=1)
    for name, of in (("mean2", np.mean), ("variance2", np.var)):
        expected = sum(n / M * of(z, axis=1, keepdims=True) for n, z in zip((4, 5), Z, strict=True))
        assert_values(moved[name], expected, rtol=1e-12)
