"""Numbers in the cells of tables: a text, and the number by which a script sorts."""

import math

__all__ = ["Cell", "digits", "number", "percent", "with_error"]

Cell = str | tuple[str, float | str]


def digits(value: float, n: int = 4) -> str:
    """Return a number with so many digits; "-" where there is none."""
    return "-" if math.isnan(value) else f"{value:.{n}g}"


def number(value: float, n: int = 4) -> Cell:
    """Return a cell with a number of so many digits."""
    return (digits(value, n), "" if math.isnan(value) else float(value))


def percent(value: float) -> Cell:
    """Return a cell with a part of a whole in percent."""
    return ("-", "") if math.isnan(value) else (f"{value:.1%}", float(value))


def with_error(value: float, error: float) -> Cell:
    """Return a cell with a number and its standard error, where that is known."""
    words = digits(value)
    if math.isfinite(error) and error > 1e-9 * abs(value):  # below it is rounding
        words += f" ± {error:.2g}"
    return (words, "" if math.isnan(value) else float(value))
