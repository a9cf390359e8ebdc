"""Calibration: whether a network is right as often as it says."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check, check_whole
from dnn_xp.backends import require
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, FAINT, headed
from dnn_xp.reports.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Reliability", "reliability", "reliability_diagram"]


class Reliability(NamedTuple):
    """How often predictions are right, by how sure they are.

    Attributes
    ----------
    counts : ndarray of int, shape (bins,)
        Of predictions in each bin; the bins are of the same width, from 0 to 1.
    confidences : ndarray, shape (bins,)
        The mean confidence in each; NaN where there is none.
    right : ndarray, shape (bins,)
        The part that is right, likewise.
    error : float
        The expected calibration error (ECE): the mean distance of the two, over all predictions
        (Guo et al. 2017).
    """

    counts: np.ndarray[Any, Any]
    confidences: np.ndarray[Any, Any]
    right: np.ndarray[Any, Any]
    error: float

    def spread(self) -> np.ndarray[Any, Any]:
        """Return the standard error of each part that is right: that of a share of so many."""
        return np.asarray(np.sqrt(self.right * (1.0 - self.right) / np.maximum(self.counts, 1)))


def reliability(confidences: Any, right: Any, bins: int = 10) -> Reliability:
    """Return how often predictions are right, by how sure they are.

    Parameters
    ----------
    confidences : array_like, shape (m,)
        Probabilities of the predicted classes.
    right : array_like of bool, shape (m,)
        Whether the predicted class is the true one.
    bins : int

    Raises
    ------
    ValueError
        Where there are no probabilities, or not as many answers.
    """
    sure, right = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=bool)
    bins = check_whole("bins", bins, 1)
    fits = sure.ndim == 1 and sure.size > 0 and bool(np.all((sure >= 0) & (sure <= 1)))
    check("confidences", confidences, fits, "probabilities, shape (m,)")
    check("right", right.shape, right.shape == sure.shape, f"the shape {sure.shape}")
    # A probability on an edge belongs to the bin below it, and 0 to the first.
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    mean_sure, mean_right = (
        np.divide(sums, counts, out=np.full(bins, np.nan), where=counts > 0)
        for sums in (np.bincount(place, weights=one, minlength=bins) for one in (sure, right))
    )
    error = float(np.nansum(counts * np.abs(mean_sure - mean_right)) / sure.size)
    return Reliability(counts, mean_sure, mean_right, error)


@drawn
def reliability_diagram(
    confidences: Any, right: Any, *, bins: int = 10, title: str | None = None
) -> "Figure":
    """Reliability diagram: how often predictions are right, by how sure they are.

    Below it stands how many predictions are how sure. The expected calibration error (ECE) is the
    mean distance of the two, over all predictions (Guo et al. 2017).

    Parameters
    ----------
    confidences : array_like, shape (m,)
        Probabilities of the predicted classes.
    right : array_like of bool, shape (m,)
        Whether the predicted class is the true one.
    bins : int
        Of the same width, from 0 to 1.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        Where there are no probabilities, or not as many answers.
    """
    found = reliability(confidences, right, bins)
    there = found.counts > 0
    sure, right = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=bool)

    figure = new_figure(5.0, 6.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    blue, vermilion = COLOURS[:2]
    upper.plot([0, 1], [0, 1], "--", color=FAINT, label="as sure as right")
    upper.errorbar(
        found.confidences[there],
        found.right[there],
        yerr=found.spread()[there],
        fmt="o-",
        color=blue,
        capsize=2,
        elinewidth=0.8,
        label="predictions, with a standard error",
    )
    upper.set(ylabel="part that is right", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    upper.grid(True)
    edges = np.linspace(0.0, 1.0, len(found.counts) + 1)
    lower.bar(edges[:-1], found.counts, np.diff(edges), align="edge", color=blue, edgecolor="white")
    lower.axvline(float(sure.mean()), color=vermilion, linestyle="--", label="mean confidence")
    lower.axvline(float(right.mean()), color="black", linestyle=":", label="accuracy")
    lower.set(xlabel="confidence: probability of the predicted class", ylabel="predictions")
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    percent = require("matplotlib.ticker", extra="app").PercentFormatter
    upper.yaxis.set_major_formatter(percent(1.0))
    lower.xaxis.set_major_formatter(percent(1.0))
    said = f"{counted(sure.size, 'prediction')}, ECE {found.error:.2%}"
    upper.set_title(headed(title, said))
    return figure
