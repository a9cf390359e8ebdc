import h5py
import numpy as np
import pytest

from dnn_xp import Dense, Model, Network, save_model
from dnn_xp.app.errors import Failure, UserError, user_errors
from dnn_xp.backends import BackendError, BackendNotInstalledError
from dnn_xp.data import stored


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("rate: found 2"), "rate: found 2"),
        (ValueError("learning_rate: found 2"), "--learning-rate: found 2"),
        (ValueError("--learning-rate: found 2"), "--learning-rate: found 2"),
        (ValueError("metrics: found 2"), "--metric: found 2"),
        (ValueError("learning_rate and momentum: found 2"), "learning_rate and momentum: found 2"),
        (FileNotFoundError(2, "No such file", "cat.png"), "cat.png: No such file"),
        (FileNotFoundError("cat.png: there is no such file"), "cat.png: there is no such file"),
        (BackendError("no float64"), "no float64"),
        (BackendNotInstalledError("backend is not installed"), "backend is not installed"),
        (ImportError("pip install 'dnn-xp[app]'"), "pip install 'dnn-xp[app]'"),
        (MemoryError("Unable to allocate 9 TiB"), "Unable to allocate 9 TiB"),
        (MemoryError(), "MemoryError"),
    ],
    ids=repr,
)
def test_what_a_person_can_mend(error, message):
    with pytest.raises(UserError) as raised, user_errors():
        raise error
    assert str(raised.value) == message
    assert raised.value.exit_code == 2
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [TypeError("a bug"), KeyError("a bug"), ImportError("a typo")], ids=repr
)
def test_a_bug_stays_one(error):
    with pytest.raises(type(error)) as raised, user_errors():
        raise error
    assert raised.value is error


def test_a_failure_is_another_exit_code():
    assert Failure("3 of 4 are off").exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        *(("train", "--learning-rate", rate) for rate in ("-1", "nan", "0", "inf")),
        *(("train", option, "x") for option in ("--activation", "--optimizer", "--schedule")),
        *(("train", option, "-1") for option in ("--clip-norm", "--ema-decay", "--warm-up")),
        *(("train", option, "x") for option in ("--metric", "--layers")),
        *(("range-test", option, "-1") for option in ("--lowest", "--highest")),
        ("range-test", "--activation", "x"),
    ],
    ids=" ".join,
)
def test_an_error_at_the_command_line_names_the_option(dnn_xp, words):
    code, out, err = dnn_xp(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"dnn-xp: error: {words[1]}: found ")


@pytest.mark.parametrize("data", ["digits", "data.npz", "pictures/", "large.h5"])
@pytest.mark.parametrize("command", ["train", "range-test", "evaluate"])
def test_a_folder_from_which_nothing_would_be_read_is_refused(
    dnn_xp, tmp_path, monkeypatch, command, data
):
    monkeypatch.setattr(stored, "LARGE", 0)
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file["x"], file["y"] = np.ones((40, 2)), np.arange(40) % 2
    model = ["m.h5"] if command == "evaluate" else []
    if model:
        network = Network(2, (Dense(1),), "squared_error")
        save_model(tmp_path / "m.h5", Model(network, np.ones(3)))
    code, _, err = dnn_xp(command, *model, data, "--data-dir", "nope")
    assert (code, err.count("\n")) == (2, 1)
    assert "--data-dir: found nope, but it is where the cat pictures are" in err
    assert f"and the data are {data}; " in err


@pytest.mark.parametrize("command", ["train", "range-test"])
def test_data_without_a_name_are_named_as_that(dnn_xp, command):
    code, _, err = dnn_xp(command, "")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("dnn-xp: error: data: found ''")
