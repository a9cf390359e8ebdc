"""Optimizers: the steps by hand and by torch, and what all of them have in common."""

import numpy as np
import pytest

from dnn_xp.training import optimizers
from tests.helpers import assert_values

# Each with numbers that are not its defaults.
ALL = {
    "sgd": optimizers.sgd(0.1),
    "momentum": optimizers.momentum(0.1, 0.8),
    "nesterov": optimizers.nesterov(0.1, 0.8),
    "lion": optimizers.lion(0.1, 0.8, 0.95),
    "adagrad": optimizers.adagrad(0.1, 1e-4),
    "rmsprop": optimizers.rmsprop(0.1, 0.8, 1e-4),
    "adam": optimizers.adam(0.1, 0.8, 0.95, 1e-4),
    "adamw": optimizers.adamw(0.1, 0.8, 0.95, 1e-4, weight_decay=0.01),
    "nadam": optimizers.nadam(0.1, 0.8, 0.95, 1e-4),
    "amsgrad": optimizers.amsgrad(0.1, 0.8, 0.95, 1e-4),
}

every = pytest.mark.parametrize("name", ALL)

RNG = np.random.default_rng(0)
START, GRADIENTS = RNG.normal(size=6), RNG.normal(size=(5, 6))


def run(optimizer, array, dtype="float64"):
    """Return theta after a step along each of the gradients."""
    theta = array(START, dtype) * 1.0  # its own memory, which the steps may change
    state = optimizer.init(theta)
    for step, gradient in enumerate(GRADIENTS, 1):
        theta, state = optimizers.descend(
            optimizer, theta, array(gradient, dtype) * 1.0, state, optimizer.learning_rate, step
        )
    return theta


def test_sgd_goes_down_the_gradient(array):
    assert_values(run(optimizers.sgd(0.1), array), START - 0.1 * GRADIENTS.sum(axis=0), rtol=1e-13)


def test_momentum_by_hand(array):
    velocity, theta, ahead = 0.0, START, START
    for gradient in GRADIENTS:
        velocity = 0.8 * velocity + gradient
        theta = theta - 0.1 * velocity
        ahead = ahead - 0.1 * (gradient + 0.8 * velocity)
    assert_values(run(optimizers.momentum(0.1, 0.8), array), theta, rtol=1e-13)
    assert_values(run(optimizers.nesterov(0.1, 0.8), array), ahead, rtol=1e-13)


def test_lion_by_hand(array):
    mean, theta = 0.0, START
    for gradient in GRADIENTS:
        theta = theta - 0.1 * np.sign(0.8 * mean + 0.2 * gradient)
        mean = 0.95 * mean + 0.05 * gradient
    assert_values(run(optimizers.lion(0.1, 0.8, 0.95), array), theta, rtol=1e-13)


def test_nadam_by_hand(array):
    """Dozat 2016, algorithm 2, with a constant mu."""
    m, v, theta = 0.0, 0.0, START
    for t, g in enumerate(GRADIENTS, 1):
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
        m_hat = 0.8 * m / (1 - 0.8 ** (t + 1)) + 0.2 * g / (1 - 0.8**t)
        theta = theta - 0.1 * m_hat / (np.sqrt(v / (1 - 0.95**t)) + 1e-4)
    assert_values(run(optimizers.nadam(0.1, 0.8, 0.95, 1e-4), array), theta, rtol=1e-13)


ADAM = {"betas": (0.8, 0.95), "eps": 1e-4}
TORCHS = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.8}),
    "nesterov": ("SGD", {"momentum": 0.8, "nesterov": True}),
    "adagrad": ("Adagrad", {"eps": 1e-4}),
    "rmsprop": ("RMSprop", {"alpha": 0.8, "eps": 1e-4}),
    "adam": ("Adam", ADAM),
    "amsgrad": ("Adam", ADAM | {"amsgrad": True}),
}


@pytest.mark.parametrize("name", TORCHS)
def test_torch_goes_the_same_way(array, name):
    torch = pytest.importorskip("torch")
    peer, options = TORCHS[name]
    theta = torch.nn.Parameter(torch.tensor(START))
    peer = getattr(torch.optim, peer)([theta], lr=0.1, **options)
    for gradient in GRADIENTS:
        theta.grad = torch.tensor(gradient)
        peer.step()
    # A few roundings in each of five steps.
    assert_values(run(ALL[name], array), theta.detach().numpy(), rtol=1e-12)


@every
def test_dtype_is_kept(array, dtype, xp, name):
    assert run(ALL[name], array, dtype).dtype == getattr(xp, dtype)


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
        assert abs(float(theta[0]) - 1.0) < 2.0  # on its way, with ever smaller steps
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
