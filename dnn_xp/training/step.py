"""One step: the gradient of a batch, and what is done with it.

A step is a pure function, but that it changes its state in place where the library can. Nothing
in it depends on values, so a library that compiles can compile it once for a run.
"""

from typing import Any, NamedTuple

from dnn_xp.backends import Array, cache_blocks, device, namespace, take_examples
from dnn_xp.functions.counters import (
    PARTNER_STREAM,
    SHARE_STREAM,
    Draws,
    make_draws,
    random_places,
)
from dnn_xp.functions.regularization import add_noise, clip_by_norm, clip_by_value, mix, penalty
from dnn_xp.network import Network, Sums
from dnn_xp.network.layout import Workspace
from dnn_xp.training.optimizers import Optimizer, descend
from dnn_xp.training.regularization import Regularization

__all__ = ["Batch", "Data", "Numbers", "Recipe", "State", "step"]


class Recipe(NamedTuple):
    """What all steps of a run have in common; compares by value.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
    regularization : Regularization
    clip_value, clip_norm : float, optional
        The largest that an element of the gradient, and its norm, may be.
    average : bool
        Whether a running mean of the parameters is kept.
    micro_batch : int, optional
        How many examples go through the network at a time; their sums are added up.
    padded : bool
        Whether a batch may hold indices that do not count.
    by_batch : bool
        Whether a batch's sums are divided by its total weight rather than by its examples.
    gathered : bool
        Whether the data that a step is given are its batch's, and no others.
    """

    network: Network
    optimizer: Optimizer
    regularization: Regularization = Regularization()
    clip_value: float | None = None
    clip_norm: float | None = None
    average: bool = False
    micro_batch: int | None = None
    padded: bool = False
    by_batch: bool = False
    gathered: bool = False


class State(NamedTuple):
    """What a step changes: parameters, the optimizer's state, the mean of the parameters."""

    theta: Array
    optimizer: Any
    average: Array | None


class Data(NamedTuple):
    """What a step reads.

    Attributes
    ----------
    X : array, shape (n_inputs, m)
    Y : array, shape (n_outputs, m)
    weights : array, shape (m,), or None
        Of a mean of 1 over the data, unless they count by batch.
    weight_mask : array, shape (size,), or None
        1 for what penalties and decay act on, where there are any.
    shares : array, shape (n,), or None
        Draws of the mixup's shares, where examples are mixed.
    """

    X: Array
    Y: Array
    weights: Array | None
    weight_mask: Array | None = None
    shares: Array | None = None


class Batch(NamedTuple):
    """Which examples a step sees.

    Attributes
    ----------
    indices : array of int32, shape (b,), or None
        Their places in the data; None for all of the data, in order.
    count : int
        How many of the indices count; those after them only fill up the shape.
    """

    indices: Array | None
    count: Any


class Numbers(NamedTuple):
    """What is another number in every step, traced where the step is compiled.

    Attributes
    ----------
    step : int
        From 1.
    seed : int
        Of all draws.
    learning_rate : float
    average_stays : float
        The part of the mean of the parameters that stays.
    """

    step: Any
    seed: Any
    learning_rate: Any
    average_stays: Any = 0.0


def step(
    recipe: Recipe,
    state: State,
    total: Array,
    data: Data,
    batch: Batch,
    numbers: Numbers,
    workspace: Workspace | None = None,
) -> tuple[State, Array]:
    """Return the state after one batch, and the batch's cost before it, added to a total.

    Parameters
    ----------
    recipe : Recipe
    state : State
        Not to be used any more: it is changed in place where the library can do that.
    total : array, shape ()
        Of the costs of examples so far.
    data : Data
    batch : Batch
    numbers : Numbers
    workspace : Workspace, optional
        Views of the state's theta, which then remains the one that it is.
    """
    network, optimizer, rules = recipe[:3]
    theta, optimizer_state, average = state
    rate = numbers.learning_rate
    xp = namespace(theta) if workspace is None else workspace.xp

    divisor = _divisor(recipe, data, batch, xp)
    cost, gradient, statistics = _sums(recipe, theta, data, batch, numbers, divisor, workspace, xp)
    if rules.l1 or rules.l2:
        share = 1.0 / divisor if rules.summed else 1.0
        value, gradient = _penalized(gradient, theta, data.weight_mask, rules, share, xp)
        parameters = (network.views(theta, xp) if workspace is None else workspace.parameters)[0]
        value = value + network.layers[0].squares_beyond(data.X, parameters, xp) * (
            0.5 * rules.l2 * share
        )
        cost = cost + divisor * value
    if recipe.by_batch:
        cost = cost / divisor * batch.count
    if recipe.clip_value is not None:
        gradient = clip_by_value(gradient, recipe.clip_value, xp=xp)
    if recipe.clip_norm is not None:
        gradient = clip_by_norm(gradient, recipe.clip_norm, xp=xp)

    if optimizer.weight_decay:
        theta *= 1.0 - (rate * optimizer.weight_decay) * data.weight_mask
    theta, optimizer_state = descend(
        optimizer, theta, gradient, optimizer_state, rate, numbers.step
    )
    if rules.max_norm is not None:
        theta = network.limit_norms(theta, rules.max_norm, xp=xp)
    theta = network.update_statistics(theta, statistics, xp=xp)
    if average is not None:
        average += (1.0 - numbers.average_stays) * (theta - average)
    return State(theta, optimizer_state, average), total + cost


def _penalized(
    gradient: Array, theta: Array, mask: Array, rules: Regularization, share: Any, xp: Any
) -> tuple[Array, Array]:
    """Return the penalty and the gradient with its slope, block by block where that is faster."""
    blocks = cache_blocks(theta)
    if len(blocks) == 1:
        value, slope = penalty(theta, mask, rules.l1, rules.l2, share, xp=xp)
        gradient += slope
        return value, gradient
    total: Any = 0.0
    for block in blocks:
        value, slope = penalty(theta[block], mask[block], rules.l1, rules.l2, share, xp=xp)
        part = gradient[block]  # a view
        part += slope
        total = total + value
    return total, gradient


def _divisor(recipe: Recipe, data: Data, batch: Batch, xp: Any) -> Any:
    """Return what a batch's sums are divided by."""
    if not recipe.by_batch or data.weights is None:
        return batch.count
    weights = _weights(recipe, data, batch, slice(0, _length(data, batch)), xp)
    assert weights is not None
    total = xp.sum(weights)
    return total + xp.astype(total == 0, weights.dtype)


def _length(data: Data, batch: Batch) -> int:
    """Return how many examples a batch holds, those that fill it up among them."""
    found: int = data.X.shape[1] if batch.indices is None else batch.indices.shape[0]
    return found


def _sums(
    recipe: Recipe,
    theta: Array,
    data: Data,
    batch: Batch,
    numbers: Numbers,
    divisor: Any,
    workspace: Workspace | None,
    xp: Any,
) -> Sums:
    """Return the cost of a batch and the mean gradient, one micro-batch after the other."""
    length = _length(data, batch)
    size = min(recipe.micro_batch or length, length)
    total: Sums | None = None
    for start in range(0, length, size):
        X, Y, weights, draws = _examples(
            recipe, data, batch, slice(start, min(start + size, length)), numbers, xp
        )
        sums = recipe.network.trusted_cost_and_gradient(
            theta, X, Y, weights, draws, xp, divisor=divisor, workspace=workspace
        )
        if total is None:
            total = sums
        else:
            gradient = total.gradient
            gradient += sums.gradient
            # The first part's statistics: a later one may hold nothing that counts.
            total = Sums(total.cost + sums.cost, gradient, total.statistics)
    assert total is not None  # no batch is empty
    return total


def _examples(
    recipe: Recipe, data: Data, batch: Batch, part: slice, numbers: Numbers, xp: Any
) -> tuple[Array, Array, Array | None, Draws | None]:
    """Return a part of the batch as the network is to see it: gathered, weighted, mixed, noisy."""
    X, Y, noise = data.X, data.Y, recipe.regularization.noise
    examples = None if batch.indices is None else batch.indices[part]
    if examples is not None and not recipe.gathered:
        X, Y = take_examples(X, examples, xp=xp), take_examples(Y, examples, xp=xp)
    elif part.stop - part.start < X.shape[1]:
        X, Y = X[:, part], Y[:, part]
    weights = _weights(recipe, data, batch, part, xp)
    if not (recipe.network.has_dropout or data.shares is not None or noise):
        return X, Y, weights, None

    if examples is None:
        examples = xp.arange(part.start, part.stop, dtype=xp.int32, device=device(X))
    draws = make_draws(numbers.seed, numbers.step, examples, xp=xp)
    if data.shares is not None:
        partners = random_places(draws, data.X.shape[1], PARTNER_STREAM, xp=xp)
        share = xp.take(
            data.shares, random_places(draws, data.shares.shape[0], SHARE_STREAM, xp=xp)
        )
        X = mix(X, take_examples(data.X, partners, xp=xp), share)
        Y = mix(Y, take_examples(data.Y, partners, xp=xp), share)
    if noise:
        X = add_noise(X, noise, draws, xp=xp)
    return X, Y, weights, draws


def _weights(recipe: Recipe, data: Data, batch: Batch, part: slice, xp: Any) -> Array | None:
    """Return the weights of a part of the batch: zero for what only fills it up."""
    weights = data.weights
    if weights is not None and batch.indices is not None and not recipe.gathered:
        weights = xp.take(weights, batch.indices[part])
    elif weights is not None:
        weights = weights[part]
    if recipe.padded:
        places = xp.arange(part.start, part.stop, dtype=xp.int32, device=device(data.Y))
        counts = xp.astype(places < batch.count, data.Y.dtype)
        weights = counts if weights is None else counts * weights
    return weights
