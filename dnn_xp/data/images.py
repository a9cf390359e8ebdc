"""Pictures from files, brought to the form in which a network was trained on them."""

import os
from typing import Any

import numpy as np

from dnn_xp.arguments import check_path
from dnn_xp.backends import HostArray, require

__all__ = ["picture_suffixes", "read_bytes", "read_picture"]


def read_picture(
    path: str | os.PathLike[str], shape: tuple[int, int, int], pixel_max: int = 255
) -> HostArray:
    """Read one picture as a column of pixels.

    Parameters
    ----------
    path : path
        Any file that Pillow opens. A camera's orientation is applied, the transparent becomes
        white, and the picture is squeezed to the shape, as in the article, without cropping.
    shape : tuple (height, width, channels)
        Channels are 1 (grey) or 3 (red, green, blue).
    pixel_max : int
        The value that the brightest pixel shall have.

    Returns
    -------
    ndarray of float64, shape (height * width * channels,)
        From 0 to `pixel_max`, row by row, the channels of a pixel side by side.

    Raises
    ------
    OSError
        Where the file cannot be opened.
    ValueError
        Where it is not a picture, or is damaged.
    ImportError
        Where Pillow is missing.
    """
    return read_bytes(path, shape).reshape(-1) * (pixel_max / 255)


def read_bytes(path: str | os.PathLike[str], shape: tuple[int, int, int]) -> HostArray:
    """Read one picture as bytes of the given shape (height, width, channels).

    As `read_picture`, with values from 0 to 255.

    Raises
    ------
    ValueError
        Where the shape is that of no picture, or the file is none or damaged.
    """
    if shape[2] not in (1, 3) or min(shape) < 1:
        raise ValueError(f"shape: found {shape}, expected (height, width, 1 or 3)")
    pillow = require("PIL.Image", "app")
    with check_path("path", path).open("rb") as file:
        # Its decoders fail in as many ways as there are formats.
        try:
            return _prepared(pillow.open(file), shape)
        except Exception as error:
            raise ValueError(f"{path}: cannot be read as a picture: {error}") from error


def _prepared(image: Any, shape: tuple[int, int, int]) -> HostArray:
    pillow, operations = require("PIL.Image", "app"), require("PIL.ImageOps", "app")
    height, width, channels = shape
    image = operations.exif_transpose(image)
    if image.mode in ("I", "F"):
        raise ValueError("found pixels of 32 bits, whose white is unknown, expected 8 or 16")
    if image.mode.startswith("I;16"):  # conversion would cut off at 255
        image = pillow.fromarray(np.round(np.asarray(image) / 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if channels == 1 else "RGB")
    image = image.resize((width, height), pillow.Resampling.LANCZOS)
    return np.asarray(image).reshape(shape)


def picture_suffixes() -> frozenset[str]:
    """Return the suffixes, in lower case with their dot, of the formats that can be read."""
    pillow = require("PIL.Image", "app")
    return frozenset(
        suffix for suffix, name in pillow.registered_extensions().items() if name in pillow.OPEN
    )
