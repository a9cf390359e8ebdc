"""Names of the arrays of a file that hold examples and what is to be learnt about them."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from dnn_xp.reprs import printable

__all__ = ["ArrayNames", "choose_names", "doubt"]

_WORDS = {
    **dict.fromkeys(("x", "data", "features", "images", "inputs", "arr_0"), "x"),
    **dict.fromkeys(("y", "target", "targets", "label", "labels", "outputs", "arr_1"), "y"),
}
"""Words by which examples and targets are known; those that NumPy gives to what has no name."""

_PART = r"train|training|test|testing|val|valid|validation|dev"
_NAME = re.compile(
    rf"(?P<group>(?:.*/)?)(?:(?P<before>{_PART})_)?(?P<word>{'|'.join(_WORDS)})"
    rf"(?:_(?P<after>{_PART}))?",
    re.I,
)


class ArrayNames(NamedTuple):
    """Names of the arrays that are read.

    Attributes
    ----------
    x, y : str
    test : (str, str) or None
        The same of a test part, where the file has one.
    note : str
        What was taken without being asked for, or "".
    """

    x: str
    y: str
    test: tuple[str, str] | None = None
    note: str = ""


def choose_names(there: Sequence[str], x: str | None = None, y: str | None = None) -> ArrayNames:
    """Choose the arrays of examples and targets among those of a file.

    Parameters
    ----------
    there : sequence of str
        The names of all, such as ``"x"`` or ``"train/x"``.
    x, y : str, optional
        Those that are asked for. Default: x and y, or the one pair whose names say that they are
        such; beside a pair of a training part that of a test part is taken, too.

    Raises
    ------
    ValueError
        Where one that is asked for is not there, or there is no such pair, or several.
    """
    for option, name in (("x", x), ("y", y)):
        if name is not None and name.strip("/") not in there:
            raise ValueError(f"lacks {option} '{printable(name)}': {_listed(there)}")
    if x is not None and y is not None:
        return ArrayNames(x.strip("/"), y.strip("/"))
    if x is None and y is None and {"x", "y"} <= set(there):
        return ArrayNames("x", "y")
    asked = {name.strip("/") for name in (x, y) if name is not None}
    pairs = {which: pair for which, pair in _pairs(there).items() if asked <= {*pair}}
    parts = {part: pair for (_, part), pair in pairs.items()}
    one_place = len({group for group, _ in pairs}) == 1 and len(parts) == len(pairs)
    first = "train" if "train" in parts else ""
    if not one_place or first not in parts or ("" in parts and len(parts) > 1):
        raise ValueError(doubt(there))
    note = "taken as examples and targets: {}, {}".format(*parts[first])
    if (test := parts.get("test")) is not None:
        note += "; as their test part: {}, {}".format(*test)
    if "validation" in parts:
        note += "; not read: {}, {}".format(*parts["validation"])
    return ArrayNames(*parts[first], test, printable(f"{note}; --x NAME --y NAME to change"))


def doubt(there: Sequence[str]) -> str:
    """Return what is wrong with a file whose names do not tell what they are."""
    lacking = " and ".join(name for name in "xy" if name not in there) or "one pair of arrays"
    return (
        f"lacks {lacking}: {_listed(there)}; say which hold the examples and the targets: "
        "--x NAME --y NAME"
    )


def _listed(there: Sequence[str]) -> str:
    shown = [*map(printable, there[:20]), *["..."][: len(there) > 20]]
    return f"found {', '.join(shown) or 'nothing'}"


def _pairs(there: Sequence[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the names of examples and targets that belong together, by group and part.

    Of several that could be meant there is no pair.
    """
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for name in there:
        match = _NAME.fullmatch(name)
        if match is None or (match["word"].startswith("arr_") and "arr_2" in there):
            continue
        group, part = match["group"].strip("/"), match["before"] or match["after"]
        outer, _, inner = group.rpartition("/")
        if part is None and re.fullmatch(_PART, inner, re.I):
            group, part = outer, inner
        kinds = found.setdefault((group, _known_part(part or "")), {"x": [], "y": []})
        kinds[_WORDS[match["word"].lower()]].append(name)
    return {
        which: (kinds["x"][0], kinds["y"][0])
        for which, kinds in found.items()
        if len(kinds["x"]) == len(kinds["y"]) == 1
    }


def _known_part(word: str) -> str:
    begins = word.lower()[:2]
    return {"": "", "tr": "train", "te": "test"}.get(begins, "validation")
