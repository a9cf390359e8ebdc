"""From data to arrays and a network, on every library."""

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.app import experiment
from dnn_xp.data import apply, fit_preprocessing, load_digits
from dnn_xp.data.picture_statistics import fit_ranges
from dnn_xp.network import Network
from tests.app.examples import dataset
from tests.helpers import assert_values


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


LABELS = np.asarray([[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]], dtype=np.uint8)


@pytest.mark.parametrize(
    ("task", "y", "classes", "cost"),
    [
        ("labels", LABELS, ("a", "b", "c"), "sigmoid_cross_entropy"),
        ("counts", LABELS * 5.0, None, "poisson"),
        ("regression", LABELS * 1.0, None, "squared_error"),
    ],
)
def test_the_task_decides_the_cost(xp, task, y, classes, cost):
    data = dataset(m=4)._replace(y=y, classes=classes, task=task)
    network = experiment.build_network(data, (5,), "relu")
    assert (network.cost, network.n_outputs) == (cost, 3)
    examples = experiment.bring_examples(data, fit_preprocessing(data), network, "float64")
    assert backends.namespace(*examples) is xp
    assert_values(examples.Y, y.astype(float), rtol=0)


@pytest.mark.parametrize("y", [[[5.0, 7, 0], [0, 0, 0]], [[1e6, 3e6, 2e6], [1, 1, 1]]])
def test_a_network_of_counts_begins_with_their_mean(array, y):
    y = np.asarray(y)
    data = dataset(m=3)._replace(y=y, classes=None, task="counts")
    network = experiment.build_network(data, (4,), "relu")
    X = array(np.zeros((3, 1)))
    A = network.predict(experiment.initial_theta(network, data, 0, X), X)
    # Of none at all it is less than one among them.
    assert_values(A[:, 0], np.maximum(y.mean(axis=1), 1 / 3))
    plain = data._replace(task="regression")
    theta = experiment.initial_theta(network, plain, 0, X)
    assert_values(theta, backends.to_host(network.initialize(0, like=X)), rtol=0)


@pytest.mark.parametrize(
    ("classes", "there", "said"),
    [
        ("abc", (0, 1, 2), ()),
        ("abc", (0, 2), ("training: no example of the class 'b'",)),
        ("abcde", (0, 2), ("training: no example of the classes 'b', 'd', 'e' (3 of 5)",)),
        (
            "abcdefghijklm",
            (0,),
            (
                "training: no example of the classes 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', "
                "'k', ... (12 of 13)",
            ),
        ),
    ],
)
def test_classes_without_an_example_are_said(classes, there, said):
    y = np.asarray(there, dtype=np.int64)
    part = dataset(m=len(there))._replace(y=y, classes=tuple(classes))
    assert experiment.describe_absent({"training": part, "held out": dataset()}) == said
    marks = np.zeros((len(classes), 2), np.uint8)
    marks[list(there), 1] = 1
    labels = part._replace(y=marks, task="labels")
    expected = tuple(one.replace("class ", "label ").replace("classes", "labels") for one in said)
    assert experiment.describe_absent({"training": labels}) == expected


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
    assert {backends.dtype_name(array.dtype) for array in examples} == {"float32"}
    assert_values(examples.X, apply(preprocessing, data.X, "float32"), rtol=0)
    assert_values(examples.Y, np.asarray(data.y if Y is None else Y, dtype="float32"), rtol=0)


def test_examples_of_another_size_are_refused(library):
    network = Network(7, experiment.build_network(dataset(), (), "relu").layers, "squared_error")
    with pytest.raises(ValueError, match="have 3 features, expected 7"):
        experiment.bring_examples(dataset(), fit_preprocessing(dataset()), network, "float32")


@pytest.mark.parametrize("n_targets", [1, 2])
def test_targets_are_scaled_all_alike(array, n_targets):
    data = dataset(n_targets=n_targets, scale=1e3, shift=5e4)
    examples = experiment.ExampleArrays(array(data.X), array(data.y))
    assert experiment.scale_targets(examples, data, None) is examples
    X, Y = experiment.scale_targets(examples, data, experiment.fit_targets(data))
    assert X is examples.X
    scaled = backends.to_host(Y)
    np.testing.assert_allclose(scaled.mean(axis=1), 0.0, atol=1e-13)
    assert np.mean(scaled**2) == pytest.approx(1.0)
    ratio = np.ptp(data.y, axis=1) / np.ptp(scaled, axis=1)
    np.testing.assert_allclose(ratio, ratio[0])


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


@pytest.mark.parametrize(
    ("y", "fits"),
    [
        ([1.7e9, 1.7e9 + 10.0], False),  # seconds of a day, since 1970
        ([1.0e-27, 2.0e-27], False),
        ([1.0e30, 2.0e30], False),
        ([1000.0, 1010.0], True),
    ],
)
def test_targets_that_float32_cannot_tell_apart_are_refused(y, fits):
    y = np.asarray([y])
    spread = float(np.std(y))
    experiment.check_precision(y, spread, "float64")
    if fits:
        experiment.check_precision(y, spread, "float32")
        return
    with pytest.raises(ValueError, match=r"--dtype: found float32, .* add --dtype float64"):
        experiment.check_precision(y, spread, "float32")


def test_what_pictures_look_like_is_found_out():
    digits = load_digits()
    found = experiment.fit_pictures_of(digits, digits.X[:, :100])
    assert found == fit_ranges(digits.X[:, :100], (8, 8, 1), 16)
    assert experiment.fit_pictures_of(dataset(), dataset().X) is None
