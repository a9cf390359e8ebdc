"""Sparse examples are made dense a batch at a time, and never as a whole."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from scipy import sparse

from dnn_xp.estimators import MLPClassifier, MLPRegressor, base, fitting, validation

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

M, AT_ONCE, BATCH_SIZE = 100, 32, 20
RNG = np.random.default_rng(0)
X = RNG.normal(size=(M, 6)) * (RNG.random((M, 6)) < 0.4)
Y = np.argmax(X[:, :3], axis=1)
SETTINGS = {
    "hidden_layer_sizes": (5,),
    "batch_size": BATCH_SIZE,
    "max_iter": 4,
    "random_state": 0,
}
FORMS = [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix]


@pytest.fixture
def made_dense(monkeypatch):
    """Return how many examples have been made dense at a time."""
    rows = []

    def watch(kind, name):
        dense = getattr(kind, name)

        def method(self, *args, **kwargs):
            if self.shape[1] == X.shape[1]:  # not targets, of which scikit-learn makes one too
                rows.append(self.shape[0])
            return dense(self, *args, **kwargs)

        monkeypatch.setattr(kind, name, method)

    for kind in FORMS:
        watch(kind, "toarray")
        watch(kind, "todense")
    for module in (base, fitting, validation):
        monkeypatch.setattr(module, "AT_ONCE", AT_ONCE)
    return rows


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, BATCH_SIZE),
        ({"solver": "sgd", "shuffle": False}, BATCH_SIZE),
        ({"early_stopping": True, "validation_fraction": 0.5}, AT_ONCE),
        ({"solver": "lbfgs"}, AT_ONCE),
    ],
    ids=["fit", "in order", "early stopping", "lbfgs"],
)
def test_fitting(made_dense, form, kind, options, most):
    ours = kind(**SETTINGS | options).fit(form(X), Y)
    assert max(made_dense) == most
    host = kind(**SETTINGS | options).fit(X, Y)
    assert ours.loss_curve_ == pytest.approx(host.loss_curve_, rel=1e-12)
    if "early_stopping" in options:
        assert ours.validation_scores_ == pytest.approx(host.validation_scores_, rel=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_training_on_and_predicting(made_dense, form):
    clf = MLPClassifier(**SETTINGS).partial_fit(form(X), Y, classes=[0, 1, 2])
    clf.partial_fit(form(X), Y, sample_weight=np.arange(M))
    assert set(made_dense) == {BATCH_SIZE}
    made_dense.clear()
    for method in (clf.predict, clf.predict_proba, clf.predict_log_proba):
        np.testing.assert_allclose(method(form(X)), method(X), rtol=1e-13)
    assert clf.score(form(X), Y) == clf.score(X, Y)
    assert set(made_dense) == {AT_ONCE, M % AT_ONCE}


@pytest.mark.parametrize("form", FORMS)
def test_estimator_sparse_validation_data_of_ones_own(made_dense, form):
    reg = MLPRegressor(**SETTINGS).fit(form(X), Y, X_val=form(X[:50]), y_val=Y[:50])
    assert set(made_dense) == {BATCH_SIZE, AT_ONCE, 50 % AT_ONCE}
    host = MLPRegressor(**SETTINGS).fit(X, Y, X_val=X[:50], y_val=Y[:50])
    assert reg.validation_loss_curve_ == pytest.approx(host.validation_loss_curve_, rel=1e-12)


def test_estimator_sparse_float32_stays():
    matrix = sparse.csr_array(X.astype("float32"))
    clf = MLPClassifier(**SETTINGS).fit(matrix, Y)
    assert {one.dtype for one in clf.coefs_} == {np.dtype("float32")}
    assert clf.predict_proba(matrix).dtype == np.float32
    assert clf.predict_proba(sparse.csr_array(X)).dtype == np.float64


@pytest.mark.parametrize("form", [sparse.coo_array, sparse.lil_array, sparse.dok_array])
def test_other_forms_are_taken(form):
    one, other = (
        MLPClassifier(**SETTINGS).fit(matrix, Y) for matrix in (form(X), sparse.csr_array(X))
    )
    assert one.loss_curve_ == other.loss_curve_


def test_estimator_sparse_what_is_not_finite_is_refused():
    matrix = sparse.csr_array(X)
    matrix.data[3] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        MLPRegressor(**SETTINGS).fit(matrix, Y)


@pytest.mark.parametrize("form", FORMS)
def test_the_first_dtype_stays_of_sparse_examples(form):
    clf = MLPClassifier(**SETTINGS).partial_fit(form(X), Y, classes=[0, 1, 2])
    clf.partial_fit(form(X.astype("float32")), Y)
    assert {one.dtype for one in clf.coefs_} == {np.dtype("float64")}
