"""Mistakes: the pictures that a network takes for another class than their own."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import headed, hide_frame, say_instead, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["mislabeled_pictures", "surest_first"]


def surest_first(wrong: Any, sure: Any) -> np.ndarray[Any, Any]:
    """Return mistakes in the order in which they are shown.

    Parameters
    ----------
    wrong : array_like of int, shape (n_mistakes,)
        Which examples they are.
    sure : array_like, shape (m,)
        The probability of each example's predicted class; those that are NaN come last.

    Returns
    -------
    ndarray of int, shape (n_mistakes,)
        Of equally sure ones the first comes first.
    """
    wrong, sure = np.asarray(wrong, dtype=np.int64), np.asarray(sure, dtype=np.float64)
    return np.asarray(wrong[np.argsort(-sure[wrong], kind="stable")])


@drawn
def mislabeled_pictures(
    pictures: Any,
    predicted: Sequence[str],
    actual: Sequence[str],
    *,
    probabilities: Any = None,
    at_most: int = 30,
    title: str | None = None,
) -> "Figure":
    """Pictures whose predicted class is not their own, each under both names.

    Parameters
    ----------
    pictures : array_like, shape (m, height, width) or (m, height, width, channels)
        Bytes, or floats; a channel of bytes goes to 255. Floats go to 1 where there are channels;
        grey is stretched over what there is.
    predicted, actual : sequence of str, length m
        Names of classes.
    probabilities : array_like, shape (2, m), optional
        Of the predicted class and of the actual one. With them the surest mistake comes first.
    at_most : int
        How many are drawn.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        Its title says how many of how many pictures are mislabeled.

    Raises
    ------
    ValueError
        Where there are not as many classes, or probabilities, as pictures.
    """
    pictures = np.asarray(pictures)
    if not len(pictures) == len(predicted) == len(actual):
        raise ValueError(
            f"pictures: found {len(pictures)} of them, {len(predicted)} predicted and "
            f"{len(actual)} actual classes, expected as many of each"
        )
    if pictures.ndim == 4 and pictures.shape[3] == 1:
        pictures = pictures[..., 0]
    wrong = [i for i in range(len(pictures)) if predicted[i] != actual[i]]
    sure = None if probabilities is None else np.asarray(probabilities)
    if sure is not None:
        if sure.shape != (2, len(pictures)):
            raise ValueError(
                f"probabilities: found shape {sure.shape}, expected (2, {len(pictures)})"
            )
        wrong = surest_first(wrong, sure[0]).tolist()
    chosen = wrong[:at_most]

    columns = min(5, max(1, len(chosen)))
    rows = max(1, math.ceil(len(chosen) / columns))
    figure = new_figure(max(4.0, 2.1 * columns), 0.5 + 2.5 * rows)
    figure.suptitle(headed(title, _title(len(wrong), len(pictures), len(chosen), sure is not None)))
    for place, i in enumerate(chosen, 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(pictures[i], cmap="gray")
        names = [short(predicted[i]), short(actual[i])]
        if sure is not None:
            names = [f"{name} ({p:.1%})" for name, p in zip(names, sure[:, i], strict=True)]
        axes.set_title(f"predicted: {names[0]}\ntrue: {names[1]}", fontsize="small")
        hide_frame(axes)
    if not chosen:
        axes = figure.add_subplot()
        hide_frame(axes)
        say_instead(axes, "every class is right" if len(pictures) else "there is no picture")
    return figure


def _title(n_wrong: int, n_pictures: int, n_drawn: int, are_sorted: bool) -> str:
    title = f"{n_wrong:,} of {n_pictures:,} pictures mislabeled"
    if n_drawn < n_wrong:
        return f"{title}; the {'surest' if are_sorted else 'first'} {n_drawn}"
    return f"{title}, surest first" if are_sorted and n_wrong > 1 else title
