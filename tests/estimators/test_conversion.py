"""Networks that go to scikit-learn and come back, and go into files."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

import sklearn
from sklearn import neural_network
from sklearn.exceptions import NotFittedError

from dnn_xp import estimators, load_model, save_model
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.functions.activations import ACTIVATIONS
from tests.estimators.small import BEFORE_1_9
from tests.helpers import assert_close, assert_values, name_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(80, 3))
CLASSES = {
    "two": X[:, 0] > 0,
    "texts": np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)],
    "three": np.array([3.0, 5.0, 7.0])[X.argmax(axis=1)],
    "labels": (X > 0).astype(int),
}
NUMBERS = {"one": X[:, 0], "several": X[:, :2] ** 2}
TARGETS = {**CLASSES, **NUMBERS, "counts": np.abs(X[:, 0].round())}
HAS_POISSON = "loss" in neural_network.MLPRegressor().get_params()

# The same sums in another order.
ROUNDING = {"rtol": 1e-12, "atol": 1e-14}

targets = pytest.mark.parametrize(
    "target",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                name == "counts" and not HAS_POISSON, reason="Poisson from scikit-learn 1.7 on"
            ),
        )
        for name in TARGETS
    ],
)


def made(module, target, **parameters):
    """Return an estimator, fitted for a few epochs."""
    parameters = {"max_iter": 5, "random_state": 0, "hidden_layer_sizes": (6, 4)} | parameters
    if target == "counts":
        parameters["loss"] = "poisson"
    kind = "MLPClassifier" if target in CLASSES else "MLPRegressor"
    return getattr(module, kind)(**parameters).fit(X, TARGETS[target])


def ours(target, **parameters):
    return made(estimators, target, **parameters)


def assert_same_predictions(one, other, X=X):
    predicted, expected = one.predict(X), other.predict(X)
    if hasattr(one, "classes_"):
        np.testing.assert_array_equal(predicted, expected)
        np.testing.assert_array_equal(one.classes_, other.classes_)
        assert predicted.dtype == expected.dtype
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), **ROUNDING)
    else:
        np.testing.assert_allclose(predicted, expected, **ROUNDING)


# ----------------------------------------------------------------------------- from scikit-learn


@targets
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_what_scikit_learn_has_learnt(target, solver):
    theirs = made(neural_network, target, solver=solver, activation="tanh", alpha=0.01)
    kind = MLPClassifier if target in CLASSES else MLPRegressor
    taken = kind.from_sklearn(theirs)
    assert type(taken) is kind
    assert_same_predictions(taken, theirs)
    parameters, expected = taken.get_params(), theirs.get_params()
    assert {name: parameters[name] for name in expected} == expected
    for name in ("loss_", "n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(taken, name) == getattr(theirs, name)
    assert taken.n_features_in_ == 3
    taken.coefs_[0][...] = 0.0
    assert theirs.coefs_[0].any()


@targets
def test_training_goes_on_from_there(target):
    """Without momenta, which neither has: then a step of ours is a step of theirs."""
    options = {"solver": "sgd", "momentum": 0.0, "shuffle": False, "batch_size": 10}
    theirs = made(neural_network, target, **options)
    taken = (MLPClassifier if target in CLASSES else MLPRegressor).from_sklearn(theirs)
    for _ in range(3):
        taken.partial_fit(X, TARGETS[target])
        theirs.partial_fit(X, TARGETS[target])
        assert taken.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-12)
    assert_same_predictions(taken, theirs)
    assert taken.t_ == theirs.t_
    taken.set_params(warm_start=True).fit(X, TARGETS[target])


def test_names_of_features_and_dtypes_are_kept():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X.astype("float32"), columns=["a", "b", "c"])
    theirs = neural_network.MLPRegressor(max_iter=2).fit(frame, X[:, 0])
    taken = MLPRegressor.from_sklearn(theirs)
    assert taken.feature_names_in_.tolist() == ["a", "b", "c"]
    assert taken.predict(frame).dtype == np.float32
    back = taken.to_sklearn()
    assert back.feature_names_in_.tolist() == ["a", "b", "c"]
    assert back.coefs_[0].dtype == np.float32


def test_other_estimators_are_refused():
    with pytest.raises(TypeError, match=r"fitted: found MLPRegressor, expected .*'s MLPClassifier"):
        MLPClassifier.from_sklearn(made(neural_network, "one"))
    with pytest.raises(TypeError, match="fitted: found MLPClassifier, expected scikit-learn's"):
        MLPClassifier.from_sklearn(ours("two"))
    with pytest.raises(NotFittedError):
        MLPRegressor.from_sklearn(neural_network.MLPRegressor())


# ----------------------------------------------------------------------------- to scikit-learn


@targets
@pytest.mark.parametrize(
    "parameters",
    [
        {"activation": "logistic"},
        {"activation": ["tanh", "tanh"], "solver": "adamw", "dropout": 0.3, "verbose": "bar"},
        {"solver": "lbfgs", "hidden_layer_sizes": 5},
        {"hidden_layer_sizes": (), "learning_rate": lambda epoch: 1.0},
    ],
    ids=name_of,
)
def test_what_we_have_learnt(target, parameters, capsys):
    pytest.importorskip("rich")
    fitted = ours(target, **parameters)
    theirs = fitted.to_sklearn()
    assert type(theirs).__module__.startswith("sklearn.")
    assert_same_predictions(fitted, theirs)
    theirs.coefs_[0][...] += 1.0
    assert not np.array_equal(theirs.coefs_[0], fitted.coefs_[0])
    theirs.set_params(solver="sgd").partial_fit(X, TARGETS[target])  # its arguments are valid
    theirs.set_params(warm_start=True).fit(X, TARGETS[target])


@targets
def test_what_we_have_learnt_goes_on_there(target):
    """With the best score so far, which it has to exceed."""
    if target == "texts" and BEFORE_1_9:
        pytest.skip("scikit-learn before 1.9 cannot stop early on texts")
    fitted = ours(target, early_stopping=True, warm_start=True, tol=0.0)
    theirs = fitted.to_sklearn()
    theirs.best_validation_score_ = np.inf
    theirs.fit(X, TARGETS[target])
    np.testing.assert_array_equal(theirs.coefs_[0], fitted.coefs_[0])


@targets
def test_estimator_conversion_there_and_back(target):
    fitted = ours(target)
    assert_same_predictions(type(fitted).from_sklearn(fitted.to_sklearn()), fitted)


def test_from_another_library(array, library):
    with sklearn.config_context(array_api_dispatch=True):
        fitted = MLPClassifier((4,), max_iter=2, random_state=0)
        fitted.fit(array(X), array(CLASSES["three"]))
        theirs = fitted.to_sklearn()
        assert isinstance(theirs.coefs_[0], np.ndarray)
        assert_values(fitted.predict_proba(array(X)), theirs.predict_proba(X), **ROUNDING)
        np.testing.assert_array_equal(theirs.classes_, [3.0, 5.0, 7.0])


@pytest.mark.parametrize(
    ("parameters", "target", "message"),
    [
        ({"batch_norm": True}, "two", "scikit-learn has no BatchNorm"),
        ({"layer_norm": True}, "two", "scikit-learn has no LayerNorm"),
        ({"activation": "gelu"}, "two", "no network with activation gelu, only with one of ident"),
        ({"activation": ["relu", "tanh"]}, "two", "activation relu and tanh, only with one of"),
        ({"activation": ("elu", 2.0)}, "two", r"activation \('elu', 2.0\), only with one of"),
        ({"activation": ACTIVATIONS["mish"]}, "two", "activation ActivationFunction.*mish"),
        ({"loss": "absolute_error"}, "one", "no network with loss 'absolute_error'"),
        ({"loss": ("huber", 2.0)}, "one", "no network with loss 'huber'"),
    ],
)
def test_what_scikit_learn_has_not_is_named(parameters, target, message):
    with pytest.raises(ValueError, match=message):
        ours(target, **parameters).to_sklearn()


def test_targets_that_scikit_learn_has_not_are_named():
    Y = np.stack([CLASSES["texts"], CLASSES["texts"]], axis=1)
    fitted = MLPClassifier(max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match="no network with loss 'grouped_softmax_cross_entropy'"):
        fitted.to_sklearn()


# ----------------------------------------------------------------------------- files


@targets
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_saved_network_predicts_the_same(tmp_path, target, batch_norm):
    fitted = ours(target, batch_norm=batch_norm)
    save_model(tmp_path / "model.h5", fitted.to_model())
    model = load_model(tmp_path / "model.h5", backend="numpy")
    outputs = model.network.predict(model.theta, X.T)
    if target not in CLASSES:
        predicted = fitted.predict(X)
        np.testing.assert_allclose(outputs, np.atleast_2d(predicted.T), **ROUNDING)
        assert model.classes is None
        return
    probabilities = fitted.predict_proba(X).T[-len(outputs) :]
    np.testing.assert_allclose(outputs, probabilities, **ROUNDING)
    names = {"two": ("False", "True"), "texts": ("no", "yes"), "three": ("3.0", "5.0", "7.0")}
    assert model.classes == names.get(target)


def test_the_network_and_its_parameters(array, library):
    """In the words of the rest of the library, and where they are."""
    with sklearn.config_context(array_api_dispatch=True):
        whole = library.value != "dask"  # of a batch in blocks nobody sees the whole
        fitted = MLPRegressor(hidden_layer_sizes=(4,), batch_norm=whole, max_iter=2)
        for name in ("network_", "theta_"):
            assert not hasattr(fitted, name)
        fitted.fit(array(X), array(X[:, 0]))
        outputs = fitted.network_.predict(fitted.theta_, array(X.T))
        assert_close(outputs[0, :], fitted.predict(array(X)), rtol=1e-13)


def test_classes_of_several_columns_are_not_named():
    Y = np.stack([CLASSES["texts"], CLASSES["texts"]], axis=1)
    model = MLPClassifier(max_iter=1).fit(X, Y).to_model()
    assert model.classes is None
    assert model.network.cost == ("grouped_softmax_cross_entropy", 2, 2)
