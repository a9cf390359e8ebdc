"""Layout of theta: where the parameters of layers lie in a network's vector.

One vector holds all of them, so that an optimizer is a function of one array, a norm is one
number and a checkpoint is one data set. The trained parameters come first, layer by layer, then
the statistics that are only gathered. Parameters are named by the place of their layer, from 1:
``W1``, ``b1``, ``gamma2``.

Everything here takes theta of shape (size,), or (k, size): that of k networks.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import Array, Namespace, Vector, asarray_like, namespace, reshaped, set_at
from dnn_xp.functions.counters import Key, fold
from dnn_xp.functions.initializers import Generator
from dnn_xp.layers import Arrays, Context, Layer, Shape

__all__ = ["Layout", "Slot", "Workspace"]


class Slot(NamedTuple):
    """Place of a parameter in theta."""

    start: int
    stop: int
    shape: Shape


class Workspace(NamedTuple):
    """Views made once for all steps that change theta in place.

    Attributes
    ----------
    parameters : list of dict
        Views of theta, by layer and key.
    gradient : array, shape (size,)
        Where each step writes its gradient.
    gradients : list of dict
        Views of the gradient.
    contexts : list of Context
        Of each layer in training, with these views, where there are neither weights nor keys.
    xp : namespace
        Of these arrays.
    """

    parameters: list[Arrays]
    gradient: Array
    gradients: list[Arrays]
    contexts: list[Context]
    xp: Namespace


@dataclass(frozen=True)
class Layout:
    """The places of the parameters of layers that follow one another.

    Parameters
    ----------
    n_inputs : int
        Rows of X.
    layers : tuple of Layer
    """

    n_inputs: int
    layers: tuple[Layer, ...]

    @cached_property
    def layer_shapes(self) -> tuple[Shape, ...]:
        """The shape of what comes in before each layer, and of what comes out after the last."""
        shapes: list[Shape] = [(self.n_inputs,)]
        for layer in self.layers:
            shapes.append(tuple(layer.output_shape(shapes[-1])))
        return tuple(shapes)

    def _with_shapes(self) -> Iterator[tuple[Layer, Shape]]:
        """Return each layer with the shape of its inputs."""
        return zip(self.layers, self.layer_shapes[:-1], strict=True)

    @cached_property
    def slots(self) -> tuple[dict[str, Slot], ...]:
        """For each layer, where its parameters and then its statistics lie."""
        slots: list[dict[str, Slot]] = [{} for _ in self.layers]
        stop = 0
        parameters, statistics = (
            [getattr(layer, kind)(shape) for layer, shape in self._with_shapes()]
            for kind in ("parameter_shapes", "statistic_shapes")
        )
        for own, shapes in zip(slots * 2, parameters + statistics, strict=True):
            for key, shape in shapes.items():
                start, stop = stop, stop + math.prod(shape)
                own[key] = Slot(start, stop, tuple(shape))
        return tuple(slots)

    @cached_property
    def named(self) -> dict[str, tuple[int, Slot]]:
        """The layer's place and the slot of each parameter, by its name, in the order of theta.

        Raises
        ------
        ValueError
            Where two have one name, as key W1 of layer 1 and key W of layer 11, or a key has a
            slash, which a file would take for a folder.
        """
        named: dict[str, tuple[int, Slot]] = {}
        for place, slots in enumerate(self.slots, 1):
            for key, slot in slots.items():
                name = f"{key}{place}"
                if name in named or "/" in key:
                    raise ValueError(
                        f"{self.describe(place)}: found the parameter {name!r}, expected a name "
                        "that no other layer has, without a slash"
                    )
                named[name] = (place, slot)
        return dict(sorted(named.items(), key=lambda item: item[1][1].start))

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every parameter and statistic, in the order in which theta holds them."""
        return {name: slot.shape for name, (_, slot) in self.named.items()}

    @property
    def n_outputs(self) -> int:
        """Rows of Y."""
        return math.prod(self.layer_shapes[-1])

    @cached_property
    def size(self) -> int:
        """Elements of theta."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @cached_property
    def largest_parameter(self) -> int:
        """Elements of the largest parameter, which is the most an example multiplies at once."""
        return max(map(math.prod, self.shapes.values()), default=0)

    @cached_property
    def n_parameters(self) -> int:
        """Elements of theta that gradient descent changes; the statistics follow them."""
        return sum(
            math.prod(shape)
            for layer, input_shape in self._with_shapes()
            for shape in layer.parameter_shapes(input_shape).values()
        )

    @cached_property
    def trained_keys(self) -> tuple[frozenset[str], ...]:
        """For each layer, the keys of its parameters, of which it has to give gradients."""
        return tuple(
            frozenset(layer.parameter_shapes(shape)) for layer, shape in self._with_shapes()
        )

    @cached_property
    def has_statistics(self) -> bool:
        """Whether theta holds statistics, which gradient descent does not change."""
        return self.size > self.n_parameters

    @cached_property
    def first_trained(self) -> int:
        """Where the first layer with parameters stands: below it no gradient is needed."""
        return next((i for i, slots in enumerate(self.slots) if slots), len(self.layers))

    def views(self, theta: Vector, xp: Namespace) -> list[Arrays]:
        """Return each layer's parameters by key, as views where the library has views."""
        lead = tuple(theta.shape[:-1])
        return [
            {
                key: reshaped(theta[..., start:stop], (*lead, *shape), xp=xp)
                for key, (start, stop, shape) in slots.items()
            }
            for slots in self.slots
        ]

    def contexts(
        self,
        xp: Namespace,
        *,
        training: bool = False,
        weights: Vector | None = None,
        key: Key | None = None,
        outs: list[Arrays] | None = None,
    ) -> list[Context]:
        """Return the context of each layer.

        Parameters
        ----------
        xp : namespace
        training : bool
        weights : array, shape (m,), optional
        key : Key, optional
            Of the step; each layer that draws gets one of its own.
        outs : list of dict, optional
            Where each layer may write its gradients.
        """
        first = self.first_trained if training else -1
        return [
            Context(
                xp,
                training,
                weights,
                fold(key, i + 1) if key is not None and layer.random else None,
                shape,
                i > first,
                None if outs is None else outs[i],
            )
            for i, (layer, shape) in enumerate(self._with_shapes())
        ]

    def workspace(self, theta: Vector) -> Workspace:
        """Return views of theta, and a gradient with views of it.

        Parameters
        ----------
        theta : array, shape (size,)
            Of a library for which `dnn_xp.backends.has_views` is true.
        """
        xp = namespace(theta)
        gradient = xp.zeros_like(theta)
        gradients = self.views(gradient, xp)
        contexts = self.contexts(xp, training=True, outs=gradients)
        return Workspace(self.views(theta, xp), gradient, gradients, contexts, xp)

    def join(self, gradients: list[Arrays], theta: Vector, xp: Namespace) -> Vector:
        """Return the vector of each layer's gradients, which is zero where theta has statistics."""
        self.check_gradients(gradients, theta)
        shape = (*theta.shape[:-1], -1)
        parts = [
            xp.reshape(own[key], shape)
            for own, slots in zip(gradients, self.slots, strict=True)
            for key in slots
            if key in own
        ]
        if self.has_statistics:
            parts.append(xp.zeros_like(theta[..., self.n_parameters :]))
        return xp.concat(parts, axis=-1)

    def check_gradients(self, gradients: list[Arrays], theta: Vector) -> None:
        """Refuse gradients of other parameters, or of other shapes, than the layers have.

        Raises
        ------
        ValueError
            Naming the layer.
        """
        lead = tuple(theta.shape[:-1])
        for place, (own, slots, expected) in enumerate(
            zip(gradients, self.slots, self.trained_keys, strict=True), 1
        ):
            if own.keys() != expected:
                raise ValueError(
                    f"{self.describe(place)}: found gradients of {sorted(own)}, expected those of "
                    f"{sorted(expected)}"
                )
            for key, gradient in own.items():
                shape = (*lead, *slots[key].shape)
                if tuple(gradient.shape) != shape:
                    raise ValueError(
                        f"{self.describe(place)}: found a gradient of {key} of shape "
                        f"{tuple(gradient.shape)}, expected {shape}"
                    )

    def weight_mask(self, *, like: Array) -> Vector:
        """Return 1 where theta holds a weight and 0 elsewhere: what decays, and what not.

        Parameters
        ----------
        like : array
            The result gets its library, device and dtype.

        Returns
        -------
        array, shape (size,)
        """
        mask = np.zeros(self.size)
        for layer, slots in zip(self.layers, self.slots, strict=True):
            for key in slots.keys() & set(layer.weights):
                mask[slots[key].start : slots[key].stop] = 1.0
        return asarray_like(mask, like=like)

    def draw(self, rng: Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return initial parameters, drawn layer by layer on the host.

        Parameters
        ----------
        rng : NumPy generator

        Raises
        ------
        ValueError
            Where a layer draws another shape than it said.
        """
        theta = np.empty(self.size)
        for place, (layer, shape) in enumerate(self._with_shapes(), 1):
            values = layer.initialize(shape, rng)
            for key, (start, stop, expected) in self.slots[place - 1].items():
                found = np.shape(values[key])
                if found != expected:
                    raise ValueError(
                        f"{key}{place} of {self.describe(place)}: found shape {found} drawn, "
                        f"expected {expected}"
                    )
                theta[start:stop] = np.ravel(values[key])
        return theta

    def update_statistics(
        self, theta: Vector, statistics: Array | None, *, xp: Namespace = None
    ) -> Vector:
        """Return theta with its running statistics moved towards those of a batch.

        Parameters
        ----------
        theta : array, shape (size,)
            Changed in place where its library can do that: not to be used any more.
        statistics : array or None
            As `cost_and_gradient` returns them.
        """
        if statistics is None:
            return theta
        xp, n = xp or namespace(theta), self.n_parameters
        for (layer, shape), slots in zip(self._with_shapes(), self.slots, strict=True):
            for key in layer.statistic_shapes(shape):
                start, stop, _ = slots[key]
                batch = statistics[..., start - n : stop - n]
                moved = layer.updated_statistics(theta[..., start:stop], batch)
                theta = set_at(theta, slice(start, stop), moved, xp=xp)
        return theta

    def limit_norms(self, theta: Vector, limit: Any, *, xp: Namespace = None) -> Vector:
        """Return theta with the weights of each unit shortened to a norm of limit.

        Parameters
        ----------
        theta : array, shape (size,)
            Changed in place where its library can do that: not to be used any more.
        limit : float
            Longer weights are shortened (Srivastava et al. 2014, section 5.1). The weights of a
            unit, or of a filter, are those at one place of a parameter's first axis.
        """
        xp, lead = xp or namespace(theta), tuple(theta.shape[:-1])
        for layer, slots in zip(self.layers, self.slots, strict=True):
            for key in slots.keys() & set(layer.weights):
                start, stop, shape = slots[key]
                W = xp.reshape(theta[..., start:stop], (*lead, shape[0], -1))
                norms = xp.sqrt(xp.sum(W * W, axis=-1, keepdims=True))
                shortened = xp.reshape(W * (limit / xp.maximum(norms, limit)), (*lead, -1))
                theta = set_at(theta, slice(start, stop), shortened, xp=xp)
        return theta

    def describe(self, place: int) -> str:
        """Return words for the layer at a place."""
        return f"layer {place}, {self.layers[place - 1]}"
