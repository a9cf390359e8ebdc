"""Optimizers: the steps by hand, by PyTorch and by Optax, and what all have in common."""

from typing import NamedTuple

import numpy as np
import pytest

from dnn_xp import Dense, Network, backends, train
from dnn_xp.training import optimizers
from tests.helpers import assert_close, assert_values

# Each with numbers that are not its defaults.
ALL = {
    "sgd": optimizers.sgd(0.1),
    "momentum": optimizers.momentum(0.1, 0.8),
    "nesterov": optimizers.nesterov(0.1, 0.8),
    "lion": optimizers.lion(0.1, 0.8, 0.95),
    "adagrad": optimizers.adagrad(0.1, 1e-4),
    "rmsprop": optimizers.rmsprop(0.1, 0.8, 1e-4),
    "adam": optimizers.adam(0.1, 0.8, 0.95, 1e-4),
    "adam, epsilon-hat": optimizers.adam(0.1, 0.8, 0.95, 1e-4, epsilon_hat=True),
    "adamw": optimizers.adamw(0.1, 0.8, 0.95, 1e-4, weight_decay=0.01),
    "nadam": optimizers.nadam(0.1, 0.8, 0.95, 1e-4),
    "amsgrad": optimizers.amsgrad(0.1, 0.8, 0.95, 1e-4),
}

every = pytest.mark.parametrize("name", ALL)

RNG = np.random.default_rng(0)
# Some elements' gradients are near epsilon, where it counts; the second half is smaller, where
# AMSGrad remembers.
START = RNG.normal(size=6)
GRADIENTS = RNG.normal(size=(50, 6)) * np.geomspace(1e-4, 1.0, 6)
GRADIENTS[25:] *= 0.1

# 50 times a few roundings of numbers below 10.
ROUNDING = {"rtol": 0.0, "atol": 1e-12}


@pytest.fixture
def gradients(library):
    """Return 50 gradients, but a few on Dask: its graph grows until it is computed."""
    return GRADIENTS[20:30] if library.value == "dask" else GRADIENTS


@pytest.fixture
def torch():
    """Return PyTorch where it is installed; NAdam keeps a product in its default dtype."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


def run(optimizer, gradients, array, dtype="float64"):
    """Return theta after a step along each of the gradients."""
    theta = array(START, dtype) * 1.0  # its own memory, which the steps may change
    state = optimizer.init(theta)
    for step, gradient in enumerate(gradients, 1):
        theta, state = optimizers.descend(
            optimizer, theta, array(gradient, dtype) * 1.0, state, optimizer.learning_rate, step
        )
    return theta


# ----------------------------------------------------------------------------- by hand


def test_sgd_goes_down_the_gradient(array, gradients):
    expected = START - 0.1 * gradients.sum(axis=0)
    assert_values(run(optimizers.sgd(0.1), gradients, array), expected, **ROUNDING)


def test_momentum_by_hand(array, gradients):
    velocity, theta, ahead = 0.0, START, START
    for gradient in gradients:
        velocity = 0.8 * velocity + gradient
        theta = theta - 0.1 * velocity
        ahead = ahead - 0.1 * (gradient + 0.8 * velocity)
    assert_values(run(optimizers.momentum(0.1, 0.8), gradients, array), theta, **ROUNDING)
    assert_values(run(optimizers.nesterov(0.1, 0.8), gradients, array), ahead, **ROUNDING)


def test_lion_by_hand(array, gradients):
    mean, theta = 0.0, START
    for gradient in gradients:
        theta = theta - 0.1 * np.sign(0.8 * mean + 0.2 * gradient)
        mean = 0.95 * mean + 0.05 * gradient
    assert_values(run(optimizers.lion(0.1, 0.8, 0.95), gradients, array), theta, **ROUNDING)


def test_nadam_by_hand(array, gradients):
    """Dozat 2016, algorithm 2, with a constant mu."""
    m, v, theta = 0.0, 0.0, START
    for t, g in enumerate(gradients, 1):
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
        m_hat = 0.8 * m / (1 - 0.8 ** (t + 1)) + 0.2 * g / (1 - 0.8**t)
        theta = theta - 0.1 * m_hat / (np.sqrt(v / (1 - 0.95**t)) + 1e-4)
    assert_values(run(ALL["nadam"], gradients, array), theta, **ROUNDING)


def test_epsilon_hat_by_hand(array, gradients):
    """Kingma and Ba 2015, the last lines of section 2: epsilon beside the biased root."""
    m, v, theta = 0.0, 0.0, START
    for t, g in enumerate(gradients, 1):
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
        rate = 0.1 * np.sqrt(1 - 0.95**t) / (1 - 0.8**t)
        theta = theta - rate * m / (np.sqrt(v) + 1e-4)
    assert_values(run(ALL["adam, epsilon-hat"], gradients, array), theta, **ROUNDING)


# ----------------------------------------------------------------------------- by others

ADAM = {"betas": (0.8, 0.95), "eps": 1e-4}
TORCHS = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.8}),
    "nesterov": ("SGD", {"momentum": 0.8, "nesterov": True}),
    "adagrad": ("Adagrad", {"eps": 1e-4}),
    "rmsprop": ("RMSprop", {"alpha": 0.8, "eps": 1e-4}),
    "adam": ("Adam", ADAM),
    "adamw": ("AdamW", ADAM | {"weight_decay": 0.01}),
    # Its beta1 grows towards the one that is given, with such a decay at once.
    "nadam": ("NAdam", ADAM | {"momentum_decay": 1e9}),
    "amsgrad": ("Adam", ADAM | {"amsgrad": True}),
}


@pytest.mark.parametrize("name", [name for name in TORCHS if name != "adamw"])
def test_torch_goes_the_same_way(array, gradients, torch, name):
    peer, options = TORCHS[name]
    theta = torch.nn.Parameter(torch.tensor(START))
    peer = getattr(torch.optim, peer)([theta], lr=0.1, **options)
    for gradient in gradients:
        theta.grad = torch.tensor(gradient)
        peer.step()
    assert_values(run(ALL[name], gradients, array), theta.detach().numpy(), **ROUNDING)


OPTAXS = {
    "sgd": ("sgd", {}),
    "momentum": ("sgd", {"momentum": 0.8}),
    "nesterov": ("sgd", {"momentum": 0.8, "nesterov": True}),
    "lion": ("lion", {"b1": 0.8, "b2": 0.95, "weight_decay": 0.0}),
    "rmsprop": ("rmsprop", {"decay": 0.8, "eps": 1e-4, "eps_in_sqrt": False}),
    "adam": ("adam", {"b1": 0.8, "b2": 0.95, "eps": 1e-4}),
    "nadam": ("nadam", {"b1": 0.8, "b2": 0.95, "eps": 1e-4}),
    # Its epsilon stands within the root, so there is none; its AMSGrad is that of another paper.
    "adagrad": ("adagrad", {"initial_accumulator_value": 0.0, "eps": 0.0}),
}


@pytest.mark.parametrize("name", OPTAXS)
def test_optax_goes_the_same_way(array, gradients, name):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    peer, options = OPTAXS[name]
    with jax.enable_x64(True):
        peer = getattr(optax, peer)(0.1, **options)
        theta = jax.numpy.asarray(START)
        state = peer.init(theta)
        for gradient in gradients:
            updates, state = peer.update(jax.numpy.asarray(gradient), state, theta)
            theta = optax.apply_updates(theta, updates)
        expected = np.asarray(theta)
    optimizer = optimizers.adagrad(0.1, 0.0) if name == "adagrad" else ALL[name]
    assert_values(run(optimizer, gradients, array), expected, **ROUNDING)


@pytest.mark.parametrize("name", TORCHS)
def test_torch_trains_the_same_network(torch, name):
    """With gradients that depend on the steps before; weights decay and biases do not.

    On NumPy: the tests above show that the steps are the same on every library.
    """
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(3, 20)), rng.normal(size=(2, 20))
    network = Network(3, (Dense(4, "tanh"), Dense(2)), "squared_error")
    start = network.initialize(0, like=X)
    optimizer = ALL[name]._replace(learning_rate=0.02)
    run = train(network, X, Y, start, optimizer=optimizer, epochs=50)

    peer, options = TORCHS[name]
    parameters = {
        key: torch.tensor(x, requires_grad=True) for key, x in network.unpack(start).items()
    }
    decay = options.get("weight_decay", 0.0)
    groups = [
        {"params": [x], "weight_decay": decay if key.startswith("W") else 0.0}
        for key, x in parameters.items()
    ]
    peer = getattr(torch.optim, peer)(groups, lr=0.02, **options)
    W1, b1, W2, b2 = parameters.values()
    costs = []
    for _ in range(50):
        peer.zero_grad()
        E = W2 @ torch.tanh(W1 @ torch.tensor(X) + b1) + b2 - torch.tensor(Y)
        cost = 0.5 * (E * E).sum() / 20
        cost.backward()
        peer.step()
        costs.append(cost.item())
    assert run.history["cost"] == pytest.approx(costs, rel=1e-11)
    for key, x in network.unpack(run.theta).items():
        assert_values(x, parameters[key].detach().numpy(), rtol=0.0, atol=1e-11)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamw", "nadam", "amsgrad"])
def test_defaults_are_those_of_torch(torch, name):
    ours = getattr(optimizers, name)(learning_rate=0.1)
    peer = getattr(torch.optim, TORCHS[name][0])
    defaults = peer([torch.nn.Parameter(torch.zeros(1))]).defaults
    numbers = defaults.get("betas", ()) if "alpha" not in defaults else (defaults["alpha"],)
    assert ours.numbers == (*numbers, defaults["eps"])
    assert ours.weight_decay == defaults["weight_decay"]
    if name.startswith("a") and name != "adagrad":
        assert getattr(optimizers, name)().learning_rate == defaults["lr"]


# ----------------------------------------------------------------------------- all of them


@every
def test_dtype_is_kept(array, dtype, xp, name):
    assert run(ALL[name], GRADIENTS[:3], array, dtype).dtype == getattr(xp, dtype)


@every
def test_a_minimum_is_found(name):
    """Of (theta - 1)^2, from 3; without a schedule some go on around it, a step away.

    On NumPy: the tests above show that the steps are the same on every library.
    """
    optimizer, theta = ALL[name], np.array([3.0])
    state = optimizer.init(theta)
    for step in range(1, 101):
        gradient = 2.0 * (theta - 1.0)
        theta, state = optimizers.descend(optimizer, theta, gradient, state, 0.1, step)
    if name == "adagrad":
        assert abs(float(theta[0]) - 1.0) < 1.0  # half the way, with ever smaller steps
    else:
        assert abs(float(theta[0]) - 1.0) < 0.25


@every
def test_optimizers_compare_by_value(name):
    """So that two equal ones are one constant of a compiled step."""
    optimizer = ALL[name]
    assert optimizer == type(optimizer)(*optimizer)
    assert hash(optimizer) == hash(type(optimizer)(*optimizer))
    assert optimizer != optimizer._replace(learning_rate=0.2)


def test_a_learning_rate_is_a_number_of_Python():
    assert type(optimizers.sgd(np.float32(0.5)).learning_rate) is float


@pytest.mark.parametrize("rate", [0.0, -0.1, float("nan")])
def test_what_does_not_descend_is_refused(rate):
    with pytest.raises(ValueError, match=f"learning_rate: found {rate}, expected a number above 0"):
        optimizers.sgd(rate)


class Velocity(NamedTuple):
    velocity: object


def roll(theta, gradient, state, learning_rate, step):
    """As one writes it who does not think of memory."""
    velocity = 0.9 * state.velocity + learning_rate * gradient
    return theta - velocity, Velocity(velocity)


@pytest.mark.parametrize("units", [2, 30_000], ids=["in one", "in blocks"])
def test_an_optimizer_of_ones_own_may_return_new_arrays(array, units):
    own = optimizers.Optimizer(lambda theta: Velocity(0.0 * theta), roll, 0.05)
    network = Network(2, (Dense(units, "tanh"), Dense(1)), "squared_error")
    X, Y = array([[1.0, -1.0, 2.0], [0.5, 0.0, -2.0]]), array([[1.0, 0.0, -1.0]])
    runs = [
        train(network, X, Y, optimizer=one, epochs=3, seed=1)
        for one in (own, optimizers.momentum(0.05))
    ]
    # The same sums in another order.
    assert_close(runs[0].theta, runs[1].theta, rtol=1e-9, atol=1e-12)


def test_a_state_without_names_is_refused():
    own = optimizers.Optimizer(lambda theta: (0.0 * theta,), roll, 0.1)
    network = Network(1, (Dense(1),), "squared_error")
    with pytest.raises(TypeError, match="optimizer: its state is a tuple, expected a NamedTuple"):
        train(network, np.ones((1, 2)), np.ones((1, 2)), optimizer=own)


# ----------------------------------------------------------------------------- of one's own


def normalized(theta, gradient, state, learning_rate, step):
    """A step of the length of the learning rate: no element goes by itself."""
    return theta - learning_rate * gradient / (gradient @ gradient) ** 0.5, state


@pytest.mark.parametrize("size", [60_000, 1_000_000])
def test_a_normalized_step_has_its_length_whatever_the_size(array, dtype, size):
    own = optimizers.Optimizer(lambda theta: (), normalized, 0.5)
    theta, gradient = (array(np.full(size, value), dtype) for value in (0.0, 2.0))
    moved, _ = optimizers.descend(own, theta * 1.0, gradient, (), 0.5, 1)
    length = float(np.linalg.norm(backends.to_host(moved).astype(np.float64)))
    # A sum of so many equal squares rounds at most once for each factor of two of its size.
    assert length == pytest.approx(0.5, rel=20 * float(np.finfo(dtype).eps))


class Counted(NamedTuple):
    velocity: object
    count: object


def counting(theta, gradient, state, learning_rate, step):
    """A state with a number beside the vector, as optax has one."""
    velocity = state.velocity + gradient
    return theta - learning_rate * velocity, Counted(velocity, state.count + 1.0)


@pytest.mark.parametrize("elementwise", [False, True])
@pytest.mark.parametrize("size", [10, 600_000], ids=["in one", "in blocks"])
def test_state_that_is_not_of_thetas_shape_is_passed_whole(array, size, elementwise):
    """Once for each update, however many blocks there are."""
    own = optimizers.Optimizer(None, counting, 0.5, elementwise=elementwise)
    theta, gradient = array(np.zeros(size)) * 1.0, array(np.ones(size))
    state = Counted(theta * 1.0, array(0.0))
    for step in (1, 2):
        theta, state = optimizers.descend(own, theta, gradient * 1.0, state, 0.5, step)
    assert float(state.count) == 2.0
    assert_values(theta, np.full(size, -1.5), rtol=1e-15)


def test_a_count_in_the_state_is_saved_and_resumed(array):
    own = optimizers.Optimizer(
        lambda theta: Counted(0.0 * theta, 0.0 * theta[0]), counting, 0.01, name="counting"
    )
    network = Network(2, (Dense(3, "tanh"), Dense(1)), "squared_error")
    X, Y = array([[1.0, -1.0, 2.0], [0.5, 0.0, -2.0]]), array([[1.0, 0.0, -1.0]])
    whole = train(network, X, Y, optimizer=own, epochs=4)
    first = train(network, X, Y, optimizer=own, epochs=2)
    rest = train(network, X, Y, optimizer=own, epochs=4, resume=first.progress)
    assert_close(rest.theta, whole.theta, rtol=0)
    assert float(rest.progress.state.optimizer.count) == 4.0


@pytest.mark.parametrize("found", ["0.1", None, float("nan"), float("inf"), True, [0.1], 1j, -1.0])
@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_optimizers_numbers_that_are_none_are_named(name, found):
    with pytest.raises(ValueError, match=r"^learning_rate: found .*, expected a number above 0"):
        optimizers.OPTIMIZERS[name](found)
    for number in dict(optimizers.OPTIMIZERS[name](0.1).arguments):
        with pytest.raises(ValueError, match=f"^{number}: found .*, expected "):
            optimizers.OPTIMIZERS[name](0.1, **{number: found if found is not True else "yes"})


def test_optimizers_hold_numbers_of_pythons_own():
    made = optimizers.adam(np.float32(0.5), beta1=np.float64(0.5), epsilon=np.int64(1))
    assert {type(x) for x in (made.learning_rate, *made.numbers)} == {float}
    assert made == optimizers.adam(0.5, beta1=0.5, epsilon=1.0)
