"""What is measured after an epoch, on which data, and how many examples at a time."""

import numpy as np
import pytest

from dnn_xp import Dense, Dropout, Network, accuracy, backends, lbfgs, train
from dnn_xp.functions.activations import ActivationFunction

NET = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
DROPPING = Network(3, (Dense(4, "tanh"), Dropout(0.3), Dense(1)), "sigmoid_cross_entropy")


def test_validation_cost_is_measured_after_each_epoch(data):
    X, Y, weights = data
    for validation in ((X[:, :4], Y[:, :4]), (X[:, :4], Y[:, :4], weights[:4])):
        run = train(DROPPING, X, Y, epochs=2, batch_size=4, validation=validation)
        assert list(run.history) == ["cost", "validation_cost"]
        assert [len(figures) for figures in run.history.values()] == [2, 2]
        last = float(DROPPING.evaluate_cost(run.theta, *validation))
        assert run.history["validation_cost"][-1] == pytest.approx(last, rel=1e-14)


def test_metrics_are_measured_where_there_is_validation_data_else_on_X(data):
    X, Y, _ = data
    run = train(NET, X, Y, epochs=2, metrics={"accuracy": accuracy})
    assert list(run.history) == ["cost", "accuracy"]
    assert run.history["accuracy"][-1] == float(accuracy(NET.predict(run.theta, X), Y))
    part = X[:, :3], Y[:, :3]
    run = train(NET, X, Y, epochs=2, metrics={"accuracy": accuracy}, validation=part)
    assert list(run.history) == ["cost", "validation_cost", "validation_accuracy"]
    last = float(accuracy(NET.predict(run.theta, part[0]), part[1]))
    assert run.history["validation_accuracy"][-1] == last


def test_validation_data_may_be_elsewhere(array, data, dtype):
    """In another library, in another dtype: they are brought beside X."""
    host = [backends.to_host(one) for one in data]
    here = [array(one, dtype) for one in host]
    runs = [train(NET, *here[:2], epochs=2, validation=validation) for validation in (host, here)]
    assert runs[0].history == runs[1].history


def test_figures_are_measured_some_examples_at_a_time():
    widths = []

    def watched(Z, xp):
        widths.append(Z.shape[1])
        return xp.tanh(Z)

    own = ActivationFunction("watched", watched, lambda dA, Z, A, xp: dA * (1.0 - A * A))
    network = Network(2, (Dense(3, own), Dense(1)), "sigmoid_cross_entropy")
    X, Y = np.ones((2, 10_000)), np.ones((1, 10_000))
    options = {"epochs": 1, "batch_size": 5_000, "metrics": {"accuracy": accuracy}}
    for validation in (None, (X, Y)):
        widths.clear()
        train(network, X, Y, validation=validation, **options)
        assert widths == [5_000, 5_000, 4_096, 4_096, 1_808]


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"a": "accuracy"}, "metrics: found 'a': 'accuracy', expected functions of"),
        ({1: len}, "metrics: found 1: <built-in function len>"),
        ({"a": None}, "metrics: found 'a': None"),
        ([len], r"metrics: found \[<built-in function len>\], expected functions of"),
        ("accuracy", "metrics: found 'accuracy', expected functions of"),
    ],
)
def test_metrics_that_are_none_are_named(metrics, message):
    X, network = np.ones((1, 4)), Network(1, (Dense(1),), "squared_error")
    with pytest.raises(TypeError, match=f"^{message}"):
        train(network, X, X, epochs=1, metrics=metrics)


NO_FIGURES = ["0.5", True, None, np.True_, [0.5], (0.5,), {}, 1j, b"1", {1}, len]


@pytest.mark.parametrize("found", NO_FIGURES, ids=repr)
@pytest.mark.parametrize("how", ["train", "validation", "lbfgs"])
def test_what_a_metric_returns_is_a_number(found, how):
    X, network = np.ones((1, 4)), Network(1, (Dense(1),), "squared_error")
    options = {"validation": (X, X)} if how == "validation" else {}
    run = lbfgs if how == "lbfgs" else train
    length = {"max_iter": 1} if how == "lbfgs" else {"epochs": 1}
    with pytest.raises(TypeError, match=r"^metrics: found .* of 'mine', expected a number"):
        run(network, X, X, **length, metrics={"mine": lambda A, Y: found}, **options)


def test_an_array_that_a_metric_returns_holds_one_number(array, xp):
    """Of every library and every real dtype; neither several numbers nor a truth value."""
    X, network = array(np.ones((1, 4))), Network(1, (Dense(1),), "squared_error")

    def figure(metric):
        return train(network, X, X, epochs=1, metrics={"mine": metric}).history["mine"]

    for metric in (
        lambda A, Y: xp.sum(A * 0.0) + 0.5,
        lambda A, Y: xp.astype(xp.sum(A * 0.0) + 0.5, xp.float32),
        lambda A, Y: np.float32(0.5),
        lambda A, Y: 0.5,
    ):
        assert figure(metric) == [0.5]
    assert figure(lambda A, Y: xp.astype(xp.sum(Y), xp.int32)) == [4.0]
    assert figure(lambda A, Y: 4) == [4.0]
    for metric in (
        lambda A, Y: xp.all(Y == 1.0),
        lambda A, Y: Y,
        lambda A, Y: Y[0, :1],
        lambda A, Y: Y[:, :0],
    ):
        with pytest.raises(TypeError, match="of 'mine', expected a number"):
            figure(metric)


@pytest.mark.parametrize("found", ["X", 3, np.ones((2, 4)), (np.ones((1, 4)),), [1, 2, 3, 4], {}])
def test_validation_data_that_are_no_pair_are_named(found):
    X, network = np.ones((1, 4)), Network(1, (Dense(1),), "squared_error")
    with pytest.raises(TypeError, match=r"^validation: found .*, expected a tuple \(X, Y\) or"):
        train(network, X, X, epochs=1, validation=found)
