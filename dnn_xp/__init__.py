"""One network, any array: deep learning written once against the array API standard.

The public names are loaded when they are first used: ``import dnn_xp`` itself loads nothing.
``dnn_xp.xp`` is the namespace of the current backend.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; keep in step with _HOMES
    from dnn_xp.backends import current_backend, use_backend
    from dnn_xp.estimators import MLPClassifier as MLPClassifier
    from dnn_xp.estimators import MLPRegressor as MLPRegressor
    from dnn_xp.files.checkpoints import Checkpoint, load_checkpoint
    from dnn_xp.files.h5 import load_model, save_model
    from dnn_xp.functions.metrics import accuracy, one_hot
    from dnn_xp.gradient_check import check_gradient
    from dnn_xp.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
    from dnn_xp.network import Network
    from dnn_xp.training import Callback, EarlyStopping, TrainingResult, lbfgs, sgd, train

__version__ = "0.1.0"

_HOMES = {
    "dnn_xp.backends": ("current_backend", "use_backend"),
    "dnn_xp.estimators": ("MLPClassifier", "MLPRegressor"),
    "dnn_xp.files.checkpoints": ("Checkpoint", "load_checkpoint"),
    "dnn_xp.files.h5": ("load_model", "save_model"),
    "dnn_xp.functions.metrics": ("accuracy", "one_hot"),
    "dnn_xp.gradient_check": ("check_gradient",),
    "dnn_xp.layers": ("Activation", "BatchNorm", "Dense", "Dropout", "LayerNorm"),
    "dnn_xp.network": ("Network",),
    "dnn_xp.training": ("Callback", "EarlyStopping", "TrainingResult", "lbfgs", "sgd", "train"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # not what needs an extra, since ``from dnn_xp import *`` loads all of it
    "Activation",
    "BatchNorm",
    "Callback",
    "Checkpoint",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "LayerNorm",
    "Network",
    "TrainingResult",
    "accuracy",
    "check_gradient",
    "current_backend",
    "lbfgs",
    "load_checkpoint",
    "load_model",
    "one_hot",
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
