"""Random draws of scikit-learn, in its order: initial parameters, then shuffles."""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.utils import shuffle

from dnn_xp.estimators.data import HostArray
from dnn_xp.layers import ActivationSpec, Dense
from dnn_xp.network import Network
from dnn_xp.training.batches import Indices

__all__ = ["Shuffles", "draw_theta"]


def draw_theta(
    network: Network, activations: Sequence[ActivationSpec], rng: np.random.RandomState
) -> HostArray:
    """Return initial parameters: scikit-learn's uniform draws for weights and for biases.

    Their range is that of Glorot and Bengio 2010: for the logistic function the one that they
    derive without its slope, for all others as for tanh. Normalizing layers start as the identity.

    Parameters
    ----------
    network : Network
    activations : sequence
        That of each hidden layer. The output is drawn as if it had that of the last.
    rng : RandomState
    """
    theta = network.layout.draw(np.random.RandomState(0))  # what is not drawn here draws nothing
    following = iter([*activations, *activations[-1:]])
    layout = network.layout
    for layer, shape, slots in zip(
        network.layers, layout.layer_shapes[:-1], layout.slots, strict=True
    ):
        if isinstance(layer, Dense):
            logistic = next(following, None) == "sigmoid"
            bound = math.sqrt((2.0 if logistic else 6.0) / (math.prod(shape) + layer.units))
            W = rng.uniform(-bound, bound, (math.prod(shape), layer.units))
            theta[slots["W"].start : slots["W"].stop] = W.T.ravel()
            theta[slots["b"].start : slots["b"].stop] = rng.uniform(-bound, bound, layer.units)
    return theta


class Shuffles:
    """Orders of the examples in each epoch, each shuffled out of the one before.

    Parameters
    ----------
    n_examples : int
    rng : RandomState, optional
        None: they stay in their order.
    first : int
        The first epoch that is shuffled.
    order : ndarray, shape (n_examples,), optional
        What the first shuffle is of. Default: the order that they are in.
    """

    def __init__(
        self,
        n_examples: int,
        rng: np.random.RandomState | None,
        first: int = 0,
        order: HostArray | None = None,
    ) -> None:
        self._order: Indices = np.arange(n_examples) if order is None else order
        self._rng, self._shuffled = rng, first

    def __call__(self, epoch: int) -> Indices:
        """Return the order of an epoch, no earlier one than that of the last call."""
        while self._rng is not None and self._shuffled <= epoch:
            self._order = shuffle(self._order, random_state=self._rng)
            self._shuffled += 1
        return self._order
