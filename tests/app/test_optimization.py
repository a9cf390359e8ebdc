"""What the options say of steps: schedules by their values, and what is refused."""

import pytest

from dnn_xp.app.optimization import (
    OPTIMIZERS,
    SCHEDULES,
    OptimizerSettings,
    choose_optimizer_settings,
    choose_schedule,
)
from dnn_xp.training import ReduceOnPlateau, adam

USUAL = {
    "schedule": "constant",
    "warm_up_epochs": 0.0,
    "epochs": 9,
    "clip_norm": None,
    "ema_decay": None,
}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("constant", [1, 1, 1, 1]),
        ("cosine", [1, 0.75, 0.25, 0]),
        ("step", [1, 0.1, 0.01, 0.001]),
        ("exponential", [1, 0.01 ** (1 / 3), 0.01 ** (2 / 3), 0.01]),
        ("inverse-scaling", [1, 1 / 2, 7**-0.5, 10**-0.5]),
        ("one-cycle", [0.04, (1 - 4e-6) * 20 / 21 + 4e-6, 10 / 21, 4e-6]),
        ("plateau", [1, 1, 1, 1]),
    ],
)
@pytest.mark.parametrize("rise", [0, 3])
def test_schedules(name, values, rise):
    """At 0, 3, 6 and 9 epochs; all of it later where there is a warm-up."""
    plan = choose_schedule(name, rise, 9 + rise)
    factors = [plan.schedule(epoch + rise + 1e-9) for epoch in (0, 3, 6, 9)]
    assert factors == pytest.approx(values, abs=1e-5)
    if rise:
        assert plan.schedule(0) == 0.0
        assert plan.schedule(1.5) == pytest.approx(0.5 * values[0])
    plateau = [isinstance(callback, ReduceOnPlateau) for callback in plan.callbacks]
    assert plateau == ([True] if name == "plateau" else [])


def test_every_schedule_is_tested():
    assert set(SCHEDULES) == {
        *("constant", "cosine", "step", "exponential", "inverse-scaling", "one-cycle", "plateau")
    }


@pytest.mark.parametrize(
    ("name", "rise", "description"),
    [
        ("constant", 0, "constant"),
        ("constant", 1.5, "constant after a warm-up of 1.5"),
        ("plateau", 0, "plateau"),
        ("cosine", 0, "cosine over 9 epochs"),
        ("step", 2, "step over 9 epochs after a warm-up of 2"),
    ],
)
def test_a_plan_is_known_by_its_description(name, rise, description):
    """Where the schedule depends on how long the run is, the description does."""
    assert choose_schedule(name, rise, 9).description == description
    longer = choose_schedule(name, rise, 10)
    same = [longer.schedule(e) == choose_schedule(name, rise, 9).schedule(e) for e in (3, 4.5, 8)]
    assert all(same) is (longer.description == description)


def test_the_usual_settings():
    settings = choose_optimizer_settings("adam", None, **USUAL)
    assert settings == OptimizerSettings("adam", adam(0.001), choose_schedule("constant", 0.0, 9))
    for name, (method, rate) in OPTIMIZERS.items():
        assert choose_optimizer_settings(name, None, **USUAL).optimizer == method(rate)
        assert choose_optimizer_settings(name, 0.25, **USUAL).optimizer == method(0.25)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": "luck"}, "--schedule: found 'luck', expected one of constant, cosine, step"),
        ({"warm_up_epochs": 9.0}, "--warm-up: found 9, expected .* from 0 to below 9"),
        ({"warm_up_epochs": -1.0}, "--warm-up: found -1"),
        ({"warm_up_epochs": float("nan")}, "--warm-up: found nan"),
        ({"clip_norm": 0.0}, "--clip-norm: found 0, expected a number above 0"),
        ({"clip_norm": float("nan")}, "--clip-norm: found nan"),
        ({"ema_decay": 1.0}, "--ema-decay: found 1, expected a number from 0 to below 1"),
        ({"ema_decay": -0.5}, "--ema-decay: found -0.5"),
        ({"ema_decay": float("nan")}, "--ema-decay: found nan"),
    ],
)
def test_optimization_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        choose_optimizer_settings("adam", None, **USUAL | changes)
