"""Runs for tests to stop and to take up: a few that between them have everything that changes."""

from functools import partial

import numpy as np

from dnn_xp import (
    Activation,
    BatchNorm,
    Callback,
    Dense,
    Dropout,
    EarlyStopping,
    Network,
    accuracy,
    backends,
    train,
)
from dnn_xp.training import Regularization, adam, adamw, amsgrad, momentum, nesterov, sgd
from dnn_xp.training.evaluation import Evaluation
from dnn_xp.training.loop import TrainingData, prepare_run
from dnn_xp.training.moments import Callbacks, drive
from dnn_xp.training.parts import begin_run
from dnn_xp.training.settings import Settings
from dnn_xp.training.step import State

N_EXAMPLES, BATCH_SIZE, EPOCHS = 10, 4, 3  # batches of 4, 4 and 2

PLAIN = Network(3, (Dense(4, "tanh"), Dense(1)), "sigmoid_cross_entropy")
DROPPING = Network(3, (Dense(4, "tanh"), Dropout(0.3), Dense(1)), PLAIN.cost)
NORMALIZED = Network(
    3, (Dense(4), BatchNorm(), Activation("relu"), Dropout(0.3), Dense(1)), PLAIN.cost
)


class StopAfter(Callback):
    """Break off after some steps."""

    def __init__(self, steps):
        self.steps = steps

    def step(self, run):
        self.steps -= 1
        return "stopped" if self.steps == 0 else None


class Falling(Callback):
    """A schedule that remembers something: the rate falls after each epoch, by turns."""

    def start(self, run):
        self.factor = 1.0

    def state(self):
        return {"factor": self.factor}

    def restore(self, run, state):
        self.factor = state["factor"]

    def epoch(self, run):
        self.factor *= 0.5 + 0.4 * (run.epoch % 2)

    def __call__(self, epoch):
        return self.factor / (1.0 + epoch)


OF_PARTS = Network(
    3, (Dense(4), BatchNorm(across="part"), Activation("relu"), Dropout(0.3), Dense(1)), PLAIN.cost
)

CASES = {
    "sgd, full batch": (PLAIN, {"optimizer": sgd(0.3), "batch_size": None}),
    "momentum in example space": (
        Network(12, PLAIN.layers, PLAIN.cost),
        {"optimizer": momentum(0.1), "batch_size": None, "example_space": True},
    ),
    "dropout, batch norm, adamw, averages, validation": (
        NORMALIZED,
        {"optimizer": adamw(0.01), "ema_decay": 0.9, "validation": True, "metrics": True},
    ),
    "mixup, noise, smoothing, penalties, clipping, weights": (
        PLAIN,
        {
            "optimizer": amsgrad(0.01),
            "regularization": Regularization(
                l1=0.01, l2=0.01, max_norm=1.0, label_smoothing=0.1, mixup=0.4, noise=0.1
            ),
            "clip_value": 0.1,
            "clip_norm": 0.2,
            "weights": True,
        },
    ),
    "dropout, batch norm of parts, adamw, averages, validation": (
        OF_PARTS,
        {"optimizer": adamw(0.01), "ema_decay": 0.9, "validation": True, "metrics": True},
    ),
    "noise, smoothing, penalties, clipping, weights": (
        PLAIN,
        {
            "optimizer": amsgrad(0.01),
            "regularization": Regularization(
                l1=0.01, l2=0.01, max_norm=1.0, label_smoothing=0.1, noise=0.1
            ),
            "clip_value": 0.1,
            "clip_norm": 0.2,
            "weights": True,
        },
    ),
    "micro-batches, a schedule that remembers": (
        DROPPING,
        {"optimizer": nesterov(0.1), "micro_batch": 3, "schedule": Falling},
    ),
    "early stopping": (PLAIN, {"optimizer": adam(0.05), "callbacks": lambda: [EarlyStopping(1)]}),
}

NEED_A_WHOLE_BATCH = {
    "dropout, batch norm, adamw, averages, validation",
    "mixup, noise, smoothing, penalties, clipping, weights",
}
"""Cases that are refused where a batch lies in blocks."""


def train_as_estimators_do(
    network, X, Y, theta=None, *, weights=None, after=None, group=None, **settings
):
    """Train with the settings that `train` has not: an order, weights by batch, another's end."""
    told = Settings(settings.pop("optimizer", sgd(0.1)), settings.pop("epochs", 10), **settings)
    data = TrainingData(X, Y, weights)
    prepare = partial(prepare_run, network, data, theta, told, Evaluation(), after=after)
    return drive(begin_run(prepare, group), Callbacks(()))


def train_case(case, *callbacks, array=np.array, epochs=EPOCHS, resume=None, **changes):
    """Train as a case says, with callbacks besides its own."""
    network, options = CASES[case]
    options = {"batch_size": BATCH_SIZE, "seed": 3} | options | changes
    rng = np.random.default_rng(0)
    X = rng.normal(size=(network.n_inputs, N_EXAMPLES))
    Y = (X[:1] > 0).astype(float)
    if options.pop("validation", case == "early stopping"):
        options["validation"] = array(-X[:, :5]), array(Y[:, :5])  # grows worse and worse
    if options.pop("metrics", False):
        options["metrics"] = {"accuracy": accuracy}
    if options.pop("weights", False):
        options["weights"] = array(rng.uniform(0.5, 2.0, size=N_EXAMPLES))
    if "schedule" in options:
        options["schedule"] = options["schedule"]()
    callbacks = [*options.pop("callbacks", list)(), *callbacks]
    options |= {"epochs": epochs, "resume": resume, "callbacks": callbacks}
    return train(network, array(X), array(Y), **options)


def bits(run):
    """Return all that a run ends with, as NumPy arrays and numbers."""
    theta, optimizer, average, _ = run.progress.state
    arrays = [run.theta, theta, *optimizer, *([] if average is None else [average])]
    return [backends.to_host(x) for x in arrays], run.history, run.epochs, run.reason


def assert_same(one, other):
    (arrays, *rest), (others, *rest_of_other) = bits(one), bits(other)
    for actual, desired in zip(arrays, others, strict=True):
        np.testing.assert_array_equal(actual, desired)
        assert actual.dtype == desired.dtype
    assert rest == rest_of_other


def on_host(progress):
    """Return what a file would hold: NumPy arrays, in no library's form."""
    host, (theta, optimizer, average, total) = backends.to_host, progress.state
    held = State(
        host(theta),
        tuple(map(host, optimizer)),
        None if average is None else host(average),
        host(total),
    )
    arrays = {name: host(getattr(progress, name)) for name in ("kept", "finite")}
    return progress._replace(state=held, **arrays)


def assert_same_progress(one, other):
    assert_same_parts(on_host(one), on_host(other))


def assert_same_parts(one, other):
    """Compare nested tuples and dictionaries of numbers, texts and arrays."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = [*one.values()], [other[name] for name in one]
    if isinstance(one, tuple | list):
        for actual, desired in zip(one, other, strict=True):
            assert_same_parts(actual, desired)
    elif one is None or isinstance(one, str):
        assert one == other
    else:
        np.testing.assert_array_equal(one, other)
        assert np.asarray(one).dtype == np.asarray(other).dtype


def files_beside(path):
    return sorted(one.name for one in path.parent.iterdir())
