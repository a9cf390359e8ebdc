"""Past of an estimator: what `partial_fit` goes on from, besides parameters and the optimizer.

To schedules, logs and whatever else goes by epochs, n calls of `partial_fit` are one run.
"""

import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

from dnn_xp.estimators.parameters import Parameters
from dnn_xp.training import Callback, Progress, Run, TrainingResult
from dnn_xp.training.progress import History
from dnn_xp.training.step import State

__all__ = ["Past", "past_of", "progress_of", "state_of_optimizer", "take_up"]


class Past(NamedTuple):
    """Epochs that were done, and who was told of them.

    Attributes
    ----------
    epochs : int
    history : dict of str to list of float, optional
    states : mapping of str to mapping
        What a schedule that is a callback remembers.
    given : tuple of Callback
        Those of the estimator, its schedule among them.
    told : tuple of Callback
        The same, but that each log writes a file of its own.
    """

    epochs: int = 0
    history: History | None = None
    states: Mapping[str, Mapping[str, Any]] | None = None
    given: tuple[Callback, ...] = ()
    told: tuple[Callback, ...] = ()

    def with_callbacks(self, estimator: Parameters) -> "Past":
        """Return it with the callbacks of an estimator: those that were told, or new ones."""
        rate = estimator.learning_rate
        given = (*([rate] if isinstance(rate, Callback) else []), *estimator.callbacks)
        if len(given) == len(self.given) and all(map(operator.is_, given, self.given)):
            return self
        apart = {id(one): one for one in given}  # one that is there twice is told once
        apart = {key: one.apart() for key, one in apart.items()}
        return self._replace(given=given, told=tuple(apart[id(one)] for one in given))


def take_up(run: Run, past: Past) -> None:
    """Have a run that is at its beginning count its epochs on from those before."""
    run.epoch = past.epochs
    run.history = {name: [*figures] for name, figures in (past.history or {}).items()}
    run.callbacks_before = past.states or {}


def past_of(result: TrainingResult, past: Past, estimator: Parameters) -> Past:
    """Return the past of the next run, of the result of this one and of its own past."""
    states, rate = {}, estimator.learning_rate
    if isinstance(rate, Callback) and result.progress is not None:
        kind = type(rate).__name__  # a run calls several of a kind "Kind", "Kind 2", ...
        found = result.progress.callbacks.items()
        states = {name: state for name, state in found if name.partition(" ")[0] == kind}
    return past._replace(epochs=result.epochs, history=result.history, states=states)


def state_of_optimizer(progress: Progress | None) -> Progress | None:
    """Return the part of a run's progress that another run goes on from: no parameters."""
    return None if progress is None else progress_of(progress.state.optimizer, progress.steps)


def progress_of(optimizer: Any, steps: int) -> Progress:
    """Return progress of which only the state of the optimizer and the steps are known."""
    return Progress({}, State(None, optimizer, None, None), 0, 0, steps, {}, None, None, {})
