"""A run of an experiment and what came of it, on every library."""

import signal

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.app.metrics import choose_metrics, measure
from dnn_xp.app.optimization import OptimizerSettings, choose_schedule
from dnn_xp.app.resume import Resume
from dnn_xp.app.run import PreparedRun, choose_labels, classify, run_experiment
from dnn_xp.callbacks import Interruptible
from dnn_xp.training import AnotherRunError, Ending, sgd, train
from tests.app.examples import dataset, prepared
from tests.helpers import assert_values


def settings(rate=0.1, schedule="constant", **options):
    return OptimizerSettings("sgd", sgd(rate), choose_schedule(schedule, 0.0, 3), **options)


def run(experiment, on_epoch=lambda *_: None, callbacks=(), **changes):
    arguments = {
        "optimizer_settings": settings(),
        "metrics": choose_metrics(experiment.part.classes),
        "epochs": 3,
        "batch_size": 8,
        "seed": 0,
    }
    return run_experiment(PreparedRun(experiment, **arguments | changes), on_epoch, callbacks)


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c"), None])
def test_a_run_learns(library, tmp_path, classes):
    experiment = prepared(tmp_path, dataset(classes, scale=30.0))
    metrics = choose_metrics(classes, ["f1"] if classes else ["mean_absolute_error"])
    latest = []
    result = run(experiment, lambda *epoch: latest.append(epoch), metrics=metrics)
    assert result.epochs == 3
    assert result.history["cost"][-1] < result.history["cost"][0]
    scores = {"accuracy", "f1"} if classes else {"RMSE", "R2", "MAE"}
    assert set(metrics) == scores
    assert set(result.history) == {"cost", "validation_cost", *(f"validation_{x}" for x in scores)}
    assert latest == [
        (epoch, {name: values[epoch - 1] for name, values in result.history.items()})
        for epoch in (1, 2, 3)
    ]
    # What was measured while training, from the parameters that come back in the data's units.
    for name, value in measure(
        experiment.network, result.theta, experiment.held_out, metrics
    ).items():
        assert value == pytest.approx(result.history[f"validation_{name}"][-1], rel=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "cosine"},
        {"schedule": "inverse-scaling", "clip_norm": 1e-3},
        {"ema_decay": 0.9},
        {"weighted": True},
    ],
)
def test_a_run_is_that_of_its_settings(library, tmp_path, options):
    experiment, options = prepared(tmp_path, dataset(("a", "b"))), dict(options)
    weights = experiment.examples.Y[0, :] + 1.0 if options.pop("weighted", False) else None
    result = run(experiment, optimizer_settings=settings(**options), weights=weights)
    plain = run(experiment)
    schedule = choose_schedule(options.get("schedule", "constant"), 0.0, 3).schedule
    direct = train(
        experiment.network,
        *experiment.examples,
        experiment.theta,
        optimizer=sgd(0.1),
        weights=weights,
        epochs=3,
        batch_size=8,
        seed=0,
        **options | {"schedule": schedule},
    )
    assert_values(result.theta, backends.to_host(direct.theta), rtol=0)
    assert not np.array_equal(*(backends.to_host(x.theta) for x in (result, plain)))


def test_a_plateau_is_told_how_the_run_goes(library, tmp_path):
    experiment, slow = prepared(tmp_path, dataset()), settings(schedule="plateau")
    slow.plan.callbacks[0].patience = 1
    slow.plan.callbacks[0].min_delta = 1e9
    run(experiment, optimizer_settings=slow)
    assert slow.plan.schedule(3.0) == pytest.approx(0.01)  # the first epoch is an improvement


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        (
            {"optimizer_settings": settings(schedule="cosine")},
            "schedule: found constant, expected cosine over",
        ),
        (
            {"metrics": choose_metrics(("a", "b"), ["f1"])},
            "metric: found accuracy, expected accuracy, f1",
        ),
    ],
)
def test_a_run_with_other_options_does_not_go_on(tmp_path, changes, differs):
    experiment = prepared(tmp_path, dataset(("a", "b")))
    resume = Resume(run(experiment).progress)
    assert run(experiment, resume=resume, epochs=4).epochs == 4
    with pytest.raises(AnotherRunError, match=differs):
        run(experiment, resume=resume, epochs=4, **changes)


def test_targets_are_learnt_alike_in_any_units(library, tmp_path):
    """Metres or millimetres above any level: the network is the same, in other units."""
    ours = prepared(tmp_path, dataset(n_targets=2))
    theirs = prepared(tmp_path, dataset(n_targets=2, scale=1000.0, shift=5e4))
    outputs = [
        backends.to_host(experiment.network.predict(run(experiment).theta, experiment.held_out.X))
        for experiment in (ours, theirs)
    ]
    # 5e4 leaves 11 of the 16 digits.
    np.testing.assert_allclose(outputs[1], outputs[0] * 1000.0 + 5e4, rtol=0, atol=1e-7)


def test_equal_targets_are_no_trouble(library, tmp_path):
    result = run(prepared(tmp_path, dataset(scale=0.0, shift=7.0), task="regression"))
    assert result.epochs == 3
    assert all(np.isfinite(result.history["validation_cost"]))


@pytest.mark.parametrize("classes", [("a", "b"), None])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_keeps_the_last_whole_epoch(library, tmp_path, classes, times):
    """Pressed once it ends the run in good order; pressed twice, at once."""
    experiment = prepared(tmp_path, dataset(classes))

    def interrupt(epoch, metrics):
        if epoch == 2:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    result = run(experiment, interrupt, [Interruptible()], epochs=50)
    whole = run(experiment, epochs=2)
    assert result.ending is Ending.INTERRUPTED
    assert result.epochs == 2
    assert result.history == whole.history
    assert_values(result.theta, backends.to_host(whole.theta), rtol=0)
    assert (result.progress is None) is (times == 2)


def test_a_run_that_diverges_says_so_without_warnings(library, tmp_path):
    experiment = prepared(tmp_path, dataset())
    assert run(experiment).ending is Ending.COMPLETED
    result = run(experiment, optimizer_settings=settings(1e200), epochs=50)
    assert result.ending is Ending.DIVERGED
    assert "diverged" in result.reason


def test_classes(array):
    two = classify(array([[0.25, 0.875]]), ("dog", "cat"))
    assert two == [("dog", 0.75), ("cat", 0.875)]
    three = classify(array([[0.25, 0.5], [0.125, 0.25], [0.625, 0.25]]), ("a", "b", "c"))
    assert three == [("c", 0.625), ("a", 0.5)]


def test_labels_are_chosen_each_by_itself(array):
    A = array([[0.25, 0.875, 0.5], [0.75, 0.625, 0.25]])
    assert choose_labels(A, ("a", "b")) == [(("b",), 0.75), (("a", "b"), 0.625), ((), 0.5)]
