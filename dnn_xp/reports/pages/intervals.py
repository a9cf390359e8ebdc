"""Intervals on a page: how many of the true values they hold, and how wide they are."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check, check_number
from dnn_xp.reports.pages.cells import Cell, digits, key, number, percent
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.words import counted
from dnn_xp.svg import scatter_chart

__all__ = ["IntervalFigures", "interval_figures", "intervals_section", "quantile_interval"]

_MOST_DRAWN, _MOST_LISTED = 12, 500
"""Targets that have charts, and those that have a row of figures."""

_MOST_BARS = 100
"""Intervals that can be told apart in a chart."""

_N_PARTS, _FEWEST = 10, 10
"""Into so many parts examples are divided by their predicted values, of so many at least."""

_Values = np.ndarray[Any, Any]


class IntervalFigures(NamedTuple):
    """What intervals hold.

    Attributes
    ----------
    n, n_left_out, n_infinite : int
        Examples that count; those of which a value is none, or NaN; those that count and whose
        interval has no end.
    found : float
        The part of the true values that lie within, ends included; NaN of no examples.
    error : float
        The standard error of a part of so many that should be `asked`.
    width, width_of_mean : float
        Mean width of the intervals that have ends, and that of one interval for all: the middle
        part of the true values.
    below, above : float
        The parts of the true values that lie below their intervals, and above them.
    """

    n: int
    n_left_out: int
    n_infinite: int
    found: float
    error: float
    width: float
    width_of_mean: float
    below: float
    above: float


def quantile_interval(outputs: Any, levels: Sequence[float]) -> tuple[_Values, _Values, float]:
    """Return the intervals between the outermost quantiles, and what part they should hold.

    Parameters
    ----------
    outputs : array_like, shape (n_targets * n_levels, m)
        Of a network with several quantiles, those of the first target first.
    levels : sequence of float
        At least two, rising: `dnn_xp.functions.costs.quantiles_of` its cost.

    Returns
    -------
    low, high : ndarray, shape (n_targets, m)
    asked : float
    """
    A, n = np.asarray(outputs), len(levels)
    check("levels", levels, n > 1, "two quantiles or more")
    check("outputs", A.shape, A.ndim == 2 and len(A) % n == 0, f"(a multiple of {n}, m)")
    return A[::n], A[n - 1 :: n], float(levels[-1] - levels[0])


def interval_figures(low: Any, high: Any, true: Any, asked: float) -> IntervalFigures:
    """Return what the intervals of one target hold.

    Parameters
    ----------
    low, high, true : array_like, shape (m,)
    asked : float
    """
    low, high, true = (np.asarray(one, dtype=np.float64) for one in (low, high, true))
    known = _known(low, high, true)
    low, high, true = low[known], high[known], true[known]
    n, n_left_out = len(true), int((~known).sum())
    if not n:
        return IntervalFigures(0, n_left_out, 0, *[math.nan] * 6)
    ended = np.isfinite(low) & np.isfinite(high)
    with np.errstate(over="ignore"):
        widths = high[ended] - low[ended]
        ends = np.quantile(true, [0.5 - asked / 2, 0.5 + asked / 2])
    below, above = float(np.mean(true < low)), float(np.mean(true > high))
    return IntervalFigures(
        n,
        n_left_out,
        int((~ended).sum()),
        float(np.mean((true >= low) & (true <= high))),
        math.sqrt(asked * (1.0 - asked) / n),
        float(widths.mean()) if ended.any() else math.inf,
        float(ends[1] - ends[0]),
        below,
        above,
    )


def _known(low: _Values, high: _Values, true: _Values) -> _Values:
    return np.isfinite(true) & ~np.isnan(low) & ~np.isnan(high)


def intervals_section(
    low: Any,
    high: Any,
    true: Any,
    names: Sequence[str],
    asked: float,
    predicted: Any = None,
) -> Section | None:
    """Section on intervals: what part of the true values they hold, and how wide they are.

    Parameters
    ----------
    low, high : array_like, shape (n_targets, m), or None
        The ends of the intervals; they may be infinite. None of a model that gives no interval.
    true : array_like, shape (n_targets, m)
    names : sequence of str
        Of the targets.
    asked : float
        The part that they should hold, between 0 and 1.
    predicted : array_like, shape (n_targets, m), optional
        By which the examples are sorted. Default: the middle of each interval.

    Returns
    -------
    Section or None
        None where there is no interval.

    Raises
    ------
    ValueError
        Where the shapes are not those, or an interval ends below its beginning.
    """
    if low is None or high is None:
        return None
    asked = check_number("asked", asked, lambda x: 0.0 < x < 1.0, "0 < asked < 1")
    bottom, top, actual = (np.asarray(one, dtype=np.float64) for one in (low, high, true))
    check("low", bottom.shape, bottom.ndim == 2, "(n_targets, m)")
    for name, one in (("high", top), ("true", actual)):
        check(name, one.shape, one.shape == bottom.shape, f"the shape {bottom.shape}")
    check("names", len(names), len(names) == len(bottom), f"{len(bottom)}, one for each target")
    n_crossed = int(np.count_nonzero(bottom > top))
    check("high", f"{n_crossed:,} below low", not n_crossed, "the upper ends of intervals")
    order_by = _middles(bottom, top) if predicted is None else np.asarray(predicted, np.float64)
    check("predicted", order_by.shape, order_by.shape == bottom.shape, f"{bottom.shape}")
    figures = [interval_figures(*one, asked) for one in zip(bottom, top, actual, strict=True)]
    if not any(one.n for one in figures):
        return None
    of_targets = class_names(names)
    parts = zip(of_targets, bottom, top, actual, order_by, figures, strict=True)
    content = {
        "asked": f"{asked:.4g}" if asked > 0.999 else f"{100 * asked:.4g}%",
        "sentence": _sentence(figures, asked),
        "overview": _overview(of_targets, figures),
        "targets": [_target(*one) for one in list(parts)[:_MOST_DRAWN] if one[-1].n],
        "n_targets": len(names),
        "n_left_out": max(0, len(names) - _MOST_LISTED),
    }
    return Section("Intervals", "intervals", content)


def _middles(low: _Values, high: _Values) -> _Values:
    """Return the middle of each interval, or the end that it has."""
    with np.errstate(invalid="ignore"):
        middles = 0.5 * low + 0.5 * high
    ends = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0.0))
    return np.where(np.isfinite(middles), middles, ends)


def _sentence(figures: Sequence[IntervalFigures], asked: float) -> str:
    """Say whether intervals hold what they promise, as far as so many examples tell."""
    known = [one for one in figures if one.n]
    if len(known) > 1:
        fit = sum(abs(one.found - asked) <= 2.0 * one.error for one in known)
        return (
            f"They should hold {100 * asked:.4g}% of the true values. Of {fit:,} of "
            f"{counted(len(known), 'target')} they do, within two standard errors."
        )
    (one,) = known
    gap = one.found - asked
    if abs(gap) <= 2.0 * one.error:
        word = "as many as they should, within two standard errors"
    else:
        word = "more than they should: too wide" if gap > 0.0 else "too few: too narrow"
    return (
        f"They should hold {100 * asked:.4g}% of the true values, and hold {one.found:.1%} of "
        f"{counted(one.n, 'example')}: {word}."
    )


def _overview(names: Sequence[str], figures: Sequence[IntervalFigures]) -> list[list[Cell]]:
    """Return a row of figures for each target."""
    return [
        [
            (name, place),
            _share(one.found, one.error),
            percent(one.below),
            percent(one.above),
            number(one.width),
            number(one.width_of_mean),
            (f"{one.n:,}", one.n),
        ]
        for place, (name, one) in enumerate(zip(names, figures, strict=True))
    ][:_MOST_LISTED]


def _share(part: float, error: float) -> Cell:
    return percent(part) if math.isnan(part) else (f"{part:.1%} ± {error:.1%}", key(part))


def _target(
    name: str,
    low: _Values,
    high: _Values,
    true: _Values,
    order_by: _Values,
    found: IntervalFigures,
) -> dict[str, Any]:
    """Return what the template shows of a target."""
    known = np.flatnonzero(_known(low, high, true))
    known = known[np.argsort(order_by[known], kind="stable")]
    ended = known[np.isfinite(low[known]) & np.isfinite(high[known])]
    few = ended[np.linspace(0, len(ended) - 1, min(len(ended), _MOST_BARS)).round().astype(int)]
    return {
        "name": name,
        "chart": scatter_chart(
            (np.flatnonzero(np.isin(ended, few)) + 1).tolist(),
            true[few].tolist(),
            x_name="examples, by predicted value",
            y_name=f"true {name}",
            spread=(low[few].tolist(), high[few].tolist()),
            hover=True,
        ),
        "n_shown": len(few),
        "n": found.n,
        "by_part": _by_part(low[known], high[known], true[known], order_by[known]),
        "notes": _notes(found),
    }


def _by_part(low: _Values, high: _Values, true: _Values, order_by: _Values) -> list[list[Cell]]:
    """Return rows of examples with like predicted values: what their intervals hold."""
    n_parts = min(_N_PARTS, len(true) // _FEWEST)
    if n_parts < 2:
        return []
    rows: list[list[Cell]] = []
    for places in np.array_split(np.arange(len(true)), n_parts):
        found = interval_figures(low[places], high[places], true[places], 0.5)
        begin, end = float(order_by[places[0]]), float(order_by[places[-1]])
        spread = math.sqrt(found.found * (1.0 - found.found) / found.n)
        rows.append(
            [
                (f"{digits(begin)}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{digits(end)}", begin),
                (f"{found.n:,}", found.n),
                _share(found.found, spread),
                number(found.width),
            ]
        )
    return rows


def _notes(found: IntervalFigures) -> list[str]:
    notes = []
    if found.n_infinite:
        notes.append(
            f"{counted(found.n_infinite, 'interval')} without end: too few examples were held out "
            "in the training for such a coverage. They hold every value, and have no part in the "
            "width."
        )
    if found.n_left_out:
        notes.append(
            f"{counted(found.n_left_out, 'example')} left out, of which an end or the true value "
            "is not a number."
        )
    return notes
