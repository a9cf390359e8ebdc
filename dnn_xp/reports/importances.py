"""Importances of features as bars, with their spread."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, headed, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["by_importance", "importance_bars"]


def by_importance(importances: Any) -> np.ndarray[Any, Any]:
    """Return the places of importances, the largest first; of what is NaN, last.

    Parameters
    ----------
    importances : array_like, shape (n_features,)
    """
    return np.argsort(-np.asarray(importances, dtype=np.float64), kind="stable")


@drawn
def importance_bars(
    importances: Any,
    spread: Any = None,
    names: Sequence[str] | None = None,
    *,
    at_most: int = 30,
    title: str | None = None,
) -> "Figure":
    """Bars of the importances of features, the largest on top, with their spread.

    Parameters
    ----------
    importances : array_like, shape (n_features,)
        ``feature_importances_`` of a `TabularClassifier` or `TabularRegressor`.
    spread : array_like, shape (n_features,), optional
        Their standard deviations, ``feature_importances_std_``.
    names : sequence of str, optional
        Of the features, ``feature_names_in_``. Default: ``feature 1``, ...
    at_most : int
        How many are drawn.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        Where there are not as many names or deviations as importances.
    """
    values = np.asarray(importances, dtype=np.float64)
    check("importances", values.shape, values.ndim == 1 and values.size > 0, "(n_features,)")
    errors = np.zeros_like(values) if spread is None else np.asarray(spread, dtype=np.float64)
    check("spread", errors.shape, errors.shape == values.shape, f"the shape {values.shape}")
    known = [f"feature {i + 1}" for i in range(values.size)] if names is None else list(names)
    check("names", len(known), len(known) == values.size, f"{values.size} names")

    order = by_importance(values)[:at_most]
    figure = new_figure(6.4, 1.2 + 0.26 * len(order))
    axes = figure.add_subplot(xlabel="growth of the cost where the feature is shuffled")
    axes.barh(
        np.arange(len(order)),
        values[order],
        xerr=None if spread is None else errors[order],
        color=COLOURS[0],
        error_kw={"ecolor": "black", "elinewidth": 1.0, "capsize": 2.0},
    )
    axes.set_yticks(range(len(order)), [short(known[i], 30) for i in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.grid(True, axis="x")
    few = f"the {len(order)} largest of {values.size:,} importances"
    said = few if len(order) < values.size else "importances of the features"
    said += "" if spread is None else ", with a standard deviation"
    figure.suptitle(headed(title, said))
    return figure
