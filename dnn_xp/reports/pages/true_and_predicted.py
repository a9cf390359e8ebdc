"""Predicted values against true ones on a page: charts, figures, and where it is furthest off."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.backends import HostArray
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.residuals import ResidualFigures, residual_figures
from dnn_xp.svg import scatter_chart

__all__ = ["values_section"]

_MOST_DRAWN, _MOST_POINTS, _MOST_WORST, _MOST_TARGETS = 12, 1_500, 20, 500
"""Targets with charts, points in a chart, examples in a table, and targets with figures."""

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def values_section(predicted: Any, true: Any, names: Sequence[str]) -> Section:
    """Section that shows predicted values against true ones.

    Parameters
    ----------
    predicted, true : array_like, shape (n_targets, m)
        What is not finite is left out, and counted.
    names : sequence of str
        Of the targets.

    Raises
    ------
    ValueError
        Where there are not as many of each.
    """
    values, actual = (np.asarray(one, dtype=np.float64) for one in (predicted, true))
    check("predicted", values.shape, values.ndim == 2, "values, shape (n_targets, m)")
    check("true", actual.shape, actual.shape == values.shape, f"the shape {values.shape}")
    check("names", len(names), len(names) == len(values), f"{len(values)} names")
    figures = [residual_figures(*pair) for pair in zip(values, actual, strict=True)]
    shown = class_names(names)
    content = {
        "targets": [
            _one_target(name, *parts)
            for name, *parts in zip(shown, figures, values, actual, strict=True)
        ][:_MOST_DRAWN],
        "rows": [*zip(shown, figures, strict=True)][:_MOST_TARGETS],
        "n_targets": len(shown),
        "n_examples": values.shape[1],
    }
    return Section("Predicted and true values", "true_and_predicted", content)


def _one_target(
    name: str, figures: ResidualFigures, predicted: HostArray, true: HostArray
) -> dict[str, Any]:
    """Return what the template shows of a target."""
    residuals = true - predicted
    finite = np.flatnonzero(np.isfinite(residuals))
    chosen = finite[:: max(1, -(-len(finite) // _MOST_POINTS))]
    worst = finite[np.argsort(-np.abs(residuals[finite]), kind="stable")][:_MOST_WORST]
    return {
        "name": name,
        "figures": figures,
        "n_drawn": len(chosen),
        "n_finite": len(finite),
        "against": scatter_chart(
            true[chosen].tolist(),
            predicted[chosen].tolist(),
            x_name=f"true {name}",
            y_name="predicted",
            line="diagonal",
            hover=True,
        ),
        "residuals": scatter_chart(
            predicted[chosen].tolist(),
            residuals[chosen].tolist(),
            x_name=f"predicted {name}",
            y_name="true - predicted",
            line="zero",
            hover=True,
        ),
        "quantiles": _quantiles(residuals[finite]),
        "worst": [
            {
                "number": int(i) + 1,
                "true": float(true[i]),
                "predicted": float(predicted[i]),
                "residual": float(residuals[i]),
            }
            for i in worst
        ],
    }


def _quantiles(residuals: HostArray) -> list[tuple[str, float]]:
    if not residuals.size:
        return []
    names = ("lowest", "5%", "25%", "median", "75%", "95%", "highest")
    return [*zip(names, map(float, np.quantile(residuals, _QUANTILES)), strict=True)]
