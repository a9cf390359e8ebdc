"""Validation data of a fit: split off or given, and judged after each epoch."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split

from dnn_xp.arguments import naming_argument
from dnn_xp.backends import (
    Array,
    Vector,
    asarray_like,
    computed,
    computes_lazily,
    namespace,
    to_host,
)
from dnn_xp.estimators.checkpoints import FitData
from dnn_xp.estimators.data import (
    NO_WEIGHT,
    ArrayLike,
    as_columns,
    as_rows_like,
    check_X_y,
    is_frame,
    optional_like,
    targets_like,
)
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.estimators.monitoring import Validation
from dnn_xp.functions.costs import find_cost
from dnn_xp.network import Network
from dnn_xp.network.propagation import mean_cost
from dnn_xp.training.evaluation import AT_ONCE, as_figure

__all__ = ["check_validation_data", "make_validation", "split_validation"]


def split_validation(
    estimator: FittedNetwork, data: FitData, X: ArrayLike, rng: np.random.RandomState
) -> tuple[FitData, FitData]:
    """Return training data and validation data, split as scikit-learn splits them.

    Parameters
    ----------
    estimator : FittedNetwork
    data : FitData
    X : array-like
        As it was given to `fit`: where it is a data frame, a scorer is handed rows of it.
    rng : RandomState

    Raises
    ------
    ValueError
        Where there are too few examples, or all weights of a part are 0.
    """
    one_label = not estimator._numeric_targets and estimator.n_outputs_ == 1
    frames = [X] if is_frame(X) and callable(_find_scorer(estimator)) else []
    training, validation, *parts = train_test_split(
        np.arange(data.X.shape[0]),
        *frames,
        random_state=rng,
        test_size=estimator.validation_fraction,
        stratify=data.Y[0].astype(str) if one_label else None,  # an error then says 'True'
    )
    if len(validation) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of "
            "your dataset."
        )
    trained_on, held_out = data.take(training), data.take(validation)
    for part, words in ((held_out, "held out"), (trained_on, "trained on")):
        if part.weights is not None and not part.weights.any():
            raise ValueError(f"{NO_WEIGHT} Those of all examples that are {words} are 0.")
    return trained_on, held_out._replace(frame=parts[1] if parts else None)


def check_validation_data(
    estimator: FittedNetwork, data: FitData, X_val: ArrayLike, y_val: ArrayLike
) -> FitData:
    """Return validation data where the training data are, in their dtype.

    Parameters
    ----------
    estimator : FittedNetwork
    data : FitData
        That is trained on.
    X_val : array-like or sparse matrix, shape (k, n_features)
    y_val : array-like, shape (k,) or (k, n_outputs)

    Raises
    ------
    ValueError, TypeError
        As of X and y, with the names of these two before it.
    """
    with naming_argument("X_val, y_val"):
        X, y = check_X_y(estimator, X_val, y_val, numeric=estimator._numeric_targets, reset=False)
        Y = estimator._scaled(estimator._encode_known(y))
    if len(Y) != len(data.Y):
        raise ValueError(f"y_val: found {len(Y)} columns, expected {len(data.Y)}, as y has")
    return FitData(as_rows_like(X, data.X), Y, None, X_val if is_frame(X_val) else None)


def make_validation(
    estimator: FittedNetwork, network: Network, data: FitData, like: Array
) -> Validation:
    """Return the function that measures the parameters of an epoch on validation data.

    Parameters
    ----------
    estimator : FittedNetwork
    network : Network
    data : FitData
    like : array
        Where the network is.
    """
    X = as_columns(data.X, like)
    Y = asarray_like(targets_like(data.Y, X), like=like)
    weights = optional_like(data.weights, like)
    cost, scorer = find_cost(network.cost), _find_scorer(estimator)
    if callable(scorer) and computes_lazily(X):
        raise ValueError(
            f"scoring: found {estimator.scoring!r} with X on Dask, all of which a scorer would be "
            "handed here, expected None or 'loss'"
        )
    judge = _make_judge(estimator, network, data, scorer) if callable(scorer) else None

    def validate(theta: Vector) -> tuple[float, float]:
        Z = computed(network.forward(theta, X, batch_size=AT_ONCE))
        loss = float(mean_cost(network.cost, Z, Y, weights, xp=namespace(Z)))
        if judge is not None:
            return judge(theta), loss
        if scorer == "loss":
            return -loss, loss
        return float(estimator._measure(cost.output(Z), Y, weights)), loss

    return validate


def _find_scorer(estimator: FittedNetwork) -> Any:
    """Return the function that scores, "loss", or None for the default score."""
    scoring = estimator.scoring
    return get_scorer(scoring) if isinstance(scoring, str) and scoring != "loss" else scoring


def _make_judge(
    estimator: FittedNetwork, network: Network, data: FitData, scorer: Callable[..., Any]
) -> Callable[[Vector], float]:
    """Return the function that has a scorer of scikit-learn judge the parameters of an epoch.

    All that the scorer sees is on the host, since few scorers can take anything else.
    """
    X = data.X if sparse.issparse(data.X) else to_host(data.X)
    labels = estimator._decode(data.Y * 1.0)
    weighted = data.weights is not None and _takes_weights(scorer)
    options = {"sample_weight": data.weights} if weighted else {}

    def judge(theta: Vector) -> float:
        judged = estimator.__new__(type(estimator))
        vars(judged).update(vars(estimator))  # as far as its curves are now
        judged._set_theta(network, to_host(theta))
        if hasattr(judged, "_labels"):
            judged.classes_ = judged._labels.known
        if data.frame is None:  # names would be missed in an array that has none
            judged.__dict__.pop("feature_names_in_", None)
        score = scorer(judged, X if data.frame is None else data.frame, labels, **options)
        try:
            return as_figure("score", score)
        except TypeError:
            raise ValueError(
                f"scoring: found a score of {score!r} by {estimator.scoring!r}, expected a number"
            ) from None

    return judge


def _takes_weights(scorer: Callable[..., Any]) -> bool:
    """Return whether a scorer, or the metric that one of scikit-learn calls, takes weights."""
    try:
        parameters = inspect.signature(getattr(scorer, "_score_func", scorer)).parameters
    except (TypeError, ValueError):
        return False
    return "sample_weight" in parameters
