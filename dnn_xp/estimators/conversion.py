"""Conversion of fitted networks: from scikit-learn's estimators to ours and back, and to files."""

import inspect
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from sklearn import neural_network
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from dnn_xp.backends import asarray_like, to_host
from dnn_xp.data.preprocessing import Preprocessing
from dnn_xp.estimators.coefficients import Weights, to_theta
from dnn_xp.estimators.data import HostArray
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.estimators.labels import Labels
from dnn_xp.estimators.translation import describe_network
from dnn_xp.functions.activations import identity
from dnn_xp.functions.costs import COSTS, Cost, find_cost
from dnn_xp.layers import Dense, Dropout
from dnn_xp.models.h5 import Model
from dnn_xp.network import Network

__all__ = ["from_sklearn", "to_model", "to_sklearn"]

_Ours = TypeVar("_Ours", bound=FittedNetwork)

# Fitted attributes that both have, and what they are where a solver leaves them out.
_SHARED: dict[str, Any] = {
    "loss_": None,
    "best_loss_": None,
    "loss_curve_": [],
    "validation_scores_": None,
    "best_validation_score_": None,
    "n_iter_": 0,
    "t_": 0,
    "n_layers_": None,
    "n_outputs_": None,
    "out_activation_": None,
    "n_features_in_": None,
    "_no_improvement_count": 0,
}
_ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
_COSTS = ("squared_error", "poisson", "sigmoid_cross_entropy", "softmax_cross_entropy")
# Parameters that mean nothing to a prediction, with the values that scikit-learn's may have.
_TRAINING: dict[str, tuple[Any, ...]] = {
    "solver": ("lbfgs", "sgd", "adam"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
    "verbose": (False, True),
}


def from_sklearn(ours: type[_Ours], fitted: Any) -> _Ours:
    """Return an estimator that predicts what a fitted one of scikit-learn's predicts.

    Parameters
    ----------
    ours : type
        `MLPClassifier` or `MLPRegressor`.
    fitted : estimator
        scikit-learn's of the same name.

    Raises
    ------
    TypeError
        For an estimator of another kind.
    """
    if not isinstance(fitted, _sklearn_class(ours)):
        raise TypeError(
            f"fitted: found {type(fitted).__name__}, expected scikit-learn's {ours.__name__}"
        )
    check_is_fitted(fitted)
    estimator = ours(**fitted.get_params(deep=False))
    estimator.__dict__ |= _attributes(fitted)
    if hasattr(fitted, "classes_"):
        several = fitted.out_activation_ == "logistic" and fitted.n_outputs_ > 1
        estimator._labels = Labels(_targets(fitted.classes_, several))
        estimator.classes_ = estimator._labels.classes
    estimator._progress = estimator._lbfgs_state = None
    cost = estimator._find_cost(fitted.n_outputs_)
    network = describe_network(estimator, fitted.n_features_in_, fitted.n_outputs_, cost)
    weights = Weights(fitted.coefs_, fitted.intercepts_, [])
    estimator._set_theta(network, to_theta(network, weights))
    return estimator


def to_sklearn(fitted: FittedNetwork) -> Any:
    """Return scikit-learn's estimator that predicts what a fitted one of ours predicts.

    Parameters
    ----------
    fitted : MLPClassifier or MLPRegressor

    Raises
    ------
    ValueError
        Naming what scikit-learn's does not have.
    """
    check_is_fitted(fitted)
    theirs, network = _sklearn_class(type(fitted)), fitted.network_
    signature = inspect.signature(theirs)
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    values = fitted.get_params(deep=False) | {
        "hidden_layer_sizes": tuple(layer.units for layer in _hidden(network)),
        "activation": _activation(network) or defaults["activation"],
        "loss": _loss(network, has_poisson="loss" in defaults),
    }
    for name, known in _TRAINING.items():
        if not isinstance(values[name], type(known[0])) or values[name] not in known:
            values[name] = defaults[name]
    estimator = theirs(**{name: values[name] for name in defaults})
    estimator.__dict__ |= _attributes(fitted)
    weights = _weights_in_units_of_y(fitted)
    for name in ("coefs", "intercepts"):
        for attribute in (f"{name}_", f"_best_{name}"):  # the first of them it trains in place
            arrays = [np.array(to_host(x)) for x in getattr(weights, name)]
            setattr(estimator, attribute, arrays)
    if hasattr(fitted, "classes_"):
        labels = fitted._labels
        assert isinstance(labels, Labels)  # `_loss` has refused all others
        targets = _targets(labels.known, labels.kind.startswith("multilabel"))
        estimator._label_binarizer = LabelBinarizer().fit(targets)
        estimator.classes_ = estimator._label_binarizer.classes_
    return estimator


def to_model(fitted: FittedNetwork) -> Model:
    """Return what `dnn_xp.save_model` writes of a fitted estimator.

    Parameters
    ----------
    fitted : MLPClassifier or MLPRegressor
    """
    check_is_fitted(fitted)
    network, classes = fitted.network_, None
    if isinstance(network.cost, Cost) and network.cost.name in COSTS:
        network = replace(network, cost=network.cost.name)  # it predicts the same
    labels = fitted._labels if hasattr(fitted, "classes_") else None
    if isinstance(labels, Labels) and labels.kind in ("binary", "multiclass"):
        classes = tuple(map(str, labels.known.tolist()))
    preprocessing = Preprocessing(np.asarray(0.0), np.asarray(1.0))
    about = {"estimator": type(fitted).__name__}
    theta = to_theta(network, _weights_in_units_of_y(fitted))
    return Model(network, theta, preprocessing, classes, None, None, about)


def _weights_in_units_of_y(fitted: FittedNetwork) -> Weights:
    """Return the weights with which a network gives what an estimator of scaled targets predicts.

    Raises
    ------
    ValueError
        Where the last layer does not give the outputs: of several quantiles it gives steps.
    """
    weights = fitted._weights()
    if not hasattr(fitted, "target_std_"):
        return weights
    cost = find_cost(fitted.network_.cost)
    if cost.output is not identity:
        raise ValueError(
            f"loss: found {cost.name!r} with scale_target=True, whose scale no layer of a network "
            "can hold, expected one without an output function; pickle the estimator itself"
        )
    coef, intercept = weights.coefs[-1], weights.intercepts[-1]
    mean, std = (asarray_like(x, like=coef) for x in (fitted.target_mean_, fitted.target_std_))
    return weights._replace(
        coefs=[*weights.coefs[:-1], coef * std],
        intercepts=[*weights.intercepts[:-1], intercept * std + mean],
    )


def _sklearn_class(ours: type) -> Any:
    """Return scikit-learn's class of the same name."""
    return getattr(neural_network, ours.__name__)


def _attributes(estimator: Any) -> dict[str, Any]:
    """Return the attributes that both have, each list a copy."""
    values = {name: getattr(estimator, name, default) for name, default in _SHARED.items()}
    if hasattr(estimator, "feature_names_in_"):
        values["feature_names_in_"] = estimator.feature_names_in_
    return {name: [*value] if isinstance(value, list) else value for name, value in values.items()}


def _targets(classes: HostArray, several: bool) -> HostArray:
    """Return targets with these classes: a column each, where they do not exclude each other."""
    return np.eye(len(classes), dtype=int) if several else classes


def _hidden(network: Network) -> list[Dense]:
    return [layer for layer in network.layers if isinstance(layer, Dense)][:-1]


def _activation(network: Network) -> str | None:
    """Return scikit-learn's name of the activation of all hidden layers, if there are any."""
    for layer in network.layers:
        if not isinstance(layer, Dense | Dropout):
            raise ValueError(f"scikit-learn has no {type(layer).__name__}")
    names = {layer.activation for layer in _hidden(network)}
    if not names:
        return None
    if len(names) > 1 or not names <= set(_ACTIVATIONS):
        raise ValueError(
            f"scikit-learn has no network with activation {' and '.join(sorted(map(str, names)))}, "
            f"only with one of {', '.join(_ACTIVATIONS.values())} in all hidden layers"
        )
    return _ACTIVATIONS[str(names.pop())]


def _loss(network: Network, *, has_poisson: bool) -> str:
    """Return scikit-learn's name of the cost; it has Poisson's from version 1.7 on."""
    name = find_cost(network.cost).name
    if name not in _COSTS or (name == "poisson" and not has_poisson):
        raise ValueError(f"scikit-learn has no network with loss {name!r}")
    return name
