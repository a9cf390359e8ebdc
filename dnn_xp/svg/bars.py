"""Charts of bars that lie, for pages."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from dnn_xp.reprs import printable
from dnn_xp.svg.axes import LOOKS, TEXT, Frame, Scale, element

__all__ = ["bar_chart"]

_ROW, _LETTER, _DIGIT, _LONGEST = 24, 8.6, 8.0, 20
"""The height of a row, widths of a letter and a digit, as large as on a phone, and letters of a
name."""

_WIDTH, _TOP = 480, 6
"""The chart's width, and what is free above the bars."""


def bar_chart(
    values: Sequence[float],
    names: Sequence[str],
    *,
    x_name: str,
    spread: Sequence[float] | None = None,
) -> str:
    """Return a chart of lying bars as an ``svg`` element, or nothing where there are none.

    Parameters
    ----------
    values : sequence of float
        What is not finite has no bar, but its number.
    names : sequence of str
        Of the bars, left of them; they are escaped.
    x_name : str
        What the values are.
    spread : sequence of float, optional
        How far each reaches down and up, as whiskers.
    """
    spreads = [0.0] * len(values) if spread is None else [*map(float, spread)]
    rows = [*zip(map(float, values), spreads, map(_short, names), strict=True)]
    ends = [
        value + sign * reach
        for value, reach, _ in rows
        for sign in (-1.0, 1.0)
        if math.isfinite(value) and math.isfinite(reach)
    ]
    if not ends:
        return ""
    left = round(10 + _LETTER * max(len(name) for _, _, name in rows))
    bottom = _TOP + _ROW * len(rows)
    longest = max(len(_number(value, reach, spread is not None)) for value, reach, _ in rows)
    frame = Frame(_WIDTH, bottom + 38, left, _WIDTH - round(10 + _DIGIT * longest), _TOP, bottom)
    across = Scale(min(0.0, *ends), max(0.0, *ends), frame.left, frame.right)
    parts = [*_ticks(frame, across, x_name), *_drawn(rows, frame, across, spread is not None)]
    return element(
        frame.width, frame.height, f"{x_name}: {len(rows):,} bars", parts, 'class="chart"'
    )


def _short(name: str) -> str:
    word = printable(name)
    return word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…"


def _number(value: float, reach: float, has_spread: bool) -> str:
    return f"{value:.3g} ± {reach:.2g}" if has_spread else f"{value:.4g}"


def _ticks(frame: Frame, across: Scale, x_name: str) -> Iterator[str]:
    """Return the upright lines, the numbers below them, and what these count."""
    _, _, left, right, top, bottom = frame
    for tick in across.ticks:
        x = across(tick)
        yield f'<path d="M{x} {top}V{bottom}" stroke-opacity=".15"/>'
        yield f'<text x="{x}" y="{bottom + 16}" text-anchor="middle" {TEXT}>{tick:.4g}</text>'
    yield f'<path d="M{across(0.0)} {top}V{bottom}"/>'
    words = f'text-anchor="middle" {TEXT}>{escape(printable(x_name))}'
    yield f'<text x="{(left + right) / 2}" y="{bottom + 32}" {words}</text>'


def _drawn(
    rows: Sequence[tuple[float, float, str]], frame: Frame, across: Scale, has_spread: bool
) -> Iterator[str]:
    """Return each bar between its name and its number."""
    color = LOOKS[0][0]
    for i, (value, reach, name) in enumerate(rows):
        middle = frame.top + _ROW * i + _ROW // 2
        at = f'y="{middle + 4}" text-anchor="end" {TEXT}'
        yield f'<text x="{frame.left - 8}" {at}>{escape(name)}</text>'
        number = _number(value, reach, has_spread)
        yield f'<text x="{frame.width - 2}" {at}>{number}</text>'
        if not math.isfinite(value):
            continue
        x, width = sorted((across(0.0), across(value)))[0], abs(across(value) - across(0.0))
        box = f'x="{x}" y="{middle - 8}" width="{width:.1f}" height="16"'
        yield f'<rect {box} stroke="none" fill="{color}" fill-opacity=".8"/>'
        if has_spread and math.isfinite(reach):
            low, high = across(value - reach), across(value + reach)
            yield f'<path d="M{low} {middle}H{high}M{low} {middle - 4}v8M{high} {middle - 4}v8"/>'
