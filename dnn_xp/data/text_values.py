"""Values of a table that came as text: numbers, truth values, times, texts, or missing."""

import re
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.backends import HostArray
from dnn_xp.reprs import printable

__all__ = ["MISSING", "NUMBER", "WHOLE", "TextColumn", "read_text_column"]

_UNKNOWN = "?"
_WORDS = (
    "#N/A",
    "#N/A N/A",
    "#NA",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
    "null",
)
MISSING = frozenset(
    ("", _UNKNOWN, *_WORDS, "-NaN", "-nan", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN")
)
"""Texts that stand for a missing value: pandas' own, and ? where it is no category."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.ASCII | re.I)
WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_SIGN = r"[$€£¥]?"
_ADORNED = re.compile(
    rf"[+-]?{_SIGN} ?[+-]?(\d+|\d{{1,3}}([,.' \u00a0\u202f]\d{{3}})+)([.,]\d+)? ?({_SIGN}|%)",
    re.ASCII,
)
"""Numbers as people write them: with a currency, a percent sign, or marks between thousands."""
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)
_TRUTH = {"true": True, "false": False}


class TextColumn(NamedTuple):
    """Column of a table that came as text.

    Attributes
    ----------
    array : ndarray, shape (m,)
        int64, float64, bool or datetime64 where all values are such, else objects; NaN, NaT or
        None where one is missing.
    missing : frozenset of str
        The words that stood for a missing value.
    note : str
        What was taken for granted, or "".
    """

    array: HostArray
    missing: frozenset[str]
    note: str = ""


def read_text_column(
    values: Sequence[str], *, as_text: bool = False, decimal_commas: bool = False
) -> TextColumn:
    """Return texts as what they stand for.

    Parameters
    ----------
    values : sequence of str
    as_text : bool
        Whether they are categories, whatever they look like.
    decimal_commas : bool
        Whether a comma may be the decimal sign, as it may where it separates nothing.
    """
    distinct = set(values)
    known, missing = distinct - MISSING, MISSING & distinct
    if not known and not (as_text and _UNKNOWN in missing):
        return TextColumn(np.full(len(values), np.nan), missing)
    if as_text:
        return _as_texts(values, missing)
    if all(map(NUMBER.fullmatch, known)):
        return TextColumn(
            _numbers(values, not missing and all(map(WHOLE.fullmatch, known))), missing
        )
    if decimal_commas and all(NUMBER.fullmatch(_with_point(text)) for text in known):
        numbers = _numbers([*map(_with_point, values)], False)
        return TextColumn(numbers, missing, "a comma is taken for the decimal sign")
    if all(text.lower() in _TRUTH for text in known):
        truths = _objects(values, {text: _TRUTH[text.lower()] for text in known})
        return TextColumn(truths if missing else truths.astype(bool), missing)
    if all(map(_TIME.fullmatch, known)) and (times := _times(values)) is not None:
        return TextColumn(times, missing)
    return _as_texts(values, missing, _unlike_numbers(known))


def _with_point(text: str) -> str:
    return text.replace(",", ".", 1)


def _unlike_numbers(known: Set[str]) -> str:
    """Return what to say of texts of which most are numbers, or written as numbers are."""
    others = sorted(text for text in known if not NUMBER.fullmatch(text))
    if 2 * len(others) < len(known):
        return f"most values are numbers, but not {_some(others)}: taken for categories"
    adorned = [text for text in others if _ADORNED.fullmatch(text)]
    if 2 * (len(known) - len(others) + len(adorned)) > len(known):
        plain = "expected no currency, percent sign or mark between thousands in numbers"
        return f"{plain}, found {_some(adorned)}: taken for categories"
    return ""


def _some(texts: Sequence[str]) -> str:
    shown = [f"'{printable(text)}'" for text in texts[:3]]
    return ", ".join([*shown, *["..."][len(texts) < 4 :]])


def _as_texts(values: Sequence[str], missing: frozenset[str], note: str = "") -> TextColumn:
    words = missing - {_UNKNOWN}  # which is a category as good as others
    return TextColumn(_objects(values, {text: text for text in {*values} - words}), words, note)


def _numbers(values: Sequence[str], whole: bool) -> HostArray:
    if whole:
        return np.array([*map(int, values)], np.int64)
    return np.array([np.nan if text in MISSING else float(text) for text in values])


def _objects(values: Sequence[str], known: Mapping[str, Any]) -> HostArray:
    """Return what texts stand for; None for those that are not known."""
    array = np.empty(len(values), object)
    array[:] = [known.get(text) for text in values]
    return array


def _times(values: Sequence[str]) -> HostArray | None:
    """Return times in UTC, or None where a text has the form of one and is none."""
    found: list[datetime | None] = []
    for text in values:
        if text in MISSING:
            found.append(None)
            continue
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            return None
        if time.tzinfo is not None:
            time = time.astimezone(UTC).replace(tzinfo=None)
        found.append(time)
    return np.array(found, "datetime64[us]")
