"""A network: layers, a cost, and one vector that holds all parameters.

Columns are examples: X is (n_inputs, m) and Y is (n_outputs, m). Costs and gradients are *sums*
over examples, so that a batch, a part of a batch and a block on another machine add up.

May import `functions` and `layers`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import (
    Array,
    bring,
    column_sums,
    current_backend,
    default_dtype,
    device,
    dtype_name,
    from_host,
    namespace,
)
from dnn_xp.data.sources import Source, read_examples, reference_array
from dnn_xp.functions.costs import CostSpec, find_cost
from dnn_xp.functions.counters import Draws, make_draws
from dnn_xp.functions.initializers import Generator
from dnn_xp.layers import Arrays, Dropout, Layer, Training
from dnn_xp.network.layout import Layout, Workspace

__all__ = ["Network", "CostAndGradient"]


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
    gradient: Array
    statistics: Array | None


@dataclass(frozen=True)
class Network(Layout):
    """A feed-forward network: a frozen, hashable description that holds no arrays.

    Parameters
    ----------
    n_inputs : int
        Rows of X.
    layers : tuple of Layer
        `Dense`, `Activation`, `Dropout`, `LayerNorm`, `BatchNorm`. The last layer gives the
        logits: the cost brings its own output function (sigmoid, softmax, exp).
    cost : str, tuple or functions.Cost
        ``"sigmoid_cross_entropy"`` (two classes, or several labels), ``"softmax_cross_entropy"``
        (many classes), ``("grouped_softmax_cross_entropy", 3, 4)`` (several choices, among so
        many classes), ``"squared_error"``, ``"absolute_error"``, ``("huber", delta)``,
        ``("quantile", q)`` or ``"poisson"``.

    Notes
    -----
    Parameters are named by the place of their layer, from 1: ``W1``, ``b1``, ``gamma2``. They lie
    in the vector theta in that order; the running statistics of `BatchNorm` follow at its end.

    Examples
    --------
    >>> from dnn_xp import Dense, Network
    >>> network = Network(4, (Dense(3, "relu"), Dense(1)), cost="sigmoid_cross_entropy")
    >>> network.shapes
    {'W1': (3, 4), 'b1': (3, 1), 'W2': (1, 3), 'b2': (1, 1)}
    >>> network.size
    19
    """

    cost: CostSpec

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if isinstance(self.cost, list):
            object.__setattr__(self, "cost", tuple(self.cost))
        if self.n_inputs < 1:
            raise ValueError(
                f"n_inputs: found {self.n_inputs!r}, expected a whole number from 1 on"
            )
        if not self.layers:
            raise ValueError("layers: found none, expected at least one")
        for place, layer in enumerate(self.layers, 1):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers: found {layer!r} at place {place}, expected a Layer")
        output = find_cost(self.cost).output.__name__
        activation = getattr(self.layers[-1], "activation", "identity")
        if output != "identity" and activation != "identity":
            raise ValueError(
                f"layers: the last one applies {activation!r}, but cost {self.cost!r} takes "
                f"logits and applies {output!r} itself; leave the last layer linear"
            )

    @cached_property
    def is_random(self) -> bool:
        """Whether training makes draws."""
        return any(isinstance(layer, Dropout) for layer in self.layers)

    def initialize(
        self, seed: int | Generator = 0, *, like: Array | None = None, dtype: str | None = None
    ) -> Array:
        """Draw initial parameters.

        Parameters
        ----------
        seed : int or NumPy generator
            The same seed means the same values on every library, rounded to its dtype.
        like : array, optional
            Usually X: theta gets its library, device and dtype. Default: the current backend.
        dtype : str, optional
            Such as ``"float32"``. Default: that of `like`, else the library's own.

        Returns
        -------
        array, shape (size,)
        """
        rng = np.random.default_rng(seed) if isinstance(seed, int | np.integer) else seed
        theta = self.draw(rng)
        if like is None:
            _, xp, where = current_backend()
            return from_host(theta, dtype=dtype or dtype_name(default_dtype(xp, device=where)))
        _check_floating("like", like)
        chosen = like.dtype if dtype is None else getattr(namespace(like), dtype)
        return bring(theta, like=like, dtype=chosen)

    # ------------------------------------------------------------------ forward and backward

    def forward(self, theta: Array, X: Array | Source, *, batch_size: int | None = None) -> Array:
        """Return the logits: what the last layer gives, before the cost's output function.

        Parameters
        ----------
        theta : array, shape (size,)
        X : array or Source, shape (n_inputs, m)
        batch_size : int, optional
            How many examples are read and go through the layers at a time. Default: all of them.

        Returns
        -------
        array, shape (n_outputs, m)
        """
        self._check(theta, X)
        xp = namespace(theta, reference_array(X))
        return self.trusted_forward(self.views(theta, xp), X, xp, batch_size=batch_size)

    def trusted_forward(
        self,
        parameters: list[Arrays],
        X: Array | Source,
        xp: Any,
        *,
        batch_size: int | None = None,
    ) -> Array:
        """Return `forward` of arguments that have been checked, given each layer's parameters.

        Parameters
        ----------
        parameters : list of dict
            By layer and key, as `views` returns them.
        X, batch_size
            As in `forward`.
        xp : namespace
        """
        parts = [
            self._forward(parameters, part, None, xp)[0] for part, _ in _parts(X, batch_size, xp)
        ]
        return parts[0] if len(parts) == 1 else xp.concat(parts, axis=1)

    def predict(self, theta: Array, X: Array | Source, *, batch_size: int | None = None) -> Array:
        """Return the network's outputs: probabilities, or values.

        Parameters
        ----------
        theta, X, batch_size
            As in `forward`.

        Returns
        -------
        array, shape (n_outputs, m)
        """
        return find_cost(self.cost).output(self.forward(theta, X, batch_size=batch_size))

    def evaluate_cost(
        self,
        theta: Array,
        X: Array | Source,
        Y: Array,
        weights: Array | None = None,
        *,
        batch_size: int | None = None,
    ) -> Array:
        """Return the mean cost of the network as it predicts: no draws, running statistics.

        Parameters
        ----------
        theta, X, batch_size
            As in `forward`.
        Y : array, shape (n_outputs, m)
        weights : array, shape (m,), optional

        Returns
        -------
        array, shape ()
        """
        Y, weights = self._check(theta, X, Y, weights)
        return self.mean_cost(self.forward(theta, X, batch_size=batch_size), Y, weights)

    def mean_cost(self, Z: Array, Y: Array, weights: Array | None = None) -> Array:
        """Return the mean cost of logits.

        Parameters
        ----------
        Z, Y : array, shape (n_outputs, m)
        weights : array, shape (m,), optional
        """
        xp, cost = namespace(Z), find_cost(self.cost)
        costs = cost.by_Z(Z, Y, *cost.parameters, xp=xp)
        if weights is None:
            return xp.mean(costs)
        return xp.sum(costs * weights) / xp.sum(weights)

    def input_gradient(
        self,
        theta: Array,
        X: Array | Source,
        output: int | Array,
        *,
        batch_size: int | None = None,
    ) -> Array:
        """Return the derivative of a logit with respect to X: what it looks at (a saliency map).

        It is that of the network as it predicts: no draws, running statistics.

        Parameters
        ----------
        theta, X, batch_size
            As in `forward`.
        output : int or array, shape (n_outputs, m)
            The row of the logit; or, for each example, how much of each logit is in the sum whose
            derivative is returned.

        Returns
        -------
        array, shape (n_inputs, m)

        Examples
        --------
        >>> import numpy as np
        >>> from dnn_xp import Dense, Network
        >>> network = Network(2, (Dense(1),), cost="sigmoid_cross_entropy")
        >>> theta, X = np.asarray([3.0, -1.0, 5.0]), np.asarray([[1.0, 0.0], [2.0, 4.0]])
        >>> network.input_gradient(theta, X, 0).tolist()
        [[3.0, 3.0], [-1.0, -1.0]]
        """
        self._check(theta, X)
        xp, shares = namespace(theta, reference_array(X)), self._shares(X, output)
        return self.trusted_input_gradient(
            self.views(theta, xp), X, shares, xp, batch_size=batch_size
        )

    def _shares(self, X: Array | Source, output: int | Array) -> Array:
        """Return how much of each logit counts: all of one, or what is given."""
        like, shape = reference_array(X), (self.n_outputs, X.shape[1])
        xp = namespace(like)
        if isinstance(output, Integral):
            row = int(output)
            if not 0 <= row < self.n_outputs:
                raise ValueError(
                    f"output: found {row}, expected a row from 0 to {self.n_outputs - 1}"
                )
            rows = xp.arange(self.n_outputs, dtype=like.dtype, device=device(like))
            marked = xp.astype(rows == row, like.dtype)
            return xp.broadcast_to(xp.reshape(marked, (-1, 1)), shape)
        shares = bring(output, like=like)
        if tuple(shares.shape) != shape:
            raise ValueError(f"output: found shape {tuple(shares.shape)}, expected {shape}")
        return shares

    def trusted_input_gradient(
        self,
        parameters: list[Arrays],
        X: Array | Source,
        shares: Array,
        xp: Any,
        *,
        batch_size: int | None = None,
    ) -> Array:
        """Return `input_gradient` of arguments that have been checked.

        Parameters
        ----------
        parameters, X, xp, batch_size
            As in `trusted_forward`.
        shares : array, shape (n_outputs, m)
        """
        parts = []
        for part, which in _parts(X, batch_size, xp):
            _, caches = self._forward(parameters, part, None, xp)
            dA: Any = shares[:, which]
            for layer, cache in zip(reversed(self.layers), reversed(caches), strict=True):
                dA, _ = layer.backward(dA, cache, True, xp)
            parts.append(dA)
        return parts[0] if len(parts) == 1 else xp.concat(parts, axis=1)

    def cost_and_gradient(
        self,
        theta: Array,
        X: Array,
        Y: Array,
        weights: Array | None = None,
        *,
        seed: int = 0,
        step: int = 0,
    ) -> CostAndGradient:
        """Return the cost in training and its gradient, summed over examples.

        Parameters
        ----------
        theta : array, shape (size,)
        X : array, shape (n_inputs, m)
        Y : array, shape (n_outputs, m)
        weights : array, shape (m,), optional
            Of each example. Default: 1.
        seed, step : int
            Where in a run the dropout masks are drawn; the same pair gives the same masks.

        Returns
        -------
        CostAndGradient

        Raises
        ------
        ValueError
            Where shapes do not fit: the layer, what came and what was expected.
        """
        Y, weights = self._check(theta, X, Y, weights)
        xp = namespace(theta, X)
        draws = None
        if self.is_random:
            examples = xp.arange(X.shape[1], dtype=xp.int32, device=device(X))
            draws = make_draws(seed, step, examples, xp=xp)
        return self.trusted_cost_and_gradient(theta, X, Y, weights, draws, xp)

    def trusted_cost_and_gradient(
        self,
        theta: Array,
        X: Array,
        Y: Array,
        weights: Array | None,
        draws: Draws | None,
        xp: Any,
        *,
        divisor: Any = None,
        workspace: Workspace | None = None,
    ) -> CostAndGradient:
        """Return `cost_and_gradient` of arguments that have been checked: the step of a loop.

        Parameters
        ----------
        theta, X, Y, weights : array
            Of one library and dtype, on one device.
        draws : Draws or None
        xp : namespace
        divisor : number, optional
            What the gradient, but not the cost, is divided by.
        workspace : Workspace, optional
            Of this theta; the gradient is then the workspace's and changes with the next call.
        """
        parameters = self.views(theta, xp) if workspace is None else workspace.parameters
        Z, caches = self._forward(parameters, X, Training(draws, weights), xp)
        costs, dA = find_cost(self.cost).with_derivative(Z, Y, xp=xp)
        if weights is not None:
            costs, dA = costs * weights, dA * weights
        if divisor is not None:
            dA = dA / divisor

        gradients: list[Arrays] = [{} for _ in self.layers]
        into = gradients if workspace is None else workspace.gradients
        for i in range(len(self.layers) - 1, self._first - 1, -1):
            dA, gradients[i] = self.layers[i].backward(
                dA, caches[i], i > self._first, xp, None if workspace is None else into[i]
            )

        statistics = None
        if self.has_statistics:
            gathered = [
                xp.reshape(value, (-1,))
                for layer, cache in zip(self.layers, caches, strict=True)
                for value in layer.statistics(cache).values()
            ]
            statistics = xp.concat(gathered)
        if workspace is None:
            return CostAndGradient(
                column_sums(costs, xp=xp), self.join(gradients, theta, xp), statistics
            )
        for of_layer, views in zip(gradients, into, strict=True):
            for key, value in of_layer.items():
                if value is not views[key]:  # else it was written there
                    views[key][...] = value
        return CostAndGradient(column_sums(costs, xp=xp), workspace.gradient, statistics)

    def no_gradient(self, theta: Array, xp: Any) -> CostAndGradient:
        """Return the cost and the gradient of no examples, which add nothing to those of others."""
        zeros = xp.zeros_like(theta)
        return CostAndGradient(
            zeros[0], zeros, zeros[self.n_parameters :] if self.has_statistics else None
        )

    @cached_property
    def _first(self) -> int:
        """Where the first layer with parameters stands: below it no gradient is needed."""
        return next((i for i, slots in enumerate(self.slots) if slots), len(self.layers))

    def _forward(
        self, parameters: list[Arrays], X: Array, training: Training | None, xp: Any
    ) -> tuple[Array, list[Any]]:
        A, caches = X, []
        for place, (layer, of_layer) in enumerate(zip(self.layers, parameters, strict=True), 1):
            A, cache = layer.forward(A, of_layer, training, place, xp)
            caches.append(cache)
        return A, caches

    # ------------------------------------------------------------------ the door

    def check_data(
        self, X: Array | Source, Y: Array | None = None, weights: Array | None = None
    ) -> tuple[Array, Array | None]:
        """See that data fit the network, and bring Y and the weights to X's side.

        Parameters
        ----------
        X : array of floats or Source, shape (n_inputs, m)
        Y : array, shape (n_outputs, m), optional
        weights : array, shape (m,), optional

        Returns
        -------
        Y, weights : array or None
            In X's library, dtype and device.

        Raises
        ------
        ValueError
            Naming the layer, what came and what was expected.
        """
        like = reference_array(X)
        _check_floating("X", like)
        shape = tuple(X.shape)
        if len(shape) != 2 or shape[0] != self.n_inputs:
            raise ValueError(
                f"{self.describe(1)}: X has shape {shape}, expected ({self.n_inputs}, m); "
                "columns are examples"
            )
        if math.isnan(shape[1] or 0):
            raise ValueError(
                "X: found an unknown number of examples; compute its chunk sizes first"
            )
        if Y is not None:
            if shape[1] == 0:
                raise ValueError("X: found no examples, expected at least one")
            Y = bring(Y, like=like)
            if tuple(Y.shape) != (self.n_outputs, shape[1]):
                raise ValueError(
                    f"{self.describe(len(self.layers))}: Y has shape {tuple(Y.shape)}, "
                    f"expected {(self.n_outputs, shape[1])} as X has {shape[1]} examples"
                )
        if weights is not None:
            weights = bring(weights, like=like)
            if tuple(weights.shape) != (shape[1],):
                raise ValueError(
                    f"weights: found shape {tuple(weights.shape)}, expected {(shape[1],)}"
                )
        return Y, weights

    def _check(
        self, theta: Array, X: Array | Source, Y: Array | None = None, weights: Array | None = None
    ) -> tuple[Any, Any]:
        self.check_theta(theta)
        return self.check_data(X, Y, weights)


def _parts(X: Array | Source, batch_size: int | None, xp: Any) -> Iterator[tuple[Array, slice]]:
    """Yield the examples, some at a time, and where they are."""
    m = X.shape[1]
    size = batch_size or m
    if size >= m and not isinstance(X, Source):
        yield X, slice(0, m)
        return
    for start in range(0, m, size):
        which = slice(start, min(start + size, m))
        yield read_examples(X, which, xp=xp), which


def _check_floating(argument: str, x: Array) -> None:
    if not namespace(x).isdtype(x.dtype, "real floating"):
        raise ValueError(
            f"{argument}: found dtype {x.dtype}, expected a floating one; scale pictures first"
        )
