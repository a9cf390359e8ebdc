"""Modes of metrics: each says itself whether it is better when smaller or when larger."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

__all__ = ["Mode", "larger_is_better", "mode_of", "smaller_is_better"]

Mode = Literal["min", "max"]
AnyMetric = TypeVar("AnyMetric", bound=Callable[..., Any])


def larger_is_better(metric: AnyMetric) -> AnyMetric:
    """Mark a metric, such as an accuracy, as better when larger: ``metric.mode == "max"``."""
    metric.mode = "max"  # type: ignore[attr-defined]
    return metric


def smaller_is_better(metric: AnyMetric) -> AnyMetric:
    """Mark a metric, such as an error, as better when smaller: ``metric.mode == "min"``."""
    metric.mode = "min"  # type: ignore[attr-defined]
    return metric


def mode_of(metric: Any) -> Mode | None:
    """Return "min" or "max" as the metric says, also one inside a partial; None where it does not.

    Examples
    --------
    >>> from functools import partial
    >>> from dnn_xp.functions.metrics import log_loss, top_k_accuracy
    >>> mode_of(log_loss), mode_of(partial(top_k_accuracy, k=3)), mode_of(lambda A, Y: 0.0)
    ('min', 'max', None)
    """
    found = getattr(metric, "mode", None)
    inner = getattr(metric, "func", None)
    if found is None and inner is not None:
        return mode_of(inner)
    return found if found in ("min", "max") else None
