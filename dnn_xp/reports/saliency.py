"""Saliency over pictures: where a network looks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.figures import drawn, new_figure
from dnn_xp.reports.style import COLOURS, headed, hide_frame, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["saliency_pictures"]

_FADED = 0.4
"""How much of its darkness a picture keeps below what is drawn over it."""


@drawn
def saliency_pictures(
    pictures: Any,
    gradients: Any,
    captions: Sequence[str] | None = None,
    *,
    at_most: int = 10,
    title: str | None = None,
) -> "Figure":
    """Saliency maps: each picture, and below it once more under what the network looks at.

    There the picture is pale, and a pixel the redder and darker the more its value moves the
    output, in whichever direction.

    Parameters
    ----------
    pictures : array_like, shape (m, height, width, channels)
        Bytes, or floats; as in `mislabeled_pictures`.
    gradients : array_like, of the same shape
        Of an output: ``network.input_gradient(theta, X, output)``, as pictures.
    captions : sequence of str, optional
        What stands over each.
    at_most : int
        How many are drawn.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        Where there is not a gradient for each picture.
    """
    pictures, gradients = np.asarray(pictures), np.asarray(gradients, dtype=np.float64)
    fits = pictures.ndim == 4 and gradients.shape == pictures.shape
    check("gradients", gradients.shape, fits, f"the shape of the pictures, {pictures.shape}")
    n = min(len(pictures), at_most)
    captions = [""] * len(pictures) if captions is None else captions
    check("captions", len(captions), len(captions) == len(pictures), "one for each picture")
    figure = new_figure(max(4.0, 1.7 * n), 4.2)
    figure.suptitle(headed(title, "below in orange: what moves the output"))
    red = np.asarray([int(COLOURS[1][i : i + 2], 16) / 255 for i in (1, 3, 5)])
    for place in range(n):
        picture, strength = _to_colours(pictures[place]), _strength(gradients[place])[..., None]
        pale = 1.0 - _FADED * (1.0 - picture)
        for row, shown in enumerate((picture, strength * red + (1.0 - strength) * pale)):
            axes = figure.add_subplot(2, n, row * n + place + 1)
            axes.imshow(shown)
            hide_frame(axes)
            if not row and captions[place]:
                lines = [short(line, 20) for line in captions[place].split("\n")]
                axes.set_title("\n".join(lines), fontsize="small")
    return figure


def _to_colours(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a picture in three channels from 0 to 1; grey is stretched over what there is."""
    values = picture.astype(np.float64)
    if values.shape[2] == 3:
        return values / 255.0 if picture.dtype == np.uint8 else np.clip(values, 0.0, 1.0)
    grey = values[..., :1]
    height = float(np.ptp(grey))
    return np.repeat((grey - grey.min()) / height if height else 0.0 * grey, 3, axis=2)


def _strength(gradient: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return how much each pixel moves the output: 1 for the one that moves it most."""
    moves = np.max(np.abs(gradient), axis=2)
    largest = float(moves.max(initial=0.0))
    return np.asarray(moves / largest if largest else moves)
