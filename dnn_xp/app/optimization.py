"""Optimizer and learning rate: what the options say, made into what training takes."""

import math
from collections.abc import Callable
from typing import NamedTuple

from dnn_xp.training import Callback, Optimizer, ReduceOnPlateau, adam, momentum, sgd
from dnn_xp.training.schedules import (
    constant,
    cosine,
    exponential_decay,
    inverse_scaling,
    one_cycle,
    step_decay,
    warm_up,
)
from dnn_xp.training.settings import Schedule

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "LearningRatePlan",
    "OptimizerSettings",
    "choose_optimizer",
    "choose_optimizer_settings",
    "choose_schedule",
    "depends_on_length",
]

OPTIMIZERS: dict[str, tuple[Callable[[float], Optimizer], float]] = {
    "adam": (adam, 0.001),
    "momentum": (momentum, 0.01),
    "sgd": (sgd, 0.1),
}
"""With the learning rates that do for most data."""

SCHEDULES: dict[str, Callable[[float], Schedule | ReduceOnPlateau]] = {
    "constant": lambda epochs: constant(),
    "cosine": cosine,
    "step": lambda epochs: step_decay(epochs / 3.0),
    "exponential": lambda epochs: exponential_decay(0.01 ** (1.0 / epochs)),
    "inverse-scaling": lambda epochs: inverse_scaling(),
    "one-cycle": one_cycle,
    "plateau": lambda epochs: ReduceOnPlateau(),
}
"""By the number of epochs that they last."""

_OF_ANY_LENGTH = ("constant", "inverse-scaling", "plateau")


class LearningRatePlan(NamedTuple):
    """Plan of the learning rate.

    Attributes
    ----------
    schedule : Schedule
    callbacks : tuple of Callback
        What the schedule goes by.
    description : str
        The same for two plans that do the same.
    """

    schedule: Schedule
    callbacks: tuple[Callback, ...]
    description: str


class OptimizerSettings(NamedTuple):
    """Settings of the optimizer of a run.

    Attributes
    ----------
    name : str
        Of the optimizer.
    optimizer : Optimizer
    plan : LearningRatePlan
    clip_norm, ema_decay : float or None
        As in `dnn_xp.training.train`.
    """

    name: str
    optimizer: Optimizer
    plan: LearningRatePlan
    clip_norm: float | None = None
    ema_decay: float | None = None


def choose_optimizer_settings(
    optimizer: str,
    learning_rate: float | None,
    *,
    schedule: str,
    warm_up_epochs: float,
    epochs: int,
    clip_norm: float | None,
    ema_decay: float | None,
) -> OptimizerSettings:
    """Return what the options say of the steps of a run.

    Raises
    ------
    ValueError
        Naming the option that makes no sense.
    """
    if clip_norm is not None and not 0.0 < clip_norm < math.inf:
        raise ValueError(f"--clip-norm: found {clip_norm:g}, expected a number above 0")
    if ema_decay is not None and not 0.0 <= ema_decay < 1.0:
        raise ValueError(f"--ema-decay: found {ema_decay:g}, expected a number from 0 to below 1")
    return OptimizerSettings(
        optimizer,
        choose_optimizer(optimizer, learning_rate),
        choose_schedule(schedule, warm_up_epochs, epochs),
        clip_norm,
        ema_decay,
    )


def choose_optimizer(name: str, learning_rate: float | None) -> Optimizer:
    """Return the optimizer that ``--optimizer`` and ``--learning-rate`` name.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"--optimizer: found {name!r}, expected one of {', '.join(OPTIMIZERS)}")
    method, usual = OPTIMIZERS[name]
    return method(usual if learning_rate is None else learning_rate)


def choose_schedule(name: str, warm_up_epochs: float, epochs: int) -> LearningRatePlan:
    """Return what ``--schedule`` and ``--warm-up`` make of a run of so many epochs.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if name not in SCHEDULES:
        raise ValueError(f"--schedule: found {name!r}, expected one of {', '.join(SCHEDULES)}")
    if not 0.0 <= warm_up_epochs < epochs:
        raise ValueError(
            f"--warm-up: found {warm_up_epochs:g}, expected a number of epochs from 0 to below "
            f"{epochs}, the --epochs"
        )
    schedule = SCHEDULES[name](epochs - warm_up_epochs)
    callbacks = (schedule,) if isinstance(schedule, Callback) else ()
    description = f"{name} over {epochs} epochs" if depends_on_length(name) else name
    if warm_up_epochs:
        description += f" after a warm-up of {warm_up_epochs:g}"
    return LearningRatePlan(warm_up(schedule, warm_up_epochs), callbacks, description)


def depends_on_length(name: str) -> bool:
    """Return whether what ``--schedule`` names is another schedule for another ``--epochs``."""
    return name not in _OF_ANY_LENGTH
