"""Networks, examples and training steps, as tables that the tests of recordings go through."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.functions.activations import ACTIVATIONS
from dnn_xp.functions.costs import COSTS
from dnn_xp.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    ParametricActivation,
    PeriodicEmbedding,
)
from dnn_xp.network import Network
from dnn_xp.training.optimizers import OPTIMIZERS
from dnn_xp.training.step import Batch, Data, State, StepConfig, StepScalars, Strengths, step

N_INPUTS, N_OUTPUTS = 3, 6

COST_SPECS: tuple[Any, ...] = (
    *COSTS,
    ("huber", 0.3),
    ("grouped_softmax_cross_entropy", 2, 4),
    ("quantile", 0.1, 0.5, 0.9),
)


def layers_of(activation: Any) -> dict[str, tuple[Any, ...]]:
    """Return each layer between two dense ones, and one after the other."""
    layers = {
        "Dense": (Dense(4, activation),),
        "Activation": (Activation(activation),),
        "ParametricActivation": (ParametricActivation(activation),),
        "Dropout": (Dropout(0.4),),
        "LayerNorm": (LayerNorm(),),
        "BatchNorm": (BatchNorm(),),
        "PeriodicEmbedding": (PeriodicEmbedding(2, 3, 4),),
    }
    return layers | {"all": tuple(one for (one,) in layers.values())}


def network_of(activation: Any, cost: Any, layers: str = "all") -> Network:
    within = layers_of(activation)[layers]
    return Network(N_INPUTS, (Dense(5, activation), *within, Dense(N_OUTPUTS)), cost)


def theta_of(network: Network) -> Any:
    """Return parameters that are nowhere at a special value."""
    rng = np.random.default_rng(1)
    theta = network.layout.draw(rng) + 0.1 * rng.normal(size=network.size)
    statistics = theta[network.layout.n_parameters :]
    statistics[:] = rng.uniform(0.5, 2.0, statistics.size)
    return theta


class ExamplesOf(NamedTuple):
    X: Any
    Y: Any
    dZ: Any


def examples_of(network: Network, m: int) -> ExamplesOf:
    """Return examples with targets that any cost takes."""
    rng = np.random.default_rng(m)
    Y = np.zeros((network.n_targets, m))
    Y[rng.integers(0, network.n_targets, m), np.arange(m)] = 1.0
    return ExamplesOf(rng.normal(size=(N_INPUTS, m)), Y, rng.normal(size=(N_OUTPUTS, m)))


DIAGONAL = [
    (activation, COST_SPECS[i % len(COST_SPECS)]) for i, activation in enumerate(ACTIVATIONS)
]
"""Each activation, and each cost, at least once."""

FEW = [("tanh", "softmax_cross_entropy"), ("elu", ("quantile", 0.1, 0.5, 0.9))]
"""Those that run on every library: on one that compiles each operation, they take their time."""


# ------------------------------------------------------------------ steps


class StepCase(NamedTuple):
    """What a step is configured with, beside a network and an optimizer."""

    config: Mapping[str, Any] = MappingProxyType({})
    strengths: Mapping[str, Any] = MappingProxyType({})
    weights: bool = False
    mixup: bool = False
    indices: bool = False
    ema: bool = False


STEP_CASES = {
    "plain": StepCase(),
    "l2": StepCase(strengths={"l2": 0.01}),
    "l1": StepCase(strengths={"l1": 0.01}),
    "l1 and l2 by batch": StepCase({"penalties_by_batch": True}, {"l1": 0.01, "l2": 0.02}),
    "max norm": StepCase(strengths={"max_norm": 0.5}),
    "clipped values": StepCase(strengths={"clip_value": 0.05}),
    "clipped norm": StepCase(strengths={"clip_norm": 0.5}),
    "noise": StepCase(strengths={"noise": 0.1}),
    "weight decay": StepCase(strengths={"weight_decay": 0.01}),
    "mean of theta": StepCase({"ema": True}, ema=True),
    "weights": StepCase(weights=True),
    "weights by batch": StepCase({"weights_by_batch": True}, weights=True),
    "mixup": StepCase(mixup=True),
    "indices": StepCase(indices=True, weights=True),
    "padded": StepCase({"padded": True}, indices=True),
    "a part": StepCase({"in_parts": True, "gathered": True}),
    "everything": StepCase(
        {"ema": True, "weights_by_batch": True, "penalties_by_batch": True, "padded": True},
        {"l1": 0.01, "l2": 0.02, "max_norm": 2.0, "noise": 0.1, "clip_value": 0.3}
        | {"clip_norm": 2.0, "weight_decay": 0.01},
        weights=True,
        mixup=True,
        indices=True,
        ema=True,
    ),
}


class Step(NamedTuple):
    """A training step, and arguments of it in NumPy's arrays."""

    function: Any
    arguments: tuple[Any, ...]


def step_of(network: Network, optimizer: str, case: StepCase, m: int) -> Step:
    """Return the step of a case for a batch of m examples."""
    rng = np.random.default_rng(2 + m)
    chosen = OPTIMIZERS[optimizer](0.01)
    config = StepConfig(network, chosen, **case.config)
    X, Y, _ = examples_of(network, m)
    theta = theta_of(network)
    memory = chosen.init(theta)
    if memory:  # of steps before
        memory = type(memory)(*(0.1 * rng.uniform(0.5, 1.0, theta.shape) for _ in memory))
    needs_mask = any(case.strengths.get(key) for key in ("l1", "l2", "weight_decay"))
    data = Data(
        X,
        Y,
        rng.uniform(0.5, 1.5, m) if case.weights else None,
        network.layout.weight_mask(like=theta) if needs_mask else None,
        rng.uniform(size=16) if case.mixup else None,
    )
    indices = rng.permutation(m).astype("int32") if case.indices else None
    count = m - 1 if case.config.get("padded") else m
    state = State(theta, memory, theta * 0.9 if case.ema else None, np.asarray(0.5))
    scalars = StepScalars(3, 17, 0.02, Strengths(**case.strengths), 0.9)
    return Step(partial(step, config), (state, data, Batch(indices, count, count), scalars))
