"""A run under way: what it has come to, how it goes on, and what callbacks see of it."""

import math
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any, Literal

from dnn_xp.backends import (
    Array,
    Group,
    asarray_like,
    compile_step,
    has_fixed_shapes,
    has_views,
    is_narrow,
    keep_freed_memory,
    namespace,
    threads_for,
)
from dnn_xp.data.sources import reference_array
from dnn_xp.network import Network
from dnn_xp.reprs import printable
from dnn_xp.training.agreement import Agreement, StopAgreedError
from dnn_xp.training.loader import load_batches, prefetches, reads_windows
from dnn_xp.training.problem import Problem, same_theta
from dnn_xp.training.progress import Progress
from dnn_xp.training.result import Ending, TrainingResult
from dnn_xp.training.settings import Schedule, Settings, strengths_of
from dnn_xp.training.step import Data, StepConfig, StepScalars, TakeStep, step

__all__ = ["GradientRun", "MakeStep", "Run"]

MakeStep = Callable[[StepConfig, Data, Settings], TakeStep]
"""What chooses, once for a run, how its steps are taken."""


class Run:
    """A run under way, as callbacks are handed it.

    Attributes
    ----------
    network : Network
    epochs : int
        How many there will be at most.
    state : NamedTuple of arrays
        What a step changes.
    history : dict of str to list of float
    modes : dict of str to "min" or "max"
        Which figures of the history are better when smaller, and which when larger.
    epoch : int
        Epochs done.
    step : int
        Steps done in all.
    batch : int
        Batches done of the epoch under way; 0 between epochs.
    n_batches : int
        Batches of an epoch.
    position : array
        What training works on: theta, but in example space. In ``start`` and ``epoch`` the one
        after the last whole epoch, which does not change any more; in ``step`` the one of now,
        which changes with the next step.
    to_theta : callable
        ``to_theta(position)`` is theta.
    ending : Ending or None
        None while the run goes on.
    """

    unit = "epochs"
    n_batches = 1

    def __init__(self, network: Network, epochs: int, progress: Progress) -> None:
        self.network, self.epochs, self.identity = network, epochs, progress.run
        self.state, self.history = progress.state, progress.history
        self.epoch, self.batch, self.step = progress.epoch, progress.batch, progress.steps
        self.position = self.last_position = progress.kept
        self.finite_position = progress.finite
        self.callbacks_before = progress.callbacks
        self.modes: dict[str, Literal["min", "max"]] = {"cost": "min", "validation_cost": "min"}
        self.to_theta: Callable[[Array], Array] = same_theta
        self.callback_states: Callable[[], Mapping[str, Mapping[str, Any]]] = dict
        self.take_fingerprint: Callable[[], Mapping[str, str]] | None = None
        self.agreement: Agreement | None = None
        self.data_are_lazy = False
        self.ending: Ending | None = None
        self.reasons: list[str] = []

    def __repr__(self) -> str:
        """Return one line: how far it is, and its latest figures."""
        figures = "".join(f", {name} {kept[-1]:.4g}" for name, kept in self.history.items() if kept)
        return printable(
            f"{type(self).__name__}({self.epoch} of {self.epochs} {self.unit}{figures})"
        )

    @property
    def theta(self) -> Array:
        """The parameters at the `position`, shape (size,); in example space they are worked out."""
        return self.to_theta(self.position)

    @property
    def group(self) -> Group | None:
        """The processes that train together; None where this one is alone."""
        return None if self.agreement is None else self.agreement.group

    @property
    def rank(self) -> int:
        """The number of this process in its group: 0 where it is alone."""
        return 0 if self.group is None else self.group.rank

    @property
    def progress(self) -> Progress:
        """All that the run needs to go on from here; its arrays change with the next step."""
        if self.take_fingerprint is not None:  # once, and only where progress is asked for
            self.identity = {**self.identity, **self.take_fingerprint()}
            self.take_fingerprint = None
        return self._progress()

    def _progress(self) -> Progress:
        return Progress(
            self.identity,
            self.state,
            self.epoch,
            self.batch,
            self.step,
            self.history,
            self.last_position,
            self.finite_position,
            self.callback_states(),
        )

    def begin(self) -> None:
        """Make ready for the first epoch, after callbacks have been told of the start."""

    def run_epoch(self, on_step: Callable[["Run"], object] | None = None) -> None:
        """Go on to the end of the epoch, or until something ends the run.

        Parameters
        ----------
        on_step : callable, optional
            Called with the run after each step; it may `stop` it.
        """
        raise NotImplementedError

    def stop(self, ending: Ending, reason: str) -> None:
        """End the run after what is under way; several reasons are kept.

        An interrupt is the ending, whatever else ends the run, too. Over a group it is a wish, of
        which all processes know before the next step.
        """
        if self.agreement is None:
            self._end(ending, reason)
        else:
            self.agreement.wishes.append((ending, reason))

    def agree(self, *, heeds_steps: bool = False, problem: Exception | None = None) -> None:
        """Let all processes of a group know of the wishes of each, at a moment that they share.

        Parameters
        ----------
        heeds_steps : bool
            Whether this one may wish to `stop` after a step.
        problem : Exception, optional
            Why this one cannot go on.

        Raises
        ------
        Exception
            The problem; in the other processes a DisagreementError that tells of it.
        """
        if self.agreement is not None:
            for ending, reason in self.agreement.settle(heeds_steps=heeds_steps, problem=problem):
                self._end(ending, reason)
        elif problem is not None:
            raise problem

    def agreed(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Return the figures that count: over a group, those of rank 0."""
        if self.agreement is None:
            return dict(figures)
        return self.agreement.figures(figures, self.state.theta)

    def _end(self, ending: Ending, reason: str) -> None:
        self.reasons.append(reason)
        if self.ending is None or ending is Ending.INTERRUPTED:
            self.ending = ending

    def note_figures(self, figures: Mapping[str, float]) -> None:
        """Add an epoch's figures to the history, with NaN for epochs that were without them."""
        for name, value in figures.items():
            values = self.history.setdefault(name, [])
            values += [math.nan] * (self.epoch - len(values))
            values.append(value)

    def last_whole_epoch(self) -> TrainingResult:
        """Return what the run had come to at the end of its last whole epoch, broken off."""
        # Some figures of the epoch that was broken off may be there already.
        history = {name: values[: self.epoch] for name, values in self.history.items()}
        theta = self.to_theta(self.last_position)
        return TrainingResult(theta, history, self.epoch, Ending.INTERRUPTED, "interrupted")

    def result(self) -> TrainingResult:
        """Return what the run ends with, here and now."""
        return TrainingResult(
            self.final_theta(),
            self.history,
            self.epoch,
            self.ending or Ending.COMPLETED,
            "; ".join(self.reasons) or f"{self.epochs} {self.unit}",
            None if self.ending is Ending.DIVERGED else self._final_progress(),
        )

    def _final_progress(self) -> Progress:
        """Return the progress, without looking at data that must be read or worked out for it."""
        return self._progress() if self.data_are_lazy else self.progress

    def final_theta(self) -> Array:
        """Return the parameters that the run ends with, in memory of their own."""
        raise NotImplementedError


class GradientRun(Run):
    """A run by steps along gradients.

    Parameters
    ----------
    network : Network
        That the user knows.
    settings : Settings
    problem : Problem
        In the coordinates in which it is trained.
    data : Data
        What its steps read.
    evaluate : callable
        ``evaluate(position)`` is a dict of the figures that are measured after an epoch.
    progress : Progress
        Where it begins.
    make_step : MakeStep, optional
        Where a step is more than this process takes with a batch that it has gathered. What it
        makes is handed all data, and the places of the whole batch; but of a file that is read a
        window at a time, this process's part of it. Default: `step`, compiled.
    """

    state: Any

    def __init__(
        self,
        network: Network,
        settings: Settings,
        problem: Problem,
        data: Data,
        evaluate: Callable[[Array], dict[str, float]],
        progress: Progress,
        make_step: MakeStep | None = None,
    ) -> None:
        super().__init__(network, settings.epochs, progress)
        self.settings, self.to_theta = settings, problem.to_theta
        self.begin_theta, self._evaluate, self._data = problem.theta, evaluate, data
        like = self._like = reference_array(data.Y)
        n_examples, batch_size, micro_batch = (
            data.X.shape[1],
            settings.batch_size,
            settings.micro_batch,
        )
        self._n_examples, self.n_batches = n_examples, -(-n_examples // batch_size)
        # Of windows each process reads what it holds, and knows no weights of whole batches.
        in_parts = make_step is not None and reads_windows(data.X, settings)
        in_parts = in_parts and not settings.weights_by_batch
        gathers = in_parts if make_step else prefetches(data.X, data.Y, batch_size)
        optimizer = settings.optimizer
        self._config = StepConfig(
            problem.network,
            # Its numbers come with each step, so that what was compiled serves every rate.
            optimizer._replace(learning_rate=0.0, weight_decay=0.0, arguments=()),
            settings.ema_decay is not None,
            micro_batch,
            padded=has_fixed_shapes(like) and (in_parts or n_examples % batch_size != 0),
            weights_by_batch=settings.weights_by_batch,
            penalties_by_batch=settings.regularization.summed,
            # Mixup looks for partners among all the data.
            gathered=data.mixup is None and gathers,
        )
        self._strengths = strengths_of(settings)
        self._step: TakeStep = (
            compile_step(
                step,
                self._config,
                like=like,
                donate=(0,),
                compile=settings.compile,
                repeated=True,
            )
            if make_step is None
            else make_step(self._config, data, settings)
        )
        # A micro-batch's gradient is added to the last one's, so it needs an array of its own.
        self._workspace = None
        if has_views(like) and not micro_batch and not is_narrow(like):
            self._workspace = problem.network.layout.workspace(self.state.theta)
        keep_freed_memory()
        at_once = min(batch_size, micro_batch or batch_size)
        self._multiplications = problem.network.layout.largest_parameter * at_once

    def run_epoch(self, on_step: Callable[[Run], object] | None = None) -> None:
        """Go through the batches of an epoch that are left, then measure."""
        settings, run_step, workspace = self.settings, self._step, self._workspace
        seed, decay = settings.seed % 2**31, settings.ema_decay
        rate, schedule = settings.optimizer.learning_rate, settings.schedule
        n_batches, begun = self.n_batches, self.epoch * self.n_batches
        share = (0, 1) if self.group is None else (self.group.rank, self.group.size)
        batches = load_batches(self._config, self._data, settings, self.epoch, self.batch, share)
        threads = threads_for(self._multiplications, like=self._like)
        with threads, closing(batches), suppress(StopAgreedError):
            for data, batch in batches:
                factor = 1.0
                if schedule is not None:
                    factor = _factor(schedule, (begun + self.batch) / n_batches)
                number = self.step + 1
                stays = 0.0 if decay is None else min(decay, 1.0 - 1.0 / number)
                scalars = StepScalars(
                    number,
                    seed,
                    rate * factor,
                    self._strengths,
                    stays,
                    batch.whole,
                    batch.whole,
                )
                self.state = run_step(self.state, data, batch, scalars, workspace)
                self.step, self.batch = number, self.batch + 1
                if on_step is not None:
                    self.position = measured(self.state)
                    on_step(self)
                    if self.ending is not None:
                        break
        self.agree(heeds_steps=on_step is not None)
        if self.ending is None or not math.isfinite(float(self.state.total)):
            self._end_epoch()

    def _end_epoch(self) -> None:
        """Take note of the epoch's figures, or of a cost that is no longer finite."""
        cost = float(self.state.total) / self._n_examples
        if not math.isfinite(cost):
            self.history.setdefault("cost", []).append(cost)
            self.ending = Ending.DIVERGED
            self.reasons = [
                f"diverged: the cost became {cost} in epoch {self.epoch + 1}; "
                "lower the learning rate, or scale the data"
            ]
            return
        # A new zero: a step that was compiled may use the memory of the old one.
        self.state = self.state._replace(total=asarray_like(0.0, like=self.state.total))
        position = copied(measured(self.state))
        self.note_figures(self.agreed({"cost": cost} | self._evaluate(position)))
        self.finite_position, self.last_position = self.last_position, position
        self.position = position
        self.epoch, self.batch = self.epoch + 1, 0

    def final_theta(self) -> Array:
        """Return the parameters of now, or the last whose cost was finite."""
        if self.ending is not Ending.DIVERGED:
            return self.to_theta(copied(measured(self.state)))
        # In the first epoch X may hold NaN, which would come into theta again.
        return copied(self.to_theta(self.finite_position) if self.epoch else self.begin_theta)


def _factor(schedule: Schedule, epoch: float) -> float:
    """Return what a schedule says, or refuse what would end all learning without a word."""
    factor = schedule(epoch)
    if type(factor) is float and 0.0 <= factor < math.inf:  # as nearly always, in every step
        return factor
    try:
        factor = float(factor)
    except (OverflowError, TypeError, ValueError):
        factor = math.nan
    if not 0.0 <= factor < math.inf:
        raise ValueError(
            f"schedule: found {factor} at epoch {epoch:g}, expected a number from 0 on"
        )
    return factor


def measured(state: Any) -> Array:
    """Return the parameters that are measured and returned: the average, where one is kept."""
    return state.theta if state.average is None else state.average


def copied(x: Array) -> Array:
    """Return an array in memory of its own."""
    return namespace(x).asarray(x, copy=True)
