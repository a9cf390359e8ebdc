"""MLPClassifier: classes, probabilities, weights of classes."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn import neural_network
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from dnn_xp.estimators import MLPClassifier

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

RNG = np.random.default_rng(0)
M = 60
X = RNG.normal(size=(M, 4))
THREE = np.argmax(X[:, :3] + 0.5 * RNG.normal(size=(M, 3)), axis=1)
TARGETS = {
    "binary": (THREE > 0).astype(int),
    "multiclass": THREE,
    "multilabel": (X[:, :3] > 0.3).astype(int),
}
SETTINGS = {
    "hidden_layer_sizes": (6,),
    "random_state": 0,
    "max_iter": 20,
    "learning_rate_init": 0.02,
}
FULL = {"batch_size": M, "shuffle": False, "n_iter_no_change": 99}
STILL = {"learning_rate_init": 1e-300, "solver": "sgd", "max_iter": 1, "alpha": 0.0}


@pytest.fixture(params=TARGETS)
def y(request):
    return TARGETS[request.param]


# ----------------------------------------------------------------------------- predictions


def test_estimator_classifier_predictions_are_scikit_learns(y):
    ours, theirs = (
        kind(**SETTINGS).fit(X, y) for kind in (MLPClassifier, neural_network.MLPClassifier)
    )
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-10)
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-10)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.score(X, y) == theirs.score(X, y)
    weights = RNG.uniform(size=M)
    assert ours.score(X, y, weights) == pytest.approx(theirs.score(X, y, weights), rel=1e-14)


@pytest.mark.parametrize(
    "names", [["no", "yes"], ["ape", "bee", "cow"], [-1.0, 1.0], [False, True]]
)
@pytest.mark.parametrize("form", [np.array, list])
def test_labels_of_any_kind(names, form):
    places = THREE % len(names)
    y = form([names[place] for place in places])
    clf = MLPClassifier(**SETTINGS).fit(X, y)
    np.testing.assert_array_equal(clf.classes_, names)
    plain = MLPClassifier(**SETTINGS).fit(X, places)
    np.testing.assert_array_equal(clf.predict(X), np.array(names)[plain.predict(X)])
    assert clf.score(X, y) == plain.score(X, places)


def test_one_class_only():
    clf = MLPClassifier(**SETTINGS).fit(X, np.full(M, 7))
    np.testing.assert_array_equal(clf.predict(X), np.full(M, 7))


def test_labels_that_are_sparse():
    """As scikit-learn's transformers may give them."""
    sparse = pytest.importorskip("scipy.sparse")
    y = TARGETS["multilabel"]
    one, other = (MLPClassifier(**SETTINGS).fit(X, given) for given in (sparse.csr_array(y), y))
    assert one.loss_curve_ == other.loss_curve_


def extreme(y, factor):
    """Return a classifier whose probabilities round to 0 and 1, and the largest logits."""
    clf = MLPClassifier(**SETTINGS).fit(X, y)
    clf.coefs_[-1] = clf.coefs_[-1] * factor
    return clf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logarithms_stay_finite_where_probabilities_round(y, dtype):
    """scikit-learn has the logarithm of 0 there, and 1 - p that has lost its digits."""
    clf = extreme(y, 1e4)
    P, logarithms = clf.predict_proba(X.astype(dtype)), clf.predict_log_proba(X.astype(dtype))
    assert (P == 0.0).any()
    assert np.isfinite(logarithms).all()
    assert logarithms.min() < -1e3
    normal = np.finfo(P.dtype).smallest_normal < P
    np.testing.assert_array_equal(logarithms[normal], np.log(P[normal]))
    some = normal.any(axis=1)  # of several labels, all may be 0
    np.testing.assert_array_equal(P[some].argmax(axis=1), logarithms[some].argmax(axis=1))


def test_both_probabilities_of_two_classes_are_exact():
    """The smaller one too, which 1 - p is not: they are each other's at the opposite logit."""
    clf = extreme(TARGETS["binary"], 30.0)
    P = clf.predict_proba(X)
    clf.coefs_[-1], clf.intercepts_[-1] = -clf.coefs_[-1], -clf.intercepts_[-1]
    np.testing.assert_array_equal(clf.predict_proba(X), P[:, ::-1])
    assert (P.min(axis=1) < 1e-16).any()
    np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=4e-16)


# ----------------------------------------------------------------------------- classes


@pytest.mark.parametrize("classes", [None, [0, 1]])
def test_first_classes_have_to_be_given(classes):
    with pytest.raises(ValueError, match=r"classes must be passed on|has classes not in"):
        MLPClassifier(**SETTINGS).partial_fit(X, THREE, classes=classes)


def test_classes_that_come_later():
    clf = MLPClassifier(**SETTINGS).partial_fit(X[THREE < 2], THREE[THREE < 2], classes=[2, 0, 1])
    clf.partial_fit(X[THREE == 2], THREE[THREE == 2]).partial_fit(X, THREE, classes=[0, 1, 2])
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])
    assert clf.predict_proba(X).shape == (M, 3)
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit, was"):
        clf.partial_fit(X, THREE, classes=[0, 1, 3])
    with pytest.raises(ValueError, match="`y` has classes not in"):
        clf.partial_fit(X, THREE + 1)


def test_a_fit_may_have_other_classes_but_not_a_warm_one():
    clf = MLPClassifier(**SETTINGS).fit(X, THREE)
    np.testing.assert_array_equal(clf.fit(X, THREE + 5).classes_, [5, 6, 7])
    clf.set_params(warm_start=True)
    for other in (THREE, np.minimum(THREE, 1) + 5):
        with pytest.raises(ValueError, match=r"warm_start can only be used where `y` has the same"):
            clf.fit(X, other)


def test_numbers_are_no_classes():
    with pytest.raises(ValueError, match="Unknown label type"):
        MLPClassifier(**SETTINGS).fit(X, X[:, 0])


# ----------------------------------------------------------------------------- losses


def test_the_loss_is_the_log_loss(y):
    """Of the network as it begins, which no step moves."""
    clf = MLPClassifier(**SETTINGS | FULL | STILL).fit(X, y)
    P = clf.predict_proba(X)
    several = [log_loss(*pair) for pair in zip(y.T, P.T, strict=True)] if y.ndim == 2 else []
    assert clf.loss_ == pytest.approx(sum(several) or log_loss(y, P), rel=1e-12)


def test_smoothed_labels(y):
    """Of 0.9 and a tenth that all classes share."""
    clf = MLPClassifier(**SETTINGS | FULL | STILL, label_smoothing=0.1).fit(X, y)
    P = clf.predict_proba(X)
    if y.ndim == 1:
        n_classes = P.shape[1]
        targets = 0.9 * np.eye(n_classes)[y] + 0.1 / n_classes
        expected = -(targets * np.log(P)).sum(axis=1).mean()
    else:
        targets = 0.9 * y + 0.05
        expected = -(targets * np.log(P) + (1 - targets) * np.log(1 - P)).sum(axis=1).mean()
    assert clf.loss_ == pytest.approx(expected, rel=1e-12)


# ----------------------------------------------------------------------------- weights


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("target", ["binary", "multiclass"])
@pytest.mark.parametrize("given", ["balanced", {1: 5.0}, {0: 0.5, 1: 2.0}])
def test_weights_of_classes_are_weights_of_their_examples(solver, target, given):
    y = TARGETS[target]
    options = SETTINGS | FULL | {"solver": solver, "alpha": 0.0}
    weights = compute_sample_weight(given, y)
    ours = MLPClassifier(**options, class_weight=given).fit(X, y)
    theirs = neural_network.MLPClassifier(**options).fit(X, y, weights)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-8)
    plain = MLPClassifier(**options).fit(X, y)
    assert abs(ours.loss_ / plain.loss_ - 1.0) > 1e-3


def test_both_weights_count():
    y, own = TARGETS["multiclass"], RNG.uniform(0.5, 2.0, M)
    options = SETTINGS | FULL | {"alpha": 0.0}
    ours = MLPClassifier(**options, class_weight="balanced").fit(X, y, own)
    weights = own * compute_sample_weight("balanced", y)
    theirs = neural_network.MLPClassifier(**options).fit(X, y, weights)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-10)


def test_weights_by_class_have_the_labels_names():
    names = np.array(["ape", "bee", "cow"])[THREE]
    one = MLPClassifier(**SETTINGS, class_weight={"bee": 3.0}).fit(X, names)
    other = MLPClassifier(**SETTINGS, class_weight={1: 3.0}).fit(X, THREE)
    assert one.loss_curve_ == other.loss_curve_
    with pytest.raises(ValueError, match="class_weight: found 'dog', expected one of"):
        MLPClassifier(**SETTINGS, class_weight={"dog": 3.0}).fit(X, names)


def test_small_batches_keep_the_weights_of_classes():
    """Also those of one example, where a weight within its batch would be none."""
    options = SETTINGS | {"batch_size": 1, "max_iter": 1, "alpha": 0.0, "solver": "sgd"}
    options |= {"momentum": 0.0, "shuffle": False}
    y, rate = TARGETS["binary"], 1e-6  # so short a way that gradients stay what they are

    def moved(rate, weights):
        options["learning_rate_init"] = rate
        return MLPClassifier(**options, class_weight=weights).fit(X, y).coefs_[0]

    start = moved(1e-300, None)
    found = moved(rate, {0: 1.0, 1: 3.0}) - start
    # Weights count by their mean: first those of one class alone, then all.
    alone = [(moved(rate, {k: 1.0, 1 - k: 0.0}) - start) * np.mean(y == k) for k in (0, 1)]
    expected = (alone[0] + 3.0 * alone[1]) / np.mean(1.0 + 2.0 * y)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(found).max())


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"ape": -1.0}, "class_weight: found -1.0 for 'ape', expected a number from 0 on"),
        ({"ape": np.nan}, "class_weight: found nan for 'ape'"),
        ({"bee": np.inf}, "class_weight: found inf for 'bee'"),
        ({"bee": "1"}, "class_weight: found '1' for 'bee'"),
        ({"bee": None}, "class_weight: found None for 'bee'"),
        (
            {"ape": 0, "bee": 0, "cat": 0},
            "class_weight: found .* all examples 0, expected one abov",
        ),
        (["loud"], "class_weight: found 'loud', expected 'balanced', a dict or None"),
        ([3], "class_weight: found 3, expected 'balanced', a dict or None"),
        ([{}, {}], "class_weight: found .* a list of 1, one a column of y"),
    ],
)
def test_class_weights_that_mean_nothing_are_refused(solver, weights, message):
    names = np.array(["ape", "bee", "cat"])[THREE]
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**SETTINGS | {"solver": solver}, class_weight=weights).fit(X, names)


def test_class_weights_and_weights_of_examples_may_not_leave_nothing():
    weights = (THREE != 0).astype(float)
    clf = MLPClassifier(**SETTINGS, class_weight={1: 0.0, 2: 0.0})
    with pytest.raises(
        ValueError, match=r"class_weight: found .* makes the weights of all examples"
    ):
        clf.fit(X, THREE, weights)
    clf.set_params(class_weight=[None]).fit(X, THREE, weights)
