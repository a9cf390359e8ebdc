"""Calibration on a page: whether a network is right as often as it says."""

from typing import Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.calibration import Reliability, reliability
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.words import counted
from dnn_xp.svg import scatter_chart

__all__ = ["calibration_section"]


def calibration_section(true: Any, probabilities: Any) -> Section:
    """Section on whether a network is right as often as it says.

    Parameters
    ----------
    true : array_like of int, shape (m,)
        Classes by number.
    probabilities : array_like, shape (n_classes, m)
        An example for which one is NaN is left out.

    Raises
    ------
    ValueError
        Where the shapes are not those, or there are no probabilities.
    """
    true, A = np.asarray(true), np.asarray(probabilities, dtype=np.float64)
    fits = A.ndim == 2 and len(A) > 0 and A.shape[1:] == true.shape
    check("probabilities", A.shape, fits, f"(n_classes, {len(true)})")
    whole = ~np.isnan(A).any(axis=0)
    n, n_broken = int(whole.sum()), int((~whole).sum())
    broken = f"Of {counted(n_broken, 'example')} probabilities are not numbers (NaN): left out."
    content = {"n": n, "broken": broken if n_broken else "", "sentences": "", "chart": ""}
    if n:
        # The sum of a softmax may be 1 and a rounding.
        sure = A[:, whole].max(axis=0)
        sure = np.where(sure <= 1.001, np.minimum(sure, 1.0), sure)
        right = A[:, whole].argmax(axis=0) == true[whole]
        found = reliability(sure, right)
        content["error"] = found.error
        content["sentences"] = _sentences(found, float(sure.mean()), float(right.mean()))
        content["chart"] = _chart(found)
        content["bins"] = _bins(found)
    return Section("Is it as sure as it should be?", "certainty", content)


def _sentences(found: Reliability, sure: float, right: float) -> str:
    """Say the expected calibration error, and whether it is too sure or too careful."""
    gap = sure - right
    if abs(gap) < 0.005:
        word = "about as sure as it should be, as a whole"
    else:
        word = f"{'too sure' if gap > 0.0 else 'too careful'} by {100.0 * abs(gap):.1f} points"
    return (
        f"It says {sure:.1%} on average and is right {right:.1%} of the time: {word}. In bins of "
        f"like confidence the two are {100.0 * found.error:.1f} percentage points apart on average "
        f"(the expected calibration error, ECE: {found.error:.4f})."
    )


def _chart(found: Reliability) -> str:
    there = found.counts > 0
    right, error = found.right[there], found.spread()[there]
    return scatter_chart(
        found.confidences[there].tolist(),
        right.tolist(),
        x_name="how sure it is",
        y_name="part that is right",
        line="diagonal",
        spread=(
            np.clip(right - error, 0.0, 1.0).tolist(),
            np.clip(right + error, 0.0, 1.0).tolist(),
        ),
        hover=True,
    )


def _bins(found: Reliability) -> list[dict[str, Any]]:
    """Return the rows of the table, of the bins in which there are predictions."""
    n, spread = len(found.counts), found.spread()
    return [
        {
            "range": f"{k / n:.0%} to {(k + 1) / n:.0%}",
            "says": float(found.confidences[k]),
            "right": float(found.right[k]),
            "spread": float(spread[k]),
            "count": int(found.counts[k]),
        }
        for k in np.flatnonzero(found.counts)
    ]
