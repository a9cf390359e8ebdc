"""Estimators of tables: members, hold-outs, weights, limits, jobs, checkpoints, every library."""

import pickle
import signal
import time
import warnings
from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from dnn_xp import CSVLog
from dnn_xp.backends import to_host
from dnn_xp.data.scaling import in_double
from dnn_xp.estimators import TabularClassifier, TabularRegressor
from dnn_xp.training import Callback
from tests.helpers import assert_is_like

once = pytest.mark.once
RNG = np.random.default_rng(0)
M = 120
X = RNG.normal(size=(M, 4))
X[::11, 1] = np.nan
CLASSES = (X[:, 0] + 0.3 * RNG.normal(size=M) > 0) + 1 * (X[:, 2] > 0.5)
VALUES = 100.0 + 20.0 * X[:, 0] + RNG.normal(size=M)
SMALL = {"n_members": 2, "hidden_layer_sizes": (8,), "max_iter": 8, "random_state": 0}
KINDS = [(TabularClassifier, CLASSES), (TabularRegressor, VALUES)]
both = pytest.mark.parametrize(("kind", "y"), KINDS, ids=["classifier", "regressor"])


def outputs(model, X):
    return model.predict_proba(X) if isinstance(model, TabularClassifier) else model.predict(X)


def assert_is_output(found, given):
    """What is predicted is where X is, in float64 where there is that."""
    assert_is_like(found, in_double(given))


@pytest.fixture(autouse=True)
def dispatch():
    with sklearn.config_context(array_api_dispatch=True):
        yield


# ----------------------------------------------------------------------------- every library


@both
def test_everything_follows_x_and_the_numbers_are_numpys(array, library, kind, y):
    if library.backend == "dask":
        with pytest.raises(ValueError, match="X: found an array on Dask"):
            kind(**SMALL).fit(array(X.astype(np.float32)), y)
        return
    given = array(X.astype(np.float32))
    here = kind(**SMALL).fit(given, y)
    there = kind(**SMALL).fit(X.astype(np.float32), y)
    assert_is_like(here.thetas_, given)
    found, expected = outputs(here, given), outputs(there, X.astype(np.float32))
    assert_is_output(found, given)
    # Float32 sums of another order, over some 50 steps.
    np.testing.assert_allclose(to_host(found), expected, rtol=2e-3, atol=2e-4)


@both
def test_a_model_is_moved_to_where_x_is(array, library, kind, y):
    if library.backend == "dask":
        pytest.skip("tables on Dask are refused")
    model = kind(**SMALL).fit(X, y)
    given = array(X.astype(np.float32))
    expected = outputs(model, X)
    if not isinstance(given, np.ndarray):
        with pytest.raises(ValueError, match=r"must use the same namespace.*\.to\(xp, device\)"):
            model.predict(given)
    model.to(library.backend, library.device)
    found = outputs(model, given)
    assert_is_output(found, given)
    np.testing.assert_allclose(to_host(found), expected, rtol=1e-4, atol=1e-4)


@once
@both
def test_without_dispatch_arrays_are_read_as_numpys(kind, y):
    torch = pytest.importorskip("torch")
    with sklearn.config_context(array_api_dispatch=False):
        model = kind(**SMALL).fit(torch.asarray(X), y)
        assert isinstance(outputs(model, torch.asarray(X)), np.ndarray)
    np.testing.assert_array_equal(model.thetas_, kind(**SMALL).fit(X, y).thetas_)


# ----------------------------------------------------------------------------- what comes in


@once
@both
def test_sparse_and_dense_are_the_same(kind, y):
    dense = np.where(np.isnan(X), 0.0, X) * (X > 0)
    of_sparse = kind(**SMALL).fit(sparse.csr_matrix(dense), y)
    of_dense = kind(**SMALL).fit(dense, y)
    np.testing.assert_array_equal(of_sparse.thetas_, of_dense.thetas_)
    np.testing.assert_array_equal(
        outputs(of_sparse, sparse.csc_matrix(dense)), outputs(of_dense, dense)
    )


@once
@both
def test_frames_with_texts_and_missing_values_are_taken_as_they_are(kind, y):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    frame["color"] = np.where(X[:, 2] > 0, "red", "blue")
    frame.loc[::7, "color"] = None
    model = kind(**SMALL).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d", "color"]
    unseen = frame.head(3).assign(color="green")
    assert np.all(np.isfinite(outputs(model, unseen)))
    with pytest.raises(ValueError, match="feature names"):
        outputs(model, frame.rename(columns={"a": "z"}))


@once
@both
@pytest.mark.parametrize("m", [2, 3, 30])
def test_few_rows_are_enough(kind, y, m):
    model = kind(**SMALL).fit(X[:m], y[:m])
    assert np.all(np.isfinite(outputs(model, X)))


@once
@both
def test_one_row_is_too_few_and_says_so(kind, y):
    with pytest.raises(ValueError, match="n_samples=1, expected at least 2"):
        kind(**SMALL).fit(X[:1], y[:1])


@once
@both
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_members": 0}, "n_members"),
        ({"validation": 1.0}, "validation"),
        ({"validation": 0}, "validation"),
        ({"max_iter": "many"}, "max_iter"),
        ({"time_limit": 0}, "time_limit"),
        ({"importances": "yes"}, "importances"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"dropout": [0.1, 0.2]}, "'dropout' parameter"),
        ({"activation": ["relu", "silu"]}, "'activation' parameter"),
        ({"activation": "spline"}, "activation"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes|units"),
        ({"importances": True, "validation": None}, "nothing is held out"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(kind, y, change, words):
    with pytest.raises(ValueError, match=words):
        kind(**SMALL | change).fit(X, y)


@once
@both
def test_nothing_is_predicted_before_a_fit(kind, y):
    with pytest.raises(NotFittedError):
        kind().predict(X)


# ----------------------------------------------------------------------------- hold-outs, weights


@once
@both
def test_the_epoch_of_the_least_validation_cost_is_kept(kind, y):
    model = kind(**SMALL | {"max_iter": 30}).fit(X, y)
    for epoch, curve in zip(model.best_epochs_, model.validation_loss_curves_, strict=True):
        assert epoch == int(np.argmin(curve)) + 1
        assert len(curve) == 30


@once
@both
def test_without_validation_the_last_epoch_is_kept(kind, y):
    model = kind(**SMALL | {"validation": None}).fit(X, y)
    assert model.best_epochs_ == [8, 8]
    assert model.validation_loss_curves_ == [[], []]


@once
@both
def test_validation_data_of_ones_own_are_used_and_all_rows_are_trained_on(kind, y):
    class Count(Callback):
        seen = ()

        def start(self, run):
            Count.seen = (*Count.seen, run._n_examples)

    model = kind(**SMALL, callbacks=[Count()]).fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert Count.seen == (80, 80)
    assert all(len(curve) == 8 for curve in model.validation_loss_curves_)
    with pytest.raises(ValueError, match="expected both or none"):
        kind(**SMALL).fit(X, y, X_val=X)


@once
@both
def test_rows_of_weight_0_are_as_if_they_were_not_there(kind, y):
    weights = np.ones(M)
    weights[60:] = 0.0
    changed = np.where(weights > 0, y, y[::-1])
    one = kind(**SMALL).fit(X, y, weights)
    other = kind(**SMALL).fit(X, changed, weights)
    if kind is TabularRegressor:  # the range of the targets is that of those that count
        np.testing.assert_array_equal(one._targets["lowest"], other._targets["lowest"])
    np.testing.assert_array_equal(one.thetas_, other.thetas_)


@once
@both
def test_weights_pull(kind, y):
    weights = np.where(np.asarray(y) > np.median(y), 50.0, 1.0)
    pulled = kind(**SMALL | {"max_iter": 40}).fit(X, y, weights).predict(X)
    free = kind(**SMALL | {"max_iter": 40}).fit(X, y).predict(X)
    assert np.mean(pulled) > np.mean(free)


# ----------------------------------------------------------------------------- again and again


@once
@both
def test_the_same_bits_whatever_n_jobs(kind, y):
    one = kind(**SMALL).fit(X, y)
    two = kind(**SMALL, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.thetas_, two.thetas_)
    np.testing.assert_array_equal(outputs(one, X), outputs(two, X))


@once
@both
def test_a_time_limit_is_kept(kind, y):
    begun = time.process_time()  # others may be at work, too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = kind(**SMALL | {"max_iter": 100_000}, time_limit=1.0).fit(X, y)
    assert time.process_time() - begun < 3.0
    assert 1 <= len(model.thetas_) <= 2
    assert np.all(np.isfinite(outputs(model, X)))


@once
@both
def test_a_time_limit_may_end_within_the_first_epoch(kind, y):
    with pytest.warns(ConvergenceWarning) as caught:
        model = kind(**SMALL, time_limit=1e-6).fit(X, y)
    found = [str(one.message).partition(":")[0] for one in caught]
    assert found == ["n_members", "time_limit"]
    assert {one.filename for one in caught} == {__file__}
    assert model.n_iter_ == 0
    assert model.loss_curves_ == model.validation_loss_curves_ == [[]]
    assert model.best_epochs_ == [0]
    assert np.all(np.isfinite(outputs(model, X)))


@once
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_each_member_has_a_log_of_its_own(tmp_path, n_jobs):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*this one writes log-2.csv beside it")
        model = TabularClassifier(**SMALL, n_jobs=n_jobs, callbacks=[CSVLog(tmp_path / "log.csv")])
        model.fit(X, CLASSES)
    logs = {np.loadtxt(path, delimiter=",", skiprows=1).tobytes() for path in tmp_path.iterdir()}
    curves = zip(model.loss_curves_, model.validation_loss_curves_, strict=True)
    assert logs == {np.stack([np.arange(1.0, 9.0), *pair], axis=1).tobytes() for pair in curves}


class InterruptSecond(Callback):
    """Ctrl-C in the training of the second member."""

    def __init__(self, member=2):
        self.begun, self.member = 0, member

    def start(self, run):
        self.begun += 1

    def epoch(self, run):
        if self.begun == self.member:
            signal.raise_signal(signal.SIGINT)


@once
@both
def test_an_interrupt_keeps_the_members_that_are_done(kind, y):
    with pytest.warns(ConvergenceWarning, match="1 of 2 members") as caught:
        model = kind(**SMALL, callbacks=[InterruptSecond()]).fit(X, y)
    assert {one.filename for one in caught} == {__file__}
    assert len(model.thetas_) == 1
    assert np.all(np.isfinite(outputs(model, X)))
    with pytest.raises(KeyboardInterrupt):
        kind(**SMALL, callbacks=[InterruptSecond(1)]).fit(X, y)


@once
@both
def test_a_checkpoint_needs_draws_that_can_be_drawn_again(tmp_path, kind, y):
    with pytest.raises(ValueError, match="random_state: found None, expected an int"):
        kind(**SMALL | {"random_state": None}, checkpoint=tmp_path / "folder").fit(X, y)
    assert not (tmp_path / "folder").exists()


@once
@both
def test_a_fit_with_a_checkpoint_goes_on_with_the_same_bits(tmp_path, kind, y):
    whole = kind(**SMALL).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        kind(**SMALL, checkpoint=tmp_path, callbacks=[InterruptSecond()]).fit(X, y)
    assert len([*tmp_path.glob("member-*.checkpoint")]) == 2
    again = kind(**SMALL, checkpoint=tmp_path).fit(X, y)
    np.testing.assert_array_equal(again.thetas_, whole.thetas_)


# ----------------------------------------------------------------------------- kept


@once
@both
def test_clones_and_pickles_predict_the_same(kind, y):
    model = kind(**SMALL).fit(X, y)
    np.testing.assert_array_equal(outputs(pickle.loads(pickle.dumps(model)), X), outputs(model, X))
    np.testing.assert_array_equal(outputs(clone(model).fit(X, y), X), outputs(model, X))


@once
@both
def test_a_fitted_estimator_holds_no_data(kind, y):
    few = len(pickle.dumps(kind(**SMALL).fit(X, y)))
    rows = np.tile(X, (20, 1))
    many = len(pickle.dumps(kind(**SMALL).fit(rows, np.tile(y, 20))))
    # What grows are the errors on examples held out, from which intervals are worked out.
    assert many < few + 20 * M * 8 * 2 + 4096
    assert many < rows.nbytes


@once
@both
def test_skops_reads_it_without_trust_in_anything_inside(tmp_path, kind, y):
    sio = pytest.importorskip("skops.io")
    model = kind(**SMALL).fit(X, y)
    sio.dump(model, tmp_path / "model.skops")
    own = [f"{kind.__module__}.{kind.__name__}"]
    assert sio.get_untrusted_types(file=tmp_path / "model.skops") == own
    loaded = sio.load(tmp_path / "model.skops", trusted=own)
    np.testing.assert_array_equal(outputs(loaded, X), outputs(model, X))


# ----------------------------------------------------------------------------- the bar


@once
@pytest.mark.skipif(find_spec("rich") is None, reason="needs dnn-xp[app]")
@pytest.mark.parametrize("verbose", [True, "bar"])
@both
def test_a_bar_for_each_member_or_one_of_members_in_processes(kind, y, verbose, capsys):
    small = SMALL | {"max_iter": 2}
    kind(**small, verbose=verbose).fit(X, y)
    assert capsys.readouterr().out.count(f"{kind.__name__}  epoch 2/2") == 2
    kind(**small, verbose=verbose, n_jobs=2).fit(X, y)
    assert f"{kind.__name__}  member 2/2" in capsys.readouterr().out


# ----------------------------------------------------------------------------- among others


@once
@both
def test_pipelines_searches_and_stacks_take_them(kind, y):
    from sklearn.ensemble import StackingClassifier, StackingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    classifies = kind is TabularClassifier
    pipeline = make_pipeline(FunctionTransformer(lambda X: 2.0 * X), kind(**SMALL))
    search = GridSearchCV(pipeline, {f"{kind.__name__.lower()}__n_members": [1, 2]}, cv=2).fit(X, y)
    assert len(search.best_estimator_[-1].thetas_) == search.best_params_.popitem()[1]
    stack = StackingClassifier if classifies else StackingRegressor
    last = LogisticRegression() if classifies else Ridge()
    stacked = stack([("one", kind(**SMALL)), ("two", kind(**SMALL))], last, cv=2).fit(X, y)
    assert stacked.predict(X).shape == (M,)
