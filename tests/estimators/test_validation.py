"""Validation data: they follow X, and scorers judge them on the host."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn
from scipy import sparse
from sklearn.metrics import f1_score, get_scorer, make_scorer, max_error, mean_absolute_error
from sklearn.model_selection import train_test_split

from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.estimators.initialization import draw_theta
from dnn_xp.estimators.translation import describe_network, drawn_activations

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning"),
]

M = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(M, 4))
CLASSES = np.argmax(X[:, :3] + 0.5 * RNG.normal(size=(M, 3)), axis=1)
TEXTS = np.array(["a", "b", "c"])[CLASSES]
VALUES = X[:, 0] * X[:, 1]
WEIGHTS = RNG.uniform(0.5, 2.0, M)
NAMES = list("abcd")
SETTINGS = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
EARLY = {"early_stopping": True, "validation_fraction": 0.4}


@pytest.fixture
def dispatch():
    with sklearn.config_context(array_api_dispatch=True):
        yield


def curves(one):
    return one.validation_scores_, one.validation_loss_curve_


def split(n_outputs, stratify):
    """Return the places that the fits here hold out, as scikit-learn would."""
    rng = np.random.RandomState(0)
    clf = MLPClassifier(**SETTINGS)
    network = describe_network(clf, 4, n_outputs, "squared_error")
    draw_theta(network, drawn_activations(clf), rng)
    options = {"random_state": rng, "test_size": 0.4, "stratify": stratify}
    return train_test_split(np.arange(M), **options)[1]


# ----------------------------------------------------------------------------- they follow X

FORMS = {
    "float64": lambda array: array(X),
    "float32": lambda array: array(X, "float32"),
    "whole numbers": lambda array: array(np.round(4.0 * X), "int32"),
    "NumPy": lambda array: X,
    "NumPy, float32": lambda array: X.astype("float32"),
    "a list": lambda array: X.tolist(),
    "sparse": lambda array: sparse.csr_array(X),
    "sparse, float32": lambda array: sparse.csc_array(X.astype("float32")),
}


@pytest.mark.parametrize(
    ("of_X", "form"),
    [
        *(("float64", form) for form in FORMS),
        ("float32", "float64"),
        ("float32", "NumPy"),
        ("float32", "sparse"),
        ("NumPy", "float64"),
        ("NumPy", "float32"),
        ("sparse", "float32"),
        ("sparse", "whole numbers"),
    ],
)
def test_validation_data_follow_X(array, dispatch, of_X, form):
    given = FORMS[of_X](array)
    reg = MLPRegressor(**SETTINGS).fit(given, VALUES, X_val=FORMS[form](array), y_val=VALUES)
    host = np.asarray(FORMS[form](np.array), float) if "sparse" not in form else X
    other = MLPRegressor(**SETTINGS).fit(X, VALUES, X_val=host, y_val=VALUES)
    rtol = 1e-5 if "float32" in (of_X, form[-7:]) else 1e-11
    for found, expected in zip(curves(reg), curves(other), strict=True):
        np.testing.assert_allclose(found, expected, rtol=rtol)


def test_validation_data_follow_X_to_its_device(dispatch):
    strict = pytest.importorskip("array_api_strict")
    here, there = (
        strict.asarray(X, device=strict.Device(name)) for name in ("CPU_DEVICE", "device1")
    )
    host = MLPRegressor(**SETTINGS).fit(X, VALUES, X_val=X, y_val=VALUES)
    for given, validation in ((here, there), (there, here)):
        reg = MLPRegressor(**SETTINGS).fit(given, VALUES, X_val=validation, y_val=VALUES)
        assert reg.coefs_[0].device == given.device
        for found, expected in zip(curves(reg), curves(host), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.once
def test_validation_data_of_frames_follow_X():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=NAMES)
    one = MLPClassifier(**SETTINGS).fit(frame, TEXTS, X_val=frame, y_val=list(TEXTS))
    other = MLPClassifier(**SETTINGS).fit(X, TEXTS, X_val=X, y_val=TEXTS)
    assert curves(one) == curves(other)
    with pytest.raises(ValueError, match="X_val, y_val: The feature names should match"):
        MLPClassifier(**SETTINGS).fit(frame, TEXTS, X_val=frame[NAMES[::-1]], y_val=TEXTS)


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "X_val", "y_val", "message"),
    [
        (MLPRegressor, X[:, :2], VALUES, "X has 2 features, but MLPRegressor is expecting 4"),
        (MLPRegressor, X[:5], VALUES, "inconsistent numbers of samples"),
        (MLPRegressor, X * np.nan, VALUES, "Input X contains NaN"),
        (MLPRegressor, X[0], VALUES, "Expected 2D array, got 1D array"),
        (MLPRegressor, X[:0], VALUES[:0], "0 sample"),
        (MLPRegressor, X, np.full(M, np.inf), "Input y contains"),
        (MLPRegressor, np.ma.masked_greater(X, 1.0), VALUES, "X: found a masked array"),
        (MLPRegressor, X, np.ma.masked_greater(VALUES, 1.0), "y: found a masked array"),
        (MLPClassifier, X, CLASSES + 1, "`y` has classes not in `self.classes_`"),
        (MLPClassifier, X, TEXTS, "`y` has classes not in"),
    ],
)
def test_validation_data_that_do_not_fit_are_named(kind, X_val, y_val, message):
    y = CLASSES if kind is MLPClassifier else VALUES
    with pytest.raises((ValueError, TypeError), match=f"^X_val, y_val: .*{message}"):
        kind(**SETTINGS).fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.once
def test_validation_targets_of_more_columns_are_named():
    with pytest.raises(ValueError, match="y_val: found 2 columns, expected 1, as y has"):
        MLPRegressor(**SETTINGS).fit(X, VALUES, X_val=X, y_val=X[:, :2])


# ----------------------------------------------------------------------------- weights


@pytest.mark.once
@pytest.mark.parametrize("scoring", [None, "loss", "neg_mean_absolute_error"])
@pytest.mark.parametrize("part", ["held out", "trained on"])
def test_weights_that_are_all_zero_in_a_part_are_refused(part, scoring):
    """As scikit-learn does for what is held out; it divides by 0 for what is trained on."""
    held = np.isin(np.arange(M), split(1, None))
    weights = (~held if part == "held out" else held).astype(float)
    with pytest.raises(ValueError, match=f"at least one non-zero number. Those of .* {part} are"):
        MLPRegressor(**SETTINGS | EARLY, scoring=scoring).fit(X, VALUES, weights)
    weights[np.flatnonzero(weights == 0.0)[:2]] = 1.0
    MLPRegressor(**SETTINGS | EARLY, scoring=scoring).fit(X, VALUES, weights)


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "y", "scoring", "metric"),
    [
        (MLPClassifier, CLASSES, "accuracy", None),
        (MLPClassifier, CLASSES, "f1_macro", None),
        (MLPClassifier, TEXTS, "neg_log_loss", None),
        (MLPRegressor, VALUES, "r2", None),
        (MLPRegressor, VALUES, "neg_mean_absolute_error", mean_absolute_error),
        (MLPRegressor, VALUES, make_scorer(mean_absolute_error), mean_absolute_error),
    ],
)
def test_scorers_are_handed_the_weights_of_what_is_held_out(kind, y, scoring, metric):
    one = kind(**SETTINGS | EARLY | {"max_iter": 1, "scoring": scoring}).fit(X, y, WEIGHTS)
    clf = kind is MLPClassifier
    held = split(3 if clf else 1, None)
    scorer = get_scorer(scoring)
    assert one.validation_scores_ == [
        pytest.approx(scorer(one, X[held], y[held], sample_weight=WEIGHTS[held]), rel=1e-12)
    ]
    if metric is not None:
        plain = abs(metric(y[held], one.predict(X[held])))
        assert abs(one.validation_scores_[0]) != pytest.approx(plain, rel=1e-6)


@pytest.mark.once
@pytest.mark.parametrize(
    "scoring",
    [
        "neg_max_error",
        make_scorer(max_error, greater_is_better=False),
        lambda reg, X, y: -max_error(y, reg.predict(X)),
    ],
    ids=["name", "scorer", "function"],
)
def test_scorers_that_take_no_weights_are_handed_none(scoring):
    options = SETTINGS | EARLY | {"max_iter": 1, "scoring": scoring}
    reg = MLPRegressor(**options).fit(X, VALUES, WEIGHTS)
    held = split(1, None)
    expected = -np.max(np.abs(VALUES[held] - reg.predict(X[held])))
    assert reg.validation_scores_ == [pytest.approx(expected, rel=1e-12)]


# ----------------------------------------------------------------------------- scorers


@pytest.mark.parametrize(
    ("scoring", "y"),
    [
        ("f1_macro", CLASSES),
        ("f1_macro", TEXTS),
        ("roc_auc_ovr", CLASSES),
        ("neg_log_loss", CLASSES),
        ("roc_auc", CLASSES == 1),
        ("average_precision", (CLASSES == 1).astype(int)),
        ("neg_median_absolute_error", VALUES),
        ("neg_mean_squared_error", X[:, :2]),
        (lambda one, X, y: float(f1_score(y, one.predict(X), average="macro")), CLASSES),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_scorers_judge_arrays_of_every_library(array, library, dispatch, scoring, y):
    kind = MLPRegressor if y.dtype.kind == "f" else MLPClassifier
    given = y if y.dtype.kind == "U" else array(y)
    options = SETTINGS | EARLY | {"scoring": scoring}
    if library.value == "dask":  # a scorer is handed all data, here
        with pytest.raises(ValueError, match=r"^scoring: found .* with X on Dask, .*expected None"):
            kind(**options).fit(array(X), given)
        return
    host = kind(**options).fit(X, y)
    ours = kind(**options).fit(array(X), given)
    assert ours.validation_scores_ == pytest.approx(host.validation_scores_, rel=1e-9)


def test_a_scorer_sees_all_on_the_host(array, library, dispatch):
    """Also the estimator, which it may ask for anything."""
    if library.value == "dask":
        pytest.skip("scorers are refused with X on Dask")

    def scorer(one, X, y):
        found = (X, y, one.coefs_[0], one.classes_, one.predict(X), one.predict_proba(X))
        assert {type(x) for x in found} == {np.ndarray}
        assert one.n_iter_ == len(one.loss_curve_)
        return 0.5

    clf = MLPClassifier(**SETTINGS | EARLY, scoring=scorer).fit(array(X), array(CLASSES))
    assert clf.validation_scores_ == [0.5] * 3
    assert type(clf.coefs_[0]) is type(array(X))


@pytest.mark.once
@pytest.mark.parametrize("frames", ["pandas", "polars"])
def test_a_scorer_is_handed_the_frame(frames):
    frame = pytest.importorskip(frames).DataFrame(dict(zip(NAMES, X.T, strict=True)))

    def scorer(one, X, y):
        assert type(X) is type(frame)
        np.testing.assert_array_equal(one.predict(X).shape, y.shape)
        seen.append(np.asarray(X["b"]))
        return float(seen[-1].mean())

    for scoring in (scorer, "f1_macro"):
        seen: list = []
        options = SETTINGS | EARLY | {"scoring": scoring}
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
            warnings.simplefilter("ignore", sklearn.exceptions.UndefinedMetricWarning)
            MLPClassifier(**options).fit(frame, CLASSES)
            MLPClassifier(**options).fit(frame, CLASSES, X_val=frame, y_val=CLASSES)
    held = X[split(3, None)]
    MLPClassifier(**SETTINGS | EARLY, scoring=scorer).fit(frame, CLASSES)
    np.testing.assert_array_equal(seen[0], held[:, 1])


@pytest.mark.once
def test_names_that_validation_data_lack_are_missed_once():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=NAMES)
    with pytest.warns(UserWarning, match="X does not have valid feature names") as seen:
        MLPClassifier(**SETTINGS, scoring="accuracy").fit(frame, CLASSES, X_val=X, y_val=CLASSES)
    assert sum("feature names" in str(one.message) for one in seen) == 1


@pytest.mark.once
@pytest.mark.parametrize("score", [None, "good", {"f1": 0.5}, [0.5, 0.5], np.ones(3)], ids=str)
def test_scores_that_are_no_numbers_are_refused(score):
    clf = MLPClassifier(**SETTINGS | EARLY, scoring=lambda one, X, y: score)
    with pytest.raises(ValueError, match=r"scoring: found a score of .* expected a number"):
        clf.fit(X, CLASSES)
