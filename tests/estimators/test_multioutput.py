"""Several choices at once: as scikit-learn's forests tell of them, learnt by one network."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils.class_weight import compute_sample_weight

from dnn_xp.estimators import MLPClassifier
from dnn_xp.estimators.labels import Labels
from dnn_xp.estimators.multioutput import labels_of_classes, learn_labels
from dnn_xp.training import lbfgs
from tests.helpers import assert_close, assert_values

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4))
ANIMALS = np.array(["ape", "bee", "cow"])[np.argmax(X[:, :3], axis=1)]
SIZES = np.array(["large", "small"])[(X[:, 3] > 0).astype(int)]
Y = np.stack([ANIMALS, SIZES], axis=1)
NUMBERS = np.stack([np.argmax(X[:, :3], axis=1) * 10, (X[:, 3] > 0) + 5], axis=1)

# ----------------------------------------------------------------------------- labels


def test_a_group_of_outputs_for_each_column():
    labels = learn_labels(Y[:4])
    assert labels.kind == "multiclass-multioutput"
    targets = labels.encode(np.array([["cow", "small"], ["bee", "large"]]))
    known = labels.known[0].tolist() + labels.known[1].tolist()
    for example, (animal, size) in enumerate([("cow", "small"), ("bee", "large")]):
        chosen = [label for label, one in zip(known, targets[:, example], strict=True) if one]
        assert chosen == [animal, size]


def test_labels_come_back(array):
    """Numbers beside the outputs, texts on the host."""
    for y in (Y, NUMBERS):
        labels = learn_labels(y)
        A = array(labels.encode(y) * 0.5)
        if y is NUMBERS:
            assert_values(labels.decode(A), y)
        else:
            np.testing.assert_array_equal(labels.decode(A), y)
            assert isinstance(labels.decode(A), np.ndarray)


def test_the_score_of_a_class_is_its_logit(array):
    labels, Z = learn_labels(NUMBERS), array(np.zeros((5, 3)))
    desired = np.zeros((5, 3))
    desired[4] = 1.0  # three classes come before
    assert_close(labels.logit_gradient(Z, (1, 6)), array(desired))
    for output, message in [
        (None, r"output: found None, expected a pair: a column from 0 to 1 and"),
        ((2, 6), r"output: found \(2, 6\), expected a pair"),
        ((1, 7), r"output: found \(1, 7\), expected one of \[5, 6\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            labels.logit_gradient(Z, output)


def test_estimator_multioutput_what_is_unknown_and_what_is_missing():
    labels = learn_labels(Y)
    other = np.array([["ape", "small"], ["dog", "small"]])
    assert labels.unknown(other) == ["dog"]
    assert labels.missing(other) == ["bee", "cow", "large"]
    with pytest.raises(ValueError, match=r"y: found shape \(2, 3\), expected \(m, 2\)"):
        labels.unknown(np.zeros((2, 3)))


def test_what_classes_tell():
    several = [["b", "a"], ["x", "y", "z"]]
    labels = labels_of_classes(several, Y[:1])
    assert [one.tolist() for one in labels.known] == [["a", "b"], ["x", "y", "z"]]
    assert labels.are(several)
    assert labels.are([["a", "b"], ["x", "y", "z"]])
    assert not labels.are([["a", "b"], ["x", "y"]])
    assert not labels.are([["a", "b"]])
    assert not labels.are(["a", "b"])
    assert isinstance(labels_of_classes(["a", "b"], ["a"]), Labels)
    assert labels_of_classes(None, [[0, 1, 1]]).kind == "multilabel-indicator"
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        labels_of_classes(None, ["a"])


# ----------------------------------------------------------------------------- the classifier


def fitted(y=Y, **parameters):
    return MLPClassifier((10,), random_state=0, **{"max_iter": 40} | parameters).fit(X, y)


def test_it_tells_as_forests_do():
    ours, forest = fitted(), RandomForestClassifier(2, random_state=0).fit(X, Y)
    assert isinstance(ours.classes_, list)
    for one, other in zip(ours.classes_, forest.classes_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert ours.predict(X).shape == forest.predict(X).shape
    assert ours.predict(X).dtype == Y.dtype
    for method in ("predict_proba", "predict_log_proba"):
        for one, other in zip(getattr(ours, method)(X), forest.predict_proba(X), strict=True):
            assert one.shape == other.shape


def test_probabilities_are_those_of_each_choice():
    clf = fitted()
    for column, (p, log_p) in enumerate(
        zip(clf.predict_proba(X), clf.predict_log_proba(X), strict=True)
    ):
        np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-14)
        np.testing.assert_allclose(np.exp(log_p), p, rtol=1e-13)
        chosen = clf.classes_[column][p.argmax(axis=1)]
        np.testing.assert_array_equal(chosen, clf.predict(X)[:, column])


def test_without_hidden_units_it_is_a_logistic_regression_for_each_column():
    """A linear network shares nothing between columns, so theirs is the same minimum."""
    clf = MLPClassifier((), solver="lbfgs", alpha=1.0, tol=1e-8, max_iter=1000, random_state=0)
    found = clf.fit(X, Y).predict_proba(X)
    for one, y in zip(found, Y.T, strict=True):
        # Two outputs share the difference that is penalized, each with half of it.
        C = 1.0 if len(set(y)) > 2 else 2.0
        single = LogisticRegression(C=C, tol=1e-8, max_iter=1000).fit(X, y)
        # The cost falls by 2e-9 in the last step: of parameters, the root of that counts.
        np.testing.assert_allclose(one, single.predict_proba(X), atol=1e-4)


def test_the_score_is_that_of_all_columns_right():
    clf = fitted(max_iter=5)
    several = MultiOutputClassifier(clf).fit(X, Y)
    several.predict = clf.predict
    assert 0.0 < clf.score(X, Y) < 1.0
    assert clf.score(X, Y) == several.score(X, Y)
    right = (clf.predict(X) == Y).all(axis=1)
    weights = np.where(right, 3.0, 1.0)
    assert clf.score(X, Y, weights) == pytest.approx(
        3 * right.sum() / (3 * right.sum() + (~right).sum())
    )


def test_it_stops_early_by_that_score():
    clf = fitted(early_stopping=True, max_iter=15)
    m = 15 * np.asarray(clf.validation_scores_)  # a tenth of the data is held out
    np.testing.assert_allclose(m, m.round(), atol=1e-12)
    assert 0 < m.max() <= 15
    given = MLPClassifier((10,), random_state=0, max_iter=3)
    given.fit(X, Y, X_val=X, y_val=Y)
    assert given.validation_scores_[-1] == given.score(X, Y)


def test_parts_of_the_data():
    """A part may lack classes, and look like labels: the columns are known by `classes`."""
    classes = [[0, 10, 20], [5, 6]]
    clf = MLPClassifier((10,), random_state=0)
    clf.partial_fit(X[:20], np.tile([0, 5], (20, 1)), classes=classes)
    clf.partial_fit(X, NUMBERS)
    assert [one.shape[1] for one in clf.predict_proba(X)] == [3, 2]
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        clf.partial_fit(X, NUMBERS, classes=[[0, 10], [5, 6]])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        clf.partial_fit(X, NUMBERS + 1)


def test_a_warm_start_has_the_same_classes():
    clf = fitted(warm_start=True, max_iter=3)
    before = clf.coefs_[0]
    clf.fit(X, Y)
    assert not np.array_equal(clf.coefs_[0], before)
    for other in (np.where(Y == "ape", "dog", Y), np.where(Y == "ape", "bee", Y)):
        with pytest.raises(ValueError, match="warm_start can only be used where"):
            clf.fit(X, other)


@pytest.mark.parametrize(
    "given", ["balanced", [{"ape": 5.0}, {"large": 0.5, "small": 2.0}], [{"bee": 0}, "balanced"]]
)
def test_class_weights_of_the_columns_are_multiplied(given):
    """As scikit-learn multiplies them."""
    found = fitted(max_iter=2, class_weight=given)._class_weights(learn_labels(Y).encode(Y))
    options = [{}, {}] if isinstance(given, str) else given
    factors = [
        compute_sample_weight(one if isinstance(one, str) else {**dict.fromkeys(y, 1.0), **one}, y)
        for one, y in zip([given] * 2 if isinstance(given, str) else options, Y.T, strict=True)
    ]
    np.testing.assert_allclose(found, factors[0] * factors[1], rtol=1e-13)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ape": 1.0}, r"class_weight: found \{'ape': 1.0\}, expected 'balanced' or a list of 2"),
        ([{}], r"class_weight: found \[\{\}\], expected 'balanced' or a list of 2"),
        ([{"large": 1.0}, {}], r"class_weight: found 'large', expected one of \['ape', 'bee', "),
    ],
)
def test_class_weights_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        fitted(class_weight=given)


def test_it_is_one_network_of_one_cost():
    """Its fit is that of `lbfgs` with that cost, started where it starts."""
    labels = learn_labels(Y)
    options = {"solver": "lbfgs", "max_iter": 1, "random_state": 0, "warm_start": True}
    clf = MLPClassifier((5,), "tanh", **options).fit(X, Y)
    network = clf._network
    assert network.cost == ("grouped_softmax_cross_entropy", 3, 2)
    more = clone(clf).set_params(max_iter=20).fit(X, Y)
    run = lbfgs(
        network,
        X.T,
        labels.encode(Y),
        l2=1e-4 / 150,
        max_iter=19,
        tolerance=1e-4,
        state=clf._lbfgs_state,
    )
    assert_values(more.coefs_[0], network.unpack(run.theta)["W1"].T, rtol=1e-10)


def test_on_every_library(array, library):
    """Everything follows X; classes follow y."""
    with sklearn.config_context(array_api_dispatch=True):
        clf = MLPClassifier((5,), max_iter=2, random_state=0, early_stopping=True)
        clf.fit(array(X), array(NUMBERS))
        probabilities = clf.predict_proba(array(X))
        host = clone(clf).fit(X, NUMBERS)
        for one, other in zip(probabilities, host.predict_proba(X), strict=True):
            assert_close(one, array(other), rtol=1e-10)
        assert_values(clf.predict(array(X)), host.predict(X))
        for one, other in zip(clf.classes_, host.classes_, strict=True):
            assert_values(one, other)
        assert clf.score(array(X), array(NUMBERS)) == host.score(X, NUMBERS)
