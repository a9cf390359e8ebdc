"""State of an estimator in plain types: what skops and mlflow must trust, and what comes back."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dnn_xp import EarlyStopping
from dnn_xp.estimators import MLPClassifier, MLPRegressor
from dnn_xp.estimators.pickling import full_state, plain_state
from dnn_xp.functions.activations import ActivationFunction, back_tanh, tanh
from dnn_xp.training import adam, cosine, one_cycle, sgd, warm_up

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.arange(60) % 3
TARGETS = {
    "whole numbers": Y,
    "texts": np.array(["a", "b", "c"])[Y],
    "two classes": Y > 0,
    "labels": np.eye(3, dtype=int)[Y],
    "columns": np.stack([Y, Y % 2], axis=1),
    "numbers": X[:, 0],
    "several numbers": X[:, :2],
}
CLASSIFIER = "dnn_xp.estimators.classifier.MLPClassifier"
REGRESSOR = "dnn_xp.estimators.regressor.MLPRegressor"
SETTINGS = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
CASES = [
    *((target, {}) for target in TARGETS),
    ("texts", {"batch_norm": True, "dropout": 0.1, "activation": ["gelu"]}),
    ("whole numbers", {"layer_norm": True, "activation": ("elu", 2.0)}),
    ("whole numbers", {"solver": "lbfgs"}),
    ("whole numbers", {"solver": "lbfgs", "warm_start": True}),
    ("two classes", {"solver": "sgd", "early_stopping": True, "scoring": "f1"}),
    ("two classes", {"solver": "lion", "fitted_as_numpy": True}),
    ("numbers", {"loss": ("huber", 0.5)}),
    ("numbers", {"loss": "absolute_error", "solver": adam(0.01, epsilon=1e-6)}),
    ("several numbers", {"solver": "lbfgs"}),
    ("several numbers", {"solver": sgd(0.01)}),
    ("several numbers", {"solver": sgd(0.01)._replace(learning_rate=0.0)}),
]
cases = pytest.mark.parametrize(("target", "options"), CASES, ids=str)


def fitted(target, options):
    kind = MLPRegressor if "number" in target.split()[-1] and "whole" not in target else None
    return (kind or MLPClassifier)(**SETTINGS | options).fit(X, TARGETS[target])


def name_of(one):
    return CLASSIFIER if isinstance(one, MLPClassifier) else REGRESSOR


def assert_same(found, expected, target):
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))
    assert found.get_params() == expected.get_params()
    assert found.network_ == expected.network_
    if expected.solver == "lbfgs":
        again = [one.fit(X, TARGETS[target]) for one in (found, expected)]
    else:
        options = {"early_stopping": False}
        again = [
            one.set_params(**options).partial_fit(X, TARGETS[target]) for one in (found, expected)
        ]
    assert again[0].loss_curve_ == again[1].loss_curve_


# ----------------------------------------------------------------------------- plain types

PLAIN = (str, int, float, bool, type(None), np.ndarray, np.generic)


def strangers(value):
    """Return the types in a state that are neither Python's nor NumPy's."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if type(value) in (list, tuple):
        return {name for one in value for name in strangers(one)}
    return set() if isinstance(value, PLAIN) else {type(value).__name__}


@cases
def test_plain_state_is_of_plain_types_and_all_that_there_is(target, options):
    one = fitted(target, options)
    state = plain_state(vars(one))
    # scikit-learn's own, which every reader of its estimators knows.
    assert strangers(state) <= {"LabelBinarizer"}
    assert set(state) == set(vars(one))
    other = type(one)()
    other.__dict__ |= full_state(state)
    assert_same(other, one, target)


@cases
def test_pickle_brings_all_back(target, options):
    one = fitted(target, options)
    assert_same(pickle.loads(pickle.dumps(one)), one, target)


def test_functions_of_ones_own_stay_what_they_are():
    """A file of them has to be trusted."""
    own = ActivationFunction("mine", tanh, back_tanh)
    one = MLPClassifier(**SETTINGS, activation=own).fit(X, Y)
    assert plain_state(vars(one))["_network"] is one.network_
    assert_same(pickle.loads(pickle.dumps(one)), one, "whole numbers")


@pytest.mark.parametrize(
    "schedule", [cosine(9), one_cycle(5), warm_up(cosine(4), 2), warm_up(lambda epoch: 1.0, 2)]
)
def test_schedules_are_saved_by_name(schedule):
    state = schedule.__getstate__()
    assert state["function"] == schedule.function.__name__
    other = object.__new__(type(schedule))
    other.__setstate__(state)
    assert other == schedule
    for bad in ("check", "Patience", "nowhere", "__builtins__", "dataclass"):
        with pytest.raises(ValueError, match=r"function: found .* expected a schedule of dnn_xp"):
            other.__setstate__(state | {"function": bad})


# ----------------------------------------------------------------------------- skops


@cases
def test_skops_has_one_name_to_trust(target, options):
    skops = pytest.importorskip("skops.io")
    one = fitted(target, options)
    saved = skops.dumps(one)
    assert skops.get_untrusted_types(data=saved) == [name_of(one)]
    assert_same(skops.loads(saved, trusted=[name_of(one)]), one, target)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"learning_rate": cosine(9)}, ["dnn_xp.training.schedules.ScheduleFunction"]),
        (
            {"callbacks": [EarlyStopping(9, monitor="cost")]},
            ["dnn_xp.callbacks.early_stopping.EarlyStopping"],
        ),
    ],
    ids=["schedule", "callback"],
)
def test_skops_has_public_names_of_what_is_handed_in_to_trust(options, names):
    skops = pytest.importorskip("skops.io")
    one = MLPClassifier(**SETTINGS, **options).fit(X, Y)
    saved = skops.dumps(one)
    assert set(skops.get_untrusted_types(data=saved)) == {CLASSIFIER, *names}
    other = skops.loads(saved, trusted=[CLASSIFIER, *names])
    np.testing.assert_array_equal(other.predict(X), one.predict(X))
    assert other.partial_fit(X, Y).loss_curve_ == one.partial_fit(X, Y).loss_curve_


def test_skops_saves_a_pipeline():
    skops = pytest.importorskip("skops.io")
    one = make_pipeline(StandardScaler(), MLPRegressor(**SETTINGS)).fit(X, X[:, 0])
    other = skops.loads(skops.dumps(one), trusted=[REGRESSOR])
    np.testing.assert_array_equal(other.predict(X), one.predict(X))


# ----------------------------------------------------------------------------- mlflow


@pytest.mark.filterwarnings("ignore")  # they are its own
@pytest.mark.parametrize("form", ["skops", "cloudpickle"])
def test_mlflow_loads_what_it_saved(tmp_path, monkeypatch, form):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    mlflow = pytest.importorskip("mlflow.sklearn")
    one = MLPClassifier(**SETTINGS).fit(X, Y)
    options = {"serialization_format": form, "pip_requirements": ["dnn-xp"]}
    if form == "skops":
        pytest.importorskip("skops.io")
        options["skops_trusted_types"] = [CLASSIFIER]
    mlflow.save_model(one, tmp_path / "model", **options)
    other = mlflow.load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(other.predict_proba(X), one.predict_proba(X))
    assert other.partial_fit(X, Y).loss_curve_ == one.partial_fit(X, Y).loss_curve_
