"""Training by L-BFGS: all examples in every step, and steps that know of curvature.

The network is evaluated where its data are; theta, which is small, goes to the host and back.
"""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from dnn_xp.arguments import check
from dnn_xp.backends import Array, bring, compile_step, namespace, threads_for, to_host
from dnn_xp.data.sources import Source, beside, read_examples
from dnn_xp.functions.regularization import penalty
from dnn_xp.network import Network
from dnn_xp.training.loop import DivergenceWarning
from dnn_xp.training.moments import Callback, History, Moment
from dnn_xp.training.quasi_newton import (
    LBFGSState,
    NotFiniteError,
    Objective,
    Vector,
    converged,
    moves,
    start_at,
)
from dnn_xp.training.result import TrainingResult
from dnn_xp.training.weights import of_mean_1

__all__ = ["lbfgs"]


def lbfgs(
    network: Network,
    X: Array | Source,
    Y: Array,
    theta: Array | None = None,
    *,
    weights: Array | None = None,
    l2: float = 0.0,
    max_iter: int = 200,
    max_evaluations: int = 15_000,
    tolerance: float = 1e-5,
    cost_tolerance: float = 1e7 * 2.0**-52,
    memory: int = 10,
    seed: int = 0,
    batch_size: int | None = None,
    callbacks: Sequence[Callback] = (),
    state: LBFGSState | None = None,
) -> TrainingResult:
    """Train a network by L-BFGS, as SciPy's L-BFGS-B does without bounds.

    For data and networks of a size at which all examples in every step are affordable, it often
    needs fewer evaluations than `train` and no learning rate. Needs SciPy.

    Parameters
    ----------
    network : Network
        Without dropout and batch norm: L-BFGS takes differences of gradients, so that the cost
        must be one function of theta, and a sum over examples.
    X : array of floats or Source, shape (n_inputs, m)
    Y : array, shape (n_outputs, m)
    theta : array, shape (size,), optional
        Where to start; it is not changed. Default: ``network.initialize(seed, like=X)``.
    weights : array, shape (m,), optional
        Of each example. Only their ratios matter: they are scaled to a mean of 1.
    l2 : float
        ``l2 / 2 * sum(W**2)`` is added to the mean cost. Biases are spared.
    max_iter : int
        Iterations at most, each one move of theta.
    max_evaluations : int
        Evaluations of the cost at most, but that an iteration under way is finished.
    tolerance : float
        It ends where no element of the gradient is further from 0,
    cost_tolerance : float
        or where an iteration lowers the cost, relative to itself but at least 1, by no more.
    memory : int
        How many moves are remembered.
    seed : int
        Of initialization.
    batch_size : int, optional
        How many examples go through the network at a time; their sums are added up. Default: all.
    callbacks : sequence of Callback
        Told of each iteration as of an epoch; of no steps within it.
    state : LBFGSState, optional
        Go on from the end of another run, its ``run.state``, in place of theta: with the same
        data as if it had not ended, with others from what is known of the curvature.

    Returns
    -------
    TrainingResult
        The history's ``cost`` is the one after each iteration, or that of the start where there
        is none. The reason begins with
        "converged" where a tolerance ended the run. A run that meets a cost that is not finite
        ends with a `DivergenceWarning` and the last parameters whose cost was.

    Raises
    ------
    ValueError
        Where an argument does not fit: what was found and what was expected.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, lbfgs
    >>> X = np.asarray([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    >>> Y = np.asarray([[0.0, 1.0, 1.0, 0.0]])
    >>> network = Network(2, (Dense(8, "tanh"), Dense(1)), cost="sigmoid_cross_entropy")
    >>> run = lbfgs(network, X, Y)
    >>> network.predict(run.theta, X).round().tolist()
    [[0.0, 1.0, 1.0, 0.0]]
    >>> run.epochs < 50
    True
    """
    Y, weights = network.check_data(X, Y, weights)
    _check_network(network)
    like = beside(X)
    for name, number, least in (
        ("l2", l2, 0),
        ("max_iter", max_iter, 0),
        ("max_evaluations", max_evaluations, 1),
        ("tolerance", tolerance, 0),
        ("cost_tolerance", cost_tolerance, 0),
        ("memory", memory, 1),
        ("seed", seed, 0),
        ("batch_size", batch_size, 1),
    ):
        check(name, number, number is None or number >= least, f"a number from {least} on")
    if state is None:
        theta = network.initialize(seed, like=like) if theta is None else theta
        state = start_at(to_host(theta))
    elif theta is not None:
        raise ValueError("theta: found one besides a state, which holds its own")
    network.check_theta(state.theta)

    evaluations = 0
    evaluate = _objective(network, X, Y, weights, l2, batch_size, like=state.theta)

    def counted(at: Vector) -> tuple[float, Vector]:
        nonlocal evaluations
        evaluations += 1
        return evaluate(at)

    history: History = {}
    start: list[float] = []
    recover = partial(_copy_beside, like)
    watchers = sorted(callbacks, key=lambda one: one.comes_last)
    now = Moment(network, state.theta, history, 0, max_iter, recover, _no_progress)
    for callback in watchers:
        callback.start(now)

    done, before, reason = 0, None, "no move lowers the cost: a kink, or the limit of rounding"
    try:
        for done, (point, pairs) in enumerate(moves(counted, state, memory)):
            state, stops = LBFGSState(point.theta, pairs), []
            if not done:
                start = [point.cost]
            else:
                history.setdefault("cost", []).append(point.cost)
                now = now._replace(coordinates=point.theta, epoch=done)
                stops = [stop for callback in watchers if (stop := callback.epoch(now))]
            stop = "; ".join(stops) or converged(before, point, tolerance, cost_tolerance)
            if not stop and done >= max_iter:
                stop = f"{max_iter} iterations"
            if not stop and evaluations >= max_evaluations:
                stop = f"{evaluations} evaluations"
            if stop:
                reason = stop
                break
            before = point
    except NotFiniteError as error:
        reason = f"diverged: {error} after {done} iterations; scale the data"
        warnings.warn(reason, DivergenceWarning, stacklevel=2)
    history.setdefault("cost", start)
    result = TrainingResult(recover(state.theta), history, done, reason, state=state)
    for callback in watchers:
        result = callback.end(result)
    return result


def _check_network(network: Network) -> None:
    if network.has_dropout:
        # The same masks in every evaluation would make it a function, but that is no dropout:
        # each example would always miss the same units, and the network learn which.
        raise ValueError("network: found dropout, which makes another cost of each step; use train")
    if network.size > network.n_parameters:
        raise ValueError(
            "network: found batch norm, whose cost is no sum over examples; use train, or LayerNorm"
        )


def _objective(
    network: Network,
    X: Array | Source,
    Y: Array,
    weights: Array | None,
    l2: float,
    batch_size: int | None,
    *,
    like: Vector,
) -> Objective:
    """Return the mean cost with its penalty as a function on the host, of vectors like one."""
    m, there = X.shape[1], beside(X)
    size = min(batch_size or m, m)
    at_once = size == m and not isinstance(X, Source)
    weights = None if weights is None else of_mean_1(weights)
    mask, zero = network.weight_mask(like=like), bring(0.0, like=there)
    run = compile_step(_add_mean, network, like=there)

    def evaluate(theta: Vector) -> tuple[float, Vector]:
        parameters, total = bring(theta, like=there), zero
        with threads_for(network.largest_parameter * size, like=there):
            for start in range(0, m, size):
                part = slice(start, min(start + size, m))
                some = X if at_once else read_examples(X, part)
                w = None if weights is None else weights[part]
                total = run(total, parameters, some, Y[:, part], w, m)
        found = bring(total, like=like)  # cost and gradient at once: one round trip
        value, slope = penalty(theta, mask, None, l2)
        return float(found[0] + value), found[1:] + slope

    return evaluate


def _add_mean(
    network: Network, total: Array, theta: Array, X: Array, Y: Array, weights: Array | None, m: int
) -> Array:
    """Return the cost and the gradient as one vector, divided by m, added to a total."""
    xp = namespace(theta)
    cost, gradient, _ = network.trusted_cost_and_gradient(theta, X, Y, weights, None, xp, divisor=m)
    return total + xp.concat([xp.reshape(cost / m, (1,)), gradient])


def _copy_beside(like: Array, theta: Vector) -> Array:
    """Return theta beside an array, in memory of its own."""
    return bring(namespace(theta).asarray(theta, copy=True), like=like)


def _no_progress() -> NoReturn:
    raise ValueError(
        "callbacks: lbfgs has no progress to write down; go on from its result's state"
    )
