"""Features of tables: their kinds, which are categories, how they are shown, kept and refused."""

import json

import numpy as np
import pytest

from dnn_xp.data.features import (
    Feature,
    choose_kinds,
    describe_features,
    full_feature,
    other_names_found,
    plain_feature,
    text_names,
)
from dnn_xp.data.frames import read_table
from dnn_xp.data.levels import Levels

pytestmark = pytest.mark.once

MIXED = [[1.5, "a", True, 3], [2.0, "b", False, 4]]
LABELS = [f"feature {i}" for i in range(4)]
KINDS = ["number", "category", "boolean", "number"]


def kinds(X, categorical_features="from_dtype", names=None):
    table = read_table(X)._replace(names=names)
    return choose_kinds(table, LABELS[: table.shape[1]], categorical_features)


@pytest.mark.parametrize(
    ("categorical_features", "expected"),
    [
        ("from_dtype", KINDS),
        ([1, 2], KINDS),
        ([True, True, True, False], ["category", "category", "boolean", "number"]),
        (np.asarray([False, True, False, False]), ["number", "category", "number", "number"]),
        (np.asarray([3, 1]), ["number", "category", "number", "category"]),
        (["b", "d"], ["number", "category", "number", "category"]),
        (np.asarray(["b"], dtype=object), ["number", "category", "number", "number"]),
        (None, ["number"] * 4),
        ([], ["number"] * 4),
        ([False] * 4, ["number"] * 4),
    ],
)
def test_which_features_are_categories(categorical_features, expected):
    assert kinds(MIXED, categorical_features, names=tuple("abcd")) == expected


def test_the_kinds_of_arrays_are_those_of_their_dtypes(array):
    assert kinds(array([[1.0, 2.0]])) == ["number", "number"]
    assert kinds(array([[1, 2]], "int32"), [1]) == ["number", "category"]
    assert kinds(array([[True, False]])) == ["boolean", "boolean"]
    assert kinds(array([[True, False]]), None) == ["number", "number"]


def test_times_stay_times_where_they_are_no_categories():
    X = np.asarray([["2020-01-01", "2020-01-02"]], "M8[D]")
    assert kinds(X) == kinds(X, None) == ["time", "time"]
    assert kinds(X, [0]) == ["category", "time"]


WRONG = [
    ([0.5], "must be an array-like of bool, int or str, got: float64"),
    (np.asarray(["a", 1], dtype=object), "bool, int or str, got: int, str"),
    ([4], r"integer indices must be in \[0, n_features - 1\]"),
    ([-1, 0], r"integer indices must be in \[0, n_features - 1\]"),
    ([True, False], r"boolean mask must have shape \(n_features,\), got: \(2,\)"),
    (["b", "z"], "item value 'z' which is not a valid feature name of the training data"),
]
NO_LISTS = [
    (wrong, f"found {words}, expected 'from_dtype', None, or a list of names, places or truth val")
    for wrong, words in [(1.5, "1.5"), (3, "3"), ("age", "'age'"), ([["a"]], r"\[\['a'\]\]")]
]


@pytest.mark.parametrize(("categorical_features", "words"), WRONG + NO_LISTS)
def test_wrong_categories_are_refused(categorical_features, words):
    with pytest.raises(ValueError, match=f"categorical_features.*{words}"):
        kinds(MIXED, categorical_features, names=tuple("abcd"))


@pytest.mark.parametrize("categorical_features", [wrong for wrong, _ in WRONG])
def test_categories_are_refused_in_the_words_of_scikit_learn(categorical_features):
    pytest.importorskip("sklearn")
    pandas = pytest.importorskip("pandas")
    from sklearn.ensemble import HistGradientBoostingRegressor

    X = pandas.DataFrame(np.arange(12.0).reshape(3, 4), columns=[*"abcd"])
    theirs = HistGradientBoostingRegressor(categorical_features=categorical_features)
    with pytest.raises(ValueError, match="categorical_features") as expected:
        theirs.fit(X, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="categorical_features") as found:
        kinds(X, categorical_features, names=tuple("abcd"))
    assert str(found.value) == str(expected.value)


def test_names_need_features_with_names():
    with pytest.raises(ValueError, match="categorical_features should be passed as an array of in"):
        kinds(MIXED, ["b"])


def test_numbers_that_became_text_are_refused_unless_they_are_named():
    X = np.asarray([[1.5, "a"], [2.0, "b"]])
    with pytest.raises(ValueError, match="X: found text that reads as numbers in feature 0"):
        kinds(X)
    assert kinds(X, [0, 1]) == ["category", "category"]
    assert kinds(X[:, 1:]) == ["category"]
    assert kinds(X.astype(object)) == ["category", "category"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a", "b"), ("a", "b")),
        ((np.str_("a"),), None),
        ((1, 2), None),
        ((("a", 1),), None),
        ((), None),
        (None, None),
    ],
)
def test_names_are_kept_where_all_are_text(names, expected):
    assert text_names(names) == expected


def test_names_of_which_some_are_text_are_refused():
    with pytest.raises(TypeError, match=r"your input has \['int', 'str'\] as feature name"):
        text_names(("a", 1))


@pytest.mark.parametrize("found", [("b", "a"), ("a",), ("a", "c"), tuple("abcdefgh")])
def test_other_names_are_refused_in_the_words_of_scikit_learn(found):
    pytest.importorskip("sklearn")
    pandas = pytest.importorskip("pandas")
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(pandas.DataFrame([[1.0, 2.0]], columns=["a", "b"]))
    with pytest.raises(ValueError, match="feature names") as expected:
        scaler.transform(pandas.DataFrame([[1.0] * len(found)], columns=[*found]))
    assert str(other_names_found(found, ("a", "b"))) == str(expected.value)


FEATURES = {
    "age": Feature("number", 0, 2.5, 0.1),
    "income": Feature("number", 3, -1.0, 1e-300),
    "same": Feature("number", 2, 7.0, 0.0),
    "one": Feature("time", 0, 7.0, 0.0),
    "none": Feature("empty", 9),
    "sex": Feature("category", 0, levels=Levels(("f", "m"), "text", 2, 0, 0)),
    "ok": Feature("boolean", 1, levels=Levels((0, 1), "numbers", 2, 1, 0)),
    "city": Feature("category", 0, levels=Levels((0.5, "a\nb"), "both", 90, 0, 4)),
    "void": Feature("category", 9, levels=Levels((), "numbers", 0, 9, 0)),
    "all": Feature("category", 0, levels=Levels(("x",), "text", 1, 0, 0)),
}


def test_a_table_of_features():
    assert describe_features([*FEATURES], [*FEATURES.values()]) == "\n".join([
        "feature  kind      becomes                      missing  levels",
        "age      number    a number",
        "income   number    a number and an indicator    3",
        "same     number    an indicator                 2",
        "one      time      nothing: constant",
        "none     empty     nothing: all missing         9",
        "sex      category  a column of -1 and 1                  2: f, m",
        "ok       boolean   3 columns                    1        2: False, True",
        r"city     category  6 columns, 4 of them shared           90: 0.5, a\nb, ...",
        "void     category  nothing: all missing         9",
        "all      category  nothing: constant                     1: x",
    ])  # fmt: skip


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_comes_back_from_json(name):
    feature = FEATURES[name]
    assert full_feature(json.loads(json.dumps(plain_feature(feature)))) == feature


LEVELS = {"own": ["a", "b"], "kind": "text", "n_levels": 2, "n_missing": 0, "n_buckets": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"n_missing": -1},
        {"scale": -1.0},
        {"centre": "a"},
        {"centre": float("nan")},
        {"levels": None},
        {"levels": 3},
        {"more": 1},
        {"levels": LEVELS | {"own": ["a", "a"]}},
        {"levels": LEVELS | {"own": ["a", None]}},
        {"levels": LEVELS | {"own": ["a", "b", "c"]}},
        {"levels": LEVELS | {"kind": "texts"}},
        {"levels": LEVELS | {"n_missing": 1.5}},
        {"levels": {"own": ["a"]}},
    ],
)
def test_what_is_no_feature_is_refused(change):
    state = plain_feature(FEATURES["sex"]) | change
    with pytest.raises((ValueError, TypeError, KeyError)):
        full_feature(state)
