"""Files of strangers at the command line: one line that names file and cause, and exit code 2."""

import os

import h5py
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from PIL import Image

from dnn_xp import Dense, Network, save_model
from dnn_xp.data import Preprocessing
from dnn_xp.models import Model
from tests.strangers import HOSTILE, neighbours, put

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name"),
]

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"


@pytest.fixture
def model(tmp_path):
    """Return a function that keeps a model of pictures of 2 x 2, with names for two classes."""

    def save(classes=("cat", "dog")):
        network = Network(4, (Dense(2),), "softmax_cross_entropy")
        plain = Preprocessing(np.asarray(0.0), np.asarray(1.0))
        theta = network.initialize(0)
        save_model(tmp_path / "m.h5", Model(network, theta, plain, classes, (2, 2, 1), 255, {}))
        Image.new("L", (2, 2), 90).save(tmp_path / "a.png")
        return "m.h5"

    return save


def refused(ran, *words):
    assert ran.code == 2
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert line.startswith("dnn-xp: error: ")
    for word in words:
        assert word in line
    return line


@pytest.mark.parametrize("command", ["train", "range-test", "evaluate"])
@pytest.mark.parametrize("name", ["external_link", "circle", "virtual_of_a_pipe", "huge", "group"])
def test_hostile_data_are_one_line(dnn_xp, model, tmp_path, command, name):
    neighbours(tmp_path)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = np.ones((4, 3)), np.arange(4) % 2
        put(file, "x", HOSTILE[name])
    arguments = [command, model(), "data.h5"] if command == "evaluate" else [command, "data.h5"]
    refused(dnn_xp(*arguments), "data.h5: x: ")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "bad.h5", "a.png"),
        ("predict", "m.h5", "bad.h5"),
        ("evaluate", "bad.h5", "digits"),
        ("evaluate", "m.h5", "bad.h5"),
        ("train", "bad.h5"),
        ("range-test", "bad.h5"),
        ("train", "digits", "--checkpoint", "bad.h5", "--resume", "--epochs", "1"),
    ],
)
def test_pipes_and_devices_are_refused_at_each_argument(dnn_xp, model, tmp_path, kind, arguments):
    model()
    if kind == "pipe":
        os.mkfifo(tmp_path / "bad.h5")
    else:
        (tmp_path / "bad.h5").symlink_to("/dev/zero")
    refused(dnn_xp(*arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("predict", "bad.h5", "a.png"), "not a model that dnn_xp saved; it seems to be a pointer"),
        (("evaluate", "bad.h5", "digits"), "not a model that dnn_xp saved; it seems to be a point"),
        (("predict", "m.h5", "bad.png"), "cannot be read as a picture: "),
        (("train", "bad.h5"), "not an HDF5 file, or damaged; it seems to be a pointer of git-lfs"),
        (("train", "bad.npz"), "not an NPZ file, or damaged; it seems to be a pointer of git-lfs"),
    ],
)
def test_a_pointer_of_git_lfs_is_named_so(dnn_xp, model, tmp_path, arguments, words):
    model()
    for suffix in ("h5", "npz", "png"):
        (tmp_path / f"bad.{suffix}").write_text(POINTER)
    refused(dnn_xp(*arguments), words, "git lfs pull fetches the file")


NAMES = (
    "cat\u200b",
    "\u00ad\ufeff",
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "a\rb",
    "\x9b5n",
    "\u202egnp.exe",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_classes_are_shown_without_control_characters(dnn_xp, model, name):
    ran = dnn_xp("predict", model((name, f"{name}2")), "a.png")
    assert (ran.code, ran.err) == (0, "")
    assert not set(ran.out) & set("\x1b\x07\r\x9b\u202e\u200b\xad\ufeff")
    assert name.encode("unicode_escape").decode() in ran.out


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_are_shown_without_control_characters(dnn_xp, model, tmp_path, name):
    model()
    (tmp_path / "a.png").rename(tmp_path / f"{name}.png")
    for ran in (dnn_xp("predict", "m.h5", f"{name}.png"), dnn_xp("predict", "m.h5", f"{name}.jpg")):
        assert not set(ran.out + ran.err) & set("\x1b\x07\r\x9b\u202e\u200b\xad\ufeff")


@pytest.mark.parametrize("command", ["train", "range-test", "evaluate"])
def test_trust_reads_text_of_variable_length(dnn_xp, model, tmp_path, command):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = np.random.default_rng(0).integers(0, 256, (40, 2, 2), dtype=np.uint8)
        file["y"] = ["cat", "dog"] * 20
    arguments = ["data.h5"] if command != "evaluate" else [model(), "data.h5"]
    refused(dnn_xp(command, *arguments), "y: found text of variable length", "--trust")
    assert dnn_xp(command, *arguments, "--trust").code == 0


def test_trust_reads_data_whose_parts_lie_in_other_files(dnn_xp, tmp_path):
    neighbours(tmp_path)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        HOSTILE["virtual"](file, "x")
        file["y"] = np.array([0.5, 1.0, 1.5, 2.0])
    refused(dnn_xp("train", "data.h5", "--epochs", "1"), "x: is virtual", "--trust")
    assert dnn_xp("train", "data.h5", "--epochs", "1", "--trust").code == 0


def test_files_that_are_passed_over_are_a_line_and_no_more(start, tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("ant", "bee"):
        (tmp_path / "album" / kind).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "album" / kind / f"{number}.png")
        (tmp_path / "album" / kind / "notes.h5").touch()
    # Not as the other tests, which make an error of each warning.
    code = "import sys, warnings; warnings.resetwarnings(); from dnn_xp.app.cli import main; main()"
    process = start("train", "album", "--epochs", "1", "--layers", "2", code=code)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == "dnn-xp: warning: album: 2 files passed over: 2 .h5\n"
