"""Charts of lines, for representations in notebooks and for pages."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from dnn_xp.reprs import printable
from dnn_xp.svg.axes import LOOKS, TEXT, Frame, Scale, crosslines, element, numbers

__all__ = ["line_chart"]

_FRAME = Frame(width=480, height=220, left=62, right=468, top=26, bottom=184)

_POINTS = 400
"""Of a line, beyond which its extremes stand for the rest."""

_ROW, _LETTER = 20, 8.6
"""The height of a row of names on a page, and the width of a letter, as large as on a phone."""

_LONGEST_KEY, _LONGEST_NAME = 40, 300
"""Characters of a name that stand in a row, and that a page's script is told."""

_Line = Sequence[tuple[float, float]]


def line_chart(
    lines: Mapping[str, Sequence[float]],
    x: Sequence[float] | None = None,
    *,
    x_name: str = "epochs",
    y_name: str = "cost",
    x_is_log: bool = False,
    y_is_log: bool | None = None,
    y_is_share: bool = False,
    hover: bool = False,
) -> str:
    """Return a chart of lines as an ``svg`` element, or nothing where there is nothing to draw.

    What is not finite is a gap.

    Parameters
    ----------
    lines : mapping of str to sequence of float
        By name; names are escaped. One without numbers keeps the others' colours as they are.
    x : sequence of float, optional
        Default: 1, 2, 3, ...
    x_name, y_name : str
        Of the axes.
    x_is_log : bool
        Whether `x`, all above 0, is drawn on a logarithmic scale.
    y_is_log : bool, optional
        Whether the values are; none may be below 0, and 0 has a place. Default: where all are above
        0 and range over two decades or more.
    y_is_share : bool
        Whether values are shares, whose axis is in percent.
    hover : bool
        Whether it is for a page: of class "chart", with the numbers that the page's script shows,
        and without a style of its own, which a page's policy forbids.
    """
    series = {}
    for name, values in lines.items():
        steps = range(1, len(values) + 1) if x is None else x
        series[name] = _thinned([*zip(map(float, steps), map(float, values), strict=False)])
    points = [point for line in series.values() for point in line if math.isfinite(point[1])]
    if not points:
        return ""
    low, high = min(y for _, y in points), max(y for _, y in points)
    if y_is_log is None:
        y_is_log = low > 0.0 and high >= 100.0 * low
    floor = None
    if y_is_log and low <= 0.0:
        floor = min((y for _, y in points if y > 0.0), default=None)
        y_is_log = floor is not None
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    if hover:  # a name without a line says nothing
        has_key = [any(math.isfinite(y) for _, y in line) for line in series.values()]
        places = _key_places([*series], has_key, y_name)
    else:
        places = _places_in_a_row([*series])
    down = _ROW * max(row for _, row in places)
    frame = _FRAME._replace(
        height=_FRAME.height + down, top=_FRAME.top + down, bottom=_FRAME.bottom + down
    )
    across = Scale(left, right, frame.left, frame.right, is_log=x_is_log, is_count=x is None)
    n_steps = 6 if hover else 4
    up = Scale(low, high, frame.bottom, frame.top, is_log=y_is_log, floor=floor, n_steps=n_steps)
    parts = [
        *crosslines(frame, across, up, x_name, is_share=y_is_share),
        _title_up(y_name, hover),
        *_drawn(series, across, up, places, hover, 100.0 if y_is_share else 1.0),
    ]
    said = f"{y_name} over {x_name}: {', '.join(map(_key if hover else printable, series))}"
    look = 'style="max-width:100%;height:auto"'
    if hover:
        unit = ' data-y-unit="%"' if y_is_share else ""
        look = f'class="chart" data-points="line" data-x-name="{escape(printable(x_name))}"{unit}'
    return element(frame.width, frame.height, said, parts, look)


def _title_up(y_name: str, hover: bool) -> str:
    """Return what the numbers up count, above them."""
    where = 'x="2" y="14"' if hover else f'x="{_FRAME.left - 6}" y="14" text-anchor="end"'
    return f"<text {where} {TEXT}>{escape(printable(y_name))}</text>"


def _places_in_a_row(names: Sequence[str]) -> list[tuple[float, int]]:
    """Return where each name stands above the frame, and in which row: the first."""
    start = float(_FRAME.left + 12)
    places = []
    for name in names:
        places.append((start, 0))
        start += 44 + 6.2 * len(printable(name))
    return places


def _key_places(
    names: Sequence[str], has_key: Sequence[bool], y_name: str
) -> list[tuple[float, int]]:
    """Return where each name stands above the frame, and in which row: with room on a phone."""
    start, row = max(float(_FRAME.left + 12), 14 + _LETTER * len(printable(y_name))), 0
    places = []
    for name, is_there in zip(names, has_key, strict=True):
        length = 40 + _LETTER * len(_key(name)) if is_there else 0.0
        if start + length > _FRAME.width:
            start, row = 2.0, row + 1
        places.append((start, row))
        start += length
    return places


def _key(name: str) -> str:
    """Return a name that fits into a row."""
    word = printable(name)
    return word if len(word) <= _LONGEST_KEY else f"{word[: _LONGEST_KEY - 1]}…"


def _drawn(
    series: Mapping[str, _Line],
    across: Scale,
    up: Scale,
    places: Sequence[tuple[float, int]],
    hover: bool,
    unit: float,
) -> Iterator[str]:
    """Return each line, and its name above the frame."""
    for i, ((name, line), (start, row)) in enumerate(zip(series.items(), places, strict=True)):
        color, dashes = LOOKS[i % len(LOOKS)][0], LOOKS[(i + i // len(LOOKS)) % len(LOOKS)][1]
        look = f'stroke="{color}" stroke-width="2" stroke-dasharray="{dashes or "none"}"'
        path, pen, alone = "", "M", ""
        for (x, y), after in zip(line, [*line[1:], (0.0, math.nan)], strict=False):
            if not math.isfinite(y):
                pen = "M"
                continue
            path += f"{pen}{across(x)} {up(y)}"
            if pen == "M" and not math.isfinite(after[1]):  # a point alone makes no line
                alone += (
                    f'<circle cx="{across(x)}" cy="{up(y)}" r="3" stroke="none" fill="{color}"/>'
                )
            pen = "L"
        word, down = _key(name) if hover else printable(name), _ROW * row
        key = (
            f'<path d="M{start} {10 + down}h20" {look}/>'
            f'<text x="{start + 26}" y="{14 + down}" {TEXT}>{escape(word)}</text>'
        )
        if not hover:
            yield f'{alone}<path d="{path}" {look}/>{key}'
            continue
        there = [(x, unit * y) for x, y in line if math.isfinite(y)]
        if not there:
            continue
        called = f'data-line="{escape(printable(name)[:_LONGEST_NAME])}"'
        told = f'data-x="{numbers((x for x, _ in there), 6)}" '
        told += f'data-y="{numbers(y for _, y in there)}"'
        yield f'<g {called} {told}>{alone}<path d="{path}" {look}/></g>'
        yield f'<g {called} class="key">{key}</g>'


def _thinned(line: _Line) -> _Line:
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
