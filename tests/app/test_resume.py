"""``dnn-xp train --checkpoint FILE --resume``: what is broken off goes on to the same model."""

import shlex
import signal

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.resume import open_resume, resume_command
from dnn_xp.models import load_checkpoint, load_model
from tests.app.test_train import facts

QUICK = ("train", "--layers", "8", "--batch-size", "500", "--backend", "numpy")
KEPT = ("--checkpoint", "a run", "--output", "m.h5")


def model(path):
    """Return all that a model holds, but for its name."""
    model = load_model(path, backend="numpy")
    return model.theta.tobytes(), model.about, model.network


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signals")
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_what_was_broken_off_goes_on(dnn_xp, start, tmp_path, how):
    with start(*QUICK, *KEPT, "--epochs", "100000") as process:
        assert process.stdout.readline().startswith("epoch 1/100000 ")
        process.send_signal(getattr(signal, how))
        out, err = process.communicate()
    begun = load_checkpoint(tmp_path / "a run")
    again = [*QUICK, *KEPT, "--epochs", "100000", "--resume"]
    if how == "SIGINT":
        assert process.returncode == 130, err
        command, interrupted = err.splitlines()
        assert interrupted == "dnn-xp: interrupted"
        assert command.startswith("dnn-xp: go on with: dnn-xp train ")
        assert shlex.split(command.partition("go on with: dnn-xp ")[2]) == again
        assert facts(out)["epochs"].startswith(f"{begun.epoch} of 100000 in ")
        assert facts(out)["model"] == "m.h5"
        assert begun.epoch >= 1
    else:
        assert process.returncode == -signal.SIGKILL

    epochs = begun.epoch + 3
    code, out, err = dnn_xp(*again, "--epochs", epochs)  # the last one counts
    assert (code, err) == (0, "")
    shown = facts(out)["epochs"]
    assert shown.startswith(f"{epochs} of {epochs} in ")
    assert (f", {begun.epoch} of them before" in shown) is (begun.epoch > 0)
    assert dnn_xp(*QUICK, "--epochs", epochs, "--output", "undisturbed.h5").code == 0
    assert model(tmp_path / "m.h5") == model(tmp_path / "undisturbed.h5")


def test_more_epochs_of_a_run_that_has_ended(dnn_xp, tmp_path):
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "2").code == 0
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "4", "--resume").code == 0
    code, out, _ = dnn_xp(*QUICK, *KEPT[2:], "--checkpoint", "c", "--epochs", "4", "--resume")
    assert code == 0
    assert facts(out)["epochs"].endswith(", 4 of them before")
    assert dnn_xp(*QUICK, "--epochs", "4", "--output", "undisturbed.h5").code == 0
    assert model(tmp_path / "m.h5") == model(tmp_path / "undisturbed.h5")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--resume"], "--resume: goes on from a --checkpoint FILE, and none is given"),
        (["--checkpoint", "no", "--resume"], "--resume: there is no checkpoint no"),
        (["--checkpoint", "no/where"], "--checkpoint: the folder no does not exist"),
        (["--checkpoint", "c", "--output", "c"], "--checkpoint: c is the --output, too"),
        (
            ["--checkpoint", "c"],
            "--checkpoint: c exists: add --resume to go on from it, or remove it to begin anew",
        ),
        (
            ["--checkpoint", "c", "--resume", "--batch-size", "100"],
            "--resume: this is the progress of another run; --batch-size: found 500, expected 100",
        ),
    ],
)
def test_resume_what_cannot_be_is_one_line(dnn_xp, tmp_path, arguments, error):
    dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "1")
    before = (tmp_path / "c").read_bytes()
    assert dnn_xp(*QUICK, *arguments) == (2, "", f"dnn-xp: error: {error}\n")
    assert (tmp_path / "c").read_bytes() == before


def test_other_data_of_the_same_shape_are_refused(dnn_xp, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    for slope in (1.0, 2.0):
        np.savez(tmp_path / "data.npz", x=x, y=slope * x[:, 0])
        resume = ["--resume"] if slope == 2.0 else []
        code, _, err = dnn_xp("train", "data.npz", "--epochs", "1", "--checkpoint", "c", *resume)
    assert (code, err) == (
        2,
        "dnn-xp: error: --resume: this is the progress of a run on other data\n",
    )


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(dnn_xp, tmp_path):
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "3").code == 0
    newest = tmp_path / "c"
    newest.write_bytes(newest.read_bytes()[:-9])
    code, out, err = dnn_xp(*QUICK, *KEPT[2:], "--checkpoint", "c", "--epochs", "3", "--resume")
    assert code == 0
    assert err == (
        f"dnn-xp: warning: {newest}: damaged or truncated: its checksum does not fit; "
        f"{newest}.1 is used instead\n"
    )
    assert dnn_xp(*QUICK, "--epochs", "3", "--output", "undisturbed.h5").code == 0
    assert model(tmp_path / "m.h5") == model(tmp_path / "undisturbed.h5")
    for path in (newest, tmp_path / "c.1"):
        path.write_bytes(b"")
    code, out, err = dnn_xp(*QUICK, "--checkpoint", "c", "--resume")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.count("not a checkpoint that dnn_xp saved") == 2


def refuse(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_from_the_start_is_one_line(dnn_xp, monkeypatch):
    monkeypatch.setattr("dnn_xp.callbacks.checkpoint.save_checkpoint", refuse)
    code, out, err = dnn_xp(*QUICK, "--checkpoint", "c")
    assert (code, out) == (2, "")
    assert err == "dnn-xp: error: --checkpoint: No space left on device\n"


def test_a_disk_that_fills_up_is_said_and_the_training_goes_on(dnn_xp, tmp_path, monkeypatch):
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "1").code == 0
    monkeypatch.setattr("dnn_xp.callbacks.checkpoint.save_checkpoint", refuse)
    code, out, err = dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "2", "--resume")
    assert code == 0
    assert facts(out)["epochs"].startswith("2 of 2 ")
    assert err == (
        "dnn-xp: warning: c: no checkpoint could be written "
        "([Errno 28] No space left on device); older ones remain\n"
    )


def test_the_command_that_resumes():
    assert resume_command(["train", "my data", "--checkpoint", "c"]) == (
        "dnn-xp train 'my data' --checkpoint c --resume"
    )
    assert resume_command(["train", "--resume", "--checkpoint", "c"]) == (
        "dnn-xp train --resume --checkpoint c"
    )


def test_without_checkpoints_there_is_nothing_to_come_from():
    resume = open_resume(None, resume=False)
    assert (resume.progress, resume.checkpoints, resume.epochs_before) == (None, (), 0)
