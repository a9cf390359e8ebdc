"""What a model says of examples beside what is true, and how good that is beside chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dnn_xp.backends import HostArray
from dnn_xp.functions.metrics import METRICS, one_hot
from dnn_xp.models import Model
from dnn_xp.reports.examples import Examples, predict, probabilities_of, values_of
from dnn_xp.reports.words import SHORT_NAMES

__all__ = ["Judged", "chance_figures", "figures", "judge"]

_METRICS = {
    "classes": ("accuracy", "balanced_accuracy", "log_loss"),
    "labels": ("multilabel_accuracy", "multilabel_f1"),
    "values": ("root_mean_squared_error", "mean_absolute_error", "r2"),
}
_OF_CONSTANTS = {
    "classes": ("accuracy", "balanced_accuracy"),
    "labels": ("multilabel_accuracy", "multilabel_f1"),
    "values": ("root_mean_squared_error", "mean_absolute_error"),
}
"""Metrics that say something of who always predicts the same."""


class Judged(NamedTuple):
    """What is said of examples, and what is true.

    Attributes
    ----------
    task : {"classes", "labels", "values"}
    names : tuple of str
        Of the classes, the labels or the targets.
    true : ndarray
        Classes by number, shape (m,); labels 0 and 1, or targets, a row for each.
    said : ndarray
        Probabilities, or predicted targets, a row for each name.
    """

    task: str
    names: tuple[str, ...]
    true: HostArray
    said: HostArray


def judge(model: Model | None, shown: Examples) -> Judged:
    """Return what a model says of examples beside what is true.

    Parameters
    ----------
    model : Model, optional
        None where the examples hold what is said of them.
    shown : Examples
    """
    part = shown.part
    if part.y.ndim == 1:
        said = _probabilities(model, shown)
        known = part.classes or (None if model is None else model.classes)
        names = known if known is not None and len(known) == len(said) else _numbers(len(said))
        return Judged("classes", names, part.y, said)
    if part.task == "labels" or part.classes is not None:
        said = _outputs(model, shown)
        return Judged("labels", part.classes or _numbers(len(said)), part.y, said)
    said = _outputs(None, shown) if model is None else values_of(model, shown)
    return Judged("values", _target_names(model, said), np.asarray(part.y, np.float64), said)


def _outputs(model: Model | None, shown: Examples) -> HostArray:
    if shown.outputs is not None:
        return shown.outputs
    assert model is not None  # or else the examples hold what is said of them
    return predict(model, shown.part.X)


def _probabilities(model: Model | None, shown: Examples) -> HostArray:
    return _outputs(None, shown) if model is None else probabilities_of(model, shown)


def _numbers(n: int) -> tuple[str, ...]:
    return tuple(map(str, range(n)))


def _target_names(model: Model | None, said: HostArray) -> tuple[str, ...]:
    name = "target" if model is None else model.about.get("target")
    if len(said) == 1:
        return (name if isinstance(name, str) and name else "target",)
    return tuple(f"target {i + 1}" for i in range(len(said)))


# ----------------------------------------------------------------------------- figures


def figures(judged: Judged) -> dict[str, float]:
    """Return metrics by the names under which they are shown; none of no examples."""
    return _measure(judged, _METRICS[judged.task])


def chance_figures(judged: Judged, known: HostArray | None = None) -> dict[str, float]:
    """Return the metrics of who has learnt nothing of the examples but what is common.

    Of classes that is always the commonest one, of labels each as most examples have it, and of
    values always the mean.

    Parameters
    ----------
    judged : Judged
    known : ndarray, optional
        What was true in the training, as ``judged.true``. Default: the examples themselves.
    """
    known = judged.true if known is None or not known.size else known
    if not known.size:
        return {}
    if judged.task == "classes":
        commonest = np.bincount(known, minlength=len(judged.names)).argmax()
        always = np.zeros((len(judged.names), 1))
        always[commonest] = 1.0
    elif judged.task == "labels":
        always = np.mean(known, axis=1, keepdims=True) > 0.5
    else:
        always = np.mean(known, axis=1, keepdims=True)
    m = judged.true.shape[-1]
    said = np.repeat(always.astype(np.float64), m, axis=1)
    return _measure(judged._replace(said=said), _OF_CONSTANTS[judged.task])


def _measure(judged: Judged, names: Sequence[str]) -> dict[str, float]:
    _, _, true, said = judged
    if not true.size:
        return {}
    said = np.asarray(said, np.float64)
    if judged.task == "classes":
        true = one_hot(true, len(judged.names), like=said)
    with np.errstate(all="ignore"):  # of numbers that are none, which the page says
        found = {name: float(METRICS[name](said, true.astype(np.float64))) for name in names}
    return {SHORT_NAMES.get(name, name): value for name, value in found.items()}
