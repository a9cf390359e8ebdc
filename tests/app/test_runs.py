"""Each training is kept in a folder of its own, from which ``dnn-xp resume`` goes on."""

import inspect
import json
import os
import re
import shlex
import signal
import tempfile
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.runs import (
    COPIES,
    SETTINGS,
    find_last_run,
    make_folder,
    read_record,
    remove_where_empty,
)
from dnn_xp.app.train import train
from dnn_xp.models import load_checkpoint, load_model
from tests.app.test_train import facts

QUICK = ("train", "--layers", "8", "--batch-size", "500", "--backend", "numpy")
TODAY = date.today().isoformat()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def history(folder):
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


# ----------------------------------------------------------------------------- folders


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("digits", "digits"),
        ("some/where/measurements.npz", "measurements"),
        ("pictures/", "pictures"),
        ("my data (new).h5", "my_data_new"),
        ("../..", ""),
        ("клюквы.npz", "клюквы"),
        ("esc\x1b[2J\n.h5", "esc_2J"),
        ("caf\udce9.h5", "caf"),
        ("x" * 300, "x" * 60),
    ],
)
def test_a_folder_is_named_after_the_day_and_the_data(here, data, name):
    folder = make_folder(data)
    assert folder == Path("runs") / "_".join(part for part in (TODAY, name) if part)
    assert folder.is_dir()


def test_no_two_runs_share_a_folder(here):
    names = [make_folder("digits").name for _ in range(3)]
    assert names == [f"{TODAY}_digits", f"{TODAY}_digits_2", f"{TODAY}_digits_3"]


def test_a_folder_that_cannot_be_made_has_a_name_all_the_same(here):
    Path("runs").write_text("a file")
    assert make_folder("digits") == Path("runs") / f"{TODAY}_digits"


def test_empty_folders_are_removed_and_others_stay(here):
    empty, full = make_folder("a"), make_folder("b")
    (full / "work").touch()
    for folder in (empty, full):
        remove_where_empty(folder)
    assert [path.name for path in Path("runs").iterdir()] == [full.name]
    (full / "work").unlink()
    remove_where_empty(full)
    assert not Path("runs").exists()


# ----------------------------------------------------------------------------- what is kept


def test_a_run_is_kept_without_being_asked_for(dnn_xp, tmp_path):
    code, out, err = dnn_xp(*QUICK, "--epochs", "2", "--dtype", "float64")
    assert (code, err) == (0, "")
    folder = tmp_path / facts(out)["run"]
    assert folder == tmp_path / "runs" / f"{TODAY}_digits"
    assert facts(out)["model"] == f"runs/{TODAY}_digits/model.h5"
    assert set(contents(folder)) == {
        *("model.h5", "history.jsonl", "run.json", "checkpoint", "checkpoint.1"),
    }
    assert [line["epoch"] for line in history(folder)] == [1, 2]
    said = record(folder)
    assert said["command"] == shlex.join(("dnn-xp", *QUICK, "--epochs", "2", "--dtype", "float64"))
    assert said["settings"]["fingerprint"] == load_model(folder / "model.h5").about["fingerprint"]
    assert said["options"]["--layers"] == "8"
    assert said["versions"].keys() >= {"python", "dnn_xp", "numpy"}
    assert said["figures"]["cost"] == history(folder)[-1]["cost"]
    assert said["directory"] == str(tmp_path)
    assert (said["ending"], said["epochs"]) == ("completed", 2)


def test_copies_are_further_ones(dnn_xp, tmp_path):
    options = ("--epochs", "1", "--output", "m.h5", "--checkpoint", "c", "--run", "mine/first")
    code, out, _ = dnn_xp(*QUICK, *options)
    assert code == 0
    assert facts(out)["model"] == "m.h5"
    assert facts(out)["run"] == "mine/first"
    models = [load_model(tmp_path / name) for name in ("m.h5", "mine/first/model.h5")]
    assert np.array_equal(models[0].theta, models[1].theta)
    assert models[0].about == models[1].about
    assert load_checkpoint(tmp_path / "c").epoch == 1
    assert not (tmp_path / "runs").exists()


def test_targets_are_kept_in_their_own_units(dnn_xp, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    np.savez(tmp_path / "houses.npz", x=x, y=250_000.0 + 50_000.0 * x[:, 0])
    code, out, _ = dnn_xp("train", "houses.npz", "--epochs", "3", "--output", "m.h5")
    assert code == 0
    folder = tmp_path / facts(out)["run"]
    held_out = re.search(r"(\S+) held out", facts(out)["RMSE"])[1]
    assert f"{history(folder)[-1]['validation_RMSE']:.4g}" == held_out
    assert f"{record(folder)['figures']['validation_RMSE']:.4g}" == held_out
    models = [load_model(path) for path in (tmp_path / "m.h5", folder / "model.h5")]
    assert np.array_equal(models[0].theta, models[1].theta)


def test_nothing_is_kept_where_that_is_asked_for(dnn_xp, tmp_path):
    code, out, err = dnn_xp(*QUICK, "--epochs", "1", "--no-run")
    assert (code, err) == (0, "")
    assert facts(out)["model"] == "not kept: --output FILE keeps it"
    assert "run" not in facts(out)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--run", "file"), ("--run", "file/below"), ()])
def test_a_folder_that_cannot_be_written_is_a_warning(dnn_xp, tmp_path, monkeypatch, arguments):
    """The model is then kept where the system keeps temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "file").write_text("years of work")
    if not arguments:
        (tmp_path / "runs").write_text("years of work")
    code, out, err = dnn_xp(*QUICK, "--epochs", "1", *arguments)
    assert code == 0
    assert re.fullmatch(r"dnn-xp: warning: \S+: nothing will be kept here \(.+\)\n", err)
    (kept,) = (tmp_path / "temporary").glob("*/model.h5")
    assert facts(out)["model"].replace("\n", "") == str(kept)
    assert load_model(kept).about["epochs"] == 1
    assert (tmp_path / "file").read_text() == "years of work"


@pytest.mark.parametrize("options", [(), ("--run", "mine/first"), ("--output", "m.h5")])
def test_a_folder_for_which_there_is_no_room_is_a_warning(dnn_xp, monkeypatch, options):
    """What the options ask for comes first, on one disk."""
    free = 100_000 if "--output" in options else 50_000
    usage = SimpleNamespace(free=free)
    monkeypatch.setattr("dnn_xp.app.outputs.shutil.disk_usage", lambda folder: usage)
    code, _, err = dnn_xp(*QUICK, "--epochs", "1", *options)
    assert code == 0
    assert re.fullmatch(
        r"dnn-xp: warning: --run: \S+ takes about [\d,]+ bytes, and only [\d,]+ are free there "
        r"beside the other outputs: the run may not be kept\n",
        err,
    )
    assert (f"only {free:,} are" in err) is ("--output" not in options)
    assert dnn_xp(*QUICK, "--epochs", "1", "--no-run").err == ""


def test_a_refused_command_leaves_no_folder(dnn_xp, tmp_path):
    for wrong in (("--epochs", "0"), ("--metric", "luck"), ("--resume",)):
        assert dnn_xp(*QUICK, *wrong).code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_ones_own_stays_where_a_command_is_refused(dnn_xp, start, tmp_path):
    (tmp_path / "mine" / "first").mkdir(parents=True)
    (tmp_path / "c.1").write_text("no checkpoint")
    assert dnn_xp(*QUICK, "--run", "mine/first", "--checkpoint", "c").code == 2
    assert list((tmp_path / "mine" / "first").iterdir()) == []


def test_a_folder_with_a_run_is_not_taken_for_another(dnn_xp, tmp_path):
    assert dnn_xp(*QUICK, "--run", "r", "--epochs", "1").code == 0
    before = contents(tmp_path / "r")
    code, _, err = dnn_xp(*QUICK, "--run", "r", "--epochs", "1")
    assert (code, err) == (
        2,
        "dnn-xp: error: --run: r holds a run: add --resume to go on with it, or name another "
        "folder\n",
    )
    assert contents(tmp_path / "r") == before


def test_a_folder_with_a_run_is_refused_before_the_data_are_read(dnn_xp, tmp_path):
    assert dnn_xp(*QUICK, "--run", "r", "--epochs", "1").code == 0
    code, _, err = dnn_xp("train", "no.h5", "--run", "r")
    assert (code, err.partition(" holds a run: ")[0]) == (2, "dnn-xp: error: --run: r")


# ----------------------------------------------------------------------------- dnn-xp resume


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signals")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_the_last_run_goes_on(dnn_xp, start, tmp_path, how):
    with start(*QUICK, "--epochs", "100000", "--output", "m.h5") as process:
        assert process.stdout.readline().startswith("epoch 1/100000 ")
        process.send_signal(getattr(signal, how))
        process.communicate()
    folder = tmp_path / "runs" / f"{TODAY}_digits"
    begun = load_checkpoint(folder / "checkpoint").epoch
    code, out, err = dnn_xp("resume", "--epochs", begun + 2, "--output", "m.h5")
    assert (code, err) == (0, "")
    assert facts(out)["epochs"].startswith(f"{begun + 2} of {begun + 2} in ")
    assert facts(out)["run"] == f"runs/{folder.name}"
    assert [line["epoch"] for line in history(folder)] == [*range(1, begun + 3)]
    assert dnn_xp(*QUICK, "--epochs", begun + 2, "--output", "undisturbed.h5").code == 0
    models = [load_model(tmp_path / name) for name in ("m.h5", "undisturbed.h5")]
    assert np.array_equal(models[0].theta, models[1].theta)
    assert record(folder)["arguments"][-2:] == ["--epochs", str(begun + 2)]


def test_a_run_that_is_done_says_so_and_goes_on_to_more(dnn_xp, tmp_path):
    assert dnn_xp(*QUICK, "--epochs", "2").code == 0
    folder = f"runs/{TODAY}_digits"
    said = f"dnn-xp: error: {folder}: its 2 epochs are done: --epochs N goes on to more\n"
    for arguments in ((), ("--epochs", "2"), (folder,)):
        assert dnn_xp("resume", *arguments) == (2, "", said)
    code, _, err = dnn_xp("resume", "--epochs", "1")
    assert (code, err) == (
        2,
        "dnn-xp: error: --epochs: found 1, expected at least 2, as are done already\n",
    )
    for epochs in (3, 5):
        assert dnn_xp("resume", "--epochs", epochs).code == 0
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_the_run_that_was_written_last_is_the_last(dnn_xp, tmp_path):
    for _ in range(3):
        assert dnn_xp(*QUICK, "--epochs", "1").code == 0
    folders = sorted((tmp_path / "runs").iterdir(), key=lambda path: len(path.name))
    assert find_last_run(tmp_path / "runs").name == f"{TODAY}_digits_3"
    assert dnn_xp("resume", folders[0], "--epochs", "2").code == 0
    assert find_last_run(tmp_path / "runs") == folders[0]


def test_a_run_goes_on_from_another_folder_as_where_it_began(dnn_xp, tmp_path, monkeypatch):
    np.savez(tmp_path / "data.npz", x=np.eye(20), y=np.arange(20) % 2)
    assert dnn_xp("train", "data.npz", "--epochs", "1", "--output", "m.h5").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, out, err = dnn_xp("resume", f"../runs/{TODAY}_data", "--epochs", "2", "--output", "n.h5")
    assert (code, err) == (0, "")
    assert facts(out)["epochs"].startswith("2 of 2 in ")
    assert load_model(tmp_path / "m.h5").about["epochs"] == 1
    assert load_model(tmp_path / "elsewhere" / "n.h5").about["epochs"] == 2
    assert Path.cwd() == tmp_path / "elsewhere"
    assert [path.name for path in Path().iterdir()] == ["n.h5"]


def test_a_folder_that_was_moved_goes_on_where_it_is(dnn_xp, tmp_path, monkeypatch):
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path / "old")
    assert dnn_xp(*QUICK, "--epochs", "1").code == 0
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").rename(tmp_path / "new")
    code, out, err = dnn_xp("resume", f"new/runs/{TODAY}_digits", "--epochs", "2")
    assert (code, err) == (0, "")
    assert facts(out)["run"] == f"new/runs/{TODAY}_digits"


def test_the_library_is_the_one_that_it_began_on(dnn_xp, tmp_path, monkeypatch):
    pytest.importorskip("array_api_strict")
    monkeypatch.setenv("DNN_XP_BACKEND", "array-api-strict")
    monkeypatch.setenv("DNN_XP_DEVICE", "CPU_DEVICE")
    assert dnn_xp("train", "--layers", "8", "--batch-size", "500", "--epochs", "1").code == 0
    monkeypatch.delenv("DNN_XP_BACKEND")
    monkeypatch.delenv("DNN_XP_DEVICE")
    code, out, _ = dnn_xp("resume", "--epochs", "2")
    assert code == 0
    assert facts(out)["backend"].startswith("array-api-strict on CPU_DEVICE")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signals")
def test_a_run_that_is_going_on_is_left_alone(dnn_xp, start, tmp_path):
    with start(*QUICK, "--epochs", "100000") as process:
        assert process.stdout.readline().startswith("epoch 1/100000 ")
        code, out, err = dnn_xp("resume")
        assert (code, out) == (2, "")
        assert err == f"dnn-xp: error: runs/{TODAY}_digits is being written by another run\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
    assert "warning" not in err
    assert facts(out)["model"] == f"runs/{TODAY}_digits/model.h5"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "r: holds no run: there is no run.json"),
        (b"", "r/run.json: is no record of a dnn-xp train: "),
        (b"{}", "'arguments'"),
        (b"[]", "is no record"),
        (b"[" * 100_000, "is nested too deeply"),
        (b" " * 10_000_001, "expected at most 10"),
        (b'{"arguments": "train", "settings": {"epochs": 1}}', "arguments: found 'train'"),
        (b'{"arguments": ["train", 3], "settings": {"epochs": 1}}', "expected texts"),
        (b'{"arguments": ["train", "a\\u0000"], "settings": {"epochs": 1}}', "without NUL"),
        (b'{"arguments": ["train", "\\ud800"], "settings": {"epochs": 1}}', "surrogates"),
        (b'{"arguments": [], "settings": {"epochs": 1}}', "not those of dnn-xp train"),
        (b'{"arguments": ["verify"], "settings": {"epochs": 1}}', "not those of dnn-xp train"),
        *(
            (b'{"arguments": ["train"], "settings": {"epochs": %s}}' % epochs, "epochs: found")
            for epochs in (b'"1"', b"true", b"-1", b"0", b"1.5", b"NaN", b"null", b"[]", b"1" * 23)
        ),
        *(
            (b'{"arguments": ["train"], "settings": {"epochs": 1}, %s}' % more, said)
            for more, said in (
                (b'"directory": 3', "directory: found"),
                (b'"directory": ["/"]', "directory: found"),
                (b'"directory": "a\\u0000b"', "directory: found"),
                (b'"directory": "\\udcff\\ud800"', "surrogates"),
                (b'"ending": true', "ending: found"),
                (b'"ending": "won"', "ending: found"),
                (b'"ending": {}', "ending: found"),
            )
        ),
        (b'{"arguments": ["train"], "settings": 7}', "is no record"),
        (b'{"arguments": ["train", "--luck"], "settings": {"epochs": 1}}', "--luck"),
        (b'{"arguments": ["train"], "settings": {"epochs": 1}}', "there is no checkpoint r/"),
    ],
)
def test_a_folder_that_is_no_run_is_one_line(dnn_xp, tmp_path, content, said):
    (tmp_path / "r").mkdir()
    if content is not None:
        (tmp_path / "r" / "run.json").write_bytes(content)
    code, out, err = dnn_xp("resume", "r")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_no_run_at_all(dnn_xp):
    code, _, err = dnn_xp("resume")
    assert (code, err) == (
        2,
        "dnn-xp: error: there is no run in runs: name the folder of one, or begin one\n",
    )


def test_of_each_option_of_train_it_is_said_whether_a_run_goes_on_with_it():
    anew = {"run", "no_run", "resume", "resume_or_start", "group", "as_json"}
    assert {*SETTINGS, *COPIES, *anew} == {*inspect.signature(train).parameters} - {"context"}


STRANGE = {
    "--output": ("--output", "mine.h5"),
    "--output=": ("--output=mine.h5",),
    "--plot": ("--plot", "mine.png"),
    "--checkpoint": ("--checkpoint", "mine.checkpoint"),
    "--trust": ("--trust",),
    "all": ("--output", "mine.h5", "--trust", "--checkpoint=mine.checkpoint"),
}


@pytest.mark.parametrize("words", STRANGE.values(), ids=STRANGE)
def test_the_folder_of_a_stranger_says_nothing_of_what_is_written(dnn_xp, tmp_path, words):
    """Neither where, nor that a file is trusted; that is one line, and the run goes on."""
    elsewhere = len(words) > 2
    assert dnn_xp(*QUICK, "--epochs", "1", "--run", "r").code == 0
    said = record(tmp_path / "r")
    said["arguments"] += [*words, "--run", "theirs", "--no-run", "--resume-or-start"]
    if elsewhere:
        (tmp_path / "home").mkdir()
        said["directory"] = str(tmp_path / "home")
    (tmp_path / "r" / "run.json").write_text(json.dumps(said))
    before = {path.name for path in tmp_path.iterdir()}
    code, _, err = dnn_xp("resume", "r", "--epochs", "2")
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("dnn-xp: note: ")
    for word in words:
        assert word.partition("=")[0] in err
    assert {path.name for path in tmp_path.iterdir()} == before
    assert not elsewhere or list((tmp_path / "home").iterdir()) == []
    assert load_checkpoint(tmp_path / "r" / "checkpoint").epoch == 2


def test_a_file_of_a_stranger_is_not_trusted_because_its_folder_says_so(dnn_xp, tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = np.eye(12)
        file["y"] = np.asarray(["a", "b"] * 6, dtype=h5py.string_dtype())
    quick = ("train", "data.h5", "--layers", "", "--epochs", "1", "--run", "r")
    assert dnn_xp(*quick).code == 2
    assert dnn_xp(*quick, "--trust").code == 0
    code, _, err = dnn_xp("resume", "r", "--epochs", "2")
    assert code == 2
    note, error = err.splitlines()
    assert "r was begun with --trust" in note
    assert "--trust" in error
    code, _, err = dnn_xp("resume", "r", "--epochs", "2", "--trust")
    assert (code, err) == (0, "")


def test_copies_are_written_again_where_they_are_asked_for(dnn_xp, tmp_path):
    copies = ("--output", "m.h5", "--checkpoint", "c")
    assert dnn_xp(*QUICK, "--epochs", "1", "--run", "r", *copies).code == 0
    code, _, err = dnn_xp("resume", "r", "--epochs", "2", *copies[:2])
    assert code == 0
    assert err == (
        "dnn-xp: note: r was begun with --checkpoint c, which count here only where they are "
        "given to dnn-xp resume, too\n"
    )
    code, _, err = dnn_xp("resume", "r", "--epochs", "3", *copies)
    assert (code, err) == (0, "")
    assert load_model(tmp_path / "m.h5").about["epochs"] == 3
    assert load_checkpoint(tmp_path / "c").epoch == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_record_that_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(ValueError, match="holds no run"):
        read_record(tmp_path)


@pytest.mark.parametrize("name", ["run.json", "checkpoint", "checkpoint.1", "model.h5"])
def test_nothing_else_is_written_over_what_a_run_keeps(dnn_xp, tmp_path, name):
    (tmp_path / "r").mkdir()
    code, out, err = dnn_xp(*QUICK, "--epochs", "1", "--run", "r", "--output", f"r/{name}")
    assert (code, out) == (2, "")
    assert f"--output: found r/{name}, a file that --run keeps" in err
