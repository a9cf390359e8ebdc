"""How a network learns: optimizers, batches, the loop and its callbacks."""

from dnn_xp.training.callbacks import (
    Callback,
    EarlyStopping,
    Moment,
    TrainingResult,
)
from dnn_xp.training.loop import DivergenceWarning, train
from dnn_xp.training.optimizers import (
    Optimizer,
    adagrad,
    adam,
    adamw,
    amsgrad,
    lion,
    momentum,
    nadam,
    nesterov,
    rmsprop,
    sgd,
)
from dnn_xp.training.progress import Progress
from dnn_xp.training.step import Regularization

__all__ = [
    "Callback",
    "DivergenceWarning",
    "EarlyStopping",
    "Moment",
    "Optimizer",
    "Progress",
    "Regularization",
    "TrainingResult",
    "adagrad",
    "adam",
    "adamw",
    "amsgrad",
    "lion",
    "momentum",
    "nadam",
    "nesterov",
    "rmsprop",
    "sgd",
    "train",
]
