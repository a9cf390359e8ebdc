"""Figures of the article's functions: in windows, in notebooks, and where there are neither."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dnn_xp.article import print_mislabeled_images, two_layer_model
from dnn_xp.article.showing import show_by_pyplot

matplotlib = pytest.importorskip("matplotlib", reason="figures need matplotlib")

from matplotlib import pyplot  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def agg():
    """Draw without a window, and leave no figure behind."""
    matplotlib.use("Agg")
    yield
    pyplot.close("all")


def mistaken():
    rng = np.random.default_rng(0)
    wrong, right = np.asarray([[0, 1, 0]]), np.asarray([[1, 1, 0]])
    return print_mislabeled_images([b"non-cat", b"cat"], rng.random((12, 3)), wrong, right)


def train_and_print():
    X = np.random.default_rng(0).normal(size=(3, 20))
    two_layer_model(X, (X[:1] > 0).astype(float), (3, 2, 1), 0.1, 2, print_cost=True)


@pytest.mark.parametrize("backend", ["Agg", "pdf", "svg", "ps"])
def test_without_a_window_pyplot_saves_what_was_drawn(backend, tmp_path, capsys):
    pyplot.switch_backend(backend)
    figure = mistaken()
    assert pyplot.gcf() is figure
    assert capsys.readouterr() == (
        "",
        "no window for the figure: plt.savefig('figure.png') of matplotlib.pyplot saves it\n",
    )
    pyplot.savefig(tmp_path / "saved.png")
    figure.savefig(tmp_path / "itself.png")
    assert (tmp_path / "saved.png").read_bytes() == (tmp_path / "itself.png").read_bytes()


def test_without_a_window_the_curve_of_a_model_can_be_saved(capsys):
    train_and_print()
    out, error = capsys.readouterr()
    assert pyplot.gcf().axes[0].get_xlabel() == "iterations"
    assert out.startswith("Cost after iteration 0: ")
    assert error.startswith("no window for the figure: ")
    assert error.count("\n") == 1


def test_each_figure_is_one_of_its_own(capsys):
    found = [mistaken(), mistaken()]
    assert [pyplot.figure(number) for number in pyplot.get_fignums()] == found


@pytest.mark.parametrize("error", [ImportError("headless"), RuntimeError("no display"), OSError()])
def test_a_screen_that_does_not_answer_costs_nothing(error, monkeypatch, capsys):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(pyplot, "figure", fails)
    train_and_print()
    assert isinstance(mistaken(), Figure)
    assert capsys.readouterr().err.count("the figure cannot be shown: ") == 2


def test_a_backend_that_needs_a_display_does_not_end_a_program(tmp_path):
    """In a process of its own, whose display is none."""
    program = (
        "import numpy as np\n"
        "from dnn_xp.article import two_layer_model\n"
        "X = np.ones((3, 4))\n"
        "p = two_layer_model(X, X[:1], (3, 2, 1), num_iterations=1, plot_cost=True)\n"
        "print(sorted(p))"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment |= {"MPLBACKEND": "TkAgg", "PYTHONPATH": str(root), "DNN_XP_BACKEND": "numpy"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "['W1', 'W2', 'b1', 'b2']\n"
    # Matplotlib refuses, or takes a backend without windows, according to its version.
    assert done.stderr.startswith(("the figure cannot be shown: ", "no window for the figure: "))
    assert done.stderr.count("\n") == 1


class Shell:
    """As much of a notebook's kernel as is looked at."""

    execution_count = 3


def test_a_cell_shows_a_figure_once(monkeypatch):
    shown, shell = [], Shell()
    module = type(sys)("IPython")
    module.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setattr("dnn_xp.reports.figures.can_show", lambda: True)
    monkeypatch.setattr("dnn_xp.reports.figures.show", shown.append)
    figure = Figure()
    show_by_pyplot(figure)
    assert shown == [figure]
    figure._ipython_display_()  # nothing, in the same cell
    shell.execution_count = 4
    with pytest.raises(NotImplementedError):  # as any other figure, in the next one
        figure._ipython_display_()
