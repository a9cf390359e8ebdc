"""A step in two: the gradient of a batch, which its parts add up to, and the update it makes.

`batch_gradient` reads examples and changes nothing; `apply_update` changes the state and reads no
examples. `step` is one after the other. So several processes can each take a part of a batch, add
up their gradients, and make the same update.

All are pure functions, but that the state is changed in place where the library can. Nothing in
them depends on values, so a library that compiles can compile them once for a run, and numbers
(rates, strengths of penalties, limits, seeds) are arguments, so that it need not for the next run.
"""

from typing import Any, NamedTuple, Protocol

from dnn_xp.backends import (
    Array,
    cache_blocks,
    device,
    is_narrow,
    namespace,
    take_examples,
    vector_sums,
    widened,
)
from dnn_xp.functions.counters import (
    MIXUP_STREAM,
    PARTNER_STREAM,
    Key,
    fold,
    make_key,
    random_places,
)
from dnn_xp.functions.regularization import add_noise, clip_by_norm, clip_by_value, mix, penalty
from dnn_xp.layers import Layer
from dnn_xp.network import CostAndGradient, Network
from dnn_xp.network.layout import Workspace
from dnn_xp.network.propagation import cost_and_gradient, no_gradient
from dnn_xp.reprs import outline
from dnn_xp.training.optimizers import Optimizer, descend

__all__ = [
    "Batch",
    "Data",
    "State",
    "StepConfig",
    "StepScalars",
    "Strengths",
    "TakeStep",
    "apply_update",
    "batch_gradient",
    "check_parts",
    "from_vector",
    "prepare_batch",
    "step",
    "to_vector",
]


class Strengths(NamedTuple):
    """The numbers that hold weights and gradients back; None where one does nothing.

    Attributes
    ----------
    l1, l2, max_norm, noise : float, optional
        As in `Regularization`.
    clip_value, clip_norm : float, optional
        The largest that an element of the mean gradient, and its norm, may be.
    weight_decay : float, optional
        As in `Optimizer`.
    """

    l1: Any = None
    l2: Any = None
    max_norm: Any = None
    noise: Any = None
    clip_value: Any = None
    clip_norm: Any = None
    weight_decay: Any = None


class StepConfig(NamedTuple):
    """Configuration of a step: all that is no number; compares by value.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
        Its learning rate and weight decay do not matter here: see `StepScalars`.
    ema : bool
        Whether a moving average of the parameters is kept.
    micro_batch : int, optional
        How many examples go through the network at a time; their sums are added up.
    padded : bool
        Whether a batch may hold indices that do not count.
    weights_by_batch : bool
        Whether a batch's sums are divided by its total weight rather than by its examples.
    penalties_by_batch : bool
        Whether penalties are added to the sum over a batch rather than to its mean.
    gathered : bool
        Whether the data that a step is given are its batch's, and no others.
    in_parts : bool
        Whether a batch may be a part of a larger one.
    """

    network: Network
    optimizer: Optimizer
    ema: bool = False
    micro_batch: int | None = None
    padded: bool = False
    weights_by_batch: bool = False
    penalties_by_batch: bool = False
    gathered: bool = False
    in_parts: bool = False


class State(NamedTuple):
    """State that a step changes.

    Attributes
    ----------
    theta : array, shape (size,)
        Of the dtype of X; in float32 where that is of 16 bits, as all of the state is.
    optimizer : NamedTuple of arrays
    average : array, shape (size,), or None
        The exponential moving average of theta.
    total : array, shape ()
        The cost of the epoch so far, summed over examples, each at the theta of its step.
    """

    theta: Array
    optimizer: Any
    average: Array | None
    total: Array

    def __repr__(self) -> str:
        """Return one line without arrays."""
        return outline(self)


class Data(NamedTuple):
    """Data that a step reads.

    Attributes
    ----------
    X : array, shape (n_inputs, m)
    Y : array, shape (n_targets, m)
    weights : array, shape (m,), or None
        Of a mean of 1 over the data, unless they count by batch.
    weight_mask : array, shape (size,), or None
        1 for what penalties and decay act on, where there are any.
    mixup : array, shape (n,), or None
        Draws of the mixing coefficient, where examples are mixed.
    """

    X: Array
    Y: Array
    weights: Array | None
    weight_mask: Array | None = None
    mixup: Array | None = None


class Batch(NamedTuple):
    """Batch of examples that a step sees.

    Attributes
    ----------
    indices : array of int32, shape (b,), or None
        Their places in the data; None for all of the data, in order.
    count : int
        How many of the indices count; those after them only fill up the shape.
    whole : int
        How many examples the whole batch has, of which this may be a part.
    """

    indices: Array | None
    count: Any
    whole: Any


class StepScalars(NamedTuple):
    """The numbers of a step, traced where it is compiled.

    Attributes
    ----------
    step : int
        From 1.
    seed : int
        Of all draws.
    learning_rate : float
    strengths : Strengths
    ema_decay : float
        The part of the moving average that stays.
    divisor : number
        What the sums over the whole batch are divided by: its examples, or their total weight.
    count : number
        How many examples the whole batch has.
    squares_beyond : number, optional
        By how much the squares of the weights exceed those of the parameters, in example space.
    """

    step: Any
    seed: Any
    learning_rate: Any
    strengths: Strengths = Strengths()
    ema_decay: Any = 0.0
    divisor: Any = None
    count: Any = None
    squares_beyond: Any = None


class TakeStep(Protocol):
    """How a run takes a step, here or together with others: `step`, but for its constant."""

    def __call__(
        self,
        state: State,
        data: Data,
        batch: Batch,
        scalars: StepScalars,
        workspace: Workspace | None,
        /,
    ) -> State:
        """Return the state after one batch.

        Parameters
        ----------
        state : State
            Not to be used any more.
        data : Data
            Those of the run; or, where the configuration is ``gathered``, of the batch.
        batch : Batch
            A whole one; or this process's part of it, whose data are then gathered.
        scalars : StepScalars
            With the examples of the batch as divisor and count.
        workspace : Workspace or None
            Of the state's theta, where the library has views.
        """


def step(
    config: StepConfig,
    state: State,
    data: Data,
    batch: Batch,
    scalars: StepScalars,
    workspace: Workspace | None = None,
) -> State:
    """Return the state after one batch: `apply_update` after `batch_gradient`.

    Parameters
    ----------
    config : StepConfig
    state : State
        Not to be used any more: it is changed in place where the library can do that.
    data : Data
    batch : Batch
    scalars : StepScalars
        Those of the batch, `prepare_batch` works out, but where they are just its examples.
    workspace : Workspace, optional
        Views of the state's theta, which then remains the one that it is.
    """
    if scalars.divisor is None or config.weights_by_batch or scalars.strengths.l2 is not None:
        scalars = prepare_batch(config, state.theta, data, batch, scalars, workspace)
    sums = batch_gradient(config, state.theta, data, batch, scalars, workspace)
    return apply_update(config, state, sums, scalars, data.weight_mask, workspace)


def prepare_batch(
    config: StepConfig,
    theta: Array,
    data: Data,
    batch: Batch,
    scalars: StepScalars,
    workspace: Workspace | None = None,
) -> StepScalars:
    """Return the scalars with those of a whole batch, which each of its parts needs to know.

    Parameters
    ----------
    batch : Batch
        The whole of it.
    """
    xp = namespace(theta) if workspace is None else workspace.xp
    divisor, beyond = batch.whole, None
    if config.weights_by_batch and data.weights is not None:
        weights = _weights(config, data, batch, slice(0, _length(data, batch)), xp)
        total = vector_sums(widened(weights), xp=xp)
        divisor = total + xp.astype(total == 0, total.dtype)
    if scalars.strengths.l2 is not None:
        beyond = _squares_beyond(config.network, theta, data.X, workspace, xp)
    return StepScalars(*scalars[:5], divisor, batch.whole, beyond)


def batch_gradient(
    config: StepConfig,
    theta: Array,
    data: Data,
    batch: Batch,
    scalars: StepScalars,
    workspace: Workspace | None = None,
) -> CostAndGradient:
    """Return the cost of a part of a batch and its part of the mean gradient.

    The sums of all parts are those of the batch, within rounding.

    Parameters
    ----------
    config : StepConfig
    theta : array, shape (size,)
    data : Data
    batch : Batch
        A whole one, or a part of one.
    scalars : StepScalars
        As `prepare_batch` returns them for the whole batch.
    workspace : Workspace, optional
        Of this theta; the gradient is then the workspace's and changes with the next call.
    """
    xp = namespace(theta) if workspace is None else workspace.xp
    length = _length(data, batch)
    if not length:  # nothing of this batch is here
        return no_gradient(config.network.layout, theta, xp)
    narrow = is_narrow(data.Y)
    if narrow:  # theta itself is kept in float32, in which small updates are not lost
        theta = xp.astype(theta, data.Y.dtype)
    total: CostAndGradient | None = None
    for part in _parts(length, config.micro_batch):
        X, Y, weights, key = _examples(config, data, batch, part, scalars, xp)
        sums = cost_and_gradient(
            config.network,
            theta,
            X,
            Y,
            weights,
            key,
            divisor=scalars.divisor,
            workspace=workspace,
            xp=xp,
        )
        if narrow:
            statistics = None if sums.statistics is None else widened(sums.statistics)
            sums = CostAndGradient(sums.cost, widened(sums.gradient), statistics)
        if total is None:
            total = sums
        else:
            gradient = total.gradient
            gradient += sums.gradient
            # The first part's statistics: a later one may hold nothing that counts.
            total = CostAndGradient(total.cost + sums.cost, gradient, total.statistics)
    assert total is not None
    if config.in_parts and total.statistics is not None:
        return total._replace(statistics=total.statistics * (batch.count / batch.whole))
    return total


def check_parts(network: Network) -> None:
    """Refuse a network whose batches cannot be cut into parts.

    Raises
    ------
    ValueError
        Naming the layer, and the way out.
    """
    for place, layer in enumerate(network.layers, 1):
        if layer.couples_examples:
            raise ValueError(
                f"network: {network.layout.describe(place)}, must see all of a batch, of which "
                "there is only a part here; use LayerNorm, or BatchNorm(across='part')"
            )


def to_vector(sums: CostAndGradient, *beside: Array) -> Array:
    """Return cost, gradient and statistics as one vector, which parts of a batch add up.

    Parameters
    ----------
    sums : CostAndGradient
    *beside : array, shape (k,)
        What stands behind them.
    """
    xp = namespace(sums.gradient)
    statistics = () if sums.statistics is None else (sums.statistics,)
    return xp.concat([xp.reshape(sums.cost, (1,)), sums.gradient, *statistics, *beside])


def from_vector(network: Network, vector: Array) -> CostAndGradient:
    """Return what `to_vector` made a vector of."""
    end = 1 + network.size
    statistics = vector[end:] if network.layout.has_statistics else None
    return CostAndGradient(vector[0], vector[1:end], statistics)


def apply_update(
    config: StepConfig,
    state: State,
    sums: CostAndGradient,
    scalars: StepScalars,
    weight_mask: Array | None = None,
    workspace: Workspace | None = None,
) -> State:
    """Return the state after the update that the sums over a whole batch make.

    Parameters
    ----------
    config : StepConfig
    state : State
        Not to be used any more: it is changed in place where the library can do that.
    sums : CostAndGradient
        Changed in place, too.
    scalars : StepScalars
        As `prepare_batch` returns them.
    weight_mask : array, shape (size,), optional
        As in `Data`.
    workspace : Workspace, optional
        As in `step`.
    """
    layout, strengths, divisor = config.network.layout, scalars.strengths, scalars.divisor
    theta, optimizer_state, average, total = state
    cost, gradient, statistics = sums
    xp = namespace(theta) if workspace is None else workspace.xp

    if strengths.l1 is not None or strengths.l2 is not None:
        scale = 1.0 / divisor if config.penalties_by_batch else 1.0
        value, gradient = _penalized(gradient, theta, weight_mask, strengths, scale, xp)
        if scalars.squares_beyond is not None:
            value = value + scalars.squares_beyond * (0.5 * strengths.l2 * scale)
        cost = cost + divisor * value
    if config.weights_by_batch:
        cost = cost / divisor * scalars.count
    if strengths.clip_value is not None:
        gradient = clip_by_value(gradient, strengths.clip_value, xp=xp)
    if strengths.clip_norm is not None:
        gradient = clip_by_norm(gradient, strengths.clip_norm, xp=xp)

    rate = scalars.learning_rate
    if strengths.weight_decay is not None:
        theta *= 1.0 - (rate * strengths.weight_decay) * weight_mask
    theta, optimizer_state = descend(
        config.optimizer, theta, gradient, optimizer_state, rate, scalars.step
    )
    if strengths.max_norm is not None:
        theta = layout.limit_norms(theta, strengths.max_norm, xp=xp)
    theta = layout.update_statistics(theta, statistics, xp=xp)
    if average is not None:
        average += (1.0 - scalars.ema_decay) * (theta - average)
    return State(theta, optimizer_state, average, total + cost)


def _penalized(
    gradient: Array, theta: Array, mask: Any, strengths: Strengths, scale: Any, xp: Any
) -> tuple[Array, Array]:
    """Return the penalty and the gradient with its slope, block by block where that is faster."""
    l1, l2 = strengths.l1, 0.0 if strengths.l2 is None else strengths.l2
    blocks = cache_blocks(theta)
    if len(blocks) == 1:
        value, slope = penalty(theta, mask, l1, l2, scale, xp=xp)
        gradient += slope
        return value, gradient
    total: Any = 0.0
    for block in blocks:
        value, slope = penalty(theta[block], mask[block], l1, l2, scale, xp=xp)
        part = gradient[block]  # a view
        part += slope
        total = total + value
    return total, gradient


def _squares_beyond(
    network: Network, theta: Array, X: Array, workspace: Workspace | None, xp: Any
) -> Any:
    """Return by how much the squares of the first layer's weights exceed its parameters'.

    None where they are the same, as they are but in example space.
    """
    first = network.layers[0]
    if type(first).squared_norm is Layer.squared_norm:
        return None
    views = network.layout.views(theta, xp) if workspace is None else workspace.parameters
    plain = Layer.squared_norm(first, X, views[0], xp)
    return first.squared_norm(X, views[0], xp) - plain


def _parts(length: int, micro_batch: int | None) -> list[slice]:
    """Return the parts of a batch that go through the network at a time: usually all of it."""
    if micro_batch is None:  # whose length may be open, where the step is recorded
        return [slice(0, length)]
    starts = range(0, length, micro_batch)
    return [slice(start, min(start + micro_batch, length)) for start in starts]


def _length(data: Data, batch: Batch) -> int:
    """Return how many examples a batch holds, those that fill it up among them."""
    found: int = data.X.shape[1] if batch.indices is None else batch.indices.shape[0]
    return found


def _examples(
    config: StepConfig, data: Data, batch: Batch, part: slice, scalars: StepScalars, xp: Any
) -> tuple[Array, Array, Array | None, Key | None]:
    """Return a part of the batch as the network is to see it: gathered, weighted, mixed, noisy."""
    X, Y, noise = data.X, data.Y, scalars.strengths.noise
    examples = None if batch.indices is None else batch.indices[part]
    if examples is not None and not config.gathered:
        X, Y = take_examples(X, examples, xp=xp), take_examples(Y, examples, xp=xp)
    elif part.stop - part.start < X.shape[1]:
        X, Y = X[:, part], Y[:, part]
    weights = _weights(config, data, batch, part, xp)
    if not (config.network.is_random or data.mixup is not None or noise is not None):
        return X, Y, weights, None

    if examples is None:
        examples = xp.arange(part.start, part.stop, dtype=xp.int32, device=device(X))
    key = make_key(scalars.seed, scalars.step, examples, xp=xp)
    if data.mixup is not None:
        partners = random_places(fold(key, PARTNER_STREAM), data.X.shape[1], xp=xp)
        places = random_places(fold(key, MIXUP_STREAM), data.mixup.shape[0], xp=xp)
        coefficient = xp.take(data.mixup, places)
        X = mix(X, take_examples(data.X, partners, xp=xp), coefficient)
        Y = mix(Y, take_examples(data.Y, partners, xp=xp), coefficient)
    if noise is not None:
        X = add_noise(X, noise, key, xp=xp)
    return X, Y, weights, key


def _weights(config: StepConfig, data: Data, batch: Batch, part: slice, xp: Any) -> Array | None:
    """Return the weights of a part of the batch: zero for what only fills it up."""
    weights = data.weights
    if weights is not None and batch.indices is not None and not config.gathered:
        weights = xp.take(weights, batch.indices[part])
    elif weights is not None:
        weights = weights[part]
    if config.padded:
        places = xp.arange(part.start, part.stop, dtype=xp.int32, device=device(data.Y))
        counts = xp.astype(places < batch.count, data.Y.dtype)
        weights = counts if weights is None else counts * weights
    return weights
