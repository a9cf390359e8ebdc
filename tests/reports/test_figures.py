"""Figures: what is drawn, that it can be read, and where it is shown."""

import sys
from itertools import combinations
from types import ModuleType
from unittest import mock

import numpy as np
import pytest

from dnn_xp.reports import figures
from dnn_xp.training.range_test import RangeTest

matplotlib = pytest.importorskip("matplotlib", reason="the figures need matplotlib")

from matplotlib import pyplot  # noqa: E402
from matplotlib.backend_bases import FigureManagerBase  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.text import Text  # noqa: E402

DIGITS = np.arange(9.0 * 64).reshape(9, 8, 8)


@pytest.fixture(autouse=True)
def agg():
    """Draw without a window, and leave no figure behind."""
    matplotlib.use("Agg")
    yield
    assert pyplot.get_fignums() == []


def texts(figure):
    """Return the boxes of all texts that are drawn, by their words."""
    canvas = FigureCanvasAgg(figure)
    with mock.patch.object(Text, "draw", autospec=True) as draw:
        canvas.draw()
    drawn = {call.args[0] for call in draw.call_args_list}
    shown = [text for text in drawn if text.get_visible() and text.get_text()]
    return [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in shown]


def assert_readable(figure):
    """Check that no text lies over another, or over the edge."""
    boxes = texts(figure)
    assert boxes
    for word, box in boxes:
        assert box.x0 >= 0, word
        assert box.y0 >= 0, word
        assert box.x1 <= figure.bbox.x1, word
        assert box.y1 <= figure.bbox.y1, word
    for (one, box), (other, another) in combinations(boxes, 2):
        assert not box.overlaps(another), f"{one!r} lies over {other!r}"


# ----------------------------------------------------------------------------- learning curves


@pytest.mark.parametrize(("unit", "first"), [("iterations", 0), ("epochs", 1)])
def test_a_curve_has_its_costs_and_labels(unit, first):
    figure = figures.learning_curve([0.7, 0.5, 0.4], learning_rate=0.0075, unit=unit)
    (axes,) = figure.axes
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), [first, first + 1, first + 2])
    np.testing.assert_array_equal(line.get_ydata(), [0.7, 0.5, 0.4])
    assert (axes.get_xlabel(), axes.get_ylabel()) == (unit, "cost")
    assert axes.get_title() == "Learning rate = 0.0075"
    assert axes.get_legend() is None
    assert_readable(figure)


def test_validation_is_another_line_in_colour_and_in_style():
    history = {"cost": [2.0, 1.0], "validation_cost": [2.5, 1.5], "accuracy": [0.1, 0.2]}
    (axes,) = figures.learning_curve(history).axes
    training, validation = axes.lines
    np.testing.assert_array_equal(validation.get_ydata(), [2.5, 1.5])
    assert training.get_color() != validation.get_color()
    assert training.get_linestyle() != validation.get_linestyle()
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["training", "validation"]
    assert axes.get_title() == ""


@pytest.mark.parametrize(
    "costs", [[], [0.5], [1e300, float("inf")], [float("nan")], list(np.linspace(3, 0, 2500))]
)
def test_every_history_can_be_drawn(costs, tmp_path):
    figure = figures.learning_curve(costs, learning_rate=1e-5, unit="iterations")
    assert_readable(figure)
    figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 0


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_epochs_are_counted_in_whole_numbers(n):
    (axes,) = figures.learning_curve(list(range(n, 0, -1))).axes
    ticks = axes.get_xticks()
    np.testing.assert_array_equal(ticks, np.round(ticks))


# ----------------------------------------------------------------------------- range tests


def test_a_range_test_shows_costs_and_what_is_proposed(tmp_path):
    rates = list(np.geomspace(1e-6, 1.0, 7))
    costs, smoothed = [2.0, 2.1, 1.8, 1.5, 1.0, 0.4, 99.0], [2.0, 2.1, 2.0, 1.7, 1.4, 1.0, 9.0]
    figure = figures.learning_rate_curve(RangeTest(rates, costs, smoothed, 0.01))
    (axes,) = figure.axes
    dots, line, proposed = axes.lines
    for one, values in ((dots, costs), (line, smoothed)):
        np.testing.assert_array_equal(one.get_xdata(), rates)
        np.testing.assert_array_equal(one.get_ydata(), values)
    assert set(proposed.get_xdata()) == {0.01}
    assert axes.get_xscale() == "log"
    bottom, top = axes.get_ylim()
    assert bottom < 0.4 < 2.1 < top < 9.0, "all can be seen but what blows up"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning rate", "cost")
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["each step", "smoothed", "proposed: 0.01"]
    assert_readable(figure)
    figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 0


# ----------------------------------------------------------------------------- pictures


def test_only_mislabeled_pictures_are_drawn_under_both_names():
    predicted, actual = list("012345678"), list("010345668")
    figure = figures.mislabeled_pictures(DIGITS, predicted, actual)
    assert figure.get_suptitle() == "2 of 9 pictures mislabeled"
    assert [axes.get_title() for axes in figure.axes] == [
        "predicted: 2\ntrue: 0",
        "predicted: 7\ntrue: 6",
    ]
    for axes, picture in zip(figure.axes, DIGITS[[2, 7]], strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), picture)
    assert_readable(figure)


@pytest.mark.parametrize("n_wrong", [0, 1, 4, 5, 6, 9])
def test_long_names_lie_beside_each_other(n_wrong):
    actual = ["COMMON WOMBAT (VOMBATUS)"] * 9
    predicted = ["WILDEBEEST-WILDEBEEST-"] * n_wrong + actual[n_wrong:]
    figure = figures.mislabeled_pictures(DIGITS, predicted, actual)
    assert len(figure.axes) == n_wrong
    assert_readable(figure)


def test_many_mislabeled_pictures_are_not_all_drawn():
    figure = figures.mislabeled_pictures(DIGITS, ["a"] * 9, ["b"] * 9, at_most=7)
    assert len(figure.axes) == 7
    assert figure.get_suptitle() == "9 of 9 pictures mislabeled; the first 7"


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 4, 4, 1), (2, 4, 4, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_grey_and_coloured_pictures_are_drawn(shape, dtype):
    pictures = np.ones(shape, dtype=dtype)
    figure = figures.mislabeled_pictures(pictures, ["a", "b"], ["b", "a"])
    drawn = figure.axes[0].images[0].get_array()
    assert drawn.shape == (shape[1:] if shape[3:] == (3,) else shape[1:3])
    assert_readable(figure)


def test_as_many_names_as_pictures_are_needed():
    with pytest.raises(ValueError, match="pictures: found 9 of them, 2 predicted and 9 actual"):
        figures.mislabeled_pictures(DIGITS, ["a", "b"], ["a"] * 9)


# ----------------------------------------------------------------------------- showing


def test_where_nothing_can_be_shown_nothing_is_said(capsys):
    figures.show(figures.learning_curve([1.0, 0.5]))
    assert capsys.readouterr() == ("", "")


def test_where_there_are_windows_the_figure_is_in_one(monkeypatch):
    shown = []

    class Manager(FigureManagerBase):
        @classmethod
        def pyplot_show(cls, *, block=None):
            shown.extend(pyplot.figure(number) for number in pyplot.get_fignums())
            pyplot.close("all")  # as if each window had been closed

    class Canvas(FigureCanvasAgg):
        manager_class = Manager

    windows = ModuleType("windows")
    windows.FigureCanvas, windows.FigureManager = Canvas, Manager
    monkeypatch.setitem(sys.modules, "windows", windows)
    matplotlib.use("module://windows")

    figure = figures.learning_curve([1.0, 0.5])
    figures.show(figure)
    assert shown == [figure]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.learning_curve([1.0, 0.5]),
        lambda: figures.learning_rate_curve(RangeTest([0.1, 1.0], [1.0, 0.5], [1.0, 0.7], 0.1)),
        lambda: figures.mislabeled_pictures(DIGITS, ["a"] * 9, ["b"] * 9),
    ],
)
def test_without_matplotlib_the_extra_is_named(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'dnn-xp\[app\]'"):
        draw()
