"""Training of the network of an estimator: by steps along gradients, or by L-BFGS."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from dnn_xp.backends import Group, to_host
from dnn_xp.data.sources import Source, reference_array
from dnn_xp.estimators.checkpoints import FitData, open_checkpoint
from dnn_xp.estimators.coefficients import to_theta
from dnn_xp.estimators.data import HostArray, as_columns, optional_like, targets_like
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.estimators.initialization import Shuffles
from dnn_xp.estimators.monitoring import (
    FitMonitor,
    PrintLoss,
    is_verbose,
    record_divergence,
    record_iterations,
)
from dnn_xp.estimators.past import Past, past_of, state_of_optimizer, take_up
from dnn_xp.estimators.translation import describe_optimizer, describe_regularization, needs_steps
from dnn_xp.estimators.validation import make_validation
from dnn_xp.network import Network
from dnn_xp.training import Callback, Ending, Optimizer, Progress, TrainingResult, lbfgs
from dnn_xp.training.evaluation import AT_ONCE, Evaluation
from dnn_xp.training.loop import TrainingData, prepare_run
from dnn_xp.training.moments import Callbacks, drive
from dnn_xp.training.optimizers import OPTIMIZERS, Update
from dnn_xp.training.parts import begin_run
from dnn_xp.training.run import GradientRun, MakeStep
from dnn_xp.training.settings import Settings

__all__ = ["FitData", "fit_by_lbfgs", "fit_by_steps"]


def fit_by_steps(
    estimator: FittedNetwork,
    network: Network,
    data: FitData,
    validation_data: FitData | None,
    rng: np.random.RandomState,
    callbacks: Sequence[Callback] = (),
    *,
    incremental: bool = False,
    group: Group | None = None,
) -> None:
    """Train by an optimizer that takes steps along the gradients of batches.

    Parameters
    ----------
    estimator : FittedNetwork
    network : Network
    data : Data
    validation_data : Data or None
        Whose score and loss are measured after each epoch.
    rng : RandomState
    callbacks : sequence of Callback
        Besides those of the estimator.
    incremental : bool
        Whether this is one epoch more, from the state in which the last one left the optimizer.
    group : Group, optional
        The processes that fit together.

    Raises
    ------
    ValueError
        Where training diverges and no best parameters are kept, or a parameter of the estimator
        does not fit the others.
    """
    X, n_examples = as_columns(data.X), data.X.shape[0]
    like = reference_array(X)
    validation = None
    if validation_data is not None:
        validation = make_validation(estimator, network, validation_data, like)
    past = estimator._past if incremental else Past()
    rate = estimator._learning_rate if incremental else 1.0
    monitor = FitMonitor(estimator, validation, n_examples, rate, past.epochs)
    weights, by_batch = _example_weights(estimator, data)
    optimizer = describe_optimizer(estimator)
    settings = Settings(
        optimizer,
        past.epochs + 1 if incremental else estimator.max_iter,
        _batch_size(estimator, n_examples),
        seed=int(rng.randint(2**31)) if network.is_random else 0,
        schedule=monitor.factor,
        regularization=describe_regularization(estimator),
        clip_norm=estimator.clip_norm,
        example_space=False,
        weights_by_batch=by_batch,
        order=Shuffles(n_examples, rng if estimator.shuffle else None, past.epochs, data.order),
    )
    examples = TrainingData(X, targets_like(data.Y, X), optional_like(weights, like))
    begin = partial(
        prepare_run, network, examples, to_theta(network, estimator._weights()), settings
    )
    after = _progress_with(estimator, optimizer) if incremental else None
    checkpoints: list[Callback] = []

    def prepare(make_step: MakeStep | None = None) -> GradientRun:
        run = begin(Evaluation(), after=after, make_step=make_step)
        if estimator.checkpoint is None:
            return run
        checkpoints[:], resume = open_checkpoint(estimator, run, validation_data)
        return run if resume is None else begin(Evaluation(), resume=resume, make_step=make_step)

    prepared = begin_run(prepare, group)
    if estimator.checkpoint is None:
        prepared.take_fingerprint = None  # nothing but this estimator goes on from its progress
    if incremental:
        take_up(prepared, past)
    past = past.with_callbacks(estimator)
    try:
        run = drive(prepared, Callbacks([monitor, *past.told, *checkpoints, *callbacks]))
    except KeyboardInterrupt:
        if prepared.group is not None:  # the others do not know of it
            raise
        warnings.warn("Training interrupted by user.", stacklevel=4)
        if monitor.theta is not None:
            estimator._set_theta(network, monitor.chosen)
            estimator._past = past._replace(epochs=prepared.epoch, history=prepared.history)
        return
    estimator._set_theta(network, run.theta)
    estimator._progress = state_of_optimizer(run.progress)
    estimator._last_optimizer = _kind_of(optimizer)
    estimator._past = past_of(run, past, estimator)
    if run.ending is Ending.DIVERGED:
        _raise_divergence(estimator, run.reason)
    elif not incremental and run.ending is Ending.COMPLETED and prepared.rank == 0:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=4,
        )


def fit_by_lbfgs(
    estimator: FittedNetwork,
    network: Network,
    data: FitData,
    callbacks: Sequence[Callback],
    group: Group | None = None,
) -> None:
    """Train by L-BFGS, from the curvature that is known where the start is warm.

    Parameters
    ----------
    estimator : FittedNetwork
    network : Network
    data : Data
    callbacks : sequence of Callback
        Besides those of the estimator.
    group : Group, optional
        The processes that fit together.

    Raises
    ------
    ValueError
        Where training diverges, or the estimator has parameters that only steps along gradients
        can follow.
    """
    if names := needs_steps(estimator):
        raise ValueError(f"solver: 'lbfgs' has no {', '.join(names)}; choose another solver")
    X = as_columns(data.X)
    like, (weights, _) = reference_array(X), _example_weights(estimator, data)
    theta, state = to_theta(network, estimator._weights()), estimator._lbfgs_state
    if state is not None and not np.array_equal(to_host(theta), state.theta):
        state = None  # the parameters have been set since
    printers = [PrintLoss()] if is_verbose(estimator) else []
    run = lbfgs(
        network,
        X,
        targets_like(data.Y, X),
        theta if state is None else None,
        weights=optional_like(weights, like),
        l2=estimator.alpha / (X.shape[1] if weights is None else float(weights.sum())),
        max_iter=estimator.max_iter,
        max_evaluations=estimator.max_fun + 1,  # SciPy ends where there are more
        tolerance=estimator.tol,
        batch_size=AT_ONCE if isinstance(X, Source) else None,
        callbacks=[
            *printers,
            *Past().with_callbacks(estimator).told,
            *callbacks,
            _RefuseDivergence(estimator),
        ],
        state=state,
        group=group,
    )
    estimator._set_theta(network, run.theta)
    estimator._lbfgs_state = run.state if estimator.warm_start else None
    record_iterations(estimator, run.epochs, run.history["cost"])
    speaks = group is None or group.rank == 0
    if speaks and (problem := _lbfgs_problem(estimator, run)):
        warnings.warn(
            f"lbfgs failed to converge after {run.epochs} iteration(s) {problem}\n"
            "You might also want to scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
            stacklevel=4,
        )


def _lbfgs_problem(estimator: FittedNetwork, run: TrainingResult) -> str:
    """Return why L-BFGS ended before it had converged, in SciPy's words, or ""."""
    assert run.progress is not None  # it has not diverged
    # SciPy looks at the limits first.
    if run.epochs and run.epochs >= estimator.max_iter:
        return (
            "(status=1):\nSTOP: TOTAL NO. OF ITERATIONS REACHED LIMIT\n\n"
            "Increase the number of iterations to improve the convergence "
            f"(max_iter={estimator.max_iter})."
        )
    if run.epochs and run.progress.steps > estimator.max_fun:
        return "(status=1):\nSTOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT\n"
    if run.ending is Ending.CONVERGED:
        return ""
    status = "(status=2):\nABNORMAL: " if run.ending is Ending.EXHAUSTED else ": "
    return f"{status}{run.reason}\n"


def _progress_with(estimator: FittedNetwork, optimizer: Optimizer) -> Progress | None:
    """Return where the last training ended, if it was with such an optimizer.

    The state of one optimizer means nothing to another, which begins anew.
    """
    return estimator._progress if estimator._last_optimizer == _kind_of(optimizer) else None


def _kind_of(optimizer: Optimizer) -> str | Update:
    """Return what tells an optimizer from one of another kind, whatever its numbers are."""
    return optimizer.name if optimizer.name in OPTIMIZERS else optimizer.update


def _batch_size(estimator: FittedNetwork, n_examples: int) -> int:
    size = estimator.batch_size
    if isinstance(size, str):  # "auto"
        return min(200, n_examples)
    if size > n_examples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=5,
        )
    return min(int(size), n_examples)


def _example_weights(estimator: FittedNetwork, data: FitData) -> tuple[HostArray | None, bool]:
    """Return the weights of examples, and whether they count within a batch, not over the data.

    Raises
    ------
    ValueError
        Where those of classes leave nothing to learn from.
    """
    by_class = estimator._class_weights(data.Y)
    if by_class is None:
        return data.weights, True
    weights = by_class if data.weights is None else by_class * data.weights
    if not weights.any():
        raise ValueError(
            f"class_weight: found {estimator.class_weight!r}, which makes the weights of all "
            "examples 0, expected one above 0"
        )
    return weights, False


class _RefuseDivergence(Callback):
    """Raise scikit-learn's error instead of `DivergenceWarning`, after all others were told."""

    comes_last: ClassVar[bool] = True

    def __init__(self, estimator: FittedNetwork) -> None:
        self._estimator = estimator

    def end(self, result: TrainingResult) -> TrainingResult:
        """Look whether the run diverged."""
        if result.ending is Ending.DIVERGED:
            _raise_divergence(self._estimator, result.reason)
        return result


def _raise_divergence(estimator: FittedNetwork, reason: str) -> None:
    """Raise scikit-learn's error, or warn where the best parameters were kept."""
    record_divergence(estimator)
    if not estimator.early_stopping or estimator.solver == "lbfgs":
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large "
            f"values and need to be preprocessed. ({reason})"
        )
    warnings.warn(f"Stochastic Optimizer: {reason}", ConvergenceWarning, stacklevel=5)
