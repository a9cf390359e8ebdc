"""Optimizer and learning rate: what the options say, made into what training takes."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dnn_xp.training import (
    Callback,
    Optimizer,
    ReduceOnPlateau,
    Regularization,
    adagrad,
    adam,
    adamw,
    amsgrad,
    lion,
    momentum,
    nadam,
    nesterov,
    rmsprop,
    sgd,
)
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
    "BATCH_SIZE",
    "LBFGS",
    "OPTIMIZERS",
    "SCHEDULES",
    "LearningRatePlan",
    "OptimizerSettings",
    "check_part",
    "choose_optimizer",
    "choose_optimizer_settings",
    "choose_regularization",
    "choose_schedule",
    "depends_on_length",
    "refuse_with_lbfgs",
]

OPTIMIZERS: dict[str, tuple[Callable[..., Optimizer], float]] = {
    "adam": (adam, 0.001),
    "adamw": (adamw, 0.001),
    "amsgrad": (amsgrad, 0.001),
    "nadam": (nadam, 0.001),
    "rmsprop": (rmsprop, 0.001),
    "adagrad": (adagrad, 0.03),
    "lion": (lion, 0.0003),
    "momentum": (momentum, 0.01),
    "nesterov": (nesterov, 0.01),
    "sgd": (sgd, 0.1),
}
"""With the learning rates that do for most data."""

DECAYING = tuple(
    name
    for name, (method, _) in OPTIMIZERS.items()
    if "weight_decay" in inspect.signature(method).parameters
)
"""The optimizers that shorten the weights themselves."""

LBFGS = "lbfgs"
"""By which name ``--optimizer`` asks for `dnn_xp.training.lbfgs` in place of steps."""

_NO_RULES = Regularization()

BATCH_SIZE = 32
"""Where ``--batch-size`` is not given."""

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
    optimizer : Optimizer or None
        None for L-BFGS, which is none.
    plan : LearningRatePlan
    clip_norm, ema_decay : float or None
        As in `dnn_xp.training.train`.
    clip_value : float or None
    regularization : Regularization
        The same.
    """

    name: str
    optimizer: Optimizer | None
    plan: LearningRatePlan
    clip_norm: float | None = None
    ema_decay: float | None = None
    clip_value: float | None = None
    regularization: Regularization = Regularization()

    @property
    def learning_rate(self) -> float | None:
        """The learning rate; None for L-BFGS, which has none."""
        return None if self.optimizer is None else self.optimizer.learning_rate

    @property
    def weight_decay(self) -> float:
        """The part of the weights, times the learning rate, that is lost in each step."""
        return 0.0 if self.optimizer is None else self.optimizer.weight_decay


def choose_optimizer_settings(
    optimizer: str,
    learning_rate: float | None,
    *,
    schedule: str,
    warm_up_epochs: float,
    epochs: int,
    clip_norm: float | None,
    ema_decay: float | None,
    clip_value: float | None = None,
    weight_decay: float | None = None,
    regularization: Regularization = _NO_RULES,
) -> OptimizerSettings:
    """Return what the options say of the steps of a run.

    Raises
    ------
    ValueError
        Naming the option that makes no sense.
    """
    _check_above_0("--clip-norm", clip_norm)
    _check_above_0("--clip-value", clip_value)
    check_part("--ema-decay", ema_decay)
    plan = choose_schedule(schedule, warm_up_epochs, epochs)
    if optimizer != LBFGS:
        chosen = choose_optimizer(optimizer, learning_rate, weight_decay)
        return OptimizerSettings(
            optimizer, chosen, plan, clip_norm, ema_decay, clip_value, regularization
        )
    refuse_with_lbfgs(
        {
            "--learning-rate": None if learning_rate is None else f"{learning_rate:g}",
            "--schedule": None if schedule == "constant" else schedule,
            "--warm-up": warm_up_epochs,
            "--clip-norm": clip_norm,
            "--clip-value": clip_value,
            "--ema-decay": ema_decay,
            "--weight-decay": weight_decay,
            "--l1": regularization.l1,
            "--max-norm": regularization.max_norm,
            "--label-smoothing": regularization.label_smoothing,
            "--mixup": regularization.mixup,
            "--noise": regularization.noise,
        }
    )
    return OptimizerSettings(LBFGS, None, plan, regularization=regularization)


def refuse_with_lbfgs(options: Mapping[str, object]) -> None:
    """Refuse what is of steps along the gradients of batches, which L-BFGS does not take.

    Parameters
    ----------
    options : mapping of str to object
        What they say; None and 0 where they say nothing.

    Raises
    ------
    ValueError
        Naming the first that says something.
    """
    for option, value in options.items():
        if value:
            said = f"{value:g}" if isinstance(value, float) else value
            raise ValueError(
                f"{option}: found {said} with --optimizer {LBFGS}, which has no use for it; leave "
                "out one of them"
            )


def choose_regularization(
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    max_norm: float | None = None,
    label_smoothing: float = 0.0,
    mixup: float = 0.0,
    noise: float = 0.0,
) -> Regularization:
    """Return what the options say against learning by heart.

    Raises
    ------
    ValueError
        Naming the option whose number makes no sense.
    """
    for name, value in {"l1": l1, "l2": l2, "mixup": mixup, "noise": noise}.items():
        _check_from_0(f"--{name}", value)
    _check_above_0("--max-norm", max_norm)
    check_part("--label-smoothing", label_smoothing)
    return Regularization(l1, l2, max_norm, label_smoothing, mixup, noise)


def _check_above_0(option: str, found: float | None) -> None:
    if found is not None and not 0.0 < found < math.inf:
        raise ValueError(f"{option}: found {found:g}, expected a number above 0")


def _check_from_0(option: str, found: float | None) -> None:
    if found is not None and not 0.0 <= found < math.inf:
        raise ValueError(f"{option}: found {found:g}, expected a number from 0 on")


def check_part(option: str, found: float | None) -> None:
    """Refuse what is no part of a whole, below all of it.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if found is not None and not 0.0 <= found < 1.0:
        raise ValueError(f"{option}: found {found:g}, expected a number from 0 to below 1")


def choose_optimizer(
    name: str, learning_rate: float | None, weight_decay: float | None = None
) -> Optimizer:
    """Return the optimizer that ``--optimizer``, with its numbers, names.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if name not in OPTIMIZERS:
        known = ", ".join((*OPTIMIZERS, LBFGS))
        raise ValueError(f"--optimizer: found {name!r}, expected one of {known}")
    method, usual = OPTIMIZERS[name]
    _check_from_0("--weight-decay", weight_decay)
    rate = usual if learning_rate is None else learning_rate
    if weight_decay is None:
        return method(rate)
    if name not in DECAYING:
        raise ValueError(
            f"--weight-decay: found {weight_decay:g} with --optimizer {name}, expected "
            f"{' or '.join(DECAYING)}; --l2 is for all"
        )
    return method(rate, weight_decay=weight_decay)


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
