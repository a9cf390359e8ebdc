"""Figures: the same bytes each time, a style of their own, and where they are shown."""

import pickle
import sys
from types import ModuleType

import numpy as np
import pytest

from dnn_xp import reports
from dnn_xp.reports import figures, learning_curve, save
from dnn_xp.training.range_test import RangeTest

ALL = {
    "boundary": lambda: reports.decision_boundary(
        lambda X: 1.0 / (1.0 + np.exp(-X[:1])), [[-1.0, 1.0], [0.0, 1.0]], [0, 1]
    ),
    "calibration": lambda: reports.reliability_diagram([0.6, 0.9, 0.9], [True, False, True]),
    "confusion": lambda: reports.confusion_heatmap([[3, 1], [0, 2]], ["$a$", "b"]),
    "curves": lambda: learning_curve({"cost": [1000.0, 0.5], "validation_cost": [0.0, 2.0]}),
    "importances": lambda: reports.importance_bars([0.5, 0.1], [0.1, 0.1]),
    "mistakes": lambda: reports.mislabeled_pictures(np.ones((1, 4, 4)), ["a"], ["b"]),
    "range_tests": lambda: reports.learning_rate_curve(
        RangeTest([0.1, 1.0], [1.0, 0.5], [1.0, 0.7], 0.25)
    ),
    "residuals": lambda: reports.residual_plot([1.0, 2.0], [1.5, 2.5]),
    "saliency": lambda: reports.saliency_pictures(np.ones((1, 4, 4, 3)), np.ones((1, 4, 4, 3))),
    "weights": lambda: reports.weight_pictures(np.ones((2, 16)), (4, 4, 1)),
}


@pytest.fixture
def odd_settings():
    """Set Matplotlib to what none of our pictures may follow."""
    import matplotlib

    with matplotlib.rc_context({"font.size": 30.0, "savefig.dpi": 10, "svg.fonttype": "path"}):
        yield


def written(draw, path):
    save(draw(), path)
    return path.read_bytes()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_equal_results_give_the_same_bytes(name, kind, tmp_path, monkeypatch):
    first = written(ALL[name], tmp_path / f"one.{kind}")
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert written(ALL[name], tmp_path / f"other.{kind}") == first


def test_what_matplotlib_is_set_to_changes_nothing(tmp_path, odd_settings):
    import matplotlib

    mine = written(ALL["curves"], tmp_path / "mine.svg")
    with matplotlib.rc_context(rc=matplotlib.rcParamsDefault):
        matplotlib.use("Agg")
        assert written(ALL["curves"], tmp_path / "plain.svg") == mine
    assert matplotlib.rcParams["font.size"] == 30.0


def test_text_stays_text_and_fonts_are_true_type(tmp_path):
    svg = written(ALL["confusion"], tmp_path / "a.svg").decode()
    assert ">true class</text>" in svg
    assert ">$a$</text>" in svg
    assert "<dc:date>" not in svg
    pdf = written(ALL["confusion"], tmp_path / "a.pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"/CreationDate" not in pdf


def test_a_png_has_200_dots_an_inch(tmp_path):
    png = written(ALL["curves"], tmp_path / "a.png")
    figure = ALL["curves"]()
    width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == tuple(200 * figure.get_size_inches())


@pytest.mark.parametrize("name", ALL)
def test_a_figure_shows_itself_in_a_notebook(name):
    figure = ALL[name]()
    png, size = figure._repr_png_()
    assert png.startswith(b"\x89PNG")
    width = int.from_bytes(png[16:20], "big")
    assert width == pytest.approx(2 * size["width"], abs=2), "twice as many dots, for sharp screens"


def test_a_figure_can_be_pickled():
    figure = pickle.loads(pickle.dumps(ALL["curves"]()))
    assert figure._repr_png_()[0].startswith(b"\x89PNG")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = figures.nothing


# ----------------------------------------------------------------------------- showing


def test_where_nothing_can_be_shown_nothing_is_said(capsys):
    figures.show(learning_curve([1.0, 0.5]))
    assert capsys.readouterr() == ("", "")


def test_where_there_are_windows_the_figure_is_in_one(monkeypatch):
    shown = []

    import matplotlib
    from matplotlib import pyplot
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg

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

    figure = learning_curve([1.0, 0.5])
    figures.show(figure)
    assert shown == [figure]


@pytest.mark.parametrize("name", ALL)
def test_without_matplotlib_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'dnn-xp\[app\]'"):
        ALL[name]()
