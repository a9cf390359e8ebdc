"""Tables as they come in: what is read, and what is refused in words."""

import numpy as np
import pytest

from dnn_xp.backends import to_host
from dnn_xp.data.frames import by_columns, dense, read_numbers, read_table, read_values

NAN = float("nan")
LABELS = [f"feature {i}" for i in range(3)]


def contents(table):
    """Return all numbers of a table, and the values of its first feature."""
    places, kinds = [*range(table.shape[1])], ["number"] * table.shape[1]
    X = dense(read_numbers(table, places, kinds, LABELS))
    return to_host(X).astype(float).tolist(), read_values(table, 0)


@pytest.mark.once
@pytest.mark.parametrize(
    "X",
    [
        np.asarray([[1, 2], [3, 4]]),
        np.asarray([[1, 2], [3, 4]], "uint8"),
        np.asarray([[1, 2], [3, 4]], ">f4"),
        np.asarray([[1, 2], [3, 4]], dtype=object),
        np.asarray([["1", "2"], ["3", "4"]]),
        np.ma.masked_array([[1, 2], [3, 4]]),
        [[1, 2], [3, 4]],
        ((1, 2.0), (3, 4.0)),
        [np.asarray([1, 2]), np.asarray([3, 4])],
    ],
)
def test_arrays_and_lists_are_read(X):
    numbers, values = contents(read_table(X))
    assert numbers == [[1.0, 2.0], [3.0, 4.0]]
    assert values in ([1, 3], ["1", "3"])


@pytest.mark.once
def test_lists_keep_the_kinds_of_their_values():
    table = read_table([[1, "a", True], [2.5, None, False]])
    assert [read_values(table, i) for i in range(3)] == [[1, 2.5], ["a", None], [True, False]]


@pytest.mark.parametrize("places", [[0, 1, 2], [2, 0], []])
def test_arrays_of_every_library_are_read(array, library, places):
    X = array(np.arange(6.0).reshape(2, 3))
    table = read_table(X)
    assert table.shape == (2, 3)
    there = read_numbers(table, places, ["number"] * 3, LABELS)
    assert type(there) is type(X)
    assert to_host(there).tolist() == np.arange(6.0).reshape(2, 3)[:, places].tolist()
    assert read_values(table, 1) == [1.0, 4.0]


@pytest.mark.once
@pytest.mark.parametrize("form", ["csr_array", "csc_matrix", "coo_array", "lil_matrix"])
def test_sparse_matrices_are_read(form):
    sparse = pytest.importorskip("scipy.sparse")
    X = getattr(sparse, form)(np.asarray([[0.0, 2.0], [NAN, 0.0]]))
    for table in (read_table(X), by_columns(read_table(X))):
        numbers, values = contents(table)
        np.testing.assert_array_equal(numbers, [[0.0, 2.0], [NAN, 0.0]])
        np.testing.assert_array_equal(values, [0.0, NAN])


@pytest.mark.once
@pytest.mark.parametrize("by_value", [False, True])
@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_frames_are_read(name, by_value):
    library = pytest.importorskip(name)
    table = read_table(library.DataFrame({"a": [1, 2], "b": [0.5, None]}), by_value=by_value)
    assert table.names == ("a", "b")
    numbers, values = contents(table)
    np.testing.assert_array_equal(numbers, [[1, 0.5], [2, NAN]])
    assert values == [1, 2]


@pytest.mark.once
@pytest.mark.parametrize("name", ["get_columns", "iloc", "compute", "collect", "columns", "tocsr"])
def test_columns_may_be_called_as_methods_are(name):
    pandas = pytest.importorskip("pandas")
    assert read_table(pandas.DataFrame({name: [1, 2]})).names == (name,)
    polars = pytest.importorskip("polars")
    assert read_table(polars.DataFrame({name: [1, 2]})).names == (name,)


@pytest.mark.once
@pytest.mark.parametrize(
    ("X", "kind", "words"),
    [
        ([1, 2], ValueError, "Expected 2D array, got 1D array instead"),
        (3.0, ValueError, "Expected 2D array, got 0D array instead"),
        (None, ValueError, "Expected 2D array, got 0D array instead"),
        ("a", ValueError, "Expected 2D array, got 0D array"),
        (np.zeros((2, 2, 2)), ValueError, "Expected 2D array, got 3D array"),
        ([[1, 2], [3]], ValueError, "X: found rows of several lengths"),
        ([[1j]], ValueError, "Complex data not supported"),
        (np.zeros((1, 1), complex), ValueError, "Complex data not supported"),
        (np.zeros((1, 1), "S3"), ValueError, r"X: found an array of \|S3, expected numbers, text"),
        (np.zeros(2, [("a", int), ("b", float)]), ValueError, "a data frame has columns of sever"),
        (np.ma.masked_equal([[1, 2]], 2), ValueError, r"some elements are hidden, .*filled\(nump"),
    ],
)
def test_what_is_no_table_is_refused(X, kind, words):
    with pytest.raises(kind, match=words):
        read_table(X)


@pytest.mark.once
def test_a_series_is_no_table():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        read_table(pandas.Series([1, 2]))
    polars = pytest.importorskip("polars")
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        read_table(polars.Series([1, 2]))


@pytest.mark.once
def test_sparse_vectors_and_complex_ones_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        read_table(sparse.coo_array(np.zeros(3)))
    with pytest.raises(ValueError, match="Complex data not supported"):
        read_table(sparse.csr_array(np.zeros((2, 2), complex)))


@pytest.mark.once
def test_names_that_come_twice_are_refused():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="X: found several features called 'a', expected a name"):
        read_table(pandas.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]))


@pytest.mark.once
def test_frames_that_are_not_in_memory_are_refused():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"X: found a LazyFrame, .* X\.collect\(\)"):
        read_table(polars.LazyFrame({"a": [1]}))


@pytest.mark.once
def test_tables_of_arrow_say_how_they_become_frames():
    arrow = pytest.importorskip("pyarrow")
    with pytest.raises(TypeError, match=r"X: found a Table, .* X\.to_pandas\(\)"):
        read_table(arrow.table({"a": [1]}))


def test_rows_of_an_unknown_number_are_refused(library, array):
    if library.backend != "dask":
        pytest.skip("only Dask does not know how many there are")
    X = array(np.arange(6.0).reshape(3, 2))
    with pytest.raises(ValueError, match="X: found an unknown number of rows; compute its chunk"):
        read_table(X[X[:, 0] > 1])


def test_complex_arrays_are_refused(array):
    with pytest.raises(ValueError, match="Complex data not supported"):
        read_table(array([[1j, 2.0]]))
