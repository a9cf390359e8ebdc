"""Training by L-BFGS: all examples in every step, and steps that know of curvature.

The network is evaluated where its data are; theta, which is small, goes to the host and back.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from dnn_xp.arguments import check, check_kind, check_not_negative, check_whole
from dnn_xp.backends import (
    Array,
    Block,
    Group,
    asarray_like,
    block_like,
    compile_step,
    computes_lazily,
    namespace,
    plain_array,
    threads_for,
    to_host,
    widened,
    without_record,
)
from dnn_xp.data.sources import Source, in_memory, read_examples, reference_array
from dnn_xp.functions.regularization import penalty
from dnn_xp.network import Network
from dnn_xp.network.checks import check_examples, check_learns, check_theta, float_reference
from dnn_xp.network.propagation import cost_and_gradient
from dnn_xp.network.values import check_finite, check_values, checked_targets, finite_source
from dnn_xp.training.agreement import agreement_over
from dnn_xp.training.blocks import make_blocks
from dnn_xp.training.evaluation import (
    AT_ONCE,
    Evaluation,
    LabeledExamples,
    Metric,
    figure_modes,
    make_evaluator,
    prepare_validation,
)
from dnn_xp.training.identity import describe_problem, differing, fingerprint
from dnn_xp.training.loop import DivergenceWarning, TrainingData
from dnn_xp.training.moments import Callback, Callbacks, drive
from dnn_xp.training.parts import check_shared, runs_of
from dnn_xp.training.problem import Problem
from dnn_xp.training.progress import Progress, check_progress
from dnn_xp.training.quasi_newton import (
    LBFGSState,
    NotFiniteError,
    Objective,
    Point,
    Vector,
    converged,
    iterations,
    start_at,
)
from dnn_xp.training.result import Ending, TrainingResult
from dnn_xp.training.run import Run
from dnn_xp.training.step import State
from dnn_xp.training.weights import normalize_weights

__all__ = ["LBFGSRun", "LBFGSSettings", "lbfgs"]


class LBFGSSettings(NamedTuple):
    """The settings of a run by L-BFGS, as in `lbfgs`, with its defaults."""

    l2: float = 0.0
    max_iter: int = 200
    max_evaluations: int = 15_000
    tolerance: float = 1e-5
    cost_tolerance: float = 1e7 * 2.0**-52
    memory: int = 10
    seed: int = 0
    batch_size: int | None = None


def lbfgs(
    network: Network,
    X: Array | Source,
    Y: Array | Source,
    theta: Array | None = None,
    *,
    weights: Array | None = None,
    l2: float = 0.0,
    max_iter: int = 200,
    max_evaluations: int = 15_000,
    tolerance: float = 1e-5,
    cost_tolerance: float = 1e7 * 2.0**-52,
    memory: int = 10,
    seed: int = 0,
    batch_size: int | None = None,
    validation: LabeledExamples | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback] = (),
    state: LBFGSState | None = None,
    resume: Progress | None = None,
    group: Any = None,
) -> TrainingResult:
    """Train a network by L-BFGS, as SciPy's L-BFGS-B does without bounds.

    For data and networks of a size at which all examples in every step are affordable, it often
    needs fewer evaluations than `train` and no learning rate. Needs SciPy.

    Parameters
    ----------
    network : Network
        Without dropout and batch norm: L-BFGS takes differences of gradients, so that the cost
        must be one function of theta, and a sum over examples.
    X : array of floats or Source, shape (n_inputs, m)
    Y : array or Source, shape (n_targets, m)
        Or class numbers, as in `train`.
    theta : array, shape (size,), optional
        Where to start; it is not changed. Default: ``network.initialize(seed, like=X)``.
    weights : array, shape (m,), optional
        Of each example. Only their ratios matter: they are scaled to a mean of 1.
    l2 : float
        ``l2 / 2 * sum(W**2)`` is added to the mean cost. Biases are spared.
    max_iter : int
        Iterations at most, each one move of theta.
    max_evaluations : int
        Evaluations of the cost at most, but that an iteration under way is finished.
    tolerance : float
        It ends where no element of the gradient is further from 0,
    cost_tolerance : float
        or where an iteration lowers the cost, relative to itself but at least 1, by no more.
    memory : int
        How many moves are remembered.
    seed : int
        Of initialization.
    batch_size : int, optional
        How many examples go through the network at a time; their sums are added up. Default: all.
    validation : (X, Y) or (X, Y, weights), optional
        Data whose ``validation_cost`` is measured after each iteration.
    metrics : dict of str to callable, optional
        As in `train`.
    callbacks : sequence of Callback
        Told of each iteration as of a step and of an epoch. ``run.step`` counts evaluations.
    state : LBFGSState, optional
        Go on from the end of another run, its ``run.state``, in place of theta: with the same
        data as if it had not ended, with others from what is known of the curvature.
    resume : Progress, optional
        Go on from there, with all other arguments but the limits as they were: the run ends with
        the very bits of one that was never stopped. See `Checkpoint`.
    group : Group, optional
        The processes that train together, as in `train`: each evaluates a part of the examples.

    Returns
    -------
    TrainingResult
        The history's ``cost`` is the one after each iteration, or that of the start where there
        is none. The ending is ``CONVERGED`` where a tolerance was met, and ``EXHAUSTED`` where
        evaluations were used up or no move lowers the cost. A run that meets a cost that is not
        finite ends with a `DivergenceWarning` and the last parameters whose cost was.

    Raises
    ------
    ValueError, TypeError
        Where an argument does not fit: what was found and what was expected.
    GroupError
        As in `train`.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, lbfgs
    >>> X = np.asarray([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    >>> Y = np.asarray([[0.0, 1.0, 1.0, 0.0]])
    >>> network = Network(2, (Dense(8, "tanh"), Dense(1)), cost="sigmoid_cross_entropy")
    >>> run = lbfgs(network, X, Y)
    >>> network.predict(run.theta, X).round().tolist()
    [[0.0, 1.0, 1.0, 0.0]]
    >>> run.epochs < 50
    True
    """
    settings = LBFGSSettings(
        l2, max_iter, max_evaluations, tolerance, cost_tolerance, memory, seed, batch_size
    )
    data = TrainingData(X, Y, weights)
    evaluation = Evaluation(validation, {} if metrics is None else metrics)
    prepare = partial(_prepare_run, network, data, theta, settings, evaluation, state, resume)
    agreement = agreement_over(group)
    if agreement is None:
        run = prepare()
    else:
        run = agreement.begin(partial(prepare, group=agreement.group))
    result = drive(run, Callbacks(callbacks))
    if result.ending is Ending.DIVERGED and run.rank == 0:
        warnings.warn(result.reason, DivergenceWarning, stacklevel=2)
    return result


def _prepare_run(
    network: Network,
    data: TrainingData,
    theta: Array | None,
    settings: LBFGSSettings,
    evaluation: Evaluation,
    state: LBFGSState | None,
    resume: Progress | None,
    group: Group | None = None,
) -> "LBFGSRun":
    """Return a run that is checked and ready for its first evaluation."""
    X, Y, weights = check_examples(network, in_memory(data.X), data.Y, data.weights)
    _check_network(network)
    check_values(network.cost, X, Y, weights)
    X, Y = finite_source(X), checked_targets(network.cost, Y)
    X, Y, weights = map(without_record, (X, Y, weights))
    like = float_reference(network.layout, X)
    settings = _check_settings(settings)
    if group is not None:
        check_shared(X)
    if state is None:
        theta = network.initialize(settings.seed, like=like) if theta is None else theta
        state = start_at(to_host(plain_array("theta", theta, readable=True)))
    elif theta is not None:
        raise ValueError("theta: found one besides a state, which holds its own")
    else:
        check_kind("state", state, LBFGSState, "that of another run, run.state")
    check_theta(network.layout, state.theta)
    check_finite(theta=state.theta)
    validation = prepare_validation(like, network, evaluation.validation)
    problem = Problem(network, state.theta, X, Y, weights, validation)
    progress = _start(problem, settings, state)
    take = partial(fingerprint, problem)
    if resume is not None:
        check_progress(resume)
        progress = progress._replace(run={**progress.run, **take()})
        progress = resume.resumed(progress)
        longest, done = settings.max_iter, resume.epoch
        check("max_iter", longest, longest >= done, f"at least {done}, as are done")
    evaluate = make_evaluator(network, (X, Y, weights), validation, evaluation)
    run = LBFGSRun(problem, settings, evaluate, progress, group)
    run.modes |= figure_modes(evaluation)
    run.take_fingerprint, run.data_are_lazy = take, problem.is_lazy
    return run


def _check_settings(settings: LBFGSSettings) -> LBFGSSettings:
    """Return the settings in numbers of Python's own, or refuse them."""
    size = settings.batch_size
    checked: dict[str, Any] = {
        "batch_size": None if size is None else check_whole("batch_size", size, 1)
    }
    for name, least in (("max_iter", 0), ("max_evaluations", 1), ("memory", 1), ("seed", 0)):
        checked[name] = check_whole(name, getattr(settings, name), least)
    for name in ("l2", "tolerance", "cost_tolerance"):
        found = getattr(settings, name)
        number = check_not_negative(name, found)
        checked[name] = float(number)
    return LBFGSSettings(**checked)


def _check_network(network: Network) -> None:
    layout = network.layout
    check_learns(layout)
    for place, (layer, slots) in enumerate(zip(layout.layers, layout.slots, strict=True), 1):
        if layer.random:
            # The same masks in every evaluation would make it a function, but that is no dropout:
            # each example would always miss the same units, and the network learn which.
            raise ValueError(
                f"network: {layout.describe(place)}, is random, which makes another cost of each "
                "step; use train"
            )
        if layer.couples_examples or any(
            slot.start >= layout.n_parameters for slot in slots.values()
        ):
            raise ValueError(
                f"network: {layout.describe(place)}, makes a cost that is no sum over examples; "
                "use train, or LayerNorm"
            )


def _start(problem: Problem, settings: LBFGSSettings, state: LBFGSState) -> Progress:
    """Return the beginning of a run."""
    own = differing(settings, LBFGSSettings()) | {"method": "lbfgs"}
    for limit in ("max_iter", "max_evaluations"):  # a run may go on for longer
        own.pop(limit, None)
    identity = describe_problem(problem, own)
    begin = State(state.theta, state.pairs, None, float("nan"))
    return Progress(identity, begin, 0, 0, 0, {}, state.theta, state.theta, {})


class LBFGSRun(Run):
    """A run by L-BFGS: an epoch is an iteration, and ``step`` counts evaluations.

    Its `position` is theta on the host, in float64. Of its `state`, ``total`` is the cost before
    the last iteration, which tells whether it converged.

    Parameters
    ----------
    problem : Problem
    settings : LBFGSSettings
    evaluate : callable
        ``evaluate(theta)`` is a dict of the figures that are measured after an iteration.
    progress : Progress
    group : Group, optional
        The processes that evaluate a part of the examples each.
    """

    state: Any
    unit = "iterations"

    def __init__(
        self,
        problem: Problem,
        settings: LBFGSSettings,
        evaluate: Callable[[Array], dict[str, float]],
        progress: Progress,
        group: Group | None = None,
    ) -> None:
        super().__init__(problem.network, settings.max_iter, progress)
        self.settings, self._evaluate = settings, evaluate
        like = reference_array(problem.Y)
        self.to_theta = partial(_copy_beside, block_like(like))
        self._objective = _objective(problem, settings, group, like=self.state.theta)
        at_once = min(settings.batch_size or problem.X.shape[1], problem.X.shape[1])
        # Of all that is computed on the way to the next point, not only of the products: what
        # else trains in this process must not decide the last bits of a sum.
        self._threads = partial(
            threads_for, problem.network.layout.largest_parameter * at_once, like=like
        )
        self._start_cost = float("nan")

    def begin(self) -> None:
        """Evaluate the cost at the start, which may be a minimum already."""
        start, self._goes_on = LBFGSState(self.state.theta, self.state.optimizer), self.step > 0
        self._iterations = iterations(self._counted, start, self.settings.memory)
        try:
            with self._threads():
                point, _ = next(self._iterations)
        except NotFiniteError as error:
            self._diverge(error)
            return
        self._start_cost, self._point = point.cost, point
        if not self.batch:
            self._check(point)

    def run_epoch(self, on_step: Callable[[Run], object] | None = None) -> None:
        """Take one iteration, unless it was taken before the run was stopped; then measure."""
        if not self.batch:
            try:
                with self._threads():
                    moved = next(self._iterations, None)
            except NotFiniteError as error:
                self._diverge(error)
                return
            if moved is None:
                reason = "no move lowers the cost: a kink, or the limit of rounding"
                self._end(Ending.EXHAUSTED, reason)
                return
            point, pairs = moved
            self.state = State(point.theta, pairs, None, self._point.cost)
            self._point, self.position, self.batch = point, point.theta, 1
            if on_step is not None:
                on_step(self)
            self.agree()
        if self.ending is None:
            self._end_epoch(self._point)

    def _end_epoch(self, point: Point) -> None:
        """Take note of the iteration's figures, and see whether it was the last."""
        figures = {"cost": point.cost} | self._evaluate(self.to_theta(point.theta))
        self.note_figures(self.agreed(figures))
        self.finite_position, self.last_position = self.last_position, point.theta
        self.position, self.epoch, self.batch = point.theta, self.epoch + 1, 0
        self._check(point)

    def result(self) -> TrainingResult:
        """Return what the run ends with, and the state from which another one may begin."""
        result, state = super().result(), LBFGSState(self.state.theta, self.state.optimizer)
        # Not in the run's own history: one that goes on would have a figure too many.
        return result._replace(
            history=self.history or {"cost": [self._start_cost]},
            state=state,
        )

    def final_theta(self) -> Array:
        """Return the parameters of now, beside X."""
        return self.to_theta(self.state.theta)

    def _counted(self, theta: Vector) -> tuple[float, Vector]:
        if self._goes_on:  # it was evaluated before the run was stopped
            self._goes_on = False
        else:
            self.step += 1
        return self._objective(theta)

    def _check(self, point: Point) -> None:
        """End the run where a tolerance is met, or evaluations are used up."""
        settings = self.settings
        before = float(self.state.total)
        if reason := converged(before, point, settings.tolerance, settings.cost_tolerance):
            self._end(Ending.CONVERGED, reason)
        elif self.epoch < self.epochs and self.step >= settings.max_evaluations:
            self._end(Ending.EXHAUSTED, f"{self.step} evaluations")

    def _diverge(self, error: NotFiniteError) -> None:
        self.ending = Ending.DIVERGED
        self.reasons = [f"diverged: {error} after {self.epoch} iterations; scale the data"]


def _objective(
    problem: Problem, settings: LBFGSSettings, group: Group | None, *, like: Vector
) -> Objective:
    """Return the mean cost with its penalty as a function on the host, of vectors like one."""
    network, X, Y = problem.network, problem.X, problem.Y
    if computes_lazily(X):
        return _objective_in_blocks(problem, settings, like=like)
    m, there = X.shape[1], reference_array(Y)
    cuts = runs_of(m, settings.batch_size or m, group)
    reads = isinstance(X, Source) or isinstance(Y, Source)
    at_once = group is None and len(cuts) == 1 and not reads
    weights = None if problem.weights is None else normalize_weights(problem.weights)
    mask, zero = network.layout.weight_mask(like=like), widened(asarray_like(0.0, like=there))
    if group is not None:  # of which this process may have nothing to add to
        zero = widened(asarray_like([0.0] * (network.size + 1), like=there))
    run = compile_step(_add_mean, network, like=there)

    def evaluate(theta: Vector) -> tuple[float, Vector]:
        parameters, total = asarray_like(theta, like=there), zero
        for which in cuts:
            some = X if at_once else read_examples(X, which)
            w = None if weights is None else weights[which]
            total = run(total, parameters, some, read_examples(Y, which), w, m)
        if group is not None:
            total = group.all_sum(total * 1.0)
        found = asarray_like(total, like=like)  # cost and gradient at once: one round trip
        value, slope = penalty(theta, mask, None, settings.l2)
        return float(found[0] + value), found[1:] + slope

    return evaluate


def _objective_in_blocks(problem: Problem, settings: LBFGSSettings, *, like: Vector) -> Objective:
    """Return the mean cost of examples on Dask, which stay where they are."""
    network, weights = problem.network, problem.weights
    blocks = make_blocks(
        problem.X, problem.Y, None if weights is None else normalize_weights(weights)
    )
    mask, there = network.layout.weight_mask(like=like), block_like(problem.Y)
    size = settings.batch_size or AT_ONCE

    def evaluate(theta: Vector) -> tuple[float, Vector]:
        parameters = asarray_like(theta, like=there)
        mean = partial(_block_mean, network, parameters, problem.X.shape[1], size)
        found = asarray_like(blocks.sums(mean), like=like)
        value, slope = penalty(theta, mask, None, settings.l2)
        return float(found[0] + value), found[1:] + slope

    return evaluate


def _block_mean(network: Network, theta: Array, m: int, size: int, block: Block) -> Array:
    """Return what the examples of a block add to the mean cost and gradient."""
    X, Y, weights, _ = block
    total = widened(asarray_like(0.0, like=Y))
    for start in range(0, X.shape[1], size):
        part = slice(start, min(start + size, X.shape[1]))
        w = None if weights is None else weights[part]
        total = _add_mean(network, total, theta, X[:, part], Y[:, part], w, m)
    return total


def _add_mean(
    network: Network, total: Array, theta: Array, X: Array, Y: Array, weights: Array | None, m: int
) -> Array:
    """Return the cost and the gradient as one vector, divided by m, added to a total."""
    xp = namespace(theta)
    cost, gradient, _ = cost_and_gradient(network, theta, X, Y, weights, None, divisor=m, xp=xp)
    return total + xp.concat([xp.reshape(cost / m, (1,)), widened(gradient)])


def _copy_beside(like: Array, theta: Vector) -> Array:
    """Return theta beside an array, in memory of its own."""
    return asarray_like(namespace(theta).asarray(theta, copy=True), like=like)
