"""Importances of the columns of a table on a page."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.svg import bar_chart

__all__ = ["importances_section"]

_MOST_DRAWN, _MOST_LISTED = 30, 1_000


def importances_section(
    importances: Any, spread: Any = None, names: Sequence[str] | None = None
) -> Section:
    """Section on how much the cost grows where a column of a table is shuffled.

    Parameters
    ----------
    importances : array_like, shape (n_features,)
    spread : array_like, shape (n_features,), optional
        Their standard deviations.
    names : sequence of str, optional
        Default: ``feature 1``, ...

    Raises
    ------
    ValueError
        Where there are not as many of each.
    """
    values = np.asarray(importances, dtype=np.float64)
    check("importances", values.shape, values.ndim == 1, "(n_features,)")
    deviations = None if spread is None else np.asarray(spread, dtype=np.float64)
    if deviations is not None:
        check("spread", deviations.shape, deviations.shape == values.shape, f"{values.shape}")
    given = [f"feature {i + 1}" for i in range(values.size)] if names is None else list(names)
    check("names", len(given), len(given) == values.size, f"{values.size} names")
    known = class_names(given)
    order = np.argsort(-values, kind="stable")
    drawn = [int(i) for i in order[:_MOST_DRAWN] if np.isfinite(values[i])]
    content = {
        "chart": bar_chart(
            values[drawn].tolist(),
            [known[i] for i in drawn],
            x_name="growth of the cost where the column is shuffled",
            spread=None if deviations is None else deviations[drawn].tolist(),
        ),
        "n_drawn": len(drawn),
        "n_features": values.size,
        "rows": [
            (known[i], float(values[i]), None if deviations is None else float(deviations[i]))
            for i in order[:_MOST_LISTED]
        ],
    }
    return Section("Which columns matter", "column_importances", content)
