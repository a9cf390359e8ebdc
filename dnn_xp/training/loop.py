"""How a network learns: take a batch, step, take note, stop."""

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from dnn_xp.backends import Array, bring, compile_step, computed, device, namespace, take_examples
from dnn_xp.functions.counters import make_draws
from dnn_xp.network import Network
from dnn_xp.training.batches import minibatches
from dnn_xp.training.callbacks import Callback, History, Moment, TrainingResult
from dnn_xp.training.gram import example_space_problem, pays_in_example_space, to_example_space
from dnn_xp.training.optimizers import Optimizer, descend, sgd

__all__ = ["DivergenceWarning", "train"]

_log = logging.getLogger("dnn_xp")

Data = tuple[Array, Array] | tuple[Array, Array, Array]
Metric = Callable[[Array, Array], Array]


class DivergenceWarning(RuntimeWarning):
    """The cost of a run became infinite or undefined."""


def train(
    network: Network,
    X: Array,
    Y: Array,
    theta: Array | None = None,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int | None = None,
    seed: int = 0,
    weights: Array | None = None,
    validation: Data | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback] = (),
    example_space: bool | Literal["auto"] = "auto",
) -> TrainingResult:
    """Train a network where its data are: in X's library, dtype and device.

    Parameters
    ----------
    network : Network
    X : array of floats, shape (n_inputs, m)
        Columns are examples. Minibatches are fastest where X is the transpose of an array that
        holds an example in each row.
    Y : array, shape (n_outputs, m)
        Targets; brought to X's side.
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
    callbacks : sequence of Callback
    example_space : bool or "auto"
        Whether to descend in the coordinates of the examples, which is the same descent by less
        arithmetic where features outnumber examples (see `dnn_xp.training.gram`). By itself it
        is chosen where it is exact and pays; True where it would not be exact is an error.

    Returns
    -------
    TrainingResult
        A run whose cost is no longer finite stops there, says so in ``reason`` and by a
        `DivergenceWarning`, and gives back the last parameters whose cost was finite.

    Raises
    ------
    ValueError
        Where an argument does not fit: what was found and what was expected.

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
    Y, weights = network.check_data(X, Y, weights)
    xp, n_examples = namespace(X), X.shape[1]
    if epochs < 0:
        raise ValueError(f"epochs: found {epochs!r}, expected a whole number from 0 on")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size: found {batch_size!r}, expected a whole number from 1 on")
    if weights is not None:
        weights = weights / xp.mean(weights)
    optimizer = optimizer or sgd(0.1)
    theta = network.initialize(seed, like=X) if theta is None else _copy(bring(theta, like=X))
    described, recover = network, _same
    if _in_example_space(network, optimizer, n_examples, batch_size, epochs, example_space):
        space = to_example_space(network, X, theta)
        network, theta, recover = space.network, space.theta, space.recover
        X = computed(space.project(X))
        if validation is not None:
            validation = (computed(space.project(validation[0])), *validation[1:])
    state = optimizer.init(theta)
    decaying = network.weight_mask(like=theta) if optimizer.weight_decay else None
    step = compile_step(_step, like=X, static=2)
    measure = _measures(network, X, Y, weights, validation, metrics or {})

    history: History = {}
    kept = finite = _copy(theta)  # steps change theta in place; what others see, they do not
    for callback in callbacks:
        callback.start(Moment(described, kept, history, 0, epochs, recover))

    n_steps, done, reason = 0, 0, f"{epochs} epochs"
    for epoch in range(epochs):
        total = 0.0
        for batch in _batches(X, batch_size, seed, epoch):
            n_steps += 1
            theta, state, cost = step(
                network,
                optimizer,
                theta,
                state,
                (X, Y, weights),
                batch,
                decaying,
                optimizer.learning_rate,
                n_steps,
                seed % 2**31,
            )
            total = total + cost

        mean = float(total) / n_examples
        history.setdefault("cost", []).append(mean)
        if not math.isfinite(mean):
            kept = finite
            reason = (
                f"diverged: the cost became {mean} in epoch {epoch + 1}; "
                "lower the learning rate, or scale the data"
            )
            warnings.warn(reason, DivergenceWarning, stacklevel=2)
            break
        finite, kept = kept, _copy(theta)
        for name, value in measure(kept).items():
            history.setdefault(name, []).append(value)

        done = epoch + 1
        moment = Moment(described, kept, history, done, epochs, recover)
        stops = [stop for callback in callbacks if (stop := callback.epoch(moment))]
        if stops:
            reason = "; ".join(stops)
            break

    result = TrainingResult(recover(kept), history, done, reason)
    for callback in callbacks:
        result = callback.end(result)
    return result


def _step(
    network: Network,
    optimizer: Optimizer,
    theta: Array,
    state: Any,
    data: tuple[Array, Array, Array | None],
    batch: Array | None,
    decaying: Array | None,
    learning_rate: Any,
    step: Any,
    seed: Any,
) -> tuple[Array, Any, Array]:
    """Return theta and the optimizer's state after one batch, and the batch's cost before it.

    Theta and the state are changed in place where the library can do that. The last three are
    numbers, traced where the step is compiled, so that one compilation serves all steps.
    """
    xp = namespace(theta)
    X, Y, weights = data
    if batch is not None:
        X, Y = take_examples(X, batch, xp=xp), take_examples(Y, batch, xp=xp)
        weights = None if weights is None else xp.take(weights, batch)
    draws = None
    if network.has_dropout:
        examples = batch
        if examples is None:
            examples = xp.arange(X.shape[1], dtype=xp.int32, device=device(X))
        draws = make_draws(seed, step, examples, xp=xp)

    sums = network.trusted_cost_and_gradient(theta, X, Y, weights, draws, xp)
    gradient = sums.gradient
    gradient /= X.shape[1]
    if decaying is not None:
        theta *= 1.0 - (learning_rate * optimizer.weight_decay) * decaying
    theta, state = descend(optimizer, theta, gradient, state, learning_rate, step)
    return network.update_statistics(theta, sums.statistics, xp=xp), state, sums.cost


def _in_example_space(
    network: Network,
    optimizer: Optimizer,
    n_examples: int,
    batch_size: int | None,
    epochs: int,
    wanted: bool | Literal["auto"],
) -> bool:
    if wanted is False:
        return False
    problem = example_space_problem(network, optimizer, n_examples, batch_size)
    if wanted is True and problem:
        raise ValueError(f"example_space: found True, which would not be exact: {problem}")
    chosen = wanted is True or (
        problem is None and pays_in_example_space(network, n_examples, epochs)
    )
    if chosen:
        _log.info("descending in the space of the %d examples", n_examples)
    return chosen


def _same(theta: Array) -> Array:
    return theta


def _copy(theta: Array) -> Array:
    return namespace(theta).asarray(theta, copy=True)


def _batches(X: Array, batch_size: int | None, seed: int, epoch: int) -> Iterator[Array | None]:
    """Yield the indices of each batch on X's side, or None once for all examples in order."""
    n_examples = X.shape[1]
    if batch_size is None or batch_size >= n_examples:
        yield None
    else:
        for indices in minibatches(n_examples, batch_size, seed, epoch):
            yield bring(indices, like=X, dtype=namespace(X).int32)


def _measures(
    network: Network,
    X: Array,
    Y: Array,
    weights: Array | None,
    validation: Data | None,
    metrics: Mapping[str, Metric],
) -> Callable[[Array], dict[str, float]]:
    """Return a function of theta that gives the figures that are measured after an epoch."""
    prefix, cost = "", {}
    if validation is not None:
        X, Y, *rest = validation
        Y, weights = network.check_data(X, Y, rest[0] if rest else None)
        prefix, cost = "validation_", {"cost": network.evaluate_cost}

    def measure(theta: Array) -> dict[str, float]:
        figures = {name: of(theta, X, Y, weights) for name, of in cost.items()}
        if metrics:
            A = network.predict(theta, X)
            figures |= {name: metric(A, Y) for name, metric in metrics.items()}
        return {prefix + name: float(value) for name, value in figures.items()}

    return measure
