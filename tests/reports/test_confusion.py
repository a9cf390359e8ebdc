"""The confusion matrix as a picture: counts, shares, names."""

import numpy as np
import pytest

from dnn_xp.reports import confusion_heatmap
from dnn_xp.reports.confusion import count_pairs
from tests.reports.readable import assert_readable


def test_counts_stand_in_the_cells_and_shares_are_the_shades():
    figure = confusion_heatmap([[8, 2], [0, 5]], ["cat", "dog"], title="pets")
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.8, 0.2], [0.0, 1.0]])
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "8\n80.0%", (1, 0): "2\n20.0%", (1, 1): "5\n100.0%"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert axes.get_title() == "pets\n13 of 15 right (86.67%)"
    assert_readable(figure)


@pytest.mark.parametrize("n", [1, 2, 12, 13, 26, 300])
def test_any_number_of_classes_can_be_read(n):
    counts = np.diag(np.arange(1, n + 1) * 7) + np.eye(n, k=1)
    figure = confusion_heatmap(counts, [f"a rather long name {i}" for i in range(n)])
    axes = figure.axes[0]
    assert len(axes.get_xticks()) <= 60
    assert bool(axes.texts) == (n <= 25)
    if n <= 60:
        assert_readable(figure)


def test_a_class_without_examples_is_an_empty_row():
    figure = confusion_heatmap([[3, 0], [0, 0]])
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), [[1, 0], [0, 0]])
    assert confusion_heatmap([[0, 0], [0, 0]]).axes[0].get_title() == "no examples"


@pytest.mark.parametrize(
    ("counts", "classes", "named"),
    [
        ([[1, 2]], None, "counts"),
        ([1, 2], None, "counts"),
        (np.zeros((0, 0)), None, "counts"),
        ([[1, -2], [0, 1]], None, "counts"),
        ([[1, np.nan], [0, 1]], None, "counts"),
        ([[1, 2], [0, 1]], ["a"], "classes"),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(counts, classes, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        confusion_heatmap(counts, classes)


def test_pairs_are_counted_with_true_classes_in_rows():
    counts = count_pairs(3, [0, 0, 2, 2, 2], np.asarray([0, 2, 2, 2, 0], dtype=np.uint8))
    np.testing.assert_array_equal(counts, [[1, 0, 1], [0, 0, 0], [1, 0, 2]])
    np.testing.assert_array_equal(count_pairs(2, [], []), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("true", "predicted", "named"),
    [
        ([0, 3], [0, 0], "true"),
        ([0, -1], [0, 0], "true"),
        ([0, 0], [0, 3], "predicted"),
        ([0, 0], [0.0, 1.0], "predicted"),
        ([0, 0], [0], "predicted"),
        ([[0, 0]], [[0, 0]], "true"),
        ([True, False], [0, 0], "true"),
    ],
)
def test_what_is_no_class_is_not_counted(true, predicted, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        count_pairs(3, true, predicted)


def test_pairs_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn")
    true, predicted = np.random.default_rng(0).integers(0, 7, (2, 300))
    expected = sklearn.confusion_matrix(true, predicted, labels=range(7))
    np.testing.assert_array_equal(count_pairs(7, true, predicted), expected)
