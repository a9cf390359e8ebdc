"""The moments of a run at which callbacks look on, or say that it is enough."""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from numbers import Real
from types import TracebackType
from typing import Any, ClassVar, Literal

from dnn_xp.arguments import check, check_choice, check_kind, check_not_negative
from dnn_xp.backends import ends_together
from dnn_xp.reprs import typed_call
from dnn_xp.training.result import Ending, TrainingResult
from dnn_xp.training.run import Run

__all__ = ["Callback", "Callbacks", "Patience", "drive", "find_mode"]

Mode = Literal["min", "max"]


class Callback:
    """Base class of callbacks; override the moments that matter.

    Attributes
    ----------
    comes_last : bool
        Whether it is told after all others, since it keeps what they remember.
    writes : bool
        Whether it writes files or prints: over a group of processes, only that of rank 0 is told.
    ending : Ending
        What the run's ending is where this callback stops it.
    """

    comes_last: ClassVar[bool] = False
    writes: ClassVar[bool] = False
    ending: ClassVar[Ending] = Ending.STOPPED

    def __repr__(self) -> str:
        """Return the call that makes it, as far as its attributes have its arguments' names."""
        return typed_call(type(self), vars(self))

    def apart(self) -> "Callback":
        """Return what does the same for a run beside others; what writes a file, writes another.

        Each fit of an estimator asks for it, since a cross-validation has several.
        """
        return self

    def start(self, run: Run) -> None:
        """Take note that a run begins, or goes on."""

    def state(self) -> Mapping[str, Any]:
        """Return what must be remembered for a run to go on: numbers, texts and arrays by name."""
        return {}

    def restore(self, run: Run, state: Mapping[str, Any]) -> str | None:
        """Take up a state, after `start`; a string says that the run had come to its end."""
        return None

    def step(self, run: Run) -> str | None:
        """Take note of a step; a string ends the run and says why.

        Overriding this costs some microseconds a step. The run's arrays change with the next.
        """
        return None

    def epoch(self, run: Run) -> str | None:
        """Take note of an epoch's end; a string ends the run and says why."""
        return None

    def end(self, result: TrainingResult) -> TrainingResult:
        """Take note that the run has come to its end, and return its result, or a better one."""
        return result

    def close(self) -> None:
        """Let go of what the run was handed: a file, a signal, its arrays.

        Called last, however the run ended: by itself, by an error, by Ctrl-C.
        """


class Callbacks:
    """The callbacks of a run, in the order in which they are told, each by a name of its own.

    Parameters
    ----------
    callbacks : sequence of Callback
        One that is there twice is told once.

    Raises
    ------
    TypeError
        Where one is no `Callback`.
    """

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        distinct: list[Callback] = []
        check_kind("callbacks", callbacks, Sequence, "a list of objects of Callback")
        for callback in callbacks:
            check_kind("callbacks", callback, Callback, "objects of Callback")
            if not any(other is callback for other in distinct):
                distinct.append(callback)
        names = _names_of(distinct)
        ordered = sorted(distinct, key=lambda callback: callback.comes_last)
        self._tell({names[id(callback)]: callback for callback in ordered})

    def _tell(self, named: dict[str, Callback]) -> None:
        """Have these callbacks be told, by their names."""
        self._named = named
        self._on_step = [one for one in named.values() if type(one).step is not Callback.step]

    def __enter__(self) -> "Callbacks":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:  # one that fails to close keeps none of the others open
            for callback in self._named.values():
                stack.callback(callback.close)

    @property
    def see_steps(self) -> bool:
        """Whether one of them is told of steps."""
        return bool(self._on_step)

    def states(self) -> dict[str, Mapping[str, Any]]:
        """Return what each must remember for the run to go on, by its name."""
        found = {name: callback.state() for name, callback in self._named.items()}
        for name, state in found.items():
            if not isinstance(state, Mapping) or not all(map(_can_be_kept, state.values())):
                raise TypeError(
                    f"{self._named[name]}: its state is {state!r}, expected a dictionary of "
                    "numbers, texts and arrays"
                )
        return {name: state for name, state in found.items() if state}

    def start(self, run: Run) -> None:
        """Tell that the run begins; where it goes on, with what each remembered."""
        if run.rank:  # of a group, only rank 0 writes
            self._tell({name: one for name, one in self._named.items() if not one.writes})
        run.callback_states = self.states
        for name, callback in self._named.items():
            callback.start(run)
            if name in run.callbacks_before:
                _note(run, callback, callback.restore(run, run.callbacks_before[name]))

    def step(self, run: Run) -> None:
        """Tell of a step."""
        for callback in self._on_step:
            _note(run, callback, callback.step(run))

    def epoch(self, run: Run) -> None:
        """Tell of an epoch's end."""
        for callback in self._named.values():
            _note(run, callback, callback.epoch(run))

    def end(self, result: TrainingResult) -> TrainingResult:
        """Tell of the end, and return the result that they make of it."""
        for callback in self._named.values():
            ended: object = callback.end(result)
            if not isinstance(ended, TrainingResult):
                raise TypeError(
                    f"{callback}: its end returned {ended!r}, expected the result that it was "
                    "handed, or a better one"
                )
            result = ended
        return result


def _names_of(callbacks: Sequence[Callback]) -> dict[int, str]:
    """Return a name for each callback, by its id: its kind, and a number where there are more."""
    kinds: dict[str, list[Callback]] = {}
    for callback in callbacks:
        kinds.setdefault(type(callback).__name__, []).append(callback)
    names = dict[int, str]()
    for kind, alike in kinds.items():
        if len(alike) > 1:  # known by their settings, in whatever order they come
            alike.sort(key=_settings_of)
        for number, callback in enumerate(alike, 1):
            names[id(callback)] = f"{kind} {number}" if number > 1 else kind
    return names


def _settings_of(callback: Callback) -> str:
    """Return how a callback was made, without where in memory its parts lie."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(callback))


def _can_be_kept(value: object) -> bool:
    """Return whether a checkpoint can hold a value; a list of numbers comes back as an array."""
    if isinstance(value, list | tuple):
        return all(isinstance(element, int | float) for element in value)
    return isinstance(value, str | int | float) or hasattr(value, "dtype")


def _note(run: Run, callback: Callback, reason: str | None) -> None:
    if reason is not None and not isinstance(reason, str):
        raise TypeError(f"{callback}: returned {reason!r}, expected why the run ends, or None")
    if reason:
        run.stop(callback.ending, reason)


def drive(run: Run, callbacks: Callbacks) -> TrainingResult:
    """Take a run from where it is to its end, and tell callbacks of it."""
    with ends_together(run.group), callbacks:
        problem: Exception | None = None
        try:
            callbacks.start(run)
        except Exception as error:  # such as a checkpoint that cannot be written
            problem = error
        run.agree(heeds_steps=callbacks.see_steps, problem=problem)
        run.begin()
        while run.ending is None and run.epoch < run.epochs:
            done = run.epoch
            run.run_epoch(callbacks.step if callbacks.see_steps else None)
            if run.epoch > done:
                callbacks.epoch(run)
                run.agree(heeds_steps=callbacks.see_steps)
        return callbacks.end(run.result())


@dataclass
class Patience:
    """Counter of the epochs in which a figure has not got better, and their limit.

    Parameters
    ----------
    mode : "min" or "max"
        Whether the figure is better when smaller, or when larger.
    min_delta : float
        By how much more than this it must get better for it to count.
    patience : number
        After how many figures in a row that were no better it is over.
    any_best : bool
        Whether the best so far is beaten by less than `min_delta`, too, though it does not count,
        and getting better by just `min_delta` counts, as in scikit-learn.

    Raises
    ------
    ValueError
        Where a number is out of its range.

    Attributes
    ----------
    best : float
    waited : int
        Figures since the last that counted.
    """

    mode: Mode
    min_delta: float = 0.0
    patience: float = 10
    any_best: bool = False

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, ("min", "max"))
        self.min_delta = check_not_negative("min_delta", self.min_delta)
        is_number = isinstance(self.patience, Real) and not isinstance(self.patience, bool)
        check("patience", self.patience, is_number and self.patience >= 1, "a number from 1 on")
        self.best, self.waited = math.inf if self.mode == "min" else -math.inf, 0

    @property
    def is_over(self) -> bool:
        """Whether the figure has not got better for too long."""
        return self.waited >= self.patience

    def update(self, figure: float, name: str) -> bool:
        """Take note of a figure, and return whether it is the best so far.

        Parameters
        ----------
        figure : float
            NaN is never better, and a RuntimeWarning says that it was met.
        name : str
            Of the figure, for that warning.
        """
        if math.isnan(figure):
            warnings.warn(f"{name} is not a number, which is no improvement", RuntimeWarning, 2)
        sign = 1.0 if self.mode == "min" else -1.0
        now, best = sign * figure, sign * self.best
        enough = now <= best - self.min_delta if self.any_best else now < best - self.min_delta
        is_best = now < best if self.any_best else enough
        if is_best:
            self.best = figure
        self.waited = 0 if enough else self.waited + 1
        return is_best


def find_mode(run: Run, monitor: str, mode: Mode | None) -> Mode:
    """Return whether a figure of a run is better when smaller or when larger.

    Parameters
    ----------
    run : Run
    monitor : str
        A figure of the history.
    mode : "min", "max" or None
        What a user says of it.

    Raises
    ------
    ValueError
        Where nobody says it.
    """
    found = mode or run.modes.get(monitor)
    if found is None:
        raise ValueError(
            f"mode: found None for {monitor!r}, expected 'min' or 'max': whether this figure is "
            "better when smaller or when larger is not known"
        )
    return found
