"""Translation of an estimator's parameters: into a network, an optimizer and regularization."""

from collections.abc import Iterable
from typing import TypeVar

from dnn_xp.backends import Matrix, Namespace, Vector, namespace
from dnn_xp.estimators.parameters import Parameters
from dnn_xp.functions.costs import Cost, CostSpec, find_cost
from dnn_xp.layers import (
    Activation,
    ActivationSpec,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
)
from dnn_xp.network import Network
from dnn_xp.training import Regularization, optimizers
from dnn_xp.training.optimizers import Optimizer

__all__ = [
    "check_same_layers",
    "describe_network",
    "describe_optimizer",
    "describe_regularization",
    "drawn_activations",
    "hidden_activations",
    "hidden_sizes",
    "mean_squared_error",
    "needs_steps",
]

_Value = TypeVar("_Value")


def hidden_sizes(estimator: Parameters) -> list[int]:
    """Return the units of each hidden layer.

    Raises
    ------
    ValueError
        Where a layer has none.
    """
    given = estimator.hidden_layer_sizes
    sizes = list(given) if isinstance(given, Iterable) else [given]
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def hidden_activations(estimator: Parameters) -> list[ActivationSpec]:
    """Return the activation of each hidden layer, in the words of `Dense`.

    Raises
    ------
    ValueError
        Where a list has more of them than there are hidden layers, or fewer.
    """
    activations: list[ActivationSpec] = _each_layer(estimator, "activation", estimator.activation)
    return ["sigmoid" if name == "logistic" else name for name in activations]


def drawn_activations(estimator: Parameters) -> list[ActivationSpec]:
    """Return the activations as which layers are drawn; without hidden ones, that of the output.

    scikit-learn draws all layers by its one `activation`, whether a layer has it or not.
    """
    hidden, given = hidden_activations(estimator), estimator.activation
    if hidden or isinstance(given, list):
        return hidden
    return ["sigmoid" if given == "logistic" else given]


def _each_layer(estimator: Parameters, name: str, value: _Value | list[_Value]) -> list[_Value]:
    """Return a value for each hidden layer: those of a list, or the same for all."""
    count = len(hidden_sizes(estimator))
    if not isinstance(value, list):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{name}: found {len(value)} values, expected {count}: one a hidden layer")
    return value


def describe_network(
    estimator: Parameters, n_features: int, n_outputs: int, cost: CostSpec
) -> Network:
    """Return the network that an estimator trains.

    Parameters
    ----------
    estimator : Parameters
    n_features, n_outputs : int
    cost : str, tuple or Cost

    Raises
    ------
    ValueError
        Where lists of the estimator have not one value for each hidden layer.
    """
    layers: list[Layer] = []
    for units, activation, rate in zip(
        hidden_sizes(estimator),
        hidden_activations(estimator),
        _each_layer(estimator, "dropout", estimator.dropout),
        strict=True,
    ):
        norms: list[Layer] = [BatchNorm()] if estimator.batch_norm else []
        if estimator.layer_norm:
            norms.append(LayerNorm())
        if norms:
            layers += [Dense(units), *norms, Activation(activation)]
        else:
            layers.append(Dense(units, activation))
        if rate:
            layers.append(Dropout(rate))
    return Network(n_features, (*layers, Dense(n_outputs)), cost)


def check_same_layers(estimator: Parameters, network: Network) -> None:
    """Refuse to train on as another network what is fitted.

    Parameters
    ----------
    estimator : Parameters
    network : Network
        That the parameters describe now.

    Raises
    ------
    ValueError
        Naming the parameter, or y.
    """
    before: Network | None = getattr(estimator, "_network", None)  # its weights may be set by hand
    if before is None or network.shapes == before.shapes:
        return
    if network.n_targets == before.n_targets and network.n_outputs != before.n_outputs:
        raise ValueError(
            f"loss: found {network.cost!r}, expected {before.cost!r} as in the fit that this one "
            "goes on from, or one of as many outputs; with warm_start=False, fit begins anew"
        )
    if network.n_outputs != before.n_outputs:
        raise ValueError(
            f"y: found {network.n_outputs} outputs, expected {before.n_outputs} as in the fit "
            "that this one goes on from"
        )
    name, found, expected = "batch_norm, layer_norm", _norms(network), _norms(before)
    if hidden_sizes(estimator) != _sizes(before):
        name = "hidden_layer_sizes"
        found, expected = str(hidden_sizes(estimator)), str(_sizes(before))
    raise ValueError(
        f"{name}: found {found}, expected {expected} as in the fit that this one goes on from; "
        "with warm_start=False, fit begins anew"
    )


def _sizes(network: Network) -> list[int]:
    return [layer.units for layer in network.layers if isinstance(layer, Dense)][:-1]


def _norms(network: Network) -> str:
    names = {type(layer).__name__ for layer in network.layers}
    return str(tuple(name in names for name in ("BatchNorm", "LayerNorm")))


def describe_optimizer(estimator: Parameters) -> Optimizer:
    """Return the optimizer that an estimator's solver names.

    Raises
    ------
    ValueError
        Where there is a weight decay that the solver does not have.
    """
    solver, rate = estimator.solver, float(estimator.learning_rate_init)
    if estimator.weight_decay and solver not in ("adamw", "lion"):
        raise ValueError(
            f"weight_decay: found {estimator.weight_decay!r} with solver {solver!r}, expected it "
            "with 'adamw' or 'lion'; the L2 penalty of all solvers is alpha"
        )
    if isinstance(solver, Optimizer):
        return solver
    betas = estimator.beta_1, estimator.beta_2, estimator.epsilon
    if solver == "sgd":
        kind = optimizers.nesterov if estimator.nesterovs_momentum else optimizers.momentum
        return kind(rate, estimator.momentum) if estimator.momentum else optimizers.sgd(rate)
    if solver == "adam":
        return optimizers.adam(rate, *betas, epsilon_hat=True)
    if solver == "adamw":
        return optimizers.adamw(rate, *betas, estimator.weight_decay)
    if solver in ("nadam", "amsgrad"):
        made: Optimizer = getattr(optimizers, solver)(rate, *betas)
        return made
    if solver == "lion":
        return optimizers.lion(rate, weight_decay=estimator.weight_decay)
    made = getattr(optimizers, solver)(rate, epsilon=estimator.epsilon)
    return made


def describe_regularization(estimator: Parameters) -> Regularization:
    """Return the penalties and limits; alpha counts as scikit-learn lets it count."""
    penalized = bool(estimator.alpha or estimator.l1)
    return Regularization(
        l1=estimator.l1,
        l2=estimator.alpha,
        max_norm=estimator.max_norm,
        label_smoothing=getattr(estimator, "label_smoothing", 0.0),
        summed=penalized,
    )


def needs_steps(estimator: Parameters) -> list[str]:
    """Return the names of the parameters that are given and mean something only to steps."""
    names = ("l1", "max_norm", "clip_norm", "label_smoothing", "checkpoint", "weight_decay")
    found = [name for name in names if getattr(estimator, name, None)]
    if any(_each_layer(estimator, "dropout", estimator.dropout)):
        found.append("dropout")
    if estimator.batch_norm and hidden_sizes(estimator):
        found.append("batch_norm")
    return found + (["learning_rate"] if callable(estimator.learning_rate) else [])


def mean_squared_error(*, descends_the_sum: bool) -> Cost:
    """Return half the squared error, as a mean over outputs.

    Parameters
    ----------
    descends_the_sum : bool
        Whether the derivative is that of the sum over outputs. So it is in scikit-learn, where a
        learning rate means the same for any number of outputs but the loss does not grow with
        it. (It is also so in its L-BFGS, for which that is an error.)
    """
    cost = find_cost("squared_error")._replace(by_Z=_half_mean)
    return cost if descends_the_sum else cost._replace(back_by_Z=_back_half_mean)


def _half_mean(A: Matrix, Y: Matrix, *, xp: Namespace = None) -> Vector:
    E = A - Y
    return 0.5 * (xp or namespace(A)).mean(E * E, axis=-2)


def _back_half_mean(A: Matrix, Y: Matrix, *, xp: Namespace = None) -> Matrix:
    return (A - Y) / A.shape[-2]
