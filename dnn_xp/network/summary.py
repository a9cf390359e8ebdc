"""Summary of a network: its layers, what comes out of each, and what each costs."""

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any, NamedTuple

from dnn_xp.arguments import check_whole
from dnn_xp.functions.costs import CostSpec, find_cost
from dnn_xp.layers import Layer, Shape
from dnn_xp.network.layout import Layout
from dnn_xp.reprs import html_table, printable, typed_call

__all__ = ["LayerSummary", "NetworkSummary", "summarize"]

_HEAD = ("place", "layer", "output shape", "parameters", "multiplications")
_COLUMNS = 80
"""Of a terminal: the words for a layer take what the numbers leave, but at least so many:"""
_SHORTEST = 12


class LayerSummary(NamedTuple):
    """The summary of a layer.

    Attributes
    ----------
    layer : Layer
    output_shape : tuple of int
        Of what comes out for one example.
    parameters : int
        Numbers that are learnt.
    statistics : int
        Numbers that are gathered while training, such as the running means of `BatchNorm`.
    multiplications : int or None
        Of one example on its way forward; None where the layer does not say. See
        `Layer.multiplications`.
    """

    layer: Layer
    output_shape: Shape
    parameters: int
    statistics: int
    multiplications: int | None


class NetworkSummary(NamedTuple):
    """The summary of a network, which shows itself as a table.

    An object and no text, so that it is the table on a terminal, in a notebook and by ``print``,
    and its numbers can be used as they are. `Network.summary` makes it.

    Attributes
    ----------
    n_inputs : int
    cost : str
    layers : tuple of LayerSummary
    """

    n_inputs: int
    cost: str
    layers: tuple[LayerSummary, ...]

    @property
    def parameters(self) -> int:
        """Numbers that are learnt."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def statistics(self) -> int:
        """Numbers that are gathered while training."""
        return sum(layer.statistics for layer in self.layers)

    @property
    def multiplications(self) -> int | None:
        """Of one example on its way forward; None where a layer does not say."""
        counts = [layer.multiplications for layer in self.layers]
        return None if None in counts else sum(count or 0 for count in counts)

    def __repr__(self) -> str:
        """Return the table as text."""
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
        room = max(_SHORTEST, widths[1] - max(0, sum(widths) + 2 * len(widths) - 2 - _COLUMNS))
        widths[1] = min(widths[1], room)
        lines = [
            "  ".join(
                _cut(text, width).ljust(width) if i == 1 else text.rjust(width)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in [_HEAD, *rows]
        ]
        return "\n".join([self._title(), *lines, *self._notes()])

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        table = html_table(_HEAD, self._rows(), words=2)
        return f"<div><p><b>{escape(self._title())}</b></p>{table}{notes}</div>"

    def _title(self) -> str:
        return f"Network of {self.n_inputs:,} inputs, cost {self.cost}"

    def _rows(self) -> list[list[str]]:
        rows = []
        for place, one in enumerate(self.layers, 1):
            shape = " × ".join(map(str, one.output_shape)) or "1"
            count = "-" if one.multiplications is None else f"{one.multiplications:,}"
            words = printable(_described(one.layer))
            rows.append([str(place), words, shape, f"{one.parameters:,}", count])
            parts = (printable(_described(part)) for part in _parts(one.layer))
            rows += [["", f"· {words}", "", "", ""] for words in parts]
        every = self.multiplications
        known = sum(one.multiplications or 0 for one in self.layers)
        total = f"at least {known:,}" if every is None else f"{every:,}"
        return [*rows, ["", "total", "", f"{self.parameters:,}", total]]

    def _notes(self) -> list[str]:
        if not self.statistics:
            return []
        return [f"and {self.statistics:,} statistics, which are gathered, not learnt"]


def summarize(layout: Layout, cost: CostSpec) -> NetworkSummary:
    """Return the summary of layers and a cost.

    Raises
    ------
    ValueError
        Where a layer says a number of multiplications that is none.
    """
    layers = []
    for place, layer in enumerate(layout.layers, 1):
        before, after = layout.layer_shapes[place - 1 : place + 1]
        parameters, statistics = (
            sum(map(math.prod, shapes(before).values()))
            for shapes in (layer.parameter_shapes, layer.statistic_shapes)
        )
        count = layer.multiplications(before) if _counts_its_own(layer) else None
        if count is not None:
            count = check_whole(f"multiplications of {layout.describe(place)}", count, 0)
        layers.append(LayerSummary(layer, after, parameters, statistics, count))
    words = cost if isinstance(cost, str) else find_cost(cost).name
    if isinstance(cost, tuple):
        words = f"{words} ({', '.join(map(str, cost[1:]))})"
    return NetworkSummary(layout.n_inputs, printable(words), tuple(layers))


def _counts_its_own(layer: Layer) -> bool:
    """Return whether a layer's count is of its own forward pass, not of one that it replaced."""
    order = type(layer).__mro__
    counted, forward = (
        next(i for i, kind in enumerate(order) if name in vars(kind))
        for name in ("multiplications", "forward")
    )
    return counted <= forward


class _Words(str):
    """A text that stands in a representation as it is."""

    def __repr__(self) -> str:
        return str(self)


def _described(layer: Layer) -> str:
    """Return the call that makes a layer, without what has its default."""
    kind = type(layer)
    # That of a dataclass is wrapped; any other was written by the layer's author.
    is_written = "__repr__" in vars(kind) and not hasattr(kind.__repr__, "__wrapped__")
    if is_written or not is_dataclass(layer) or not all(field.init for field in fields(layer)):
        return repr(layer)
    values = {field.name: getattr(layer, field.name) for field in fields(layer)}
    return typed_call(kind, {name: _with_words(value) for name, value in values.items()})


def _with_words(value: Any) -> Any:
    """Return the value of a field, with words in place of layers."""
    if isinstance(value, Layer):
        return _Words(_described(value))
    if isinstance(value, tuple | list) and any(isinstance(one, Layer) for one in value):
        return type(value)(map(_with_words, value))
    return value


def _parts(layer: Layer) -> Iterator[Layer]:
    """Yield the layers that a layer is made of."""
    for field in fields(layer) if is_dataclass(layer) else ():
        value = getattr(layer, field.name)
        for one in value if isinstance(value, tuple | list) else (value,):
            if isinstance(one, Layer):
                yield one


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
