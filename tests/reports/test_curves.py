"""Learning curves: a panel for each figure, one run or several, and what is not there."""

import numpy as np
import pytest

from dnn_xp.reports import learning_curve
from tests.reports.readable import assert_readable, words_of

HISTORY = {
    "cost": [2.0, 1.0, 0.5],
    "validation_cost": [2.5, 1.5, 1.2],
    "validation_accuracy": [0.5, 0.8, 0.9],
    "validation_RMSE": [3.0, 2.0, 1.0],
    "learning_rate": [0.1, 0.05, 0.001],
}


@pytest.mark.parametrize(("unit", "first"), [("iterations", 0), ("epochs", 1)])
def test_a_curve_has_its_costs_and_labels(unit, first):
    figure = learning_curve([0.7, 0.5, 0.4], learning_rate=0.0075, unit=unit)
    (axes,) = figure.axes
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), [first, first + 1, first + 2])
    np.testing.assert_array_equal(line.get_ydata(), [0.7, 0.5, 0.4])
    assert (axes.get_xlabel(), axes.get_ylabel()) == (unit, "cost")
    assert axes.get_title() == "Learning rate = 0.0075"
    assert axes.get_legend() is None
    assert_readable(figure)


def test_what_is_held_out_is_another_line_in_colour_and_in_style():
    history = {"cost": [2.0, 1.0], "validation_cost": [2.5, 1.5]}
    (axes,) = learning_curve(history).axes
    training, validation = axes.lines
    np.testing.assert_array_equal(validation.get_ydata(), [2.5, 1.5])
    assert training.get_color() != validation.get_color()
    assert training.get_linestyle() != validation.get_linestyle()
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["training", "held out"]
    assert axes.get_title() == ""


@pytest.mark.parametrize(
    "costs", [[], [0.5], [1e300, float("inf")], [float("nan")], list(np.linspace(3, 0, 2500))]
)
def test_every_history_can_be_drawn(costs, tmp_path):
    figure = learning_curve(costs, learning_rate=1e-5, unit="iterations")
    assert_readable(figure)
    figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 0


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_epochs_are_counted_in_whole_numbers(n):
    (axes,) = learning_curve(list(range(n, 0, -1))).axes
    ticks = axes.get_xticks()
    np.testing.assert_array_equal(ticks, np.round(ticks))


# ----------------------------------------------------------------------------- panels


def test_every_figure_has_a_panel_the_cost_first_and_the_rate_last():
    figure = learning_curve(HISTORY, title="digits: 64-10")
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == [
        "cost",
        "accuracy",
        "RMSE (units of the target)",
        "learning rate (log scale)",
    ]
    assert [axes.get_title() for axes in figure.axes] == ["", "held out", "held out", ""]
    assert figure.get_suptitle() == "digits: 64-10"
    assert_readable(figure)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "top_5_accuracy"])
def test_accuracies_are_in_percent_as_on_the_terminal(name):
    figure = learning_curve({"cost": [1.0], f"validation_{name}": [0.5, 0.75]})
    axes = figure.axes[1]
    assert axes.yaxis.get_major_formatter()(0.5).startswith("50")
    assert axes.yaxis.get_major_formatter()(0.5).endswith("%")


@pytest.mark.parametrize(
    ("name", "values", "scale"),
    [
        ("cost", [1000.0, 1.0, 0.5], "log"),
        ("cost", [1.0, 0.9, 0.5], "linear"),
        ("cost", [49.0, 1.0], "linear"),
        ("cost", [51.0, 1.0], "log"),
        ("cost", [1000.0, 1.0, 0.0], "symlog"),
        ("cost", [1000.0, 1.0, -0.5], "linear"),
        ("cost", [0.0, 0.0], "linear"),
        ("cost", [float("nan")], "linear"),
        ("validation_log_loss", [100.0, 0.1], "log"),
        ("validation_accuracy", [0.001, 0.99], "linear"),
        ("validation_R2", [0.001, 0.99], "linear"),
        ("validation_f1", [0.001, 0.99], "linear"),
    ],
)
def test_the_spread_decides_the_scale_and_the_axis_says_so(name, values, scale):
    axes = learning_curve({name: values}).axes[-1]
    assert axes.get_yscale() == scale
    assert ("log scale" in axes.get_ylabel()) == (scale != "linear")


def test_figures_that_are_not_finite_are_marked():
    nan, inf = float("nan"), float("inf")
    figure = learning_curve({"cost": [2.0, nan, 1.0, inf], "validation_cost": [1.0, 2.0]})
    (axes,) = figure.axes
    cost, crosses, _ = axes.lines
    np.testing.assert_array_equal(cost.get_ydata(), [2.0, nan, 1.0, nan])
    np.testing.assert_array_equal(crosses.get_xdata(), [2, 4])
    assert crosses.get_marker() == "x"
    assert words_of(axes.get_legend()) == ["training", "not finite", "held out"]


@pytest.mark.parametrize("history", [{}, {"cost": []}, [], {"cost": [], "validation_cost": []}])
def test_a_history_without_an_epoch_says_so(history):
    (axes,) = learning_curve(history).axes
    assert [text.get_text() for text in axes.texts] == ["there is no whole epoch"]


# ----------------------------------------------------------------------------- several runs


def test_runs_lie_over_each_other_each_with_its_own_colour_and_marker():
    runs = {"adam": HISTORY, "_sgd $5$": {"cost": [3.0, 2.0]}, "x" * 90: {"cost": [1.0]}}
    figure = learning_curve(runs)
    drawn = figure.axes[0].lines
    costs = [drawn[0], *drawn[2:]]
    assert len({line.get_color() for line in costs}) == 3
    assert len({line.get_marker() for line in costs}) == 3
    words = words_of(figure.legends[0])
    assert words[:2] == ["adam", " _sgd $5$"]
    assert len(words[2]) == 40
    assert words[3:] == ["training", "held out"]
    assert_readable(figure)


@pytest.mark.parametrize("n", [2, 8, 30])
def test_many_runs_are_told_apart(n):
    figure = learning_curve({f"run {i}": {"cost": [1.0 + i, 0.5]} for i in range(n)})
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(looks) == n
    assert_readable(figure)


@pytest.mark.parametrize("history", [{"cost": "abc"}, {"cost": None}, 5, {"a": {"cost": ["x"]}}])
def test_what_is_no_history_is_refused(history):
    with pytest.raises(TypeError, match=r"^history: found .*, expected a list of numbers"):
        learning_curve(history)
