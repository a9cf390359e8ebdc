"""Mistakes on a page: the surest first, as pictures with what a network looks at, or as a table."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.confusion import are_classes
from dnn_xp.reports.mistakes import surest_first
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.pages.thumbnails import picture_thumbnail, signed_thumbnail
from dnn_xp.reports.style import short
from dnn_xp.reports.words import counted

__all__ = ["mistakes_section"]

_MOST_PICTURES, _MOST_LISTED, _MOST_OPEN = 60, 1_000, 24
"""Mistakes that are shown as pictures, all that are shown, and those before the rest unfolds."""

_SIDES = (64, 48, 32)
"""Of the largest picture, in pixels: the first that lets as many as possible be shown is taken."""

_MOST_CHARACTERS = 150_000
"""Of all pictures together."""


class _Mistakes(NamedTuple):
    """Which examples are taken for another class, in the order in which they are shown."""

    order: np.ndarray[Any, Any]
    predicted: np.ndarray[Any, Any]
    probabilities: np.ndarray[Any, Any]
    n_broken: int


def mistakes_section(
    classes: Sequence[str],
    true: Any,
    probabilities: Any,
    *,
    pictures: Any = None,
    saliency: Callable[[np.ndarray[Any, Any]], Any] | None = None,
    names: Sequence[str] | None = None,
) -> Section:
    """Section with the examples that are taken for another class, the surest first.

    Parameters
    ----------
    classes : sequence of str
        Their names.
    true : array_like of int, shape (m,)
        Classes by number.
    probabilities : array_like, shape (n_classes, m)
        An example for which one is NaN is a mistake, whatever its largest one is, and comes last.
    pictures : array_like, shape (m, height, width, channels), optional
        From 0 to 1.
    saliency : callable, optional
        Returns, of examples by number, how much each pixel raises the predicted class, as pictures.
        It is asked for those alone that are shown.
    names : sequence of str, optional
        Of the examples. Default: their numbers, from 0.

    Raises
    ------
    ValueError
        Where the shapes are not those.
    """
    true, A = np.asarray(true), np.asarray(probabilities)
    check("true", true.shape, true.ndim == 1, "the class of each example, shape (m,)")
    check("true", true, are_classes(true, len(classes)), f"numbers of {len(classes)} classes")
    expected = (len(classes), len(true))
    check("probabilities", A.shape, A.shape == expected, f"shape {expected}")
    if pictures is not None:
        fits = np.ndim(pictures) == 4 and len(pictures) == len(true)
        check("pictures", np.shape(pictures), fits, f"({len(true)}, height, width, channels)")
    if names is not None:
        check("names", len(names), len(names) == len(true), f"{len(true)}, one for each example")
    found = _find(true, A)
    shown = [] if pictures is None else _thumbnails(found.order, pictures, saliency)
    rows = _rows(found, true, class_names(classes), names)
    content = {
        "n_examples": len(true),
        "n_mistakes": len(found.order),
        "broken": f"Of {counted(found.n_broken, 'example')} probabilities are not numbers (NaN): "
        "they count as mistakes and come last."
        if found.n_broken
        else "",
        "shown": [dict(row, **urls) for row, urls in zip(rows, shown, strict=False)],
        "n_open": _MOST_OPEN,
        "are_named": names is not None,
        "has_saliency": any(urls["saliency"] for urls in shown),
        "is_coarse": pictures is not None and max(np.shape(pictures)[1:3]) <= _SIDES[-1],
        "rows": rows[len(shown) : len(shown) + (0 if shown else _MOST_OPEN)],
        "more": rows[len(shown) + (0 if shown else _MOST_OPEN) :],
    }
    return Section("Mistakes, the surest first", "mistakes", content)


def _find(true: Any, A: Any) -> _Mistakes:
    if not len(true):
        return _Mistakes(np.empty(0, int), np.empty(0, int), np.empty((2, 0)), 0)
    every, predicted = np.arange(len(true)), A.argmax(axis=0)
    broken = np.isnan(A).any(axis=0)
    of_both = np.where(broken, np.nan, np.stack([A[predicted, every], A[true, every]]))
    wrong = np.flatnonzero((predicted != true) | broken)
    return _Mistakes(surest_first(wrong, of_both[0]), predicted, of_both, int(broken.sum()))


def _rows(
    found: _Mistakes, true: Any, classes: Sequence[str], names: Sequence[str] | None
) -> list[dict[str, Any]]:
    """Return what is said of each mistake that is shown."""
    return [
        {
            "number": int(i),
            "name": (short(names[i], 60).strip() if names is not None else "") or f"no. {i}",
            "predicted": classes[found.predicted[i]],
            "true": classes[true[i]],
            "sure": float(found.probabilities[0, i]),
            "sure_of_true": float(found.probabilities[1, i]),
        }
        for i in found.order[:_MOST_LISTED]
    ]


def _thumbnails(
    order: Any, pictures: Any, saliency: Callable[[np.ndarray[Any, Any]], Any] | None
) -> list[dict[str, str]]:
    """Return the pictures of as many mistakes as there is room for, in order."""
    chosen = order[:_MOST_PICTURES]
    if not len(chosen):
        return []
    looks = None if saliency is None else np.asarray(saliency(chosen))
    shown: list[dict[str, str]] = []
    for side in _SIDES:
        shown, room = [], _MOST_CHARACTERS
        for place, i in enumerate(chosen):
            urls = {
                "picture": picture_thumbnail(pictures[i], side),
                "saliency": "" if looks is None else signed_thumbnail(looks[place], side),
            }
            room -= sum(map(len, urls.values()))
            if room < 0:
                break
            shown.append(urls)
        if len(shown) == len(chosen):
            break
    return shown
