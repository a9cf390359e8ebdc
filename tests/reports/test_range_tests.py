"""Curves of range tests: the costs, and the point that the proposal comes from."""

import numpy as np

from dnn_xp.reports import learning_rate_curve
from dnn_xp.training.range_test import RangeTest
from tests.reports.readable import assert_readable


def test_a_range_test_shows_costs_and_what_is_proposed(tmp_path):
    rates = list(np.geomspace(1e-6, 1.0, 7))
    costs, smoothed = [2.0, 2.1, 1.8, 1.5, 1.0, 0.4, 99.0], [2.0, 2.1, 2.0, 1.7, 1.4, 1.0, 9.0]
    figure = learning_rate_curve(RangeTest(rates, costs, smoothed, 0.01))
    (axes,) = figure.axes
    dots, line, lowest, proposed = axes.lines
    for one, values in ((dots, costs), (line, smoothed)):
        np.testing.assert_array_equal(one.get_xdata(), rates)
        np.testing.assert_array_equal(one.get_ydata(), values)
    assert set(proposed.get_xdata()) == {0.01}
    assert (lowest.get_xdata(), lowest.get_ydata()) == ([rates[5]], [1.0])
    assert axes.get_xscale() == "log"
    bottom, top = axes.get_ylim()
    assert bottom < 0.4 < 2.1 < top < 9.0, "all can be seen but what blows up"
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "learning rate (log scale)",
        "cost of a batch",
    )
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == [
        "each step",
        "smoothed",
        "lowest: 0.1",
        "proposed, a quarter of it: 0.01",
    ]
    assert_readable(figure)
    figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 0
