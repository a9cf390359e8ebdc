"""Small data that can be learnt, for the tests of experiments and their runs."""

import numpy as np

from dnn_xp.app.experiment import Experiment, prepare
from dnn_xp.data import Dataset


def dataset(classes=None, m=40, scale=1.0, shift=0.0, n_targets=1):
    """Return examples of three features, whose labels or targets can be learnt."""
    X = np.random.default_rng(3).normal(size=(m, 3)).T
    if classes is None:
        y = np.stack([X[0] - X[1] * i for i in range(n_targets)]) * scale + shift
    else:
        y = np.argsort(np.argsort(X[0])) * len(classes) // m
    return Dataset(X, y, classes, None, None)


def prepared(folder, data, **changes) -> Experiment:
    """Write data to a file, and prepare an experiment with it."""
    y = data.y.T if data.classes is None else np.asarray(data.classes)[data.y]
    np.savez(folder / "data.npz", x=data.X.T, y=y)
    arguments = {"hidden": (8,), "activation": "tanh", "seed": 0, "dtype": "float64"}
    return prepare(str(folder / "data.npz"), **arguments | changes)
