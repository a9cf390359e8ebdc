"""Predicted values on a page: against the true ones, their residuals, and the worst of them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.pages.cells import Cell, number, with_error
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.residuals import ResidualFigures, residual_figures
from dnn_xp.reports.style import short
from dnn_xp.reports.words import counted
from dnn_xp.svg import scatter_chart

__all__ = ["values_section"]

_MOST_DRAWN, _MOST_LISTED = 12, 500
"""Targets that have charts, and those that have a row of figures."""

_MOST_POINTS, _FEWEST_POINTS = 2_000, 100
"""Of all charts together, and of one where there are many."""

_N_WORST = 20

_PARTS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_PART_NAMES = ["lowest", "5%", "25%", "median", "75%", "95%", "highest"]

_Values = np.ndarray[Any, Any]


def values_section(
    predicted: Any, true: Any, names: Sequence[str], rows: Sequence[str] | None = None
) -> Section:
    """Section with predicted values against true ones, their residuals, and the worst examples.

    What is not finite is left out, and its number is said. Figures are those of all examples; of
    many the charts show some.

    Parameters
    ----------
    predicted, true : array_like, shape (n_targets, m)
    names : sequence of str
        Of the targets, with their units.
    rows : sequence of str, optional
        Names of the examples. Default: their numbers, from 0.

    Raises
    ------
    ValueError
        Where the shapes are not those.
    """
    values, actual = (np.asarray(one, dtype=np.float64) for one in (predicted, true))
    check("predicted", values.shape, values.ndim == 2 and len(values) > 0, "(n_targets, m)")
    check("true", actual.shape, actual.shape == values.shape, f"the shape {values.shape}")
    check("names", len(names), len(names) == len(values), f"{len(values)}, one for each target")
    m = values.shape[1]
    if rows is not None:
        check("rows", len(rows), len(rows) == m, f"{m}, one for each example")
    of_targets = class_names(names)
    n_drawn = min(len(values), _MOST_DRAWN)
    n_points = max(_FEWEST_POINTS, _MOST_POINTS // (2 * n_drawn))
    figures = [residual_figures(*pair) for pair in zip(values, actual, strict=True)]
    pairs = zip(of_targets, values[:n_drawn], actual[:n_drawn], figures, strict=False)
    content = {
        "targets": [_target(*pair, n_points, rows) for pair in pairs],
        "overview": _overview(of_targets, figures) if len(values) > 1 else [],
        "part_names": _PART_NAMES,
        "n_targets": len(values),
        "n_drawn": n_drawn,
        "n_left_out": max(0, len(values) - _MOST_LISTED),
    }
    return Section("Predicted and true values", "true_and_predicted", content)


def _overview(names: Sequence[str], figures: Sequence[ResidualFigures]) -> list[list[Cell]]:
    """Return a row of figures for each target."""
    return [
        [
            (name, place),
            with_error(one.rmse, one.rmse_error),
            number(one.rmse_of_mean if one.n else math.nan),
            with_error(one.mae, one.mae_error),
            number(one.r2),
            (f"{one.n:,}", one.n),
        ]
        for place, (name, one) in enumerate(zip(names, figures, strict=True))
    ][:_MOST_LISTED]


def _target(
    name: str,
    values: _Values,
    true: _Values,
    found: ResidualFigures,
    n_points: int,
    rows: Sequence[str] | None,
) -> dict[str, Any]:
    """Return what the template shows of a target."""
    finite = np.flatnonzero(np.isfinite(values) & np.isfinite(true))
    with np.errstate(over="ignore"):  # of the largest numbers: shown as infinite
        residuals = true[finite] - values[finite]
    worst = np.argsort(-np.abs(residuals), kind="stable")[:_N_WORST]
    shown = _some(len(finite), n_points, worst)
    x, y, apart = values[finite][shown], true[finite][shown], residuals[shown]
    near = np.isfinite(apart)
    return {
        "name": name,
        "sentence": _sentence(found),
        "left_out": _left_out(values, true, rows),
        "figures": _figures(found) if found.n else [],
        "against": scatter_chart(
            y.tolist(),
            x.tolist(),
            x_name=f"true {name}",
            y_name=f"predicted {name}",
            line="diagonal",
            hover=True,
        ),
        "residuals": scatter_chart(
            x[near].tolist(),
            apart[near].tolist(),
            x_name=f"predicted {name}",
            y_name="true - predicted",
            line="zero",
            hover=True,
        ),
        "n": found.n,
        "n_shown": len(shown),
        "quantiles": _quantiles(residuals) if found.n else [],
        "worst": [
            [
                _row_name(int(finite[i]), rows),
                number(float(true[finite[i]]), 6),
                number(float(values[finite[i]]), 6),
                number(float(residuals[i])),
            ]
            for i in worst
        ],
    }


def _some(n: int, most: int, always: _Values) -> _Values:
    """Return which of n points are drawn: so many, evenly, and those that always are."""
    if n <= most:
        return np.arange(n)
    return np.union1d(np.linspace(0, n - 1, most).round().astype(np.int64), always)


def _sentence(found: ResidualFigures) -> str:
    """Say how good the predictions are, beside those of who knows the mean alone."""
    if not found.n:
        return ""
    if math.isnan(found.r2):
        return (
            "All true values are the same, so that R2 is undefined."
            if found.n > 1
            else "With one example R2 is undefined."
        )
    if found.r2 <= 0.0:
        return "Always predicting the mean would be as good or better."
    return f"{found.r2:.1%} of the variance of the true values is predicted (R2)."


def _figures(found: ResidualFigures) -> list[list[Cell]]:
    """Return rows of metrics: of the model, and of always predicting the mean."""
    return [
        ["RMSE", with_error(found.rmse, found.rmse_error), number(found.rmse_of_mean)],
        ["MAE", with_error(found.mae, found.mae_error), number(found.mae_of_mean)],
        ["R2", number(found.r2), number(math.nan if math.isnan(found.r2) else 0.0)],
        ["mean residual", number(found.bias), number(0.0)],
    ]


def _quantiles(residuals: _Values) -> list[Cell]:
    """Return below which residual each part of them lies, in a row."""
    ordered = np.sort(residuals)
    found = np.quantile(ordered, _PARTS) if np.isfinite(ordered).all() else _nearest(ordered)
    return ["true - predicted", *(number(float(one)) for one in found)]


def _nearest(ordered: _Values) -> _Values:
    """Return quantiles among the numbers themselves: between infinite ones there is none."""
    places = np.rint(np.asarray(_PARTS) * (len(ordered) - 1)).astype(np.int64)
    return np.asarray(ordered[places])


def _left_out(values: _Values, true: _Values, rows: Sequence[str] | None) -> str:
    """Say which examples do not count."""
    said = []
    for kind, broken in (
        ("predictions", ~np.isfinite(values)),
        ("true values", np.isfinite(values) & ~np.isfinite(true)),
    ):
        places = np.flatnonzero(broken)
        if len(places):
            few = ", ".join(_row_name(int(i), rows) for i in places[:10])
            more = ", ..." if len(places) > 10 else ""
            said.append(
                f"The {kind} of {counted(len(places), 'example')} are not finite numbers, and left "
                f"out: {few}{more}."
            )
    return " ".join(said)


def _row_name(place: int, rows: Sequence[str] | None) -> str:
    return str(place) if rows is None else short(rows[place], 40).strip() or f"(no. {place})"
