"""The range test: its costs by hand, where it ends, and that what it proposes trains."""

import numpy as np
import pytest

from dnn_xp import Dense, Network, sgd, train
from dnn_xp.training import adam, momentum
from dnn_xp.training.range_test import RangeTest, learning_rate_range_test
from tests.helpers import assert_close

LINE = Network(1, (Dense(1),), "squared_error")


@pytest.fixture
def towards_0(array):
    """Return a range test from b = 1 towards 0, of seven equal examples whose gradient is b."""

    def run(cost="squared_error", b=1.0, **options):
        network = Network(1, (Dense(1),), cost)
        zeros = array(np.zeros((1, 7)))
        return learning_rate_range_test(network, zeros, zeros, array([0.0, b]), **options)

    return run


def averages(costs, stays):
    """Return the mean of the costs so far, each counting `stays` times as much as the next."""
    shares = stays ** np.arange(len(costs))[::-1]
    return [float(np.average(costs[: i + 1], weights=shares[-i - 1 :])) for i in range(len(costs))]


@pytest.mark.parametrize("batch_size", [None, 7, 3])
def test_costs_are_those_of_a_growing_rate(towards_0, batch_size):
    """b becomes (1 - rate) b, and the cost is b^2 / 2, also of a batch of one example."""
    rates = np.geomspace(1e-3, 1.0, 10)
    b = np.cumprod([1.0, *(1.0 - rates[:-1])])
    found = towards_0(lowest=1e-3, highest=1.0, steps=10, batch_size=batch_size)
    np.testing.assert_allclose(found.learning_rates, rates, rtol=1e-14)
    # A batch's cost is a difference of totals, which are below 4.
    np.testing.assert_allclose(found.costs, b**2 / 2, rtol=1e-12, atol=1e-15)
    assert found.smoothed == found.costs  # a tenth of the steps is one
    assert found.proposed == pytest.approx(0.1)


def test_smoothing_looks_back_over_a_tenth_of_the_steps(towards_0):
    found = towards_0(lowest=1e-3, highest=1.0, steps=50)
    np.testing.assert_allclose(found.smoothed, averages(found.costs, 0.8), rtol=1e-12)


def test_the_optimizer_is_used_and_its_own_rate_is_not(towards_0):
    """Adam's first step is as long as the rate, nearly; that of this gradient is twice as long."""
    options = {"cost": "absolute_error", "b": 9.0, "lowest": 0.25, "highest": 1.0, "steps": 3}
    found = towards_0(optimizer=adam(1e3), **options)
    np.testing.assert_allclose(found.costs[:2], [9.0, 8.75], rtol=1e-8)
    for optimizer in (None, sgd(55.0)):
        found = towards_0(optimizer=optimizer, **options)
        np.testing.assert_allclose(found.costs, [9.0, 8.75, 8.25], rtol=1e-14)
    assert found.learning_rates == pytest.approx([0.25, 0.5, 1.0])


def test_it_ends_where_the_cost_blows_up(towards_0):
    """Above a rate of 2, |b| grows: the run ends at four times the lowest cost, or the first."""
    found = towards_0(lowest=1e-3, highest=100.0, steps=100)
    rates = np.geomspace(1e-3, 100.0, 100)
    costs = np.cumprod([1.0, *(1.0 - rates[:-1])]) ** 2 / 2
    smoothed = averages(costs, 0.9)
    end = next(i for i in range(100) if smoothed[i] > max(smoothed[0], 4 * min(smoothed[: i + 1])))
    assert len(found.learning_rates) == len(found.costs) == len(found.smoothed) == end + 1 < 100
    np.testing.assert_allclose(found.smoothed, smoothed[: end + 1], rtol=1e-9)
    best = int(np.argmin(smoothed[: end + 1]))
    assert found.proposed == pytest.approx(rates[best] / 10)


def test_a_cost_near_0_may_grow_again(towards_0):
    """Four times the lowest cost is nothing yet: it ends where the cost is above the first, too."""
    found = towards_0(lowest=0.3, highest=0.3 * 2**7, steps=8)
    b = np.cumprod([1.0, *(1.0 - 0.3 * 2.0 ** np.arange(6))])  # ..., 0.06, 0.08, 0.3, 2.6
    np.testing.assert_allclose(found.costs, b**2 / 2, rtol=1e-12)
    assert found.proposed == pytest.approx(0.3 * 2**3 / 10)


def test_it_ends_at_once_where_the_cost_is_no_longer_finite(towards_0):
    """From 1e150 a rate of 1e6 leads to a cost that no float64 holds; nobody is warned."""
    with np.errstate(over="ignore"):
        found = towards_0(b=1e150, lowest=0.1, highest=1e40, steps=3)
    assert len(found.costs) == 2
    assert np.isfinite(found.costs).all()


def test_what_else_train_takes(towards_0, array):
    """A gradient of 8 is cut to 1."""
    found = towards_0(b=8.0, lowest=0.25, highest=1.0, steps=3, clip_norm=1.0)
    np.testing.assert_allclose(found.costs, np.square([8.0, 7.75, 7.25]) / 2, rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lowest": 0.0}, "lowest: found 0.0, expected a number above 0"),
        ({"lowest": 1.0, "highest": 1.0}, "highest: found 1.0, expected a number above 1.0"),
        ({"highest": float("inf")}, "highest: found inf, expected a number above 1e-06"),
        ({"steps": 2}, "steps: found 2, expected a whole number from 3 on"),
        ({"batch_size": 0}, "batch_size: found 0, expected a whole number from 1 on"),
        ({"lowest": 3.0}, "lowest: found 3.0, at which the cost already does not fall"),
        ({"b": 0.0}, "lowest: found 1e-06, at which the cost already does not fall"),
    ],
)
def test_range_test_what_makes_no_sense_is_refused(towards_0, options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        towards_0(**options)


# ----------------------------------------------------------------------------- a real problem


def spirals():
    """Return two noisy classes that no line parts."""
    rng = np.random.default_rng(3)
    radius, y = rng.uniform(0.2, 1.0, 48), rng.integers(2, size=48)
    angle = 4.0 * radius + np.pi * y + 0.2 * rng.normal(size=48)
    return radius * np.stack([np.cos(angle), np.sin(angle)]), y[None, :] * 1.0


@pytest.mark.parametrize(
    ("optimizer", "batch_size"), [(sgd(1.0), None), (momentum(1.0), 12), (adam(1.0), 12)]
)
def test_the_proposed_rate_trains(array, library, optimizer, batch_size):
    """Better than rates a hundred times smaller and larger."""
    X, Y = (array(x) for x in spirals())
    network = Network(2, (Dense(16, "tanh"), Dense(1)), "sigmoid_cross_entropy")
    theta = network.initialize(1, like=X)
    options = {"batch_size": batch_size, "seed": 2}
    n_batches = 48 // (batch_size or 48)
    short = library.value == "dask"  # tens of milliseconds a step
    found = learning_rate_range_test(
        network, X, Y, theta, optimizer=optimizer, steps=20 if short else 60, **options
    )
    assert_close(theta, network.initialize(1, like=X), rtol=0)

    def last_cost(rate):
        run = train(
            network,
            X,
            Y,
            theta,
            optimizer=optimizer._replace(learning_rate=rate),
            epochs=(12 if short else 60) // n_batches,
            **options,
        )
        return float(network.evaluate_cost(run.theta, X, Y))

    smaller, proposed, larger = (last_cost(f * found.proposed) for f in (0.01, 1.0, 100.0))
    assert proposed < smaller
    assert proposed < larger


def test_a_range_test_is_shown_as_one_line_and_as_a_curve(towards_0):
    found = towards_0(lowest=1e-3, highest=1.0, steps=10)
    rates = "10 learning rates from 0.001 to 1"
    assert repr(found) == f"RangeTest(proposed {found.proposed:.3g}, {rates})"
    page = found._repr_html_()
    assert "<svg" in page
    assert f"proposed {found.proposed:.3g}" in page
    assert repr(RangeTest([], [], [], 0.5)) == "RangeTest(proposed 0.5, 0 learning rates)"
    assert "<svg" not in RangeTest([], [], [], 0.5)._repr_html_()
