"""scikit-learn's callbacks, from its version 1.9 on: told of a fit and of each of its epochs.

Before that version there are none, and a fit tells nobody.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from dnn_xp.backends import Array
from dnn_xp.training import Callback, Run, TrainingResult

__all__ = ["CallbackSupportMixin", "Reporter", "reporters", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method, called from as far away as it is with callbacks."""

        @wraps(method)
        def called(*arguments: Any, **named: Any) -> Any:
            return method(*arguments, **named)

        return called


class Reporter(Callback):
    """Tell scikit-learn's callbacks of a fit and of each epoch, and stop where one wants to.

    Parameters
    ----------
    estimator : MultilayerPerceptron
    X, y : array-like
        As they were given to the fit.
    metadata : dict
    parameters : callable
        ``parameters(theta)`` is a dict of the estimator's attributes that hold them.
    """

    comes_last = True  # so that the estimator's curves know of the epoch

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        metadata: dict[str, Any],
        parameters: Callable[[Array], dict[str, Any]],
    ) -> None:
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._parameters = parameters
        self._epoch: Any = None
        self._fit = estimator._init_callback_context(max_subtasks=estimator.max_iter)
        self._fit.call_on_fit_task_begin(**self._data)

    def start(self, run: Run) -> None:
        """Tell that the first epoch begins."""
        self._begin(run)

    def epoch(self, run: Run) -> str | None:
        """Tell that an epoch has ended, and that the next begins."""
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
        """Tell that the estimator is fitted."""
        self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes={})

    def _begin(self, run: Run) -> None:
        if run.epoch < run.epochs:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._data, **self._attributes(run))

    def _attributes(self, run: Run) -> dict[str, Any]:
        return {"reconstruction_attributes": lambda: self._parameters(run.theta)}


def reporters(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    parameters: Callable[[Array], dict[str, Any]],
) -> list[Reporter]:
    """Return a `Reporter`, where scikit-learn has callbacks.

    Parameters
    ----------
    estimator, X, y, parameters
        As for `Reporter`.
    sample_weight : array-like or None
    """
    if not hasattr(estimator, "set_callbacks"):
        return []
    metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
    return [Reporter(estimator, X, y, metadata, parameters)]
