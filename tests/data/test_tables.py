"""The encoder of tables: what comes out, the same from whatever holds the table, and refusals."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_xp.backends import computed, dtype_name, to_host
from dnn_xp.backends import device as device_of
from dnn_xp.data import TableEncoder, tables

NAN = float("nan")

# Of each kind of column one; "id" has more levels than an encoder of `SMALL` gives columns to.
COLUMNS = {
    "age": [30, 41, 25, 60, 38, 52, 47, 33],
    "income": [1.5, None, 2.5, 100.0, None, 3.0, -4.0, 2.0],
    "same": [7.0] * 8,
    "holes": [7.0, None, 7.0, 7.0, None, 7.0, 7.0, 7.0],
    "none": [None] * 8,
    "sex": ["f", "m", "m", "f", "m", "f", "f", "m"],
    "job": ["cook", None, "smith", "cook", "nurse", None, "nurse", "cook"],
    "ok": [True, False, True, True, False, True, False, False],
    "sure": [True, None, False, True, True, None, False, True],
    "one": ["x"] * 8,
    "id": ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p0"],
    "mixed": [1, "1", 2.5, 1, "1", None, 2.5, True],
}
SMALL = {"max_categories": 5, "n_buckets": 2}
ROWS = [list(row) for row in zip(*COLUMNS.values(), strict=True)]


def frame(name, columns=None):
    columns = COLUMNS if columns is None else columns
    if name == "rows":
        return [list(row) for row in zip(*columns.values(), strict=True)]
    if name == "objects":
        return np.asarray(frame("rows", columns), dtype=object)
    if name == "polars":
        polars = pytest.importorskip("polars")
        kinds = {"mixed": polars.Object}
        return polars.DataFrame(
            {key: polars.Series(held, dtype=kinds.get(key)) for key, held in columns.items()}
        )
    pandas = pytest.importorskip("pandas")
    made = pandas.DataFrame({k: pandas.Series(v, dtype=object) for k, v in columns.items()})
    if name == "pandas":
        return made.infer_objects()
    mixed = made.pop("mixed") if "mixed" in made else None
    if name == "arrow":
        pytest.importorskip("pyarrow")
    made = made.convert_dtypes(**({"dtype_backend": "pyarrow"} if name == "arrow" else {}))
    if name == "categorical":
        texts = ["sex", "job", "one", "id"]
        made = made.astype({key: "category" for key in texts if key in made})
    return made if mixed is None else made.assign(mixed=mixed)


FORMS = ["rows", "objects", "pandas", "nullable", "arrow", "categorical", "polars"]


# ----------------------------------------------------------------------------- what comes out


@pytest.mark.once
def test_a_hand_worked_table():
    encoder = TableEncoder().fit(
        [[1.0, "a", "x"], [3.0, "b", "y"], [2.0, "b", "z"], [None, "a", None]]
    )
    # The median is 2, and the quartiles of 1, 2 and 3 are 1.5 and 2.5.
    end = 1 / np.sqrt(1 + 1 / 9)
    assert encoder.transform([[1, "b", "z"], [None, "new", None], [3.0, "a", "new"]]).tolist() == [
        [np.float32(-end), 0, 1, 0, 0, 1, 0],
        [0, 1, 0, 0, 0, 0, 1],
        [np.float32(end), 0, -1, 0, 0, 0, 0],
    ]
    assert (encoder.n_features_in_, encoder.n_columns_, encoder.n_numbers_) == (3, 7, 1)
    assert encoder.column_features_.tolist() == [0, 0, 1, 2, 2, 2, 2]
    assert not hasattr(encoder, "feature_names_in_")


@pytest.mark.once
def test_numbers_come_first_then_indicators_then_categories():
    encoder = TableEncoder(**SMALL).fit(ROWS)
    places = {name: place for place, name in enumerate(COLUMNS)}
    names = ["age", "income", "income", "holes", "sex", *["job"] * 4, "ok", *["sure"] * 3]
    names += [*["id"] * 5, *["mixed"] * 4]
    assert encoder.column_features_.tolist() == [places[name] for name in names]
    assert encoder.n_numbers_ == 2
    Z = encoder.transform(ROWS)
    assert Z.dtype == np.float32
    missing = [[value is None for value in COLUMNS[name]] for name in ("income", "holes")]
    np.testing.assert_array_equal(Z[:, 2:4].T, missing)
    assert (Z[:, 1] == 0).tolist() == [
        value is None or value == 2.25 for value in COLUMNS["income"]
    ]


@pytest.mark.once
@pytest.mark.parametrize("X", [[[1.0]], [[1, 2], [1, 2]], [["a"], ["a"]], [[None], [NAN]]])
def test_a_table_that_tells_nothing_is_a_column_of_zeros(X):
    encoder = TableEncoder().fit(X)
    assert (encoder.n_columns_, encoder.n_numbers_) == (1, 0)
    assert encoder.column_features_.tolist() == [0]
    assert encoder.transform([["anything"] * len(X[0])] * 3).tolist() == [[0.0]] * 3


def test_an_array_that_tells_nothing_is_a_column_of_zeros(array):
    X = array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])
    Z = TableEncoder().fit(X).transform(X)
    assert to_host(Z).tolist() == [[0.0]] * 3


@pytest.mark.once
def test_what_is_missing_only_now_is_the_median_or_no_level():
    encoder = TableEncoder().fit([[1.0, "a"], [2.0, "b"], [4.0, "c"]])
    assert encoder.transform([[None, None], [2.0, "new"]]).tolist() == [[0.0] * 4] * 2


# ----------------------------------------------------------------------------- whatever holds it


@pytest.mark.once
@pytest.mark.parametrize("fitted", FORMS)
@pytest.mark.parametrize("given", FORMS)
def test_the_same_table_has_the_same_bits_whatever_holds_it(fitted, given):
    columns = {name: values * 2 for name, values in COLUMNS.items()}  # few rows are read by value
    expected = TableEncoder(**SMALL).fit(ROWS * 2).transform(ROWS * 2)
    encoder = TableEncoder(**SMALL).fit(frame(fitted, columns))
    X = frame(given, columns)
    np.testing.assert_array_equal(encoder.transform(X), expected)
    np.testing.assert_array_equal(encoder.transform(X[:2]), expected[:2])
    if given != "rows":  # a list of no rows has no columns
        assert encoder.transform(X[:0]).shape == (0, expected.shape[1])


@pytest.mark.once
@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_times_of_frames_are_numbers(form):
    library = pytest.importorskip(form)
    day = np.asarray(["2020-01-01", "2021-01-01", "NaT", "2020-03-01"], "M8[us]")
    X = library.DataFrame({"when": day, "took": day - day[0]})
    seconds = (day - np.datetime64(0, "us")) / np.timedelta64(1, "s")
    expected = TableEncoder().fit(np.stack([seconds, seconds - seconds[0]], axis=1))
    encoder = TableEncoder().fit(X)
    for some in (X, X[:1]):
        np.testing.assert_array_equal(
            encoder.transform(some),
            expected.transform(np.stack([seconds, seconds - seconds[0]], axis=1)[: len(some)]),
        )
    with pytest.raises(ValueError, match="values of the kind duration in feature 'when', expected"):
        encoder.transform(library.DataFrame({"when": day - day[0], "took": day - day[0]}))


def table_of_numbers(dtype="float64"):
    X = np.random.default_rng(0).normal(size=(40, 6)).astype(dtype)
    X[:, 2] = np.arange(40) % 4
    X[:, 3] = np.arange(40) % 2
    X[::7, 1] = X[::9, 2] = NAN
    return X


@pytest.mark.parametrize("categories", [None, [2, 3], [0]])
def test_arrays_are_encoded_where_they_are(array, library, device, dtype, categories):
    host = table_of_numbers(dtype)
    X = array(host)
    encoder = TableEncoder(categorical_features=categories, **SMALL).fit(X)
    expected = TableEncoder(categorical_features=categories, **SMALL).fit(host)
    assert encoder.state() == expected.state()
    Z = encoder.transform(X)
    assert type(Z) is type(X)
    assert dtype_name(Z.dtype) == "float32"
    assert device_of(Z) == device
    expected = expected.transform(host)
    if library.backend == "jax":  # whose roots and quotients are rounded as XLA likes
        np.testing.assert_allclose(to_host(Z), expected, rtol=2 * np.finfo("float32").eps, atol=0)
    else:
        np.testing.assert_array_equal(to_host(Z), expected)


@pytest.mark.parametrize("kind", ["bool", "int32", "uint8", "float32"])
def test_arrays_of_each_dtype_are_encoded(array, kind):
    host = (np.arange(24).reshape(8, 3) % 5 > 1).astype(kind)
    encoder = TableEncoder().fit(array(host))
    np.testing.assert_array_equal(to_host(encoder.transform(array(host))), encoder.transform(host))
    assert encoder.features_[0].kind == ("boolean" if kind == "bool" else "number")


def test_what_is_fitted_on_the_host_encodes_arrays(array):
    host = table_of_numbers()
    encoder = TableEncoder().fit(host)
    np.testing.assert_allclose(to_host(encoder.transform(array(host))), encoder.transform(host),
                               rtol=2 * np.finfo("float32").eps)  # fmt: skip


def test_arrays_of_no_rows_become_no_rows(array):
    encoder = TableEncoder(categorical_features=[2]).fit(table_of_numbers())
    Z = encoder.transform(array(np.zeros((0, 6))))
    assert tuple(Z.shape) == (0, encoder.n_columns_)


def test_a_tensor_that_requires_gradients_becomes_a_plain_one(array, library):
    if library.backend != "torch":
        pytest.skip("only PyTorch keeps a record for gradients")
    X = array(table_of_numbers()).requires_grad_()
    Z = TableEncoder(categorical_features=[2]).fit(X).transform(X)
    assert not Z.requires_grad


def test_rows_on_dask_wait_until_they_are_asked_for(array, library):
    if library.backend != "dask":
        pytest.skip("only Dask waits")
    X = array(table_of_numbers())
    encoder = TableEncoder().fit(X)
    infinite = encoder.transform(X + np.inf)
    assert infinite.shape == (40, encoder.n_columns_)
    with pytest.raises(ValueError, match="X: found infinity in feature 0"):
        computed(infinite)


@pytest.mark.once
@pytest.mark.parametrize("categories", [None, [2, 3]])
@pytest.mark.parametrize("form", ["csr_array", "csc_array", "coo_matrix"])
def test_sparse_matrices_become_what_dense_ones_do(form, categories):
    sparse = pytest.importorskip("scipy.sparse")
    host = np.nan_to_num(table_of_numbers(), nan=0.0) * (np.arange(6) != 5)
    host[3, 1] = NAN
    X = getattr(sparse, form)(host)
    encoder = TableEncoder(categorical_features=categories).fit(X)
    expected = TableEncoder(categorical_features=categories).fit(host)
    assert encoder.state() == expected.state()
    np.testing.assert_array_equal(encoder.transform(X), expected.transform(host))


@pytest.mark.once
def test_sparse_truth_values_are_numbers():
    sparse = pytest.importorskip("scipy.sparse")
    encoder = TableEncoder().fit(sparse.csr_array(np.eye(3, dtype=bool)))
    assert [feature.kind for feature in encoder.features_] == ["number"] * 3


@pytest.mark.once
def test_blocks_of_rows_and_columns_do_not_change_the_bits(monkeypatch):
    X = table_of_numbers()
    encoder = TableEncoder().fit(X)
    expected = encoder.transform(X)
    monkeypatch.setattr(tables, "_MEASURED", 80)
    monkeypatch.setattr(tables, "_SCALED", 18)
    assert TableEncoder().fit(X).state() == encoder.state()
    np.testing.assert_array_equal(encoder.transform(X), expected)


@pytest.mark.once
def test_what_comes_in_is_not_written_to():
    for X in (table_of_numbers(), table_of_numbers("float32"), np.asarray(ROWS, dtype=object)):
        X.flags.writeable = False
        TableEncoder().fit(X).transform(X)


# ----------------------------------------------------------------------------- what does not matter

CELLS = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text("ab", max_size=2)
)
NUMBERS = st.none() | st.floats(-1e3, 1e3, width=32)
TABLES = st.integers(1, 12).flatmap(
    lambda m: st.lists(
        st.lists(NUMBERS, min_size=m, max_size=m) | st.lists(CELLS, min_size=m, max_size=m),
        min_size=1,
        max_size=4,
    )
)


@pytest.mark.once
@given(TABLES, st.randoms())
def test_the_order_of_training_rows_does_not_matter(columns, random):
    rows = [*zip(*columns, strict=True)]
    shuffled = random.sample(rows, len(rows))
    assert TableEncoder(**SMALL).fit(shuffled).state() == TableEncoder(**SMALL).fit(rows).state()


@pytest.mark.once
@given(TABLES)
def test_columns_are_of_the_order_of_one(columns):
    rows = [*zip(*columns, strict=True)]
    encoder = TableEncoder(**SMALL).fit(rows)
    Z = encoder.transform(rows)
    assert Z.shape == (len(rows), encoder.n_columns_) == (len(rows), len(encoder.column_features_))
    assert np.isfinite(Z).all()
    assert (abs(Z) <= 3).all()
    assert np.isin(Z[:, encoder.n_numbers_ :], [-1, 0, 1]).all()


@pytest.mark.once
@given(TABLES)
def test_what_was_learnt_comes_back_from_json(columns):
    rows = [*zip(*columns, strict=True)]
    encoder = TableEncoder(**SMALL).fit(rows)
    back = TableEncoder.from_state(json.loads(json.dumps(encoder.state(), allow_nan=False)))
    assert back.state() == encoder.state()
    np.testing.assert_array_equal(back.transform(rows), encoder.transform(rows))
    assert back.describe() == encoder.describe()


@pytest.mark.once
@given(
    st.lists(st.integers(-99, 99), min_size=3, max_size=20, unique=True),
    st.floats(0.01, 100),
    st.floats(-100, 100),
)
def test_the_unit_of_a_number_does_not_matter(numbers, unit, origin):
    X = np.asarray(numbers, float)[:, None]
    expected = TableEncoder().fit(X).transform(X)
    moved = X * unit + origin
    # Each rounding is of the size of the moved numbers, and is divided by their scale.
    scale = np.subtract(*np.quantile(X, [0.75, 0.25])) * unit
    atol = 2**-52 * 16 * (abs(moved).max() / scale + 3) + 2**-23
    np.testing.assert_allclose(TableEncoder().fit(moved).transform(moved), expected, atol=atol)


# ----------------------------------------------------------------------------- kept


@pytest.mark.once
@pytest.mark.parametrize("keep", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("form", ["rows", "pandas"])
def test_an_encoder_is_copied_and_pickled(keep, form):
    X = frame(form)
    encoder = TableEncoder(categorical_features=[0, 5, 6, 7, 8, 9, 10, 11], **SMALL)
    assert vars(keep(encoder)) == vars(encoder)
    encoder.fit(X)
    back = keep(encoder)
    assert back.state() == encoder.state()
    np.testing.assert_array_equal(back.transform(X), encoder.transform(X))


@pytest.mark.once
@pytest.mark.parametrize(
    "change",
    [
        {"features": None},
        {"features": [{}]},
        {"features": 3},
        {"names": ["a"]},
        {"names": ["a", 1]},
        {"max_categories": 1},
        {"max_categories": 10**12},
        {"max_categories": 3, "n_buckets": 1},
        {"n_buckets": "a"},
    ],
)
def test_the_state_of_something_else_is_refused(change):
    rows = [[1.0, "a"], [2.0, "b"], [3.0, "c"], [4.0, "d"]]
    state = TableEncoder().fit(rows).state()
    TableEncoder.from_state(state)
    with pytest.raises(ValueError, match="state: found that of no TableEncoder"):
        TableEncoder.from_state(state | change)
    with pytest.raises(ValueError, match="state: found that of no TableEncoder"):
        TableEncoder.from_state({key: state[key] for key in state if key not in change})


@pytest.mark.once
def test_a_second_fit_leaves_nothing_of_the_first():
    pandas = pytest.importorskip("pandas")
    encoder = TableEncoder().fit(pandas.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))
    assert encoder.feature_names_in_.tolist() == ["a", "b"]
    again = encoder.fit([[1.0], [2.0]])
    assert again is encoder
    assert vars(encoder).keys() == vars(TableEncoder().fit([[1.0], [2.0]])).keys()


@pytest.mark.once
def test_the_description_says_what_becomes_of_each_feature():
    pandas = pytest.importorskip("pandas")
    text = TableEncoder().fit(pandas.DataFrame({"a\x1b": [1.0, 2.0], "b": ["x", None]})).describe()
    header, *lines, total = text.splitlines()
    assert header.split() == ["feature", "kind", "becomes", "missing", "levels"]
    assert lines[0].split() == [r"a\x1b", "number", "a", "number"]
    assert " ".join(lines[1].split()) == "b category a column of -1 and 1 1 1: x"
    assert total == "2 columns"


@pytest.mark.once
def test_an_encoder_is_shown_as_it_is_typed():
    assert repr(TableEncoder()) == "TableEncoder()"
    shown = "TableEncoder(categorical_features=[1, 2], n_buckets=3)"
    assert repr(TableEncoder(categorical_features=np.asarray([1, 2]), n_buckets=3)) == shown


# ----------------------------------------------------------------------------- refused


@pytest.mark.once
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_buckets": 0}, "n_buckets: found 0, expected a whole number from 1 on"),
        ({"n_buckets": 2.5}, "n_buckets: found 2.5"),
        ({"max_categories": 17}, "max_categories: found 17, expected a whole number from 18 on"),
        ({"max_categories": True}, "max_categories: found True"),
        ({"max_categories": None}, "max_categories: found None"),
        ({"max_categories": 10**9}, "max_categories: found 1000000000, expected at most 65536"),
    ],
)
def test_wrong_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        TableEncoder(**settings)


@pytest.mark.once
@pytest.mark.parametrize(
    ("X", "words"),
    [
        (
            np.zeros((0, 2)),
            r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\) while a minimum of 1",
        ),
        (np.zeros((2, 0)), r"Found array with 0 feature\(s\) \(shape=\(2, 0\)\) while a minimum"),
        ([[1.0, np.inf], [2.0, 3.0]], "X: found infinity in feature 1"),
        ([[1.0, -1.7e308], [2.0, 1.7e308]], "in feature 1, or numbers whose distance is"),
        ([["a", 1], ["b", np.inf], ["b", "c"]], "X: found infinity in feature 1"),
    ],
)
def test_what_cannot_be_fitted_is_refused(X, words):
    encoder = TableEncoder().fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match=words):
        encoder.fit(X)
    assert encoder.transform([[1.5]]).tolist() == [[0.0]]  # it is what it was


@pytest.mark.once
def test_without_a_fit_nothing_is_encoded():
    for ask in (lambda one: one.transform([[1.0]]), TableEncoder.describe, TableEncoder.state):
        with pytest.raises(ValueError, match="TableEncoder: found one that is not fitted"):
            ask(TableEncoder())


@pytest.mark.parametrize("row", [0, 39])
def test_infinity_is_refused_by_name(array, row):
    host = table_of_numbers()
    encoder = TableEncoder().fit(host)
    host[row, 4] = -np.inf
    for ask in (encoder.transform, TableEncoder().fit):
        with pytest.raises(ValueError, match="X: found infinity in feature 4"):
            computed(ask(array(host)))


@pytest.mark.parametrize("n", [5, 7])
def test_another_number_of_features_is_refused(array, n):
    encoder = TableEncoder().fit(table_of_numbers())
    words = f"X has {n} features, but TableEncoder is expecting 6 features as input."
    with pytest.raises(ValueError, match=words):
        encoder.transform(array(np.zeros((2, n))))


@pytest.mark.once
@pytest.mark.parametrize("form", ["pandas", "polars"])
@pytest.mark.parametrize("names", [["b", "a"], ["a"], ["a", "c"], ["a", "b", "c"]])
def test_other_names_are_refused(form, names):
    library = pytest.importorskip(form)
    encoder = TableEncoder().fit(library.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))
    with pytest.raises(ValueError, match="The feature names should match those that were passed"):
        encoder.transform(library.DataFrame({name: [1.0] for name in names}))


@pytest.mark.once
def test_names_that_are_no_text_are_not_looked_at():
    pandas = pytest.importorskip("pandas")
    encoder = TableEncoder().fit(pandas.DataFrame([[1.0, "a"], [2.0, "b"]]))
    assert not hasattr(encoder, "feature_names_in_")
    X = pandas.DataFrame([[1.0, "a"]], columns=["c", "d"])
    np.testing.assert_array_equal(encoder.transform(X), encoder.transform([[1.0, "a"]]))


@pytest.mark.once
@pytest.mark.parametrize("form", FORMS)
def test_text_among_numbers_is_refused_by_name(form):
    encoder = TableEncoder().fit([[1.0, "a"], [2.0, "b"]])
    X = frame(form, {"n": ["old", "young"], "c": ["a", "b"]})
    with pytest.raises(
        ValueError, match=r"could not convert string to float: found 'old' in featu"
    ):
        encoder.transform(X)


@pytest.mark.once
def test_without_categories_text_is_refused():
    encoder = TableEncoder(categorical_features=None)
    with pytest.raises(ValueError, match="found 'cook' in feature 1, expected numbers; name it in"):
        encoder.fit([[1, "cook"], [2, "smith"]])
    assert encoder.fit([[1, True], [2, "3.5"]]).n_numbers_ == 2
