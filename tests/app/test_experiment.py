"""From data to arrays, a network and a run, on every library."""

import signal

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.app import experiment
from dnn_xp.files import Dataset, apply, fit_preprocessing
from dnn_xp.network import Network
from dnn_xp.training import sgd
from tests.helpers import assert_values


def dataset(classes=None, m=40, scale=1.0, shift=0.0, n_targets=1):
    """Return examples of three features, whose labels or targets can be learnt."""
    X = np.random.default_rng(3).normal(size=(m, 3)).T
    if classes is None:
        y = np.stack([X[0] - X[1] * i for i in range(n_targets)]) * scale + shift
    else:
        y = np.argsort(np.argsort(X[0])) * len(classes) // m
    return Dataset(X, y, classes, None, None)


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a data set to a file and returns its name."""

    def write(data):
        y = data.y.T if data.classes is None else np.asarray(data.classes)[data.y]
        np.savez(tmp_path / "data.npz", x=data.X.T, y=y)
        return str(tmp_path / "data.npz")

    return write


def prepared(data, **changes):
    arguments = {"hidden": (8,), "activation": "tanh", "seed": 0, "dtype": "float64"}
    return experiment.prepare(data, **arguments | changes)


def run(one, **changes):
    arguments = {
        "optimizer": sgd(0.1),
        "epochs": 3,
        "batch_size": 8,
        "seed": 0,
        "tell": lambda *_: None,
    }
    return experiment.run_experiment(one, **arguments | changes)


@pytest.mark.parametrize(
    ("text", "units"), [("64,32", (64, 32)), (" 7 , 5,3", (7, 5, 3)), ("", ()), ("  ", ())]
)
def test_layers(text, units):
    assert experiment.parse_layers(text) == units


@pytest.mark.parametrize("text", ["64,", ",", "64;32", "-3", "0", "1.5", "1e3", "³", "many"])
def test_wrong_layers(text):
    with pytest.raises(ValueError, match=f"--layers: found {text!r}"):
        experiment.parse_layers(text)


@pytest.mark.parametrize(
    ("data", "cost", "n_outputs"),
    [
        (dataset(("a", "b")), "sigmoid_cross_entropy", 1),
        (dataset(("a", "b", "c")), "softmax_cross_entropy", 3),
        (dataset(), "squared_error", 1),
        (dataset(n_targets=2), "squared_error", 2),
    ],
)
def test_the_data_decide_the_cost(data, cost, n_outputs):
    network = experiment.build_network(data, (5, 4), "relu")
    assert (network.cost, network.n_inputs, network.n_outputs) == (cost, 3, n_outputs)
    assert [layer.units for layer in network.layers] == [5, 4, n_outputs]
    assert [layer.activation for layer in network.layers] == ["relu", "relu", "identity"]


def test_one_class_cannot_be_learnt():
    with pytest.raises(ValueError, match="the one class 'a'"):
        experiment.build_network(dataset(("a",)), (5,), "relu")


@pytest.mark.parametrize(
    ("data", "Y"),
    [
        (dataset(("a", "b"), m=4), [[0, 0, 1, 1]]),
        (dataset(("a", "b", "c"), m=3), [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        (dataset(m=3, n_targets=2), None),
    ],
)
def test_examples(xp, data, Y):
    order = np.argsort(data.X[0])  # in which the labels ascend
    data = data._replace(X=data.X[:, order], y=data.y[..., order])
    network = experiment.build_network(data, (), "relu")
    preprocessing = fit_preprocessing(data)
    examples = experiment.bring_examples(data, preprocessing, network, "float32")
    assert backends.namespace(*examples) is xp
    assert {backends.dtype_name(one.dtype) for one in examples} == {"float32"}
    assert_values(examples.X, apply(preprocessing, data.X, "float32"), rtol=0)
    assert_values(examples.Y, np.asarray(data.y if Y is None else Y, dtype="float32"), rtol=0)


def test_examples_of_another_size_are_refused(library):
    network = Network(7, experiment.build_network(dataset(), (), "relu").layers, "squared_error")
    with pytest.raises(ValueError, match="have 3 features, expected 7"):
        experiment.bring_examples(dataset(), fit_preprocessing(dataset()), network, "float32")


def test_a_test_part_of_their_own_is_kept():
    first, second = dataset(m=20), dataset(m=10)
    assert experiment.split_parts(first, second, 0) == (first, second)
    part, rest = experiment.split_parts(first, None, 0)
    assert (part.X.shape[1], rest.X.shape[1]) == (16, 4)


def test_a_fingerprint_knows_the_data_again():
    data = dataset(("a", "b"))
    same = data._replace(X=data.X.copy(order="C"), y=data.y.copy())
    assert experiment.fingerprint(data) == experiment.fingerprint(same)
    same.X[1, 2] += 1e-9
    assert experiment.fingerprint(data) != experiment.fingerprint(same)
    same = data._replace(y=1 - data.y)
    assert experiment.fingerprint(data) != experiment.fingerprint(same)


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c"), None])
def test_a_run_learns(library, written, classes):
    one = prepared(written(dataset(classes)))
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
    figures = experiment.measure(one.network, result.theta, one.held_out, one.part.classes)
    # What was measured while training, from the parameters that come back.
    assert figures["cost"] == pytest.approx(result.history["validation_cost"][-1], rel=1e-9)
    name = score.removeprefix("validation_")
    assert figures[name] == pytest.approx(result.history[score][-1], rel=1e-9)


def test_targets_are_learnt_alike_in_any_units(library, written):
    """Metres or millimetres above any level: the network is the same, in other units."""
    ours = prepared(written(dataset(n_targets=2)))
    theirs = prepared(written(dataset(n_targets=2, scale=1000.0, shift=5e4)))
    outputs = [
        backends.to_host(one.network.predict(run(one).theta, one.held_out.X))
        for one in (ours, theirs)
    ]
    # 5e4 leaves 11 of the 16 digits.
    np.testing.assert_allclose(outputs[1], outputs[0] * 1000.0 + 5e4, rtol=0, atol=1e-7)


def test_equal_targets_are_no_trouble(library, written):
    result = run(prepared(written(dataset(scale=0.0, shift=7.0))))
    assert result.epochs == 3
    assert all(np.isfinite(result.history["validation_cost"]))


@pytest.mark.parametrize("classes", [("a", "b"), None])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_keeps_the_last_whole_epoch(library, written, classes, times):
    """Pressed once it ends the run in good order; pressed twice, at once."""
    one = prepared(written(dataset(classes)))

    def interrupt(epoch, figures):
        if epoch == 2:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    result = run(one, epochs=50, tell=interrupt)
    whole = run(one, epochs=2)
    assert result.reason == experiment.INTERRUPTED
    assert result.epochs == 2
    assert result.history == whole.history
    assert_values(result.theta, backends.to_host(whole.theta), rtol=0)
    assert (result.progress is None) is (times == 2)


def test_a_run_that_diverges_says_so_without_warnings(library, written):
    one = prepared(written(dataset()))
    assert not experiment.diverged(run(one))
    result = run(one, optimizer=sgd(1e200), epochs=50)
    assert experiment.diverged(result)
    assert "diverged" in result.reason


def test_measure(array):
    network = Network(1, experiment.build_network(dataset(), (), "relu").layers, "squared_error")
    theta = array([2.0, 1.0])  # predicts 2 x + 1
    examples = experiment.Examples(array([[0.0, 1.0, 2.0, 3.0]]), array([[1.0, 3.0, 5.0, 9.0]]))
    figures = experiment.measure(network, theta, examples, None)
    # One error of 2: half of 4 / 4, the root of 4 / 4, and 1 - 4 / 35.
    assert figures == pytest.approx({"cost": 0.5, "RMSE": 1.0, "R2": 1 - 4 / 35})


def test_classes(array):
    two = experiment.classify(array([[0.25, 0.875]]), ("dog", "cat"))
    assert two == [("dog", 0.75), ("cat", 0.875)]
    three = experiment.classify(array([[0.25, 0.5], [0.125, 0.25], [0.625, 0.25]]), ("a", "b", "c"))
    assert three == [("c", 0.625), ("a", 0.5)]
