"""The passes through a network's layers: pure functions that trust their arguments.

Costs and gradients are *sums* over examples, so that a batch, a part of a batch and a block on
another machine add up.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from dnn_xp.backends import (
    Array,
    Matrix,
    Namespace,
    Scalar,
    Vector,
    compile_examples,
    computes_lazily,
    is_narrow,
    map_blocks,
    namespace,
    vector_sums,
    widened,
)
from dnn_xp.data.sources import Source, in_batches
from dnn_xp.functions.costs import CostSpec, find_cost
from dnn_xp.functions.counters import Key
from dnn_xp.layers import Arrays, Context, Layer
from dnn_xp.network.layout import Layout, Workspace
from dnn_xp.reprs import outline

__all__ = [
    "CostAndGradient",
    "LayersAndCost",
    "backward",
    "cost_and_gradient",
    "forward",
    "input_gradient",
    "logits",
    "mean_cost",
    "no_gradient",
    "predictions",
]


class CostAndGradient(NamedTuple):
    """A cost and its gradient, summed over examples.

    Attributes
    ----------
    cost : array, shape ()
    gradient : array
        Of the shape of theta; zero where theta holds statistics.
    statistics : array or None
        The statistics of this batch, where the network gathers any.
    """

    cost: Array
    gradient: Vector
    statistics: Array | None

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)


class LayersAndCost(Protocol):
    """A network, as far as a pass needs to know it."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in their order."""

    @property
    def cost(self) -> CostSpec:
        """The cost."""

    @property
    def layout(self) -> Layout:
        """Where the parameters lie."""


def forward(
    layers: tuple[Layer, ...], parameters: list[Arrays], X: Matrix, contexts: list[Context]
) -> tuple[Matrix, list[Any]]:
    """Return what the last layer gives, and the cache of each layer.

    Parameters
    ----------
    layers : tuple of Layer
    parameters : list of dict
        By layer and key.
    X : array, shape (n_inputs, m)
    contexts : list of Context
        One for each layer.
    """
    A, caches = X, []
    for layer, own, context in zip(layers, parameters, contexts, strict=True):
        A, cache = layer.forward(A, own, context)
        caches.append(cache)
    return A, caches


def backward(
    layers: tuple[Layer, ...], caches: list[Any], dA: Matrix, contexts: list[Context], first: int
) -> tuple[Matrix | None, list[Arrays]]:
    """Return the derivative with respect to what comes into a layer, and each layer's gradients.

    Parameters
    ----------
    layers : tuple of Layer
    caches : list
        As `forward` returns them.
    dA : array, shape (n_outputs, m)
    contexts : list of Context
        Those of the forward pass.
    first : int
        How many layers at the beginning are left out.
    """
    gradients: list[Arrays] = [{}] * len(layers)
    derivative: Matrix | None = dA
    for i in range(len(layers) - 1, first - 1, -1):
        derivative, gradients[i] = layers[i].backward(derivative, caches[i], contexts[i])
    return derivative, gradients


def cost_and_gradient(
    network: LayersAndCost,
    theta: Vector,
    X: Matrix,
    Y: Matrix,
    weights: Vector | None,
    key: Key | None,
    *,
    divisor: Scalar = None,
    workspace: Workspace | None = None,
    xp: Namespace,
) -> CostAndGradient:
    """Return the cost in training and its gradient, summed over examples.

    Costs are worked out and summed in float32 at least.

    Parameters
    ----------
    network : Network
    theta, X, Y, weights : array
        Of one library and dtype, on one device.
    key : Key or None
    divisor : number, optional
        What the gradient, but not the cost, is divided by.
    workspace : Workspace, optional
        Of this theta; the gradient is then the workspace's and changes with the next call.
    xp : namespace
    """
    layout, layers = network.layout, network.layers
    parameters = layout.views(theta, xp) if workspace is None else workspace.parameters
    if workspace is not None and weights is None and key is None:
        contexts = workspace.contexts
    else:
        outs = None if workspace is None else workspace.gradients
        contexts = layout.contexts(xp, training=True, weights=weights, key=key, outs=outs)
    Z, caches = forward(layers, parameters, X, contexts)
    narrow = is_narrow(Z)
    logits, targets = (widened(Z), widened(Y)) if narrow else (Z, Y)
    costs, dA = find_cost(network.cost).with_derivative(logits, targets, xp=xp)
    if weights is not None:
        costs, dA = costs * weights, dA * weights[..., None, :]
    if divisor is not None:
        dA = dA / divisor
    if narrow:
        dA = xp.astype(dA, Z.dtype)
    _, gradients = backward(layers, caches, dA, contexts, layout.first_trained)
    statistics = _statistics(layout, caches, theta, xp) if layout.has_statistics else None
    cost = vector_sums(costs, xp=xp)
    if workspace is None:
        return CostAndGradient(cost, layout.join(gradients, theta, xp), statistics)
    for place, (own, views) in enumerate(zip(gradients, workspace.gradients, strict=True)):
        if own is not views:  # else they were written there
            if own.keys() != layout.trained_keys[place]:
                layout.check_gradients(gradients, theta)
            for name, value in own.items():
                if value is not views[name]:
                    if value.shape != views[name].shape:
                        layout.check_gradients(gradients, theta)
                    views[name][...] = value
    return CostAndGradient(cost, workspace.gradient, statistics)


def _statistics(layout: Layout, caches: list[Any], theta: Vector, xp: Namespace) -> Array:
    """Return the statistics of a batch as one vector, in the order in which theta holds them."""
    lead, gathered = tuple(theta.shape[:-1]), []
    for layer, input_shape, cache in zip(
        layout.layers, layout.layer_shapes[:-1], caches, strict=True
    ):
        statistics = layer.statistics(cache)
        for key, shape in layer.statistic_shapes(input_shape).items():
            value = statistics[key]
            if lead:  # what comes in first is the same for all networks
                value = xp.broadcast_to(value, (*lead, *shape))
            gathered.append(xp.reshape(value, (*lead, -1)))
    return xp.concat(gathered, axis=-1)


def no_gradient(layout: Layout, theta: Vector, xp: Namespace) -> CostAndGradient:
    """Return the cost and the gradient of no examples, which add nothing to those of others."""
    zeros = xp.zeros_like(theta)
    statistics = zeros[..., layout.n_parameters :] if layout.has_statistics else None
    return CostAndGradient(zeros[..., 0], zeros, statistics)


# ----------------------------------------------------------------------------- once it is trained


def _by_batches(
    compute: Callable[..., Matrix],
    description: Any,
    parameters: list[Arrays],
    X: Matrix | Source,
    batch_size: int | None,
    xp: Namespace,
    *beside: Matrix,
) -> Matrix:
    """Return what is computed of X, and of arrays beside it, some examples at a time.

    Of a lazy X it is computed where its blocks are, once it is asked for.
    """
    if computes_lazily(X):
        function = partial(_block_by_batches, compute, description, batch_size)
        return map_blocks(function, parameters, X, *beside)
    parts = []
    for part, which in in_batches(X, batch_size, xp):
        some = [other[..., which] for other in beside]
        if computes_lazily(part):  # as a source reads that is beside an array on Dask
            parts.append(_by_batches(compute, description, parameters, part, None, xp, *some))
            continue
        run = compile_examples(compute, description, like=part)
        parts.append(run(parameters, part, *some, xp=xp))
    return parts[0] if len(parts) == 1 else namespace(parts[0]).concat(parts, axis=-1)


def _block_by_batches(
    compute: Callable[..., Matrix],
    description: Any,
    batch_size: int | None,
    parameters: list[Arrays],
    X: Matrix,
    *beside: Matrix,
) -> Matrix:
    """Return what is computed of one block."""
    xp = namespace(X)
    return _by_batches(compute, description, parameters, X, batch_size, xp, *beside)


def logits(
    network: LayersAndCost,
    parameters: list[Arrays],
    X: Matrix | Source,
    *,
    batch_size: int | None = None,
    xp: Namespace,
) -> Matrix:
    """Return what the last layer gives as the network predicts: no draws, running statistics.

    Parameters
    ----------
    network : Network
    parameters : list of dict
        By layer and key.
    X : array or Source, shape (n_inputs, m)
    batch_size : int, optional
        How many examples are read and go through the layers at a time. Default: all of them.
    xp : namespace
    """
    return _by_batches(_logits, network.layout, parameters, X, batch_size, xp)


def _logits(layout: Layout, parameters: list[Arrays], X: Matrix, *, xp: Namespace) -> Matrix:
    return forward(layout.layers, parameters, X, layout.contexts(xp))[0]


def predictions(
    network: LayersAndCost,
    parameters: list[Arrays],
    X: Matrix | Source,
    *,
    batch_size: int | None = None,
    xp: Namespace,
) -> Matrix:
    """Return what the output function of the cost makes of the logits.

    Parameters
    ----------
    network, parameters, X, batch_size, xp
        As in `logits`.
    """
    description = network.layout, network.cost
    return _by_batches(_predictions, description, parameters, X, batch_size, xp)


def _predictions(
    description: tuple[Layout, CostSpec], parameters: list[Arrays], X: Matrix, *, xp: Namespace
) -> Matrix:
    layout, cost = description
    return find_cost(cost).output(_logits(layout, parameters, X, xp=xp), xp=xp)


def input_gradient(
    network: LayersAndCost,
    parameters: list[Arrays],
    X: Matrix | Source,
    dZ: Matrix,
    *,
    batch_size: int | None = None,
    xp: Namespace,
) -> Matrix:
    """Return the derivative with respect to X of logits, each example's times its column of dZ.

    Parameters
    ----------
    network, parameters, X, batch_size, xp
        As in `logits`.
    dZ : array, shape (n_outputs, m)
    """
    return _by_batches(_input_gradient, network.layout, parameters, X, batch_size, xp, dZ)


def _input_gradient(
    layout: Layout, parameters: list[Arrays], X: Matrix, dZ: Matrix, *, xp: Namespace
) -> Matrix | None:
    contexts = layout.contexts(xp)
    _, caches = forward(layout.layers, parameters, X, contexts)
    dX, _ = backward(layout.layers, caches, dZ, contexts, 0)
    return dX


def mean_cost(
    cost: CostSpec,
    Z: Matrix,
    Y: Matrix | Source,
    weights: Vector | None = None,
    *,
    batch_size: int | None = None,
    xp: Namespace,
) -> Scalar:
    """Return the mean cost of logits.

    Parameters
    ----------
    cost : str, tuple or Cost
    Z : array, shape (n_outputs, m)
    Y : array or Source, shape (n_targets, m)
    weights : array, shape (m,) or (k, m), optional
    batch_size : int, optional
        How many targets are read at a time. Default: all of them.
    xp : namespace
    """
    found, sums = find_cost(cost), []
    if not isinstance(Y, Source):
        costs = found.by_Z(widened(Z), widened(Y), *found.parameters, xp=xp)
        if weights is None:
            return xp.mean(costs, axis=-1)
        weights = widened(weights)
        return xp.sum(costs * weights, axis=-1) / xp.sum(weights, axis=-1)
    for some, which in in_batches(Y, batch_size, xp):
        costs = found.by_Z(widened(Z[..., which]), widened(some), *found.parameters, xp=xp)
        sums.append(xp.sum(costs if weights is None else costs * widened(weights[which]), axis=-1))
    total = xp.sum(xp.stack(sums), axis=0)
    return total / (Y.shape[1] if weights is None else xp.sum(widened(weights)))
