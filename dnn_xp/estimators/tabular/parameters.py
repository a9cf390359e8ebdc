"""Parameters that the estimators of tables have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dnn_xp.layers import ActivationSpec
from dnn_xp.training import Callback

if TYPE_CHECKING:
    from dnn_xp.estimators.parameters import BaseEstimator
else:
    from sklearn.base import BaseEstimator

__all__ = ["TabularParameters"]


@dataclass(eq=False, repr=False, kw_only=True)
class TabularParameters(BaseEstimator):
    """Parameters that the classifier and the regressor of tables have in common.

    They are documented where users meet them, in `TabularClassifier` and `TabularRegressor`.
    """

    n_members: int = 4
    hidden_layer_sizes: int | Sequence[int] = (128, 128, 128)
    activation: ActivationSpec = "relu"
    dropout: float = 0.0
    periodic: bool = True
    learning_rate_init: float = 0.005
    weight_decay: float = 0.01
    batch_size: int | Literal["auto"] = "auto"
    max_iter: int | Literal["auto"] = "auto"
    validation: float | None = 0.2
    categorical_features: Any = "from_dtype"
    importances: bool = False
    time_limit: float | None = None
    n_jobs: int | None = None
    random_state: int | np.random.RandomState | None = None
    verbose: bool | int | Literal["bar"] = False
    callbacks: Sequence[Callback] = ()
    checkpoint: Any = None
