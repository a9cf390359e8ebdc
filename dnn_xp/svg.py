"""Small charts as SVG, for representations in notebooks: text alone, in the colours of the page."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from dnn_xp.reprs import printable

__all__ = ["line_chart"]

_STYLES = (("#0072B2", ""), ("#D55E00", "6 3"), ("#009E73", "2 3"), ("#AA5F8A", "8 3 2 3"))
"""Colours that everybody can tell apart on light and on dark (Okabe and Ito 2008), and dashes."""

_WIDTH, _HEIGHT = 480, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 468, 26, 184
"""The frame that the lines are in."""

_POINTS = 400
"""Of a line, beyond which its extremes stand for the rest."""


def line_chart(
    lines: Mapping[str, Sequence[float]],
    x: Sequence[float] | None = None,
    *,
    x_name: str = "epochs",
    y_name: str = "cost",
    x_is_log: bool = False,
) -> str:
    """Return a chart of lines as an ``svg`` element, or nothing where there is nothing to draw.

    What is not finite is a gap. Costs that are above 0 and range over two decades or more are drawn
    on a logarithmic scale.

    Parameters
    ----------
    lines : mapping of str to sequence of float
        By name; names are escaped.
    x : sequence of float, optional
        Default: 1, 2, 3, ...
    x_name, y_name : str
        Of the axes.
    x_is_log : bool
        Whether `x`, all above 0, is drawn on a logarithmic scale.
    """
    series = {}
    for name, values in lines.items():
        places = range(1, len(values) + 1) if x is None else x
        series[name] = _thinned([*zip(map(float, places), map(float, values), strict=False)])
    points = [point for line in series.values() for point in line if math.isfinite(point[1])]
    if not points:
        return ""
    low, high = min(y for _, y in points), max(y for _, y in points)
    y_is_log = low > 0.0 and high >= 100.0 * low
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    across = _Scale(left, right, _LEFT, _RIGHT, is_log=x_is_log, is_count=x is None)
    up = _Scale(low, high, _BOTTOM, _TOP, is_log=y_is_log)
    parts = [*_axes(across, up, x_name, y_name), *_drawn(series, across, up)]
    words = escape(f"{y_name} over {x_name}: {', '.join(map(printable, series))}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{words}" fill="none" stroke="currentColor" font-size="11" '
        f'font-family="sans-serif">{"".join(parts)}</svg>'
    )


class _Scale:
    """Where numbers stand, from `begin` to `end` in the picture, and which of them are marked."""

    def __init__(
        self,
        low: float,
        high: float,
        begin: float,
        end: float,
        *,
        is_log: bool = False,
        is_count: bool = False,
    ) -> None:
        self.is_log, self.is_whole = is_log, is_log or is_count
        bottom, top = (math.log10(low), math.log10(high)) if is_log else (low, high)
        if top - bottom <= 1e-12 * max(abs(top), abs(bottom)):  # one number alone, in the middle
            around = 0.5 * abs(top) or 0.5
            bottom, top = bottom - around, top + around
        # Halved before they are subtracted: the numbers may be near to the largest there is.
        self._bottom, self._half = bottom, 0.5 * top - 0.5 * bottom
        self._begin, self._length = begin, end - begin
        self.ticks = [*self._ticks(bottom, top)]

    def __call__(self, number: float) -> float:
        value = math.log10(number) if self.is_log else number
        part = (0.5 * value - 0.5 * self._bottom) / self._half
        return round(self._begin + part * self._length, 1)

    def _ticks(self, bottom: float, top: float) -> Iterator[float]:
        """Return some four round numbers between the ends."""
        step = _round_step(self._half / 2.0)
        if self.is_whole:
            step = max(1.0, math.ceil(step))
        for i in range(math.ceil(bottom / step - 1e-9), math.floor(top / step + 1e-9) + 1):
            yield 10.0 ** (i * step) if self.is_log else i * step


def _round_step(rough: float) -> float:
    """Return 1, 2 or 5 times a power of ten, near to a number above 0 and not below it."""
    decade = 10.0 ** math.floor(math.log10(rough))
    return next(k * decade for k in (1.0, 2.0, 5.0, 10.0, 20.0) if k * decade >= rough * 0.999)


def _axes(across: _Scale, up: _Scale, x_name: str, y_name: str) -> Iterator[str]:
    """Return the lines of the frame, the numbers beside it, and what they count."""
    faint, text = 'stroke-opacity=".15"', 'stroke="none" fill="currentColor"'
    for tick in up.ticks:
        y = up(tick)
        yield f'<path d="M{_LEFT} {y}H{_RIGHT}" {faint}/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" {text}>{tick:.4g}</text>'
    for tick in across.ticks:
        x = across(tick)
        yield f'<path d="M{x} {_BOTTOM}v4"/>'
        yield f'<text x="{x}" y="{_BOTTOM + 16}" text-anchor="middle" {text}>{tick:.6g}</text>'
    yield f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>'
    middle = (_LEFT + _RIGHT) / 2
    words = f'text-anchor="middle" {text}>{escape(printable(x_name))}'
    yield f'<text x="{middle}" y="{_BOTTOM + 31}" {words}</text>'
    words = f'text-anchor="end" {text}>{escape(printable(y_name))}'
    yield f'<text x="{_LEFT - 6}" y="14" {words}</text>'


def _drawn(
    series: Mapping[str, Sequence[tuple[float, float]]], across: _Scale, up: _Scale
) -> Iterator[str]:
    """Return each line, and its name above the frame."""
    start = float(_LEFT + 12)
    for i, (name, line) in enumerate(series.items()):
        color, dashes = _STYLES[i % len(_STYLES)]
        look = f'stroke="{color}" stroke-width="2" stroke-dasharray="{dashes or "none"}"'
        path, pen = "", "M"
        for (x, y), after in zip(line, [*line[1:], (0.0, math.nan)], strict=True):
            if not math.isfinite(y):
                pen = "M"
                continue
            path += f"{pen}{across(x)} {up(y)}"
            if pen == "M" and not math.isfinite(after[1]):  # a point alone makes no line
                yield f'<circle cx="{across(x)}" cy="{up(y)}" r="3" stroke="none" fill="{color}"/>'
            pen = "L"
        yield f'<path d="{path}" {look}/>'
        word, text = printable(name), 'stroke="none" fill="currentColor"'
        yield f'<path d="M{start} 10h20" {look}/>'
        yield f'<text x="{start + 26}" y="14" {text}>{escape(word)}</text>'
        start += 44 + 6.2 * len(word)


def _thinned(line: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a line of few points that looks the same: of each stretch the lowest and highest."""
    if len(line) <= _POINTS:
        return line
    stretch = -(-2 * len(line) // _POINTS)
    kept: list[tuple[float, float]] = []
    for begin in range(0, len(line), stretch):
        part = line[begin : begin + stretch]
        finite = [point for point in part if math.isfinite(point[1])]
        ends = {min(finite, key=lambda p: p[1]), max(finite, key=lambda p: p[1])} if finite else ()
        kept += sorted(ends) or part[:1]
    return kept
