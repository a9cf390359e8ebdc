"""``dnn-xp train``: what it shows, what it keeps, and how it ends."""

import re
import signal

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.optimization import choose_optimizer_settings
from dnn_xp.app.options import ClassWeight, Dtype
from dnn_xp.app.run import PreparedRun
from dnn_xp.app.train import Settings
from dnn_xp.models import load_model
from tests.app.examples import dataset, prepared

QUICK = ("--epochs", "2", "--layers", "8", "--backend", "numpy")


@pytest.fixture
def houses(tmp_path):
    """Write a regression: prices that depend on three features."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) * [1.0, 100.0, 1e-3]
    np.savez(tmp_path / "houses.npz", x=x, y=250_000.0 + 50_000.0 * x[:, 0] + 400.0 * x[:, 1])
    return "houses.npz"


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
    """Return the closing table."""
    out = out[f"\n{out}".index("\ndata ") :]
    return dict(re.findall(r"^(\w+)  +(\S.*)$", out, re.MULTILINE))


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
    assert "--output" in shown["model"]


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
        "norms up to 2, moving average of the parameters (0.9 stays)"
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
        re.sub(r"[\d.]+ s\b", "", dnn_xp("train", *QUICK, "--seed", seed).out) for seed in "556"
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
    assert {path.name for path in tmp_path.iterdir()} == {"m.h5", "c.png"}


def test_what_is_written_down_with_a_model(tmp_path):
    settings = Settings(
        data=str(tmp_path / "data.npz"),
        layers="8",
        activation="tanh",
        epochs=9,
        batch_size=16,
        optimizer="sgd",
        learning_rate=None,
        schedule="step",
        warm_up=0.0,
        clip_norm=2.0,
        ema_decay=None,
        class_weight=ClassWeight.balanced,
        metrics=["f1"],
        seed=7,
        data_dir=None,
        trust=False,
        dtype=Dtype.float64,
        output=None,
        plot=None,
        checkpoint=None,
        resume=False,
    )
    optimizer_settings = choose_optimizer_settings(
        "sgd",
        None,
        schedule="step",
        warm_up_epochs=0.0,
        epochs=9,
        clip_norm=2.0,
        ema_decay=None,
    )
    experiment = prepared(tmp_path, dataset(("a", "b")))
    run = PreparedRun(experiment, optimizer_settings, {}, 9, 16, 7)
    assert settings.about(run, 5, "numpy") == {
        "data": "data.npz",
        "fingerprint": experiment.fingerprint,
        "seed": 7,
        "epochs": 5,
        "batch_size": 16,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "schedule": "step over 9 epochs",
        "clip_norm": 2.0,
        "ema_decay": None,
        "class_weight": "balanced",
        "metrics": ["f1"],
        "backend": "numpy",
    }


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


def test_a_folder_that_cannot_be_written_to_is_found_before_the_training(
    dnn_xp, tmp_path, monkeypatch
):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dnn_xp.app.outputs.tempfile.TemporaryFile", refuse)
    code, out, err = dnn_xp("train", "--output", "m.h5")
    assert (code, out) == (2, "")
    assert err == "dnn-xp: error: --output: cannot write to .: Permission denied\n"


def test_a_full_disk_is_one_line(dnn_xp, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device", "m.h5")

    monkeypatch.setattr("dnn_xp.app.train.save_model", refuse)
    code, _, err = dnn_xp("train", *QUICK, "--output", "m.h5")
    assert code == 2
    assert err == "dnn-xp: error: m.h5: No space left on device\n"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGINT to send")
def test_ctrl_c_keeps_what_was_learnt(start, tmp_path):
    with start("train", "--epochs", "100000", "--output", "m.h5") as process:
        first = process.stdout.readline()
        assert first.startswith("epoch 1/100000 ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert err == "dnn-xp: interrupted\n"
    shown = facts(out)
    epochs = int(shown["epochs"].split()[0])
    assert epochs >= 1
    assert shown["model"] == "m.h5"
    assert load_model(tmp_path / "m.h5", backend="numpy").about["epochs"] == epochs


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


def test_train_every_library(dnn_xp, library):
    """The same run everywhere: what is printed differs in the backend and the seconds only."""
    code, out, err = dnn_xp(
        *("train", "--epochs", "2", "--layers", "8", "--batch-size", "500", "--dtype", "float64"),
        *("--backend", library.backend, *(("--device", library.device) if library.device else ())),
    )
    assert (code, err) == (0, "")
    shown = facts(out)
    assert shown.pop("backend").startswith(f"{library.backend} on ")
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
    del reference["backend"], reference["epochs"], shown["epochs"]
    assert shown == reference
