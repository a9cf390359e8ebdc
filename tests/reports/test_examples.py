"""What a model says of examples, in the terms of a report."""

import numpy as np
import pytest

from dnn_xp import Dense, Model, Network
from dnn_xp.data import Dataset, Preprocessing
from dnn_xp.reports.examples import (
    Examples,
    check_is_network,
    classes_of,
    first_layer_weights,
    image_shape,
    model_task,
    pictures_of,
    predict,
    probabilities_of,
    saliency_of,
    values_of,
)

pytestmark = pytest.mark.once

rng = np.random.default_rng(0)
X = rng.integers(0, 17, (4, 6)).astype(np.float64)
SCALING = Preprocessing(
    np.asarray([[1.0], [2.0], [3.0], [4.0]]), np.asarray([[0.5], [0.25], [2.0], [1.0]])
)


def model(n_outputs, cost, classes=None, **more):
    network = Network(4, (Dense(3, "tanh"), Dense(n_outputs)), cost)
    theta = network.initialize(seed=1, like=np.empty(0))
    return Model(network, theta, SCALING, classes, **more)


def examples(y, classes=None):
    return Examples("some", Dataset(X, y, classes, (2, 2, 1), 16))


CLASSES = ("a", "b", "c")
Y = np.asarray([0, 1, 2, 0, 1, 2])


def test_inputs_are_scaled_as_in_training():
    one = model(1, "squared_error")
    scaled = (X - SCALING.shift) * SCALING.scale
    expected = one.network.predict(one.theta, scaled)
    np.testing.assert_allclose(predict(one, X), expected, rtol=1e-12)
    np.testing.assert_array_equal(values_of(one, examples(np.zeros((1, 6)))), predict(one, X))


def test_one_output_gives_the_probabilities_of_two_classes():
    two = model(1, "sigmoid_cross_entropy", ("no", "yes"))
    A = probabilities_of(two, examples(Y % 2))
    assert A.shape == (2, 6)
    np.testing.assert_allclose(A.sum(axis=0), 1.0)
    np.testing.assert_array_equal(A[1:], predict(two, X))


def test_what_an_estimator_says_is_taken():
    outputs = np.full((1, 6), 0.25)
    shown = examples(Y)._replace(outputs=outputs)
    three = model(3, "softmax_cross_entropy", CLASSES)
    np.testing.assert_array_equal(probabilities_of(three, shown), [[0.75] * 6, [0.25] * 6])
    assert values_of(three, shown) is outputs


@pytest.mark.parametrize("classes", [("no", "yes"), CLASSES])
def test_saliency_is_the_slope_of_the_logit(classes):
    one = len(classes) == 2
    cost = "sigmoid_cross_entropy" if one else "softmax_cross_entropy"
    chosen = model(1 if one else 3, cost, classes)
    shown = examples(Y % len(classes), classes)
    found = saliency_of(chosen, shown)
    assert found.shape == X.shape
    predicted = probabilities_of(chosen, shown).argmax(axis=0)
    step = 1e-5

    def logits(moved):
        scaled = (moved - SCALING.shift) * SCALING.scale
        parameters = chosen.network.unpack(chosen.theta)
        hidden = np.tanh(parameters["W1"] @ scaled + parameters["b1"].reshape(-1, 1))
        return parameters["W2"] @ hidden + parameters["b2"].reshape(-1, 1)

    for feature in range(4):
        up, down = X.copy(), X.copy()
        up[feature] += step
        down[feature] -= step
        rows = np.zeros(6, int) if one else predicted
        slope = ((logits(up) - logits(down)) / (2 * step))[rows, np.arange(6)]
        np.testing.assert_allclose(found[feature], slope, rtol=1e-6, atol=1e-9)


def test_weights_are_those_of_inputs_as_they_are_read():
    one = model(1, "squared_error")
    W = one.network.unpack(one.theta)["W1"]
    np.testing.assert_allclose(
        first_layer_weights(one, "weights"), W * SCALING.scale.reshape(1, -1)
    )


def test_pictures_go_to_1():
    pictured = model(3, "softmax_cross_entropy", CLASSES, image_shape=(2, 2, 1), pixel_max=16)
    pictures = pictures_of(pictured, examples(Y, CLASSES), "mistakes")
    assert pictures.shape == (6, 2, 2, 1)
    np.testing.assert_array_equal(pictures[3].ravel(), X[:, 3] / 16)
    assert image_shape(pictured, "mistakes") == (2, 2, 1)


def test_classes_are_those_of_the_data_or_else_of_the_model():
    three = model(3, "softmax_cross_entropy", CLASSES)
    assert classes_of(three, examples(Y, ("x", "y", "z")), "confusion")[0] == ("x", "y", "z")
    assert classes_of(three, examples(Y), "confusion")[0] == CLASSES


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: classes_of(model(1, "squared_error"), examples(np.zeros((1, 6))), "confusion"),
            "confusion: found real targets, expected classes; see residuals",
        ),
        (
            lambda: classes_of(
                model(3, "sigmoid_cross_entropy", CLASSES), examples(np.zeros((3, 6))), "mistakes"
            ),
            "mistakes: found several labels an example, expected one class",
        ),
        (lambda: image_shape(model(1, "squared_error"), "weights"), "not trained on pictures"),
        (
            lambda: check_is_network(
                model(1, "squared_error", table={"estimator": "TabularRegressor"}), "weights"
            ),
            "weights: found a TabularRegressor, expected one network",
        ),
    ],
)
def test_what_a_model_is_not_made_for_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize(
    ("cost", "n_outputs", "classes", "about", "task"),
    [
        ("softmax_cross_entropy", 3, ("a", "b", "c"), {}, "classes"),
        ("sigmoid_cross_entropy", 1, ("a", "b"), {}, "classes"),
        ("sigmoid_cross_entropy", 3, ("a", "b", "c"), {}, "labels"),
        ("sigmoid_cross_entropy", 3, None, {}, "labels"),
        ("squared_error", 2, None, {}, "regression"),
        (("huber", 2.0), 2, None, {}, "regression"),
        ("poisson", 1, None, {}, "counts"),
        ("poisson", 1, None, {"task": "regression"}, "regression"),
    ],
)
def test_a_model_says_what_it_has_learnt(cost, n_outputs, classes, about, task):
    network = Network(1, (Dense(n_outputs),), cost)
    made = Model(network, np.zeros(2 * n_outputs), classes=classes, about=about)
    assert model_task(made) == task
