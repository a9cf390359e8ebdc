"""Pictures as addresses that hold them: PNG, written without a library of pictures."""

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["picture_url", "signed_colours"]

_Pixels = np.ndarray[Any, Any]

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
"""Kinds of pixels, by the numbers of PNG."""


def picture_url(pixels: _Pixels) -> str:
    """Return a picture as a ``data:`` URL, in the smallest of the forms that hold it exactly.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width) or (height, width, channels)
        Of 1 channel, grey; of 3, red, green and blue; of 4, these and opacity.

    Raises
    ------
    ValueError
        Where they are none such.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    fits = pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4) and pixels.size
    if not fits or pixels.dtype != np.uint8:
        expected = "of uint8 and (height, width) or (height, width, 1, 3 or 4), not empty"
        raise ValueError(
            f"pixels: found {pixels.dtype} of shape {pixels.shape}, expected {expected}"
        )
    smallest = min(_files(pixels), key=len)
    return f"data:image/png;base64,{base64.b64encode(smallest).decode()}"


def signed_colours(values: _Pixels) -> _Pixels:
    """Return colours for numbers: orange above 0, blue below it, white for 0.

    Parameters
    ----------
    values : ndarray, shape (height, width)
        What is not finite is grey.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        The largest magnitude has the full colour.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    numbers = np.where(finite, values, 0.0)
    strength = np.abs(numbers) / (np.max(np.abs(numbers), initial=0.0) or 1.0)
    full = np.where(numbers[..., None] > 0.0, (213.0, 94.0, 0.0), (0.0, 114.0, 178.0))
    colours = np.rint(255.0 - strength[..., None] * (255.0 - full))
    return np.where(finite[..., None], colours, 128.0).astype(np.uint8)


def _files(pixels: _Pixels) -> Iterator[bytes]:
    """Return the picture in each form that holds it."""
    if pixels.shape[2] == 4 and np.all(pixels[..., 3] == 255):
        pixels = pixels[..., :3]
    has_alpha = pixels.shape[2] == 4
    if pixels.shape[2] > 1 and np.all(pixels[..., :3] == pixels[..., :1]):
        pixels = pixels[..., [0, 3]] if has_alpha else pixels[..., :1]
    kind = {1: _GREY, 2: _GREY_ALPHA, 3: _RGB, 4: _RGBA}[pixels.shape[2]]
    height, width = pixels.shape[:2]
    yield _png(width, height, 8, kind, pixels.reshape(height, -1))
    if has_alpha:
        return
    colours, places = np.unique(pixels.reshape(height * width, -1), axis=0, return_inverse=True)
    if len(colours) > 256:
        return
    depth = next(bits for bits in (1, 2, 4, 8) if len(colours) <= 1 << bits)
    palette = np.broadcast_to(colours, (len(colours), 3)).tobytes()
    packed = _packed(places.reshape(height, width).astype(np.uint8), depth)
    yield _png(width, height, depth, _PALETTE, packed, palette)


def _packed(places: _Pixels, depth: int) -> _Pixels:
    """Return rows of small numbers as bytes that hold several of them."""
    bits = np.unpackbits(places[:, :, None], axis=2)[:, :, 8 - depth :]
    return np.packbits(bits.reshape(len(places), -1), axis=1)


def _png(
    width: int, height: int, depth: int, kind: int, rows: _Pixels, palette: bytes = b""
) -> bytes:
    """Return a file of PNG; each row of bytes begins with the number of its filter, none."""
    lines = np.pad(rows, ((0, 0), (1, 0))).tobytes()
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))]
    parts += [(b"PLTE", palette)] if palette else []
    parts += [(b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
