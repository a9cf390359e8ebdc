"""Members trained as one network, by the leading axis of theta.

Each has its own share, its own order and its own draws, as if it were trained alone; only the
calls are shared. So what it costs to launch a step, which outweighs a small one on an accelerator
and under a compiler, is paid once and not by each member.
"""

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from dnn_xp.backends import (
    Array,
    HostArray,
    Matrix,
    Namespace,
    Vector,
    asarray_like,
    compile_step,
    device,
    has_fixed_shapes,
    namespace,
    take_examples,
    to_host,
)
from dnn_xp.estimators.tabular.members import Examples, Member, Recipe
from dnn_xp.estimators.tabular.shares import Share
from dnn_xp.functions.counters import Key
from dnn_xp.network import Network
from dnn_xp.network.propagation import cost_and_gradient, logits, mean_cost
from dnn_xp.training import DivergenceWarning, Regularization
from dnn_xp.training.batches import minibatches
from dnn_xp.training.loop import prepare_data
from dnn_xp.training.problem import Problem
from dnn_xp.training.settings import Settings, strengths_of
from dnn_xp.training.step import Data, State, StepConfig, StepScalars, apply_update

__all__ = ["train_together"]


class _Batch(NamedTuple):
    """A batch of each of k members.

    Attributes
    ----------
    places, examples : array of int32, shape (k, b)
        Of the examples in the data, and in the member's share, by which it draws.
    seeds : array of int32, shape (k, 1, 1)
    scale : array, shape (k, 1), or None
        What brings the weights of a member's share to a mean of 1.
    """

    places: Array
    examples: Array
    seeds: Array
    scale: Array | None


def train_together(
    recipe: Recipe,
    examples: Examples,
    shares: Sequence[Share],
    validation: Examples | None,
    seeds: Sequence[int],
    *,
    end: float = math.inf,
    tell: Callable[[int], object] = lambda n_epochs: None,
) -> list[Member]:
    """Train all members at once, and keep of each the epoch of its least validation cost.

    Parameters
    ----------
    recipe : Recipe
    examples : Examples
        All of them: members take their batches from here.
    shares : sequence of Share
        Of as many examples each.
    validation : Examples, optional
        For all members, where nothing is held out. Without either, the last epoch is kept.
    seeds : sequence of int
    end : float
        When time is over, on the clock of `time.monotonic`.
    tell : callable
        Told how many epochs are done.

    Returns
    -------
    list of Member
        As `train_member` trains them one by one, within rounding. Ctrl-C keeps what all of them
        have learnt, where an epoch is done.
    """
    network, xp = recipe.network, namespace(examples.X)
    theta = xp.stack([network.initialize(seed, like=examples.X) for seed in seeds])
    state = State(theta, recipe.optimizer.init(theta), None, xp.zeros_like(theta[:, 0]))
    run_epoch = _make_epoch(recipe, examples, shares, seeds, theta)
    measure = _make_measure(network, examples, shares, validation)
    # Copies, since a step may work in place, or take the memory of what it is handed.
    kept = [_Kept(one, {}) for one in _apart(theta)]
    n_done = 0
    try:
        while n_done < recipe.epochs:
            state, is_whole = run_epoch(state, n_done, end)
            now = _apart(state.theta)
            if not is_whole:
                if measure is None or not n_done:
                    kept = [one.at(theta) for one, theta in zip(kept, now, strict=True)]
                break
            figures = {"cost": to_host(state.total) / len(shares[0].training)}
            state = state._replace(total=xp.zeros_like(state.total))
            if measure is not None:
                figures["validation_cost"] = measure(state.theta)
            for i, (one, theta) in enumerate(zip(kept, now, strict=True)):
                kept[i] = one.after({name: float(all_[i]) for name, all_ in figures.items()}, theta)
            n_done += 1
            tell(n_done)
    except KeyboardInterrupt:
        if not n_done:
            raise
        warnings.warn(
            f"training interrupted by user after {n_done} of {recipe.epochs} epochs",
            ConvergenceWarning,
            stacklevel=5,
        )
    if any(one.diverged for one in kept):
        warnings.warn(
            "the cost of a member was no longer finite: scale y, or lower learning_rate_init",
            DivergenceWarning,
            stacklevel=5,
        )
    return [Member(one.theta, one.history, one.epoch) for one in kept]


def _apart(theta: Array) -> list[Vector]:
    """Return the parameters of each member, in memory of their own."""
    xp = namespace(theta)
    return [xp.asarray(theta[i, :], copy=True) for i in range(theta.shape[0])]


class _Kept(NamedTuple):
    """What is kept of a member.

    Attributes
    ----------
    theta : array, shape (size,)
        After the epoch of the least validation cost; or the last, where none is measured.
    history : dict of str to list of float
    epoch : int
        After which theta is kept.
    best : float
        The least validation cost.
    diverged : bool
        Whether its cost is no longer finite, so that nothing more can be learnt.
    """

    theta: Vector
    history: dict[str, list[float]]
    epoch: int = 0
    best: float = math.inf
    diverged: bool = False

    def at(self, theta: Vector) -> "_Kept":
        """Return the same in the middle of an epoch."""
        return self if self.diverged else self._replace(theta=theta)

    def after(self, figures: Mapping[str, float], theta: Vector) -> "_Kept":
        """Return the same after another epoch, with its figures."""
        if self.diverged:
            return self
        diverged = not math.isfinite(figures["cost"])
        noted = ["cost"] if diverged else list(figures)
        added = {name: [*self.history.get(name, []), figures[name]] for name in noted}
        found = self._replace(history=self.history | added, diverged=diverged)
        cost = figures.get("validation_cost")
        if diverged or not (cost is None or cost < self.best):
            return found
        n_epochs = len(added["cost"])
        return found._replace(theta=theta, epoch=n_epochs, best=self.best if cost is None else cost)


def _make_epoch(
    recipe: Recipe,
    examples: Examples,
    shares: Sequence[Share],
    seeds: Sequence[int],
    theta: Array,
) -> Callable[[State, int, float], tuple[State, bool]]:
    """Return what takes the steps of an epoch, and says whether there was time for all of them."""
    rules, size = Regularization(label_smoothing=recipe.label_smoothing), recipe.batch_size
    settings = Settings(recipe.optimizer, recipe.epochs, size, regularization=rules)
    data = prepare_data(Problem(recipe.network, theta[0, :], *examples), settings)
    rate, strengths = recipe.optimizer.learning_rate, strengths_of(settings)
    plain = recipe.optimizer._replace(learning_rate=0.0, weight_decay=0.0, arguments=())
    take_step = compile_step(_step, StepConfig(recipe.network, plain), like=theta, donate=(0,))
    whole = partial(asarray_like, like=theta, dtype=namespace(theta).int32)
    own_seeds = whole(np.reshape(np.asarray(seeds), (-1, 1, 1)))
    scale = None if data.weights is None else _scales(data.weights, shares)
    n_examples = len(shares[0].training)
    n_batches = -(-n_examples // size)

    def run_epoch(state: State, epoch: int, end: float) -> tuple[State, bool]:
        orders = np.stack([next(minibatches(n_examples, n_examples, s, epoch))[0] for s in seeds])
        places = np.stack([share.training[own] for share, own in zip(shares, orders, strict=True)])
        places = places.astype(np.int32)
        if not has_fixed_shapes(theta):  # which would compile each slice of its own arrays
            orders, places = whole(orders), whole(places)
        for number in range(n_batches):
            some = slice(number * size, min((number + 1) * size, n_examples))
            count = some.stop - some.start
            batch = _Batch(places[:, some], orders[:, some], own_seeds, scale)
            scalars = StepScalars(
                epoch * n_batches + number + 1,
                0,
                rate * recipe.schedule(epoch + number / n_batches),
                strengths,
                divisor=count,
                count=count,
            )
            state = take_step(state, data, batch, scalars)
            if time.monotonic() >= end:
                return state, False
        return state, True

    return run_epoch


def _step(
    config: StepConfig, state: State, data: Data, batch: _Batch, scalars: StepScalars
) -> State:
    """Return the state after a batch of each member."""
    network, theta, weights, key = config.network, state.theta, None, None
    xp = namespace(theta)
    X, Y = (_examples_of(x, batch.places, xp) for x in (data.X, data.Y))
    if data.weights is not None:
        found = xp.take(data.weights, xp.reshape(batch.places, (-1,)))
        weights = xp.reshape(found, batch.places.shape) * batch.scale
    if network.is_random:
        step = xp.full((1,), scalars.step, dtype=xp.int32, device=device(batch.examples))
        key = Key(batch.seeds, step, batch.examples)
    sums = cost_and_gradient(network, theta, X, Y, weights, key, divisor=scalars.divisor, xp=xp)
    return apply_update(config, state, sums, scalars, data.weight_mask)


def _examples_of(x: Matrix, places: Array, xp: Namespace) -> Array:
    """Return the examples of each member, shape (k, n, b), whose places have the shape (k, b)."""
    found = take_examples(x, xp.reshape(places, (-1,)), xp=xp)
    return xp.permute_dims(xp.reshape(found, (-1, *places.shape)), (1, 0, 2))


def _scales(weights: Vector, shares: Sequence[Share]) -> Array:
    """Return what brings the weights of each share to a mean of 1, shape (k, 1)."""
    host = to_host(weights)
    means = [[float(np.mean(host[share.training], dtype=np.float64))] for share in shares]
    return asarray_like(1.0 / np.asarray(means), like=weights)


def _make_measure(
    network: Network,
    examples: Examples,
    shares: Sequence[Share],
    validation: Examples | None,
) -> Callable[[Array], HostArray] | None:
    """Return what works out the validation cost of each member, or None where there is none."""
    if len(shares[0].held_out):
        xp = namespace(examples.X)
        places = asarray_like(
            np.stack([share.held_out for share in shares]), like=examples.X, dtype=xp.int32
        )
        X, Y = (_examples_of(x, places, xp) for x in examples[:2])
        weights = None
        if examples.weights is not None:
            weights = xp.reshape(xp.take(examples.weights, xp.reshape(places, (-1,))), places.shape)
    elif validation is not None:
        X, Y, weights = validation
    else:
        return None

    def measure(theta: Array) -> HostArray:
        xp = namespace(theta)
        Z = logits(network, network.layout.views(theta, xp), X, xp=xp)
        return to_host(mean_cost(network.cost, Z, Y, weights, xp=xp))

    return measure
