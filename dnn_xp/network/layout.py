"""Where the parameters of a network lie in its vector theta.

One vector holds all of them, so that an optimizer is a function of one array, a norm is one
number and a checkpoint is one data set. The trained parameters come first, layer by layer, then
the statistics that are only gathered. Parameters are named by the place of their layer, from 1:
``W1``, ``b1``, ``gamma2``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from string import ascii_letters
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import Array, bring, namespace, set_at
from dnn_xp.functions.initializers import Generator
from dnn_xp.layers import Arrays, Layer

__all__ = ["Layout", "Slot", "Workspace"]


class Slot(NamedTuple):
    """Where in theta a parameter lies."""

    start: int
    stop: int
    shape: tuple[int, int]


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
    xp : namespace
        Of these arrays.
    """

    parameters: list[Arrays]
    gradient: Array
    gradients: list[Arrays]
    xp: Any


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
    def widths(self) -> tuple[int, ...]:
        """Return the rows of A before each layer, and after the last."""
        widths = [self.n_inputs]
        for layer in self.layers:
            widths.append(layer.n_outputs(widths[-1]))
        return tuple(widths)

    def _with_widths(self) -> Iterator[tuple[Layer, int]]:
        """Return each layer with the number of its inputs."""
        return zip(self.layers, self.widths[:-1], strict=True)

    @cached_property
    def slots(self) -> tuple[dict[str, Slot], ...]:
        """Return, for each layer, where its parameters and then its statistics lie."""
        slots: list[dict[str, Slot]] = [{} for _ in self.layers]
        stop = 0
        parameters, statistics = (
            [getattr(layer, shapes)(width) for layer, width in self._with_widths()]
            for shapes in ("parameter_shapes", "statistic_shapes")
        )
        for of_layer, shapes in zip(slots * 2, parameters + statistics, strict=True):
            for key, shape in shapes.items():
                start, stop = stop, stop + math.prod(shape)
                of_layer[key] = Slot(start, stop, shape)
        return tuple(slots)

    @cached_property
    def named_slots(self) -> dict[str, Slot]:
        """Return where each parameter lies, by its name, in the order of theta."""
        named = {
            f"{key}{place}": slot
            for place, slots in enumerate(self.slots, 1)
            for key, slot in slots.items()
        }
        return dict(sorted(named.items(), key=lambda item: item[1].start))

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """The shape of every parameter and statistic, in the order in which theta holds them."""
        return {name: slot.shape for name, slot in self.named_slots.items()}

    @property
    def n_outputs(self) -> int:
        """Rows of Y."""
        return self.widths[-1]

    @cached_property
    def size(self) -> int:
        """Elements of theta."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @cached_property
    def largest_parameter(self) -> int:
        """Elements of the largest parameter, which is the most an example multiplies at once."""
        return max(map(math.prod, self.shapes.values()))

    @cached_property
    def n_parameters(self) -> int:
        """Elements of theta that gradient descent changes; the statistics follow them."""
        return sum(
            math.prod(shape)
            for layer, width in self._with_widths()
            for shape in layer.parameter_shapes(width).values()
        )

    @property
    def has_statistics(self) -> bool:
        """Whether theta holds statistics, which gradient descent does not change."""
        return self.size > self.n_parameters

    def unpack(self, theta: Array) -> Arrays:
        """Return the parameters by name, as views of theta where the library has views.

        Parameters
        ----------
        theta : array, shape (size,)
        """
        self.check_theta(theta)
        xp = namespace(theta)
        return {
            name: xp.reshape(theta[start:stop], shape)
            for name, (start, stop, shape) in self.named_slots.items()
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
                layer = self.describe(int(name.strip(ascii_letters)))
                raise ValueError(
                    f"parameters: {name} of {layer} has shape "
                    f"{tuple(parameters[name].shape)}, expected {shape}"
                )
        xp = namespace(*parameters.values())
        return xp.concat([xp.reshape(parameters[name], (-1,)) for name in self.shapes])

    def weight_mask(self, *, like: Array) -> Array:
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
        return bring(mask, like=like)

    def draw(self, rng: Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return initial parameters, drawn layer by layer on the host.

        Parameters
        ----------
        rng : NumPy generator
        """
        theta = np.empty(self.size)
        for (layer, width), slots in zip(self._with_widths(), self.slots, strict=True):
            values = layer.initialize(width, rng)
            for key, (start, stop, _) in slots.items():
                theta[start:stop] = values[key].ravel()
        return theta

    def views(self, theta: Array, xp: Any) -> list[Arrays]:
        """Return each layer's parameters by key, as views where the library has views."""
        return [
            {
                key: xp.reshape(theta[start:stop], shape)
                for key, (start, stop, shape) in slots.items()
            }
            for slots in self.slots
        ]

    def workspace(self, theta: Array) -> Workspace:
        """Return views of theta, and a gradient with views of it.

        Parameters
        ----------
        theta : array, shape (size,)
            Of a library for which `dnn_xp.backends.has_views` is true.
        """
        xp = namespace(theta)
        gradient = xp.zeros_like(theta)
        return Workspace(self.views(theta, xp), gradient, self.views(gradient, xp), xp)

    def join(self, gradients: list[Arrays], theta: Array, xp: Any) -> Array:
        """Return the vector of each layer's gradients, which is zero where theta has statistics."""
        parts = [
            xp.reshape(of_layer[key], (-1,))
            for of_layer, slots in zip(gradients, self.slots, strict=True)
            for key in slots
            if key in of_layer
        ]
        if self.has_statistics:
            parts.append(xp.zeros_like(theta[self.n_parameters :]))
        return xp.concat(parts)

    def update_statistics(self, theta: Array, statistics: Array | None, *, xp: Any = None) -> Array:
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
        for (layer, width), slots in zip(self._with_widths(), self.slots, strict=True):
            for key in layer.statistic_shapes(width):
                start, stop, _ = slots[key]
                batch = statistics[start - n : stop - n]
                moved = layer.updated_statistics(theta[start:stop], batch)
                theta = set_at(theta, slice(start, stop), moved, xp=xp)
        return theta

    def limit_norms(self, theta: Array, limit: float, *, xp: Any = None) -> Array:
        """Return theta with the weights of each unit shortened to a norm of limit.

        Parameters
        ----------
        theta : array, shape (size,)
            Changed in place where its library can do that: not to be used any more.
        limit : float
            Longer rows of W are shortened (Srivastava et al. 2014, section 5.1).
        """
        xp = xp or namespace(theta)
        for layer, slots in zip(self.layers, self.slots, strict=True):
            for key in slots.keys() & set(layer.weights):
                start, stop, shape = slots[key]
                W = xp.reshape(theta[start:stop], shape)
                norms = xp.sqrt(xp.sum(W * W, axis=1, keepdims=True))
                shortened = xp.reshape(W * (limit / xp.maximum(norms, limit)), (-1,))
                theta = set_at(theta, slice(start, stop), shortened, xp=xp)
        return theta

    def check_theta(self, theta: Array) -> None:
        """Refuse a vector of another size."""
        if tuple(theta.shape) != (self.size,):
            raise ValueError(
                f"theta: found shape {tuple(theta.shape)}, expected {(self.size,)} for "
                f"{len(self.layers)} layers from {self.n_inputs} inputs"
            )

    def describe(self, place: int) -> str:
        """Return words for the layer at a place."""
        return f"layer {place}, {self.layers[place - 1]}"
