"""Values that no network can learn from, or that a cost is not made for: refused at every door."""

import numpy as np
import pytest

from dnn_xp import Dense, Network, check_gradient, lbfgs, train
from dnn_xp.backends import moving, namespace, to_host
from dnn_xp.data.sources import Source
from dnn_xp.functions.costs import Cost, squared_error
from dnn_xp.network.values import check_finite, check_values, finite_source
from dnn_xp.training import learning_rate_range_test

M = 8
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, M))
LABELS = np.resize([0.0, 1.0, 1.0], (1, M))
HOT = np.eye(3)[:, np.arange(M) % 3]
COSTS = {
    "two": ("sigmoid_cross_entropy", 1),
    "labels": ("sigmoid_cross_entropy", 3),
    "classes": ("softmax_cross_entropy", 3),
    "groups": (("grouped_softmax_cross_entropy", 2, 1), 3),
    "counts": ("poisson", 1),
    "values": ("squared_error", 1),
    "medians": ("absolute_error", 1),
}


def network_of(kind):
    cost, n_outputs = COSTS[kind]
    return Network(3, (Dense(n_outputs),), cost)


def at(values, place, value):
    changed = np.array(values)
    changed[place] = value
    return changed


DOORS = {
    "train": lambda net, X, Y, w: train(net, X, Y, weights=w, epochs=1),
    "minibatches": lambda net, X, Y, w: train(net, X, Y, weights=w, epochs=1, batch_size=3),
    "lbfgs": lambda net, X, Y, w: lbfgs(net, X, Y, weights=w, max_iter=1),
    "evaluate_cost": lambda net, X, Y, w: net.evaluate_cost(net.initialize(like=X), X, Y, w),
    "range_test": lambda net, X, Y, w: learning_rate_range_test(net, X, Y, weights=w, steps=3),
    "check_gradient": lambda net, X, Y, w: check_gradient(net, net.initialize(like=X), X, Y, w),
    "validation": lambda net, X, Y, w: train(
        net, namespace(X).zeros_like(X), namespace(Y).zeros_like(Y) + HALVES[net.n_outputs],
        epochs=1,
        validation=(X, Y) if w is None else (X, Y, w),
    ),
}  # fmt: skip
HALVES = {1: 0.5, 3: 1 / 3}

BAD_TARGETS = [
    ("two", 2.0 * LABELS - 1.0, "numbers from -1 to 1, expected them from 0 to 1"),
    ("two", LABELS + 1.0, "numbers from 1 to 2, expected them from 0 to 1"),
    ("two", 100.0 * LABELS, "numbers from 0 to 100, expected them from 0 to 1"),
    ("two", at(LABELS, (0, 2), 1.01), "numbers from 0 to 1.01"),
    ("labels", at(HOT, (1, 4), -0.25), "numbers from -0.25 to 1"),
    ("classes", 0.5 * HOT, "columns whose sum is 0.5 from 1"),
    ("classes", at(HOT, (0, 1), 1.0), "columns whose sum is 1 from 1"),
    ("classes", HOT + 1.0, "numbers from 1 to 2"),
    ("groups", at(HOT, (2, 0), 0.0), "columns whose sum is 1 from 1"),
    ("counts", -LABELS, "numbers from -1 to 0, expected them from 0 on"),
    ("values", at(LABELS, (0, 3), np.nan), "NaN in row 0, expected finite numbers"),
    ("medians", at(LABELS, (0, 3), np.inf), "infinity in row 0, expected finite numbers"),
    ("classes", at(HOT, (1, 7), np.nan), "NaN in row 1"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "Y", "found"), BAD_TARGETS)
def test_targets_that_a_cost_is_not_made_for_are_refused(array, kind, Y, found):
    with pytest.raises(ValueError, match=f"^Y: found {found}"):
        check_values(COSTS[kind][0], array(X), array(Y))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("kind", "bad_X", "Y", "weights", "message"),
    [
        ("two", X, LABELS + 1.0, None, "Y: found numbers from 1 to 2"),
        ("classes", X, 3.0 * HOT, None, "Y: found numbers from 0 to 3"),
        ("two", at(X, (2, 5), np.nan), LABELS, None, "X: found NaN in row 2"),
        ("values", at(X, (1, 0), -np.inf), LABELS, None, "X: found infinity in row 1"),
        ("two", X, LABELS, at(np.ones(M), 3, -1.0), "weights: found -1, expected numbers from 0"),
        ("two", X, LABELS, np.zeros(M), "weights: found a mean of 0"),
        ("two", X, LABELS, at(np.ones(M), 3, np.nan), "weights: found NaN"),
        ("two", X, LABELS, at(np.ones(M), 3, np.inf), "weights: found infinity"),
    ],
    ids=["labels", "classes", "NaN", "infinity", "negative", "zeros", "NaN weight", "inf weight"],
)
def test_values_are_looked_at_by_every_door(array, door, kind, bad_X, Y, weights, message):
    beside = None if weights is None else array(weights)
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=message) as refused:
        DOORS[door](network_of(kind), array(bad_X), array(Y), beside)
    assert "learning rate" not in str(refused.value)
    assert str(refused.value).startswith("validation: ") is (door == "validation")


@pytest.mark.parametrize(
    ("kind", "Y"),
    [
        ("two", np.full((1, M), 0.5)),
        ("two", np.zeros((1, M))),
        ("classes", np.full((3, M), 1 / 3)),
        ("classes", HOT + 1e-7 * RNG.normal(size=(3, M)) * HOT),
        ("groups", np.concatenate([HOT[:2] * 0.0 + 0.5, np.ones((1, M))])),
        ("labels", np.ones((3, M))),
        ("counts", 1e6 * LABELS),
        ("values", -1e30 * LABELS),
    ],
)
def test_targets_within_the_range_and_its_rounding_pass(array, kind, Y):
    check_values(COSTS[kind][0], array(X, "float32"), array(Y, "float32"))


def test_a_start_that_is_not_finite_is_refused(array):
    network = network_of("two")
    for run in (train, lbfgs):
        with pytest.raises(ValueError, match=r"^theta: found NaN, expected finite numbers"):
            run(network, array(X), array(LABELS), array([0.0, np.nan, 0.0, 0.0]))


def test_targets_of_a_cost_of_ones_own_are_finite_numbers(array):
    own = Cost("own", lambda Z, xp: Z, squared_error, lambda Z, Y, xp: Z - Y)
    check_values(own, array(X), array(-7.0 * LABELS))
    with pytest.raises(ValueError, match=r"^Y: found NaN"):
        check_values(own, array(X), array(np.nan * LABELS))


@pytest.mark.parametrize("cost", ["softmax_cross_entropy", ("grouped_softmax_cross_entropy", 1, 1)])
def test_a_choice_among_one_class_is_refused(cost):
    with pytest.raises(ValueError, match=r"^cost: found .* of one output, whose probability is al"):
        Network(3, (Dense(1 if isinstance(cost, str) else 2),), cost)


def test_groups_of_other_outputs_are_refused_when_the_network_is_described():
    with pytest.raises(ValueError, match=r"^cost: found groups of \(2, 2\) outputs, expected 3"):
        Network(3, (Dense(3),), ("grouped_softmax_cross_entropy", 2, 2))


# ----------------------------------------------------------------------------- sources


def source_of(array, values):
    values = array(values)

    def read(which):
        return values[:, which] if isinstance(which, slice) else array(to_host(values)[:, which])

    return Source(values.shape, read, values[:, :0])


def test_examples_that_are_read_are_checked_window_by_window(array, library):
    bad = source_of(array, at(X, (1, 6), np.nan))
    checked = finite_source(bad)
    checked.read(slice(0, 6))
    with pytest.raises(ValueError, match=r"^X: found NaN in row 1, .* \(among the examples 4 to 7"):
        checked.read(slice(4, 8))
    network = network_of("two")
    theta = network.initialize(like=bad.like)
    for run in (
        lambda: network.evaluate_cost(theta, bad, array(LABELS), batch_size=4),
        lambda: train(network, array(X), array(LABELS), epochs=1, validation=(bad, LABELS)),
        lambda: lbfgs(network, bad, array(LABELS), batch_size=4),
        lambda: train(network, bad, array(LABELS), epochs=1),
    ):
        with pytest.raises(ValueError, match="X: found NaN in row 1"):
            run()


def test_examples_of_another_form_than_their_source_says_are_refused(array):
    wrong = Source((3, M), lambda which: array(np.zeros((2, 4))), array(np.zeros((3, 0))))
    with pytest.raises(ValueError, match=r"^X: read float64 of shape \(2, 4\), expected float64"):
        finite_source(wrong).read(slice(0, 4))


# ----------------------------------------------------------------------------- how it is looked at


def test_integers_and_empty_arrays_pass(array):
    check_finite(X=array([[1, 2]]), Y=array(np.zeros((0, 3))))


def test_values_are_not_looked_at_while_a_function_is_traced(array, library):
    if library.backend != "jax":
        pytest.skip("only JAX traces")
    import jax

    network = network_of("two")
    theta = network.initialize(like=array(X))
    cost = jax.jit(network.evaluate_cost)(theta, array(X), array(LABELS))
    assert float(cost) == pytest.approx(float(network.evaluate_cost(theta, array(X), LABELS)))


def test_dask_works_out_its_data_once_for_all_that_is_asked(array, library, xp):
    if library.backend != "dask":
        pytest.skip("only Dask works out its data when they are asked for")
    seen = []

    def note(block):
        seen.append(block.shape)
        return block

    lazy = array(X).map_blocks(note, dtype="float64", meta=np.empty((0, 0)))
    check_values("softmax_cross_entropy", lazy, lazy * 0.0 + 1 / 3, array(np.ones(M)))
    assert len(seen) == lazy.npartitions


def test_nothing_is_moved_but_a_few_numbers(array, monkeypatch):
    moved = []
    monkeypatch.setattr(moving, "to_host", lambda x: moved.append(x.shape) or to_host(x))
    check_values("softmax_cross_entropy", array(X), array(HOT), array(np.ones(M)))
    assert set(moved) == {(7,)}
