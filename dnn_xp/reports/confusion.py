"""The confusion matrix as a picture: which classes are taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.backends import require
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import headed, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["are_classes", "confusion_heatmap", "count_pairs"]

_MOST_SHARES, _MOST_WRITTEN, _MOST_NAMED = 12, 25, 60
"""Classes up to which shares, and counts, are written into the cells, and every class is named."""


def are_classes(y: np.ndarray[Any, Any], n_classes: int) -> bool:
    """Return whether an array holds classes by number, from 0 on.

    Parameters
    ----------
    y : ndarray
    n_classes : int
    """
    if not y.size:
        return True
    return np.isdtype(y.dtype, "integral") and bool(0 <= y.min() <= y.max() < n_classes)


def count_pairs(n_classes: int, true: Any, predicted: Any) -> np.ndarray[Any, Any]:
    """Return how many examples of each class are taken for each class, of classes by number.

    Parameters
    ----------
    n_classes : int
    true, predicted : array_like of int, shape (m,)
        Classes, from 0 on.

    Returns
    -------
    ndarray of int, shape (n_classes, n_classes)
        True classes in rows.

    Raises
    ------
    ValueError
        Where there is another number, or not a predicted class for each true one.
    """
    true, predicted = np.asarray(true), np.asarray(predicted)
    check("true", true.shape, true.ndim == 1, "the class of each example, shape (m,)")
    check("predicted", predicted.shape, predicted.shape == true.shape, f"the shape {true.shape}")
    for name, found in (("true", true), ("predicted", predicted)):
        fits = are_classes(found, n_classes)
        check(name, found, fits, f"classes, whole numbers from 0 to {n_classes - 1}")
    places = true.astype(np.int64) * n_classes + predicted.astype(np.int64)
    return np.bincount(places, minlength=n_classes**2).reshape(n_classes, n_classes)


@drawn
def confusion_heatmap(
    counts: Any, classes: Sequence[str] | None = None, *, title: str | None = None
) -> "Figure":
    """Confusion matrix: how many examples of each class are taken for each class.

    A cell's shade is its share of the true class, the row; in it stand the count and the share, as
    far as there are few enough classes to read them.

    Parameters
    ----------
    counts : array_like, shape (n_classes, n_classes)
        As of `dnn_xp.functions.metrics.confusion_matrix`: true classes in rows.
    classes : sequence of str, optional
        Their names. Default: their numbers.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        Where the matrix is not square, holds what is no count, or has other classes than names.
    """
    counts = np.asarray(counts, dtype=np.float64)
    n = counts.shape[0] if counts.ndim == 2 else 0
    check("counts", counts.shape, n > 0 and counts.shape == (n, n), "as many rows as columns")
    fits = bool(np.all(np.isfinite(counts)) and np.all(counts >= 0))
    check("counts", counts, fits, "counts, from 0 on")
    names = [str(i) for i in range(n)] if classes is None else list(classes)
    check("classes", len(names), len(names) == n, f"{n} names, one for each row of counts")

    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    side = float(np.clip(2.5 + 0.46 * n, 4.2, 12.0))
    figure = new_figure(side + 1.2, side)
    axes = figure.add_subplot(xlabel="predicted class", ylabel="true class")
    # By their roots: an error of one in a hundred can be seen, too.
    root = require("matplotlib.colors", extra="app").PowerNorm(0.5, vmin=0.0, vmax=1.0)
    image = axes.imshow(shares, cmap="Blues", norm=root)
    axes.spines[:].set_visible(True)
    bar = figure.colorbar(image, label="share of the true class", shrink=0.8)
    percent = require("matplotlib.ticker", extra="app").PercentFormatter(1.0, decimals=0)
    bar.ax.yaxis.set_major_formatter(percent)
    _name_classes(axes, names)
    if n <= _MOST_WRITTEN:
        _write_counts(axes, counts, shares)
    axes.set_title(headed(title, _summary(counts)))
    return figure


def _summary(counts: np.ndarray[Any, Any]) -> str:
    right, total = float(np.trace(counts)), float(counts.sum())
    if not total:
        return "no examples"
    return f"{right:,.6g} of {total:,.6g} right ({right / total:.2%})"


def _name_classes(axes: "Axes", names: Sequence[str]) -> None:
    """Name every class, or every so many where they are many."""
    every = -(-len(names) // _MOST_NAMED)
    places = range(0, len(names), every)
    labels = [short(names[place]) for place in places]
    size = float(np.clip(300.0 / len(labels), 5.0, 10.0))
    upright = max(len(label) for label in labels) > (3 if len(labels) > 5 else 8)
    axes.set_xticks(places, labels, fontsize=size, rotation=90 if upright else 0)
    axes.set_yticks(places, labels, fontsize=size)


def _write_counts(axes: "Axes", counts: np.ndarray[Any, Any], shares: np.ndarray[Any, Any]) -> None:
    """Write each count into its cell, with its share where there is room; none for nothing."""
    longest = max(len(f"{count:.6g}") for count in counts.flat)
    size = float(np.clip(30.0 / longest, 4.0, 9.0))
    with_shares = len(counts) <= _MOST_SHARES
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.3 else "black"
            words = f"{count:.6g}"
            if with_shares:
                words += f"\n{shares[row, column]:.1%}"
            axes.text(column, row, words, ha="center", va="center", color=colour, fontsize=size)
