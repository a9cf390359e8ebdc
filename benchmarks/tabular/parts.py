"""What each part of our recipe gives: the estimators without it, ``dnn_xp+without=temperature``.

Parts that are parameters are left out by these: ``dnn_xp+periodic=False``.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from dnn_xp.callbacks import early_stopping
from dnn_xp.data import tables
from dnn_xp.data.scaling import Spread
from dnn_xp.estimators.tabular import base, classifier

__all__ = ["PARTS", "Without"]


class Without:
    """An estimator that is fitted and that predicts without a part.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
    part : str
        One of `PARTS`.
    """

    def __init__(self, estimator: Any, part: str) -> None:
        self._estimator, self._left_out = estimator, PARTS[part]

    def fit(self, X: Any, y: Any) -> "Without":
        with self._left_out():
            self._estimator.fit(X, y)
        return self

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._estimator, name)
        return partial(self._call, found) if callable(found) else found

    def _call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with self._left_out():
            return method(*arguments, **named)


def _one_share(*arguments: Any) -> list[Any]:
    return [base_draw_shares(*arguments)[0]] * arguments[1]


def _standardized(X: Any) -> Spread:
    missing = np.isnan(X)
    nothing = missing.all(axis=0)
    filled = np.where(nothing, 0.0, X)
    n_missing = missing.sum(axis=0)
    return Spread(
        n_missing, np.nanmean(filled, axis=0), np.nanstd(filled, axis=0), np.ones_like(nothing)
    )


def _straight(X: Any, centre: Any, scale: Any) -> tuple[Any, Any]:
    missing = np.isnan(X)
    return np.where(missing, 0.0, (X - centre) / scale), missing


base_draw_shares = base.draw_shares
PARTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "temperature": lambda: mock.patch.object(classifier, "fit_temperature", return_value=1.0),
    "best_epoch": lambda: mock.patch.object(
        early_stopping.EarlyStopping, "end", lambda self, result: result
    ),
    "own_hold_outs": lambda: mock.patch.object(base, "draw_shares", _one_share),
    "quartiles": lambda: mock.patch.object(tables, "measure_spread", _standardized),
    "smooth_clip": lambda: mock.patch.object(tables, "scale_numbers", _straight),
}
"""How each part is left out."""
