"""MLPRegressor: scikit-learn's, on any array."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from dnn_xp.backends import Array, namespace
from dnn_xp.estimators.base import MultilayerPerceptron, is_stochastic
from dnn_xp.estimators.data import host_labels
from dnn_xp.estimators.description import mean_squared_error
from dnn_xp.functions.costs import CostSpec, back_exponential, exponential, find_cost
from dnn_xp.functions.metrics import one_hot, r2

__all__ = ["MLPRegressor"]


@dataclass(eq=False, repr=False)
class _Loss:
    """The regressor's first argument, in a class of its own since scikit-learn has it first."""

    loss: Any = "squared_error"


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, MultilayerPerceptron, _Loss):
    """A multilayer perceptron that predicts numbers: scikit-learn's, on any array."""

    _numeric_targets = True

    def _encode(self, y: Any, like: Array | None, *, incremental: bool) -> np.ndarray[Any, Any]:
        return self._encode_known(y)

    def _encode_known(self, y: Any) -> np.ndarray[Any, Any]:
        Y = y[None, :] if y.ndim == 1 else y.T
        if self.loss == "poisson" and Y.min() < 0:
            raise ValueError("y: found a value below 0, expected counts for loss='poisson'")
        return Y

    def _decode(self, A: Array) -> Any:
        return A[0, ...] if A.shape[0] == 1 else namespace(A).matrix_transpose(A)

    def _find_cost(self, n_outputs: int) -> CostSpec:
        if self.loss == "squared_error" and n_outputs > 1:
            return mean_squared_error(descends_the_sum=self.solver != "lbfgs")
        return find_cost(self.loss)

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _measure(self, A: Array, Y: Array, weights: Array | None) -> Array:
        return r2(A, Y, weights=weights)

    def _shares(self, Z: Array, output: Any) -> Array:
        n_outputs, m = Z.shape
        row = 0 if output is None and n_outputs == 1 else output
        if not isinstance(row, Integral) or not 0 <= int(row) < n_outputs:
            raise ValueError(
                f"output: found {output!r}, expected a whole number from 0 to {n_outputs - 1}"
            )
        shares = one_hot(np.full(m, int(row)), n_outputs, like=Z)
        if self._out_activation() == "identity":
            return shares
        return back_exponential(shares, Z, exponential(Z))

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPRegressor":
        """Go through data once, from where the last call ended.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional

        Returns
        -------
        self
        """
        self._partial_fit(X, y, sample_weight)
        return self

    def input_gradient(self, X: Any, output: Any = None) -> Array:
        """Return the derivative of a prediction with respect to each feature (a saliency map).

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        output : int, optional
            The column of the prediction, where there are several.

        Returns
        -------
        array, shape (m, n_features)
        """
        return self._input_gradient(X, output)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R2, the part of the variance of y that is predicted.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        """
        y, predicted, weights = map(host_labels, (y, self.predict(X), sample_weight))
        return float(r2_score(y, predicted, sample_weight=weights))
