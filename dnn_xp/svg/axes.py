"""What charts share: scales, the frame with its numbers, colours, and the element around them."""

import math
from collections.abc import Iterable, Iterator
from html import escape
from typing import NamedTuple

from dnn_xp.reprs import printable

__all__ = ["LOOKS", "TEXT", "Frame", "Scale", "crosslines", "element", "numbers"]

LOOKS = (("#0072B2", ""), ("#D55E00", "6 3"), ("#009E73", "2 3"), ("#AA5F8A", "8 3 2 3"))
"""Colours that everybody can tell apart on light and on dark (Okabe and Ito 2008), and dashes."""

TEXT = 'stroke="none" fill="currentColor"'
"""The look of words: the chart around them is all outlines."""


class Frame(NamedTuple):
    """The edges of what is drawn in, in a picture of so many points."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


class Scale:
    """Where numbers stand, from `begin` to `end` in the picture, and which of them are marked.

    Parameters
    ----------
    low, high : float
    begin, end : float
    is_log : bool
        Whether it is logarithmic; then `low` is above 0, or `floor` is given.
    is_count : bool
        Whether whole numbers alone are marked.
    floor : float, optional
        Of a logarithmic scale, below which it is linear and has a place for 0.
    n_steps : int
        The most there are between numbers that are marked.
    """

    def __init__(
        self,
        low: float,
        high: float,
        begin: float,
        end: float,
        *,
        is_log: bool = False,
        is_count: bool = False,
        floor: float | None = None,
        n_steps: int = 4,
    ) -> None:
        self.is_log, self.is_whole, self.floor = is_log, is_log or is_count, floor
        bottom, top = self._place(low), self._place(high)
        if top - bottom <= 1e-12 * max(abs(top), abs(bottom)):  # one number alone, in the middle
            around = 0.5 * abs(top) or 0.5
            bottom, top = bottom - around, top + around
        # Halved before they are subtracted: the numbers may be near to the largest there is.
        self._bottom, self._half = bottom, 0.5 * top - 0.5 * bottom
        self._begin, self._length = begin, end - begin
        self.ticks = [*self._ticks(bottom, top, n_steps)]

    def __call__(self, number: float) -> float:
        """Return where a number stands."""
        part = (0.5 * self._place(number) - 0.5 * self._bottom) / self._half
        return round(self._begin + part * self._length, 1)

    def _place(self, number: float) -> float:
        if not self.is_log:
            return number
        if self.floor is not None and number < self.floor:  # a decade's room down to 0
            return math.log10(self.floor) - 1.0 + number / self.floor
        return math.log10(number)

    def _ticks(self, bottom: float, top: float, n_steps: int) -> Iterator[float]:
        """Return round numbers between the ends."""
        step = _round_step(self._half / (n_steps / 2.0))
        if self.is_whole:
            step = max(1.0, math.ceil(step))
        if self.floor is not None:
            yield 0.0
            bottom = math.log10(self.floor)
        for i in range(math.ceil(bottom / step - 1e-9), math.floor(top / step + 1e-9) + 1):
            yield 10.0 ** (i * step) if self.is_log else i * step


def _round_step(rough: float) -> float:
    """Return 1, 2 or 5 times a power of ten, near to a number above 0 and not below it."""
    decade = 10.0 ** math.floor(math.log10(rough))
    return next(k * decade for k in (1.0, 2.0, 5.0, 10.0, 20.0) if k * decade >= rough * 0.999)


def crosslines(
    frame: Frame, across: Scale, up: Scale, x_name: str, *, is_share: bool = False
) -> Iterator[str]:
    """Return the lines of a frame, the numbers beside it, and what those below it count.

    Parameters
    ----------
    frame : Frame
    across, up : Scale
    x_name : str
        It is escaped.
    is_share : bool
        Whether the numbers up are shares, which are written in percent.
    """
    left, right, top, bottom = frame[2:]
    for tick in up.ticks:
        y, word = up(tick), f"{100.0 * tick:.4g}%" if is_share else f"{tick:.4g}"
        yield f'<path d="M{left} {y}H{right}" stroke-opacity=".15"/>'
        yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end" {TEXT}>{word}</text>'
    for tick in across.ticks:
        x = across(tick)
        yield f'<path d="M{x} {bottom}v4"/>'
        yield f'<text x="{x}" y="{bottom + 16}" text-anchor="middle" {TEXT}>{tick:.6g}</text>'
    yield f'<path d="M{left} {top}V{bottom}H{right}"/>'
    middle = (left + right) / 2
    words = f'text-anchor="middle" {TEXT}>{escape(printable(x_name))}'
    yield f'<text x="{middle}" y="{bottom + 31}" {words}</text>'


def element(width: int, height: int, said: str, parts: Iterable[str], look: str) -> str:
    """Return a chart as an ``svg`` element.

    Parameters
    ----------
    width, height : int
    said : str
        What one hears who cannot see it; it is escaped.
    parts : iterable of str
        What is in it.
    look : str
        More attributes: a class, or a style.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" {look} role="img" '
        f'aria-label="{escape(printable(said))}" fill="none" stroke="currentColor" font-size="11" '
        f'font-family="sans-serif">{"".join(parts)}</svg>'
    )


def numbers(values: Iterable[float], digits: int = 4) -> str:
    """Return numbers as the words of an attribute that a script reads."""
    return " ".join(f"{value:.{digits}g}" for value in values)
