"""Training by steps along gradients: `train` checks, prepares a run and drives it."""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from dnn_xp.arguments import check
from dnn_xp.backends import (
    Array,
    as_example_rows,
    asarray_like,
    block_like,
    computed,
    computes_lazily,
    from_blocks,
    is_narrow,
    namespace,
    widened,
    without_record,
)
from dnn_xp.data.sources import Source, in_memory, is_lazy, reference_array
from dnn_xp.functions.costs import classes_of_outputs, find_cost
from dnn_xp.functions.regularization import smooth_labels
from dnn_xp.network import Network
from dnn_xp.network.checks import (
    bring,
    check_examples,
    check_learns,
    check_theta,
    float_reference,
)
from dnn_xp.network.values import check_finite, check_values, checked_targets, finite_source
from dnn_xp.training.batches import mixup_coefficients
from dnn_xp.training.blocks import in_blocks, make_blocks_step
from dnn_xp.training.evaluation import (
    AT_ONCE,
    Evaluation,
    Examples,
    LabeledExamples,
    Metric,
    figure_modes,
    make_evaluator,
    prepare_validation,
)
from dnn_xp.training.gram import example_space_problem, pays_in_example_space, to_example_space
from dnn_xp.training.identity import describe_gradient_run, fingerprint
from dnn_xp.training.moments import Callback, Callbacks, drive
from dnn_xp.training.optimizers import Optimizer, sgd
from dnn_xp.training.parts import begin_run, check_shared
from dnn_xp.training.problem import Problem
from dnn_xp.training.progress import Progress, check_progress
from dnn_xp.training.regularization import Regularization
from dnn_xp.training.result import Ending, TrainingResult
from dnn_xp.training.run import GradientRun, MakeStep
from dnn_xp.training.settings import Schedule, Settings, check_settings
from dnn_xp.training.step import Data
from dnn_xp.training.weights import normalize_weights

__all__ = ["DivergenceWarning", "TrainingData", "prepare_data", "prepare_run", "train"]

_log = logging.getLogger("dnn_xp")


class DivergenceWarning(RuntimeWarning):
    """The cost of a run became infinite or undefined."""


def train(
    network: Network,
    X: Examples,
    Y: Examples,
    theta: Array | None = None,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int | None = None,
    seed: int = 0,
    weights: Array | None = None,
    validation: LabeledExamples | None = None,
    metrics: Mapping[str, Metric] | None = None,
    schedule: Schedule | None = None,
    regularization: Regularization | None = None,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    ema_decay: float | None = None,
    micro_batch: int | None = None,
    callbacks: Sequence[Callback] = (),
    example_space: bool | Literal["auto"] = "auto",
    compile: bool = False,
    resume: Progress | None = None,
    group: Any = None,
) -> TrainingResult:
    """Train a network where its data are: in X's library, dtype and device.

    Parameters
    ----------
    network : Network
    X : array of floats, shape (n_inputs, m)
        Columns are examples. Minibatches are fastest where X is the transpose of an array that
        holds an example in each row. A `Source` is read batch by batch, in an order of its own
        where it has one. Examples on Dask stay in their blocks; theta is of these blocks' library
        (NumPy's for tensors on the host, CuPy's for those on CUDA, as which they are read).
    Y : array or Source, shape (n_targets, m)
        Targets; brought to X's side. Or the numbers of a softmax's classes, integers from 0, of
        shape (m,) or (1, m).
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
    ema_decay : float, optional
        Return, and measure, an exponential moving average of the parameters, of which this part
        stays at each step: 0.999 looks back over 1,000 steps. Default: the parameters themselves.
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
    resume : Progress, optional
        Go on from there, with all other arguments as they were: the run ends with the very bits
        of one that was never stopped, on the same library. See `Checkpoint`.
    group : Group, optional
        The processes that train together: ``over_torch()``, ``over_mpi()`` or ``over_jax()`` of
        `dnn_xp.backends`, a communicator of mpi4py, or a process group of torch. Each of them
        calls this with the same arguments and takes its part of each batch; all have the same
        result, that of one process within rounding. Only rank 0 writes and prints (see
        `Callback`). It is no part of the run, which goes on over any number of processes.

    Returns
    -------
    TrainingResult
        A run whose cost is no longer finite stops there with the ending ``DIVERGED`` and a
        `DivergenceWarning`, and gives back the last parameters whose cost was finite.

    Raises
    ------
    ValueError, TypeError
        Where an argument does not fit: what was found and what was expected.
    GroupError
        Where the processes of a group were told different things, or one is gone.

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
    settings = Settings(
        sgd(0.1) if optimizer is None else optimizer,
        epochs,
        batch_size,
        seed,
        schedule,
        Regularization() if regularization is None else regularization,
        clip_value,
        clip_norm,
        ema_decay,
        micro_batch,
        example_space,
        compile,
    )
    evaluation = Evaluation(validation, {} if metrics is None else metrics)
    data = TrainingData(X, Y, weights)
    prepare = partial(prepare_run, network, data, theta, settings, evaluation, resume=resume)
    run = begin_run(prepare, group)
    if isinstance(schedule, Callback):
        callbacks = (*callbacks, schedule)
    result = drive(run, Callbacks(callbacks))
    if result.ending is Ending.DIVERGED and run.rank == 0:
        warnings.warn(result.reason, DivergenceWarning, stacklevel=2)
    return result


class TrainingData(NamedTuple):
    """Training data, as they were handed in.

    Attributes
    ----------
    X : array or Source, shape (n_inputs, m)
    Y : array or Source, shape (n_targets, m)
    weights : array, shape (m,), optional
    """

    X: Examples
    Y: Examples
    weights: Array | None = None


def prepare_run(
    network: Network,
    data: TrainingData,
    theta: Array | None,
    settings: Settings,
    evaluation: Evaluation,
    *,
    after: Progress | None = None,
    resume: Progress | None = None,
    make_step: MakeStep | None = None,
) -> GradientRun:
    """Return a run that is ready for its first epoch, checked and in its coordinates.

    Parameters
    ----------
    network : Network
    data : TrainingData
    theta : array, shape (size,), optional
    settings : Settings
    evaluation : Evaluation
    after : Progress, optional
        Take over the state of the optimizer and the count of steps from the end of another run,
        of the same network and optimizer, to train on with other data or settings. Not from a run
        in example space, whose state is in the coordinates of its examples.
    resume : Progress, optional
    make_step : MakeStep, optional
        As in `GradientRun`.

    Raises
    ------
    ValueError, TypeError
        Where something does not fit: what was found and what was expected.
    """
    if resume is not None:
        check_progress(resume)
    X, Y, weights = check_examples(network, in_memory(data.X), data.Y, data.weights)
    if make_step is not None:
        check_shared(X)
    like = float_reference(network.layout, X)
    settings = check_settings(settings, X.shape[1])
    check_learns(network.layout)
    here = block_like(like)
    theta = network.initialize(settings.seed, like=here) if theta is None else theta
    theta = bring("theta", theta, like=here)
    check_theta(network.layout, theta)
    check_values(network.cost, X, Y, weights)
    check_finite(theta=theta)
    X, Y = finite_source(X), checked_targets(network.cost, Y)
    X, Y, weights, theta = map(without_record, (X, Y, weights, theta))
    validation = prepare_validation(like, network, evaluation.validation)
    problem = Problem(network, theta, X, Y, weights, validation)
    moved = _uses_example_space(problem, settings, after, resume)
    identity = describe_gradient_run(
        problem,
        settings,
        example_space=moved,
        after_steps=None if after is None else after.steps,
    )
    take, data_are_lazy = partial(fingerprint, problem), problem.is_lazy
    if moved:
        problem = _in_example_space(problem)
        _log.info("descending in the space of the %d examples", X.shape[1])
    elif is_narrow(theta):
        problem = _in_float32(problem)

    progress = Progress.start(identity, problem, settings)
    if after is not None:
        progress = progress.after(after)
    if resume is not None:
        progress = progress._replace(run=identity | take())
        progress = resume.resumed(progress)
        epochs, done = settings.epochs, resume.epoch
        check("epochs", epochs, epochs >= done, f"at least {done}, as are done")
    training = (problem.X, problem.Y, problem.weights)
    evaluate = make_evaluator(problem.network, training, problem.validation, evaluation)
    if is_narrow(theta):
        evaluate = partial(_evaluate_theta, evaluate, problem.to_theta)
    data_of_steps = prepare_data(problem, settings)
    if computes_lazily(data_of_steps.X):
        data_of_steps, make_step = in_blocks(network, data_of_steps, settings), make_blocks_step
    run = GradientRun(network, settings, problem, data_of_steps, evaluate, progress, make_step)
    run.begin_theta, run.take_fingerprint, run.data_are_lazy = theta, take, data_are_lazy
    run.modes |= figure_modes(evaluation)
    return run


def _uses_example_space(
    problem: Problem, settings: Settings, after: Progress | None, resume: Progress | None
) -> bool:
    """Return whether a run descends in example space, or refuse it where that is not exact."""
    wanted = settings.example_space
    if wanted is False:
        return False
    n_examples = problem.X.shape[1]
    reason = example_space_problem(problem.network, settings, n_examples)
    if is_narrow(problem.theta):
        reason = "X is of 16 bits, of which sums of products of examples lose too much"
    if isinstance(problem.X, Source):
        reason = "X is read a batch at a time"
    if isinstance(problem.Y, Source):
        reason = "Y is read a batch at a time"
    if problem.validation is not None and isinstance(problem.validation[0], Source):
        reason = "the validation data are read a batch at a time"
    if after is not None:
        reason = "the optimizer's state that is taken over is not in its coordinates"
    if wanted is True and reason:
        raise ValueError(f"example_space: found True, which would not be exact: {reason}")
    if resume is None:
        pays = pays_in_example_space(problem.network, n_examples, settings.epochs)
        # Products of all examples with each other come here, which X on Dask may be too large for.
        pays = pays and not (computes_lazily(problem.X) and n_examples > AT_ONCE)
    else:  # what was chosen once stays, whatever pays for the epochs that are left
        pays = bool(resume.run.get("example_space"))
    return wanted is True or (reason is None and pays)


def _in_example_space(problem: Problem) -> Problem:
    """Return the problem in the coordinates of its examples."""
    space = to_example_space(problem.network, problem.X, problem.theta)
    validation = problem.validation
    if validation is not None:
        projected = space.project(validation[0])
        if not computes_lazily(validation[0]):
            projected = from_blocks(projected)
        validation = (computed(projected), *validation[1:])
    return problem._replace(
        network=space.network,
        theta=space.theta,
        X=from_blocks(space.project(problem.X)),
        Y=from_blocks(problem.Y),
        weights=None if problem.weights is None else from_blocks(problem.weights),
        validation=validation,
        to_theta=space.to_theta,
    )


def _in_float32(problem: Problem) -> Problem:
    """Return the problem with theta in float32, in which small updates of 16 bits are not lost."""
    return problem._replace(
        theta=widened(problem.theta), to_theta=partial(_astype, problem.theta.dtype)
    )


def _astype(dtype: Any, position: Array) -> Array:
    return namespace(position).astype(position, dtype)


def _evaluate_theta(
    evaluate: Callable[[Array], dict[str, float]],
    to_theta: Callable[[Array], Array],
    position: Array,
) -> dict[str, float]:
    """Return the figures of the theta that a position stands for."""
    return evaluate(to_theta(position))


def prepare_data(problem: Problem, settings: Settings) -> Data:
    """Return what the steps read, made once."""
    network, X, Y, weights = problem.network, problem.X, problem.Y, problem.weights
    rules = settings.regularization
    if rules.label_smoothing:
        n_classes = classes_of_outputs(find_cost(network.cost), network.n_outputs)
        if not n_classes:
            raise ValueError(
                f"label_smoothing: found cost {network.cost!r}, expected one between classes"
            )
        sizes = asarray_like([[n] for n in n_classes], like=reference_array(Y))
        Y = _smoothed(Y, rules.label_smoothing, sizes)
    if weights is not None:
        scaled = normalize_weights(weights)  # which refuses weights that are all zero
        weights = weights if settings.weights_by_batch else scaled
    for name in ("noise", "mixup"):
        reference = reference_array(X)
        if getattr(rules, name) and not namespace(reference).isdtype(
            reference.dtype, "real floating"
        ):
            raise ValueError(
                f"{name}: found {getattr(rules, name):g} with X of integers, expected 0 or X of "
                "floats"
            )
    mask = mixup = None
    if rules.l1 or rules.l2 or settings.optimizer.weight_decay:
        mask = network.layout.weight_mask(like=problem.theta)
    if rules.mixup:
        for name, x in (("X", X), ("Y", Y)):
            if is_lazy(x):
                found = "that is read batch by batch" if isinstance(x, Source) else "on Dask"
                raise ValueError(
                    f"mixup: found {rules.mixup:g} with {name} {found}, expected 0 or an array in "
                    "memory, of which an example is mixed with any other; noise and "
                    "label_smoothing take each by itself"
                )
        mixup = asarray_like(mixup_coefficients(rules.mixup, settings.seed), like=Y)
    if settings.batch_size < X.shape[1] and not isinstance(X, Source):
        X = as_example_rows(X)
    return Data(X, Y, weights, mask, mixup)


def _smoothed(Y: Examples, amount: float, n_classes: Array) -> Examples:
    """Return smoothed targets, of a source those that it reads."""
    if not isinstance(Y, Source):
        return smooth_labels(Y, amount, n_classes)
    read = Y.read
    return Y._replace(read=lambda which: smooth_labels(read(which), amount, n_classes))
