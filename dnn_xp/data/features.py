"""Features of a table: of which kind each is, what is known of it, and how they are shown."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dnn_xp.arguments import check, check_not_negative, check_number, check_whole
from dnn_xp.backends import HostArray, namespace
from dnn_xp.data.columns import is_text_of_numbers, kind_of
from dnn_xp.data.frames import Table, is_of_other_library
from dnn_xp.data.levels import Levels
from dnn_xp.reprs import printable

__all__ = [
    "NUMBERS",
    "Feature",
    "choose_kinds",
    "describe_features",
    "full_feature",
    "other_names_found",
    "plain_feature",
    "text_names",
]

NUMBERS = ("number", "time", "duration")
"""Kinds of features that are read as numbers."""


class Feature(NamedTuple):
    """Feature of a table, as an encoder knows it.

    Attributes
    ----------
    kind : str
        "number", "time", "duration", "boolean" or "category"; "empty" where all numbers of it
        were missing in training.
    n_missing : int
        How many values were missing in training.
    centre, scale : float
        Of numbers; the scale is 0 where they were all the same.
    levels : Levels or None
        Of categories and booleans.
    """

    kind: str
    n_missing: int
    centre: float = 0.0
    scale: float = 0.0
    levels: Levels | None = None

    @property
    def has_indicator(self) -> bool:
        """Whether a column says where its numbers are missing."""
        return self.kind in NUMBERS and self.n_missing > 0


def choose_kinds(table: Table, labels: list[str], categorical_features: Any) -> list[str]:
    """Return the kind of each feature.

    Parameters
    ----------
    table : Table
    labels : list of str
        Of its features, for errors.
    categorical_features
        As an encoder is given it.

    Raises
    ------
    ValueError
        Where that does not fit the table, or a column is of no kind.
    """
    if table.matrix is None:
        own = [kind_of(*each) for each in zip(table.columns, labels, strict=True)]
    else:
        is_bool = _is_bool(table.matrix)
        own = ["boolean" if is_bool else "number"] * table.shape[1]
    if isinstance(categorical_features, str) and categorical_features == "from_dtype":
        for column, label in zip(table.columns, labels, strict=False):
            _refuse_numbers_made_text(column, label)
        return own
    mask = _categorical_mask(table, categorical_features)
    return [
        (kind if kind == "boolean" else "category")
        if chosen
        else (kind if kind in NUMBERS else "number")
        for kind, chosen in zip(own, mask, strict=True)
    ]


def _refuse_numbers_made_text(column: Any, label: str) -> None:
    """Refuse numbers that NumPy made text of, since text stood beside them."""
    if is_text_of_numbers(column):
        raise ValueError(
            f"X: found text that reads as numbers in {label}, in an array of {column.dtype}, "
            "expected numbers; numpy.array(..., dtype=object) and data frames keep them; or name "
            "it in categorical_features"
        )


def _is_bool(matrix: Any) -> bool:
    if is_of_other_library(matrix):
        return bool(namespace(matrix).isdtype(matrix.dtype, "bool"))
    # Of a sparse matrix it is the form of 0 and 1, of which there may be many thousand columns.
    return isinstance(matrix, np.ndarray) and matrix.dtype.kind == "b"


def _categorical_mask(table: Table, categorical_features: Any) -> HostArray:
    """Return which features are categories, or refuse it in scikit-learn's words."""
    n = table.shape[1]
    mask = np.zeros(n, bool)
    chosen = np.asarray([] if categorical_features is None else categorical_features)
    expected = "'from_dtype', None, or a list of names, places or truth values, of features"
    check("categorical_features", categorical_features, chosen.ndim == 1, expected)
    if chosen.size == 0:
        return mask
    kinds = {type(one).__name__ for one in chosen} if chosen.dtype.kind == "O" else set()
    if chosen.dtype.kind not in "ibUO" or kinds - {"str"}:
        found = ", ".join(sorted(kinds)) or chosen.dtype.name
        raise ValueError(
            f"categorical_features must be an array-like of bool, int or str, got: {found}."
        )
    if chosen.dtype.kind == "b":
        if chosen.shape != (n,):
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,), got: "
                f"{chosen.shape}"
            )
        return chosen
    if chosen.dtype.kind == "i":
        if chosen.max() >= n or chosen.min() < 0:
            raise ValueError(
                "categorical_features set as integer indices must be in [0, n_features - 1]"
            )
        mask[chosen] = True
        return mask
    if table.names is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a boolean mask "
            "when the model is fitted on data without feature names."
        )
    for name in chosen.tolist():
        if name not in table.names:
            raise ValueError(
                f"categorical_features has an item value '{name}' which is not a valid feature "
                f"name of the training data. Observed feature names: {list(table.names)}"
            )
        mask[table.names.index(name)] = True
    return mask


def text_names(names: Sequence[Any] | None) -> tuple[str, ...] | None:
    """Return the names of features where all are text, or none.

    Raises
    ------
    TypeError
        Where only some are, in scikit-learn's words.
    """
    kinds = sorted({type(name).__qualname__ for name in names or ()})
    if len(kinds) > 1 and "str" in kinds:
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your "
            f"input has {kinds} as feature name / column name types. If you want feature names to "
            "be stored and validated, you must convert them all to strings, by using X.columns = "
            "X.columns.astype(str) for example. Otherwise you can remove feature / column names "
            "from your input data, or convert them all to a non-string data type."
        )
    return tuple(names) if names and kinds == ["str"] else None


def other_names_found(found: tuple[str, ...], known: tuple[str, ...]) -> ValueError:
    """Return the error of features of other names, in scikit-learn's words."""

    def listed(names: set[str]) -> str:
        lines = [f"- {name}\n" for name in sorted(names)]
        return "".join(lines[:5]) + ("- ...\n" if len(lines) > 5 else "")

    message = "The feature names should match those that were passed during fit.\n"
    if unseen := set(found) - set(known):
        message += f"Feature names unseen at fit time:\n{listed(unseen)}"
    if missing := set(known) - set(found):
        message += f"Feature names seen at fit time, yet now missing:\n{listed(missing)}"
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return ValueError(message)


# ----------------------------------------------------------------------------- showing and keeping


def describe_features(names: Sequence[Any], features: Sequence[Feature]) -> str:
    """Return a table of features: a line for each, below a line of what stands there."""
    rows = [("feature", "kind", "becomes", "missing", "levels")]
    for name, feature in zip(names, features, strict=True):
        missing, levels = str(feature.n_missing or ""), _level_words(feature)
        rows.append((printable(name), feature.kind, _column_words(feature), missing, levels))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _column_words(feature: Feature) -> str:
    if feature.levels is None:
        parts = ["a number"] * (feature.scale > 0) + ["an indicator"] * feature.has_indicator
        return (
            " and ".join(parts)
            or "nothing: " + ("constant", "all missing")[feature.kind == "empty"]
        )
    width, buckets = feature.levels.width, feature.levels.n_buckets
    if not width:
        return "nothing: " + ("constant" if feature.levels.n_levels else "all missing")
    words = f"{width} columns" if width > 1 else "a column of -1 and 1"
    return words + (f", {buckets} of them shared" if buckets else "")


def _level_words(feature: Feature) -> str:
    if feature.levels is None:
        return ""
    shown = feature.levels.own[:5]
    words = [str(bool(one)) if feature.kind == "boolean" else printable(one) for one in shown]
    more = ", ..." if feature.levels.n_levels > len(shown) else ""
    return f"{feature.levels.n_levels}: {', '.join(words)}{more}" if words else ""


def plain_feature(feature: Feature) -> dict[str, Any]:
    """Return a feature in JSON's types."""
    levels = feature.levels
    plain = None if levels is None else levels._asdict() | {"own": list(levels.own)}
    return feature._asdict() | {"levels": plain}


def full_feature(state: Mapping[str, Any]) -> Feature:
    """Return a feature from what `plain_feature` returned.

    Raises
    ------
    ValueError, TypeError, KeyError
        Where it did not.
    """
    feature = Feature(**state)
    check(
        "kind", feature.kind, feature.kind in (*NUMBERS, "empty", "boolean", "category"), "a kind"
    )
    check_whole("n_missing", feature.n_missing, 0)
    check_number("centre", feature.centre, lambda x: True, "a number")
    check_not_negative("scale", feature.scale)
    if feature.kind not in ("boolean", "category"):
        return feature._replace(levels=None)
    levels = Levels(**state["levels"])
    check("kind", levels.kind, levels.kind in ("text", "numbers", "both"), "a kind of levels")
    check_whole("n_levels", levels.n_levels, len(levels.own))
    check_whole("n_missing", levels.n_missing, 0)
    check_whole("n_buckets", levels.n_buckets, 0)
    for level in levels.own:
        if not isinstance(level, str):
            check_number("own", level, lambda x: True, "a text or a number")
    check("own", levels.own, len(set(levels.own)) == len(levels.own), "levels that differ")
    return feature._replace(levels=levels._replace(own=tuple(levels.own)))
