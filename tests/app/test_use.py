"""``dnn-xp evaluate`` and ``dnn-xp predict``."""

import re

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.data import Preprocessing, load_digits
from dnn_xp.layers import Dense
from dnn_xp.models import Model, save_model
from dnn_xp.network import Network


@pytest.fixture
def model(dnn_xp):
    """Keep a model of the digits, and return its name with the table that the training showed."""
    code, out, err = dnn_xp("train", "--epochs", "15", "--seed", "3", "--output", "digits.h5")
    assert (code, err) == (0, "")
    return "digits.h5", out


def rows(out: str) -> dict[str, list[str]]:
    """Return the rows of the table by their first words."""
    lines = [re.split(r"\s\s+", line) for line in out.splitlines()]
    return {first.strip(): rest for first, *rest in lines if rest}


def test_evaluate_divides_the_data_of_the_training_as_the_training_did(dnn_xp, model):
    name, trained = model
    code, out, err = dnn_xp("evaluate", name, "digits")
    assert (code, err) == (0, "")
    table = rows(out)
    assert table["part"] == ["examples", "cost", "accuracy"]
    for part, examples in (("training", "1,438"), ("held out", "359")):
        count, cost, accuracy = table[part]
        assert count == examples
        assert f"{cost} {part}" in trained
        assert f"{accuracy} {part}" in trained


def test_the_folder_of_a_run_is_a_model(dnn_xp):
    run = dnn_xp("train", "--epochs", "2", "--run", "r")
    assert run.code == 0
    assert dnn_xp("evaluate", "r", "digits") == dnn_xp("evaluate", "r/model.h5", "digits")
    (code, _, err) = dnn_xp("evaluate", ".", "digits")
    assert (code, err) == (2, "dnn-xp: error: model.h5: No such file or directory\n")


def test_evaluate_takes_other_data_whole(dnn_xp, model, tmp_path):
    digits = load_digits()
    x = digits.X.T[:100].reshape(-1, 64).astype(float)
    np.savez(tmp_path / "some.npz", x=x, y=digits.y[:100])
    table = rows(dnn_xp("evaluate", model[0], "some.npz").out)
    assert table["all"][0] == "100"
    assert float(table["all"][2].rstrip("%")) > 90.0


def test_evaluate_takes_a_single_example(dnn_xp, model, tmp_path):
    digits = load_digits()
    np.savez(tmp_path / "one.npz", x=digits.X.T[:1].astype(float), y=digits.y[:1])
    code, out, err = dnn_xp("evaluate", model[0], "one.npz")
    assert (code, err) == (0, "")
    assert rows(out)["all"][0] == "1"


def test_evaluate_knows_classes_by_name(dnn_xp, model, tmp_path):
    """A file with the digits 7 and 8 only, whose numbers as classes would be 0 and 1."""
    digits = load_digits()
    some = np.isin(digits.y, (7, 8))
    np.savez(tmp_path / "some.npz", x=digits.X.T[some].astype(float), y=digits.y[some])
    table = rows(dnn_xp("evaluate", model[0], "some.npz").out)
    assert float(table["all"][2].rstrip("%")) > 90.0


@pytest.mark.parametrize(
    ("x", "y", "named"),
    [
        (np.zeros((4, 3)), np.arange(4), "3 features, expected 64"),
        (np.zeros((4, 64)), np.arange(20, 24), "20"),
        (np.zeros((4, 64)), np.zeros(4) + 0.5, "the classes ['0.5'], expected some of ['0'"),
        (np.zeros((4, 64)), np.full((4, 10), 0.1), "not each row holds a single 1"),
        (np.zeros((4, 64)), np.array(["a", "b", "a", "b"]), "the classes ['a', 'b'], expected"),
    ],
)
def test_evaluate_refuses_what_does_not_fit(dnn_xp, model, tmp_path, x, y, named):
    np.savez(tmp_path / "other.npz", x=x, y=y)
    code, out, err = dnn_xp("evaluate", model[0], "other.npz")
    assert (code, out) == (2, "")
    assert named in err
    assert err.count("\n") == 1


def test_a_model_of_targets(dnn_xp, model, tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 2))
    np.savez(tmp_path / "sums.npz", x=x, y=x.sum(axis=1))
    np.savez(tmp_path / "whole.npz", x=x, y=x.sum(axis=1).round().astype(int))
    np.savez(tmp_path / "names.npz", x=x, y=np.where(x[:, 0] > 0, "up", "down"))
    np.savez(tmp_path / "both.npz", x=x, y=x)
    assert dnn_xp("train", "sums.npz", "--output", "sums.h5").code == 0
    assert rows(dnn_xp("evaluate", "sums.h5", "sums.npz").out)["part"][1:] == ["cost", "RMSE", "R2"]
    # Few whole numbers, which would be taken for classes without a model.
    assert rows(dnn_xp("evaluate", "sums.h5", "whole.npz").out)["part"][1:] == [
        "cost",
        "RMSE",
        "R2",
    ]
    for name, said in (
        ("names", "names.npz: y: found 'down', expected numbers for regression"),
        ("both", "both.npz: found 2 targets of each example, expected 1, as in the data"),
    ):
        code, out, err = dnn_xp("evaluate", "sums.h5", f"{name}.npz")
        assert (code, out, err) == (2, "", f"dnn-xp: error: {said}{err.partition(said)[2]}")
        assert err.count("\n") == 1
    code, _, err = dnn_xp("evaluate", "sums.h5", "digits")
    assert (code, err) == (
        2,
        "dnn-xp: error: digits: found classes, expected data for regression\n",
    )
    code, _, err = dnn_xp("predict", "sums.h5", "any.png")
    assert code == 2
    assert "not trained on pictures" in err


def test_a_model_of_several_quantiles(dnn_xp, tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 2))
    np.savez(tmp_path / "sums.npz", x=x, y=x.sum(axis=1))
    network = Network(2, (Dense(3),), ("quantile", [0.1, 0.5, 0.9]))
    theta = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # the median is the sum
    nothing = Preprocessing(np.asarray(0.0), np.asarray(1.0))
    save_model(tmp_path / "q.h5", Model(network, theta, nothing, None, None, None, {}))
    table = rows(dnn_xp("evaluate", "q.h5", "sums.npz").out)
    assert table["part"][1:] == ["cost", "RMSE", "R2"]
    assert table["all"][2:] == ["0", "1"]


def test_evaluate_says_which_classes_are_not_there(dnn_xp, model, tmp_path):
    digits = load_digits()
    for there, said in (
        ((7, 8), "'0', '1', '2', '3', '4', '5', '6', '9' (8 of 10)"),
        ((3,), "'0', '1', '2', '4', '5', '6', '7', '8', '9' (9 of 10)"),
    ):
        some = np.isin(digits.y, there)
        np.savez(tmp_path / "some.npz", x=digits.X.T[some].astype(float), y=digits.y[some] * 1.0)
        code, out, err = dnn_xp("evaluate", model[0], "some.npz")
        assert (code, err) == (0, "")
        assert out.splitlines()[0] == f"some.npz: all: no example of the classes {said}"
        assert float(rows(out)["all"][2].rstrip("%")) > 90.0


def test_evaluate_on_a_folder_of_some_of_the_classes(dnn_xp, tmp_path):
    image = pytest.importorskip("PIL.Image")
    for grey, name in enumerate(("ant", "bee", "cow")):
        (tmp_path / "all" / name).mkdir(parents=True)
        for place in range(8):
            picture = image.new("L", (9, 7), 100 * grey + place)
            picture.save(tmp_path / "all" / name / f"{place}.png")
    quick = ("--layers", "", "--epochs", "40", "--learning-rate", "0.01", "--output", "m.h5")
    assert dnn_xp("train", "all", *quick).code == 0
    (tmp_path / "some").mkdir()
    (tmp_path / "all" / "cow").rename(tmp_path / "some" / "cow")
    code, out, err = dnn_xp("evaluate", "m.h5", "some")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "some: all: no example of the classes 'ant', 'bee' (2 of 3)"
    assert rows(out)["all"][0] == "8"
    assert float(rows(out)["all"][2].rstrip("%")) > 60.0
    (tmp_path / "some" / "cow").rename(tmp_path / "some" / "crow")
    code, _, err = dnn_xp("evaluate", "m.h5", "some")
    assert code == 2
    assert "the data have the classes ['crow'], expected some of ['ant', 'bee', 'cow']" in err


def test_a_model_of_labels_names_several(dnn_xp, tmp_path):
    """Pictures whose halves are bright or dark."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    y = np.arange(80)[:, None] // [1, 2] % 2
    x = np.repeat(y[:, None, :] * 200 + 20, 2, axis=1) + rng.integers(0, 20, (80, 2, 2))
    np.savez(tmp_path / "halves.npz", x=x.astype(np.uint8), y=y)
    quick = ("--layers", "", "--epochs", "60", "--learning-rate", "0.05", "--output", "m.h5")
    assert dnn_xp("train", "halves.npz", *quick).code == 0
    table = rows(dnn_xp("evaluate", "m.h5", "halves.npz").out)
    assert table["part"] == ["examples", "cost", "multilabel_accuracy", "multilabel_f1"]
    assert table["held out"][2:] == ["100.00%", "1"]
    for place in range(4):
        image.fromarray(x[place].astype(np.uint8)).save(tmp_path / f"{place}.png")
    code, out, err = dnn_xp("predict", "m.h5", *(f"{place}.png" for place in range(4)))
    assert (code, err) == (0, "")
    lines = [re.split(r"\s\s+", line.strip()) for line in out.splitlines()]
    assert [line[1] for line in lines] == ["labels", "none", "0", "1", "0, 1"]
    np.savez(tmp_path / "more.npz", x=x.astype(np.uint8), y=np.hstack([y, y[:, :1]]))
    code, _, err = dnn_xp("evaluate", "m.h5", "more.npz")
    assert (code, err.count("\n")) == (2, 1)
    assert "the data have the labels ['0', '1', '2'], expected ['0', '1']" in err


def test_a_model_of_counts_predicts_them(dnn_xp, tmp_path):
    image = pytest.importorskip("PIL.Image")
    x = np.random.default_rng(0).integers(0, 255, (200, 2, 2), dtype=np.uint8)
    np.savez(tmp_path / "counts.npz", x=x, y=np.rint(np.exp(x[:, 0, 0] / 50)))
    quick = ("--layers", "", "--epochs", "60", "--learning-rate", "0.05", "--task", "counts")
    assert dnn_xp("train", "counts.npz", *quick, "--output", "m.h5").code == 0
    assert float(rows(dnn_xp("evaluate", "m.h5", "counts.npz").out)["held out"][3]) > 0.95
    image.new("L", (2, 2), 200).save(tmp_path / "200.png")
    _, out, _ = dnn_xp("predict", "m.h5", "200.png")
    assert float(rows(out)["200.png"][0]) == pytest.approx(np.exp(4), rel=0.2)


@pytest.fixture
def pictures(tmp_path):
    """Write the first ten digits as PNG files, enlarged, bright on dark."""
    image = pytest.importorskip("PIL.Image")
    digits = load_digits()
    for place in range(10):
        pixels = (digits.X[:, place].reshape(8, 8) * (255 / 16)).astype(np.uint8)
        image.fromarray(np.kron(pixels, np.ones((4, 4), dtype=np.uint8))).save(
            tmp_path / f"{place}.png"
        )
    return [f"{place}.png" for place in range(10)], [str(label) for label in digits.y[:10]]


def test_predict_reads_pictures(dnn_xp, model, pictures):
    names, labels = pictures
    code, out, err = dnn_xp("predict", model[0], *names)
    assert (code, err) == (0, "")
    heading, *lines = [line.split() for line in out.splitlines()]
    assert heading == ["picture", "class", "probability"]
    assert [line[0] for line in lines] == names
    assert sum(line[1] == label for line, label in zip(lines, labels, strict=True)) >= 9
    assert all(10.0 <= float(line[2].rstrip("%")) <= 100.0 for line in lines)


def test_predict_on_every_library(dnn_xp, model, pictures, library):
    device = ("--device", library.device) if library.device else ()
    here = dnn_xp("predict", model[0], *pictures[0], "--backend", library.backend, *device)
    assert here.code == 0
    assert here.out == dnn_xp("predict", model[0], *pictures[0], "--backend", "numpy").out


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_predict_names_the_picture_that_it_cannot_read(dnn_xp, model, pictures, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    code, out, err = dnn_xp("predict", model[0], "0.png", "bad.png")
    assert (code, out) == (2, "")
    assert "bad.png" in err
    assert err.count("\n") == 1
