"""Regressor of tables: predictions averaged over networks, intervals and quantiles."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from dnn_xp.arguments import check_number
from dnn_xp.backends import Array, Matrix, asarray_like, namespace, to_host
from dnn_xp.data.scaling import in_double
from dnn_xp.estimators.data import ArrayLike, HostArray, Targets, host_labels
from dnn_xp.estimators.tabular.base import TabularEstimator
from dnn_xp.estimators.tabular.calibration import HeldOut, conformal_quantile
from dnn_xp.functions.costs import (
    CostSpec,
    back_ordered_quantiles,
    central_outputs,
    find_cost,
    quantiles_of,
)
from dnn_xp.functions.metrics import one_hot

__all__ = ["TabularRegressor"]


@dataclass(eq=False, repr=False, kw_only=True)
class TabularRegressor(RegressorMixin, TabularEstimator):
    """Regressor of tables: strong without tuning, with intervals that hold what they promise.

    It takes data frames with texts, categories and missing values as they are, and arrays of any
    library. An encoder makes columns of the features, several networks are trained on them, each of
    which holds out some examples, and their predictions are averaged.

    Parameters
    ----------
    n_members : int
        Networks whose predictions are averaged. Each holds out examples of its own.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    activation : str, (str, float) or ActivationFunction
        Of the hidden layers: one of `dnn_xp.functions.ACTIVATIONS`.
    dropout : float
        The part of the hidden units that each example misses in training.
    periodic : bool
        Whether numbers are embedded in waves, by a `PeriodicEmbedding`.
    learning_rate_init : float
        From which the learning rate of AdamW falls to 0, along a half cosine.
    weight_decay : float
        Decoupled decay.
    batch_size : int or "auto"
        Examples in a step; ``"auto"`` is a twelfth of them, from 16 to 256.
    max_iter : int or "auto"
        Epochs; ``"auto"`` is 64, and fewer of more than 6,400 examples, down to 24.
    validation : float or None
        The part of the examples that each member holds out, to choose the epoch that is kept and
        for all that is calibrated. None: no part, and the last epoch is kept.
    categorical_features : "from_dtype", array-like of bool, int or str, or None
        Which features are categories, as in scikit-learn's `HistGradientBoostingClassifier`. By
        dtype: texts, booleans, categories of a data frame.
    importances : bool
        Whether `fit` works out ``feature_importances_``.
    time_limit : float or None
        Seconds that a fit may take. Members share them, and come to their end within: the learning
        rate falls the faster. Which epochs are done then depends on the machine.
    n_jobs : int or None
        Members that are trained at a time, in processes of joblib (threads where X is not NumPy's):
        -1 for as many as there are processors. Without a time limit the same bits whatever it is.
        On JAX and on CUDA all are trained at once, as one network, unless callbacks or a
        checkpoint follow each of them.
    random_state : int, RandomState or None
        Of what is held out, of initial parameters, shuffles and dropout.
    verbose : bool or "bar"
        Whether a bar is shown for each member (needs dnn-xp[app]); in processes one, which counts
        members.
    callbacks : list of Callback
        Of dnn_xp, called in the training of each member.
    checkpoint : path or Checkpoint, optional
        The folder where `fit` writes down what it needs to go on. A fit that was killed and is
        called again ends with the very bits of one that was not, with a whole number as
        `random_state`.
    loss : str or tuple
        ``"squared_error"``, ``"absolute_error"``, ``("huber", delta)``, a quantile
        ``("quantile", 0.9)``, or several that never cross: ``("quantile", [0.05, 0.5, 0.95])``.
        Targets are scaled to a mean of 0 and a variance of 1 before it, which delta is counted in.

    Attributes
    ----------
    encoder_ : TableEncoder
        What became of the features: ``encoder_.describe()``.
    network_ : Network
        That of each member, and
    thetas_ : array, shape (n_members, size)
        their parameters: ``network_.forward(thetas_, encoder_.transform(X).T)`` are logits.
    best_epochs_ : list of int
        The epoch that is kept of each member.
    loss_curves_, validation_loss_curves_ : list of list of float
        Of each member, in each epoch.
    n_iter_ : int
        Epochs of the longest training.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X has names.
    feature_importances_, feature_importances_std_ : ndarray, shape (n_features,)
        Where they were asked for: how much the cost grows on examples that were held out where a
        feature is shuffled among them, and its spread over members and shuffles.

    Notes
    -----
    Targets are scaled inside, and predictions stay within those that were seen in training.

    Arrays of other libraries are computed where they are, with
    ``sklearn.set_config(array_api_dispatch=True)``.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp.estimators import TabularRegressor
    >>> X = np.linspace(-3, 3, 400)[:, None]
    >>> y = 200_000 + 50_000 * np.sin(X[:, 0])
    >>> model = TabularRegressor(n_members=2, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.99)
    True
    >>> model.predict_interval(X, coverage=0.9).shape
    (400, 2)
    """

    loss: Any = "squared_error"

    _numeric_targets = True

    def _encode(self, y: Targets, weights: HostArray | None, like: Array | None) -> HostArray:
        Y = _rows_of(y)
        center = np.average(Y, axis=1, weights=weights)[:, None]
        variance = np.average((Y - center) ** 2, axis=1, weights=weights)[:, None]
        scale = np.where(variance > 0.0, np.sqrt(variance), 1.0)
        self._targets = {"center": center, "scale": scale}
        scaled = self._scaled(Y)
        seen = scaled if weights is None else scaled[:, weights > 0.0]
        self._targets |= {"lowest": seen.min(axis=1)[:, None], "highest": seen.max(axis=1)[:, None]}
        return scaled

    def _encode_known(self, y: Targets) -> HostArray:
        return self._scaled(_rows_of(y))

    def _scaled(self, Y: HostArray) -> HostArray:
        return (Y - self._targets["center"]) / self._targets["scale"]

    def _find_cost(self) -> CostSpec:
        cost = find_cost(self.loss)
        if cost.name not in _LOSSES:
            raise ValueError(
                f"loss: found {self.loss!r}, expected one of {', '.join(_LOSSES)}, whose targets "
                "may be scaled; MLPRegressor takes others"
            )
        spec: CostSpec = self.loss
        return spec

    def _calibrate(self, held_out: list[HeldOut], *, same: bool) -> None:
        if same:
            mean = np.mean([self._output(part.Z) for part in held_out], axis=0)
            said = [(mean, held_out[0])]
        else:
            said = [(self._output(part.Z), part) for part in held_out]
        self._errors: dict[str, HostArray] | None = None
        if said:
            scores = np.concatenate([self._missed_by(A, part.Y) for A, part in said], axis=1)
            weights = np.concatenate([part.weights for _, part in said])
            order = np.argsort(scores, axis=1)
            self._errors = {
                "sizes": np.take_along_axis(scores, order, axis=1),
                "weights": weights[order],
            }

    def _missed_by(self, A: HostArray, Y: HostArray) -> HostArray:
        """Return how far targets are beyond the outermost outputs, below 0 where between them."""
        per_target = len(A) // len(Y)
        return np.maximum(A[::per_target] - Y, Y - A[per_target - 1 :: per_target])

    def _output(self, Z: Array) -> Array:
        xp, cost = namespace(Z), find_cost(self.network_.cost)
        A = cost.output(Z)
        low, high = (
            asarray_like(np.repeat(bound, cost.outputs_per_target, axis=0), like=Z)
            for bound in (self._targets["lowest"], self._targets["highest"])
        )
        return xp.minimum(xp.maximum(A, low), high)

    def _in_units(self, A: Matrix) -> Matrix:
        """Return outputs in the units of y, in float64 where there is that."""
        A = in_double(A)
        per_target = A.shape[0] // len(self._targets["scale"])
        center, scale = (
            asarray_like(np.repeat(part, per_target, axis=0), like=A)
            for part in (self._targets["center"], self._targets["scale"])
        )
        return A * scale + center

    # ------------------------------------------------------------------ what a user calls

    def predict(self, X: ArrayLike) -> Array:
        """Predict the targets of examples.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m,) or (m, n_outputs)
            Of several quantiles one column each, those of the first target first.
        """
        A = self._in_units(self._outputs(X, "predict"))
        return A[0, ...] if A.shape[0] == 1 else namespace(A).matrix_transpose(A)

    def predict_interval(self, X: ArrayLike, coverage: float = 0.9) -> Array:
        """Predict intervals that hold the targets of new examples with a probability.

        They are split-conformal: as wide as the errors of members on the examples that they hold
        out say (Vovk et al. 2005; of quantiles Romano et al. 2019), whatever the distribution of
        the targets, where new examples are drawn as those of the fit were.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)
        coverage : float
            Between 0 and 1.

        Returns
        -------
        array, shape (m, 2), or (m, n_outputs, 2)
            The ends of each interval; infinite where too few examples were held out.

        Raises
        ------
        ValueError
            Where no examples were held out.
        """
        check_is_fitted(self)
        coverage = check_number("coverage", coverage, lambda x: 0.0 < x < 1.0, "0 < coverage < 1")
        if self._errors is None:
            raise ValueError(
                f"validation: found {self.validation!r} without X_val, y_val, so that nothing was "
                "held out which intervals could be worked out from; fit with validation=0.2"
            )
        A = self._in_units(self._outputs(X, "predict_interval"))
        xp, n_targets = namespace(A), len(self._targets["scale"])
        per_target = A.shape[0] // n_targets
        pairs = zip(self._errors["sizes"], self._errors["weights"], strict=True)
        beyond = np.asarray([[conformal_quantile(*pair, coverage)] for pair in pairs])
        margin = asarray_like(beyond * self._targets["scale"], like=A)
        low, high = A[::per_target, :] - margin, A[per_target - 1 :: per_target, :] + margin
        ends = xp.stack([xp.minimum(low, high), xp.maximum(low, high)], axis=-1)
        return ends[0, ...] if n_targets == 1 else xp.permute_dims(ends, (1, 0, 2))

    def input_gradient(self, X: ArrayLike, output: int | None = None) -> Array:
        """Return the derivative of a prediction by each number of X.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)
        output : int, optional
            The column of the prediction, where there are several.

        Returns
        -------
        array, shape (m, n_features)
            In units of y over those of the feature; NaN for categories, which have none.

        Raises
        ------
        ValueError
            Where the output is no column of the prediction.
        """
        check_is_fitted(self)
        cost, n_outputs = find_cost(self.network_.cost), self.network_.n_outputs
        row = 0 if output is None and n_outputs == 1 else output
        if not isinstance(row, Integral) or not 0 <= int(row) < n_outputs:
            raise ValueError(
                f"output: found {output!r}, expected a whole number from 0 to {n_outputs - 1}"
            )
        place = int(row)
        scale = float(self._targets["scale"][place // cost.outputs_per_target, 0])

        def back(Z: Matrix) -> Matrix:
            dA = scale * one_hot(np.full(Z.shape[1], place), n_outputs, like=Z)
            levels = quantiles_of(cost)
            return back_ordered_quantiles(dA, Z, *levels) if levels else dA

        return self._input_gradient(X, back)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike = None) -> float:
        """Return R2, the part of the variance of y that is predicted.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional

        Returns
        -------
        float
            Of several quantiles that of the one nearest to the median.
        """
        A = self._in_units(self._outputs(X, "score"))[
            central_outputs(find_cost(self.network_.cost)), :
        ]
        predicted = to_host(namespace(A).matrix_transpose(A))
        y, weights = map(host_labels, (y, sample_weight))
        y = np.asarray(y).reshape(predicted.shape)
        return float(r2_score(y, predicted, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        """Return what it can take: also several targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _rows_of(y: Targets) -> HostArray:
    return np.asarray(y[None, :] if y.ndim == 1 else y.T, np.float64)


_LOSSES = ("squared_error", "absolute_error", "huber", "quantile")
"""Losses whose minimum moves and grows with the targets."""
