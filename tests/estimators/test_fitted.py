"""Fitted state: from a network's parameters to attributes, and what is left to subclasses."""

import gc
import pickle
import weakref

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from dnn_xp import BatchNorm, Callback, Dense, Network, backends, callbacks
from dnn_xp.callbacks import (
    Checkpoint,
    CSVLog,
    EarlyStopping,
    Interruptible,
    JSONLinesLog,
    ProgressBar,
    RunFolder,
    TensorBoard,
    TimeLimit,
)
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.estimators.base import MultilayerPerceptron
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.training import ReduceOnPlateau, cosine
from tests.estimators.small import quiet
from tests.helpers import assert_values

PLAIN = Network(3, (Dense(4, "tanh"), Dense(2)), "squared_error")
NORMALIZED = Network(3, (Dense(4), BatchNorm(), Dense(2)), "squared_error")


def fitted(network, theta, **parameters):
    estimator = MLPRegressor(**parameters)
    estimator._set_theta(network, theta)
    return estimator


def test_estimators_are_fitted_networks():
    assert issubclass(MultilayerPerceptron, FittedNetwork)
    for kind in (MLPClassifier, MLPRegressor):
        assert issubclass(kind, FittedNetwork)
        assert set(kind().get_params()) >= set(FittedNetwork().get_params())


@pytest.mark.parametrize("network", [PLAIN, NORMALIZED], ids=["plain", "normalized"])
def test_parameters_that_are_set_are_those_that_are_read(array, network):
    theta = np.random.default_rng(0).uniform(0.5, 1.0, network.size)
    estimator = fitted(network, array(theta))
    assert estimator.network_ is network
    assert_values(estimator.theta_, theta, rtol=0)
    assert [tuple(coef.shape) for coef in estimator.coefs_] == [(3, 4), (4, 2)]
    assert [tuple(intercept.shape) for intercept in estimator.intercepts_] == [(4,), (2,)]
    assert hasattr(estimator, "norms_") is (network is NORMALIZED)
    assert len(estimator._weights().norms) == (network is NORMALIZED)


def test_attributes_can_be_those_of_numpy(array):
    theta = np.linspace(0.0, 1.0, NORMALIZED.size)
    estimator = fitted(NORMALIZED, array(theta), fitted_as_numpy=True)
    arrays = [*estimator.coefs_, *estimator.intercepts_, *estimator.norms_[0].values()]
    assert all(isinstance(x, np.ndarray) for x in arrays)
    np.testing.assert_array_equal(estimator.theta_, theta)


def test_attributes_of_other_parameters_leave_the_estimator_as_it_is(xp, array):
    estimator = fitted(PLAIN, array(np.zeros(PLAIN.size)))
    attributes = estimator._parameter_attributes(PLAIN, array(np.ones(PLAIN.size)))
    assert attributes.keys() == {"_network", "coefs_", "intercepts_"}
    assert backends.namespace(attributes["coefs_"][0]) is xp
    assert_values(attributes["coefs_"][0], np.ones((3, 4)), rtol=0)
    assert_values(estimator.coefs_[0], np.zeros((3, 4)), rtol=0)


@pytest.mark.parametrize("name", ["network_", "theta_"])
def test_before_a_fit_there_is_no_network(name):
    with pytest.raises(NotFittedError, match="MLPRegressor instance is not fitted yet"):
        getattr(MLPRegressor(), name)


def test_before_a_fit_there_is_nothing_to_go_on_from():
    estimator = FittedNetwork()
    assert estimator._progress is estimator._last_optimizer is estimator._lbfgs_state is None
    assert estimator._learning_rate == 1.0


def test_targets_are_left_to_subclasses():
    estimator, array = FittedNetwork(), np.zeros((1, 2))
    for call in (
        lambda: estimator._encode(array[0], None, incremental=False),
        lambda: estimator._encode_known(array[0]),
        lambda: estimator._decode(array),
        lambda: estimator._find_cost(1),
        lambda: estimator._out_activation(),
        lambda: estimator._measure(array, array, None),
        lambda: estimator._logit_gradient(array, None),
    ):
        with pytest.raises(NotImplementedError):
            call()
    assert estimator._class_weights(array) is None


# ----------------------------------------------------------------------------- pickles

CALLBACKS = {
    "CSVLog": lambda folder: {"callbacks": [CSVLog(folder / "log.csv")]},
    "EarlyStopping": lambda folder: {"callbacks": [EarlyStopping(9, monitor="cost")]},
    "Interruptible": lambda folder: {"callbacks": [Interruptible()]},
    "JSONLinesLog": lambda folder: {"callbacks": [JSONLinesLog(folder / "log.jsonl")]},
    "ProgressBar": lambda folder: {"callbacks": [progress_bar()]},
    "ReduceOnPlateau": lambda folder: {"learning_rate": ReduceOnPlateau(monitor="cost")},
    "RunFolder": lambda folder: {"callbacks": [RunFolder(folder / "run")]},
    "TensorBoard": lambda folder: {"callbacks": [tensorboard(folder)]},
    "TimeLimit": lambda folder: {"callbacks": [TimeLimit(60)]},
    "checkpoint": lambda folder: {"checkpoint": Checkpoint(folder)},
    "early_stopping": lambda folder: {"early_stopping": True, "scoring": "accuracy"},
    "lbfgs": lambda folder: {"solver": "lbfgs"},
    "none": lambda folder: {},
    "schedule": lambda folder: {"learning_rate": cosine(9)},
}


def progress_bar():
    pytest.importorskip("rich")
    return ProgressBar()


def tensorboard(folder):
    pytest.importorskip("tensorboard")
    return TensorBoard(folder / "board")


def test_every_callback_is_pickled_here():
    kinds = {
        name
        for name, kind in vars(callbacks).items()
        if isinstance(kind, type) and issubclass(kind, Callback) and kind is not Callback
    }
    assert kinds - {"Checkpoint"} <= set(CALLBACKS)


@quiet
@pytest.mark.filterwarnings("ignore:.*another fit has written it:UserWarning")
@pytest.mark.parametrize("name", CALLBACKS)
def test_pickle_of_a_fit_is_small_and_holds_no_data(tmp_path, name):
    """Nor does the fitted estimator itself, so that X can be freed; and it can be cloned."""
    many = np.random.default_rng(0).normal(size=(200, 30))
    classes = np.arange(200) % 3
    alive = weakref.ref(many)
    clf = MLPClassifier((8,), max_iter=3, random_state=0, **CALLBACKS[name](tmp_path))
    clf.fit(many, classes)
    saved = pickle.dumps(clf)
    # The weights, and adam's two means of them; the rest are curves and parameters.
    network = sum(array.nbytes for array in [*clf.coefs_, *clf.intercepts_])
    assert len(saved) < 3 * network + 6_000
    assert not any(number.tobytes() in saved for number in many.ravel())
    other = pickle.loads(saved)
    np.testing.assert_array_equal(other.predict(many), clf.predict(many))
    again = clone(clf).fit(many, classes)
    np.testing.assert_array_equal(again.predict(many), clf.predict(many))
    search = GridSearchCV(clone(clf), {"alpha": [0.1]}, cv=2).fit(many, classes)
    assert len(pickle.dumps(search)) < 3 * network + 12_000
    del many
    gc.collect()
    assert alive() is None
