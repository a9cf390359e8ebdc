"""Labels: the outputs that stand for them, by scikit-learn's own binarizer and by hand."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.preprocessing import LabelBinarizer

from dnn_xp import backends
from dnn_xp.estimators.labels import Labels
from tests.helpers import assert_close, assert_values

RNG = np.random.default_rng(0)
TARGETS = {
    "binary": np.array([3, 8, 8, 3, 8]),
    "multiclass": np.array([7, -1, 2, 2, 7]),
    "multilabel-indicator": np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1]]),
}
TEXTS = np.array(["cow", "ape", "bee", "ape", "cow"])


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_are_those_of_scikit_learn(kind):
    y = TARGETS[kind]
    labels, theirs = Labels(y), LabelBinarizer().fit(y)
    assert labels.kind == kind
    assert labels.exclude_each_other is (kind == "multiclass")
    np.testing.assert_array_equal(labels.classes, theirs.classes_)
    targets = labels.encode(y)
    assert targets.dtype == np.bool_  # so that float32 costs stay float32
    np.testing.assert_array_equal(targets, theirs.transform(y).T)


@pytest.mark.parametrize("kind", TARGETS)
def test_outputs_stand_for_the_labels_that_scikit_learn_reads(array, kind):
    """Also at a half, where an output does not tell, and between equals, where the first wins."""
    y = TARGETS[kind]
    labels, theirs = Labels(y), LabelBinarizer().fit(y)
    A = RNG.choice([0.2, 0.5, 0.8], size=(labels.encode(y).shape[0], 40))
    expected = theirs.inverse_transform(A[0] if len(A) == 1 else A.T)
    found = labels.decode(array(A))
    assert backends.namespace(found) is backends.namespace(array(A))
    assert_values(found, expected)
    assert backends.dtype_name(found.dtype) == expected.dtype.name


@pytest.mark.parametrize("y", [TEXTS, TEXTS[:2], TEXTS.astype(object), TEXTS.tolist()])
def test_texts_are_read_on_the_host(array, y):
    labels = Labels(y)
    found = labels.decode(array(labels.encode(y) * 0.9))
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, y)


@pytest.mark.parametrize("dtype", ["bool", "int64", "float32"])
def test_labels_keep_their_kind(array, xp, device, dtype):
    """Whole numbers, floats, true and false: as NumPy's do, beside the outputs."""
    y = np.array([0, 1, 1], dtype)
    like = array(y)
    labels = Labels(y, like)
    assert_close(labels.classes, array(np.array([0, 1], dtype)))
    found = labels.decode(array([[0.1, 0.9, 0.6]], "float32"))
    assert_close(found, like)


def test_one_class_is_always_the_answer(array):
    labels = Labels(np.array([4, 4, 4]))
    assert labels.encode(np.array([4, 4])).shape == (1, 2)
    assert_values(labels.decode(array([[0.1, 0.9]])), [4, 4])
    np.testing.assert_array_equal(Labels(["a", "a"]).decode(array([[0.1, 0.9]])), ["a", "a"])


def test_classes_stay_on_the_host_without_an_array(array):
    assert isinstance(Labels(TARGETS["binary"]).classes, np.ndarray)


def test_estimator_labels_what_is_unknown_and_what_is_missing():
    labels = Labels(TARGETS["multiclass"])
    np.testing.assert_array_equal(labels.unknown(np.array([7, 3, 9, 3])), [3, 9])
    np.testing.assert_array_equal(labels.missing(np.array([7, 3, 9, 3])), [-1, 2])
    assert labels.are([2, 7, -1, 2])
    assert not labels.are([2, 7])


def test_choices():
    """One of all classes, one of two, or whether, for each label."""
    sizes = {
        kind: [(c.rows, c.known.tolist()) for c in Labels(TARGETS[kind]).choices]
        for kind in TARGETS
    }
    assert sizes == {
        "binary": [(slice(0, 1), [3, 8])],
        "multiclass": [(slice(0, 3), [-1, 2, 7])],
        "multilabel-indicator": [(slice(row, row + 1), [0, 1]) for row in range(3)],
    }


def test_shares_of_logits(array):
    """A class has its logit; of two the second has the only one, and the first its opposite."""
    Z = array([[2.0, 0.0], [1.0, 3.0], [0.0, 1.0]])
    many, two = Labels(TARGETS["multiclass"]), Labels(TARGETS["binary"])
    assert_values(many.logit_gradient(Z, 7), [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    assert_values(many.logit_gradient(Z), [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    one = array([[2.0, -1.0]])
    assert_values(two.logit_gradient(one, 8), [[1.0, 1.0]])
    assert_values(two.logit_gradient(one, 3), [[-1.0, -1.0]])
    assert_values(two.logit_gradient(one), [[1.0, -1.0]])
    several = Labels(TARGETS["multilabel-indicator"])
    assert_values(several.logit_gradient(Z, 1), [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    for labels, label in ((many, 3), (several, None)):
        with pytest.raises(ValueError, match=f"output: found {label}, expected one of"):
            labels.logit_gradient(Z, label)
