"""Pictures from files, brought to the form in which a network was trained on them."""

import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from numbers import Integral
from typing import Any

import numpy as np

from dnn_xp.arguments import check, check_path, check_whole
from dnn_xp.backends import HostArray, require
from dnn_xp.data.drawings import as_strong, crop_to_ink
from dnn_xp.data.picture_statistics import PictureRanges
from dnn_xp.files.opening import read_whole, seeming
from dnn_xp.reprs import printable

__all__ = ["picture_suffixes", "read_bytes", "read_picture", "read_pictures"]

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Of pixels, whatever the file is called. Others that Pillow knows run programs, such as
PostScript, or only name what another library would have to read."""

_PIXELS = 2**26
"""A picture may have so many: no camera that people carry takes more in one shot."""
_PIXELS_EACH = 16
"""Or so many for each pixel that is wanted: more would be averaged away."""
_SCANS = 100
"""A JPEG may go over the whole picture so often; in a few kB there is room for minutes of it."""
_THREADS = 4
"""Read pictures at a time, each of which may be large before it is squeezed."""


def read_picture(
    path: str | os.PathLike[str],
    shape: tuple[int, int, int],
    pixel_max: int = 255,
    *,
    invert: bool = False,
    crop_like: PictureRanges | None = None,
) -> HostArray:
    """Read one picture as a column of pixels.

    Parameters
    ----------
    path : path
        A BMP, GIF, JPEG, JPEG 2000, PNG, PPM, TIFF or WebP file, or AVIF where Pillow has it, of
        8, 12 or 16 bits. A camera's orientation is applied, the transparent becomes white, and the
        picture is squeezed to the shape, as in the article, without cropping. It may have 2**26
        pixels, or 16 for each that is wanted where that is more.
    shape : tuple (height, width, channels)
        Channels are 1 (grey) or 3 (red, green, blue).
    pixel_max : int
        The value that the brightest pixel shall have.
    invert : bool
        Whether dark becomes light, before all else.
    crop_like : PictureRanges, optional
        Of the training pictures: the picture is cropped to its ink, and made as strong as they are;
        see `dnn_xp.data.drawings`.

    Returns
    -------
    ndarray of float64, shape (height * width * channels,)
        From 0 to `pixel_max`, row by row, the channels of a pixel side by side.

    Raises
    ------
    OSError
        Where the file cannot be opened.
    ValueError
        Where it is not a picture, too large, or damaged.
    ImportError
        Where Pillow is missing.
    """
    pixel_max = check_whole("pixel_max", pixel_max, 1)
    check("pixel_max", pixel_max, pixel_max < 2**32, "a whole number below 2**32")
    pixels = read_bytes(path, shape, invert=invert, crop_like=crop_like)
    return pixels.reshape(-1) * (pixel_max / 255)


def read_bytes(
    path: str | os.PathLike[str],
    shape: tuple[int, int, int],
    *,
    invert: bool = False,
    crop_like: PictureRanges | None = None,
) -> HostArray:
    """Read one picture as bytes of the given shape (height, width, channels).

    As `read_picture`, with values from 0 to 255.

    Raises
    ------
    OSError
        Where the file cannot be opened.
    ValueError
        Where the shape is that of no picture, or the file is none, too large or damaged.
    """
    fits = isinstance(shape, Sequence) and len(shape) == 3 and shape[2] in (1, 3)
    fits = fits and all(isinstance(length, Integral) and length >= 1 for length in shape)
    check("shape", shape, fits, "(height, width, 1 or 3)")
    pillow = require("PIL.Image", "app")
    pixels = max(_PIXELS, _PIXELS_EACH * shape[0] * shape[1])
    content = read_whole(check_path("path", path), limit=8 * pixels)  # four channels of 16 bits
    # Its decoders fail in as many ways as there are formats.
    try:
        if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > _SCANS:
            raise ValueError(f"found a JPEG of more than {_SCANS} scans")
        image = pillow.open(io.BytesIO(content), formats=_known_formats())
        if image.width * image.height > pixels:
            raise ValueError(
                f"found {image.width} x {image.height} pixels, expected at most {pixels:,}: "
                "make it smaller"
            )
        return _prepared(image, shape, invert, crop_like)
    except Exception as error:
        said = _description(content) if "cannot identify" in str(error) else str(error)
        said = printable(said) or type(error).__name__
        raise ValueError(f"{path}: cannot be read as a picture: {said}") from error


def read_pictures(
    paths: Sequence[str | os.PathLike[str]],
    shape: tuple[int, int, int],
    advance: Callable[[int, int], None] | None = None,
) -> HostArray:
    """Read pictures as bytes, a few of them ahead by threads.

    Parameters
    ----------
    paths : sequence of path
    shape : tuple (height, width, channels)
        To which each is brought: see `read_bytes`.
    advance : callable, optional
        ``advance(done, total)`` is told how many have been read, and how many there are.

    Returns
    -------
    ndarray of uint8, shape (m, height, width, channels)

    Raises
    ------
    OSError, ValueError, ImportError
        As `read_bytes`, of the first picture that cannot be read.
    """
    pictures = np.empty((len(paths), *shape), np.uint8)
    for place, picture in enumerate(_read_ahead(paths, shape)):
        pictures[place] = picture
        if advance is not None:
            advance(place + 1, len(paths))
    return pictures


def _read_ahead(
    paths: Sequence[str | os.PathLike[str]], shape: tuple[int, int, int]
) -> Iterator[HostArray]:
    """Yield pictures in their order, while threads read the next ones."""
    _known_formats()  # Pillow's own list is not made by several threads at once
    threads = min(_THREADS, os.cpu_count() or 1)
    pool, coming = ThreadPoolExecutor(threads, "dnn_xp picture"), deque[Future[HostArray]]()
    try:
        for path in paths:
            coming.append(pool.submit(read_bytes, path, shape))
            if len(coming) > 2 * threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _description(content: bytes) -> str:
    """Return what a file is that Pillow takes for no picture."""
    if content.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        return "damaged, or of a kind that Pillow does not read, such as a JPEG of 12 bits"
    return f"found none of {', '.join(_known_formats())}{seeming(content[:512])}"


def _known_formats() -> list[str]:
    """Return those of our formats that this Pillow has."""
    pillow = require("PIL.Image", "app")
    pillow.init()
    return [name for name in FORMATS if name in pillow.OPEN]


# A JPEG could be decoded at an eighth of its size for a fraction of the time. That was measured on
# noise, edges, text and gradients: no pixel of the result changes by more than one level only
# where 64 pixels are still left for each that is wanted, which is seldom; with 8 left it is 9.
def _prepared(
    image: Any, shape: tuple[int, int, int], invert: bool, crop_like: PictureRanges | None
) -> HostArray:
    pillow, operations = require("PIL.Image", "app"), require("PIL.ImageOps", "app")
    height, width, channels = shape
    deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    white, inverted = _range(image)
    operations.exif_transpose(image, in_place=True)
    if deep:  # conversion would cut off at 255
        image = pillow.fromarray(_as_bytes(np.asarray(image), white, inverted))
    elif image.mode in ("I", "F"):
        raise ValueError("found pixels of 32 bits, whose white is unknown, expected 8 or 16")
    if image.has_transparency_data:
        image = _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:  # or else it would be copied
        image = image.convert(mode)
    if invert:
        image = operations.invert(image)
    if crop_like is not None:
        image = crop_to_ink(image, shape, crop_like)
    image = image.resize((width, height), pillow.Resampling.LANCZOS)
    pixels = np.asarray(image).reshape(shape)
    return pixels if crop_like is None else as_strong(pixels, crop_like)


def _on_white(image: Any, rows: int = 512) -> Any:
    """Lay a picture on white in its own place, some rows at a time: it may be large."""
    pillow = require("PIL.Image", "app")
    for top in range(0, image.height, rows):
        part = image.crop((0, top, image.width, min(top + rows, image.height)))
        white = pillow.new("RGBA", part.size, "white")
        image.paste(pillow.alpha_composite(white, part), (0, top))
    return image


def _range(image: Any) -> tuple[int, bool]:
    """Return the value of white in a picture of more than 8 bits, and whether 0 is white."""
    tags = image.tag_v2 if image.format == "TIFF" else {}
    bits, interpretation = tags.get(258, (16,)), tags.get(262, 1)
    return 2 ** min(bits[0], 16) - 1, interpretation == 0


def _as_bytes(pixels: HostArray, white: int, inverted: bool) -> HostArray:
    """Return pixels from 0 to white as those from 0 to 255, to the nearest."""
    wide = pixels.astype(np.uint32)
    wide *= 255
    wide += white // 2
    wide //= white
    np.minimum(wide, 255, out=wide)
    return 255 - wide.astype(np.uint8) if inverted else wide.astype(np.uint8)


def picture_suffixes() -> frozenset[str]:
    """Return the suffixes, in lower case with their dot, of the formats that can be read."""
    pillow = require("PIL.Image", "app")
    known = _known_formats()
    return frozenset(
        suffix for suffix, name in pillow.registered_extensions().items() if name in known
    )
