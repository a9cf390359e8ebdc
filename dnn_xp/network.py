"""A network: layers, a cost, and one vector that holds all parameters.

Columns are examples: X is (n_inputs, m) and Y is (n_outputs, m). Costs and gradients are *sums*
over examples, so that a batch, a part of a batch and a block on another machine add up.

May import `functions` and `layers`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import (
    Array,
    bring,
    current_backend,
    default_dtype,
    device,
    from_host,
    namespace,
)
from dnn_xp.functions.costs import Cost, find_cost
from dnn_xp.functions.counters import Draws, make_draws
from dnn_xp.functions.initializers import Generator
from dnn_xp.layers import Arrays, Dropout, Layer, Training

__all__ = ["Network", "Sums"]


class Sums(NamedTuple):
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


class _Slot(NamedTuple):
    """Where in theta a parameter lies."""

    start: int
    stop: int
    shape: tuple[int, int]


@dataclass(frozen=True)
class Network:
    """A feed-forward network: a frozen, hashable description that holds no arrays.

    Parameters
    ----------
    n_inputs : int
        Rows of X.
    layers : tuple of Layer
        `Dense`, `Activation`, `Dropout`, `LayerNorm`, `BatchNorm`. The last layer gives the
        logits: the cost brings its own output function (sigmoid, softmax, exp).
    cost : str, (str, float) or functions.Cost
        ``"sigmoid_cross_entropy"`` (two classes, or several labels), ``"softmax_cross_entropy"``
        (many classes), ``"squared_error"``, ``"absolute_error"``, ``("huber", delta)``,
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

    n_inputs: int
    layers: tuple[Layer, ...]
    cost: str | tuple[str, float] | Cost

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

    # ------------------------------------------------------------------ the vector theta

    @cached_property
    def _widths(self) -> tuple[int, ...]:
        """Return the rows of A before each layer, and after the last."""
        widths = [self.n_inputs]
        for layer in self.layers:
            widths.append(layer.n_outputs(widths[-1]))
        return tuple(widths)

    def _with_widths(self) -> Iterator[tuple[Layer, int]]:
        """Return each layer with the number of its inputs."""
        return zip(self.layers, self._widths[:-1], strict=True)

    @cached_property
    def _slots(self) -> tuple[dict[str, _Slot], ...]:
        """Return, for each layer, where its parameters and then its statistics lie."""
        slots: list[dict[str, _Slot]] = [{} for _ in self.layers]
        stop = 0
        parameters, statistics = (
            [getattr(layer, shapes)(width) for layer, width in self._with_widths()]
            for shapes in ("parameter_shapes", "statistic_shapes")
        )
        for of_layer, shapes in zip(slots * 2, parameters + statistics, strict=True):
            for key, shape in shapes.items():
                start, stop = stop, stop + math.prod(shape)
                of_layer[key] = _Slot(start, stop, shape)
        return tuple(slots)

    @cached_property
    def _named_slots(self) -> dict[str, _Slot]:
        named = {
            f"{key}{place}": slot
            for place, slots in enumerate(self._slots, 1)
            for key, slot in slots.items()
        }
        return dict(sorted(named.items(), key=lambda item: item[1].start))

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """The shape of every parameter and statistic, in the order in which theta holds them."""
        return {name: slot.shape for name, slot in self._named_slots.items()}

    @property
    def n_outputs(self) -> int:
        """Rows of Y."""
        return self._widths[-1]

    @cached_property
    def size(self) -> int:
        """Elements of theta."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @cached_property
    def n_parameters(self) -> int:
        """Elements of theta that gradient descent changes; the statistics follow them."""
        return sum(
            math.prod(shape)
            for layer, width in self._with_widths()
            for shape in layer.parameter_shapes(width).values()
        )

    @property
    def has_dropout(self) -> bool:
        """Whether training makes draws."""
        return any(isinstance(layer, Dropout) for layer in self.layers)

    def unpack(self, theta: Array) -> Arrays:
        """Return the parameters by name, as views of theta where the library has views.

        Parameters
        ----------
        theta : array, shape (size,)
        """
        self._check_theta(theta)
        xp = namespace(theta)
        return {
            name: xp.reshape(theta[start:stop], shape)
            for name, (start, stop, shape) in self._named_slots.items()
        }

    def pack(self, parameters: Arrays) -> Array:
        """Return the vector that holds the parameters given by name.

        Parameters
        ----------
        parameters : dict of str to array
            With the names and shapes of `shapes`.

        Raises
        ------
        ValueError
            Naming what is missing, unknown or of another shape.
        """
        if parameters.keys() != self.shapes.keys():
            raise ValueError(
                f"parameters: found {sorted(parameters)}, expected {sorted(self.shapes)}"
            )
        for name, shape in self.shapes.items():
            if tuple(parameters[name].shape) != shape:
                raise ValueError(
                    f"parameters: {name} of {self._describe(name)} has shape "
                    f"{tuple(parameters[name].shape)}, expected {shape}"
                )
        xp = namespace(*parameters.values())
        return xp.concat([xp.reshape(parameters[name], (-1,)) for name in self.shapes])

    def weight_mask(self, *, like: Array) -> Array:
        """Return 1 where theta holds a weight (W) and 0 elsewhere: what decays, and what not.

        Parameters
        ----------
        like : array
            The result gets its library, device and dtype.

        Returns
        -------
        array, shape (size,)
        """
        mask = np.zeros(self.size)
        for slots in self._slots:
            if "W" in slots:
                mask[slots["W"].start : slots["W"].stop] = 1.0
        return bring(mask, like=like)

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
        drawn = [layer.initialize(width, rng) for layer, width in self._with_widths()]
        theta = np.empty(self.size)
        for values, slots in zip(drawn, self._slots, strict=True):
            for key, (start, stop, _) in slots.items():
                theta[start:stop] = values[key].ravel()
        if like is None:
            return from_host(theta, dtype=dtype or default_dtype(current_backend()))
        _check_floating("like", like)
        chosen = like.dtype if dtype is None else getattr(namespace(like), dtype)
        return bring(theta, like=like, dtype=chosen)

    # ------------------------------------------------------------------ forward and backward

    def forward(self, theta: Array, X: Array) -> Array:
        """Return the logits: what the last layer gives, before the cost's output function.

        Parameters
        ----------
        theta : array, shape (size,)
        X : array, shape (n_inputs, m)

        Returns
        -------
        array, shape (n_outputs, m)
        """
        self._check(theta, X)
        xp = namespace(theta, X)
        return self._forward(theta, X, None, xp)[0]

    def predict(self, theta: Array, X: Array) -> Array:
        """Return the network's outputs: probabilities, or values.

        Parameters
        ----------
        theta : array, shape (size,)
        X : array, shape (n_inputs, m)

        Returns
        -------
        array, shape (n_outputs, m)
        """
        return find_cost(self.cost).output(self.forward(theta, X))

    def evaluate_cost(
        self, theta: Array, X: Array, Y: Array, weights: Array | None = None
    ) -> Array:
        """Return the mean cost of the network as it predicts: no draws, running statistics.

        Parameters
        ----------
        theta : array, shape (size,)
        X : array, shape (n_inputs, m)
        Y : array, shape (n_outputs, m)
        weights : array, shape (m,), optional

        Returns
        -------
        array, shape ()
        """
        Y, weights = self._check(theta, X, Y, weights)
        xp = namespace(theta, X)
        Z, _ = self._forward(theta, X, None, xp)
        cost = find_cost(self.cost)
        costs = cost.by_Z(Z, Y, *cost.parameters, xp=xp)
        if weights is None:
            return xp.mean(costs)
        return xp.sum(costs * weights) / xp.sum(weights)

    def cost_and_gradient(
        self,
        theta: Array,
        X: Array,
        Y: Array,
        weights: Array | None = None,
        *,
        seed: int = 0,
        step: int = 0,
    ) -> Sums:
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
        Sums

        Raises
        ------
        ValueError
            Where shapes do not fit: the layer, what came and what was expected.
        """
        Y, weights = self._check(theta, X, Y, weights)
        xp = namespace(theta, X)
        draws = None
        if self.has_dropout:
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
    ) -> Sums:
        """Return `cost_and_gradient` of arguments that have been checked: the step of a loop."""
        training = Training(draws, weights)
        Z, caches = self._forward(theta, X, training, xp)
        cost = find_cost(self.cost)
        costs = cost.by_Z(Z, Y, *cost.parameters, xp=xp)
        dA = cost.back_by_Z(Z, Y, *cost.parameters, xp=xp)
        if weights is not None:
            costs, dA = costs * weights, dA * weights

        gradients: list[Arrays] = [{} for _ in self.layers]
        first = next((i for i, slots in enumerate(self._slots) if slots), len(self.layers))
        for i in range(len(self.layers) - 1, first - 1, -1):
            dA, gradients[i] = self.layers[i].backward(dA, caches[i], i > first, xp)

        flat = [
            xp.reshape(of_layer[key], (-1,))
            for of_layer, slots in zip(gradients, self._slots, strict=True)
            for key in slots
            if key in of_layer
        ]
        statistics = None
        if self.size > self.n_parameters:
            flat.append(xp.zeros_like(theta[self.n_parameters :]))
            gathered = [
                xp.reshape(value, (-1,))
                for layer, cache in zip(self.layers, caches, strict=True)
                for value in layer.statistics(cache).values()
            ]
            statistics = xp.concat(gathered)
        return Sums(xp.sum(costs), xp.concat(flat), statistics)

    def update_statistics(self, theta: Array, statistics: Array | None, *, xp: Any = None) -> Array:
        """Return theta with its running statistics moved towards those of a batch.

        Parameters
        ----------
        theta : array, shape (size,)
        statistics : array or None
            As `cost_and_gradient` returns them.
        """
        if statistics is None:
            return theta
        xp = xp or namespace(theta)
        n, parts = self.n_parameters, [theta[: self.n_parameters]]
        for (layer, width), slots in zip(self._with_widths(), self._slots, strict=True):
            for key in layer.statistic_shapes(width):
                start, stop, _ = slots[key]
                batch = statistics[start - n : stop - n]
                parts.append(layer.updated_statistics(theta[start:stop], batch))
        return xp.concat(parts)

    def limit_norms(self, theta: Array, limit: float, *, xp: Any = None) -> Array:
        """Return theta with the weights of each unit shortened to a norm of limit.

        Parameters
        ----------
        theta : array, shape (size,)
        limit : float
            Longer rows of W are shortened (Srivastava et al. 2014, section 5.1).
        """
        xp = xp or namespace(theta)
        parts = []
        for name, (start, stop, shape) in self._named_slots.items():
            part = theta[start:stop]
            if name.startswith("W"):
                W = xp.reshape(part, shape)
                norms = xp.sqrt(xp.sum(W * W, axis=1, keepdims=True))
                part = xp.reshape(W * (limit / xp.maximum(norms, limit)), (-1,))
            parts.append(part)
        return xp.concat(parts)

    def _forward(
        self, theta: Array, X: Array, training: Training | None, xp: Any
    ) -> tuple[Array, list[Any]]:
        A, caches = X, []
        for place, (layer, slots) in enumerate(zip(self.layers, self._slots, strict=True), 1):
            parameters = {
                key: xp.reshape(theta[start:stop], shape)
                for key, (start, stop, shape) in slots.items()
            }
            A, cache = layer.forward(A, parameters, training, place, xp)
            caches.append(cache)
        return A, caches

    # ------------------------------------------------------------------ the door

    def check_data(
        self, X: Array, Y: Array | None = None, weights: Array | None = None
    ) -> tuple[Array, Array | None]:
        """See that data fit the network, and bring Y and the weights to X's side.

        Parameters
        ----------
        X : array of floats, shape (n_inputs, m)
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
        _check_floating("X", X)
        shape = tuple(X.shape)
        if len(shape) != 2 or shape[0] != self.n_inputs:
            raise ValueError(
                f"{self._describe('1')}: X has shape {shape}, expected ({self.n_inputs}, m); "
                "columns are examples"
            )
        if math.isnan(shape[1] or 0):
            raise ValueError(
                "X: found an unknown number of examples; compute its chunk sizes first"
            )
        if Y is not None:
            Y = bring(Y, like=X)
            if tuple(Y.shape) != (self.n_outputs, shape[1]):
                raise ValueError(
                    f"{self._describe(str(len(self.layers)))}: Y has shape {tuple(Y.shape)}, "
                    f"expected {(self.n_outputs, shape[1])} as X has {shape[1]} examples"
                )
        if weights is not None:
            weights = bring(weights, like=X)
            if tuple(weights.shape) != (shape[1],):
                raise ValueError(
                    f"weights: found shape {tuple(weights.shape)}, expected {(shape[1],)}"
                )
        return Y, weights

    def _check(
        self, theta: Array, X: Array, Y: Array | None = None, weights: Array | None = None
    ) -> tuple[Any, Any]:
        self._check_theta(theta)
        return self.check_data(X, Y, weights)

    def _check_theta(self, theta: Array) -> None:
        if tuple(theta.shape) != (self.size,):
            raise ValueError(
                f"theta: found shape {tuple(theta.shape)}, expected {(self.size,)} for "
                f"{len(self.layers)} layers from {self.n_inputs} inputs"
            )

    def _describe(self, name: str) -> str:
        """Return words for the layer whose place ends the name."""
        place = int("".join(filter(str.isdigit, name)))
        return f"layer {place}, {self.layers[place - 1]}"


def _check_floating(argument: str, x: Array) -> None:
    if not namespace(x).isdtype(x.dtype, "real floating"):
        raise ValueError(
            f"{argument}: found dtype {x.dtype}, expected a floating one; scale pictures first"
        )
