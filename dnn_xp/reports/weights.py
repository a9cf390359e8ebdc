"""Weights of the first layer as pictures: what each unit looks for."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import headed, hide_frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["as_picture", "longest_first", "weight_pictures"]


def longest_first(W: Any) -> np.ndarray[Any, Any]:
    """Return the numbers of units, that of the longest weights first.

    Parameters
    ----------
    W : array_like, shape (n_units, n_features)
    """
    norms = np.linalg.norm(np.asarray(W, dtype=np.float64), axis=1)
    return np.argsort(-norms, kind="stable")


@drawn
def weight_pictures(
    W: Any, image_shape: Sequence[int], *, at_most: int = 64, title: str | None = None
) -> "Figure":
    """Weights of a first layer, each unit's as a picture: the longest weights first.

    Middle grey is 0; white is the largest weight of the unit, black the same below 0. In pictures
    with three channels, each channel is so by itself.

    Parameters
    ----------
    W : array_like, shape (n_units, height * width * channels)
        ``network.unpack(theta)["W1"]``, on the host.
    image_shape : sequence of int
        (height, width, channels) of what the network was trained on.
    at_most : int
        How many units are drawn.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        Where a unit does not have as many weights as such a picture has values.
    """
    W, shape = np.asarray(W, dtype=np.float64), tuple(image_shape)
    fits = W.ndim == 2 and len(shape) == 3 and W.shape[1] == math.prod(shape)
    check("W", W.shape, fits, f"a row for each unit, of the values of pictures of {shape}")
    order = longest_first(W)[:at_most]

    columns = min(8, max(1, math.ceil(math.sqrt(len(order)))))
    rows = max(1, math.ceil(len(order) / columns))
    figure = new_figure(max(4.0, 1.15 * columns), 0.7 + 1.3 * rows)
    few = f"the {len(order)} longest of {len(W):,} units" if len(order) < len(W) else "of each unit"
    figure.suptitle(headed(title, f"weights of the first layer, {few}\nwhite above 0, black below"))
    for place, unit in enumerate(order, 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(as_picture(W[unit].reshape(shape)), cmap="gray", vmin=0.0, vmax=1.0)
        axes.set_title(f"unit {unit + 1}", fontsize="x-small", pad=2)
        hide_frame(axes)
    return figure


def as_picture(weights: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return weights between 0 and 1, with 0.5 for a weight of 0, as Matplotlib takes pictures.

    Parameters
    ----------
    weights : ndarray, shape (height, width, channels)
        Of three channels each is kept, of others their mean.
    """
    largest = float(np.max(np.abs(weights), initial=0.0))
    between = 0.5 + (0.5 / largest if largest else 0.0) * weights
    if weights.shape[2] == 3:
        return between
    return np.asarray(between.mean(axis=2))
