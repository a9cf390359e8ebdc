"""Recipe of the members: the network, the optimizer and the length of training, by the data."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dnn_xp.estimators.tabular.members import Recipe
from dnn_xp.estimators.tabular.parameters import TabularParameters
from dnn_xp.functions.costs import CostSpec
from dnn_xp.layers import Dense, Dropout, Layer, PeriodicEmbedding
from dnn_xp.network import Network
from dnn_xp.training import Callback, adamw, cosine
from dnn_xp.training.settings import Schedule

__all__ = ["make_recipe", "within"]


def make_recipe(
    parameters: TabularParameters,
    *,
    n_columns: int,
    n_numbers: int,
    n_outputs: int,
    n_training: int,
    cost: CostSpec,
    label_smoothing: float = 0.0,
) -> Recipe:
    """Return how members are trained on so many examples.

    Parameters
    ----------
    parameters : TabularParameters
    n_columns, n_numbers : int
        Of the encoded table; how many of them, from the first on, are numbers.
    n_outputs : int
    n_training : int
        Examples that each member trains on.
    cost : str, tuple or Cost
    label_smoothing : float
    """
    sizes = parameters.hidden_layer_sizes
    units = list(sizes) if isinstance(sizes, Iterable) else [sizes]
    layers: list[Layer] = []
    if parameters.periodic and n_numbers:
        layers.append(PeriodicEmbedding(n_numbers))
    for n in units:
        layers.append(Dense(n, parameters.activation, "lecun_normal"))
        if parameters.dropout:
            layers.append(Dropout(parameters.dropout))
    layers.append(Dense(n_outputs, initializer="lecun_normal"))
    network = Network(n_columns, tuple(layers), cost)
    epochs = _epochs(parameters.max_iter, n_training)
    return Recipe(
        network,
        adamw(parameters.learning_rate_init, 0.9, 0.95, weight_decay=parameters.weight_decay),
        epochs,
        _batch_size(parameters.batch_size, n_training),
        cosine(epochs, warm_up=min(3.0, epochs / 20)),
        label_smoothing,
    )


def _batch_size(chosen: int | Literal["auto"], n_training: int) -> int:
    """Return the examples in a step: so few that an epoch has twelve steps or more."""
    size = min(max(n_training // 12, 16), 256) if isinstance(chosen, str) else chosen
    return min(size, n_training)


def _epochs(chosen: int | Literal["auto"], n_training: int) -> int:
    """Return the epochs: fewer, the more steps each of them has."""
    if isinstance(chosen, str):
        return max(24, round(64 * min(1.0, math.sqrt(6400 / n_training))))
    return chosen


@dataclass(frozen=True)
class _Hastened:
    """Schedule of a run that may have to end earlier: as far as its time is over, or its epochs."""

    schedule: Schedule
    epochs: int
    begun: float
    seconds: float

    def __call__(self, epoch: float) -> float:
        part = min((time.monotonic() - self.begun) / self.seconds, 1.0)
        return self.schedule(max(epoch, part * self.epochs))


def within(recipe: Recipe, seconds: float) -> tuple[Recipe, list[Callback]]:
    """Return a recipe that comes to its end in a time, and what ends the run then.

    Parameters
    ----------
    recipe : Recipe
    seconds : float
        From now on.
    """
    from dnn_xp.callbacks.limits import TimeLimit

    schedule = _Hastened(recipe.schedule, recipe.epochs, time.monotonic(), seconds)
    return recipe._replace(schedule=schedule), [TimeLimit(seconds)]
