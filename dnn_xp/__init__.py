"""One network, any array: deep learning written once against the array API standard.

The public names are loaded when they are first used: ``import dnn_xp`` itself loads nothing.
``dnn_xp.xp`` is the namespace of the current backend.
"""

from __future__ import annotations

from importlib import import_module

# Not out of `typing`, which takes longer to load than all of this: Ctrl-C would fall into it.
TYPE_CHECKING = False
if TYPE_CHECKING:  # for type checkers and editors; keep in step with _HOMES
    from typing import Any

    from dnn_xp.backends import current_backend, use_backend
    from dnn_xp.callbacks import (
        Checkpoint,
        CSVLog,
        EarlyStopping,
        Interruptible,
        JSONLinesLog,
        RunFolder,
        TensorBoard,
        TimeLimit,
    )
    from dnn_xp.data import Preprocessing, load_arrays, open_examples, read_picture
    from dnn_xp.estimators import MLPClassifier as MLPClassifier
    from dnn_xp.estimators import MLPRegressor as MLPRegressor
    from dnn_xp.estimators import TabularClassifier as TabularClassifier
    from dnn_xp.estimators import TabularRegressor as TabularRegressor
    from dnn_xp.functions.metrics import accuracy, one_hot
    from dnn_xp.layers import (
        Activation,
        BatchNorm,
        Dense,
        Dropout,
        Layer,
        LayerNorm,
        ParametricActivation,
        PeriodicEmbedding,
    )
    from dnn_xp.models import (
        CheckpointError,
        Model,
        ModelFileError,
        load_checkpoint,
        load_model,
        save_model,
    )
    from dnn_xp.network import Network, check_gradient
    from dnn_xp.recording import record
    from dnn_xp.reports import learning_curve, report
    from dnn_xp.training import (
        AnotherRunError,
        Callback,
        Ending,
        Optimizer,
        Regularization,
        TrainingResult,
        class_weights,
        lbfgs,
        sgd,
        train,
    )

__version__ = "0.1.0"

_HOMES = {
    "dnn_xp.backends": ("current_backend", "use_backend"),
    "dnn_xp.callbacks": (
        "CSVLog",
        "Checkpoint",
        "EarlyStopping",
        "Interruptible",
        "JSONLinesLog",
        "RunFolder",
        "TensorBoard",
        "TimeLimit",
    ),
    "dnn_xp.data": ("Preprocessing", "load_arrays", "open_examples", "read_picture"),
    "dnn_xp.estimators": (
        "MLPClassifier",
        "MLPRegressor",
        "TabularClassifier",
        "TabularRegressor",
    ),
    "dnn_xp.functions.metrics": ("accuracy", "one_hot"),
    "dnn_xp.layers": (
        "Activation",
        "BatchNorm",
        "Dense",
        "Dropout",
        "Layer",
        "LayerNorm",
        "ParametricActivation",
        "PeriodicEmbedding",
    ),
    "dnn_xp.models": (
        "CheckpointError",
        "Model",
        "ModelFileError",
        "load_checkpoint",
        "load_model",
        "save_model",
    ),
    "dnn_xp.network": ("Network", "check_gradient"),
    "dnn_xp.recording": ("record",),
    "dnn_xp.reports": ("learning_curve", "report"),
    "dnn_xp.training": (
        "AnotherRunError",
        "Callback",
        "Ending",
        "Optimizer",
        "Regularization",
        "TrainingResult",
        "class_weights",
        "lbfgs",
        "sgd",
        "train",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # not what needs an extra, since ``from dnn_xp import *`` loads all of it
    "Activation",
    "AnotherRunError",
    "BatchNorm",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Ending",
    "Interruptible",
    "JSONLinesLog",
    "Layer",
    "LayerNorm",
    "Model",
    "ModelFileError",
    "Network",
    "Optimizer",
    "ParametricActivation",
    "PeriodicEmbedding",
    "Preprocessing",
    "Regularization",
    "RunFolder",
    "TensorBoard",
    "TimeLimit",
    "TrainingResult",
    "accuracy",
    "check_gradient",
    "class_weights",
    "current_backend",
    "lbfgs",
    "learning_curve",
    "load_arrays",
    "load_checkpoint",
    "load_model",
    "one_hot",
    "open_examples",
    "read_picture",
    "record",
    "report",
    "save_model",
    "sgd",
    "train",
    "use_backend",
    "xp",
]


def __getattr__(name: str) -> Any:
    if name == "xp":
        return import_module("dnn_xp.backends").current_backend().xp
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_HOME_OF})
