"""Decision boundaries: shades, lines and examples of two features."""

import numpy as np
import pytest

from dnn_xp.reports import decision_boundary
from tests.reports.readable import assert_readable, words_of


def left_or_right(X):
    return 1.0 / (1.0 + np.exp(-5.0 * X[:1]))


def test_the_boundary_lies_where_two_classes_are_as_probable():
    X, y = np.asarray([[-1.0, 1.0, 1.0], [0.0, 1.0, 0.5]]), np.asarray([0, 1, 1])
    figure = decision_boundary(
        left_or_right, X, y, ["left", "right"], features=("width", "height"), title="two"
    )
    axes = figure.axes[0]
    lines = [path.vertices for one in axes.collections[:2] for path in one.get_paths()]
    assert all(np.allclose(line[:, 0], 0.0, atol=0.01) for line in lines if len(line))
    examples = axes.collections[2:]
    np.testing.assert_array_equal(examples[0].get_offsets(), [[-1.0, 0.0]])
    np.testing.assert_array_equal(examples[1].get_offsets(), [[1.0, 1.0], [1.0, 0.5]])
    assert words_of(axes.get_legend()) == ["left", "right"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("width", "height")
    assert_readable(figure)


@pytest.mark.parametrize("n_classes", [2, 3, 9])
@pytest.mark.parametrize("m", [1, 3000])
def test_boundaries_of_several_classes(n_classes, m):
    rng = np.random.default_rng(0)
    W = rng.normal(size=(n_classes, 2))

    def predict(X):
        scores = np.exp(W @ X)
        return scores / scores.sum(axis=0)

    X, y = rng.normal(size=(2, m)), rng.integers(n_classes, size=m)
    figure = decision_boundary(predict, X, y)
    assert len(figure.axes[0].get_legend().get_texts()) == len(set(y))
    assert_readable(figure)


@pytest.mark.parametrize(
    ("X", "y", "named"),
    [
        (np.ones((3, 4)), np.zeros(4), "X"),
        (np.ones((2, 0)), np.zeros(0), "X"),
        (np.ones(2), np.zeros(2), "X"),
        (np.ones((2, 4)), np.zeros(3), "y"),
    ],
)
def test_two_features_and_a_class_for_each_example_are_needed(X, y, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        decision_boundary(left_or_right, X, y)
