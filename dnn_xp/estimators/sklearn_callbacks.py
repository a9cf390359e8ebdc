"""Callbacks of scikit-learn, from its version 1.9 on: called for a fit and for each of its epochs.

Before that version there are none.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from dnn_xp.backends import Vector
from dnn_xp.estimators.data import ArrayLike
from dnn_xp.estimators.parameters import Parameters
from dnn_xp.training import Callback, Run, TrainingResult

__all__ = ["CallbackSupportMixin", "Reporter", "reporters", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Base class without methods."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method, called from as far away as it is with callbacks."""

        @wraps(method)
        def called(*arguments: Any, **named: Any) -> Any:
            return method(*arguments, **named)

        return called


class Reporter(Callback):
    """Reporter to scikit-learn's callbacks, of a fit and of each epoch; stops where one wants to.

    Parameters
    ----------
    estimator : Parameters
    context : sklearn.callback.CallbackContext
        Of the fit.
    X, y : array-like
        As they were given to the fit.
    metadata : dict
    attributes_of : callable
        ``attributes_of(theta)`` is a dict of the estimator's attributes that hold the parameters.
    """

    comes_last = True  # so that the estimator's curves know of the epoch
    writes: ClassVar[bool] = True

    def __init__(
        self,
        estimator: Parameters,
        context: Any,
        X: ArrayLike,
        y: ArrayLike,
        metadata: dict[str, Any],
        attributes_of: Callable[[Vector], dict[str, Any]],
    ) -> None:
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._attributes_of = attributes_of
        self._epoch: Any = None
        self._fit = context
        self._fit.call_on_fit_task_begin(**self._data)

    def start(self, run: Run) -> None:
        """Report that the first epoch begins."""
        self._begin(run)

    def epoch(self, run: Run) -> str | None:
        """Report that an epoch has ended, and that the next begins."""
        stop = self._epoch.call_on_fit_task_end(**self._data, **self._attributes(run))
        self._epoch = None
        if stop:
            return "a callback asked for it"
        self._begin(run)
        return None

    def end(self, result: TrainingResult) -> TrainingResult:
        """End an epoch that was begun and is not to be."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self._data["estimator"])
        return result

    def on_fit_end(self) -> None:
        """Report that the estimator is fitted."""
        self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes={})

    def _begin(self, run: Run) -> None:
        if run.epoch < run.epochs:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._data, **self._attributes(run))

    def _attributes(self, run: Run) -> dict[str, Any]:
        return {"reconstruction_attributes": lambda: self._attributes_of(run.theta)}


def reporters(
    estimator: Parameters,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike,
    attributes_of: Callable[[Vector], dict[str, Any]],
) -> list[Reporter]:
    """Return a `Reporter`, where scikit-learn has callbacks.

    Parameters
    ----------
    estimator, X, y, attributes_of
        As for `Reporter`.
    sample_weight : array-like or None
    """
    if not hasattr(estimator, "_init_callback_context"):
        return []
    context = estimator._init_callback_context(max_subtasks=estimator.max_iter)
    metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
    return [Reporter(estimator, context, X, y, metadata, attributes_of)]
