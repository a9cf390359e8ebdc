"""``dnn-xp range-test``: a rate that trains, and the curve beside it."""

import re

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from tests.app.test_train import facts, percent

QUICK = ("range-test", "digits", "--layers", "8", "--backend", "numpy")


def proposed(shown):
    return re.fullmatch(r"--learning-rate ([\d.e-]+)", shown["proposed"])[1]


def test_what_it_proposes_trains(dnn_xp, tmp_path):
    code, out, err = dnn_xp("range-test", "--plot", "rates.png")
    assert (code, err) == (0, "")
    shown = facts(out)
    assert shown["network"].startswith("64-64-32-10 relu, ")
    first, last, steps = re.fullmatch(r"(\S+) to (\S+) in (\d+) steps", shown["tried"]).groups()
    rate = proposed(shown)
    assert float(first) == 1e-6 < 10.0 * float(rate) <= float(last) <= 10.0
    assert 3 <= int(steps) <= 200
    assert shown["curve"] == "rates.png"
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    trained = facts(dnn_xp("train", "--epochs", "10", "--learning-rate", rate).out)
    assert percent(trained["accuracy"], "held out") > 90.0


def test_range_test_options_are_heeded(dnn_xp):
    code, out, _ = dnn_xp(
        *(*QUICK, "--optimizer", "sgd", "--batch-size", "500", "--activation", "tanh"),
        *("--lowest", "0.001", "--highest", "0.1", "--steps", "60", "--dtype", "float64"),
    )
    assert code == 0
    shown = facts(out)
    assert shown["network"].startswith("64-8-10 tanh")
    assert shown["backend"] == "numpy on cpu, float64"
    assert shown["tried"] == "0.001 to 0.1 in 60 steps; the cost still falls there: raise --highest"
    assert "curve" not in shown


def test_the_seed_decides(dnn_xp):
    first, same, other = (dnn_xp(*QUICK, "--seed", seed, "--steps", "50").out for seed in "557")
    assert first == same
    assert first != other


def test_targets_in_any_unit_want_the_same_rate(dnn_xp, tmp_path):
    x = np.random.default_rng(0).normal(size=(200, 3))
    rates = set()
    for unit in (1.0, 1e6):
        np.savez(tmp_path / "data.npz", x=x, y=unit * x[:, 0])
        code, out, err = dnn_xp("range-test", "data.npz", "--dtype", "float64")
        assert (code, err) == (0, "")
        rates.add(proposed(facts(out)))
    assert len(rates) == 1


def test_range_test_every_library(dnn_xp, library):
    """The same rate everywhere."""
    device = ("--device", library.device) if library.device else ()
    options = (*QUICK[:4], "--batch-size", "500", "--steps", "20", "--dtype", "float64")
    code, out, err = dnn_xp(*options, "--backend", library.backend, *device)
    assert (code, err) == (0, "")
    assert facts(out)["proposed"] == facts(dnn_xp(*QUICK, *options[4:]).out)["proposed"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--lowest", "2", "--highest", "1"], "highest: found 1.0, expected a number above 2"),
        (["--lowest", "nan"], "lowest: found nan, expected a number above 0"),
        (["--lowest", "9"], "lowest: found 9.0, at which the cost already does not fall"),
        (["--steps", "2"], "--steps"),
        (["--optimizer", "luck"], "--optimizer: found 'luck'"),
        (["--layers", "x"], "--layers: found 'x'"),
        (["--plot", "rates.txt"], "--plot: found 'rates.txt'"),
        (["--plot", "nowhere/rates.png"], "--plot: the folder nowhere does not exist"),
    ],
)
def test_range_test_bad_input_is_one_line(dnn_xp, arguments, named):
    code, out, err = dnn_xp(*QUICK, *arguments)
    assert (code, out) == (2, "")
    assert named in err
    assert err.count("\n") == 1


def test_a_full_disk_costs_the_curve_alone(dnn_xp, monkeypatch):
    def refuse(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path: refuse(path))
    code, out, err = dnn_xp("range-test", "--steps", "20", "--plot", "rates.png")
    assert code == 1
    assert err == "dnn-xp: error: --plot: rates.png: No space left on device\n"
    assert "proposed  --learning-rate" in out


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (None, "data.npz: 60 whole numbers of 3 values from 0 to 2: classes; --task"),
        ("counts", "data      data.npz: 3 features, 1 count"),
        ("regression", "data      data.npz: 3 features, 1 target"),
    ],
)
def test_the_task_is_said_and_can_be_asked_for(dnn_xp, tmp_path, task, said):
    x = np.random.default_rng(0).normal(size=(60, 3))
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(60) % 3 * 1.0)
    asked = () if task is None else ("--task", task)
    ran = dnn_xp("range-test", "data.npz", "--layers", "8", "--steps", "20", *asked)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0].startswith(said)
