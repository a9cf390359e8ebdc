"""Networks: the vector of parameters, sums over examples, the door."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    Network,
    ParametricActivation,
    PeriodicEmbedding,
    backends,
    check_gradient,
)
from dnn_xp.functions.activations import identity
from dnn_xp.functions.costs import Cost
from dnn_xp.functions.counters import Key
from dnn_xp.network.propagation import cost_and_gradient
from tests import oracles
from tests.helpers import assert_close, assert_values

MIXED = Network(
    3,
    (
        Dense(4),
        BatchNorm(),
        Activation("tanh"),
        Dense(5, "elu"),
        LayerNorm(),
        Dropout(0.3),
        Dense(2),
    ),
    "softmax_cross_entropy",
)
# Its costs and gradients add up: an example sees no other.
SUMMING = Network(3, (Dense(4, "tanh"), LayerNorm(), Dropout(0.3), Dense(2)), "huber")
WITHOUT_DRAWS = {
    "batch norm": Network(3, (Dense(4), BatchNorm(), Activation("tanh"), Dense(2)), "huber"),
    "layer norm": Network(3, (Dense(4), LayerNorm(), Activation("tanh"), Dense(2)), "huber"),
}

# Rounding of sums of about ten terms near 1.
ROUNDING = {"rtol": 1e-12, "atol": 1e-13}


def draw(network, m=9, seed=0):
    """Return theta, X and Y on the host; every element of theta random, variances positive."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=network.size)
    theta[network.layout.n_parameters :] **= 2
    X, Y = rng.normal(size=(network.n_inputs, m)), rng.normal(size=(network.n_targets, m))
    if network.cost == "softmax_cross_entropy":
        Y = np.eye(network.n_outputs)[:, rng.integers(network.n_outputs, size=m)]
    return theta, X, Y


# ----------------------------------------------------------------------------- the vector


def test_names_and_shapes():
    assert MIXED.shapes == {
        "W1": (4, 3),
        "b1": (4, 1),
        "gamma2": (4, 1),
        "beta2": (4, 1),
        "W4": (5, 4),
        "b4": (5, 1),
        "gamma5": (5, 1),
        "beta5": (5, 1),
        "W7": (2, 5),
        "b7": (2, 1),
        "mean2": (4, 1),
        "variance2": (4, 1),
    }
    assert list(MIXED.shapes)[-2:] == ["mean2", "variance2"]  # statistics come last
    assert MIXED.layout.n_parameters == 12 + 4 + 8 + 20 + 5 + 10 + 10 + 2
    assert MIXED.size == MIXED.layout.n_parameters + 8
    assert MIXED.n_outputs == 2


def test_the_vector_holds_the_parameters_in_that_order(array):
    theta = np.arange(MIXED.size, dtype=float)
    at = 0
    parameters = MIXED.unpack(array(theta))
    assert list(parameters) == list(MIXED.shapes)
    for name, (rows, columns) in MIXED.shapes.items():
        assert_values(parameters[name], theta[at : at + rows * columns].reshape(rows, columns))
        at += rows * columns


def test_unpacked_parameters_are_views():
    theta = np.zeros(MIXED.size)
    MIXED.unpack(theta)["W4"][...] = 1.0
    assert theta.sum() == 20


@st.composite
def networks(draw):
    """Return a network of up to five layers of all kinds."""
    kinds = st.one_of(
        st.integers(1, 5).map(Dense),
        st.sampled_from(
            [
                Activation("relu"),
                ParametricActivation("relu"),
                PeriodicEmbedding(1, 2),
                Dropout(0.5),
                LayerNorm(),
                BatchNorm(),
            ]
        ),
    )
    layers = draw(st.lists(kinds, max_size=4))
    return Network(draw(st.integers(1, 4)), (*layers, Dense(draw(st.integers(1, 3)))), "huber")


@given(network=networks())
def test_pack_undoes_unpack(array, network):
    theta = array(np.random.default_rng(0).normal(size=network.size))
    assert_close(network.pack(network.unpack(theta)), theta, rtol=0)


@given(network=networks())
def test_unpack_undoes_pack(array, network):
    rng = np.random.default_rng(0)
    parameters = {name: array(rng.normal(size=s)) for name, s in network.shapes.items()}
    again = network.unpack(network.pack(parameters))
    assert list(again) == list(parameters)
    for name, value in parameters.items():
        assert_close(again[name], value, rtol=0)


@given(network=networks())
def test_gradients_have_the_shape_of_the_vector(network):
    theta, X, Y = draw(network)
    sums = network.cost_and_gradient(theta, X, Y)
    assert sums.gradient.shape == theta.shape
    assert network.forward(theta, X).shape == Y.shape


def test_weight_mask_marks_the_weights(array, dtype):
    mask = MIXED.layout.weight_mask(like=array([1.0], dtype))
    assert str(mask.dtype).endswith(dtype)
    for name, value in MIXED.unpack(mask).items():
        assert_values(value, np.full(MIXED.shapes[name], float(name.startswith("W"))))


# ----------------------------------------------------------------------------- a description


def test_equal_descriptions_are_one():
    same = Network(3, list(MIXED.layers), "softmax_cross_entropy")
    assert same == MIXED
    assert hash(same) == hash(MIXED)
    assert Network(1, (Dense(1),), ["huber", 2.0]) == Network(1, (Dense(1),), ("huber", 2.0))


@pytest.mark.parametrize(
    "change", [{"n_inputs": 4}, {"layers": MIXED.layers[:-1]}, {"cost": "squared_error"}]
)
def test_network_different_descriptions_differ(change):
    other = dataclasses.replace(MIXED, **change)
    assert other != MIXED
    assert len({other, MIXED}) == 2


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MIXED.cost = "huber"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, (Dense(1),), "huber"), "n_inputs: found 0, expected a whole number from 1 on"),
        ((1, (), "huber"), "layers: found none, expected at least one"),
        ((1, (Dense(1), "relu"), "huber"), "layers: found 'relu' at place 2, expected a Layer"),
        ((1, (Dense(1),), "hubert"), "cost: found 'hubert', expected one of"),
        (
            (1, (Dense(1, "sigmoid"),), "sigmoid_cross_entropy"),
            "last one applies 'sigmoid', but cost 'sigmoid_cross_entropy' takes logits",
        ),
        ((1, (Dense(2), Activation("relu")), "softmax_cross_entropy"), "leave the last layer lin"),
    ],
)
def test_descriptions_that_cannot_be_are_refused(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Network(*arguments)


# ----------------------------------------------------------------------------- initial values


def test_a_seed_means_the_same_values_everywhere(array, dtype):
    theta = MIXED.initialize(seed=7, like=array([1.0], dtype))
    drawn = backends.to_host(theta)
    assert_close(theta, array(drawn), rtol=0)
    with backends.use_backend("numpy"):
        host = MIXED.initialize(7, dtype="float64")
    assert_values(theta, host.astype(dtype), rtol=0)
    assert (drawn != backends.to_host(MIXED.initialize(8, like=theta)))[:12].all()


def test_initial_values(array):
    initial = MIXED.unpack(MIXED.initialize(like=array([1.0])))
    for name, value in initial.items():
        if name.startswith("W"):
            assert (np.abs(backends.to_host(value)) > 0.0).all()
        else:
            assert_values(value, np.full(MIXED.shapes[name], float(name[:5] in ("gamma", "varia"))))


def test_initial_values_from_a_generator_go_on_where_it_stands(array):
    like, rng = array([1.0]), np.random.default_rng(7)
    first, second = MIXED.initialize(rng, like=like), MIXED.initialize(rng, like=like)
    assert_close(first, MIXED.initialize(7, like=like), rtol=0)
    assert not np.array_equal(backends.to_host(first), backends.to_host(second))


def test_initial_values_without_an_array_are_made_on_the_current_backend(xp, device):
    theta = MIXED.initialize()
    assert backends.namespace(theta) is xp
    assert backends.device(theta) == device
    assert theta.dtype == backends.default_dtype(xp, device=device)
    assert MIXED.initialize(dtype="float32").dtype == xp.float32


# ----------------------------------------------------------------------------- dtype and device


def test_all_follows_X(array, dtype, xp, device):
    theta, X, Y = (array(x, dtype) for x in draw(MIXED))
    weights = list(range(1, 10))  # brought to X's side
    sums = MIXED.cost_and_gradient(theta, X, np.asarray(backends.to_host(Y), "float64"), weights)
    results = (
        *sums,
        MIXED.layout.update_statistics(theta, sums.statistics),
        MIXED.forward(theta, X),
        MIXED.predict(theta, X),
        MIXED.evaluate_cost(theta, X, Y, weights),
        MIXED.pack(MIXED.unpack(theta)),
        MIXED.initialize(like=X),
    )
    for result in results:
        assert backends.namespace(result) is xp
        assert result.dtype == getattr(xp, dtype)
        assert backends.device(result) == device
    assert [tuple(x.shape) for x in sums] == [(), (MIXED.size,), (8,)]


def test_float32_is_float64_rounded(array):
    arguments = draw(MIXED)
    single = MIXED.cost_and_gradient(*(array(x, "float32") for x in arguments))
    double = MIXED.cost_and_gradient(*(array(x) for x in arguments))
    for one, other in zip(single, double, strict=True):
        # A few dozen roundings of numbers near 1, some of which nearly cancel.
        assert_values(one, backends.to_host(other), rtol=1e-4, atol=1e-5)


def test_arguments_are_not_changed(array):
    """Where the library has read-only arrays it would raise; here the others are looked at."""
    host = (*draw(MIXED), np.linspace(0.5, 2.0, 9))
    arrays = [array(x) for x in host]
    theta, X, Y, weights = arrays
    MIXED.cost_and_gradient(*arrays)
    MIXED.evaluate_cost(*arrays)
    MIXED.predict(theta, X)
    for actual, desired in zip((theta, X, Y, weights), host, strict=True):
        assert_values(actual, desired, rtol=0)


# ----------------------------------------------------------------------------- sums


# Few sizes of parts: JAX compiles each operation anew for each size.
cuts = st.sampled_from((0, 3, 6, 9))


@given(cut=cuts, other=cuts, order=st.permutations(range(9)))
def test_sums_add_up_over_any_split(array, xp, cut, other, order):
    """Also of the draws, which go by an example's place in the whole data."""
    theta, X, Y = draw(SUMMING)
    weights = np.linspace(0.5, 2.0, 9)

    def sums(some):
        key = Key(*(array(n, "int32") for n in ([3], [4], np.array(some))))
        parts = array(X[:, some]), array(Y[:, some]), array(weights[some])
        return cost_and_gradient(SUMMING, array(theta), *parts, key, xp=xp)

    low, high = sorted((cut, other))
    parts = [part for part in (order[:low], order[low:high], order[high:]) if part]
    whole, *added = sums(list(range(9))), *map(sums, parts)
    for name in ("cost", "gradient"):
        total = sum(getattr(part, name) for part in added)
        assert_close(total, getattr(whole, name), **ROUNDING)


@pytest.mark.parametrize("kind", WITHOUT_DRAWS)
def test_network_weights_count_examples(array, kind):
    """Weight 2 is an example twice, weight 0 none."""
    network, counts = WITHOUT_DRAWS[kind], np.array([1, 2, 0, 1, 3, 0, 1, 1, 2])
    theta, X, Y = draw(network)
    each = np.repeat(np.arange(9), counts)
    weighted = array(theta), array(X), array(Y), array(counts.astype(float))
    repeated = array(theta), array(X[:, each]), array(Y[:, each])
    for one, other in zip(
        network.cost_and_gradient(*weighted), network.cost_and_gradient(*repeated), strict=True
    ):
        if one is not None:
            assert_close(one, other, **ROUNDING)
    assert_close(network.evaluate_cost(*weighted), network.evaluate_cost(*repeated), **ROUNDING)


@pytest.mark.parametrize("kind", WITHOUT_DRAWS)
def test_the_order_of_examples_is_nothing(array, kind):
    network, order = WITHOUT_DRAWS[kind], np.random.default_rng(1).permutation(9)
    theta, X, Y = draw(network)
    one = network.cost_and_gradient(array(theta), array(X), array(Y))
    other = network.cost_and_gradient(array(theta), array(X[:, order]), array(Y[:, order]))
    assert_close(one.cost, other.cost, **ROUNDING)
    assert_close(one.gradient, other.gradient, **ROUNDING)


def test_cost_is_the_sum_of_what_each_example_costs(array, xp):
    theta, X, Y = (array(x) for x in draw(WITHOUT_DRAWS["layer norm"]))
    network = dataclasses.replace(WITHOUT_DRAWS["layer norm"], cost="squared_error")
    E = backends.to_host(network.predict(theta, X)) - backends.to_host(Y)
    costs, weights = (E**2).sum(axis=0) / 2, np.linspace(0.5, 2.0, 9)
    assert_values(network.cost_and_gradient(theta, X, Y).cost, costs.sum(), **ROUNDING)
    assert_values(network.evaluate_cost(theta, X, Y), costs.mean(), **ROUNDING)
    weighted = network.cost_and_gradient(theta, X, Y, weights).cost
    assert_values(weighted, (costs * weights).sum(), **ROUNDING)
    mean = network.evaluate_cost(theta, X, Y, weights)
    assert_values(mean, np.average(costs, weights=weights), **ROUNDING)


# ----------------------------------------------------------------------------- forward


def test_network_worked_example(array):
    """Two inputs, two hidden units, one output, with numbers that a person can follow."""
    network = Network(2, (Dense(2, "relu"), Dense(1)), "sigmoid_cross_entropy")
    parameters = {"W1": [[1.0, -1.0], [0.5, 2.0]], "b1": [[0.0], [-1.0]]}
    parameters |= {"W2": [[2.0, -1.0]], "b2": [[1.0]]}
    theta = network.pack({name: array(value) for name, value in parameters.items()})
    X, Y = array([[3.0, 0.0], [1.0, 0.5]]), array([[1.0, 0.0]])
    # Z1 = [[2, -0.5], [2.5, 0]], A1 = [[2, 0], [2.5, 0]], Z2 = [[2.5, 1]].
    assert_values(network.forward(theta, X), [[2.5, 1.0]])
    p = 1 / (1 + np.exp([-2.5, -1.0]))
    assert_values(network.predict(theta, X), [p])
    sums = network.cost_and_gradient(theta, X, Y)
    assert_values(sums.cost, -np.log(p[0]) - np.log(1 - p[1]))
    d, e = p[0] - 1, p[1]  # dZ2; relu lets only the first example through
    gradient = network.unpack(sums.gradient)
    assert_values(gradient["W2"], [[2 * d, 2.5 * d]])
    assert_values(gradient["b2"], [[d + e]])
    assert_values(gradient["W1"], [[6 * d, 2 * d], [-3 * d, -d]])
    assert_values(gradient["b1"], [[2 * d], [-d]])


def test_predictions_are_those_of_the_output(array, xp):
    theta, X, _ = (array(x) for x in draw(MIXED))
    A, Z = MIXED.predict(theta, X), MIXED.forward(theta, X)
    assert_values(xp.sum(A, axis=0), np.ones(9), rtol=1e-14)
    assert_close(A[0, :] / A[1, :], xp.exp(Z[0, :] - Z[1, :]), rtol=1e-12)


def test_prediction_of_an_example_does_not_depend_on_others(array):
    """Neither draws nor the batch's statistics take part."""
    theta, X, _ = draw(MIXED)
    whole = backends.to_host(MIXED.predict(array(theta), array(X)))
    assert_values(MIXED.predict(array(theta), array(X[:, 4:5])), whole[:, 4:5], rtol=1e-13)


def test_seed_and_step_choose_the_draws(array):
    arrays = [array(x) for x in draw(SUMMING)]
    costs = {
        place: float(SUMMING.cost_and_gradient(*arrays, seed=place[0], step=place[1]).cost)
        for place in ((0, 0), (0, 1), (1, 0), (1, 1))
    }
    assert len(set(costs.values())) == 4
    assert float(SUMMING.cost_and_gradient(*arrays, seed=1, step=0).cost) == costs[1, 0]


def test_statistics_move_only_where_they_lie(array):
    theta, X, Y = (array(x) for x in draw(MIXED))
    sums, n = MIXED.cost_and_gradient(theta, X, Y), MIXED.layout.n_parameters
    assert_values(sums.gradient[n:], np.zeros(8))
    moved = MIXED.layout.update_statistics(theta * 1.0, sums.statistics)
    assert_close(moved[:n], theta[:n], rtol=0)
    assert_close(moved[n:], 0.9 * theta[n:] + 0.1 * sums.statistics, rtol=1e-15)
    Z1 = MIXED.unpack(theta)["W1"] @ X + MIXED.unpack(theta)["b1"]
    Z1 = backends.to_host(Z1)
    batch = np.concatenate([Z1.mean(axis=1), Z1.var(axis=1)])
    assert_values(sums.statistics, batch, rtol=1e-12)
    without = SUMMING.cost_and_gradient(*(array(x) for x in draw(SUMMING)))
    assert without.statistics is None
    assert SUMMING.layout.update_statistics(theta, None) is theta


def test_the_gradient_of_the_input_is_not_computed():
    asked = []

    class Spy(Dense):
        def backward(self, dA, cache, context):
            asked.append(context.input_gradient)
            return super().backward(dA, cache, context)

    network = Network(3, (Spy(4, "tanh"), Spy(2)), "huber")
    network.cost_and_gradient(*draw(network))
    assert asked == [True, False]  # from the last layer to the first


# ----------------------------------------------------------------------------- what it looks at


@pytest.mark.parametrize("batch_size", [None, 4])
def test_the_input_gradient_is_that_of_a_logit(array, dtype, batch_size):
    """An example depends on itself alone, so one difference tells a row of all examples."""
    theta, X, _ = draw(MIXED)
    for output in range(2):
        numeric = np.empty_like(X)
        for row in range(3):
            step = 1e-6 * (np.arange(3) == row)[:, None]
            above, below = (MIXED.forward(theta, X + s)[output] for s in (step, -step))
            numeric[row] = (above - below) / 2e-6
        there = array(theta, dtype), array(X, dtype)
        actual = MIXED.input_gradient(*there, output, batch_size=batch_size)
        assert_close(actual, array(numeric, dtype), atol=1e-5 if dtype == "float32" else 1e-8)


@pytest.mark.parametrize("oracle", oracles.ORACLES)
def test_the_input_gradient_is_that_of_automatic_differentiation(array, oracle):
    theta, X, _ = draw(MIXED)
    shares = np.random.default_rng(3).normal(size=(2, 9))
    oracle = oracles.load(oracle)

    def total(X):
        p = {name: oracle.array(value) for name, value in MIXED.unpack(theta).items()}
        Z = p["W1"] @ X + p["b1"]
        Z = p["gamma2"] * (Z - p["mean2"]) / (p["variance2"] + 1e-5) ** 0.5 + p["beta2"]
        Z = p["W4"] @ oracle.activations["tanh"](Z) + p["b4"]
        A = oracle.activations["elu"](Z, 1.0)
        mean, square = A.mean(0), (A * A).mean(0)
        A = p["gamma5"] * (A - mean) / (square - mean**2 + 1e-5) ** 0.5 + p["beta5"]
        return (oracle.array(shares) * (p["W7"] @ A + p["b7"])).sum()

    actual = MIXED.input_gradient(array(theta), array(X), array(shares))
    assert_values(actual, oracle.gradient(total, X), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (2, "output: found 2, expected a row from 0 to 1"),
        (-1, "output: found -1, expected a row from 0 to 1"),
        (np.ones((1, 9)), r"output: found shape \(1, 9\), expected \(2, 9\)"),
    ],
)
def test_logits_that_there_are_not_are_refused(array, output, message):
    theta, X, _ = (array(x) for x in draw(MIXED))
    with pytest.raises(ValueError, match=message):
        MIXED.input_gradient(theta, X, output)


# ----------------------------------------------------------------------------- the door

NET = Network(3, (Dense(4, "tanh"), Dense(2)), "huber")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((4, 9))}, r"layer 1, Dense\(.*: X has shape \(4, 9\), expected \(3, m\)"),
        ({"X": np.zeros(3)}, r"layer 1, Dense\(.*: X has shape \(3,\), expected \(3, m\)"),
        (
            {"Y": np.zeros((1, 9))},
            r"layer 2, Dense\(.*: Y has shape \(1, 9\), expected \(2, 9\) as X has 9 examples",
        ),
        ({"Y": np.zeros((2, 8))}, r"layer 2, .* Y has shape \(2, 8\), expected \(2, 9\)"),
        ({"theta": np.zeros(25)}, r"theta: found shape \(25,\), expected \(26,\) for 2 layers"),
        ({"weights": np.ones(8)}, r"weights: found shape \(8,\), expected \(9,\)"),
        ({"weights": np.ones((1, 9))}, r"weights: found shape \(1, 9\), expected \(9,\)"),
        ({"X": np.zeros((3, 9), "int32")}, r"X: found dtype .*int32, expected a floating one"),
        ({"X": np.zeros((3, 9), "uint8")}, r"X: found dtype .*uint8, expected a floating one"),
    ],
)
def test_network_what_does_not_fit_is_refused(array, change, message):
    theta, X, Y = draw(NET)
    arguments = {"theta": theta, "X": X, "Y": Y, "weights": np.ones(9)} | change
    with pytest.raises(ValueError, match=message):
        NET.cost_and_gradient(**{name: array(x) for name, x in arguments.items()})


def test_parameters_that_do_not_fit_are_refused(array):
    parameters = NET.unpack(array(draw(NET)[0]))
    with pytest.raises(ValueError, match=r"W2 of layer 2, Dense\(.* has shape \(4, 2\), expected"):
        NET.pack(parameters | {"W2": array(np.zeros((4, 2)))})
    with pytest.raises(ValueError, match=r"parameters: found \['W1', 'W2', 'b1'\], expected \["):
        NET.pack({name: value for name, value in parameters.items() if name != "b2"})
    with pytest.raises(ValueError, match=r"parameters: found .*'W9'"):
        NET.pack(parameters | {"W9": parameters["W2"]})


def test_an_integer_like_is_refused(array):
    with pytest.raises(ValueError, match=r"like: found dtype .*int64, expected a floating one"):
        NET.initialize(like=array([1], "int64"))


def test_unknown_chunks_are_refused(array, library, xp):
    if library.backend != "dask":
        pytest.skip("only Dask has shapes that are not known")
    theta, X, Y = (array(x) for x in draw(NET))
    unknown = xp.matrix_transpose(xp.matrix_transpose(X)[X[0, :] > 0.0, :])
    with pytest.raises(ValueError, match="X: found an unknown number of examples; compute"):
        NET.cost_and_gradient(theta, unknown, Y)


def test_one_step_traces(array, library):
    """Nothing in a step asks for a value."""
    if library.backend != "jax":
        pytest.skip("only JAX compiles")
    import jax

    def step(theta, X, Y, weights):
        sums = MIXED.cost_and_gradient(theta, X, Y, weights)
        return sums, MIXED.layout.update_statistics(theta, sums.statistics), MIXED.predict(theta, X)

    arrays = [array(x) for x in (*draw(MIXED), np.linspace(0.5, 2.0, 9))]
    traced, eager = jax.jit(step)(*arrays), step(*arrays)
    for actual, desired in zip(jax.tree.leaves(traced), jax.tree.leaves(eager), strict=True):
        assert_close(actual, desired, **ROUNDING)


@pytest.mark.parametrize("batch_size", [1, 4, 9, 100])
def test_predictions_in_batches_are_those_of_all_at_once(array, batch_size):
    theta, X, Y = draw(MIXED)[:3]
    theta, X, Y = array(theta), array(X), array(Y)
    assert_close(
        MIXED.predict(theta, X, batch_size=batch_size), MIXED.predict(theta, X), rtol=1e-12
    )
    assert_close(
        MIXED.evaluate_cost(theta, X, Y, batch_size=batch_size),
        MIXED.evaluate_cost(theta, X, Y),
        rtol=1e-12,
    )


# ----------------------------------------------------------------------------- outputs of a target

QUANTILES = Network(3, (Dense(5, "tanh"), Dense(6)), ("quantile", [0.1, 0.5, 0.9]))


def test_a_target_of_several_quantiles_has_as_many_outputs(array):
    assert (QUANTILES.n_outputs, QUANTILES.n_targets) == (6, 2)
    assert (SUMMING.n_outputs, SUMMING.n_targets) == (2, 2)
    assert QUANTILES.cost == ("quantile", 0.1, 0.5, 0.9)
    theta, X, Y = (array(x) for x in draw(QUANTILES))
    A, W = QUANTILES.predict(theta, X), array(np.linspace(1.0, 2.0, 9))
    assert tuple(A.shape) == (6, 9)
    expected = 0.0
    for target in range(2):
        for k, q in enumerate((0.1, 0.5, 0.9)):
            E = backends.to_host(Y[target, :] - A[3 * target + k, :])
            costs = np.maximum(q * E, (q - 1) * E) / 3
            expected += np.average(costs, weights=np.linspace(1.0, 2.0, 9))
    assert_values(QUANTILES.evaluate_cost(theta, X, Y, W), expected, rtol=1e-13)


def test_targets_of_another_count_than_quantiles_have_are_refused(array):
    theta, X, _ = (array(x) for x in draw(QUANTILES))
    message = r"Y has shape \(6, 9\), expected \(2, 9\) .*, and each target has 3 outputs"
    with pytest.raises(ValueError, match=message):
        QUANTILES.cost_and_gradient(theta, X, array(np.zeros((6, 9))))
    for n_outputs in (1, 2, 4, 5):
        message = f"layers: the last one gives {n_outputs} outputs, .* expected a multiple of 3"
        with pytest.raises(ValueError, match=message):
            Network(3, (Dense(n_outputs),), QUANTILES.cost)
    with pytest.raises(ValueError, match=r"applies 'relu', but cost .* applies 'ordered' itself"):
        Network(3, (Dense(3, "relu"),), QUANTILES.cost)


def gaussian(Z, Y, *, xp=None):
    """Return minus the log-likelihood of means and log-variances, of one target."""
    E = Y[..., 0, :] - Z[..., 0, :]
    return 0.5 * (Z[..., 1, :] + E * E * backends.namespace(Z).exp(-Z[..., 1, :]))


def back_gaussian(Z, Y, *, xp=None):
    xp = backends.namespace(Z)
    E, inverse = Y[..., 0, :] - Z[..., 0, :], xp.exp(-Z[..., 1, :])
    return xp.stack([-E * inverse, 0.5 - 0.5 * E * E * inverse], axis=-2)


def test_a_cost_of_ones_own_has_several_outputs_for_a_target(array):
    cost = Cost("gaussian", identity, gaussian, back_gaussian, outputs_per_target=2)
    network = Network(3, (Dense(4, "tanh"), Dense(2)), cost)
    theta, X, Y = (array(x) for x in draw(network))
    assert tuple(Y.shape) == (1, 9)
    assert check_gradient(network, theta, X, Y).relative_difference < 1e-7
    with pytest.raises(ValueError, match="cost: found 0, expected a whole number from 1 on"):
        Network(3, (Dense(2),), cost._replace(outputs_per_target=0))
