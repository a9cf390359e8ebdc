"""The table by class: how many examples each has, and how well it is told from the others."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.reports.confusion import count_pairs
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section

__all__ = ["ClassFigures", "class_figures", "class_table", "classes_section"]

_MOST_SHOWN, _MOST_LISTED = 50, 1_000
"""Classes that are shown at once, and those that can be unfolded below."""


class ClassFigures(NamedTuple):
    """How well each class is told from the others, as `dnn_xp.functions.metrics` has it.

    Attributes
    ----------
    examples, predicted : ndarray of int, shape (n_classes,)
        How many examples are of a class, and how many are taken for it.
    precision, recall, f1 : ndarray, shape (n_classes,)
        NaN where they are undefined: of a class that is never predicted, one without examples, and
        one that is neither.
    means : tuple of float
        Of the three over the classes that occur; there, what is undefined is 0.
    """

    examples: np.ndarray[Any, Any]
    predicted: np.ndarray[Any, Any]
    precision: np.ndarray[Any, Any]
    recall: np.ndarray[Any, Any]
    f1: np.ndarray[Any, Any]
    means: tuple[float, float, float]


def class_figures(right: Any, examples: Any, predicted: Any) -> ClassFigures:
    """Return how well each class is told from the others.

    Parameters
    ----------
    right, examples, predicted : array_like of int, shape (n_classes,)
        How many examples of a class are taken for it, are of it, and are taken for it rightly or
        wrongly.
    """
    right, examples, predicted = (np.asarray(one) for one in (right, examples, predicted))
    parts = (
        _part(right, predicted),
        _part(right, examples),
        _part(2 * right, examples + predicted),
    )
    occurs = examples + predicted > 0
    means = [float(np.nan_to_num(one[occurs]).mean()) if occurs.any() else 0.0 for one in parts]
    return ClassFigures(examples, predicted, *parts, (means[0], means[1], means[2]))


def _part(part: Any, whole: Any) -> np.ndarray[Any, Any]:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def classes_section(classes: Sequence[str], true: Any, predicted: Any) -> Section:
    """Section with a table by class: examples, predicted, precision, recall and F1.

    Of more than 50 classes those of the lowest F1 are shown at once, the others unfold.

    Parameters
    ----------
    classes : sequence of str
        Their names.
    true, predicted : array_like of int, shape (m,)
        Classes by number.

    Raises
    ------
    ValueError
        As in `dnn_xp.reports.confusion.count_pairs`.
    """
    counts = count_pairs(len(classes), true, predicted)
    figures = class_figures(np.diag(counts), counts.sum(axis=1), counts.sum(axis=0))
    return Section("By class", "by_class", {"found": class_table(classes, figures)})


def class_table(names: Sequence[str], figures: ClassFigures) -> dict[str, Any]:
    """Return what the template of a table by class, or by label, shows.

    Parameters
    ----------
    names : sequence of str
    figures : ClassFigures
    """
    every = class_names(names)
    order = np.arange(len(every))
    if len(every) > _MOST_SHOWN:
        order = np.argsort(figures.f1, kind="stable")  # NaN, of what does not occur, last
    rows = [
        {
            "name": every[k],
            "place": int(k),
            "examples": int(figures.examples[k]),
            "predicted": int(figures.predicted[k]),
            "precision": float(figures.precision[k]),
            "recall": float(figures.recall[k]),
            "f1": float(figures.f1[k]),
        }
        for k in order[:_MOST_LISTED]
    ]
    return {
        "rows": rows[:_MOST_SHOWN],
        "more": rows[_MOST_SHOWN:],
        "n_left_out": len(every) - len(rows),
        "n_classes": len(every),
        "n_examples": int(figures.examples.sum()),
        "n_predicted": int(figures.predicted.sum()),
        "means": figures.means,
        "has_undefined": any(row["precision"] != row["precision"] for row in rows)
        or any(row["recall"] != row["recall"] for row in rows),
    }
