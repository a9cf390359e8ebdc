"""Estimators on arrays of every library: everything follows X, and the numbers are NumPy's."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn

from dnn_xp import backends
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from tests.helpers import assert_close, assert_is_like, assert_values

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

M = 24
RNG = np.random.default_rng(0)
X = RNG.normal(size=(M, 4))
CLASSES = np.argmax(X[:, :3] + 0.3 * RNG.normal(size=(M, 3)), axis=1)
TARGETS = {
    "binary": CLASSES % 2,
    "multiclass": CLASSES * 2 + 1,
    "multilabel": (X[:, :2] > 0).astype(int),
    "regression": X[:, 0] * X[:, 1],
    "several": X[:, :2] * X[:, 1:3],
}
WEIGHTS = RNG.uniform(0.5, 2.0, M)
SETTINGS = {"hidden_layer_sizes": (5,), "max_iter": 3, "batch_size": 9, "random_state": 0}


@pytest.fixture(autouse=True)
def dispatch(request):
    """Have scikit-learn let arrays through, but in the tests that say otherwise."""
    if "without_dispatch" in request.fixturenames:
        yield
    else:
        with sklearn.config_context(array_api_dispatch=True):
            yield


@pytest.fixture
def without_dispatch(): ...


def make(target, **options):
    kind = MLPClassifier if target in ("binary", "multiclass", "multilabel") else MLPRegressor
    return kind(**SETTINGS | options)


def outputs(one, X):
    """Return all that is predicted, by the name of the method."""
    names = ("predict", "predict_proba", "predict_log_proba")
    return {name: getattr(one, name)(X) for name in names if hasattr(one, name)}


def arrays(one):
    return [*one.coefs_, *one.intercepts_]


EARLY = {"early_stopping": True, "validation_fraction": 0.25}


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("binary", {}),
        ("multiclass", {"solver": "sgd", "activation": "tanh", "learning_rate": "invscaling"}),
        ("multilabel", EARLY),
        ("regression", {"solver": "lbfgs", "activation": "logistic"}),
        ("several", EARLY),
    ],
)
def test_all_is_where_X_is_and_as_on_numpy(array, xp, device, target, options):
    y = TARGETS[target]
    ours = make(target, **options).fit(array(X), array(y), array(WEIGHTS))
    host = make(target, **options).fit(X, y, WEIGHTS)
    assert ours.loss_curve_ == pytest.approx(host.loss_curve_, rel=1e-12)
    assert ours.n_iter_ == host.n_iter_
    if "early_stopping" in options:
        assert ours.validation_scores_ == pytest.approx(host.validation_scores_, rel=1e-12)
    for found, expected in zip(arrays(ours), arrays(host), strict=True):
        # On Dask in the library of the blocks.
        assert_is_like(found, backends.block_like(array(expected)))
        assert_values(found, expected, rtol=1e-10, atol=1e-13)
    for name, expected in outputs(host, X).items():
        found = outputs(ours, array(X))[name]
        assert backends.namespace(found) is xp
        assert backends.device(found) == device
        assert backends.dtype_name(found.dtype) == expected.dtype.name
        assert_values(found, expected, rtol=1e-10, atol=1e-13)
    score = ours.score(array(X), array(y), array(WEIGHTS))
    assert type(score) is float
    assert score == pytest.approx(host.score(X, y, WEIGHTS), rel=1e-10)


@pytest.mark.parametrize("target", ["multiclass", "several"])
def test_partial_fit(array, target):
    classes = {"classes": array(np.unique(TARGETS[target]))} if target == "multiclass" else {}
    ours, host = make(target), make(target)
    for part in (slice(0, 12), slice(12, M), slice(0, 12)):
        ours.partial_fit(array(X[part]), array(TARGETS[target][part]), **classes)
        host.partial_fit(
            X[part], TARGETS[target][part], **{"classes": [1, 3, 5]} if classes else {}
        )
    assert ours.loss_curve_ == pytest.approx(host.loss_curve_, rel=1e-12)
    assert_is_like(ours.coefs_[0], backends.block_like(array(X)))


def test_estimator_array_api_float32_stays(array, xp, dtype):
    y = array(TARGETS["several"], "float64")
    reg = make("several").fit(array(X, dtype), y)
    for one in (*arrays(reg), reg.predict(array(X, dtype))):
        assert one.dtype == getattr(xp, dtype)
    clf = make("binary").fit(array(X, dtype), array(TARGETS["binary"]))
    assert clf.predict_proba(array(X, dtype)).dtype == getattr(xp, dtype)


def test_integers_become_floats_of_the_library(array, xp):
    whole = np.round(X * 10.0).astype("int32")
    reg = make("regression").fit(array(whole), array(TARGETS["regression"]))
    default = xp.__array_namespace_info__().default_dtypes()["real floating"]
    assert {one.dtype for one in arrays(reg)} == {default}
    again = make("regression").fit(xp.astype(array(whole), default), array(TARGETS["regression"]))
    assert_close(reg.predict(array(whole)), again.predict(xp.astype(array(whole), default)), rtol=0)


def test_predictions_follow_the_wider_of_two_dtypes(array, xp):
    reg = make("several").fit(array(X, "float32"), array(TARGETS["several"], "float32"))
    wide = reg.predict(array(X))
    assert wide.dtype == xp.float64
    assert_values(
        xp.astype(wide, xp.float32),
        backends.to_host(reg.predict(array(X, "float32"))),
        rtol=1e-5,
        atol=1e-6,
    )


# ----------------------------------------------------------------------------- targets


@pytest.mark.parametrize("target", ["multiclass", "multilabel"])
@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist], ids=["NumPy", "list"])
def test_labels_may_be_elsewhere(array, target, form):
    y = TARGETS[target]
    one = make(target).fit(array(X), form(y), WEIGHTS.tolist())
    other = make(target).fit(array(X), array(y), array(WEIGHTS))
    assert one.loss_curve_ == other.loss_curve_
    assert_close(one.predict(array(X)), other.predict(array(X)))
    assert isinstance(one.classes_, np.ndarray)
    assert one.score(array(X), form(y)) == other.score(array(X), array(y))


def test_classes_are_where_the_labels_are(array):
    clf = make("multiclass").fit(array(X), array(TARGETS["multiclass"]))
    assert_is_like(clf.classes_, backends.block_like(array(TARGETS["multiclass"])))
    assert_values(clf.classes_, [1, 3, 5])


@pytest.mark.parametrize("names", [["ape", "bee", "cow"], ["no", "yes"]])
def test_texts_are_labels(array, names):
    y = np.array(names)[CLASSES % len(names)]
    clf = make("multiclass").fit(array(X), y)
    predicted = backends.from_blocks(clf.predict(array(X)))
    assert isinstance(predicted, np.ndarray)
    assert set(predicted) <= set(names)
    host = make("multiclass").fit(X, y)
    np.testing.assert_array_equal(predicted, host.predict(X))
    assert clf.score(array(X), y.tolist()) == host.score(X, y)


def test_targets_of_another_library(array):
    strict = pytest.importorskip("array_api_strict")
    torch = pytest.importorskip("torch")
    ours = make("regression").fit(array(X), array(TARGETS["regression"]))
    for xp in (strict, torch):
        other = make("regression").fit(array(X), xp.asarray(TARGETS["regression"]))
        assert other.loss_curve_ == ours.loss_curve_
        assert other.score(array(X), xp.asarray(TARGETS["regression"])) == ours.score(
            array(X), array(TARGETS["regression"])
        )


# ----------------------------------------------------------------------------- elsewhere


def elsewhere(library):
    """Return the name of another library, but that NumPy's is that of Dask's blocks."""
    return "torch" if library.backend in ("numpy", "dask") else "numpy"


def test_another_library_is_refused_and_the_way_out_works(array, library, xp):
    if elsewhere(library) == "torch":
        pytest.importorskip("torch")
    clf = make("multiclass").fit(array(X), array(TARGETS["multiclass"]))
    expected = {name: backends.to_host(one) for name, one in outputs(clf, array(X)).items()}
    there = backends.empty_array(elsewhere(library))
    X_there = backends.asarray_like(X, like=there, dtype=backends.namespace(there).float64)
    message = "must use the same namespace and the same device.*Move the estimator with MLPClass"
    for name in expected:
        with pytest.raises(ValueError, match=rf"MLPClassifier.{name}\(\) {message}"):
            getattr(clf, name)(X_there)
    assert clf.to(elsewhere(library)) is clf
    for name, one in outputs(clf, X_there).items():
        assert backends.namespace(one) is backends.namespace(there)
        assert_values(one, expected[name], rtol=1e-12)
    clf.to(xp, backends.device(array(X)))
    for name, one in outputs(clf, array(X)).items():
        assert_values(one, expected[name], rtol=1e-13)  # Dask's blocks are others now


def test_another_device_is_refused_and_the_way_out_works():
    strict = pytest.importorskip("array_api_strict")
    here, there = (
        strict.asarray(X, device=strict.Device(name)) for name in ("CPU_DEVICE", "device1")
    )
    reg = make("regression").fit(here, TARGETS["regression"])
    with pytest.raises(ValueError, match=r"Found array_api_strict on .*device1.*, expected .*CPU_"):
        reg.predict(there)
    for device in ("device1", strict.Device("device1")):
        namespace = "array-api-strict" if isinstance(device, str) else strict
        moved = reg.to(namespace, device).predict(there)
        assert moved.device == strict.Device("device1")


def test_a_moved_estimator_trains_on(array, library):
    """The optimizer begins anew, as its state stays behind."""
    reg = make("regression").fit(X, TARGETS["regression"])
    reg.to(backends.namespace(array(X)), backends.device(array(X)))
    reg.partial_fit(array(X), array(TARGETS["regression"]))
    host = make("regression").fit(X, TARGETS["regression"]).to("numpy")
    host.partial_fit(X, TARGETS["regression"])
    assert reg.loss_curve_ == pytest.approx(host.loss_curve_, rel=1e-12)


def test_fitted_as_numpy_predicts_anywhere(array, xp, library):
    clf = make("multiclass", fitted_as_numpy=True)
    clf.fit(array(X), array(TARGETS["multiclass"]), array(WEIGHTS))
    assert {type(one) for one in (*arrays(clf), clf.classes_)} == {np.ndarray}
    host = make("multiclass").fit(X, TARGETS["multiclass"], WEIGHTS)
    for name, expected in outputs(host, X).items():
        found = outputs(clf, array(X))[name]
        assert backends.namespace(found) is xp
        assert_values(found, expected, rtol=1e-10, atol=1e-13)
        assert_values(outputs(clf, X)[name], expected, rtol=1e-10, atol=1e-13)
    clf.partial_fit(array(X), array(TARGETS["multiclass"]))
    assert {type(one) for one in arrays(clf)} == {np.ndarray}


# ----------------------------------------------------------------------------- the rest


def test_without_dispatch_arrays_are_read_as_numpys(array, library, without_dispatch):
    if library.backend in ("array-api-strict", "cupy", "dask"):
        pytest.skip(f"an array of {library.backend} is not read as NumPy's")
    clf = make("binary").fit(array(X), array(TARGETS["binary"]))
    host = make("binary").fit(X, TARGETS["binary"])
    assert {type(one) for one in (*arrays(clf), *outputs(clf, array(X)).values())} == {np.ndarray}
    assert clf.loss_curve_ == host.loss_curve_
    assert clf.score(array(X), array(TARGETS["binary"])) == host.score(X, TARGETS["binary"])


def test_dispatch_that_is_off_in_another_thread_is_named(array, library):
    if library.backend in ("numpy", "array-api-strict", "cupy", "dask"):
        pytest.skip("nothing is let through, or nothing is read as NumPy's")
    y = TARGETS["binary"]
    clf = make("binary").fit(array(X), array(y))
    calls = {
        "predict": lambda: clf.predict(array(X)),
        "predict_proba": lambda: clf.predict_proba(array(X)),
        "predict_log_proba": lambda: clf.predict_log_proba(array(X)),
        "input_gradient": lambda: clf.input_gradient(array(X)),
        "predict ": lambda: clf.score(array(X), array(y)),
        "partial_fit": lambda: clf.partial_fit(array(X), array(y)),
        "fit": lambda: clf.set_params(warm_start=True).fit(array(X), array(y)),
    }
    with ThreadPoolExecutor(1) as pool:
        for name, call in calls.items():
            with pytest.raises(ValueError, match="array_api_dispatch") as caught:
                pool.submit(call).result()
            assert f"MLPClassifier.{name.strip()}()" in str(caught.value)
    assert clf.fit(array(X), array(y)).n_iter_ == 3  # in this thread


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_training_goes_on_where_it_began(array, library, method):
    """As `predict` does, it moves nothing by itself."""
    y = TARGETS["regression"]
    if library.backend in ("numpy", "dask"):
        pytest.skip("there is no other place: parameters of Dask's blocks are NumPy's")
    for first, then in ((array, np.asarray), (np.asarray, array)):
        reg = make("regression", warm_start=True).fit(first(X), first(y))
        before = reg.coefs_[0]
        with pytest.raises(ValueError, match=rf"{method}\(\) must use the same namespace .*\.to\("):
            getattr(reg, method)(then(X), then(y))
        assert reg.coefs_[0] is before


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
@pytest.mark.parametrize(
    ("first", "then"),
    [("float64", "float32"), ("float32", "float64"), ("float64", "int32"), ("float32", "bool")],
)
def test_the_first_dtype_stays(array, method, first, then):
    y = array(TARGETS["regression"])
    reg = make("regression", warm_start=True, max_iter=1).fit(array(X, first), y)
    getattr(reg, method)(array(X, then), y)
    assert {backends.dtype_name(x.dtype) for x in arrays(reg)} == {first}
    assert backends.dtype_name(reg.predict(array(X, first)).dtype) == first


@pytest.mark.parametrize("target", ["binary", "several"])
def test_pickles(array, xp, target):
    one = make(target).fit(array(X), array(TARGETS[target]))
    other = pickle.loads(pickle.dumps(one))
    for name, expected in outputs(one, array(X)).items():
        assert_close(outputs(other, array(X))[name], expected, rtol=0)
    one.partial_fit(array(X), array(TARGETS[target]))
    other.partial_fit(array(X), array(TARGETS[target]))
    assert one.loss_curve_ == other.loss_curve_  # the optimizer's state came along


def test_estimator_array_api_validation_data_of_ones_own(array):
    y = TARGETS["regression"]
    reg = make("regression").fit(array(X), array(y), X_val=array(X[:9]), y_val=array(y[:9]))
    host = make("regression").fit(X, y, X_val=X[:9], y_val=y[:9])
    assert reg.validation_scores_ == pytest.approx(host.validation_scores_, rel=1e-12)
    assert reg.validation_loss_curve_ == pytest.approx(host.validation_loss_curve_, rel=1e-12)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (X[:, 0], "Expected 2D array, got 1D array instead"),
        (np.where(X > 2.0, np.inf, X), "Input X contains (NaN or )?infinity"),
        (np.where(X > 2.0, np.nan, X), "Input X contains NaN"),
        (X[:7], r"inconsistent numbers of samples: \[7, 24\]"),
        (X[:0], r"Found array with 0 sample\(s\)"),
        (X[:, :0], r"0 feature\(s\) \(shape=\(24, 0\)\) while a minimum of 1 is required"),
        (X.astype(complex), "Complex data not supported"),
    ],
)
def test_estimator_array_api_what_does_not_fit_is_refused(array, bad, message):
    with pytest.raises(ValueError, match=message):
        make("regression").fit(array(bad), array(TARGETS["regression"]))


def test_other_features_are_refused(array):
    reg = make("regression").fit(array(X), array(TARGETS["regression"]))
    with pytest.raises(ValueError, match="X has 3 features, but MLPRegressor is expecting 4"):
        reg.predict(array(X[:, :3]))


@pytest.mark.parametrize("target", ["binary", "multiclass", "multilabel"])
def test_jax_without_its_64_bits(target):
    """As it is by default: whole numbers have 32 bits then, without a warning."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(False):
        some = jax.numpy.asarray(X, dtype="float32")
        clf = make(target).fit(some, TARGETS[target])
        found, host = clf.predict(some), make(target).fit(X.astype("float32"), TARGETS[target])
        assert found.dtype == np.int32
        assert clf.loss_curve_ == pytest.approx(host.loss_curve_, rel=1e-5)
        with pytest.raises(backends.BackendError, match="JAX was asked for float64"):
            make(target).fit(X, TARGETS[target]).to("jax")


def test_blocks_of_examples_and_of_features():
    """Dask's usual blocks are of rows; any others give the same numbers."""
    da, y = pytest.importorskip("dask.array"), TARGETS["regression"]
    host = make("regression").fit(X, y)
    for chunks in ((7, 4), (M, 3), (5, 2)):
        some = da.from_array(X, chunks=chunks)
        reg = make("regression").fit(some, da.from_array(y, chunks=9))
        assert reg.loss_curve_ == pytest.approx(host.loss_curve_, rel=1e-12)
        assert_values(reg.predict(some), host.predict(X), rtol=1e-10, atol=1e-13)


def test_unknown_chunk_sizes_are_refused():
    da = pytest.importorskip("dask.array")
    some = da.asarray(X)
    some = some[some[:, 0] > 0]
    with pytest.raises(ValueError, match="X: found an unknown number of examples; compute its chu"):
        make("regression").fit(some, TARGETS["regression"])
