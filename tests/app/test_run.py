"""A run of an experiment and what came of it, on every library."""

import signal

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.app.metrics import choose_metrics, measure
from dnn_xp.app.optimization import Descent, choose_schedule
from dnn_xp.app.run import classify, run_experiment
from dnn_xp.training import AnotherRunError, Ending, sgd, train
from tests.app.examples import dataset, prepared
from tests.helpers import assert_values


def descent(rate=0.1, schedule="constant", **options):
    return Descent("sgd", sgd(rate), choose_schedule(schedule, 0.0, 3), **options)


def run(one, **changes):
    arguments = {
        "descent": descent(),
        "metrics": choose_metrics(one.part.classes),
        "epochs": 3,
        "batch_size": 8,
        "seed": 0,
        "tell": lambda *_: None,
    }
    return run_experiment(one, **arguments | changes)


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c"), None])
def test_a_run_learns(library, tmp_path, classes):
    one = prepared(tmp_path, dataset(classes, scale=30.0))
    metrics = choose_metrics(classes, ["f1"] if classes else ["mean_absolute_error"])
    told = []
    result = run(one, metrics=metrics, tell=lambda *latest: told.append(latest))
    assert result.epochs == 3
    assert result.history["cost"][-1] < result.history["cost"][0]
    scores = {"accuracy", "f1"} if classes else {"RMSE", "R2", "MAE"}
    assert set(metrics) == scores
    assert set(result.history) == {"cost", "validation_cost", *(f"validation_{x}" for x in scores)}
    assert told == [
        (epoch, {name: values[epoch - 1] for name, values in result.history.items()})
        for epoch in (1, 2, 3)
    ]
    # What was measured while training, from the parameters that come back in the data's units.
    for name, value in measure(one.network, result.theta, one.held_out, metrics).items():
        assert value == pytest.approx(result.history[f"validation_{name}"][-1], rel=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "cosine"},
        {"schedule": "inverse-scaling", "clip_norm": 1e-3},
        {"ema_decay": 0.9},
    ],
)
def test_a_run_is_that_of_its_descent(library, tmp_path, options):
    one, weights = prepared(tmp_path, dataset(("a", "b"))), None
    told = {"epochs": 3, "batch_size": 8, "seed": 0}
    if "average" in options:
        weights = one.examples.Y[0, :] + 1.0
    result = run(one, descent=descent(**options), weights=weights)
    plain = run(one)
    schedule = choose_schedule(options.get("schedule", "constant"), 0.0, 3).schedule
    direct = train(
        one.network,
        *one.examples,
        one.theta,
        optimizer=sgd(0.1),
        weights=weights,
        **told | options | {"schedule": schedule},
    )
    assert_values(result.theta, backends.to_host(direct.theta), rtol=0)
    assert not np.array_equal(*(backends.to_host(x.theta) for x in (result, plain)))


def test_a_plateau_is_told_how_the_run_goes(library, tmp_path):
    one, slow = prepared(tmp_path, dataset()), descent(schedule="plateau")
    slow.plan.watchers[0].patience = 1
    slow.plan.watchers[0].min_delta = 1e9
    run(one, descent=slow)
    assert slow.plan.schedule(3.0) == pytest.approx(0.01)  # the first epoch is an improvement


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"descent": descent(schedule="cosine")}, "schedule: found constant, expected cosine over"),
        (
            {"metrics": choose_metrics(("a", "b"), ["f1"])},
            "metric: found accuracy, expected accuracy, f1",
        ),
    ],
)
def test_a_run_with_other_options_does_not_go_on(tmp_path, changes, differs):
    one = prepared(tmp_path, dataset(("a", "b")))
    progress = run(one).progress
    assert run(one, resume=progress, epochs=4).epochs == 4
    with pytest.raises(AnotherRunError, match=differs):
        run(one, resume=progress, epochs=4, **changes)


def test_targets_are_learnt_alike_in_any_units(library, tmp_path):
    """Metres or millimetres above any level: the network is the same, in other units."""
    ours = prepared(tmp_path, dataset(n_targets=2))
    theirs = prepared(tmp_path, dataset(n_targets=2, scale=1000.0, shift=5e4))
    outputs = [
        backends.to_host(one.network.predict(run(one).theta, one.held_out.X))
        for one in (ours, theirs)
    ]
    # 5e4 leaves 11 of the 16 digits.
    np.testing.assert_allclose(outputs[1], outputs[0] * 1000.0 + 5e4, rtol=0, atol=1e-7)


def test_equal_targets_are_no_trouble(library, tmp_path):
    result = run(prepared(tmp_path, dataset(scale=0.0, shift=7.0)))
    assert result.epochs == 3
    assert all(np.isfinite(result.history["validation_cost"]))


@pytest.mark.parametrize("classes", [("a", "b"), None])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_keeps_the_last_whole_epoch(library, tmp_path, classes, times):
    """Pressed once it ends the run in good order; pressed twice, at once."""
    one = prepared(tmp_path, dataset(classes))

    def interrupt(epoch, figures):
        if epoch == 2:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    result = run(one, epochs=50, tell=interrupt)
    whole = run(one, epochs=2)
    assert result.ending is Ending.INTERRUPTED
    assert result.epochs == 2
    assert result.history == whole.history
    assert_values(result.theta, backends.to_host(whole.theta), rtol=0)
    assert (result.progress is None) is (times == 2)


def test_a_run_that_diverges_says_so_without_warnings(library, tmp_path):
    one = prepared(tmp_path, dataset())
    assert run(one).ending is Ending.COMPLETED
    result = run(one, descent=descent(1e200), epochs=50)
    assert result.ending is Ending.DIVERGED
    assert "diverged" in result.reason


def test_classes(array):
    two = classify(array([[0.25, 0.875]]), ("dog", "cat"))
    assert two == [("dog", 0.75), ("cat", 0.875)]
    three = classify(array([[0.25, 0.5], [0.125, 0.25], [0.625, 0.25]]), ("a", "b", "c"))
    assert three == [("c", 0.625), ("a", 0.5)]
