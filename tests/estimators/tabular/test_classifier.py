"""Classifier of tables: kinds of targets, probabilities, weights of classes, saliency."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.metrics import log_loss

from dnn_xp.estimators import TabularClassifier

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
M = 200
X = RNG.normal(size=(M, 4))
LABELS = np.asarray(["low", "middle", "high"])[(X[:, 0] > -0.4) + 1 * (X[:, 0] > 0.4)]
SMALL = {
    "n_members": 2,
    "hidden_layer_sizes": (16,),
    "batch_size": 32,
    "max_iter": 60,
    "random_state": 0,
}
TARGETS = {
    "texts": LABELS,
    "two": X[:, 0] > 0,
    "floats": np.where(X[:, 0] > 0, 2.0, -1.0),
    "labels": (X[:, :3] > 0).astype(int),
    "columns": np.stack([LABELS == "low", (X[:, 1] > 0) + 1 * (X[:, 2] > 0)], axis=1) * 1,
}


@pytest.mark.parametrize("name", TARGETS)
def test_each_kind_of_target_is_learnt(name):
    y = TARGETS[name]
    model = TabularClassifier(**SMALL).fit(X, y)
    predicted = model.predict(X)
    assert predicted.shape == y.shape
    assert predicted.dtype.kind == y.dtype.kind
    assert np.mean(predicted == y) > 0.9
    assert model.score(X, y) == pytest.approx(np.mean((predicted == y).reshape(M, -1).all(axis=1)))


@pytest.mark.parametrize("name", TARGETS)
def test_probabilities_are_those_of_what_is_predicted(name):
    y = TARGETS[name]
    model = TabularClassifier(**SMALL).fit(X, y)
    found, logarithms = model.predict_proba(X), model.predict_log_proba(X)
    if name == "labels":
        np.testing.assert_array_equal(model.predict(X), found > 0.5)
        return
    if name != "columns":
        found, logarithms = [found], [logarithms]
        classes, predicted = [model.classes_], model.predict(X)[:, None]
    else:
        classes, predicted = model.classes_, model.predict(X)
    for i, (A, log_A) in enumerate(zip(found, logarithms, strict=True)):
        np.testing.assert_allclose(A.sum(axis=1), 1.0, rtol=1e-12)
        np.testing.assert_allclose(np.exp(log_A), A, rtol=1e-12)
        np.testing.assert_array_equal(classes[i][A.argmax(axis=1)], predicted[:, i])


def test_probabilities_are_calibrated_where_training_alone_would_be_too_sure():
    """Labels of which a quarter are wrong: no honest probability is far beyond 3/4."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(600, 20))
    y = (X[:, 0] > 0) != (rng.random(600) < 0.25)
    unseen = rng.normal(size=(4000, 20))
    truth = (unseen[:, 0] > 0) != (rng.random(4000) < 0.25)
    options = {"n_members": 2, "hidden_layer_sizes": (64,), "dropout": 0.0, "random_state": 0}
    calibrated = TabularClassifier(**options).fit(X, y)
    plain = TabularClassifier(**options, validation=None).fit(X, y)
    losses = [log_loss(truth, model.predict_proba(unseen)) for model in (calibrated, plain)]
    assert losses[0] < 0.693 < losses[1]  # one is better than a coin, the other worse


def test_classes_that_are_rare_are_in_all_probabilities():
    y = np.where(np.arange(M) < 3, 2, LABELS == "low").astype(int)
    model = TabularClassifier(**SMALL).fit(X, y)
    assert model.predict_proba(X).shape == (M, 3)
    y[3] = 7  # one example alone, which some members never see
    assert TabularClassifier(**SMALL).fit(X, y).predict_proba(X).shape == (M, 4)


def test_a_thousand_classes():
    y = np.arange(2000) % 1000
    rows = np.stack([y // 100, y // 10 % 10, y % 10], axis=1) + RNG.normal(0, 0.05, (2000, 3))
    model = TabularClassifier(**SMALL | {"max_iter": 2}).fit(rows, y)
    assert model.predict_proba(rows[:2]).shape == (2, 1000)


def test_weights_of_classes_move_the_border():
    y = (X[:, 0] + RNG.normal(size=M) > 1.5).astype(int)
    plain = TabularClassifier(**SMALL).fit(X, y).predict(X).mean()
    balanced = TabularClassifier(**SMALL, class_weight="balanced").fit(X, y).predict(X).mean()
    by_hand = TabularClassifier(**SMALL, class_weight={1: 5.0}).fit(X, y).predict(X).mean()
    assert plain < by_hand
    assert plain < balanced
    with pytest.raises(ValueError, match="class_weight: found 'heavy'"):
        TabularClassifier(**SMALL, class_weight={"heavy": 2.0}).fit(X, y)


def test_input_gradient_is_the_derivative_of_the_score():
    frame = X.copy()
    frame[:, 3] = 1.0  # a constant
    # Smooth, as differences want it.
    model = TabularClassifier(**SMALL, activation="silu").fit(frame, LABELS)
    found = model.input_gradient(frame, "high")
    step = 1e-3

    def score(rows):
        from dnn_xp.data.scaling import scale_numbers  # in float64, which differences need

        features = [one for one in model.encoder_.features_ if one.scale > 0]
        Z, _ = scale_numbers(
            rows[:, :3],
            np.asarray([one.centre for one in features]),
            np.asarray([one.scale for one in features]),
        )
        logits = model.network_.forward(model.thetas_.astype(float), Z.T)
        return logits[:, model.classes_.tolist().index("high"), :].mean(0) / model.temperature_

    for j in range(3):
        moved = [frame + sign * step * (np.arange(4) == j) for sign in (1, -1)]
        expected = (score(moved[0]) - score(moved[1])) / (2 * step)
        # Float32 at scores of about 10, and differences of the third order.
        np.testing.assert_allclose(found[:, j], expected, rtol=1e-3, atol=1e-4)
    assert not found[:, 3].any()
    with pytest.raises(ValueError, match="output: found 'tiny'"):
        model.input_gradient(frame, "tiny")
