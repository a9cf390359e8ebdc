"""The table by label, where an example has several: how often each is given, and rightly."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.pages.by_class import class_figures, class_table
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.words import counted

__all__ = ["labels_section"]


def labels_section(labels: Sequence[str], true: Any, probabilities: Any) -> Section:
    """Section with a table by label: examples, base rate, precision, recall and F1.

    A label is given where its probability is above 0.5, as in `dnn_xp.functions.metrics`.

    Parameters
    ----------
    labels : sequence of str
        Their names.
    true : array_like, shape (n_labels, m)
        Whether an example has a label, 0 and 1.
    probabilities : array_like, shape (n_labels, m)
        Of which NaN gives no label.

    Raises
    ------
    ValueError
        Where the shapes are not those.
    """
    true, A = np.asarray(true) > 0.5, np.asarray(probabilities)
    check("true", true.shape, true.ndim == 2 and len(true) == len(labels), "a row for each label")
    check("probabilities", A.shape, A.shape == true.shape, f"the shape {true.shape}")
    given, broken = A > 0.5, np.isnan(A)
    figures = class_figures(
        np.count_nonzero(given & true, axis=1),
        np.count_nonzero(true, axis=1),
        np.count_nonzero(given, axis=1),
    )
    right = (given == true) & ~broken
    n_examples, n_broken = true.shape[1], int(np.count_nonzero(broken.any(axis=0)))
    content = {
        "found": class_table(labels, figures),
        "n_examples": n_examples,
        "sentences": _sentences(true, right) if true.size else "",
        "broken": f"Of {counted(n_broken, 'example')} probabilities are not numbers (NaN): there "
        "they give no label, and are not right."
        if n_broken
        else "",
    }
    return Section("By label", "by_label", content)


def _sentences(true: Any, right: Any) -> str:
    """Say how many examples and labels are right, beside what giving no label at all gets."""
    n_exact, m = int(np.count_nonzero(right.all(axis=0))), true.shape[1]
    none = float(np.mean(~true.any(axis=0)))
    return (
        f"Of {counted(m, 'example')} {n_exact:,} ({n_exact / m:.1%}) have every label right and "
        f"none too many; giving no label at all would be right of {none:.1%}. Of all labels by "
        f"themselves {right.mean():.1%} are right; giving none: {(~true).mean():.1%}."
    )
