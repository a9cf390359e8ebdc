"""Calibration: whether a network is right as often as it says."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check, check_whole
from dnn_xp.backends import require
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, FAINT, headed
from dnn_xp.reports.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["reliability_diagram"]


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
    sure, right = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=bool)
    bins = check_whole("bins", bins, 1)
    fits = sure.ndim == 1 and sure.size > 0 and bool(np.all((sure >= 0) & (sure <= 1)))
    check("confidences", confidences, fits, "probabilities, shape (m,)")
    check("right", right.shape, right.shape == sure.shape, f"the shape {sure.shape}")
    # A probability on an edge belongs to the bin below it, and 0 to the first.
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    there = counts > 0
    mean_sure, mean_right = (
        np.bincount(place, weights=values, minlength=bins)[there] / counts[there]
        for values in (sure, right.astype(np.float64))
    )
    error = float(np.sum(counts[there] * np.abs(mean_sure - mean_right)) / sure.size)

    figure = new_figure(5.0, 6.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    blue, vermilion = COLOURS[:2]
    upper.plot([0, 1], [0, 1], "--", color=FAINT, label="as sure as right")
    # Each standard error is that of a share of so many.
    spread = np.sqrt(mean_right * (1.0 - mean_right) / counts[there])
    upper.errorbar(
        mean_sure,
        mean_right,
        yerr=spread,
        fmt="o-",
        color=blue,
        capsize=2,
        elinewidth=0.8,
        label="predictions, with a standard error",
    )
    upper.set(ylabel="part that is right", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    upper.grid(True)
    edges = np.linspace(0.0, 1.0, bins + 1)
    lower.bar(edges[:-1], counts, np.diff(edges), align="edge", color=blue, edgecolor="white")
    lower.axvline(float(sure.mean()), color=vermilion, linestyle="--", label="mean confidence")
    lower.axvline(float(right.mean()), color="black", linestyle=":", label="accuracy")
    lower.set(xlabel="confidence: probability of the predicted class", ylabel="predictions")
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    percent = require("matplotlib.ticker", extra="app").PercentFormatter
    upper.yaxis.set_major_formatter(percent(1.0))
    lower.xaxis.set_major_formatter(percent(1.0))
    said = f"{counted(sure.size, 'prediction')}, ECE {error:.2%}"
    upper.set_title(headed(title, said))
    return figure
