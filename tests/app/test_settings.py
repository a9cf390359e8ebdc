"""Settings: what is written down of them, and what a run must go on with as it began."""

from pathlib import Path

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from dnn_xp.app.optimization import choose_optimizer_settings
from dnn_xp.app.options import ClassWeight, Dtype, Norm
from dnn_xp.app.settings import Settings, describe_options

USUAL = {
    "data": "folder/data.npz",
    "layers": "8",
    "activation": "tanh",
    "epochs": 9,
    "batch_size": 16,
    "optimizer": "sgd",
    "learning_rate": None,
    "schedule": "step",
    "warm_up": 0.0,
    "clip_norm": 2.0,
    "ema_decay": None,
    "class_weight": ClassWeight.balanced,
    "metrics": ["f1"],
    "seed": 7,
    "data_dir": None,
    "dtype": Dtype.float64,
}


def settings(**changes):
    """Return settings, and those of the optimizer that follow from them."""
    told = Settings(**USUAL | changes)
    return told, choose_optimizer_settings(
        told.optimizer,
        told.learning_rate,
        schedule=told.schedule,
        warm_up_epochs=told.warm_up,
        epochs=told.epochs,
        clip_norm=told.clip_norm,
        ema_decay=told.ema_decay,
    )


def test_what_is_written_down_with_a_model():
    told, of_optimizer = settings()
    assert told.about(of_optimizer, 12345, 5, "numpy") == {
        "data": "data.npz",
        "fingerprint": 12345,
        "seed": 7,
        "epochs": 5,
        "dropout": 0.0,
        "norm": None,
        "batch_size": 16,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        "schedule": "step over 9 epochs",
        "clip_norm": 2.0,
        "clip_value": None,
        "ema_decay": None,
        "l1": 0.0,
        "l2": 0.0,
        "max_norm": None,
        "label_smoothing": 0.0,
        "mixup": 0.0,
        "noise": 0.0,
        "early_stopping": None,
        "class_weight": "balanced",
        "metrics": ["f1"],
        "backend": "numpy",
    }


@pytest.mark.parametrize(
    ("changes", "option", "said"),
    [
        ({"layers": "8, 4"}, "--layers", "8,4"),
        ({"layers": ""}, "--layers", "none"),
        ({"activation": "relu"}, "--activation", "relu"),
        ({"batch_size": 8}, "--batch-size", "8"),
        ({"learning_rate": 0.25}, "--learning-rate", "0.25"),
        ({"schedule": "constant"}, "--schedule", "constant"),
        ({"warm_up": 2.0}, "--warm-up", "2.0"),
        ({"clip_norm": None}, "--clip-norm", "none"),
        ({"ema_decay": 0.9}, "--ema-decay", "0.9"),
        ({"dropout": 0.2}, "--dropout", "0.2"),
        ({"norm": Norm.layer}, "--norm", "layer"),
        ({"clip_value": 0.5}, "--clip-value", "0.5"),
        ({"l1": 0.01}, "--l1", "0.01"),
        ({"l2": 0.01}, "--l2", "0.01"),
        ({"max_norm": 3.0}, "--max-norm", "3.0"),
        ({"label_smoothing": 0.1}, "--label-smoothing", "0.1"),
        ({"mixup": 0.2}, "--mixup", "0.2"),
        ({"noise": 0.1}, "--noise", "0.1"),
        ({"early_stopping": 5}, "--early-stopping", "5"),
        ({"class_weight": None}, "--class-weight", "none"),
        ({"metrics": ["f1", "log_loss"]}, "--metric", "f1, log_loss"),
        ({"seed": 1}, "--seed", "1"),
        ({"dtype": Dtype.float32}, "--dtype", "float32"),
        ({"epochs": 10}, "--epochs", "10"),
    ],
)
def test_each_option_is_told_where_it_is_another(changes, option, said):
    usual, now = describe_options(*settings()), describe_options(*settings(**changes))
    assert now[option] == said != usual[option]
    others = usual.keys() - {option, "--epochs"}
    assert {name: now[name] for name in others} == {name: usual[name] for name in others}


def test_the_usual_learning_rate_is_one():
    assert describe_options(*settings(learning_rate=0.1)) == describe_options(*settings())


def test_places_and_lengths_are_no_part_of_a_run():
    changes = {"output": Path("m.h5"), "data": "elsewhere.npz", "run": Path("r"), "resume": True}
    usual = settings(schedule="constant")
    other = settings(schedule="constant", epochs=99, **changes)
    assert describe_options(*usual) == describe_options(*other)
