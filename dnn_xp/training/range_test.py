"""Look for a learning rate by a short run in which it grows from step to step (Smith 2017)."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from dnn_xp.arguments import check_number, check_positive, check_whole
from dnn_xp.backends import Array
from dnn_xp.network import Network
from dnn_xp.network.checks import check_examples
from dnn_xp.svg import line_chart
from dnn_xp.training.loop import train
from dnn_xp.training.moments import Callback
from dnn_xp.training.optimizers import Optimizer, sgd
from dnn_xp.training.result import Ending, TrainingResult
from dnn_xp.training.run import Run
from dnn_xp.training.settings import check_optimizer

__all__ = ["RangeTest", "learning_rate_range_test"]


class RangeTest(NamedTuple):
    """Result of a range test: the cost as the learning rate grew.

    Attributes
    ----------
    learning_rates : list of float
        Of each step, growing geometrically.
    costs : list of float
        The mean cost of each step's batch, before the step; finite.
    smoothed : list of float
        Running means of the costs, over about a tenth of the steps.
    proposed : float
        A tenth of the learning rate at which the smoothed cost was lowest.
    """

    learning_rates: list[float]
    costs: list[float]
    smoothed: list[float]
    proposed: float

    def __repr__(self) -> str:
        """Return one line: what is proposed, and of how many rates."""
        rates = self.learning_rates
        ends = f" from {rates[0]:.3g} to {rates[-1]:.3g}" if rates else ""
        return f"RangeTest(proposed {self.proposed:.3g}, {len(rates)} learning rates{ends})"

    def _repr_html_(self) -> str:
        """Return what is proposed and the smoothed costs, for a notebook."""
        # What blew up would leave no room for the rest.
        most = 2.0 * max(self.smoothed[:1], default=math.inf)
        costs = [cost if cost <= most else math.nan for cost in self.smoothed]
        chart = line_chart(
            {"smoothed cost": costs}, self.learning_rates, x_name="learning rate", x_is_log=True
        )
        return f"<div><p><b>RangeTest</b>: proposed {self.proposed:.3g}</p>{chart}</div>"


def learning_rate_range_test(
    network: Network,
    X: Array,
    Y: Array,
    theta: Array | None = None,
    *,
    optimizer: Optimizer | None = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    batch_size: int | None = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> RangeTest:
    """Train for some steps, each with a larger learning rate, until the cost blows up.

    Parameters
    ----------
    network : Network
    X : array of floats, shape (n_inputs, m)
    Y : array, shape (n_targets, m)
    theta : array, shape (size,), optional
        Where to start; it is not changed. Default: ``network.initialize(seed, like=X)``.
    optimizer : Optimizer, optional
        Its own learning rate does not matter. Default: `sgd`.
    lowest, highest : float
        The first learning rate and, unless the run ends before, the last.
    steps : int
        From 3 on; so many that each learning rate is less than twice the one before.
    batch_size : int, optional
        As it will be in training, for small batches want small rates. Default: all examples.
    seed : int
        Of initialization, shuffles and draws.
    callbacks : sequence of Callback
        Told of the steps, as in `train`.
    **options
        What else of `train` a step depends on: ``weights``, ``regularization``, ``clip_norm``.

    Returns
    -------
    RangeTest

    Raises
    ------
    ValueError
        Where an argument makes no sense, or the cost never fell.

    Notes
    -----
    The run ends when the smoothed cost is above that of the first step and above four times its
    lowest, or is no longer finite. The rate at its lowest is nearly too large already, so a tenth
    of it is proposed. The rate of steepest descent, which Smith reads off the curve, is often a
    little better, but with minibatches it may be where chance, not descent, made the cost fall.
    A smoothed cost that is lowest at the end of the list asks for a larger `highest`.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp import Dense, Network, sgd, train
    >>> X = np.asarray([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    >>> Y = np.asarray([[0.0, 1.0, 1.0, 0.0]])
    >>> network = Network(2, (Dense(8, "tanh"), Dense(1)), cost="sigmoid_cross_entropy")
    >>> found = learning_rate_range_test(network, X, Y, highest=1000.0)
    >>> 0.1 < found.proposed < 10.0
    True
    """
    lowest = check_positive("lowest", lowest)
    highest = check_number("highest", highest, lambda x: x > lowest, f"a number above {lowest}")
    steps = check_whole("steps", steps, 3)
    if batch_size is not None:
        batch_size = check_whole("batch_size", batch_size, 1)
    check_examples(network, X, Y)
    n_examples = X.shape[1]
    batch_size = min(batch_size or n_examples, n_examples)
    n_batches = -(-n_examples // batch_size)

    def learning_rate(epoch: float) -> float:
        return float(lowest * (highest / lowest) ** (epoch * n_batches / (steps - 1)))

    chosen = sgd(1.0) if optimizer is None else check_optimizer(optimizer)
    watch = _Watch(steps, batch_size, n_examples)
    train(
        network,
        X,
        Y,
        theta,
        optimizer=chosen._replace(learning_rate=1.0),
        epochs=-(-steps // n_batches),
        batch_size=batch_size,
        seed=seed,
        schedule=learning_rate,
        callbacks=[watch, *callbacks],
        **options,
    )
    rates = [learning_rate(step / n_batches) for step in range(len(watch.costs))]
    best = min(range(len(rates)), key=watch.smoothed.__getitem__, default=0)
    if best == 0:
        raise ValueError(
            f"lowest: found {lowest!r}, at which the cost already does not fall; expected a smaller"
            " learning rate, scaled data, or a network that is not yet trained"
        )
    return RangeTest(rates, watch.costs, watch.smoothed, 0.1 * rates[best])


class _Watch(Callback):
    """Keep the cost of each step, and end the run in time."""

    def __init__(self, steps: int, batch_size: int, n_examples: int) -> None:
        self._steps, self._batch_size, self._n_examples = steps, batch_size, n_examples
        self._stays = max(0.0, 1.0 - 10.0 / steps)
        self._total = self._mean = 0.0
        self.costs: list[float] = []
        self.smoothed: list[float] = []

    def step(self, run: Run) -> str | None:
        """Compare the cost with those before."""
        batch, total = run.batch, float(run.state.total)
        count = min(self._batch_size, self._n_examples - (batch - 1) * self._batch_size)
        cost = (total - (self._total if batch > 1 else 0.0)) / count
        self._total = total
        self._mean = self._stays * self._mean + (1.0 - self._stays) * cost
        # Without the zero that the mean began at (Kingma and Ba 2015, section 3).
        smoothed = self._mean / (1.0 - self._stays ** (len(self.costs) + 1))
        if not math.isfinite(smoothed):
            return "the cost is no longer finite"
        self.costs.append(cost)
        self.smoothed.append(smoothed)
        if smoothed > max(self.smoothed[0], 4.0 * min(self.smoothed)):
            return "the cost blew up"
        return "all steps are done" if len(self.costs) == self._steps else None

    def end(self, result: TrainingResult) -> TrainingResult:
        """Let nobody be warned of a divergence: the run goes as far as it can."""
        return result._replace(ending=Ending.STOPPED)
