"""Parameters of the estimators of tables: by name only, documented, and scikit-learn's to clone."""

import inspect

import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.base import clone

from dnn_xp.estimators import TabularClassifier, TabularRegressor

pytestmark = pytest.mark.once
both = pytest.mark.parametrize("kind", [TabularClassifier, TabularRegressor])


@both
def test_each_is_documented_and_named(kind):
    parameters = inspect.signature(kind).parameters
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in parameters.values())
    words = inspect.getdoc(kind).partition("Attributes")[0]
    for name in parameters:
        assert name in words


@both
def test_a_clone_has_the_same(kind):
    model = kind(n_members=3, categorical_features=[0, 2], hidden_layer_sizes=(4, 5))
    assert clone(model).get_params() == model.get_params()
