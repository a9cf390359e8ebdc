"""Importances of the columns of a table on a page: bars of the largest, and a table of all."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.importances import by_importance
from dnn_xp.reports.pages.cells import number
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.svg import bar_chart

__all__ = ["importances_section"]

_MOST_DRAWN, _MOST_LISTED = 30, 1_000
"""Columns that have a bar, and those that have a row in the table below."""


def importances_section(
    importances: Any, spread: Any = None, names: Sequence[str] | None = None
) -> Section | None:
    """Section with the importances of columns: the largest as bars, and a table of all.

    Parameters
    ----------
    importances : array_like, shape (n_columns,)
        ``feature_importances_`` of a `TabularClassifier` or `TabularRegressor`.
    spread : array_like, shape (n_columns,), optional
        Their standard deviations.
    names : sequence of str, optional
        Default: ``feature 1``, ...

    Returns
    -------
    Section or None
        None where there are no columns.

    Raises
    ------
    ValueError
        Where there are not as many names or deviations as importances.
    """
    values = np.asarray(importances, dtype=np.float64)
    check("importances", values.shape, values.ndim == 1, "(n_columns,)")
    errors = None if spread is None else np.asarray(spread, dtype=np.float64)
    if errors is not None:
        check("spread", errors.shape, errors.shape == values.shape, f"the shape {values.shape}")
    if names is not None:
        check("names", len(names), len(names) == len(values), f"{len(values)} names")
    if not len(values):
        return None
    known = class_names(names or [f"feature {i + 1}" for i in range(len(values))])
    order = by_importance(values)
    drawn = order[:_MOST_DRAWN]
    content = {
        "chart": bar_chart(
            values[drawn].tolist(),
            [known[i] for i in drawn],
            x_name="growth of the cost where the column is shuffled",
            spread=None if errors is None else errors[drawn].tolist(),
        ),
        "n_drawn": len(drawn),
        "n": len(values),
        "n_without": _count_without(values, errors),
        "has_spread": errors is not None,
        "rows": [
            [
                known[i],
                number(float(values[i])),
                *([] if errors is None else [number(float(errors[i]), 2)]),
            ]
            for i in order[:_MOST_LISTED]
        ],
        "n_left_out": max(0, len(values) - _MOST_LISTED),
    }
    return Section("Which columns count", "column_importances", content)


def _count_without(values: np.ndarray[Any, Any], errors: np.ndarray[Any, Any] | None) -> int:
    """Return how many columns may as well have no importance: no more than a deviation above 0."""
    return int(np.count_nonzero(values <= (0.0 if errors is None else errors)))
