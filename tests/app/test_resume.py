"""``dnn-xp train --checkpoint FILE --resume``: what is broken off goes on to the same model."""

import io
import shlex
import signal

import h5py
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.resume import holds_progress, open_resume, resume_command
from dnn_xp.callbacks import Checkpoint
from dnn_xp.files import seal
from dnn_xp.models import load_checkpoint, load_model, save_checkpoint
from tests.app.test_train import after_the_answer, facts

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
    again = ["train", "--resume", *QUICK[1:], *KEPT, "--epochs", "100000"]
    if how == "SIGINT":
        assert process.returncode == 130, err
        command, interrupted = after_the_answer(err).splitlines()
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
        (
            ["--resume"],
            "--resume: goes on from a --checkpoint FILE or with a --run FOLDER, and none is given; "
            "dnn-xp resume goes on with the last run",
        ),
        (["--checkpoint", "no", "--resume"], "--resume: there is no checkpoint no"),
        (["--checkpoint", "no/where"], "--checkpoint: the folder no does not exist"),
        (["--checkpoint", "c", "--output", "c"], "--checkpoint: c is the --output, too"),
        (
            ["--checkpoint", "c"],
            "--checkpoint: c exists: add --resume to go on from it, or remove it to begin anew",
        ),
        (
            ["--checkpoint", "c", "--resume", "--batch-size", "100"],
            "--batch-size: found 100, begun with 500",
        ),
        (
            ["--checkpoint", "c", "--resume", "--layers", "8, 4", "--learning-rate", "0.1"],
            "--layers: found 8,4, begun with 8; --learning-rate: found 0.1, begun with 0.001",
        ),
        (
            ["--checkpoint", "c", "--resume", "--ema-decay", "0.9", "--metric", "f1"],
            "--ema-decay: found 0.9, begun with none; --metric: found f1, begun with none",
        ),
        (
            ["--checkpoint", "c", "--resume", "--dtype", "float64"],
            "--dtype: found float64, begun with float32",
        ),
        (["--run", "r", "--resume"], "--resume: there is no checkpoint r/checkpoint"),
        (["--run", "r", "--no-run"], "--no-run: found --run, too; expected one of them"),
    ],
)
def test_resume_what_cannot_be_is_one_line(dnn_xp, tmp_path, arguments, error):
    dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "1")
    before = (tmp_path / "c").read_bytes()
    assert dnn_xp(*QUICK, *arguments) == (2, "", f"dnn-xp: error: {error}\n")
    assert (tmp_path / "c").read_bytes() == before


@pytest.mark.parametrize("kept", [("--checkpoint", "c"), ("--run", "r")], ids=["file", "folder"])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((50, 3), 2.0),
        ((50, 4), 1.0),
        ((50, 1), 1.0),
        ((60, 3), 1.0),
        ((9, 3), 1.0),
        ((50, 3), "classes"),
        ((50, 3), "two targets"),
    ],
)
def test_data_that_have_changed_are_named_and_no_option(dnn_xp, tmp_path, kept, x, y):
    """Also where another number of features or outputs makes another network of them."""

    def save(shape, y):
        features = np.random.default_rng(0).normal(size=shape)
        first = features[:, 0]
        named = {"classes": np.arange(shape[0]) % 3, "two targets": np.stack([first, first], 1)}
        np.savez(tmp_path / "data.npz", x=features, y=named[y] if y in named else y * first)

    save((50, 3), 1.0)
    assert dnn_xp("train", "data.npz", "--epochs", "1", *kept).code == 0
    save(x, y)
    code, _, err = dnn_xp("train", "data.npz", "--epochs", "2", *kept, "--resume")
    assert (code, err) == (
        2,
        "dnn-xp: error: --resume: this is the progress of a run on other data: data.npz has "
        "changed since, or is another file\n",
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


def test_a_disk_that_is_full_from_the_start_is_one_line(dnn_xp, tmp_path, monkeypatch):
    monkeypatch.setattr("dnn_xp.callbacks.checkpoint.save_checkpoint", refuse)
    code, out, err = dnn_xp(*QUICK, "--checkpoint", "c")
    assert (code, out) == (2, "")
    assert err == "dnn-xp: error: --checkpoint: c: No space left on device\n"
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_an_older_checkpoint_is_named(dnn_xp, tmp_path):
    (tmp_path / "c.1").write_text("years of work")
    code, out, err = dnn_xp(*QUICK, "--checkpoint", "c")
    assert (code, out) == (2, "")
    assert err == (
        f"dnn-xp: error: --checkpoint: {tmp_path}/c.1: no checkpoint, but it has the name of an "
        "older one\n"
    )
    assert (tmp_path / "c.1").read_text() == "years of work"


def test_a_disk_that_fills_up_is_said_and_the_training_goes_on(dnn_xp, tmp_path, monkeypatch):
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "1").code == 0
    monkeypatch.setattr("dnn_xp.callbacks.checkpoint.save_checkpoint", refuse)
    kept = ("--checkpoint", "c", "--no-run")
    code, out, err = dnn_xp(*QUICK, *kept, "--epochs", "2", "--resume")
    assert code == 0
    assert facts(out)["epochs"].startswith("2 of 2 ")
    assert err == (
        "dnn-xp: warning: c: no checkpoint could be written "
        "([Errno 28] No space left on device); older ones remain\n"
    )


def test_the_command_that_resumes():
    assert resume_command(["train", "my data", "--checkpoint", "c"]) == (
        "dnn-xp train --resume 'my data' --checkpoint c"
    )
    for option in ("--resume", "--resume-or-start"):
        assert resume_command(["train", option, "--checkpoint", "c"]) == (
            f"dnn-xp train {option} --checkpoint c"
        )


@pytest.mark.parametrize("schedule", ["cosine", "step", "exponential", "one-cycle"])
def test_more_epochs_are_another_schedule_where_it_is_so_long(dnn_xp, schedule):
    options = ("--checkpoint", "c", "--schedule", schedule)
    assert dnn_xp(*QUICK, *options, "--epochs", "1").code == 0
    code, _, err = dnn_xp(*QUICK, *options, "--epochs", "2", "--resume")
    assert code == 2
    assert err.startswith("dnn-xp: error: --epochs: found 2, begun with 1")


@pytest.mark.parametrize("epochs", [1, 2])
def test_fewer_epochs_than_are_done(dnn_xp, epochs):
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "3").code == 0
    code, out, err = dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", epochs, "--resume")
    assert (code, out) == (2, "")
    assert (
        err
        == f"dnn-xp: error: --epochs: found {epochs}, expected at least 3, as are done already\n"
    )


def test_a_checkpoint_of_before_knows_no_options(dnn_xp, tmp_path):
    """Then what differs is found by the run itself, and told by the options that it may be."""
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "1").code == 0
    progress = load_checkpoint(tmp_path / "c")
    watched = {
        name: value
        for name, value in progress.callbacks["_Watch"].items()
        if not name.startswith("--")
    }
    (tmp_path / "c").unlink()
    save_checkpoint(tmp_path / "c", progress._replace(callbacks={"_Watch": watched}))
    options = ("--checkpoint", "c", "--epochs", "2", "--resume", "--learning-rate", "0.25")
    code, _, err = dnn_xp(*QUICK, *options)
    assert code == 2
    assert (
        "; --optimizer, --learning-rate or --weight-decay: found adam(0.25), begun with adam()"
        in err
    )
    assert dnn_xp(*QUICK, *options[:-2]).code == 0


# ----------------------------------------------------------------------------- restart loops


@pytest.mark.parametrize("kept", [("--checkpoint", "c"), ("--run", "r")], ids=["file", "folder"])
def test_one_command_begins_and_goes_on(dnn_xp, tmp_path, kept):
    command = (*QUICK, *kept, "--resume-or-start", "--output", "m.h5", "--epochs")
    code, _, err = dnn_xp(*command, "2")
    assert code == 0
    assert err.startswith("dnn-xp: warning: --resume-or-start: there is no checkpoint ")
    for epochs in ("4", "4"):
        code, out, err = dnn_xp(*command, epochs)
        assert (code, err) == (0, "")
        assert "4 of 4 in " in facts(out)["epochs"]
        assert "of them before" in facts(out)["epochs"]
    assert dnn_xp(*QUICK, "--epochs", "4", "--output", "undisturbed.h5").code == 0
    assert model(tmp_path / "m.h5") == model(tmp_path / "undisturbed.h5")


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, "cut", "flipped", "older cut, too"])
def test_a_damaged_checkpoint_is_put_aside_and_the_run_begins(dnn_xp, tmp_path, content):
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "1").code == 0
    newest, before = tmp_path / "c", tmp_path / "c.1"
    whole = newest.read_bytes()
    damaged = {"cut": whole[:-100], "flipped": whole[:-100] + b"!" * 100}
    newest.write_bytes(
        damaged.get(content, damaged["cut"]) if isinstance(content, str) else content
    )
    before.unlink()
    if content == "older cut, too":
        before.write_bytes(whole[:600])
    kept = newest.read_bytes()
    command = (*QUICK, "--checkpoint", "c", "--epochs", "1", "--resume-or-start")
    code, out, err = dnn_xp(*command)
    assert code == 0
    assert "put aside as c.damaged" in err
    assert (tmp_path / "c.damaged").read_bytes() == kept
    assert (tmp_path / "c.1.damaged").exists() is (content == "older cut, too")
    assert "before" not in facts(out)["epochs"]
    assert dnn_xp(*command)[::2] == (0, "")


@pytest.mark.parametrize("what", ["a table", "another format", "other options"])
def test_what_is_no_damaged_checkpoint_is_not_put_aside(dnn_xp, tmp_path, what):
    path, more = tmp_path / "c", ()
    if what == "a table":
        path.write_bytes(b"years,of,work\n" * 100)
    else:
        assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "1").code == 0
        (tmp_path / "c.1").unlink()
        more = ("--seed", "7")
    if what == "another format":
        buffer = io.BytesIO(path.read_bytes())
        with h5py.File(buffer, "r+") as file:
            file.attrs["version"] = 99
        path.write_bytes(seal(buffer, "checkpoint"))
        more = ()
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}
    code, out, err = dnn_xp(*QUICK, "--checkpoint", "c", "--resume-or-start", *more)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert before == {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}


def test_a_second_run_on_one_checkpoint_is_one_line(dnn_xp, start, tmp_path):
    with start(*QUICK, "--checkpoint", "c", "--epochs", "100000") as process:
        assert process.stdout.readline().startswith("epoch 1/100000 ")
        code, out, err = dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", "100000", "--resume")
        assert (code, out) == (2, "")
        assert err == "dnn-xp: error: --checkpoint: c: is being written by another run\n"
        assert len(list((tmp_path / "runs").iterdir())) == 1  # that of the first
        process.kill()
        process.communicate()
    epochs = load_checkpoint(tmp_path / "c").epoch + 1
    assert dnn_xp(*QUICK, "--checkpoint", "c", "--epochs", epochs, "--resume").code == 0


def test_without_checkpoints_there_is_nothing_to_come_from():
    resume = open_resume(None)
    assert (resume.progress, resume.checkpoints, resume.epochs_before) == (None, (), 0)


@pytest.mark.parametrize("older", ["1", "2", "12"])
def test_an_older_checkpoint_alone_is_one_to_go_on_from(dnn_xp, tmp_path, older):
    """As a kill between two names may leave it."""
    path = tmp_path / "c"
    assert not holds_progress(path)
    (tmp_path / f"c.{older}").write_bytes(b"another file")
    assert not holds_progress(path)
    assert dnn_xp(*QUICK, "--epochs", "1", "--checkpoint", "d").code == 0
    (tmp_path / "d").replace(tmp_path / f"c.{older}")
    assert holds_progress(path)


@pytest.mark.parametrize("older", ["1", "2"])
@pytest.mark.parametrize("kept", [("--checkpoint", "c"), ()], ids=["file", "folder"])
def test_what_was_interrupted_names_the_way_on_where_an_older_checkpoint_is_left(
    dnn_xp, tmp_path, monkeypatch, kept, older
):
    real = Checkpoint.end

    def end(self, result):
        real(self, result)
        self.path.replace(self.path.with_name(f"{self.path.name}.{older}"))
        return result

    def interrupted(self, run):
        return signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Checkpoint, "end", end)
    monkeypatch.setattr(Checkpoint, "epoch", interrupted)
    code, _, err = dnn_xp(*QUICK, "--epochs", "5", *kept)
    assert code == 130
    assert "go on with: dnn-xp " in err
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    command = shlex.split(err.splitlines()[0].partition("go on with: dnn-xp ")[2])
    assert dnn_xp(*command).code == 0
