"""Importances: a feature that decides stands out, one that does not is 0 within its spread."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from dnn_xp.estimators import TabularClassifier, TabularRegressor

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
M = 300
COLORS = RNG.choice(["red", "green", "blue"], M)
X = np.column_stack([RNG.normal(size=(M, 3)), COLORS]).astype(object)
X[:, :3] = X[:, :3].astype(float)
X[:, 2] = 1.0  # a constant
DECIDES = X[:, 0].astype(float) + 2.0 * (COLORS == "red")
OPTIONS = {
    "n_members": 2,
    "hidden_layer_sizes": (16,),
    "batch_size": 32,
    "max_iter": 40,
    "importances": True,
    "random_state": 0,
}


@pytest.mark.parametrize(
    ("kind", "y"),
    [(TabularClassifier, DECIDES > 0.7), (TabularRegressor, 1e4 * DECIDES)],
    ids=["classifier", "regressor"],
)
def test_what_decides_stands_out(kind, y):
    model = kind(**OPTIONS).fit(X, y)
    found, spread = model.feature_importances_, model.feature_importances_std_
    assert found.shape == spread.shape == (4,)
    assert found[0] > 5 * abs(found[1])
    assert found[3] > 5 * abs(found[1])
    assert abs(found[1]) < 3 * spread[1]
    assert found[2] == spread[2] == 0.0  # what is constant cannot be shuffled


def test_they_are_there_only_where_they_were_asked_for():
    model = TabularRegressor(**OPTIONS | {"max_iter": 2}).fit(X, DECIDES)
    model.set_params(importances=False).fit(X, DECIDES)
    assert not hasattr(model, "feature_importances_")


def test_they_do_not_change_what_is_predicted():
    options = OPTIONS | {"max_iter": 2}
    one = TabularRegressor(**options).fit(X, DECIDES)
    other = TabularRegressor(**options | {"importances": False}).fit(X, DECIDES)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
