"""Weights of the first layer on a page: what each unit looks for."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_xp.arguments import check
from dnn_xp.reports.pages.page import Section
from dnn_xp.reports.pages.thumbnails import picture_thumbnail, signed_thumbnail
from dnn_xp.reports.weights import as_picture, longest_first

__all__ = ["first_layer_section"]

_MOST_UNITS, _SIDE, _MOST_CHARACTERS = 64, 32, 90_000
"""Units that are shown, the largest picture of one in pixels, and of all in characters."""


def first_layer_section(weights: Any, shape: Sequence[int]) -> Section:
    """Section with the weights of the first layer, each unit's as a picture.

    Of pictures in three colours a unit's weights have colours, too, around grey for 0; of others
    they are orange above 0 and blue below.

    Parameters
    ----------
    weights : array_like, shape (units, n_features)
        What is not finite in them is drawn as 0.
    shape : sequence of int
        Height, width and channels of the pictures.

    Raises
    ------
    ValueError
        Where a unit does not have as many weights as such a picture has values.
    """
    W, shape = np.asarray(weights, dtype=np.float64), tuple(shape)
    fits = W.ndim == 2 and len(shape) == 3 and W.shape[1] == math.prod(shape)
    check("weights", W.shape, fits, f"a row for each unit, of the values of pictures of {shape}")
    is_finite = bool(np.isfinite(W).all())
    W = np.where(np.isfinite(W), W, 0.0)
    in_colours = shape[2] == 3
    units, room = [], _MOST_CHARACTERS
    for unit in longest_first(W)[:_MOST_UNITS].tolist():
        of_it = W[unit].reshape(shape)
        url = (
            picture_thumbnail(as_picture(of_it), _SIDE)
            if in_colours
            else signed_thumbnail(of_it, _SIDE)
        )
        room -= len(url)
        if room < 0:
            break
        units.append({"number": unit + 1, "url": url})
    content = {
        "units": units,
        "n_units": len(W),
        "in_colours": in_colours,
        "is_finite": is_finite,
    }
    return Section("What the first layer looks for", "first_layer", content)
