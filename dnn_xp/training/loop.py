"""How a network learns: take a batch, step, take note, stop."""

import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Literal

from dnn_xp.backends import (
    Array,
    bring,
    by_example,
    compile_step,
    computed,
    has_fixed_shapes,
    has_views,
    namespace,
    threads_for,
)
from dnn_xp.data.sources import Source, beside
from dnn_xp.functions.costs import classes_of_outputs, find_cost
from dnn_xp.functions.regularization import smooth_labels
from dnn_xp.network import Network
from dnn_xp.training.batches import Indices, mixup_shares
from dnn_xp.training.evaluation import (
    Dataset,
    Examples,
    Judged,
    Metric,
    measures,
    validation_beside,
)
from dnn_xp.training.gram import example_space_problem, pays_in_example_space, to_example_space
from dnn_xp.training.loader import epoch_batches, gathers
from dnn_xp.training.moments import Callback, Moment, same_theta
from dnn_xp.training.optimizers import Optimizer, sgd
from dnn_xp.training.progress import Progress, describe_run
from dnn_xp.training.regularization import Regularization
from dnn_xp.training.result import TrainingResult
from dnn_xp.training.settings import Schedule, Settings, check_settings, strengths_of
from dnn_xp.training.step import Data, State, StepConfig, StepScalars, step
from dnn_xp.training.weights import of_mean_1

__all__ = ["DivergenceWarning", "train"]

_log = logging.getLogger("dnn_xp")


class DivergenceWarning(RuntimeWarning):
    """The cost of a run became infinite or undefined."""


def train(
    network: Network,
    X: Examples,
    Y: Array,
    theta: Array | None = None,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int | None = None,
    seed: int = 0,
    weights: Array | None = None,
    weights_within: Literal["data", "batch"] = "data",
    order: Callable[[int], Indices] | None = None,
    validation: Dataset | None = None,
    metrics: Mapping[str, Metric] | None = None,
    schedule: Schedule | None = None,
    regularization: Regularization | None = None,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    average: float | None = None,
    micro_batch: int | None = None,
    callbacks: Sequence[Callback] = (),
    example_space: bool | Literal["auto"] = "auto",
    compile: bool = False,
    after: Progress | None = None,
    resume: Progress | None = None,
) -> TrainingResult:
    """Train a network where its data are: in X's library, dtype and device.

    Parameters
    ----------
    network : Network
    X : array of floats, shape (n_inputs, m)
        Columns are examples. Minibatches are fastest where X is the transpose of an array that
        holds an example in each row. A `Source` is read batch by batch.
    Y : array, shape (n_outputs, m)
        Targets; brought to X's side.
    theta : array, shape (size,), optional
        Where to start; it is not changed. Default: ``network.initialize(seed, like=X)``.
    optimizer : Optimizer, optional
        Default: ``sgd(0.1)``.
    epochs : int
        How many times each example is seen.
    batch_size : int, optional
        Examples in a step. Default: all of them, in their own order.
    seed : int
        Of initialization, shuffles and dropout.
    weights : array, shape (m,), optional
        Of each example. Only their ratios matter: they are scaled to a mean of 1 over the data.
    weights_within : "data" or "batch"
        Or to a mean of 1 over each batch, as scikit-learn does: each batch then counts the same,
        however light its examples.
    order : callable, optional
        ``order(epoch)`` is the order, NumPy's whole numbers from 0 to m - 1, in which an epoch
        takes the examples in batches. Default: a shuffle by the seed and the epoch.
    validation : (X, Y) or (X, Y, weights), optional
        Data whose ``validation_cost`` is measured after each epoch.
    metrics : dict of str to callable, optional
        Figures of the predictions, ``metric(A, Y)``, measured after each epoch: on the validation
        data where there are any (and then called ``validation_...``), else on X.
    schedule : callable, optional
        ``schedule(epoch)`` is what the learning rate is multiplied by at a point of the run, in
        epochs and fractions of them. One that is a `Callback` is told of the run as well.
    regularization : Regularization, optional
    clip_value, clip_norm : float, optional
        The largest that an element of the mean gradient, and its norm, may be.
    average : float, optional
        Return, and measure, a running mean of the parameters, of which this part stays at each
        step: 0.999 looks back over 1,000 steps. Default: the parameters themselves.
    micro_batch : int, optional
        How many examples of a batch are in memory at a time; the gradient is the same, but that
        `BatchNorm` normalizes each such part by itself.
    callbacks : sequence of Callback
    example_space : bool or "auto"
        Whether to descend in the coordinates of the examples, which is the same descent by less
        arithmetic where features outnumber examples (see `dnn_xp.training.gram`). By itself it
        is chosen where it is exact and pays; True where it would not be exact is an error.
    compile : bool
        Have PyTorch compile the step. JAX always does; the others run it as it is.
    after : Progress, optional
        Take over the state of the optimizer and the count of steps from the end of another run,
        of the same network and optimizer, to train on with other data or settings. Not from a run
        in example space, whose state is in the coordinates of its examples.
    resume : Progress, optional
        Go on from there, with all other arguments as they were: the run ends with the very bits
        of one that was never stopped, on the same library. See `Checkpoint`.

    Returns
    -------
    TrainingResult
        A run whose cost is no longer finite stops there, says so in ``reason`` and by a
        `DivergenceWarning`, and gives back the last parameters whose cost was finite.

    Raises
    ------
    ValueError
        Where an argument does not fit: what was found and what was expected.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, sgd, train
    >>> X = np.asarray([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    >>> Y = np.asarray([[0.0, 1.0, 1.0, 0.0]])
    >>> network = Network(2, (Dense(8, "tanh"), Dense(1)), cost="sigmoid_cross_entropy")
    >>> run = train(network, X, Y, optimizer=sgd(0.5), epochs=500)
    >>> network.predict(run.theta, X).round().tolist()
    [[0.0, 1.0, 1.0, 0.0]]
    """
    Y, weights = network.check_data(X, Y, weights)
    n_examples = X.shape[1]
    settings = check_settings(
        Settings(
            optimizer or sgd(0.1),
            epochs,
            n_examples if batch_size is None else batch_size,
            seed,
            schedule,
            regularization or Regularization(),
            clip_value,
            clip_norm,
            average,
            micro_batch,
            example_space,
            compile,
            _within_batch(weights_within),
            order,
        )
    )
    batch_size = min(settings.batch_size, n_examples)
    settings = settings._replace(batch_size=batch_size)
    optimizer, average = settings.optimizer, settings.ema_decay
    like = beside(X)
    theta = network.initialize(seed, like=like) if theta is None else bring(theta, like=like)
    network.check_theta(theta)
    described = network
    recover: Callable[[Array], Array] = same_theta
    judged = validation_beside(like, network, validation)
    moves = _in_example_space(network, settings, X, judged, after, resume)
    told = {"example_space": moves, "after": None if after is None else after.steps}
    run = describe_run(network, settings, X, weights, theta, **told)
    begin = theta
    if moves:
        space = to_example_space(network, X, theta)
        network, theta, recover = space.network, space.theta, space.recover
        X = like = computed(space.project(X))
        if judged is not None:
            judged = (computed(space.project(judged[0])), *judged[1:])
    measure = measures(network, X, Y, weights, judged, metrics or {})

    config = StepConfig(
        network,
        # Numbers of their own, so that what was compiled serves every learning rate.
        optimizer._replace(learning_rate=0.0, weight_decay=0.0),
        average is not None,
        micro_batch,
        padded=has_fixed_shapes(like) and n_examples % batch_size != 0,
        weights_by_batch=settings.weights_by_batch,
        penalties_by_batch=settings.regularization.summed,
        # Mixup looks for partners among all the data.
        gathered=not settings.regularization.mixup and gathers(X, batch_size),
    )
    data = _prepare(network, settings, X, Y, weights)
    strengths = strengths_of(settings)
    if batch_size < n_examples and not isinstance(X, Source):
        data = data._replace(X=by_example(X))
    run_step = compile_step(step, config, like=like, donate=(0,), compile=compile)
    if isinstance(schedule, Callback) and not any(one is schedule for one in callbacks):
        callbacks = (*callbacks, schedule)
    watchers = _by_name(callbacks)
    on_step = [one for one in watchers.values() if type(one).step is not Callback.step]

    progress = Progress.start(run, network, optimizer, theta, average is not None)
    if after is not None:
        progress = progress.after(network, after)
    if resume is not None:
        progress = resume.resumed(network, progress)
    state, history, kept, finite = progress.state, progress.history, progress.kept, progress.finite
    # A micro-batch's gradient is added to the last one's, so it needs an array of its own.
    workspace = network.workspace(state.theta) if has_views(like) and not micro_batch else None
    n_steps, n_batches = progress.steps, -(-n_examples // batch_size)
    multiplications = network.largest_parameter * min(batch_size, micro_batch or batch_size)

    def moment(epoch: int, batch: int, coordinates: Array) -> Moment:
        def here() -> Progress:
            states = {name: held for name, one in watchers.items() if (held := one.state())}
            return Progress(run, state, epoch, batch, n_steps, history, kept, finite, states)

        return Moment(described, coordinates, history, epoch, epochs, recover, here)

    now = moment(progress.epoch, progress.batch, kept)
    stops: list[str] = []
    for name, callback in watchers.items():
        callback.start(now)
        if name in progress.callbacks and (stop := callback.restore(now, progress.callbacks[name])):
            stops.append(stop)

    done, reason, diverged = progress.epoch, "; ".join(stops) or f"{epochs} epochs", False
    for epoch in range(progress.epoch, progress.epoch if stops else epochs):
        first = progress.batch if epoch == progress.epoch else 0
        batches = islice(epoch_batches(config, data, batch_size, seed, epoch, order), first, None)
        with threads_for(multiplications, like=like):
            for number, (seen, batch) in enumerate(batches, first + 1):
                rate = optimizer.learning_rate
                if schedule is not None:
                    rate *= float(schedule((epoch * n_batches + number - 1) / n_batches))
                n_steps += 1
                stays = 0.0 if average is None else min(average, 1.0 - 1.0 / n_steps)
                scalars = StepScalars(n_steps, seed % 2**31, rate, strengths, stays)
                state = run_step(state, seen, batch, scalars, workspace)
                if on_step:
                    now = moment(epoch, number, _measured(state))
                    stops = [stop for callback in on_step if (stop := callback.step(now))]
                    if stops:
                        break
        if stops and math.isfinite(float(state.total)):
            reason = "; ".join(stops)
            break

        mean = float(state.total) / n_examples
        # A new zero: a step that was compiled may use the memory of the old one.
        state = state._replace(total=bring(0.0, like=like))
        history.setdefault("cost", []).append(mean)
        if not math.isfinite(mean):
            diverged = True
            reason = (
                f"diverged: the cost became {mean} in epoch {epoch + 1}; "
                "lower the learning rate, or scale the data"
            )
            warnings.warn(reason, DivergenceWarning, stacklevel=2)
            break
        finite, kept = kept, _copy(_measured(state))
        for name, value in measure(kept).items():
            history.setdefault(name, []).append(value)

        done = epoch + 1
        now = moment(done, 0, kept)
        stops = [stop for callback in watchers.values() if (stop := callback.epoch(now))]
        if stops:
            reason = "; ".join(stops)
            break

    if diverged:  # in the first epoch: X may hold NaN, which would come into theta again
        end, reached = recover(finite) if done else _copy(begin), None
    else:
        end, reached = recover(_copy(_measured(state))), now.progress
    result = TrainingResult(end, history, done, reason, reached)
    for callback in watchers.values():
        result = callback.end(result)
    return result


def _by_name(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """Return callbacks in the order in which they are told, each by a name of its own."""
    named: dict[str, Callback] = {}
    for one in callbacks:
        kind = type(one).__name__
        before = sum(type(other).__name__ == kind for other in named.values())
        named[f"{kind} {before + 1}" if before else kind] = one
    return dict(sorted(named.items(), key=lambda item: item[1].comes_last))


def _within_batch(within: str) -> bool:
    if within not in ("data", "batch"):
        raise ValueError(f"weights_within: found {within!r}, expected 'data' or 'batch'")
    return within == "batch"


def _in_example_space(
    network: Network,
    settings: Settings,
    X: Examples,
    validation: Judged | None,
    after: Progress | None,
    resume: Progress | None,
) -> bool:
    wanted = settings.example_space
    if wanted is False:
        return False
    n_examples = X.shape[1]
    problem = example_space_problem(network, settings, n_examples)
    if isinstance(X, Source):
        problem = "X is read a batch at a time"
    if validation is not None and isinstance(validation[0], Source):
        problem = "the validation data are read a batch at a time"
    if after is not None:
        problem = "the optimizer's state that is taken over is not in its coordinates"
    if wanted is True and problem:
        raise ValueError(f"example_space: found True, which would not be exact: {problem}")
    if resume is None:
        pays = pays_in_example_space(network, n_examples, settings.epochs)
    else:  # what was chosen once stays, whatever pays for the epochs that are left
        pays = resume.run["example_space"] == "True"
    chosen = wanted is True or (problem is None and pays)
    if chosen:
        _log.info("descending in the space of the %d examples", n_examples)
    return chosen


def _prepare(
    network: Network, settings: Settings, X: Examples, Y: Array, weights: Array | None
) -> Data:
    """Return what the steps read, made once."""
    rules = settings.regularization
    if rules.label_smoothing:
        n_classes = classes_of_outputs(find_cost(network.cost), network.n_outputs)
        if not n_classes:
            raise ValueError(
                f"label_smoothing: found cost {network.cost!r}, expected one between classes"
            )
        Y = smooth_labels(Y, rules.label_smoothing, bring([[n] for n in n_classes], like=Y))
    if weights is not None:
        scaled = of_mean_1(weights)  # which refuses weights that are all zero
        weights = weights if settings.weights_by_batch else scaled
    mask = mixup = None
    if rules.l1 or rules.l2 or settings.optimizer.weight_decay:
        mask = network.weight_mask(like=Y)
    if rules.mixup:
        if isinstance(X, Source):
            raise ValueError("mixup: X is read a batch at a time, and its examples mix at random")
        mixup = bring(mixup_shares(rules.mixup, settings.seed), like=Y)
    return Data(X, Y, weights, mask, mixup)


def _measured(state: State) -> Array:
    """Return the parameters that are measured and returned."""
    return state.theta if state.average is None else state.average


def _copy(theta: Array) -> Array:
    return namespace(theta).asarray(theta, copy=True)
