"""Thumbnails: pictures small enough for a page, however large and strange what they are of."""

from typing import Any

import numpy as np

from dnn_xp.svg import picture_url, signed_colours

__all__ = ["picture_thumbnail", "shrink", "signed_thumbnail"]

_LEVELS = 7
"""Shades of each sign: with white they are 15 colours, of which a byte holds two."""


def shrink(picture: Any, side: int) -> np.ndarray[Any, Any]:
    """Return a picture no side of which is longer: each of its points is the mean of a block.

    Parameters
    ----------
    picture : array_like, shape (height, width, channels)
        What is not finite in it counts as 0.
    side : int
    """
    made = np.asarray(picture, dtype=np.float64)
    made = np.where(np.isfinite(made), made, 0.0)
    height, width = made.shape[:2]
    part = min(1.0, side / max(height, width))
    for axis, old in enumerate((height, width)):
        starts = np.arange(old) if part == 1.0 else _starts(old, max(1, round(part * old)))
        sizes = np.diff(starts, append=old).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        made = np.add.reduceat(made, starts, axis=axis) / sizes
    return made


def _starts(old: int, new: int) -> np.ndarray[Any, Any]:
    """Return where the blocks begin that as many points become as are wanted."""
    return np.arange(new) * old // new


def picture_thumbnail(picture: Any, side: int) -> str:
    """Return a picture as the address of its data, for the ``src`` of an ``img``.

    Parameters
    ----------
    picture : array_like, shape (height, width, channels)
        Grey, or three colours, from 0 to 1; of another number of channels their mean is shown. One
        that goes beyond is stretched over what there is.
    side : int
        Of the largest picture.
    """
    made = shrink(picture, side)
    if made.shape[2] != 3:
        made = made.mean(axis=2, keepdims=True)
    low, high = min(float(made.min()), 0.0), max(float(made.max()), 1.0)
    return picture_url(np.rint(255.0 * (made - low) / (high - low)).astype(np.uint8))


def signed_thumbnail(values: Any, side: int) -> str:
    """Return numbers above and below 0 as a picture's address: orange, blue, and white for 0.

    Parameters
    ----------
    values : array_like, shape (height, width, channels)
        Of several channels their sum is shown.
    side : int
        Of the largest picture.
    """
    made = shrink(values, side).sum(axis=2)
    largest = float(np.abs(made).max())
    return picture_url(signed_colours(np.rint(_LEVELS * (made / largest)) if largest else made))
