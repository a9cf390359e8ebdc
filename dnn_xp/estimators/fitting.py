"""Training of the network of an estimator: by steps along gradients, or by L-BFGS."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split

from dnn_xp.backends import Array, Vector, asarray_like, namespace, to_host
from dnn_xp.data.sources import Source, reference_array
from dnn_xp.estimators.checkpoints import FitData, open_checkpoint
from dnn_xp.estimators.coefficients import to_theta
from dnn_xp.estimators.data import HostArray, as_columns
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.estimators.initialization import Shuffles
from dnn_xp.estimators.monitoring import (
    FitMonitor,
    PrintLoss,
    Validation,
    is_verbose,
    record_divergence,
    record_iterations,
)
from dnn_xp.estimators.translation import describe_optimizer, describe_regularization, needs_steps
from dnn_xp.functions.costs import find_cost
from dnn_xp.network import Network
from dnn_xp.network.propagation import mean_cost
from dnn_xp.training import Callback, Ending, Optimizer, Progress, TrainingResult, lbfgs
from dnn_xp.training.evaluation import AT_ONCE, Evaluation
from dnn_xp.training.loop import TrainingData, prepare_run
from dnn_xp.training.moments import Callbacks, drive
from dnn_xp.training.settings import Settings

__all__ = ["FitData", "fit_by_lbfgs", "fit_by_steps", "split_validation"]


def fit_by_steps(
    estimator: FittedNetwork,
    network: Network,
    data: FitData,
    validation_data: FitData | None,
    rng: np.random.RandomState,
    callbacks: Sequence[Callback] = (),
    *,
    incremental: bool = False,
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
        validation = _make_validation(estimator, network, validation_data, like)
    rate = estimator._learning_rate if incremental else 1.0
    monitor = FitMonitor(estimator, validation, n_examples, rate)
    by_class = estimator._class_weights(data.Y)
    weights = _multiply(by_class, data.weights)
    optimizer = describe_optimizer(estimator)
    settings = Settings(
        optimizer,
        1 if incremental else estimator.max_iter,
        _batch_size(estimator, n_examples),
        seed=int(rng.randint(2**31)) if network.is_random else 0,
        schedule=monitor.factor,
        regularization=describe_regularization(estimator),
        clip_norm=estimator.clip_norm,
        example_space=False,
        weights_by_batch=by_class is None,
        order=Shuffles(n_examples, rng if estimator.shuffle else None),
    )
    examples = TrainingData(X, asarray_like(data.Y, like=like), _bring_optional(weights, like))
    begin = partial(
        prepare_run, network, examples, to_theta(network, estimator._weights()), settings
    )
    after = _progress_with(estimator, optimizer) if incremental else None
    prepared = begin(Evaluation(), after=after)
    checkpoints: list[Callback] = []
    if estimator.checkpoint is None:
        prepared.take_fingerprint = None  # nothing but this estimator goes on from its progress
    else:
        checkpoints, resume = open_checkpoint(estimator, prepared, validation_data)
        if resume is not None:
            prepared = begin(Evaluation(), resume=resume)
    own_callbacks = _own_callbacks(estimator)
    try:
        run = drive(prepared, Callbacks([monitor, *own_callbacks, *checkpoints, *callbacks]))
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=4)
        if monitor.theta is not None:
            estimator._set_theta(network, monitor.chosen)
        return
    estimator._set_theta(network, run.theta)
    estimator._progress, estimator._last_optimizer = run.progress, optimizer
    if run.ending is Ending.DIVERGED:
        _raise_divergence(estimator, run.reason)
    elif not incremental and run.ending is Ending.COMPLETED:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=4,
        )


def fit_by_lbfgs(
    estimator: FittedNetwork, network: Network, data: FitData, callbacks: Sequence[Callback]
) -> None:
    """Train by L-BFGS, from the curvature that is known where the start is warm.

    Parameters
    ----------
    estimator : FittedNetwork
    network : Network
    data : Data
    callbacks : sequence of Callback
        Besides those of the estimator.

    Raises
    ------
    ValueError
        Where training diverges, or the estimator has parameters that only steps along gradients
        can follow.
    """
    if names := needs_steps(estimator):
        raise ValueError(f"solver: 'lbfgs' has no {', '.join(names)}; choose another solver")
    X = as_columns(data.X)
    like, by_class = reference_array(X), estimator._class_weights(data.Y)
    weights = _multiply(by_class, data.weights)
    theta, state = to_theta(network, estimator._weights()), estimator._lbfgs_state
    if state is not None and not np.array_equal(to_host(theta), state.theta):
        state = None  # the parameters have been set since
    printers = [PrintLoss()] if is_verbose(estimator) else []
    run = lbfgs(
        network,
        X,
        asarray_like(data.Y, like=like),
        theta if state is None else None,
        weights=_bring_optional(weights, like),
        l2=estimator.alpha / (X.shape[1] if weights is None else float(weights.sum())),
        max_iter=estimator.max_iter,
        max_evaluations=estimator.max_fun,
        tolerance=estimator.tol,
        batch_size=AT_ONCE if isinstance(X, Source) else None,
        callbacks=[*printers, *estimator.callbacks, *callbacks, _RefuseDivergence(estimator)],
        state=state,
    )
    estimator._set_theta(network, run.theta)
    estimator._lbfgs_state = run.state
    record_iterations(estimator, run.epochs, run.history["cost"])
    if run.ending is not Ending.CONVERGED:
        warnings.warn(
            f"lbfgs failed to converge after {run.epochs} iteration(s): {run.reason}.\n\n"
            f"Increase the number of iterations to improve the convergence (max_iter="
            f"{estimator.max_iter}).\nYou might also want to scale the data.",
            ConvergenceWarning,
            stacklevel=4,
        )


def split_validation(
    estimator: FittedNetwork, data: FitData, rng: np.random.RandomState
) -> tuple[FitData, FitData]:
    """Return training data and validation data, split as scikit-learn splits them.

    Raises
    ------
    ValueError
        Where there are too few examples.
    """
    one_label = not estimator._numeric_targets and estimator.n_outputs_ == 1
    training, validation = train_test_split(
        np.arange(data.X.shape[0]),
        random_state=rng,
        test_size=estimator.validation_fraction,
        stratify=data.Y[0].astype(str) if one_label else None,  # an error then says 'True'
    )
    if len(validation) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of "
            "your dataset."
        )
    return data.take(training), data.take(validation)


def _make_validation(
    estimator: FittedNetwork, network: Network, data: FitData, like: Array
) -> Validation:
    """Return the function that measures the parameters of an epoch on validation data."""
    X, Y = as_columns(data.X), asarray_like(data.Y, like=like)
    weights = _bring_optional(data.weights, like)
    cost, scoring = find_cost(network.cost), estimator.scoring
    scorer: Any = scoring
    if isinstance(scoring, str) and scoring != "loss":
        scorer = get_scorer(scoring)
    labels = estimator._decode(Y) if callable(scorer) else None

    def validate(theta: Vector) -> tuple[float, float]:
        Z = network.forward(theta, X, batch_size=AT_ONCE)
        loss = float(mean_cost(network.cost, Z, Y, weights, xp=namespace(Z)))
        if callable(scorer):
            estimator._set_theta(network, theta)
            return float(scorer(estimator, data.X, labels)), loss
        if scorer == "loss":
            return -loss, loss
        return float(estimator._measure(cost.output(Z), Y, weights)), loss

    return validate


def _progress_with(estimator: FittedNetwork, optimizer: Optimizer) -> Progress | None:
    """Return where the last training ended, if it was with such an optimizer.

    The state of one optimizer means nothing to another, which begins anew.
    """
    before = estimator._last_optimizer
    known = before is not None and before.update is optimizer.update
    return estimator._progress if known else None


def _own_callbacks(estimator: FittedNetwork) -> list[Callback]:
    """Return the callbacks of an estimator, of which its learning rate may be one."""
    rate = estimator.learning_rate
    return [*([rate] if isinstance(rate, Callback) else []), *estimator.callbacks]


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


def _multiply(by_class: HostArray | None, weights: HostArray | None) -> HostArray | None:
    """Return the product of the weights of examples by their class and by themselves."""
    if by_class is None or weights is None:
        return weights if by_class is None else by_class
    return by_class * weights


def _bring_optional(x: HostArray | None, like: Array) -> Array | None:
    """Return an array beside another, where there is one."""
    return None if x is None else asarray_like(x, like=like)


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
