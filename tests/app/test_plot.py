"""``dnn-xp plot``: each kind of picture of a run, where it is written, and what is refused."""

import json

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")
pytest.importorskip("matplotlib", reason="the pictures need matplotlib")

from dnn_xp.app import plot as plots
from dnn_xp.reports import figures

pytestmark = pytest.mark.once

SMALL = ("--layers", "4", "--epochs", "2", "--backend", "numpy", "--batch-size", "200")


@pytest.fixture(autouse=True)
def agg():
    import matplotlib

    matplotlib.use("Agg")


@pytest.fixture
def digits(dnn_xp):
    assert dnn_xp("train", "digits", *SMALL, "--run", "runs/a").code == 0
    return "runs/a"


@pytest.fixture
def figure(monkeypatch):
    """Return the figures that were written, in a list."""
    written = []
    monkeypatch.setattr(plots, "draw", lambda one, path, option: written.append(one) or str(path))
    return written


def save_two_features(path):
    x = np.random.default_rng(0).normal(size=(60, 2))
    np.savez(path, x=x, y=np.where(x[:, 0] > 0, "right", "left"))


def save_prices(path):
    x = np.random.default_rng(0).normal(size=(60, 2))
    np.savez(path, x=x, y=100.0 * x[:, 0] + 0.5)


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("confusion", "digits, held out\n"),
        ("mistakes", "digits, held out\n"),
        ("weights", "a\nweights of the first layer"),
        ("saliency", "digits, held out\n"),
        ("calibration", "digits, held out\n359 predictions, ECE "),
    ],
)
def test_pictures_of_a_model_of_pictures(dnn_xp, digits, figure, kind, title):
    code, out, err = dnn_xp("plot", digits, kind, "-o", "a.png")
    assert (code, out, err) == (0, f"{kind}  a.png\n", "")
    (one,) = figure
    assert (one.get_suptitle() or one.axes[0].get_title()).startswith(title)


def test_the_confusion_is_that_of_what_evaluate_measures(dnn_xp, digits, figure):
    shown = dnn_xp("evaluate", digits, "digits").out
    dnn_xp("plot", digits, "confusion", "-o", "a.png")
    said = figure[0].axes[0].get_title().split("(")[1].rstrip(")")
    assert said in next(line for line in shown.splitlines() if line.startswith("held out"))


@pytest.mark.parametrize(
    ("save", "kind"), [(save_two_features, "boundary"), (save_prices, "residuals")]
)
def test_pictures_of_other_models(dnn_xp, tmp_path, figure, save, kind):
    save(tmp_path / "my.npz")
    assert dnn_xp("train", "my.npz", *SMALL).code == 0
    code, _, err = dnn_xp("plot", kind, "-o", "a.png")  # of the last run
    assert (code, err) == (0, "")
    (one,) = figure
    assert (one.get_suptitle() or one.axes[0].get_title()).startswith("my.npz, held out\n")
    save(tmp_path / "other.npz")
    with np.load(tmp_path / "my.npz") as data:
        np.savez(tmp_path / "other.npz", x=data["x"][:50], y=data["y"][:50])
    assert dnn_xp("plot", kind, "--data", "other.npz", "-o", "a.png").code == 0
    assert (figure[1].get_suptitle() or figure[1].axes[0].get_title()).startswith("other.npz\n")


def test_a_run_is_drawn_from_wherever_one_is(dnn_xp, tmp_path, monkeypatch):
    save_two_features(tmp_path / "my.npz")
    assert dnn_xp("train", "my.npz", *SMALL, "--run", "runs/a").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, out, err = dnn_xp("plot", "../runs/a", "calibration")
    assert (code, err) == (0, "")
    assert out.startswith("calibration  calibration.png (")
    assert (tmp_path / "elsewhere" / "calibration.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_train_and_plot_draw_the_same_curves(dnn_xp, tmp_path, suffix):
    schedule = ("--schedule", "cosine")
    dnn_xp("train", *SMALL, *schedule, "--run", "runs/a", "--plot", f"a.{suffix}")
    assert dnn_xp("plot", "runs/a", "curves", "-o", f"b.{suffix}").code == 0
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_curves_of_several_runs(dnn_xp, digits, figure):
    dnn_xp("train", "digits", *SMALL, "--optimizer", "sgd", "--run", "runs/b")
    code, _, err = dnn_xp("plot", "runs/a", "runs/b", "curves", "-o", "both.svg")
    assert (code, err) == (0, "")
    (one,) = figure
    words = [text.get_text() for text in one.legends[0].get_texts()]
    assert words == ["a", "b", "training", "held out"]
    assert [axes.get_ylabel() for axes in one.axes] == [
        "cost",
        "accuracy",
        "learning rate (log scale)",
    ]


def test_nothing_is_written_over_where_no_file_is_named(dnn_xp, digits, tmp_path):
    assert dnn_xp("plot", digits, "curves").out.startswith("curves  curves.png (")
    first = (tmp_path / "curves.png").read_bytes()
    assert dnn_xp("plot", digits, "curves").out.startswith("curves  curves-2.png (")
    assert (tmp_path / "curves.png").read_bytes() == first


def test_where_there_is_a_window_it_is_shown(dnn_xp, digits, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "has_window", lambda: True)
    monkeypatch.setattr(plots, "show", shown.append)
    assert dnn_xp("plot", digits, "curves") == (0, "", "")
    assert len(shown) == 1
    assert not (tmp_path / "curves.png").exists()
    assert not figures.has_window()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs/a", "luck", "-o", "a.png"], "KIND: found 'luck', expected 'curves', "),
        (["runs/nowhere", "curves", "-o", "a.png"], "there is no history.jsonl"),
        (["runs/a/model.h5", "curves", "-o", "a.png"], "expected the folder of a run"),
        (["runs/a", "runs/a", "curves", "-o", "a.png"], "runs/a: found twice"),
        (["runs/a", "runs/a", "weights", "-o", "a.png"], "weights: found 2 runs, expected one"),
        (["runs/a/model.h5", "confusion", "-o", "a.png"], "add --data DATA"),
        (["runs/a", "boundary", "-o", "a.png"], "boundary: found 64 features, expected 2"),
        (["runs/a", "residuals", "-o", "a.png"], "residuals: found classes"),
        (["runs/a", "importances", "-o", "a.png"], "importances: found one network"),
        (["runs/a", "curves", "-o", "a.txt"], "--output: found 'a.txt'"),
        (["runs/a", "curves", "-o", "nowhere/a.png"], "--output: the folder nowhere does not"),
        (["runs/a", "confusion", "-o", "a.png", "--data", "none.npz"], "none.npz"),
        (["runs/a", "confusion", "-o", "a.png", "--data", "two.npz"], "expected some of ['0', '1'"),
        (["", "curves", "-o", "a.png"], "RUN: found ''"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(dnn_xp, digits, tmp_path, arguments, said):
    save_two_features(tmp_path / "two.npz")
    code, out, err = dnn_xp("plot", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not list(tmp_path.glob("*.png"))


def test_weights_of_numbers_are_no_pictures(dnn_xp, tmp_path):
    save_two_features(tmp_path / "two.npz")
    dnn_xp("train", "two.npz", *SMALL, "--run", "runs/a")
    for kind in ("weights", "mistakes", "saliency"):
        err = dnn_xp("plot", "runs/a", kind, "-o", "a.png").err
        assert f"{kind}: the model was not trained on pictures" in err


def test_a_history_that_is_damaged_is_refused(dnn_xp, digits, tmp_path):
    (tmp_path / digits / "history.jsonl").write_text("x\n")
    code, _, err = dnn_xp("plot", digits, "curves", "-o", "a.png")
    assert code == 2
    assert err.startswith("dnn-xp: error: runs/a: line 1 of history.jsonl is no epoch")


def test_a_run_of_python_has_curves_too(dnn_xp, digits, tmp_path, figure):
    record = json.loads((tmp_path / digits / "run.json").read_text())
    (tmp_path / digits / "run.json").write_text(json.dumps({"run": record["run"], "begun": "x"}))
    assert dnn_xp("plot", digits, "curves", "-o", "a.png").code == 0
    assert figure[0].get_suptitle() == "a"
