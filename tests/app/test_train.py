"""``dnn-xp train``: what it shows, what it keeps, and how it ends."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app import results
from dnn_xp.app.formatting import size_of
from dnn_xp.callbacks import Interruptible
from dnn_xp.callbacks.limits import SIGNALS
from dnn_xp.data import stored
from dnn_xp.models import load_checkpoint, load_model
from tests.app.examples import dataset

NUMBERS = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
QUICK = ("--epochs", "2", "--layers", "8", "--backend", "numpy")


@pytest.fixture
def houses(tmp_path):
    """Write a regression: prices that depend on three features."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) * [1.0, 100.0, 1e-3]
    np.savez(tmp_path / "houses.npz", x=x, y=250_000.0 + 50_000.0 * x[:, 0] + 400.0 * x[:, 1])
    return "houses.npz"


def write(path, y, x=None):
    """Write examples to an NPZ or HDF5 file, and return its name."""
    x = np.random.default_rng(0).normal(size=(len(y), 3)) if x is None else x
    if path.suffix == ".npz":
        np.savez(path, x=x, y=y)
    else:
        with h5py.File(path, "w") as file:
            file["x"], file["y"] = x, y
    return path.name


def learnable(task, m=200):
    """Return x and y of a task, and what is said of it."""
    x = np.random.default_rng(1).normal(size=(m, 3))
    three = (x[:, 0] > 0).astype(int) + (x[:, 0] > 1)
    kinds = {
        "doubles": (three * 1.0, "200 whole numbers of 3 values from 0 to 2: classes"),
        "one-hot": (np.eye(3)[three], "200 rows of a single 1 in 3 columns: classes"),
        "labels": (x > 0, "200 rows of 0 and 1 in 3 columns: labels"),
        "prices": ((1000 * x[:, 1]).astype(int), "200 whole numbers from "),
        "counts": (np.random.default_rng(2).poisson(np.exp(2 + x[:, 0])), "200 whole numbers"),
    }
    return x, *kinds[task]


@pytest.mark.parametrize("suffix", ["npz", "h5"])
@pytest.mark.parametrize(
    ("kind", "task", "cost", "figure"),
    [
        ("doubles", None, "softmax_cross_entropy", "accuracy"),
        ("one-hot", None, "softmax_cross_entropy", "accuracy"),
        ("labels", None, "sigmoid_cross_entropy", "multilabel_accuracy"),
        ("prices", None, "squared_error", "R2"),
        ("counts", "counts", "poisson", "R2"),
        ("doubles", "regression", "squared_error", "R2"),
        ("one-hot", "labels", "sigmoid_cross_entropy", "multilabel_f1"),
        ("doubles", "counts", "poisson", "RMSE"),
    ],
)
def test_the_task_is_said_and_can_be_asked_for(
    dnn_xp, tmp_path, monkeypatch, kind, task, cost, figure, suffix
):
    """The HDF5 files are taken for large ones."""
    monkeypatch.setattr(stored, "LARGE", 1000)
    x, y, said = learnable(kind)
    name = write(tmp_path / f"data.{suffix}", y, x)
    asked = () if task is None else ("--task", task)
    learning = ("--layers", "8", "--epochs", "25", "--learning-rate", "0.02", "--output", "m.h5")
    ran = dnn_xp("train", name, *asked, *learning, "--backend", "numpy")
    assert (ran.code, ran.err) == (0, "")
    notes = [line for line in ran.out.splitlines() if line.startswith(f"{name}: 200 ")]
    assert len(notes) == (task is None)
    assert all(note.startswith(f"{name}: {said}") and "--task" in note for note in notes)
    shown = facts(ran.out)
    assert f", {cost}, " in shown["network"]
    learnt = task or {"labels": "labels", "prices": "regression"}.get(kind, "classes")
    assert load_model(tmp_path / "m.h5").about["task"] == learnt
    value = float(re.match(r"[\d.]+", shown[figure])[0])
    assert value > {"accuracy": 90, "multilabel_accuracy": 90, "RMSE": 0}.get(figure, 0.5)
    # The same parts, measured by the same figures.
    evaluated = dnn_xp("evaluate", "m.h5", name, "--backend", "numpy")
    assert (evaluated.code, evaluated.err) == (0, "")
    held_out = next(line for line in evaluated.out.splitlines() if line.startswith("held out"))
    assert shown["cost"].split(", ")[1].split()[0] in held_out.split()


def test_a_task_is_gone_on_with(dnn_xp, tmp_path):
    name = write(tmp_path / "data.npz", np.arange(40) % 4)
    assert dnn_xp("train", name, *QUICK, "--task", "counts", "--run", "r").code == 0
    again = ("train", name, *QUICK[2:], "--epochs", "3", "--run", "r", "--resume")
    ran = dnn_xp(*again)
    assert ran.code == 2
    assert "--task: found none, begun with counts" in ran.err
    assert dnn_xp(*again, "--task", "counts").code == 0


@pytest.mark.parametrize(
    ("y", "task", "said"),
    [
        (np.arange(20.0) / 2, "counts", "data.npz: y: found numbers from 0 to 9.5, expected whole"),
        (np.array(["a", "b"] * 10), "regression", "data.npz: y: found 'a', expected numbers for"),
        (np.arange(20) % 2, "labels", "data.npz: y: found one column of values from 0 to 1,"),
        (np.ones((20, 2)), "classes", "data.npz: y: found 2 columns, of which not each row holds"),
        (
            np.arange(20) % 2,
            "clases",
            "--task: found 'clases', expected 'classes', 'labels', 'regression' or",
        ),
        (np.zeros(20), None, "the data have the one class '0', expected several"),
    ],
)
def test_a_task_that_does_not_suit_is_a_line(dnn_xp, tmp_path, y, task, said):
    asked = () if task is None else ("--task", task)
    ran = dnn_xp("train", write(tmp_path / "data.npz", y), *QUICK, *asked)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"dnn-xp: error: {said}")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("kind", ["labels", "counts"])
def test_balanced_weights_are_of_classes(dnn_xp, tmp_path, kind):
    name = write(tmp_path / "data.npz", np.arange(40)[:, None] // [1, 2] % 2)
    ran = dnn_xp("train", name, *QUICK, "--task", kind, "--class-weight", "balanced")
    assert ran.code == 2
    assert f"--class-weight: found data with {kind}, expected classes" in ran.err


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_classes_that_a_part_lacks_are_named(dnn_xp, tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(stored, "LARGE", 500)
    y = np.array(["rare"] + ["a", "b"] * 50)
    name = write(tmp_path / f"data.{suffix}", y.astype("S"))
    ran = dnn_xp("train", name, *QUICK)
    assert ran.code == 0
    lines = [line for line in ran.out.splitlines() if "no example" in line]
    assert len(lines) == 1
    assert re.match(rf"{name}: (training|held out): no example of the class 'rare'$", lines[0])


@pytest.mark.filterwarnings("always:.*passed over")
def test_what_a_folder_holds_besides_is_counted(dnn_xp, pets, tmp_path):
    (tmp_path / "pets" / "cat" / "day1").mkdir()
    (tmp_path / "pets" / "cat" / "0.png").rename(tmp_path / "pets" / "cat" / "day1" / "0.png")
    for place in range(3):
        (tmp_path / "pets" / "dog" / f"{place}.HEIC").touch()
    ran = dnn_xp("train", pets, *QUICK)
    assert (ran.code, ran.err) == (0, "dnn-xp: warning: pets: 3 files passed over: 3 .heic\n")
    assert "16 training, 4 held out" in facts(ran.out)["data"]
    ran = dnn_xp("train", pets, *QUICK, "--task", "regression")
    assert (ran.code, ran.out) == (2, "")
    assert "pets: found classes, expected data for regression" in ran.err


@pytest.fixture
def pets(tmp_path):
    """Write a folder of pictures: cats are red, dogs are blue."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name, channel in (("cat", 0), ("dog", 2)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(10):
            pixels = rng.integers(0, 60, size=(20, 24, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            image.fromarray(pixels).save(tmp_path / "pets" / name / f"{i}.png")
    return "pets"


def facts(out: str) -> dict[str, str]:
    """Return the closing table, without the sizes of files."""
    out = out[f"\n{out}".index("\ndata ") :]
    pairs = re.findall(r"^(\w+)  +(\S.*)$", out, re.MULTILINE)
    return {name: re.sub(r" \([\d.,]+ [kMG]?B\)$", "", text) for name, text in pairs}


def after_the_answer(err: str, name: str = "SIGINT") -> str:
    """Return what is said after the line by which a signal is answered at once."""
    answer, _, rest = err.partition("\n")
    of, again = ("", "^C again") if name == "SIGINT" else (f"{name}: ", "again")
    assert re.fullmatch(
        rf"dnn-xp: {of}finishing (this step|up), {re.escape(again)} to stop at once", answer
    )
    return rest


def percent(text: str, part: str) -> float:
    return float(re.search(rf"([\d.]+)% {part}", text)[1])


def test_plain_train_learns_the_digits(dnn_xp):
    code, out, err = dnn_xp("train")
    assert (code, err) == (0, "")
    shown = facts(out)
    assert shown["data"].startswith("digits: 1,438 training, 359 held out; ")
    assert shown["network"] == "64-64-32-10 relu, softmax_cross_entropy, 6,570 parameters"
    assert shown["backend"].endswith(", float32")
    assert shown["epochs"].startswith("30 of 30 in ")
    assert percent(shown["accuracy"], "training") > 99.0
    assert percent(shown["accuracy"], "held out") > 96.0
    assert shown["model"] == f"{shown['run']}/model.h5"


def test_train_options_are_heeded(dnn_xp):
    code, out, _ = dnn_xp(
        *("train", "digits", "--layers", "20,10", "--activation", "tanh", "--epochs", "3"),
        *("--batch-size", "64", "--optimizer", "sgd", "--learning-rate", "0.25"),
        *("--backend", "numpy", "--device", "cpu", "--dtype", "float64"),
    )
    assert code == 0
    shown = facts(out)
    assert shown["network"].startswith("64-20-10-10 tanh, ")
    assert shown["backend"] == "numpy on cpu, float64"
    assert shown["descent"] == "sgd, rate 0.25, batches of 64"
    assert shown["epochs"].startswith("3 of 3 in ")


def test_more_options_are_heeded(dnn_xp, tmp_path):
    code, out, err = dnn_xp(
        *("train", *QUICK, "--schedule", "cosine", "--warm-up", "0.5", "--clip-norm", "2"),
        *("--ema-decay", "0.9", "--class-weight", "balanced", "--output", "m.h5"),
        *("--metric", "f1", "--metric", "top_k_accuracy"),
    )
    assert (code, err) == (0, "")
    shown = facts(out)
    assert shown["descent"] == (
        "adam, rate 0.001, batches of 32, cosine over 2 epochs after a warm-up of 0.5, "
        "class weights balanced, norms up to 2, moving average of the parameters (0.9 stays)"
    )
    assert percent(shown["top_5_accuracy"], "held out") > percent(shown["accuracy"], "held out")
    about = load_model(tmp_path / "m.h5", backend="numpy").about
    assert about["schedule"] == "cosine over 2 epochs after a warm-up of 0.5"
    assert (about["clip_norm"], about["ema_decay"]) == (2.0, 0.9)
    assert about["class_weight"] == "balanced"
    last = re.search(r"^epoch 2/2 .* f1 (\S+), top_5_accuracy (\S+), 0 s left$", out, re.MULTILINE)
    assert last.groups() == tuple(shown[x].split()[2] for x in ("f1", "top_5_accuracy"))
    # The model knows which metrics were asked for.
    heading, *rows = dnn_xp("evaluate", "m.h5", "digits").out.splitlines()[1:]
    assert heading.split() == [
        *("part", "examples", "cost", "accuracy", "f1", "top_5_accuracy"),
    ]
    assert rows[-1].split()[-2:] == list(last.groups())


@pytest.mark.parametrize(
    "option",
    [
        *(("--schedule", name) for name in ("cosine", "step", "exponential", "inverse-scaling")),
        ("--schedule", "one-cycle"),
        ("--warm-up", "1"),
        ("--clip-norm", "0.01"),
        ("--ema-decay", "0.9"),
        ("--class-weight", "balanced"),
    ],
)
def test_each_option_changes_the_run(dnn_xp, tmp_path, option):
    code, _, err = dnn_xp("train", *QUICK, *option, "--output", "changed.h5")
    assert (code, err) == (0, "")
    dnn_xp("train", *QUICK, "--output", "usual.h5")
    changed, usual = (
        load_model(tmp_path / f"{name}.h5", backend="numpy") for name in ("changed", "usual")
    )
    assert not np.array_equal(changed.theta, usual.theta)


def test_the_seed_decides_the_run(dnn_xp):
    first, same, other = (
        re.sub(r"[\d.]+ s\b", "", dnn_xp("train", *QUICK, "--no-run", "--seed", seed).out)
        for seed in "556"
    )
    assert first == same
    assert first != other


def test_the_model_and_the_curve_are_kept(dnn_xp, tmp_path):
    code, out, _ = dnn_xp("train", *QUICK, "--seed", "4", "--output", "m.h5", "--plot", "c.png")
    assert code == 0
    assert facts(out)["model"] == "m.h5"
    assert facts(out)["curve"] == "c.png"
    model = load_model(tmp_path / "m.h5", backend="numpy")
    assert model.classes == tuple("0123456789")
    assert (model.image_shape, model.pixel_max) == ((8, 8, 1), 16)
    assert model.about["seed"] == 4
    assert model.about["epochs"] == 2
    assert model.about["data"] == "digits"
    assert {path.name for path in tmp_path.iterdir()} == {"m.h5", "c.png", "runs"}


@pytest.mark.parametrize(
    ("name", "begins"),
    [("c.png", b"\x89PNG"), ("c.PNG", b"\x89PNG"), ("c.svg", b"<?xml"), ("c.pdf", b"%PDF")],
)
def test_the_suffix_decides_what_is_drawn(dnn_xp, tmp_path, name, begins):
    pytest.importorskip("matplotlib")
    assert dnn_xp("train", *QUICK, "--plot", name).code == 0
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_targets(dnn_xp, houses):
    code, out, err = dnn_xp("train", houses, "--epochs", "60", "--output", "m.h5")
    assert (code, err) == (0, "")
    shown = facts(out)
    assert "3 features, 1 target" in shown["data"]
    assert "squared_error" in shown["network"]
    assert "accuracy" not in out
    assert float(re.search(r"([\d.]+) held out", shown["R2"])[1]) > 0.9
    assert re.search(r"held-out RMSE \d\S*, R2 0\.\d+, 0 s left", out)
    # The model is in the units of the data.
    assert (
        facts(dnn_xp("evaluate", "m.h5", houses).out)["training"].split()[2]
        == (shown["RMSE"].split()[0])
    )


def test_pictures(dnn_xp, pets):
    code, out, err = dnn_xp("train", pets, "--layers", "8", "--output", "m.h5")
    assert (code, err) == (0, "")
    shown = facts(out)
    assert "64 x 64 x 3 pictures, 2 classes" in shown["data"]
    assert "sigmoid_cross_entropy" in shown["network"]
    assert percent(shown["accuracy"], "held out") == 100.0
    code, out, _ = dnn_xp("predict", "m.h5", "pets/cat/0.png", "pets/dog/3.png")
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()[1:]] == ["cat", "dog"]


def test_train_a_run_that_diverges(dnn_xp, houses, tmp_path):
    code, out, err = dnn_xp(
        *("train", houses, "--optimizer", "sgd", "--learning-rate", "1e30"),
        *("--output", "m.h5", "--plot", "c.png"),
    )
    assert code == 1
    assert re.fullmatch(r"dnn-xp: error: diverged: .* lower the learning rate.*\n", err)
    assert facts(out)["model"] == "not kept: nothing was learnt"
    assert not (tmp_path / "m.h5").exists()


def refuse(*_, **__):
    raise PermissionError(13, "Permission denied")


def test_a_folder_that_cannot_be_written_to_is_found_before_the_training(dnn_xp, monkeypatch):
    monkeypatch.setattr("dnn_xp.app.outputs.try_replacing", refuse)
    code, out, err = dnn_xp("train", "--output", "m.h5")
    assert (code, out) == (2, "")
    assert err == "dnn-xp: error: --output: cannot write m.h5 to .: Permission denied\n"


@pytest.mark.parametrize("option", ["--output", "--checkpoint"])
def test_a_disk_that_is_too_small_is_found_before_the_training(dnn_xp, monkeypatch, option):
    usage = SimpleNamespace(free=20_000)
    monkeypatch.setattr("dnn_xp.app.outputs.shutil.disk_usage", lambda folder: usage)
    code, out, err = dnn_xp("train", option, "f")
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"dnn-xp: error: {option}: f takes about [\d,]+ bytes, .*\n", err)


@pytest.mark.parametrize("name", ["caf\udce9", "nul\0"])
def test_names_of_classes_that_no_model_can_hold(dnn_xp, tmp_path, name):
    data = dataset(("a", "b"))
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = data.X.T, data.y
    named = data._replace(classes=("a", name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dnn_xp.app.experiment.load", lambda *_, **__: (named, None))
        code, out, err = dnn_xp("train", "data.h5")
    assert (code, out) == (2, "")
    assert err.startswith(f"dnn-xp: error: found the class {name!a}, whose name cannot be kept")
    assert [path.name for path in tmp_path.iterdir()] == ["data.h5"]


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe", b"dog\x80s"])
def test_folders_whose_names_are_in_another_encoding(dnn_xp, pets, tmp_path, name):
    try:
        (tmp_path / pets / "dog").rename(tmp_path / pets / os.fsdecode(name))
    except OSError:
        pytest.skip("the system has no such names")
    code, out, err = dnn_xp("train", pets)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"found the class {os.fsdecode(name)!a}, whose name cannot be kept" in err


@pytest.mark.parametrize("name", ["été", "собака", "犬", "dog (old)", "a\u0301"])
def test_folders_may_have_any_name_that_is_text(dnn_xp, pets, tmp_path, name):
    (tmp_path / pets / "dog").rename(tmp_path / pets / name)
    assert dnn_xp("train", pets, "--layers", "8", "--epochs", "1").code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert load_model(folder / "model.h5", backend="numpy").classes == tuple(sorted(("cat", name)))


# ----------------------------------------------------------------------------- interrupts


def interrupt_in(epoch, number=signal.SIGINT, times=1):
    """Send a signal at the end of an epoch."""

    def advance(done, text):
        if done == epoch:
            for _ in range(times):
                signal.raise_signal(number)

    @contextmanager
    def progress(*_):
        yield advance

    return progress


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_keep_what_was_learnt(start, tmp_path, name):
    number = getattr(signal, name)
    with start("train", "--epochs", "100000", "--output", "m.h5") as process:
        first = process.stdout.readline()
        assert first.startswith("epoch 1/100000 ")
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == 128 + number, err
    shown = facts(out)
    assert after_the_answer(err, name) == (
        f"dnn-xp: go on with: dnn-xp resume {shown['run']} --output m.h5\n"
        f"dnn-xp: {'interrupted' if name == 'SIGINT' else f'stopped by {name}'}\n"
    )
    epochs = int(shown["epochs"].split()[0])
    assert epochs >= 1
    assert shown["model"] == "m.h5"
    for path in ("m.h5", f"{shown['run']}/model.h5"):
        assert load_model(tmp_path / path, backend="numpy").about["epochs"] == epochs


def test_ctrl_c_before_an_epoch_is_whole(dnn_xp, monkeypatch, tmp_path):
    def interrupted(self, run):
        self.last = run
        raise KeyboardInterrupt

    monkeypatch.setattr("dnn_xp.app.run._Watch.start", interrupted)
    code, out, err = dnn_xp("train", "--output", "m.h5", "--plot", "c.png")
    assert (code, err) == (130, "dnn-xp: interrupted\n")
    shown = facts(out)
    assert shown["epochs"].startswith("0 of 30")
    assert shown["model"] == "not kept: nothing was learnt"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
def test_a_signal_that_is_ignored_stays_ignored(tmp_path, bare):
    """As under nohup: the training goes on."""
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    code += "from dnn_xp.app.cli import main; main()"
    command = [sys.executable, "-c", code, "train", *QUICK[:1], "100", *QUICK[2:]]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=surroundings, **pipes) as process:
        assert process.stdout.readline().startswith("epoch 1/100 ")
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert facts(out)["epochs"].startswith("100 of 100 ")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
@pytest.mark.parametrize("where", ["save_model", "draw", "measure"])
def test_a_signal_after_the_training_waits_for_what_is_written(
    dnn_xp, tmp_path, monkeypatch, number, where
):
    pytest.importorskip("matplotlib")
    real, sent = getattr(results, where), []

    def late(*arguments):
        if not sent:
            sent.append(number)
            signal.raise_signal(number)
        return real(*arguments)

    monkeypatch.setattr(results, where, late)
    code, out, err = dnn_xp("train", *QUICK, "--output", "m.h5", "--plot", "c.png")
    assert code == 128 + number
    # It is done: there is nothing to go on with.
    assert after_the_answer(err, number.name).count("\n") == 1
    assert (facts(out)["model"], facts(out)["curve"]) == ("m.h5", "c.png")
    assert load_model(tmp_path / "m.h5", backend="numpy").about["epochs"] == 2
    assert (tmp_path / "c.png").exists()


def test_every_file_is_said_with_its_size(dnn_xp, tmp_path):
    pytest.importorskip("matplotlib")
    files = ("--output", "m.h5", "--plot", "c.png", "--checkpoint", "k", "--run", "r")
    out = dnn_xp("train", *QUICK, *files).out
    said = dict(re.findall(r"^(model|curve|checkpoint|run) +(\S+ \(.*\))$", out, re.MULTILINE))
    named = {"model": "m.h5", "curve": "c.png", "checkpoint": "k", "run": "r"}
    assert said == {what: f"{name} ({size_of(tmp_path / name)})" for what, name in named.items()}


def test_a_second_ctrl_c_keeps_the_last_whole_epoch(dnn_xp, tmp_path, monkeypatch):
    monkeypatch.setattr("dnn_xp.app.printing.progress", interrupt_in(3, times=2))
    code, out, err = dnn_xp("train", "--output", "m.h5")
    assert code == 130
    assert facts(out)["epochs"].startswith("3 of 30")
    assert err.endswith("dnn-xp: interrupted\n")
    for path in ("m.h5", f"{facts(out)['run']}/model.h5"):
        assert load_model(tmp_path / path, backend="numpy").about["epochs"] == 3


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
def test_a_second_sigterm_stops_at_once(start, tmp_path):
    code = """
import signal, sys
from dnn_xp.app import cli, run
class Slow(run._Watch):
    def epoch(self, run):
        super().epoch(run)
        print("at work", flush=True)
        while True:
            signal.sigtimedwait([], 0.1)
run._Watch = Slow
cli.main(["train"])
"""
    with start(code=code) as process:
        for line in process.stdout:
            if line == "at work\n":
                break
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None  # it would finish the epoch, if it could
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 143
    assert facts(out)["epochs"].startswith("1 of 30 ")
    assert facts(out)["model"].startswith("runs/")
    assert err.endswith("dnn-xp: stopped by SIGTERM\n")


def test_a_signal_in_the_first_epoch_keeps_the_steps_that_were_done(dnn_xp, tmp_path, monkeypatch):
    """An epoch may take hours."""
    real, steps = Interruptible.step, []

    def step(self, run):
        steps.append(run.step)
        if len(steps) == 5:
            signal.raise_signal(signal.SIGINT)
        return real(self, run)

    monkeypatch.setattr(Interruptible, "step", step)
    code, out, err = dnn_xp("train", "--output", "m.h5")
    assert code == 130
    assert facts(out)["epochs"].startswith("0 of 30")
    assert "accuracy" in facts(out)
    assert facts(out)["model"] == "m.h5"
    assert load_checkpoint(tmp_path / facts(out)["run"] / "checkpoint").steps == 5
    assert "go on with: dnn-xp resume runs/" in err


def test_train_every_library(dnn_xp, library):
    """The same run everywhere: what is printed differs in the backend and the seconds only."""
    code, out, err = dnn_xp(
        *("train", "--epochs", "2", "--layers", "8", "--batch-size", "500", "--dtype", "float64"),
        *("--backend", library.backend, *(("--device", library.device) if library.device else ())),
    )
    assert (code, err) == (0, "")
    shown = facts(out)
    assert shown.pop("backend").startswith(f"{library.backend} on ")
    del shown["model"], shown["run"]
    reference = facts(
        dnn_xp(
            "train",
            "--epochs",
            "2",
            *QUICK[2:4],
            "--batch-size",
            "500",
            "--dtype",
            "float64",
            "--backend",
            "numpy",
        ).out
    )
    for name in ("backend", "epochs", "model", "run"):
        reference.pop(name)
    del shown["epochs"]
    assert shown == reference
