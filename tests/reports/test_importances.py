"""Importances of features as bars."""

import numpy as np
import pytest

from dnn_xp.reports import importance_bars
from tests.reports.readable import assert_readable


def test_the_largest_is_on_top_with_its_spread():
    figure = importance_bars([0.1, 0.5, -0.2], [0.01, 0.05, 0.02], ["age", "bmi", "sex"])
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.1, -0.2]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["bmi", "age", "sex"]
    bottom, top = axes.get_ylim()
    assert top < bottom, "the first is on top"
    spreads = axes.collections[0].get_segments()
    np.testing.assert_allclose(spreads[0][:, 0], [0.45, 0.55])
    assert figure.get_suptitle() == "importances of the features, with a standard deviation"
    assert_readable(figure)


@pytest.mark.parametrize("n", [1, 2, 30, 31, 400])
def test_any_number_of_features(n):
    figure = importance_bars(np.arange(n), title="cars")
    assert len(figure.axes[0].patches) == min(n, 30)
    assert ("largest of" in figure.get_suptitle()) == (n > 30)
    assert_readable(figure)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([],), "importances"),
        (([[1.0]],), "importances"),
        (([1.0], [1.0, 2.0]), "spread"),
        (([1.0], None, ["a", "b"]), "names"),
    ],
)
def test_what_does_not_belong_together_is_refused(arguments, named):
    with pytest.raises(ValueError, match=f"^{named}: found"):
        importance_bars(*arguments)
