"""How the network of an estimator is trained: by steps along gradients, or by L-BFGS."""

import math
import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split

from dnn_xp.backends import Array, bring, namespace, to_host
from dnn_xp.data.sources import Source, reference_array
from dnn_xp.estimators.coefficients import AT_ONCE, to_theta
from dnn_xp.estimators.data import as_columns, take_rows
from dnn_xp.estimators.initialization import Shuffles
from dnn_xp.estimators.monitoring import FitMonitor, PrintLoss, Validation, is_verbose
from dnn_xp.estimators.translation import describe_optimizer, describe_regularization, needs_steps
from dnn_xp.functions.costs import find_cost
from dnn_xp.network import Network
from dnn_xp.network.propagation import mean_cost
from dnn_xp.training import Callback, DivergenceWarning, Ending, Progress, lbfgs
from dnn_xp.training.evaluation import Evaluation
from dnn_xp.training.loop import TrainingData, train_with
from dnn_xp.training.settings import Settings

__all__ = ["Data", "fit_by_lbfgs", "fit_by_steps", "hold_out"]


class Data(NamedTuple):
    """Examples in rows, in the library that they came in; the rest is on the host.

    Attributes
    ----------
    X : array or sparse matrix, shape (m, n_features)
    Y : ndarray, shape (n_outputs, m)
    weights : ndarray, shape (m,), or None
    """

    X: Any
    Y: np.ndarray[Any, Any]
    weights: np.ndarray[Any, Any] | None

    def take(self, places: np.ndarray[Any, Any]) -> "Data":
        """Return some of the examples."""
        weights = None if self.weights is None else self.weights[places]
        return Data(take_rows(self.X, places), self.Y[:, places], weights)


def fit_by_steps(
    estimator: Any,
    network: Network,
    data: Data,
    held_out: Data | None,
    rng: np.random.RandomState,
    epochs: int,
    callbacks: Sequence[Callback] = (),
    *,
    incremental: bool = False,
) -> None:
    """Train by an optimizer that takes steps along the gradients of batches."""
    X, n_examples = as_columns(data.X), data.X.shape[0]
    like = reference_array(X)
    if estimator.early_stopping or held_out is not None:
        _start_validation(estimator)
    monitor = FitMonitor(
        estimator,
        None if held_out is None else _validation(estimator, network, held_out, like),
        n_examples,
        rate=getattr(estimator, "_learning_rate", 1.0) if incremental else 1.0,
    )
    weights = _total_weights(estimator, data)
    by_class = getattr(estimator, "class_weight", None) is not None
    checkpoints, resume = _load_checkpoint(estimator)
    optimizer, before = describe_optimizer(estimator), estimator._last_optimizer
    # The state of one optimizer means nothing to another, which begins anew.
    goes_on = incremental and before is not None and before.update is optimizer.update
    rate = estimator.learning_rate
    own_callbacks = [*([rate] if isinstance(rate, Callback) else []), *estimator.callbacks]
    try:
        run = train_with(
            network,
            TrainingData(
                X,
                bring(data.Y, like=like),
                None if weights is None else bring(weights, like=like),
            ),
            to_theta(network, estimator._weights()),
            Settings(
                optimizer,
                epochs,
                _batch_size(estimator, n_examples),
                seed=int(rng.randint(2**31)) if network.is_random else 0,
                schedule=monitor.factor,
                regularization=describe_regularization(estimator),
                clip_norm=estimator.clip_norm,
                example_space=False,
                weights_by_batch=not by_class,
                order=Shuffles(n_examples, rng if estimator.shuffle else None),
            ),
            evaluation=Evaluation(),
            callbacks=[monitor, *own_callbacks, *checkpoints, *callbacks],
            after=estimator._progress if goes_on else None,
            resume=resume,
        )
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
    estimator: Any, network: Network, data: Data, callbacks: Sequence[Callback]
) -> None:
    """Train by L-BFGS, from the curvature that is known where the start is warm."""
    if names := needs_steps(estimator):
        raise ValueError(f"solver: 'lbfgs' has no {', '.join(names)}; choose another solver")
    X = as_columns(data.X)
    like, weights = reference_array(X), _total_weights(estimator, data)
    theta, state = to_theta(network, estimator._weights()), estimator._lbfgs_state
    if state is not None and not np.array_equal(to_host(theta), state.theta):
        state = None  # the parameters have been set since
    printers = [PrintLoss()] if is_verbose(estimator) else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)  # an error, below
        run = lbfgs(
            network,
            X,
            bring(data.Y, like=like),
            theta if state is None else None,
            weights=None if weights is None else bring(weights, like=like),
            l2=estimator.alpha / (X.shape[1] if weights is None else float(weights.sum())),
            max_iter=estimator.max_iter,
            max_evaluations=estimator.max_fun,
            tolerance=estimator.tol,
            batch_size=AT_ONCE if isinstance(X, Source) else None,
            callbacks=[*printers, *estimator.callbacks, *callbacks],
            state=state,
        )
    if run.ending is Ending.DIVERGED:
        _raise_divergence(estimator, run.reason)
    estimator._set_theta(network, run.theta)
    estimator._lbfgs_state, estimator.n_iter_ = run.state, run.epochs
    estimator.loss_curve_ += run.history["cost"]
    estimator.loss_ = estimator.loss_curve_[-1]
    estimator.best_loss_ = min(estimator.loss_curve_)
    if run.ending is not Ending.CONVERGED:
        warnings.warn(
            f"lbfgs failed to converge after {run.epochs} iteration(s): {run.reason}.\n\n"
            f"Increase the number of iterations to improve the convergence (max_iter="
            f"{estimator.max_iter}).\nYou might also want to scale the data.",
            ConvergenceWarning,
            stacklevel=4,
        )


def hold_out(estimator: Any, data: Data, rng: np.random.RandomState) -> tuple[Data, Data]:
    """Return the examples to train on and those to judge by, split as scikit-learn does."""
    one_label = not estimator._numeric_targets and estimator.n_outputs_ == 1
    train_on, judge_by = train_test_split(
        np.arange(data.X.shape[0]),
        random_state=rng,
        test_size=estimator.validation_fraction,
        stratify=data.Y[0].astype(str) if one_label else None,  # an error then says 'True'
    )
    if len(judge_by) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of "
            "your dataset."
        )
    return data.take(train_on), data.take(judge_by)


def _validation(estimator: Any, network: Network, data: Data, like: Array) -> Validation:
    """Return how the parameters of an epoch are judged."""
    X, Y = as_columns(data.X), bring(data.Y, like=like)
    weights = None if data.weights is None else bring(data.weights, like=like)
    cost, scoring = find_cost(network.cost), estimator.scoring
    scorer = get_scorer(scoring) if isinstance(scoring, str) and scoring != "loss" else scoring
    labels = estimator._decode(Y) if callable(scorer) else None

    def judge(theta: Array) -> tuple[float, float]:
        Z = network.forward(theta, X, batch_size=AT_ONCE)
        loss = float(mean_cost(network.cost, Z, Y, weights, xp=namespace(Z)))
        if callable(scorer):
            estimator._set_theta(network, theta)
            return float(scorer(estimator, data.X, labels)), loss
        if scorer == "loss":
            return -loss, loss
        A = cost.output(Z)
        return float(estimator._measure(A, Y, weights)), loss

    return judge


def _start_validation(estimator: Any) -> None:
    if estimator.validation_scores_ is None:
        estimator.validation_scores_, estimator.validation_loss_curve_ = [], []
        estimator.best_validation_score_ = -math.inf


def _load_checkpoint(estimator: Any) -> tuple[list[Callback], Progress | None]:
    """Return what writes checkpoints and the newest that there is, if they are wanted."""
    if estimator.checkpoint is None:
        return [], None
    if not isinstance(estimator.random_state, Integral):
        raise ValueError(
            f"random_state: found {estimator.random_state!r}, expected an int where there is a "
            "checkpoint: a fit that goes on has to draw what it drew before"
        )
    # Only here: HDF5 takes long to load, and few fits write files.
    from dnn_xp.callbacks.checkpoint import Checkpoint
    from dnn_xp.models.checkpoints import load_checkpoint

    given = estimator.checkpoint
    writer = given if isinstance(given, Checkpoint) else Checkpoint(given)
    return [writer], load_checkpoint(writer.path) if writer.path.exists() else None


def _batch_size(estimator: Any, n_examples: int) -> int:
    if estimator.batch_size == "auto":
        return min(200, n_examples)
    if estimator.batch_size > n_examples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=5,
        )
    return min(int(estimator.batch_size), n_examples)


def _total_weights(estimator: Any, data: Data) -> np.ndarray[Any, Any] | None:
    """Return the weights of examples, by themselves and by their class."""
    by_class = estimator._class_weights(data.Y)
    if by_class is None or data.weights is None:
        return data.weights if by_class is None else by_class
    return by_class * data.weights


def _raise_divergence(estimator: Any, reason: str) -> None:
    """Raise scikit-learn's error, or warn where the best parameters were kept."""
    estimator.loss_ = math.nan
    estimator.loss_curve_.append(estimator.loss_)
    if not estimator.early_stopping or estimator.solver == "lbfgs":
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large "
            f"values and need to be preprocessed. ({reason})"
        )
    assert estimator.validation_scores_ is not None  # early stopping judges
    estimator.validation_scores_.append(math.nan)
    warnings.warn(f"Stochastic Optimizer: {reason}", ConvergenceWarning, stacklevel=5)
