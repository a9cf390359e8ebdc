"""Intervals of predictions on a page: whether they hold as many true values as they promise."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_xp.arguments import check, check_positive
from dnn_xp.backends import HostArray
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.svg import scatter_chart

__all__ = ["intervals_section"]

_MOST_DRAWN, _MOST_POINTS, _PARTS = 12, 120, 10


def intervals_section(
    low: Any, high: Any, true: Any, names: Sequence[str], asked: float
) -> Section:
    """Section on intervals: how many true values they hold, and how wide they are.

    Parameters
    ----------
    low, high, true : array_like, shape (n_targets, m)
        What is not finite is left out, but that an infinite interval holds every value.
    names : sequence of str
        Of the targets.
    asked : float
        The part of true values that intervals are to hold, above 0 and below 1.

    Raises
    ------
    ValueError
        Where there are not as many of each.
    """
    ends = [np.asarray(one, dtype=np.float64) for one in (low, high, true)]
    for name, one in zip(("low", "high", "true"), ends, strict=True):
        fits = one.ndim == 2 and one.shape == ends[2].shape
        check(name, one.shape, fits, f"the shape {ends[2].shape}, (n_targets, m)")
    check("asked", asked, check_positive("asked", asked) < 1.0, "a part, above 0 and below 1")
    shown = class_names(names)
    targets = [
        found
        for name, *rows in zip(shown, *ends, strict=True)
        if (found := _one_target(name, *rows)) is not None
    ]
    content = {"targets": targets[:_MOST_DRAWN], "n_targets": len(shown), "asked": asked}
    return Section("Intervals", "intervals", content)


def _one_target(
    name: str, low: HostArray, high: HostArray, true: HostArray
) -> dict[str, Any] | None:
    """Return what the template shows of a target; None where nothing is known of it."""
    known = np.flatnonzero(np.isfinite(true) & ~np.isnan(low) & ~np.isnan(high))
    if not known.size:
        return None
    low, high, true = low[known], high[known], true[known]
    held, bounded = (low <= true) & (true <= high), np.isfinite(low) & np.isfinite(high)
    middle = true.copy()
    middle[bounded] = 0.5 * low[bounded] + 0.5 * high[bounded]
    order = np.argsort(middle, kind="stable")
    drawn = order[bounded[order]]
    drawn = drawn[:: max(1, -(-len(drawn) // _MOST_POINTS))]
    return {
        "name": name,
        "n": len(known),
        "found": float(held.mean()),
        "error": float(np.sqrt(held.mean() * (1.0 - held.mean()) / len(known))),
        "width": float((high[bounded] - low[bounded]).mean()) if bounded.any() else math.inf,
        "n_unbounded": int((~bounded).sum()),
        "n_drawn": len(drawn),
        "chart": scatter_chart(
            middle[drawn].tolist(),
            true[drawn].tolist(),
            x_name="middle of the interval",
            y_name=f"true {name}",
            line="diagonal",
            spread=(low[drawn].tolist(), high[drawn].tolist()),
            hover=True,
        ),
        "parts": [
            {
                "from": float(middle[part[0]]),
                "to": float(middle[part[-1]]),
                "n": len(part),
                "found": float(held[part].mean()),
            }
            for part in np.array_split(order, min(_PARTS, len(order)))
        ],
    }
