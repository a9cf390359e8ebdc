"""Training: optimizers, schedules, runs, and the base class of callbacks."""

from dnn_xp.training.identity import AnotherRunError
from dnn_xp.training.lbfgs import lbfgs
from dnn_xp.training.loop import DivergenceWarning, train
from dnn_xp.training.moments import Callback, Callbacks, Patience
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
from dnn_xp.training.quasi_newton import LBFGSState
from dnn_xp.training.range_test import learning_rate_range_test
from dnn_xp.training.regularization import Regularization
from dnn_xp.training.result import Ending, TrainingResult
from dnn_xp.training.run import Run
from dnn_xp.training.schedules import (
    ReduceOnPlateau,
    constant,
    cosine,
    exponential_decay,
    inverse_scaling,
    one_cycle,
    step_decay,
    warm_up,
)
from dnn_xp.training.weights import class_weights

__all__ = [
    "AnotherRunError",
    "Callback",
    "Callbacks",
    "DivergenceWarning",
    "Ending",
    "LBFGSState",
    "Optimizer",
    "Patience",
    "Progress",
    "ReduceOnPlateau",
    "Regularization",
    "Run",
    "TrainingResult",
    "adagrad",
    "adam",
    "adamw",
    "amsgrad",
    "class_weights",
    "constant",
    "cosine",
    "exponential_decay",
    "inverse_scaling",
    "lbfgs",
    "learning_rate_range_test",
    "lion",
    "momentum",
    "nadam",
    "nesterov",
    "one_cycle",
    "rmsprop",
    "sgd",
    "step_decay",
    "train",
    "warm_up",
]
