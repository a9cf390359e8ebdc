"""What goes into an estimator: checked as scikit-learn checks it, in the library it came in."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import _check_sample_weight

from dnn_xp.data.sources import Source
from dnn_xp.estimators import MLPRegressor
from dnn_xp.estimators.data import (
    as_columns,
    check_sample_weight,
    check_X,
    check_X_y,
    host_labels,
    keeps_its_library,
    take_rows,
)
from tests.estimators.small import as_in_1_9
from tests.helpers import assert_close

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(6, 3))
y = np.arange(6.0)


@pytest.fixture
def estimator():
    return BaseEstimator()


@pytest.fixture
def dispatch():
    with sklearn.config_context(array_api_dispatch=True):
        yield


def is_numpy(library):
    return library.backend == "numpy"


# ----------------------------------------------------------------------------- libraries


def test_an_array_keeps_its_library_where_dispatch_is_on(array, library):
    # Dask's arrays always do: they may be larger than what is here.
    assert keeps_its_library(array(X)) is (library.value == "dask")
    with sklearn.config_context(array_api_dispatch=True):
        assert keeps_its_library(array(X)) is not is_numpy(library)
        for other in (X.tolist(), sparse.csr_array(X), "abc", None, 1.0):
            assert not keeps_its_library(other)


def test_labels_are_read_on_the_host(array, dispatch):
    found = host_labels(array(y))
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, y)
    assert host_labels(None) is None


def test_listed_labels_become_an_array_where_dispatch_is_on():
    """There scikit-learn 1.7 and 1.8 refuse a list."""
    texts = ["a", "b"]
    assert host_labels(texts) is texts
    with sklearn.config_context(array_api_dispatch=True):
        found = host_labels(texts)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, texts)


# ----------------------------------------------------------------------------- examples


def test_floats_stay_what_they_are(array, dtype, estimator, dispatch):
    given = array(X, dtype)
    assert check_X(estimator, given, reset=True) is given
    assert estimator.n_features_in_ == 3


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_all_else_becomes_the_floats_of_its_library(array, xp, device, dtype, estimator, dispatch):
    found = check_X(estimator, array(X > 0, dtype), reset=True)
    own = xp.__array_namespace_info__().default_dtypes(device=device)["real floating"]
    assert_close(found, xp.astype(array(X > 0), own), rtol=0)


def test_lists_and_sparse_matrices_become_rows_of_floats(estimator):
    found = check_X(estimator, X.astype(int).tolist(), reset=True)
    assert (found.dtype, found.flags.c_contiguous) == (np.float64, True)
    assert check_X(estimator, np.asfortranarray(X)).flags.c_contiguous
    for form in (sparse.csc_array, sparse.coo_array, sparse.csr_matrix):
        found = check_X(estimator, form(X))
        assert found.format == "csr"
        np.testing.assert_array_equal(found.toarray(), X)


@pytest.mark.parametrize("form", [list, tuple])
def test_lists_are_read_where_dispatch_is_on(estimator, dispatch, form):
    """There scikit-learn 1.7 and 1.8 refuse them."""
    given = form(X.astype(int).tolist())
    np.testing.assert_array_equal(check_X(estimator, given, reset=True), X.astype(int))
    found, _ = check_X_y(estimator, given, y, numeric=True, reset=True)
    np.testing.assert_array_equal(found, X.astype(int))


def test_the_number_of_features_is_known_or_learnt(array, estimator, dispatch):
    check_X(estimator, array(X), reset=True)
    with pytest.raises(ValueError, match="X has 2 features, but BaseEstimator is expecting 3 feat"):
        check_X(estimator, array(X[:, :2]))
    check_X(estimator, array(X[:, :2]), reset=True)
    assert estimator.n_features_in_ == 2


def test_estimator_data_what_is_not_finite_may_be_let_through(array, library, estimator, dispatch):
    if library.value == "dask":
        pytest.skip("Dask's blocks are looked at when they are read")
    bad = array(np.where(X.max() == X, np.nan, X))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        check_X(estimator, bad, reset=True)
    with sklearn.config_context(assume_finite=True):
        assert check_X(estimator, bad, reset=True) is bad


@pytest.mark.once
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
@pytest.mark.parametrize("mask", [np.ma.masked_greater, np.ma.masked_less])
def test_what_a_mask_hides_is_not_learnt_from_in_silence(method, name, mask):
    """scikit-learn reads what is under it."""
    given = {"X": X, "y": y, "sample_weight": np.arange(1.0, 7.0)}
    hidden = given | {name: mask(given[name], np.median(given[name]))}
    with pytest.raises(ValueError, match=rf"^{name}: found a masked array .* \.filled"):
        getattr(MLPRegressor(max_iter=2), method)(**hidden)
    getattr(MLPRegressor(max_iter=2), method)(**given | {name: np.ma.array(given[name])})


@pytest.mark.once
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_a_source_is_refused_with_the_way_out(method, name):
    source = Source((2, 6), lambda which: X.T[:, which], X.T)
    given = {"X": X, "y": y, "sample_weight": np.ones(6), name: source}
    with pytest.raises(TypeError, match=rf"^{name}: found a Source.* dnn_xp.train reads a Source"):
        getattr(MLPRegressor(max_iter=2), method)(**given)
    reg = MLPRegressor(max_iter=2).fit(X, y)
    for predict in (reg.predict, reg.input_gradient, lambda X: reg.score(X, y)):
        with pytest.raises(TypeError, match=r"^X: found a Source.* arrays on Dask"):
            predict(source)


@pytest.mark.once
def test_what_a_mask_hides_is_not_predicted_for():
    reg = MLPRegressor(max_iter=2).fit(X, y)
    for method in (reg.predict, reg.input_gradient, lambda X: reg.score(X, y)):
        with pytest.raises(ValueError, match=r"^X: found a masked array"):
            method(np.ma.masked_greater(X, 1.0))


@pytest.mark.parametrize("dispatching", [True, False])
@pytest.mark.parametrize("name", ["X", "y"])
@pytest.mark.parametrize(
    "make",
    [
        lambda x: pytest.importorskip("torch").asarray(x).to_sparse(),
        lambda x: pytest.importorskip("torch").asarray(np.atleast_2d(x)).to_sparse_csr(),
        lambda x: pytest.importorskip("torch").asarray(np.atleast_2d(x)).to_sparse_csc(),
        lambda x: pytest.importorskip("jax.experimental.sparse").BCOO.fromdense(x),
        lambda x: pytest.importorskip("jax.experimental.sparse").BCSR.fromdense(np.atleast_2d(x)),
    ],
    ids=["torch COO", "torch CSR", "torch CSC", "jax BCOO", "jax BCSR"],
)
@pytest.mark.filterwarnings("ignore:Sparse CS. tensor support is in beta state:UserWarning")
def test_sparse_arrays_that_are_not_scipys_are_refused(name, make, dispatching):
    given = {"X": X, "y": y}
    message = rf"^{name}: found a sparse array of (torch|jax), expected a dense one"
    with (
        sklearn.config_context(array_api_dispatch=dispatching),
        pytest.raises(ValueError, match=message),
    ):
        MLPRegressor(max_iter=2).fit(**given | {name: make(given[name])})


@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
@pytest.mark.parametrize(
    "make",
    [
        lambda x: _strict(x),
        lambda x: pytest.importorskip("torch").asarray(x).requires_grad_(),
        lambda x: pytest.importorskip("torch").asarray(x, dtype=torch_dtype("bfloat16")),
        lambda x: pytest.importorskip("torch").asarray(x).to("meta"),
    ],
    ids=["another device", "gradients", "bfloat16", "no values"],
)
def test_arrays_that_numpy_cannot_read_are_refused_where_dispatch_is_off(name, make):
    given = {"X": X, "y": y, "sample_weight": np.arange(1.0, 7.0)}
    message = rf"^{name}: found an array of \w+, which .*set_config\(array_api_dispatch=True\).*thr"
    with pytest.raises(TypeError, match=message):
        MLPRegressor(max_iter=2).fit(**given | {name: make(given[name])})


def torch_dtype(name):
    return getattr(pytest.importorskip("torch"), name)


def _strict(x):
    strict = pytest.importorskip("array_api_strict")
    return strict.asarray(x, device=strict.Device("device1"))


# ----------------------------------------------------------------------------- targets


@pytest.mark.parametrize("numeric", [True, False])
def test_targets_come_to_the_host(array, estimator, dispatch, numeric):
    for given in (y, np.stack([y, y], axis=1)):
        found, targets = check_X_y(estimator, array(X), array(given), numeric=numeric, reset=True)
        assert_close(found, array(X), rtol=0)
        assert type(targets) is np.ndarray
        np.testing.assert_array_equal(targets, given)


def test_a_column_is_a_vector_with_a_warning(array, estimator, dispatch):
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        _, targets = check_X_y(estimator, array(X), array(y[:, None]), numeric=True, reset=True)
    np.testing.assert_array_equal(targets, y)


def test_texts_are_targets(array, estimator, dispatch):
    texts = np.array(list("abcabc"))
    _, targets = check_X_y(estimator, array(X), texts, numeric=False, reset=True)
    np.testing.assert_array_equal(targets, texts)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (y[:5], r"inconsistent numbers of samples: \[6, 5\]"),
        (np.where(y == 2, np.nan, y), "Input y contains NaN"),
        (np.where(y == 2, np.inf, y), "Input y contains infinity"),
    ],
)
def test_estimator_data_targets_that_do_not_fit_are_refused(
    array, estimator, dispatch, bad, message
):
    with pytest.raises(ValueError, match=message):
        check_X_y(estimator, array(X), array(bad), numeric=True, reset=True)


# ----------------------------------------------------------------------------- weights


@pytest.mark.parametrize("given", [None, 2, 0.5, y, y.tolist(), y.astype(int)])
def test_weights_are_those_of_scikit_learn(array, dtype, dispatch, given):
    """But none where there are none, so that nothing is multiplied by 1."""
    found = check_sample_weight(given, array(X, dtype))
    if given is None:
        assert found is None
    else:
        known = np.asarray(given) if isinstance(given, list) else given  # before 1.9 no list
        expected = _check_sample_weight(known, X.astype(dtype))
        assert (type(found), found.dtype.name) == (np.ndarray, dtype)
        np.testing.assert_array_equal(found, expected)


def test_weights_may_be_in_any_library(array, dispatch):
    np.testing.assert_array_equal(check_sample_weight(array(y), X), y)
    np.testing.assert_array_equal(check_sample_weight(array(y), array(X)), y)


@as_in_1_9
@pytest.mark.parametrize(
    "bad", [y[:5], np.stack([y, y]), np.zeros(6), 0.0, np.where(y == 2, np.nan, y), "abc"]
)
def test_weights_that_do_not_fit_are_refused_as_scikit_learn_does(bad):
    with pytest.raises(ValueError) as theirs:  # noqa: PT011 - whatever it says
        _check_sample_weight(bad, X)
    with pytest.raises(ValueError) as ours:  # noqa: PT011
        check_sample_weight(bad, X)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (-np.ones(6), "Negative values in data passed to `sample_weight`"),
        (np.where(y == 2, -1e-9, y), "Negative values in data passed to `sample_weight`"),
        (np.r_[-np.ones(3), np.ones(3)], "Negative values in data passed to `sample_weight`"),
        (-1.0, "Negative values in data passed to `sample_weight`"),
        (np.nan, "Input sample_weight contains NaN"),
        (0, "Sample weights must contain at least one non-zero number"),
        (np.full(6, 1e308), "sample_weight: found a sum of inf"),
    ],
)
def test_weights_that_mean_nothing_are_refused_in_the_words_of_scikit_learn(solver, bad, message):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(solver=solver, max_iter=2).fit(X, y, sample_weight=bad)


# ----------------------------------------------------------------------------- feeding


@pytest.mark.parametrize("places", [[4, 0, 4], [2], []])
def test_rows_are_taken_in_their_order(array, places):
    places = np.array(places, int)
    assert_close(take_rows(array(X), places), array(X[places]), rtol=0)
    found = take_rows(sparse.csr_array(X), places)
    np.testing.assert_array_equal(found.toarray(), X[places])


def test_columns_are_examples(array):
    assert_close(as_columns(array(X)), array(X.T), rtol=0)


def test_a_sparse_matrix_is_read_in_batches():
    source = as_columns(sparse.csr_array(X.astype("float32")))
    assert isinstance(source, Source)
    assert source.shape == (3, 6)
    assert source.like.dtype == np.float32
    for which in (slice(1, 4), np.array([5, 0, 5])):
        found = source.read(which)
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, X.astype("float32").T[:, which])
