"""Estimators on Dask: X stays where it is, predictions wait, and Dask-ML's wrappers take them."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn
from sklearn.exceptions import NotFittedError

from dnn_xp.estimators import MLPClassifier, MLPRegressor
from tests.helpers import assert_close, assert_values

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

M = 300
RNG = np.random.default_rng(0)
X = RNG.normal(size=(M, 6))
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
TARGETS = {
    "two classes": CLASSES % 2,
    "texts": np.array(["ape", "bee", "cow"])[CLASSES],
    "labels": (X[:, :3] > 0).astype(int),
    "columns of classes": np.stack([CLASSES, CLASSES[::-1] % 2], axis=1),
    "numbers": X[:, 0] * X[:, 1],
    "columns of numbers": X[:, :2] * X[:, 1:3],
}
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 3, "batch_size": 90, "random_state": 0}
ROWS = (70, 6)


@pytest.fixture(autouse=True)
def brought():
    """Return the number of elements of each result that came here."""
    found = []

    def sizes(results):
        if isinstance(results, list | tuple):
            return [size for one in results for size in sizes(one)]
        return [np.size(results)]

    def get(graph, keys, **options):
        results = dask.get(graph, keys, **options)
        found.extend(sizes(results))
        return results

    with dask.config.set(scheduler=get):
        yield found


def make(target, **options):
    kind = MLPRegressor if "numbers" in target else MLPClassifier
    return kind(**SETTINGS | options)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"early_stopping": True, "solver": "sgd"},
        {"solver": "lbfgs"},
        {"batch_size": M, "dropout": 0.2},
        {"early_stopping": True, "scoring": "loss", "fitted_as_numpy": True},
    ],
    ids=str,
)
def test_a_fit_is_that_of_numpy_and_X_stays_where_it_is(brought, target, options):
    """Also without array_api_dispatch: to read X as NumPy's would be to bring it here."""
    y = TARGETS[target]
    host = make(target, **options).fit(X, y)
    some = da.from_array(X, chunks=ROWS)
    ours = make(target, **options).fit(some, da.from_array(y, chunks=50))
    assert ours.loss_curve_ == pytest.approx(host.loss_curve_, rel=1e-10)
    if "early_stopping" in options:
        assert ours.validation_scores_ == pytest.approx(host.validation_scores_, rel=1e-10)
    for found, expected in zip(ours.coefs_, host.coefs_, strict=True):
        assert_close(found, expected, rtol=1e-7, atol=1e-9)  # of three line searches, too
    assert ours.score(some, y) == pytest.approx(host.score(X, y), rel=1e-10)
    assert max(brought) < X.size


@pytest.mark.parametrize("target", TARGETS)
def test_predictions_wait_until_they_are_asked_for(brought, target):
    model = make(target).fit(X, TARGETS[target])
    some = da.from_array(X, chunks=ROWS)
    names = ["predict", "predict_proba", "predict_log_proba"]
    found = {name: getattr(model, name)(some) for name in names if hasattr(model, name)}
    assert not brought
    for name, lazy in found.items():
        expected = getattr(model, name)(X)
        pairs = [(lazy, expected)] if name == "predict" or isinstance(lazy, da.Array) else None
        for one, wanted in pairs or zip(lazy, expected, strict=True):
            assert isinstance(one, da.Array)
            assert (one.shape, one.dtype) == (wanted.shape, wanted.dtype)
            if wanted.dtype.kind in "US":
                np.testing.assert_array_equal(one.compute(), wanted)
            else:
                assert_values(one, wanted, rtol=1e-10)


def test_a_gradient_of_the_input():
    model = make("texts").fit(X, TARGETS["texts"])
    some = da.from_array(X, chunks=ROWS)
    for output in (None, "bee"):
        found = model.input_gradient(some, output)
        assert isinstance(found, da.Array)
        assert_values(found, model.input_gradient(X, output), rtol=1e-10, atol=1e-14)


def test_partial_fit_goes_on_with_either():
    y, some = TARGETS["two classes"], da.from_array(X, chunks=ROWS)
    here, there = make("two classes"), make("two classes")
    for first, then in ((X, X), (X, X[:90])):
        here.partial_fit(first, y, classes=[0, 1]).partial_fit(then, y[: len(then)])
        there.partial_fit(some, y, classes=[0, 1]).partial_fit(some[: len(then)], y[: len(then)])
    assert there.loss_curve_ == pytest.approx(here.loss_curve_, rel=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    """In the words of scikit-learn: in a fit at once, of predictions once they are asked for."""
    model = make("numbers").fit(X, TARGETS["numbers"])
    damaged = X.copy()
    damaged[140, 3] = bad
    some = da.from_array(damaged, chunks=ROWS)
    with pytest.raises(ValueError, match="Input X contains NaN or infinity"):
        make("numbers").fit(some, TARGETS["numbers"])
    predicted = model.predict(some)
    with pytest.raises(ValueError, match="Input X contains NaN or infinity"):
        predicted.compute()
    assert np.isfinite(predicted[:70].compute()).all()
    with sklearn.config_context(assume_finite=True), np.errstate(invalid="ignore"):
        assert not np.isfinite(model.predict(some).compute()).all()


def test_what_cannot_be_done_is_refused():
    some, y = da.from_array(X, chunks=ROWS), TARGETS["two classes"]
    with pytest.raises(ValueError, match=r"scoring: found 'f1' with X on Dask"):
        make("two classes", early_stopping=True, scoring="f1").fit(some, y)
    with pytest.raises(ValueError, match=r"BatchNorm\(.*must see all of a batch"):
        make("two classes", batch_norm=True).fit(some, y)
    with pytest.raises(ValueError, match="X: found an unknown number of examples; compute"):
        make("two classes").fit(some[some[:, 0] > 0], y)
    with pytest.raises(NotFittedError):
        make("two classes").predict(some)


def test_a_fit_goes_on_from_its_checkpoint(tmp_path):
    y, some = TARGETS["two classes"], da.from_array(X, chunks=ROWS)
    options = {"checkpoint": tmp_path / "fits", "early_stopping": True}
    whole = make("two classes", early_stopping=True, max_iter=6).fit(some, y)
    make("two classes", **options).fit(some, y)
    resumed = make("two classes", **options, max_iter=6).fit(some, y)
    for found, expected in zip(resumed.coefs_, whole.coefs_, strict=True):
        assert_close(found, expected, rtol=0)


# ----------------------------------------------------------------------------- Dask-ML


@pytest.fixture
def wrappers():
    return pytest.importorskip("dask_ml.wrappers", reason="only where Dask-ML is installed")


@pytest.mark.filterwarnings("ignore")  # Dask-ML's own
@pytest.mark.parametrize("target", ["two classes", "texts", "numbers"])
def test_parallel_post_fit(wrappers, brought, target):
    model = wrappers.ParallelPostFit(estimator=make(target)).fit(X, TARGETS[target])
    brought.clear()
    predicted = model.predict(da.from_array(X, chunks=ROWS))
    assert isinstance(predicted, da.Array)
    expected = model.estimator.predict(X)
    if target == "numbers":  # of blocks of another width
        assert_values(predicted, expected, rtol=1e-12)
    else:
        np.testing.assert_array_equal(predicted.compute(), expected)
    if target != "numbers":
        proba = model.predict_proba(da.from_array(X, chunks=ROWS))
        assert_values(proba, model.estimator.predict_proba(X), rtol=1e-12)


@pytest.mark.filterwarnings("ignore")  # Dask-ML's own
def test_incremental(wrappers):
    y = TARGETS["texts"]
    some, targets = da.from_array(X, chunks=ROWS), da.from_array(y, chunks=70)
    wrapped = wrappers.Incremental(make("texts"), shuffle_blocks=False)
    wrapped.fit(some, targets, classes=np.unique(y))
    by_hand = make("texts")
    for start in range(0, M, 70):
        rows = slice(start, start + 70)
        by_hand.partial_fit(X[rows], y[rows], classes=np.unique(y))
    for found, expected in zip(wrapped.estimator_.coefs_, by_hand.coefs_, strict=True):
        assert_close(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(wrapped.predict(some).compute(), by_hand.predict(X))
