"""Pictures of models: of two classes by one output, of colour, of tables."""

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")
pytest.importorskip("matplotlib", reason="the pictures need matplotlib")

from dnn_xp import Dense, Network
from dnn_xp.app.model_pictures import DRAWN_FROM_EXAMPLES, draw_importances, draw_weights
from dnn_xp.data import Dataset, Preprocessing
from dnn_xp.models import Model
from dnn_xp.reports.examples import Examples

pytestmark = pytest.mark.once

# The red of the first pixel tells: of 0 to 255, shifted and scaled to -1 to 1.
NETWORK = Network(12, (Dense(1),), "sigmoid_cross_entropy")
THETA = np.asarray([4.0, *[0.0] * 11, 0.0])
SCALE = Preprocessing(np.asarray(127.5), np.asarray(1 / 127.5))
MODEL = Model(NETWORK, THETA, SCALE, ("blue", "red"), (2, 2, 3), 255)


@pytest.fixture
def shown():
    X = np.zeros((12, 4))
    X[0] = [255.0, 255.0, 0.0, 127.5]
    return Examples("my", Dataset(X, np.asarray([1, 0, 0, 0]), MODEL.classes, (2, 2, 3), 255))


def test_two_classes_of_one_output(shown):
    axes = DRAWN_FROM_EXAMPLES["confusion"](MODEL, shown).axes[0]
    assert axes.get_title() == "my\n3 of 4 right (75.00%)"
    mistake = DRAWN_FROM_EXAMPLES["mistakes"](MODEL, shown)
    (axes,) = mistake.axes
    assert axes.get_title() == "predicted: red (98.2%)\ntrue: blue (1.8%)"
    assert axes.images[0].get_array()[0, 0].tolist() == [1.0, 0.0, 0.0]


def test_saliency_is_at_the_pixel_that_counts(shown):
    figure = DRAWN_FROM_EXAMPLES["saliency"](MODEL, shown)
    below = np.asarray(figure.axes[1].images[0].get_array())
    red, *others = below[0, 0]
    assert (red > 0.5, others) == (True, [0.0, 0.0])
    np.testing.assert_allclose(below[1, 1], [0.6, 0.6, 0.6])


def test_weights_are_those_of_the_values_of_the_pictures():
    shift, scale = np.zeros((12, 1)), np.ones((12, 1))
    theta = np.concat([np.ones(12), [0.0]])
    scale[5] = -2.0
    model = MODEL._replace(theta=theta, preprocessing=Preprocessing(shift, scale))
    drawn = np.asarray(draw_weights(model, "a").axes[0].images[0].get_array())
    assert drawn.ravel()[5] == 0.0
    assert drawn.ravel()[0] == 0.75


def test_a_model_of_tables_has_importances():
    pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")
    from dnn_xp import estimators

    rng = np.random.default_rng(0)
    X, options = rng.normal(size=(40, 2)), {"n_members": 1, "max_iter": 2, "random_state": 0}
    fitted = estimators.TabularRegressor(importances=True, **options).fit(X, X[:, 0])
    (axes,) = draw_importances(fitted.to_model(), "cars").axes
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == sorted(fitted.feature_importances_, reverse=True)
    plain = estimators.TabularRegressor(**options).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="importances=True"):
        draw_importances(plain.to_model(), "cars")
