"""Drawings, brought to the size, the place and the strength of those that a network learnt from."""

import math
from typing import Any

import numpy as np

from dnn_xp.backends import HostArray, require
from dnn_xp.data.picture_statistics import PictureRanges

__all__ = ["as_strong", "crop_to_ink"]

_SEARCHED = 512
"""Pixels of the longer side in which the ink is looked for: specks are averaged away."""


def crop_to_ink(image: Any, shape: tuple[int, int, int], ranges: PictureRanges) -> Any:
    """Cut a picture down to its ink, in the middle, with the margin of the training pictures.

    What is cut out has the proportions of these. Only ink that would still be wider, or higher,
    than there is squeezed in that direction.

    Parameters
    ----------
    image : PIL.Image.Image
        Grey or in colour.
    shape : tuple (height, width, channels)
        Of the training pictures.
    ranges : PictureRanges
        Of these.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
        Where the picture is of one colour.
    """
    pillow = require("PIL.Image", "app")
    small = image.convert("L").reduce(max(1, -(-max(image.size) // _SEARCHED)))
    scale = image.width / small.width, image.height / small.height
    left, right, top, bottom = _ink_box(np.asarray(small, np.float64))
    wanted = max(ranges.middle.ink_width, 1e-2), max(ranges.middle.ink_height, 1e-2)
    ink_width, ink_height = (right - left) * scale[0], (bottom - top) * scale[1]
    side = max(ink_width / shape[1], ink_height / shape[0]) / max(wanted)  # for each pixel
    width = max(side * shape[1], ink_width / wanted[0])
    height = max(side * shape[0], ink_height / wanted[1])
    middle = (left + right) / 2 * scale[0], (top + bottom) / 2 * scale[1]
    paper = pillow.new(image.mode, (math.ceil(width), math.ceil(height)), _edge_colour(image))
    paper.paste(image, (round(paper.width / 2 - middle[0]), round(paper.height / 2 - middle[1])))
    return paper


def _ink_box(pixels: HostArray) -> tuple[int, int, int, int]:
    """Return where the ink begins and ends, across and down."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    ink = np.abs(pixels - np.median(edge))
    if not ink.any():
        raise ValueError("found one colour, expected a drawing to crop to")
    inked = ink > 0.5 * ink.max()
    across, down = np.flatnonzero(inked.any(axis=0)), np.flatnonzero(inked.any(axis=1))
    return int(across[0]), int(across[-1]) + 1, int(down[0]), int(down[-1]) + 1


def _edge_colour(image: Any) -> Any:
    """Return the colour of which most of the edge is."""
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    found = tuple(np.median(edge, axis=0).astype(int).tolist())
    return found if len(found) > 1 else found[0]


def as_strong(pixels: HostArray, ranges: PictureRanges) -> HostArray:
    """Give a drawing as much ink as those of the training have: thin lines, made small, are pale.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, channels)
    ranges : PictureRanges
        Of the training.

    Returns
    -------
    ndarray of uint8
        The same where ink is dark here and bright there, or the other way round.
    """
    values = pixels / 255.0
    grey = values.mean(axis=2)
    edge = np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])
    ground = np.median(edge, axis=0)
    difference, middle = values - ground, ranges.middle
    peak = float(np.abs(grey - ground.mean()).max())
    if peak == 0.0 or float((grey - ground.mean()).mean()) * middle.ink <= 0.0:
        return pixels

    def scaled(by: float) -> HostArray:
        found: HostArray = np.clip(middle.ground + by * difference, 0.0, 1.0)
        return found

    # The mean rises with the factor: it is enclosed, then halved.
    low, high = middle.peak / peak, 1e3 / peak
    for _ in range(40):
        factor = math.sqrt(low * high)
        if abs(float(scaled(factor).mean()) - middle.ground) < abs(middle.ink):
            low = factor
        else:
            high = factor
    return np.rint(scaled(low) * 255.0).astype(np.uint8)
