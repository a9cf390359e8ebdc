"""The confusion matrix: a table of few classes, a picture of many, and the pairs confused most."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_xp.reports.confusion import count_pairs
from dnn_xp.reports.pages.class_names import class_names
from dnn_xp.reports.pages.page import Section
from dnn_xp.svg import picture_url

__all__ = ["confusion_matrix_section"]

_MOST_WRITTEN, _MOST_POINTS = 25, 256
"""Classes up to which counts are written into cells, and those that have a point of their own."""

_FEW_PAIRS, _MANY_PAIRS = 5, 30
"""Pairs that are named beside a table, and beside a picture."""

_SHADES = 10

_RIGHT, _WRONG = (38, 139, 210), (214, 95, 10)
"""Blue and orange that can be seen on light and on dark."""

_FAINTEST = 70
"""How opaque a point is at least, of 255, that stands for any example."""


def confusion_matrix_section(classes: Sequence[str], true: Any, predicted: Any) -> Section:
    """Section on which classes are taken for which.

    A cell's shade is the root of its share of the true class: an error of one in a hundred can be
    seen, too. Of more than 25 classes it is a picture.

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
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    shades = np.ceil(_SHADES * np.sqrt(shares)).astype(np.int64)
    names = class_names(classes)
    is_picture = len(names) > _MOST_WRITTEN
    pairs = _confused(counts, shares, names)
    content = {
        "names": names,
        "n_examples": int(counts.sum()),
        "n_right": int(np.trace(counts)),
        "pairs": pairs[: _MANY_PAIRS if is_picture else _FEW_PAIRS],
        "n_pairs": len(pairs),
        "rows": [] if is_picture else _rows(counts, shades),
        "are_long": any(len(name) > 3 for name in names),
        "picture": _picture(shades) if is_picture else "",
        "classes_a_point": _classes_a_point(len(names)),
    }
    return Section("Which are taken for which", "confusion", content)


def _rows(counts: Any, shades: Any) -> list[list[tuple[int, str]]]:
    """Return each row's cells: a count and its look."""
    return [
        [
            (int(count), f"{'right' if i == j else 'wrong'} shade-{shades[i, j]}")
            for j, count in enumerate(row)
        ]
        for i, row in enumerate(counts)
    ]


def _confused(counts: Any, shares: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the pairs that are confused, the most often first; of equal counts the larger part."""
    true, taken = np.nonzero(counts * ~np.eye(len(counts), dtype=bool))
    order = np.lexsort((-shares[true, taken], -counts[true, taken]))
    return [
        {
            "true": names[i],
            "taken": names[j],
            "count": int(counts[i, j]),
            "share": float(shares[i, j]),
        }
        for i, j in zip(true[order], taken[order], strict=True)
    ]


def _classes_a_point(n_classes: int) -> int:
    return -(-n_classes // _MOST_POINTS)


def _picture(shades: Any) -> str:
    """Return a picture with a point a pair, or a block of pairs: the darkest of each is shown."""
    n, block = len(shades), _classes_a_point(len(shades))
    starts = np.arange(0, n, block)
    on_diagonal = np.eye(n, dtype=bool)
    right, wrong = (
        np.maximum.reduceat(np.maximum.reduceat(kept, starts), starts, axis=1)
        for kept in (shades * on_diagonal, shades * ~on_diagonal)
    )
    is_right = right >= wrong
    pixels = np.empty((*right.shape, 4), dtype=np.uint8)
    pixels[..., :3] = np.where(is_right[..., np.newaxis], _RIGHT, _WRONG)
    strongest = np.maximum(right, wrong)
    pixels[..., 3] = _FAINTEST + (255 - _FAINTEST) * strongest // _SHADES
    pixels[strongest == 0] = 0
    return picture_url(pixels)
