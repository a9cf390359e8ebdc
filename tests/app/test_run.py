"""A run of an experiment and what came of it, on every library."""

import signal

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.app.experiment import Examples
from dnn_xp.app.run import INTERRUPTED, classify, diverged, measure, run_experiment
from dnn_xp.layers import Dense
from dnn_xp.network import Network
from dnn_xp.training import sgd
from tests.app.examples import dataset, prepared
from tests.helpers import assert_values


def run(one, **changes):
    arguments = {
        "optimizer": sgd(0.1),
        "epochs": 3,
        "batch_size": 8,
        "seed": 0,
        "tell": lambda *_: None,
    }
    return run_experiment(one, **arguments | changes)


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c"), None])
def test_a_run_learns(library, tmp_path, classes):
    one = prepared(tmp_path, dataset(classes))
    told = []
    result = run(one, tell=lambda epoch, figures: told.append((epoch, figures)))
    assert result.epochs == 3
    assert result.history["cost"][-1] < result.history["cost"][0]
    score = "validation_accuracy" if classes else "validation_R2"
    assert set(result.history) == {"cost", "validation_cost", score}
    assert told == [
        (epoch, {name: values[epoch - 1] for name, values in result.history.items()})
        for epoch in (1, 2, 3)
    ]
    figures = measure(one.network, result.theta, one.held_out, one.part.classes)
    # What was measured while training, from the parameters that come back.
    assert figures["cost"] == pytest.approx(result.history["validation_cost"][-1], rel=1e-9)
    name = score.removeprefix("validation_")
    assert figures[name] == pytest.approx(result.history[score][-1], rel=1e-9)


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
    assert result.reason == INTERRUPTED
    assert result.epochs == 2
    assert result.history == whole.history
    assert_values(result.theta, backends.to_host(whole.theta), rtol=0)
    assert (result.progress is None) is (times == 2)


def test_a_run_that_diverges_says_so_without_warnings(library, tmp_path):
    one = prepared(tmp_path, dataset())
    assert not diverged(run(one))
    result = run(one, optimizer=sgd(1e200), epochs=50)
    assert diverged(result)
    assert "diverged" in result.reason


def test_measure(array):
    network = Network(1, (Dense(1),), "squared_error")
    theta = array([2.0, 1.0])  # predicts 2 x + 1
    examples = Examples(array([[0.0, 1.0, 2.0, 3.0]]), array([[1.0, 3.0, 5.0, 9.0]]))
    figures = measure(network, theta, examples, None)
    # One error of 2: half of 4 / 4, the root of 4 / 4, and 1 - 4 / 35.
    assert figures == pytest.approx({"cost": 0.5, "RMSE": 1.0, "R2": 1 - 4 / 35})


def test_classes(array):
    two = classify(array([[0.25, 0.875]]), ("dog", "cat"))
    assert two == [("dog", 0.75), ("cat", 0.875)]
    three = classify(array([[0.25, 0.5], [0.125, 0.25], [0.625, 0.25]]), ("a", "b", "c"))
    assert three == [("c", 0.625), ("a", 0.5)]
