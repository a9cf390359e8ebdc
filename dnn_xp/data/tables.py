"""Tables for a network: numbers, categories and missing values as columns of the order of one."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from dnn_xp.arguments import check, check_whole
from dnn_xp.backends import (
    Array,
    HostArray,
    asarray_like,
    computes_lazily,
    device,
    map_blocks,
    namespace,
    to_host,
    transposed,
)
from dnn_xp.data.columns import feature_label, infinity_found
from dnn_xp.data.features import (
    NUMBERS,
    Feature,
    choose_kinds,
    describe_features,
    full_feature,
    other_names_found,
    plain_feature,
    text_names,
)
from dnn_xp.data.frames import (
    Table,
    by_columns,
    dense,
    is_of_other_library,
    read_numbers,
    read_table,
    read_values,
)
from dnn_xp.data.levels import learn_levels, make_encoder
from dnn_xp.data.scaling import in_double, measure_spread, scale_numbers
from dnn_xp.reprs import typed_call

__all__ = ["TableEncoder"]

_MOST = 2**16
"""Columns of a feature: what is larger is a mistake, or a file that asks for memory."""

_MEASURED, _SCALED = 2**21, 2**18
"""Numbers that are sorted, and that are scaled, at a time: in float64, with copies of them."""


class TableEncoder:
    """Encoder of tables for a network; fitted once on training rows, and kept with the model.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like of bool, int or str
        Which features are categories: those of text, objects, truth values and dtypes of
        categories; none; or a mask, places or names of them. All others are numbers, and times
        and durations, which become seconds.
    max_categories : int
        Columns that a feature becomes at most; those of missing values count.
    n_buckets : int
        Of these, how many are shared by the less frequent levels of a feature that has more.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of object
        Where the features have names, and all of them are text.
    features_ : tuple of Feature
    n_columns_ : int
        At least 1: where all features are constant it is a column of 0.
    n_numbers_ : int
        How many columns are scaled numbers: the first ones. Indicators of what is missing follow,
        then categories.
    column_features_ : ndarray of int, shape (n_columns,)
        The place of the feature that each column comes from.

    Notes
    -----
    A number x becomes z / sqrt(1 + (z / 3)**2) with z = (x - median) / (distance of the quartiles),
    or half of the distance of the least and the greatest where that is 0; what is constant is left
    out. A missing number is 0, and 1 in an indicator, which a feature has of which numbers
    were missing in training. Computed in float64 where the device has it.

    Two levels are a column of -1 and 1, more of them a column each. Missing is a level where it
    was one in training. A level that was not there is 0 in all columns, or shares the buckets.
    Levels are told apart by value: 1, 1.0 and True are the same, the text "1" is another. A
    feature of one level, or of missing values alone, is left out; what it holds is not looked at.

    Columns of NumPy's dtypes of text are categories, too; a list of rows is read value by value.
    Decimals are numbers. Of a value that is none of these, as an interval, the text counts.

    Examples
    --------
    >>> encoder = TableEncoder().fit([[1.0, "red"], [4.0, "blue"], [None, "red"], [3.0, None]])
    >>> print(encoder.describe())
    feature  kind      becomes                    missing  levels
    0        number    a number and an indicator  1
    1        category  3 columns                  1        2: blue, red
    5 columns
    >>> print(encoder.transform([[3.0, "blue"], [None, "green"]]))
    [[0. 0. 1. 0. 0.]
     [0. 1. 0. 0. 0.]]
    """

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        max_categories: int = 64,
        n_buckets: int = 16,
    ) -> None:
        self.categorical_features = categorical_features
        self.n_buckets = check_whole("n_buckets", n_buckets, 1)
        self.max_categories = check_whole("max_categories", max_categories, self.n_buckets + 2)
        fits = self.max_categories <= _MOST
        check("max_categories", max_categories, fits, f"at most {_MOST} columns of a feature")

    def __repr__(self) -> str:
        return typed_call(type(self), self._settings())

    def _settings(self) -> dict[str, Any]:
        chosen = self.categorical_features
        if chosen is not None and not isinstance(chosen, str):
            chosen = np.asarray(chosen).tolist()
        return {
            "categorical_features": chosen,
            "max_categories": self.max_categories,
            "n_buckets": self.n_buckets,
        }

    # ------------------------------------------------------------------------- fitting

    def fit(self, X: Any) -> "TableEncoder":
        """Learn the features of a table from training rows.

        Parameters
        ----------
        X : array-like, shape (m, n_features)
            A data frame, an array of any library, a list of rows, or a sparse matrix of SciPy.

        Raises
        ------
        ValueError, TypeError
            Where it is none of them, has no row or no feature, or holds what is infinite; where
            `categorical_features` does not fit it.
        """
        table = by_columns(read_table(X))
        for kind, length in zip(("sample", "feature"), table.shape, strict=True):
            if not length >= 1:
                raise ValueError(
                    f"Found array with {length} {kind}(s) (shape={tuple(table.shape)}) while a "
                    "minimum of 1 is required by TableEncoder."
                )
        names = text_names(table.names)
        labels = [feature_label(names, place) for place in range(table.shape[1])]
        kinds = choose_kinds(table, labels, self.categorical_features)
        features: list[Any] = [None] * len(kinds)
        numbers = [i for i, kind in enumerate(kinds) if kind in NUMBERS]
        for some in _slices(len(numbers), max(1, _MEASURED // table.shape[0])):
            places = numbers[some]
            spread = measure_spread(dense(read_numbers(table, places, kinds, labels)))
            for place, *found, is_finite in zip(places, *spread, strict=True):
                if not is_finite:
                    raise infinity_found(labels[place])
                n_missing, centre, scale = (one.item() for one in found)
                kind = "empty" if n_missing == table.shape[0] else kinds[place]
                features[place] = Feature(kind, n_missing, centre, scale)
        for place, kind in enumerate(kinds):
            if kind not in NUMBERS:
                values = read_values(table, place)
                most = self.max_categories
                levels = learn_levels(values, most, self.n_buckets, labels[place])
                features[place] = Feature(kind, levels.n_missing, levels=levels)
        self._know(tuple(features), names)
        return self

    def _know(self, features: tuple[Feature, ...], names: tuple[str, ...] | None) -> None:
        """Become what knows these features: all that is worked out of them is worked out here."""
        self.features_ = features
        self.n_features_in_ = len(features)
        self.__dict__.pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        self._kinds = [feature.kind for feature in features]
        self._labels = [feature_label(names, place) for place in range(len(features))]
        scaled = [i for i, one in enumerate(features) if one.scale > 0]
        indicated = [i for i, one in enumerate(features) if one.has_indicator]
        self._read = list(dict.fromkeys(scaled + indicated))
        column = {place: i for i, place in enumerate(self._read)}
        self._centres = np.asarray([features[i].centre for i in self._read])
        self._scales = np.asarray([features[i].scale or 1.0 for i in self._read])
        self._indicated = np.asarray([column[place] for place in indicated], np.int32)
        self.n_numbers_ = len(scaled)
        columns, self._encoders = scaled + indicated, []
        for place, feature in enumerate(features):
            if feature.levels is not None and (width := feature.levels.width):
                where = slice(len(columns), len(columns) + width)
                encode = make_encoder(feature.levels, self._labels[place])
                self._encoders.append((place, encode, where))
                columns += [place] * width
        self.column_features_ = np.asarray(columns or [0])
        self.n_columns_ = len(self.column_features_)

    # ------------------------------------------------------------------------- encoding

    def transform(self, X: Any) -> Array:
        """Return a table as columns for a network.

        Parameters
        ----------
        X : array-like, shape (m, n_features)
            As `fit` takes it; m may be 0. Of features without names, where those in training had
            names, the places count.

        Returns
        -------
        array of float32, shape (m, n_columns)
            On X's device where X is an array of another library than NumPy, else NumPy's.

        Raises
        ------
        ValueError, TypeError
            Where its features are others than those in training, or hold other kinds of values, or
            what is infinite.
        """
        self._check_fitted()
        table = read_table(X, by_value=True)
        self._check_features(table)
        if not is_of_other_library(table.matrix):
            return self._encode_on_host(table)
        if computes_lazily(table.matrix):
            return map_blocks(partial(_encode_block, self), [], table.matrix.T).T
        return self._encode_array(table)

    def _encode_on_host(self, table: Table) -> HostArray:
        out = np.zeros((table.shape[0], self.n_columns_), np.float32)
        if self._read:
            X = read_numbers(table, self._read, self._kinds, self._labels)
            stop = self.n_numbers_ + len(self._indicated)
            for rows in _slices(table.shape[0], max(1, _SCALED // len(self._read))):
                Z, missing = self._scale(dense(X[rows]).astype(np.float64))
                out[rows, : self.n_numbers_] = Z[:, : self.n_numbers_]
                if self._indicated.size:
                    out[rows, self.n_numbers_ : stop] = missing[:, self._indicated]
        self._encode_categories(table, out, 0)
        return out

    def _encode_array(self, table: Table) -> Array:
        X = table.matrix
        xp, where = namespace(X), device(X)
        parts = []
        if self._read:
            numbers = read_numbers(table, self._read, self._kinds, self._labels)
            Z, missing = self._scale(in_double(numbers))
            parts.append(xp.astype(Z[:, : self.n_numbers_], xp.float32))
            if self._indicated.size:
                chosen = asarray_like(self._indicated, like=X, dtype=xp.int32)
                parts.append(xp.astype(xp.take(missing, chosen, axis=1), xp.float32))
        if self._encoders or not parts:
            first = self.n_numbers_ + len(self._indicated)
            out = np.zeros((table.shape[0], self.n_columns_ - first), np.float32)
            self._encode_categories(table, out, first)
            parts.append(xp.asarray(out, device=where))
        return xp.concat(parts, axis=1)

    def _scale(self, X: Array) -> tuple[Array, Array]:
        xp = np if isinstance(X, np.ndarray) else namespace(X)
        infinite = xp.isinf(X)
        if bool(xp.any(infinite)):
            column = int(np.argmax(to_host(xp.any(infinite, axis=0))))
            raise infinity_found(self._labels[self._read[column]])
        return scale_numbers(X, self._centres, self._scales)

    def _encode_categories(self, table: Table, out: HostArray, first: int) -> None:
        """Write categories into columns of 0, of which the first is column `first` of all."""
        for place, encode, where in self._encoders:
            encode(read_values(table, place), out[:, where.start - first : where.stop - first])

    def _check_fitted(self) -> None:
        if not hasattr(self, "features_"):
            raise ValueError("TableEncoder: found one that is not fitted, expected a call of fit")

    def _check_features(self, table: Table) -> None:
        names, known = text_names(table.names), getattr(self, "feature_names_in_", None)
        if names is not None and known is not None and names != tuple(known):
            raise other_names_found(names, tuple(known))
        if table.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {table.shape[1]} features, but TableEncoder is expecting "
                f"{self.n_features_in_} features as input."
            )

    # ------------------------------------------------------------------------- keeping

    def describe(self) -> str:
        """Return a table of the features: what they are and what they become."""
        self._check_fitted()
        names = getattr(self, "feature_names_in_", range(self.n_features_in_))
        columns = f"{self.n_columns_} column{'s' * (self.n_columns_ > 1)}"
        return f"{describe_features(names, self.features_)}\n{columns}"

    def state(self) -> dict[str, Any]:
        """Return what was learnt, in JSON's types, for `from_state`."""
        self._check_fitted()
        names = getattr(self, "feature_names_in_", None)
        return {
            **self._settings(),
            "names": None if names is None else names.tolist(),
            "features": [plain_feature(feature) for feature in self.features_],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "TableEncoder":
        """Return an encoder that encodes to the same bits as the one whose state it was.

        Raises
        ------
        ValueError
            Where it is the state of none.
        """
        settings = {"categorical_features", "max_categories", "n_buckets"}
        try:
            encoder = cls(**{name: state[name] for name in settings})
            names = state["names"]
            features = tuple(map(full_feature, state["features"]))
            for levels in (one.levels for one in features if one.levels is not None):
                check("levels", levels.own, levels.width <= encoder.max_categories, "fewer")
            if names is not None and [*map(type, names)] != [str] * len(features):
                raise ValueError("names: expected a text for each feature")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"state: found that of no TableEncoder ({error})") from error
        encoder._know(features, None if names is None else tuple(names))
        return encoder

    def __getstate__(self) -> dict[str, Any]:
        return self.state() if hasattr(self, "features_") else vars(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(vars(self.from_state(state)) if "features" in state else state)


def _encode_block(encoder: TableEncoder, parameters: Any, X: Array) -> Array:
    return transposed(encoder.transform(transposed(X)))


def _slices(n: int, step: int) -> Iterator[slice]:
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
