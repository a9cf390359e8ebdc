"""State of estimators of tables: model files keep members, encoder, temperature and intervals."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.base import clone

from dnn_xp import load_model, save_model
from dnn_xp.estimators import TabularClassifier, TabularRegressor

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)
M = 80
X = np.column_stack([RNG.normal(size=M), M // 2 * ["a", None]]).astype(object)
X[:, 0] = X[:, 0].astype(float)
X[::9, 0] = np.nan
NUMBERS = RNG.normal(size=M)
SMALL = {"n_members": 3, "hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}
TARGETS = {
    "texts": np.where(NUMBERS > 0, "yes", "no"),
    "numbers": 3 * (NUMBERS > 0) + 2 * (NUMBERS > 1),
    "booleans": NUMBERS > 0,
    "labels": np.stack([NUMBERS > 0, NUMBERS < 1], axis=1) * 1,
    "columns": np.stack([NUMBERS > 0, 2 * (NUMBERS > 1) + (NUMBERS > 0)], axis=1) * 1,
}


def kept(tmp_path, model):
    save_model(tmp_path / "model.h5", model.to_model())
    return type(model).from_model(load_model(tmp_path / "model.h5", backend="numpy"))


@pytest.mark.parametrize("name", TARGETS)
def test_a_classifier_comes_back_from_a_file(tmp_path, name):
    model = TabularClassifier(**SMALL, importances=True).fit(X, TARGETS[name])
    again = kept(tmp_path, model)
    for found, expected in (
        (again.predict(X), model.predict(X)),
        (again.temperature_, model.temperature_),
        (again.feature_importances_, model.feature_importances_),
    ):
        np.testing.assert_array_equal(found, expected)
    found, expected = again.predict_proba(X), model.predict_proba(X)
    for one, other in zip([*found], [*expected], strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.predict(X).dtype == model.predict(X).dtype
    assert again.encoder_.describe() == model.encoder_.describe()
    assert again.n_members == 3


@pytest.mark.parametrize("loss", ["squared_error", ("quantile", [0.1, 0.5, 0.9])])
@pytest.mark.parametrize("y", [1e5 * NUMBERS, np.stack([NUMBERS, 7 * NUMBERS], axis=1)])
def test_a_regressor_comes_back_from_a_file_with_its_intervals(tmp_path, loss, y):
    model = TabularRegressor(**SMALL, loss=loss).fit(X, y)
    again = kept(tmp_path, model)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.predict_interval(X, 0.8), model.predict_interval(X, 0.8))
    assert clone(again).fit(X, y).network_.cost == model.network_.cost


def test_a_file_is_written_of_a_model_and_an_estimator_makes_one(tmp_path):
    fitted = TabularClassifier(**SMALL).fit(X, TARGETS["texts"])
    with pytest.raises(TypeError, match=r"model: found .*, expected a Model: model\.to_model\(\)$"):
        save_model(tmp_path / "model.h5", fitted)
    for found in (fitted.network_, {}, None, "model", fitted.to_model()._asdict()):
        with pytest.raises(TypeError, match=r"model: found .*, expected a Model$"):
            save_model(tmp_path / "model.h5", found)
    assert not [*tmp_path.iterdir()]


def test_names_of_features_come_back(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"age": X[:, 0].astype(float), "color": X[:, 1]})
    again = kept(tmp_path, TabularClassifier(**SMALL).fit(frame, TARGETS["texts"]))
    assert again.feature_names_in_.tolist() == ["age", "color"]
    assert again.predict(frame).shape == (M,)


def test_a_model_of_another_kind_is_refused(tmp_path):
    model = TabularClassifier(**SMALL).fit(X, TARGETS["texts"]).to_model()
    with pytest.raises(ValueError, match="found TabularClassifier, expected one that TabularRegr"):
        TabularRegressor.from_model(model)
    with pytest.raises(ValueError, match="found one network"):
        TabularClassifier.from_model(model._replace(table=None))
