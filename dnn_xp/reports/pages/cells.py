"""Numbers in the cells of tables: a text, and the number by which a script sorts."""

import math

__all__ = ["Cell", "digits", "key", "number", "percent", "with_error"]

Cell = str | tuple[str, float | str]


def digits(value: float, n: int = 4) -> str:
    """Return a number with so many digits; "-" where there is none."""
    return "-" if math.isnan(value) else f"{value:.{n}g}"


def key(value: float) -> float | str:
    """Return by what a script sorts a number; NaN comes last whatever the direction."""
    if math.isnan(value):
        return ""
    return float(value) if math.isfinite(value) else f"{'-' if value < 0 else ''}Infinity"


def number(value: float, n: int = 4) -> Cell:
    """Return a cell with a number of so many digits."""
    return (digits(value, n), key(value))


def percent(value: float) -> Cell:
    """Return a cell with a part of a whole in percent."""
    return ("-" if math.isnan(value) else f"{value:.1%}", key(value))


def with_error(value: float, error: float) -> Cell:
    """Return a cell with a number and its standard error, where that is known."""
    words = digits(value)
    if math.isfinite(error) and error > 1e-9 * abs(value):  # below it is rounding
        words += f" ± {error:.2g}"
    return (words, key(value))
