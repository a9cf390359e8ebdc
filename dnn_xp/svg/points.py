"""Charts of points, for pages."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from dnn_xp.reprs import printable
from dnn_xp.svg.axes import LOOKS, TEXT, Frame, Scale, crosslines, element, numbers

__all__ = ["scatter_chart"]

_WIDE = Frame(width=480, height=260, left=62, right=468, top=26, bottom=224)
_SQUARE = Frame(width=400, height=390, left=62, right=388, top=26, bottom=352)

_POINTS = 2000
"""Beyond which every so-manieth stands for the rest."""

_Point = tuple[float, float, float, float]
"""Its place across and up, and the ends of its spread."""


def scatter_chart(
    x: Sequence[float],
    y: Sequence[float],
    *,
    x_name: str,
    y_name: str,
    line: str | None = None,
    spread: tuple[Sequence[float], Sequence[float]] | None = None,
    hover: bool = False,
) -> str:
    """Return a chart of points as an ``svg`` element, or nothing where there is nothing to draw.

    What is not finite is left out. Of more than 2,000 points as many are drawn, evenly chosen.

    Parameters
    ----------
    x, y : sequence of float
    x_name, y_name : str
        Of the axes; they are escaped.
    line : {"diagonal", "zero"}, optional
        What is drawn dashed: where both are the same, on axes of one scale, or where `y` is 0.
    spread : pair of sequence of float, optional
        The lower and upper end of a bar at each point.
    hover : bool
        Whether it has the numbers that a page's script shows.
    """
    low_ends, high_ends = spread or (y, y)
    quadruples = zip(x, y, low_ends, high_ends, strict=True)
    points: list[_Point] = [
        (float(a), float(b), float(c), float(d))
        for a, b, c, d in quadruples
        if all(map(math.isfinite, (a, b, c, d)))
    ]
    if not points:
        return ""
    n = len(points)
    if n > _POINTS:
        points = [points[i * n // _POINTS] for i in range(_POINTS)]
    is_diagonal = line == "diagonal"
    frame = _SQUARE if is_diagonal else _WIDE
    across, up = _scales(points, frame, line)
    parts = [
        *crosslines(frame, across, up, x_name),
        f'<text x="2" y="14" {TEXT}>{escape(printable(y_name))}</text>',
        *_reference(frame, up, line),
        *_drawn(points, across, up, spread is not None, hover),
    ]
    names = f"{y_name} over {x_name}"
    said = f"{names}: {len(points):,} of {n:,} points" if n > _POINTS else f"{names}: {n:,} points"
    look = 'class="chart"'
    if hover:
        called = (
            f'data-x-name="{escape(printable(x_name))}" data-y-name="{escape(printable(y_name))}"'
        )
        look = f'class="chart" data-points="point" {called}'
    return element(frame.width, frame.height, said, parts, look)


def _scales(points: Sequence[_Point], frame: Frame, line: str | None) -> tuple[Scale, Scale]:
    """Return the scales across and up: the same numbers on both where a diagonal is drawn."""
    left, right = min(one[0] for one in points), max(one[0] for one in points)
    low, high = min(min(one[1:]) for one in points), max(max(one[1:]) for one in points)
    if line == "diagonal":
        left = low = min(left, low)
        right = high = max(right, high)
    elif line == "zero":
        low, high = min(low, 0.0), max(high, 0.0)
    across = Scale(left, right, frame.left + 6, frame.right - 6, n_steps=6)
    return across, Scale(low, high, frame.bottom - 6, frame.top + 6, n_steps=6)


def _reference(frame: Frame, up: Scale, line: str | None) -> Iterator[str]:
    """Return the line that points are to be compared with."""
    dashed = 'stroke-dasharray="4 4" stroke-opacity=".7"'
    if line == "diagonal":
        left, right, top, bottom = frame[2:]
        yield f'<path d="M{left} {bottom}L{right} {top}" {dashed}/>'
    elif line == "zero":
        yield f'<path d="M{frame.left} {up(0.0)}H{frame.right}" {dashed}/>'


def _drawn(
    points: Sequence[_Point], across: Scale, up: Scale, has_spread: bool, hover: bool
) -> Iterator[str]:
    """Return the points, which are the round ends of lines without length, and their spreads."""
    color = LOOKS[0][0]
    if has_spread:
        bars = "".join(f"M{across(x)} {up(low)}V{up(high)}" for x, _, low, high in points)
        yield f'<path d="{bars}" stroke="{color}" stroke-opacity=".6"/>'
    dots = "".join(f"M{across(x)} {up(y)}h0" for x, y, _, _ in points)
    size, strength = (6, 1) if len(points) <= 50 else (5, 0.6)
    look = f'stroke="{color}" stroke-width="{size}" stroke-opacity="{strength}"'
    path = f'<path d="{dots}" {look} stroke-linecap="round"/>'
    if hover:
        x, y = numbers(one[0] for one in points), numbers(one[1] for one in points)
        path = f'<g data-line="" data-x="{x}" data-y="{y}">{path}</g>'
    yield path
