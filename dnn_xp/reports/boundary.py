"""The decision boundary of a network of two features, with examples on it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.backends import require
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, MARKERS, headed, legend_name, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["decision_boundary"]

_FINENESS = 200
"""Points along each side at which the network is asked."""


@drawn
def decision_boundary(
    predict: Callable[[Any], Any],
    X: Any,
    y: Any,
    classes: Sequence[str] | None = None,
    *,
    features: Sequence[str] = ("feature 1", "feature 2"),
    title: str | None = None,
) -> "Figure":
    """Decision boundary over two features: the probable class of each point, with the examples.

    Parameters
    ----------
    predict : callable
        ``predict(X)`` returns the probabilities, shape (n_outputs, m), of host examples, shape
        (2, m); one row is the probability of the second of two classes.
    X : array_like, shape (2, m)
        Examples.
    y : array_like of int, shape (m,)
        Their classes, from 0.
    classes : sequence of str, optional
        Names. Default: numbers.
    features : sequence of str
        Names of the two features.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        A point's shade is the colour of its class, the paler the less probable. On black lines two
        classes are as probable.

    Raises
    ------
    ValueError
        Where there are not two features, or no examples.
    """
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y)
    fits = X.ndim == 2 and X.shape[0] == 2 and X.shape[1] > 0
    check("X", X.shape, fits, "(2, m): a row for each of two features")
    check("y", y.shape, y.shape == X.shape[1:], f"a class for each of {X.shape[1]} examples")
    lowest, highest = X.min(axis=1), X.max(axis=1)
    margin = np.where(highest > lowest, 0.08 * (highest - lowest), 1.0)
    sides = [np.linspace(lowest[i] - margin[i], highest[i] + margin[i], _FINENESS) for i in (0, 1)]
    columns, rows = np.meshgrid(*sides)
    A = np.asarray(predict(np.stack([columns.ravel(), rows.ravel()])), dtype=np.float64)
    A = np.concat([1.0 - A, A]) if A.shape[0] == 1 else A
    n_classes = A.shape[0]
    names = [str(i) for i in range(n_classes)] if classes is None else list(classes)
    chosen = A.argmax(axis=0)

    figure = new_figure(6.4, 4.8)
    axes = figure.add_subplot(xlabel=short(features[0], 40), ylabel=short(features[1], 40))
    shades = _shades(A).reshape(_FINENESS, _FINENESS, 3)
    extent = (*sides[0][[0, -1]], *sides[1][[0, -1]])
    axes.imshow(shades, origin="lower", extent=extent, aspect="auto", interpolation="bilinear")
    others = np.where(np.arange(n_classes)[:, None] == chosen, -np.inf, A).max(axis=0)
    for k in np.unique(chosen):
        ahead = np.where(chosen == k, A[k] - others, A[k] - A.max(axis=0))
        surface = ahead.reshape(columns.shape)
        if surface.min() < 0.0 < surface.max():
            axes.contour(columns, rows, surface, [0.0], colors="black", linewidths=1.0)
    _draw_examples(axes, X, y, names)
    axes.set_title(headed(title, "shade: the predicted class, the paler the less probable"))
    return figure


def _draw_examples(
    axes: "Axes", X: np.ndarray[Any, Any], y: np.ndarray[Any, Any], names: Sequence[str]
) -> None:
    """Draw each class in a colour and with a marker of its own."""
    for k, name in enumerate(names):
        x1, x2 = X[:, y == k]
        if x1.size:
            axes.scatter(
                x1,
                x2,
                s=float(np.clip(6000.0 / X.shape[1], 9.0, 36.0)),
                c=COLOURS[k % len(COLOURS)],
                marker=MARKERS[k % len(MARKERS)],
                edgecolors="white",
                linewidths=0.3,
                label=legend_name(name, 20),
            )
    axes.legend(
        title="true class",
        markerscale=float(np.clip(X.shape[1] / 600.0, 1.0, 2.0)),
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
    )


def _shades(A: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the colour of each point, shape (m, 3): a pale one of its most probable class."""
    to_rgb = require("matplotlib.colors", extra="app").to_rgb
    of_class = np.asarray([to_rgb(COLOURS[k % len(COLOURS)]) for k in range(A.shape[0])])
    least = 1.0 / A.shape[0]
    depth = 0.06 + 0.26 * (A.max(axis=0) - least) / (1.0 - least)
    return np.asarray(1.0 - depth[:, None] * (1.0 - of_class[A.argmax(axis=0)]))
