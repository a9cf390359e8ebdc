"""``dnn-xp predict``."""

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.data import load_digits


@pytest.fixture
def model(dnn_xp):
    """Keep a model of the digits, and return its name."""
    run = dnn_xp("train", "--epochs", "15", "--seed", "3", "--output", "digits.h5")
    assert (run.code, run.err) == (0, "")
    return "digits.h5"


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
    code, out, err = dnn_xp("predict", model, *names)
    assert (code, err) == (0, "")
    heading, *lines = [line.split() for line in out.splitlines()]
    assert heading == ["picture", "class", "probability"]
    assert [line[0] for line in lines] == names
    assert sum(line[1] == label for line, label in zip(lines, labels, strict=True)) >= 9
    assert all(10.0 <= float(line[2].rstrip("%")) <= 100.0 for line in lines)


def test_predict_on_every_library(dnn_xp, model, pictures, library):
    device = ("--device", library.device) if library.device else ()
    here = dnn_xp("predict", model, *pictures[0], "--backend", library.backend, *device)
    assert here.code == 0
    assert here.out == dnn_xp("predict", model, *pictures[0], "--backend", "numpy").out


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_predict_names_the_picture_that_it_cannot_read(dnn_xp, model, pictures, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    code, out, err = dnn_xp("predict", model, "0.png", "bad.png")
    assert (code, out) == (2, "")
    assert "bad.png" in err
    assert err.count("\n") == 1
