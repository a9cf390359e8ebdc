"""Options of ``dnn-xp train`` that reach what the library has, and those that do not fit."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.optimization import LBFGS, OPTIMIZERS
from dnn_xp.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from dnn_xp.models import load_checkpoint, load_model, save_checkpoint
from dnn_xp.training import optimizers

pytestmark = pytest.mark.once

QUICK = ("--epochs", "2", "--layers", "8", "--backend", "numpy", "--no-run")
KEEP = (*QUICK, "--output", "m.h5")


@pytest.fixture
def houses(tmp_path):
    """Write a regression."""
    x = np.random.default_rng(0).normal(size=(60, 3))
    np.savez(tmp_path / "houses.npz", x=x, y=2.0 * x[:, 0] + 0.5)
    return "houses.npz"


@pytest.fixture
def trained(dnn_xp, tmp_path):
    """Return ``trained("--l2", 0.1)``: what ``--json`` says, and the model."""

    def run(*options, data="digits"):
        code, out, err = dnn_xp("train", data, *KEEP, *options, "--json")
        assert (code, err) == (0, "")
        said = json.loads(out, parse_constant=pytest.fail)
        return said, load_model(tmp_path / "m.h5", backend="numpy")

    return run


def test_the_command_line_has_every_optimizer_of_the_library():
    assert {*OPTIMIZERS} == {*optimizers.OPTIMIZERS}
    for name, (method, _) in OPTIMIZERS.items():
        assert method is optimizers.OPTIMIZERS[name]


@pytest.mark.parametrize("name", [*OPTIMIZERS, LBFGS])
def test_every_optimizer_trains(dnn_xp, name):
    """By its usual rate the held-out digits are read better than by any guess."""
    code, out, err = dnn_xp(
        *("train", "--optimizer", name, "--epochs", "12", "--layers", "16", "--no-run", "--json"),
        *("--backend", "numpy"),
    )
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said["notes"] == []
    assert said["settings"]["optimizer"] == name
    assert said["settings"]["learning_rate"] == (OPTIMIZERS[name][1] if name != LBFGS else None)
    assert said["history"]["cost"][-1] < said["history"]["cost"][0]
    assert said["figures"]["held_out"]["accuracy"] > 0.6


CHANGES = [
    ("--optimizer", "nadam"),
    ("--optimizer", "adamw"),
    ("--dropout", "0.2"),
    ("--norm", "batch"),
    ("--norm", "layer"),
    ("--l1", "0.01"),
    ("--l2", "0.01"),
    ("--max-norm", "0.5"),
    ("--label-smoothing", "0.1"),
    ("--mixup", "0.3"),
    ("--noise", "0.1"),
    ("--clip-value", "0.001"),
    ("--clip-norm", "0.01"),
]


@pytest.mark.parametrize("option", CHANGES, ids=" ".join)
def test_each_option_makes_another_network(trained, option):
    usual = trained()[1].theta
    said, model = trained(*option)
    assert model.theta.shape != usual.shape or np.max(np.abs(model.theta - usual)) > 1e-6
    # Which can be told from the model afterwards.
    name = option[0][2:].replace("-", "_")
    assert str(model.about[name]) == str(said["settings"][name]) == option[1]
    assert np.array_equal(trained(*option)[1].theta, model.theta)  # by the seed


@pytest.mark.parametrize("option", [*CHANGES[2:], ("--weight-decay", "0")], ids=" ".join)
def test_real_targets_are_learnt_with_each_of_them(trained, houses, option):
    if option[0] == "--label-smoothing":
        pytest.skip("of classes alone")
    more = ("--optimizer", "lion") if option[0] == "--weight-decay" else ()
    said, _ = trained(*option, *more, data=houses)
    assert np.isfinite(said["figures"]["held_out"]["RMSE"])


def test_weight_decay_is_of_the_optimizers_that_have_it(trained):
    usual = trained("--optimizer", "adamw")
    assert usual[0]["settings"]["weight_decay"] == 0.01
    for optimizer in ("adamw", "lion"):
        most = trained("--optimizer", optimizer, "--weight-decay", "50")[1].theta
        least = trained("--optimizer", optimizer, "--weight-decay", "0")[1].theta
        assert np.linalg.norm(most) < np.linalg.norm(least)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--dropout", "0.2"), [Dense, Dropout, Dense, Dropout, Dense]),
        (("--norm", "batch"), [Dense, BatchNorm, Activation] * 2 + [Dense]),
        (
            ("--norm", "layer", "--dropout", "0.5"),
            [Dense, LayerNorm, Activation, Dropout] * 2 + [Dense],
        ),
        ((), [Dense, Dense, Dense]),
    ],
)
def test_each_hidden_layer_has_its_norm_and_dropout(trained, options, expected):
    said, model = trained("--layers", "8,4", "--activation", "tanh", *options)
    assert [type(layer) for layer in model.network.layers] == expected
    assert said["network"].startswith("64-8-4-10 tanh, ")
    if "--dropout" in options:
        assert f"dropout {options[-1]}" in said["network"]
    for norm in ("batch", "layer"):
        assert (f"{norm} norm" in said["network"]) is (norm in options)


def test_no_hidden_layer_has_none(trained):
    _, model = trained("--layers", "", "--dropout", "0.5", "--norm", "batch")
    assert [type(layer) for layer in model.network.layers] == [Dense]


def test_the_summary_says_what_was_asked_for(dnn_xp):
    options = (
        *("--optimizer", "adamw", "--weight-decay", "0.1", "--l1", "0.001", "--l2", "0.002"),
        *("--max-norm", "3", "--label-smoothing", "0.1", "--mixup", "0.2", "--noise", "0.05"),
        *("--clip-value", "0.5", "--early-stopping", "9"),
    )
    code, out, err = dnn_xp("train", *QUICK, *options)
    assert (code, err) == (0, "")
    (descent,) = (line for line in out.splitlines() if line.startswith("descent "))
    assert descent.split(None, 1)[1] == (
        "adamw, rate 0.001, batches of 32, gradients within 0.5, weight decay 0.1, l1 0.001, "
        "l2 0.002, weights up to 3, label smoothing 0.1, mixup 0.2, noise 0.05, early stopping "
        "after 9 epochs"
    )


def test_early_stopping_says_what_it_kept(dnn_xp, tmp_path):
    options = ("--layers", "32", "--learning-rate", "0.03", "--epochs", "60", "--backend", "numpy")
    command = ("train", *options, "--early-stopping", "2", "--run", "r")
    code, out, err = dnn_xp(*command)
    assert (code, err) == (0, "")
    lines = (tmp_path / "r" / "history.jsonl").read_text().splitlines()
    history = [json.loads(line) for line in lines]
    costs = [row["validation_cost"] for row in history]
    best = int(np.argmin(costs)) + 1
    assert len(costs) == best + 2 < 60
    (epochs,) = (line for line in out.splitlines() if line.startswith("epochs "))
    assert epochs.startswith(f"epochs    {len(costs)} of 60 in ")
    assert epochs.endswith(
        f"; no better held-out cost in 2 epochs; kept: epoch {best}, the best on what is held out"
    )
    shown = json.loads(dnn_xp("evaluate", "r", "digits", "--json").out)
    assert shown["figures"]["held_out"]["cost"] == pytest.approx(min(costs), rel=1e-5)
    assert shown["examples"] == {"training": 1438, "held_out": 359}


@pytest.mark.parametrize("option", [*CHANGES[2:], ("--early-stopping", "7")], ids=" ".join)
def test_a_run_goes_on_with_what_it_began_with(dnn_xp, tmp_path, option):
    begun = ("train", "--layers", "8", "--backend", "numpy", *option)
    assert dnn_xp(*begun, "--epochs", "1", "--run", "r").code == 0
    assert dnn_xp(*begun, "--epochs", "2", "--run", "whole").code == 0
    # Without it, or with another value, it is another run.
    code, _, err = dnn_xp(*begun[:5], "--epochs", "2", "--run", "r", "--resume")
    assert code == 2
    assert err.startswith(f"dnn-xp: error: {option[0]}: found ")
    assert f", begun with {option[1]}" in err
    assert err.count("\n") == 1
    assert dnn_xp("resume", "r", "--epochs", "2").code == 0
    went_on, whole = (
        load_model(tmp_path / name / "model.h5", backend="numpy") for name in ("r", "whole")
    )
    assert np.array_equal(went_on.theta, whole.theta)
    record = json.loads((tmp_path / "r" / "run.json").read_text())
    assert record["options"][option[0]] == option[1]


def test_lbfgs_goes_on_where_it_was(dnn_xp, tmp_path):
    begun = ("train", "--layers", "8", "--backend", "numpy", "--optimizer", "lbfgs", "--l2", "0.01")
    assert dnn_xp(*begun, "--epochs", "3", "--run", "r").code == 0
    assert dnn_xp(*begun, "--epochs", "6", "--run", "whole").code == 0
    code, out, err = dnn_xp("resume", "r", "--epochs", "6", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["epochs"] == 6
    went_on, whole = (
        load_model(tmp_path / name / "model.h5", backend="numpy") for name in ("r", "whole")
    )
    assert np.array_equal(went_on.theta, whole.theta)


REFUSED = [
    (("--dropout", "1"), "--dropout: found 1, expected a number from 0 to below 1"),
    (("--dropout", "-0.1"), "--dropout: found -0.1"),
    (("--dropout", "nan"), "--dropout: found nan"),
    (("--norm", "group"), ""),
    (("--l1", "-1"), "--l1: found -1, expected a number from 0 on"),
    (("--l2", "inf"), "--l2: found inf"),
    (("--l2", "nan"), "--l2: found nan"),
    (("--max-norm", "0"), "--max-norm: found 0, expected a number above 0"),
    (("--label-smoothing", "1"), "--label-smoothing: found 1"),
    (("--mixup", "-0.2"), "--mixup: found -0.2"),
    (("--noise", "-1e-9"), "--noise: found -1e-09"),
    (("--clip-value", "0"), "--clip-value: found 0"),
    (("--early-stopping", "0"), ""),
    (("--optimizer", "Adam"), "--optimizer: found 'Adam', expected one of adam, adamw, "),
    (("--weight-decay", "0.1"), "--weight-decay: found 0.1 with --optimizer adam, expected adamw"),
    (("--weight-decay", "-1", "--optimizer", "adamw"), "--weight-decay: found -1"),
    *(
        (
            ("--optimizer", "lbfgs", *option),
            f"{option[0]}: found {option[1]} with --optimizer lbfgs",
        )
        for option in [
            ("--learning-rate", "0.1"),
            ("--learning-rate", "0"),
            ("--schedule", "cosine"),
            ("--warm-up", "1"),
            ("--clip-norm", "1"),
            ("--clip-value", "1"),
            ("--ema-decay", "0.9"),
            ("--weight-decay", "0.1"),
            ("--l1", "0.1"),
            ("--max-norm", "1"),
            ("--label-smoothing", "0.1"),
            ("--mixup", "0.1"),
            ("--noise", "0.1"),
            ("--dropout", "0.1"),
            ("--norm", "batch"),
            ("--batch-size", "64"),
        ]
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=lambda x: " ".join(x)[:40])
def test_what_makes_no_sense_is_refused_at_the_start(dnn_xp, tmp_path, options, message):
    code, out, err = dnn_xp("train", *QUICK[:-1], *options, "--json")
    assert (code, out) == (2, "")
    assert err.startswith(f"dnn-xp: error: {message}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_label_smoothing_is_of_classes(dnn_xp, houses):
    for command in ("train", "range-test"):
        code, out, err = dnn_xp(command, houses, "--label-smoothing", "0.1", "--backend", "numpy")
        assert (code, out) == (2, "")
        assert err == (
            "dnn-xp: error: --label-smoothing: found 0.1 for targets that are numbers, "
            "expected classes or labels; leave it out\n"
        )


def test_a_divergence_is_a_document_too(dnn_xp):
    code, out, err = dnn_xp(
        *("train", *QUICK, "--optimizer", "sgd", "--learning-rate", "1e30", "--json")
    )
    assert code == 1
    assert err.startswith("dnn-xp: error: diverged: ")
    assert err.count("\n") == 1
    said = json.loads(out, parse_constant=pytest.fail)
    assert (said["ending"], said["figures"], said["files"]) == ("diverged", {}, {})
    assert said["history"]["cost"][-1] is None


def test_files_that_were_written_are_in_the_document(dnn_xp, tmp_path):
    pytest.importorskip("matplotlib")
    options = ("--output", "m.h5", "--plot", "p.svg", "--log", "l.csv", "--run", "r")
    code, out, err = dnn_xp("train", *QUICK[:-1], *options, "--json")
    assert (code, err) == (0, "")
    files = json.loads(out)["files"]
    assert files == {"model": "m.h5", "curve": "p.svg", "log": "l.csv", "run": "r"}
    assert all((tmp_path / name).exists() for name in files.values())


@pytest.mark.parametrize(
    "options",
    [(), ("--optimizer", "adamw"), ("--dropout", "0.2", "--norm", "layer"), ("--l2", "0.1")],
    ids=str,
)
def test_a_range_test_is_of_what_will_be_trained(dnn_xp, options):
    code, out, err = dnn_xp(
        *("range-test", "--layers", "8", "--steps", "60", "--backend", "numpy", "--json", *options)
    )
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert 1e-6 < said["proposed"] < 10.0
    assert len(said["learning_rates"]) == len(said["costs"])


def test_a_range_test_refuses_what_has_no_rate(dnn_xp):
    code, out, err = dnn_xp("range-test", "--optimizer", "lbfgs")
    assert (code, out) == (2, "")
    assert err == (
        "dnn-xp: error: --optimizer: found lbfgs, which has no learning rate to be found\n"
    )


def test_batch_norm_is_refused_in_several_processes():
    from dnn_xp.app.options import Norm
    from dnn_xp.app.train import _choose_steps
    from tests.app.test_settings import settings

    told, _ = settings(norm=Norm.batch)
    assert _choose_steps(told, None).name == "sgd"
    with pytest.raises(ValueError, match=r"^--norm: found batch in 2 processes, .* expected layer"):
        _choose_steps(told, SimpleNamespace(size=2))
    assert _choose_steps(told._replace(norm=Norm.layer), SimpleNamespace(size=2)).name == "sgd"


def test_a_checkpoint_of_before_these_options_goes_on(dnn_xp, tmp_path):
    begun = ("train", "--layers", "8", "--backend", "numpy", "--no-run", "--checkpoint", "c")
    assert dnn_xp(*begun, "--epochs", "1").code == 0
    progress = load_checkpoint(tmp_path / "c")
    new = {"--dropout", "--norm", "--weight-decay", "--clip-value", "--l1", "--l2", "--max-norm"}
    new |= {"--label-smoothing", "--mixup", "--noise", "--early-stopping"}
    watched = progress.callbacks["_Watch"]
    assert new <= watched.keys()
    known = {name: value for name, value in watched.items() if name not in new}
    for path in tmp_path.glob("c*"):
        path.unlink()
    save_checkpoint(tmp_path / "c", progress._replace(callbacks={"_Watch": known}))
    on = (*begun, "--epochs", "2", "--resume")
    # What it did not know of is told by the run itself, which was without it.
    for option, value in (("--l2", "0.1"), ("--mixup", "0.2"), ("--dropout", "0.5")):
        code, _, err = dnn_xp(*on, option, value)
        assert code == 2
        assert option in err
        assert err.count("\n") == 1
    assert dnn_xp(*on).code == 0
