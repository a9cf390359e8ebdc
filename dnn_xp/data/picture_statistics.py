"""Statistics of pictures: by which those are told that are unlike the ones a network learnt from.

Ground is what most of the edge shows, and ink what differs from it, be it bright or dark. All
values are shares: of the brightest pixel, or of a side.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check, check_whole, shown
from dnn_xp.backends import HostArray

__all__ = [
    "PictureRanges",
    "PictureStatistics",
    "Unlike",
    "find_unlike",
    "fit_ranges",
    "measure_pictures",
]

MOST = 4096
"""Pictures that ranges are fitted on: of more, some that are spread evenly."""
_ELEMENTS = 2**19
_LEAST = 0.05
"""What is no further than this from the pictures of a training is not worth a word."""


class PictureStatistics(NamedTuple):
    """Statistics of some pictures, or of all of them.

    Attributes
    ----------
    brightness, edge, contrast : ndarray of float64, shape (m,), or float
        The mean of all pixels and of those at the edge, and the standard deviation.
    across, down : ndarray or float
        Where the middle of the ink is, from the left and from the top.
    width, height : ndarray or float
        The standard deviation of the ink's places, across and down.
    ground, ink, peak : ndarray or float
        The median of the edge, the mean of what is brighter than that (below 0 where it is darker),
        and the largest difference from it.
    ink_width, ink_height : ndarray or float
        Of the box around the ink.
    """

    brightness: Any
    edge: Any
    contrast: Any
    across: Any
    down: Any
    width: Any
    height: Any
    ground: Any
    ink: Any
    peak: Any
    ink_width: Any
    ink_height: Any


class PictureRanges(NamedTuple):
    """What the pictures of a training look like.

    Attributes
    ----------
    n_pictures : int
    lowest, middle, highest : PictureStatistics
        Over these pictures; the middle is the median.
    """

    n_pictures: int
    lowest: PictureStatistics
    middle: PictureStatistics
    highest: PictureStatistics

    def described(self) -> dict[str, Any]:
        """Return them in JSON's types, for `PictureRanges.of`."""
        parts = {name: list(getattr(self, name)) for name in ("lowest", "middle", "highest")}
        return {"n_pictures": self.n_pictures, **parts}

    @classmethod
    def of(cls, described: Any) -> "PictureRanges":
        """Return what was described.

        Raises
        ------
        ValueError
            Where it is something else.
        """
        names, length = cls._fields, len(PictureStatistics._fields)
        if not isinstance(described, Mapping) or described.keys() != {*names}:
            raise ValueError(f"pictures: found {shown(described)}, expected {', '.join(names)}")
        check_whole("pictures: n_pictures", described["n_pictures"], 1)
        for name in names[1:]:
            values = described[name]
            fits = isinstance(values, list) and len(values) == length
            fits = fits and all(map(_is_share, values))
            check(f"pictures: {name}", values, fits, f"{length} numbers from -1 to 1")
        n_pictures, *parts = (described[name] for name in names)
        return cls(n_pictures, *(PictureStatistics(*values) for values in parts))


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1 <= value <= 1


# ----------------------------------------------------------------------------- measuring


def fit_ranges(X: HostArray, shape: tuple[int, int, int], pixel_max: int) -> PictureRanges:
    """Return what the pictures of a training look like.

    Parameters
    ----------
    X : ndarray, shape (n_features, m)
        Pictures as columns.
    shape : tuple (height, width, channels)
    pixel_max : int
        The value of the brightest pixel.
    """
    X = X[:, :: max(1, -(-X.shape[1] // MOST))]
    found = np.stack(measure_pictures(X, shape, pixel_max))
    low, middle, high = (
        PictureStatistics(*values.tolist())
        for values in (found.min(axis=1), np.median(found, axis=1), found.max(axis=1))
    )
    return PictureRanges(X.shape[1], low, middle, high)


def measure_pictures(
    X: HostArray, shape: tuple[int, int, int], pixel_max: int
) -> PictureStatistics:
    """Return the statistics of each picture.

    Parameters
    ----------
    X, shape, pixel_max
        As in `fit_ranges`.
    """
    step = max(1, _ELEMENTS // max(1, X.shape[0]))
    starts = range(0, max(1, X.shape[1]), step)
    found = [_measure(X[:, start : start + step], shape, pixel_max) for start in starts]
    return PictureStatistics(*(np.concatenate(values) for values in zip(*found, strict=True)))


def _measure(X: HostArray, shape: tuple[int, int, int], pixel_max: int) -> PictureStatistics:
    pictures = X.T.reshape(-1, *shape).mean(axis=3, dtype=np.float64) / pixel_max
    edge = np.concatenate(
        [pictures[:, 0], pictures[:, -1], pictures[:, 1:-1, 0], pictures[:, 1:-1, -1]], axis=1
    )
    ground = np.median(edge, axis=1)
    difference = pictures - ground[:, None, None]
    ink = np.abs(difference)
    peak = ink.max(axis=(1, 2))
    inked = ink > 0.5 * peak[:, None, None]
    across, width = _place(ink.sum(axis=1))
    down, height = _place(ink.sum(axis=2))
    return PictureStatistics(
        pictures.mean(axis=(1, 2)),
        edge.mean(axis=1),
        pictures.std(axis=(1, 2)),
        across,
        down,
        width,
        height,
        ground,
        difference.mean(axis=(1, 2)),
        peak,
        _extent(inked.any(axis=1)),
        _extent(inked.any(axis=2)),
    )


def _place(ink: HostArray) -> tuple[HostArray, HostArray]:
    """Return the mean and the standard deviation of places, by the ink that is there."""
    n = ink.shape[1]
    places, total = (np.arange(n) + 0.5) / n, ink.sum(axis=1)
    share = ink / np.where(total > 0.0, total, 1.0)[:, None]
    mean = np.where(total > 0.0, share @ places, 0.5)
    return mean, np.sqrt(np.sum(share * (places - mean[:, None]) ** 2, axis=1))


def _extent(inked: HostArray) -> HostArray:
    n, some = inked.shape[1], inked.any(axis=1)
    n_inked = n - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1)
    found: HostArray = some * n_inked / n
    return found


# ----------------------------------------------------------------------------- comparing


class Unlike(NamedTuple):
    """In what a picture is unlike those of a training.

    Attributes
    ----------
    words : str
        Such as ``"much brighter than the training pictures (mean 14.1 of 16, there 2.9 to 6.8)"``.
    inverted : bool
        Whether it is dark on light where those are light on dark, or the other way round.
    displaced : bool
        Whether its ink is at another place, of another size, or less.
    """

    words: str
    inverted: bool
    displaced: bool


_BY_LEVEL = {
    "brightness": ("darker", "brighter", "mean"),
    "contrast": ("fainter", "stronger", "deviation"),
    "edge": ("darker at the edge", "brighter at the edge", "mean"),
}
_BY_PLACE = {
    "height": ("flatter", "taller", "spread"),
    "width": ("narrower", "wider", "spread"),
    "down": ("higher up", "lower down", "middle"),
    "across": ("further to the left", "further to the right", "middle"),
}
"""What a value below, and above, those of the training means, and what it is."""


def find_unlike(
    X: HostArray, shape: tuple[int, int, int], pixel_max: int, ranges: PictureRanges
) -> list[Unlike | None]:
    """Say of each picture in what it is unlike those of a training, or None where it is like them.

    Parameters
    ----------
    X, shape, pixel_max
        As in `fit_ranges`.
    ranges : PictureRanges
        Of the training.
    """
    found = measure_pictures(X, shape, pixel_max)
    low, high = (np.asarray(part)[:, None] for part in (ranges.lowest, ranges.highest))
    # A few pictures do not show the whole range of what is alike.
    margin = np.maximum(_LEAST, (0.1 + 6.0 / ranges.n_pictures) * (high - low))
    values = np.stack(found)
    outside = dict(
        zip(found._fields, (values < low - margin) | (values > high + margin), strict=True)
    )
    same_ground = ranges.highest.ground - ranges.lowest.ground < 0.5
    inverted = (found.ground - 0.5) * (ranges.middle.ground - 0.5) < 0.0
    least = min(abs(ranges.lowest.ink), abs(ranges.highest.ink))
    displaced = (found.peak > 0.0) & (np.abs(found.ink) < least)
    displaced |= np.any([outside[name] for name in _BY_PLACE], axis=0)

    def of_picture(i: int) -> Unlike | None:
        for name in (*_BY_LEVEL, *_BY_PLACE):
            if outside[name][i]:
                words = _words(name, float(getattr(found, name)[i]), ranges, pixel_max)
                return Unlike(
                    words, same_ground and bool(inverted[i]), same_ground and bool(displaced[i])
                )
        return None

    return [of_picture(i) for i in range(X.shape[1])]


def _words(name: str, value: float, ranges: PictureRanges, pixel_max: int) -> str:
    low, high = getattr(ranges.lowest, name), getattr(ranges.highest, name)
    by_level = name in _BY_LEVEL
    below, above, what = (_BY_LEVEL if by_level else _BY_PLACE)[name]
    unit, of = (pixel_max, f"of {pixel_max}") if by_level else (100, "% of the side")
    much = "much " if max(low - value, value - high) > 0.5 * (high - low) else ""
    return (
        f"{much}{below if value < low else above} than the training pictures "
        f"({what} {value * unit:.3g} {of}, there {low * unit:.3g} to {high * unit:.3g})"
    )
