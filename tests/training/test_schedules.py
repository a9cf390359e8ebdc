"""Schedules: values worked by hand, those of torch where the forms agree, bounds, continuity."""

import math
import pickle
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp import Callback, Dense, Network, backends, sgd, train
from dnn_xp.training import schedules
from dnn_xp.training.schedules import (
    ReduceOnPlateau,
    constant,
    cosine,
    exponential_decay,
    inverse_scaling,
    one_cycle,
    step_decay,
    warm_up,
)

ROOT_HALF = math.sqrt(0.5)

# The schedule, epochs and values.
WORKED = [
    (constant(), [0, 7.5], [1, 1]),
    (constant(0.3), [0, 7.5], [0.3, 0.3]),
    (step_decay(4), [0, 3.99, 4, 7.99, 8, 12], [1, 1, 0.1, 0.1, 0.01, 0.001]),
    (step_decay(0.5, 0.5), [0, 0.25, 0.5, 1, 1.75], [1, 1, 1 / 2, 1 / 4, 1 / 8]),
    (exponential_decay(0.25), [0, 0.5, 1, 1.5, 3], [1, 1 / 2, 1 / 4, 1 / 8, 1 / 64]),
    (inverse_scaling(), [0, 3, 8, 99], [1, 1 / 2, 1 / 3, 1 / 10]),
    (inverse_scaling(2, rate=10), [0, 0.1, 0.9], [1, 1 / 4, 1 / 100]),
    (inverse_scaling(0), [0, 5], [1, 1]),
    # cos(0, 1/4, 1/2, 1 of pi) is 1, root 1/2, 0, -1.
    (cosine(8), [0, 2, 4, 8, 20], [1, (1 + ROOT_HALF) / 2, 0.5, 0, 0]),
    (cosine(8, min_factor=0.2), [0, 4, 8, 9], [1, 0.6, 0.2, 0.2]),
    (cosine(10, warm_up=2), [0, 0.5, 1, 2, 6, 10], [0, 1 / 4, 1 / 2, 1, 1 / 2, 0]),
    (cosine(12, restarts=2), [0, 2, 3.999999999, 4, 6, 8, 10, 12], [1, 0.5, 0, 1, 0.5, 1, 0.5, 0]),
    (
        cosine(15, warm_up=1, restarts=2, growth=2, min_factor=0.5),
        [1, 2, 2.999999999, 3, 5, 7, 11, 15, 16],
        [1, 0.75, 0.5, 1, 0.75, 1, 0.75, 0.5, 0.5],
    ),
    (one_cycle(10), [0, 1.5, 3, 10, 11], [0.04, 0.52, 1, 4e-6, 4e-6]),
    (
        one_cycle(8, rise=0.25, start=0.5, end=0.4),
        [0, 1, 2, 4, 8, 9],
        [0.5, 0.75, 1, 0.8, 0.4, 0.4],
    ),
    (warm_up(constant(0.5), 4), [0, 1, 2, 4, 9], [0, 1 / 8, 1 / 4, 1 / 2, 1 / 2]),
    (warm_up(step_decay(3), 2), [0, 1, 2, 4.99, 5], [0, 1 / 2, 1, 1, 0.1]),
    (warm_up(inverse_scaling(), 0), [0, 3, 8], [1, 1 / 2, 1 / 3]),
]


@pytest.mark.parametrize(("schedule", "epochs", "values"), WORKED)
def test_schedule_worked_examples(schedule, epochs, values):
    found = [schedule(epoch) for epoch in epochs]
    assert all(type(value) in (float, int) for value in found)
    np.testing.assert_allclose(found, values, rtol=1e-15, atol=1e-15)


# ----------------------------------------------------------------------------- torch's


def of_torch(name, epochs, **options):
    """Return the learning rates of torch's scheduler, from 1 on."""
    torch = import_module("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is the oracle")
@pytest.mark.parametrize(
    ("schedule", "name", "epochs", "options"),
    [
        (step_decay(7, 0.3), "StepLR", 40, {"step_size": 7, "gamma": 0.3}),
        (exponential_decay(0.9), "ExponentialLR", 40, {"gamma": 0.9}),
        (cosine(30, min_factor=0.1), "CosineAnnealingLR", 30, {"T_max": 30, "eta_min": 0.1}),
        (
            cosine(70, restarts=2, growth=2, min_factor=0.01),
            "CosineAnnealingWarmRestarts",
            70,
            {"T_0": 10, "T_mult": 2, "eta_min": 0.01},
        ),
        (  # torch counts steps, of which the first is at 0 and the last at 20
            one_cycle(20, rise=0.25, start=1 / 25, end=1 / 25 / 1e4),
            "OneCycleLR",
            21,
            {
                "max_lr": 1.0,
                "total_steps": 21,
                "pct_start": 6 / 21,
                "anneal_strategy": "linear",
                "cycle_momentum": False,
            },
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_values_are_those_of_torch(schedule, name, epochs, options):
    values = [schedule(epoch) for epoch in range(epochs)]
    # torch multiplies the rate of the epoch before, and gathers a rounding in each.
    np.testing.assert_allclose(values, of_torch(name, epochs, **options), rtol=1e-13, atol=1e-14)


# ----------------------------------------------------------------------------- invariants

parts = st.floats(0.0, 1.0)
lengths = st.floats(0.1, 1000.0)
SHAPES = {
    "step_decay": st.builds(step_decay, lengths, st.floats(0.01, 1.0)),
    "exponential_decay": st.builds(exponential_decay, st.floats(0.01, 1.0)),
    "inverse_scaling": st.builds(inverse_scaling, st.floats(0.0, 3.0), st.floats(0.1, 1e5)),
    "cosine": st.builds(
        lambda epochs, part, **options: cosine(epochs, warm_up=0.99 * part * epochs, **options),
        lengths,
        parts,
        restarts=st.integers(0, 5),
        growth=st.floats(1.0, 3.0),
        min_factor=parts,
    ),
    "one_cycle": st.builds(one_cycle, lengths, rise=st.floats(0.01, 0.99), start=parts, end=parts),
}


@given(schedule=st.one_of(*SHAPES.values()), epoch=st.floats(0.0, 2000.0))
def test_never_below_0_or_above_1(schedule, epoch):
    assert 0.0 <= schedule(epoch) <= 1.0 + 1e-15


@given(
    schedule=SHAPES["exponential_decay"] | SHAPES["inverse_scaling"] | SHAPES["step_decay"],
    epoch=st.floats(0.0, 1000.0),
    more=st.floats(0.0, 1000.0),
)
def test_decays_begin_at_1_and_never_rise(schedule, epoch, more):
    assert schedule(0.0) == 1.0
    assert schedule(epoch + more) <= schedule(epoch)


@given(schedule=SHAPES["one_cycle"], epoch=st.floats(0.0, 2000.0))
def test_one_cycle_has_no_jumps(schedule, epoch):
    epochs, rise, start, end = schedule.numbers
    steepest = max((1.0 - start) / rise, (1.0 - end) / (1.0 - rise)) / epochs
    assert abs(schedule(epoch + 1e-6) - schedule(epoch)) <= 1e-6 * steepest + 1e-12


@given(epochs=lengths, part=st.floats(0.01, 0.9), where=st.floats(0.0, 1.1))
def test_cosine_without_restarts_has_no_jumps(epochs, part, where):
    """No steeper than its line, 1 / warm_up, or its cosine, pi / 2 over what is left."""
    schedule, epoch = cosine(epochs, warm_up=part * epochs), where * epochs
    steepest = max(1.0 / part, 0.5 * math.pi / (1.0 - part)) / epochs
    assert abs(schedule(epoch + 1e-6) - schedule(epoch)) <= 1e-6 * steepest + 1e-12


@given(length=lengths, rise=lengths, epoch=st.floats(0.0, 2000.0))
def test_a_warm_up_is_that_of_the_cosine(length, rise, epoch):
    own = cosine(rise + length, warm_up=rise)
    assert warm_up(cosine(length), rise)(epoch) == pytest.approx(own(epoch), abs=1e-9)


def test_a_plateau_after_a_warm_up():
    plateau = ReduceOnPlateau(0.5, patience=1)
    schedule = warm_up(plateau, 2)
    assert tell(plateau, [1.0, 1.0]) == [1.0, 0.5]
    assert [schedule(epoch) for epoch in (0, 1, 2, 9)] == [0.0, 0.25, 0.5, 0.5]


@pytest.mark.parametrize("schedule", [one[0] for one in WORKED] + [ReduceOnPlateau(patience=3)])
def test_they_compare_by_value_and_can_be_kept(schedule):
    kept = pickle.loads(pickle.dumps(schedule))
    assert kept == schedule
    assert kept(2.5) == schedule(2.5)
    assert schedule != constant(0.123)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(0.0), "factor: found 0.0, expected a number above 0"),
        (lambda: constant(math.nan), "factor: found nan"),
        (lambda: step_decay(0), "every: found 0, expected a number of epochs above 0"),
        (lambda: step_decay(3, 1.5), "factor: found 1.5, expected 0 < factor <= 1"),
        (lambda: exponential_decay(0.0), "factor: found 0.0, expected 0 < factor <= 1"),
        (lambda: inverse_scaling(-1), "power: found -1, expected a number from 0 on"),
        (lambda: inverse_scaling(rate=0), "rate: found 0, expected a number above 0"),
        (lambda: cosine(0), "epochs: found 0, expected a number above 0"),
        (lambda: cosine(5, warm_up=5), "warm_up: found 5, expected 0 <= warm_up < epochs"),
        (lambda: cosine(5, restarts=1.5), "restarts: found 1.5, expected a whole number"),
        (lambda: cosine(5, restarts=-1), "restarts: found -1, expected a whole number"),
        (lambda: cosine(5, growth=0.5), "growth: found 0.5, expected a number from 1 on"),
        (lambda: cosine(5, min_factor=2), "min_factor: found 2, expected 0 <= min_factor <= 1"),
        (lambda: one_cycle(math.inf), "epochs: found inf"),
        (lambda: one_cycle(5, rise=1), "rise: found 1, expected 0 < rise < 1"),
        (lambda: one_cycle(5, start=2), "start: found 2, expected 0 <= start <= 1"),
        (lambda: one_cycle(5, end=-1), "end: found -1, expected 0 <= end <= 1"),
        (lambda: warm_up(constant(), -1), "epochs: found -1, expected a number from 0 on"),
        (lambda: ReduceOnPlateau(1.0), "factor: found 1.0, expected 0 < factor < 1"),
        (lambda: ReduceOnPlateau(patience=0), "patience: found 0, expected a whole number from 1"),
        (lambda: ReduceOnPlateau(min_delta=-1), "min_delta: found -1, expected a number from 0 on"),
        (
            lambda: ReduceOnPlateau(min_factor=2),
            "min_factor: found 2, expected 0 <= min_factor <= 1",
        ),
    ],
)
def test_schedule_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


# ----------------------------------------------------------------------------- on a plateau


def tell(plateau, costs):
    """Take a schedule through a run of these costs, and return its factor after each."""
    history, factors = {}, []
    plateau.start(run_of(history, 0))
    for epoch, cost in enumerate(costs, 1):
        history.setdefault("validation_cost", []).append(cost)
        assert plateau.epoch(run_of(history, epoch)) is None
        factors.append(plateau(epoch + 0.5))
    return factors


def run_of(history, epoch):
    """Return what a plateau sees of a run."""
    return SimpleNamespace(history=history, epoch=epoch, modes={"validation_cost": "min"})


COSTS = [5, 4, 4, 3, 3, 3, 3.5, math.nan, 2, 2, 2, 2, 2]


@pytest.mark.filterwarnings("ignore:validation_cost is not a number")
def test_it_falls_when_patience_is_at_an_end():
    assert ReduceOnPlateau()(0.0) == 1.0
    plateau = ReduceOnPlateau(0.5, patience=2, min_factor=0.2)
    # Waits for: - - 1 - 1 2 1 2 - 1 2 1 2
    half = [1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]
    assert tell(plateau, COSTS) == half
    assert tell(plateau, [1.0]) == [1.0]  # another run
    assert tell(ReduceOnPlateau(0.5, patience=2, min_delta=1.0), [5, 4.5, 4, 3.5, 3]) == [
        1,
        1,
        0.5,
        0.5,
        0.5,
    ]


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is the oracle")
@pytest.mark.parametrize(("patience", "min_delta"), [(1, 0.0), (2, 0.0), (3, 0.05)])
def test_it_falls_as_that_of_torch(patience, min_delta):
    """torch's patience is a number of epochs that pass without a fall: one less."""
    torch = import_module("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=0.5,
        patience=patience - 1,
        threshold=min_delta,
        threshold_mode="abs",
        min_lr=0.05,
        eps=0.0,
    )
    costs = list(np.exp(-np.arange(40) / 10) + np.random.default_rng(0).normal(0, 0.1, 40))
    rates = []
    for cost in costs:
        scheduler.step(cost)
        rates.append(optimizer.param_groups[0]["lr"])
    plateau = ReduceOnPlateau(0.5, patience, min_delta, min_factor=0.05)
    assert tell(plateau, costs) == rates
    assert rates[-1] < rates[0]


@pytest.mark.filterwarnings("ignore:validation_cost is not a number")
@pytest.mark.parametrize("stop", range(len(COSTS)))
def test_a_run_taken_up_again_goes_on_as_it_was(stop):
    whole = ReduceOnPlateau(0.5, patience=2)
    factors = tell(whole, COSTS)
    resumed = ReduceOnPlateau(0.5, patience=2)
    history = {"validation_cost": COSTS[:stop]} if stop else {}
    resumed.start(run_of(history, stop))
    assert resumed(stop) == ([1.0, *factors])[stop]
    for epoch in range(stop, len(COSTS)):
        history = {"validation_cost": COSTS[: epoch + 1]}
        resumed.epoch(run_of(history, epoch + 1))
        assert resumed(epoch) == factors[epoch]


def test_it_names_a_figure_that_is_not_there():
    with pytest.raises(ValueError, match=r"^monitor: found 'validation_cost', expected .* cost"):
        ReduceOnPlateau().epoch(run_of({"cost": [1.0]}, 1))


# ----------------------------------------------------------------------------- in a run


class Walk(Callback):
    """Keep b, which a gradient of 1 takes down by the learning rate in each step."""

    def start(self, run):
        self.places = []

    def epoch(self, run):
        self.places.append(float(backends.to_host(run.theta)[1]))


@pytest.mark.parametrize("batch_size", [4, 2])
def test_a_run_follows_its_schedule(array, batch_size):
    """The error is far above 0, so the gradient of its size is 1; each step is a fraction on."""
    network = Network(1, (Dense(1),), "absolute_error")
    X, Y, walk = array(np.zeros((1, 4))), array(np.zeros((1, 4))), Walk()
    options = {"optimizer": sgd(0.5), "batch_size": batch_size, "callbacks": [walk]}
    start = array([0.0, 100.0])
    train(network, X, Y, start, epochs=3, schedule=inverse_scaling(1.0), **options)
    n = 4 // batch_size
    steps = [0.5 / (1.0 + i / n) for i in range(3 * n)]
    np.testing.assert_allclose(walk.places, 100.0 - np.cumsum(steps)[n - 1 :: n], rtol=1e-14)


def test_a_run_tells_its_schedule_how_it_goes(array):
    """The cost only rises: the target is above, and the rate falls in every second epoch."""
    network = Network(1, (Dense(1),), "absolute_error")
    X, Y, walk = array(np.zeros((1, 4))), array(np.zeros((1, 4))), Walk()
    validation = (X, Y + 200.0)
    plateau = ReduceOnPlateau(0.5, patience=2)
    train(
        network,
        X,
        Y,
        array([0.0, 100.0]),
        optimizer=sgd(1.0),
        epochs=6,
        validation=validation,
        schedule=plateau,
        callbacks=[walk],
    )
    assert walk.places == [99.0, 98.0, 97.0, 96.5, 96.0, 95.75]


class StopAt(Callback):
    """Break off after an epoch, or within it."""

    def __init__(self, epoch, batch):
        self.place = (epoch, batch)

    def step(self, run):
        return "stopped" if (run.progress.epoch, run.progress.batch) == self.place else None


@pytest.mark.parametrize("place", [(3, 1), (3, 2), (4, 1)])
def test_a_real_run_taken_up_again_goes_on_at_its_rate(array, place):
    """The cost only rises; after 3 and after 5 epochs the rate falls."""
    network = Network(1, (Dense(1),), "absolute_error")
    X, Y = array(np.zeros((1, 4))), array(np.zeros((1, 4)))
    options = {"optimizer": sgd(1.0), "epochs": 6, "batch_size": 2, "validation": (X, Y + 200.0)}

    def run(*callbacks, **more):
        schedule = ReduceOnPlateau(0.5, patience=2)
        start = array([0.0, 100.0])
        return train(
            network, X, Y, start, schedule=schedule, callbacks=callbacks, **options, **more
        )

    whole, stopped = run(), run(StopAt(*place))
    assert stopped.reason == "stopped"
    resumed = run(resume=stopped.progress)
    assert resumed.history == whole.history
    assert float(backends.to_host(resumed.theta)[1]) == 100.0 - 2 * (3 * 1.0 + 2 * 0.5 + 0.25)


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), -0.5, "fast", None, np.nan])
def test_what_a_schedule_must_not_say_is_named(array, factor):
    X, network = array(np.ones((1, 4))), Network(1, (Dense(1),), "squared_error")
    with pytest.raises(ValueError, match=r"^schedule: found .* at epoch 2, expected a number"):
        train(network, X, X, epochs=4, schedule=lambda epoch: 1 if epoch < 2 else factor)


@pytest.mark.parametrize("found", ["1", None, float("nan"), float("inf"), True, [1.0], -1.0])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("factor", schedules.constant),
        ("every", schedules.step_decay),
        ("factor", schedules.exponential_decay),
        ("power", schedules.inverse_scaling),
        ("epochs", schedules.cosine),
        ("epochs", schedules.one_cycle),
        ("epochs", lambda found: schedules.warm_up(schedules.constant(), found)),
        ("warm_up", lambda found: schedules.cosine(5, warm_up=found)),
        ("restarts", lambda found: schedules.cosine(5, restarts=found)),
        ("growth", lambda found: schedules.cosine(5, growth=found)),
        ("min_factor", lambda found: schedules.cosine(5, min_factor=found)),
        ("rise", lambda found: schedules.one_cycle(5, rise=found)),
        ("end", lambda found: schedules.one_cycle(5, end=found)),
        ("factor", schedules.ReduceOnPlateau),
        ("patience", lambda found: schedules.ReduceOnPlateau(patience=found)),
        ("min_delta", lambda found: schedules.ReduceOnPlateau(min_delta=found)),
    ],
)
def test_schedules_numbers_that_are_none_are_named(name, make, found):
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected "):
        make(found)
