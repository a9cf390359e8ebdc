"""Schedules: the learning rate as a function of the point of a run.

A schedule is called with that point, counted in epochs and fractions of them, and returns what the
optimizer's learning rate is multiplied by there: ``train(..., optimizer=sgd(0.1),
schedule=cosine(100))`` goes from 0.1 to 0. Each is made by a function of this module, is pure, and
compares by value; one that needs feedback, `ReduceOnPlateau`, is a callback as well.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from dnn_xp.arguments import (
    check,
    check_choice,
    check_not_negative,
    check_number,
    check_positive,
    check_whole,
)
from dnn_xp.reprs import typed_call
from dnn_xp.training.moments import Callback, Mode, Patience, find_mode
from dnn_xp.training.run import Run
from dnn_xp.training.settings import Schedule

__all__ = [
    "ReduceOnPlateau",
    "ScheduleFunction",
    "constant",
    "cosine",
    "exponential_decay",
    "inverse_scaling",
    "one_cycle",
    "step_decay",
    "warm_up",
]


@dataclass(frozen=True)
class ScheduleFunction:
    """A schedule of the house: a function of the epoch, with the numbers that it needs.

    Parameters
    ----------
    function : callable
        ``function(epoch, *numbers)``.
    numbers : tuple of float
        Or of another schedule, which compares by value, too.
    call : str
        What one types to make it.
    """

    function: Callable[..., float]
    numbers: tuple[Any, ...]
    call: str = field(default="", compare=False)

    def __repr__(self) -> str:
        """Return what one types to make it."""
        return self.call or f"ScheduleFunction({self.function!r}, {self.numbers!r})"

    def __call__(self, epoch: float) -> float:
        """Return what the learning rate is multiplied by."""
        return self.function(epoch, *self.numbers)

    def __getstate__(self) -> dict[str, Any]:
        """Return its fields, a function of this module by name: no reader has to trust it."""
        name = getattr(self.function, "__name__", "")
        return vars(self) | ({"function": name} if _own(name) is self.function else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up such fields.

        Raises
        ------
        ValueError
            Where there is no schedule of that name.
        """
        function = state["function"]
        if isinstance(function, str) and (function := _own(function)) is None:
            raise ValueError(
                f"function: found {state['function']!r}, expected a schedule of dnn_xp"
            )
        self.__dict__.update(state, function=function)


def _own(name: str) -> Callable[..., float] | None:
    """Return a function of this module by its name."""
    found: Any = globals().get(name)
    return found if isinstance(found, FunctionType) and found.__module__ == __name__ else None


def constant(factor: float = 1.0) -> ScheduleFunction:
    """Return a schedule that stays where it is.

    Parameters
    ----------
    factor : float
        Above 0.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    factor = check_positive("factor", factor)
    return ScheduleFunction(_constant, (factor,), typed_call(constant, {"factor": factor}))


def _constant(epoch: float, factor: float) -> float:
    return factor


def _part(name: str, found: Any) -> float:
    """Return a part of the learning rate, from none of it to all."""
    return check_number(name, found, lambda x: 0.0 <= x <= 1.0, f"0 <= {name} <= 1")


def step_decay(every: float, factor: float = 0.1) -> ScheduleFunction:
    """Return a schedule that falls at once, again and again: factor^floor(epoch / every).

    Parameters
    ----------
    every : float
        Epochs from one fall to the next.
    factor : float
        0 < factor <= 1.

    Raises
    ------
    ValueError
        Where a number is out of its range.

    Examples
    --------
    >>> schedule = step_decay(30, factor=0.5)
    >>> [schedule(epoch) for epoch in (0, 29.9, 30, 60)]
    [1.0, 1.0, 0.5, 0.25]
    """
    every = check_number("every", every, lambda x: x > 0.0, "a number of epochs above 0")
    factor = check_number("factor", factor, lambda x: 0.0 < x <= 1.0, "0 < factor <= 1")
    call = typed_call(step_decay, {"every": every, "factor": factor})
    return ScheduleFunction(_step_decay, (every, factor), call)


def _step_decay(epoch: float, every: float, factor: float) -> float:
    return float(factor ** math.floor(epoch / every))


def exponential_decay(factor: float) -> ScheduleFunction:
    """Return a schedule that falls by the same factor in each epoch: factor^epoch.

    Parameters
    ----------
    factor : float
        0 < factor <= 1.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """
    factor = check_number("factor", factor, lambda x: 0.0 < x <= 1.0, "0 < factor <= 1")
    call = typed_call(exponential_decay, {"factor": factor})
    return ScheduleFunction(_exponential_decay, (factor,), call)


def _exponential_decay(epoch: float, factor: float) -> float:
    return float(factor**epoch)


def inverse_scaling(power: float = 0.5, rate: float = 1.0) -> ScheduleFunction:
    """Return a schedule that falls as a power of the time: (1 + rate * epoch)^-power.

    Parameters
    ----------
    power : float
        From 0 on. 1/2 and 1 are the rates of stochastic approximation (Robbins and Monro 1951).
    rate : float
        How fast time goes, above 0. The number of examples counts time in examples, as
        scikit-learn does with its ``power_t``.

    Raises
    ------
    ValueError
        Where a number is out of its range.

    Examples
    --------
    >>> [inverse_scaling(0.5)(epoch) for epoch in (0, 3, 15)]
    [1.0, 0.5, 0.25]
    """
    power = check_not_negative("power", power)
    rate = check_positive("rate", rate)
    call = typed_call(inverse_scaling, {"power": power, "rate": rate})
    return ScheduleFunction(_inverse_scaling, (power, rate), call)


def _inverse_scaling(epoch: float, power: float, rate: float) -> float:
    return float((1.0 + rate * epoch) ** -power)


def cosine(
    epochs: float,
    *,
    warm_up: float = 0.0,
    restarts: int = 0,
    growth: float = 1.0,
    min_factor: float = 0.0,
) -> ScheduleFunction:
    """Return a schedule that falls along a half cosine (Loshchilov and Hutter 2017, equation 5).

    Parameters
    ----------
    epochs : float
        The length of the whole run, after which the schedule stays at `min_factor`.
    warm_up : float
        Epochs in which it first rises from 0 to 1 along a line, less than `epochs`.
    restarts : int
        How many times it goes back to 1 and falls again.
    growth : float
        How much longer each fall is than the one before; from 1 on.
    min_factor : float
        Where each fall ends, 0 <= min_factor <= 1.

    Raises
    ------
    ValueError
        Where a number is out of its range.

    Examples
    --------
    >>> schedule = cosine(70, restarts=2, growth=2.0)  # falls of 10, 20 and 40 epochs
    >>> [round(schedule(epoch), 3) for epoch in (0, 5, 10, 20, 30, 50, 70)]
    [1.0, 0.5, 1.0, 0.5, 1.0, 0.5, 0.0]
    """
    epochs = check_positive("epochs", epochs)
    warm_up = check_number("warm_up", warm_up, lambda x: 0.0 <= x < epochs, "0 <= warm_up < epochs")
    restarts = check_whole("restarts", restarts, 0)
    check("restarts", restarts, restarts < 1000, "fewer than 1000")
    growth = check_number("growth", growth, lambda x: x >= 1.0, "a number from 1 on")
    min_factor = _part("min_factor", min_factor)
    first = (epochs - warm_up) / sum(growth**i for i in range(restarts + 1))
    values = {"epochs": epochs, "warm_up": warm_up, "restarts": restarts, "growth": growth}
    call = typed_call(cosine, values | {"min_factor": min_factor})
    return ScheduleFunction(_cosine, (warm_up, first, restarts, growth, min_factor), call)


def _cosine(
    epoch: float, warm_up: float, length: float, restarts: int, growth: float, min_factor: float
) -> float:
    if epoch < warm_up:
        return epoch / warm_up
    since = epoch - warm_up
    while restarts > 0 and since >= length:
        since, length, restarts = since - length, length * growth, restarts - 1
    part = min(since / length, 1.0)
    return min_factor + (1.0 - min_factor) * 0.5 * (1.0 + math.cos(math.pi * part))


def one_cycle(
    epochs: float, *, rise: float = 0.3, start: float = 0.04, end: float = 4e-6
) -> ScheduleFunction:
    """Return a schedule that rises once and falls once, along lines (Smith and Topin 2018).

    The learning rate of the optimizer is the highest one; `learning_rate_range_test` looks for it.

    Parameters
    ----------
    epochs : float
        The length of the run, after which the schedule stays at `end`.
    rise : float
        The part of the run in which it rises, 0 < rise < 1.
    start, end : float
        Where it begins and ends, from 0 to 1.

    Raises
    ------
    ValueError
        Where a number is out of its range.

    Examples
    --------
    >>> schedule = one_cycle(10, rise=0.4, start=0.2, end=0.0)
    >>> [round(schedule(epoch), 3) for epoch in (0, 2, 4, 7, 10)]
    [0.2, 0.6, 1.0, 0.5, 0.0]
    """
    epochs = check_positive("epochs", epochs)
    rise = check_number("rise", rise, lambda x: 0.0 < x < 1.0, "0 < rise < 1")
    start, end = _part("start", start), _part("end", end)
    values = {"epochs": epochs, "rise": rise, "start": start, "end": end}
    return ScheduleFunction(_one_cycle, (epochs, rise, start, end), typed_call(one_cycle, values))


def _one_cycle(epoch: float, epochs: float, rise: float, start: float, end: float) -> float:
    done = min(epoch / epochs, 1.0)
    if done < rise:
        return start + (1.0 - start) * done / rise
    return end + (1.0 - end) * (1.0 - done) / (1.0 - rise)


def warm_up(schedule: Schedule, epochs: float) -> ScheduleFunction:
    """Return a schedule that rises from 0 along a line, then follows another from its beginning.

    Parameters
    ----------
    schedule : callable
        Where it is a `ReduceOnPlateau`, hand that to ``train`` among the callbacks, too: of a
        schedule within a schedule ``train`` does not know.
    epochs : float
        How long it rises; from 0 on.

    Raises
    ------
    ValueError
        Where a number is out of its range.

    Examples
    --------
    >>> schedule = warm_up(step_decay(10), 5)
    >>> [schedule(epoch) for epoch in (0, 2.5, 5, 14, 15)]
    [0.0, 0.5, 1.0, 1.0, 0.1]
    """
    epochs = check_not_negative("epochs", epochs)
    check("schedule", schedule, callable(schedule), "a function of the epoch")
    call = typed_call(warm_up, {"schedule": schedule, "epochs": epochs})
    return ScheduleFunction(_warm_up, (epochs, schedule), call)


def _warm_up(epoch: float, epochs: float, schedule: Schedule) -> float:
    return epoch / epochs * schedule(0.0) if epoch < epochs else schedule(epoch - epochs)


@dataclass(repr=False)
class ReduceOnPlateau(Callback):
    """Lower the learning rate when a figure has not improved for some epochs.

    It is handed to ``train`` as the schedule, which makes it a callback of the run, too. All that
    it goes by is the history, so a run that is taken up again goes on as if it had not stopped.

    Parameters
    ----------
    factor : float
        What the learning rate is multiplied by, each time; 0 < factor < 1.
    patience : int
        Epochs to wait for an improvement, since the best epoch or the last fall.
    min_delta : float
        What counts as one.
    min_factor : float
        The product of the factors falls no lower.
    monitor : str
        A figure of the history.
    mode : "min" or "max", optional
        Whether the figure is better when smaller or when larger; see `dnn_xp.EarlyStopping`.

    Raises
    ------
    ValueError
        Where a number is out of its range.
    """

    factor: float = 0.1
    patience: int = 10
    min_delta: float = 0.0
    min_factor: float = 0.0
    monitor: str = "validation_cost"
    mode: Mode | None = None

    def __post_init__(self) -> None:
        self.factor = check_number("factor", self.factor, lambda x: 0.0 < x < 1.0, "0 < factor < 1")
        if self.mode is not None:
            check_choice("mode", self.mode, ("min", "max"))
        check("monitor", self.monitor, isinstance(self.monitor, str), "the name of a figure")
        self.patience = check_whole("patience", self.patience, 1)
        # A counter refuses what makes no sense.
        self.min_delta = Patience("min", self.min_delta).min_delta
        self.min_factor = _part("min_factor", self.min_factor)
        self._forget()

    def __call__(self, epoch: float) -> float:
        """Return what the learning rate is multiplied by now."""
        return self._product

    def start(self, run: Run) -> None:
        """Forget the run before, and take note of what this one has done already."""
        self._forget()
        for figure in run.history.get(self.monitor, ()):
            self._note(run, figure)

    def epoch(self, run: Run) -> None:
        """Compare with the best epoch so far.

        Raises
        ------
        ValueError
            Where the history has no such figure, or nobody says which way it is better.
        """
        if self.monitor not in run.history:
            known = ", ".join(run.history)
            raise ValueError(f"monitor: found {self.monitor!r}, expected one of {known}")
        self._note(run, run.history[self.monitor][-1])

    def _forget(self) -> None:
        self._product = 1.0
        self._counter: Patience | None = None

    def _note(self, run: Run, figure: float) -> None:
        if self._counter is None:
            mode = find_mode(run, self.monitor, self.mode)
            self._counter = Patience(mode, self.min_delta, self.patience)
        self._counter.update(figure, self.monitor)
        if self._counter.is_over:
            self._product = max(self._product * self.factor, self.min_factor)
            self._counter.waited = 0
