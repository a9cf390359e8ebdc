"""Regressor: scikit-learn's MLPRegressor, on any array."""

from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from dnn_xp.backends import Array, Matrix, Scalar, Vector, namespace
from dnn_xp.estimators.base import MultilayerPerceptron, is_stochastic
from dnn_xp.estimators.data import ArrayLike, HostArray, Targets, host_labels
from dnn_xp.estimators.target_scale import fit_scale, scaled, unscaled, warn_of_scale
from dnn_xp.estimators.translation import mean_squared_error
from dnn_xp.functions.costs import (
    CostSpec,
    TargetRange,
    back_exponential,
    back_ordered_quantiles,
    central_outputs,
    exponential,
    find_cost,
    quantiles_of,
)
from dnn_xp.functions.metrics import one_hot, r2
from dnn_xp.network import Network

__all__ = ["MLPRegressor"]


@dataclass(eq=False, repr=False)
class _Loss:
    """First parameter of the regressor, in a class of its own since scikit-learn has it first."""

    loss: CostSpec = "squared_error"


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, MultilayerPerceptron, _Loss):
    """Multilayer perceptron that predicts numbers: scikit-learn's, on any array.

    Parameters
    ----------
    loss : str, (str, float), (str, list of float) or Cost
        ``"squared_error"``, ``"poisson"`` (of counts), ``"absolute_error"`` (the median),
        ``("huber", delta)``, ``("quantile", q)``, or a cost of one's own. Several quantiles at
        once, ``("quantile", [0.05, 0.5, 0.95])``, never cross: each is a column of what `predict`
        returns, or, of several targets, those of the first target come first. The score is then
        that of the quantile nearest to the median.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    activation : str, (str, float), ActivationFunction or list
        Of the hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"`` or another of
        `dnn_xp.functions.ACTIVATIONS`; with a parameter, ``("elu", 2.0)``; or a pair of functions
        of one's own. A list has one for each layer.
    solver : str or Optimizer
        ``"lbfgs"``, ``"sgd"``, ``"adam"``, ``"adamw"``, ``"nadam"``, ``"amsgrad"``,
        ``"rmsprop"``, ``"adagrad"``, ``"lion"``; or an optimizer of `dnn_xp.training`, with a
        learning rate and numbers of its own.
    alpha : float
        The L2 penalty ``alpha / 2 * sum(W**2)``, biases spared, is added to the summed loss of a
        batch. So it counts in scikit-learn: less, the larger the batch.
    batch_size : int or "auto"
        Examples in a step; ``"auto"`` is 200, or all if there are fewer. L-BFGS takes all.
    learning_rate : "constant", "invscaling", "adaptive" or callable
        What becomes of the initial rate of ``"sgd"``: it stays, falls as ``(t_ + 1) ** -power_t``,
        or is divided by 5 where training would stop. Or a function of the epoch that multiplies
        the rate of any solver but L-BFGS, such as a schedule of `dnn_xp.training`; it goes on
        over calls of `partial_fit`.
    learning_rate_init : float
        The initial rate.
    power_t : float
        The exponent of ``"invscaling"``.
    max_iter : int
        Epochs, or iterations of L-BFGS, at most.
    shuffle : bool
        Whether each epoch takes the examples in a new order.
    random_state : int, RandomState or None
        Of initial parameters, shuffles, dropout and the examples that are held out.
    tol : float
        What counts as an improvement. L-BFGS ends where no element of the gradient is larger.
    verbose : bool, int or "bar"
        Whether a line is printed after each epoch; ``"bar"`` shows a bar (needs dnn-xp[app]).
    warm_start : bool
        Whether `fit` goes on from the parameters that there are; L-BFGS also from its curvature.
    momentum : float
        Of ``"sgd"``.
    nesterovs_momentum : bool
        Whether it is Nesterov's.
    early_stopping : bool
        Whether a score on held-out examples, or on those given to `fit`, decides when training
        ends and which epoch's parameters are kept.
    validation_fraction : float
        The part that is held out.
    beta_1, beta_2, epsilon : float
        Numbers of ``"adam"`` and its kin.
    n_iter_no_change : int
        Training ends after more epochs than that without an improvement.
    max_fun : int
        Evaluations of the loss by L-BFGS, at most.
    dropout : float or list of float
        The part of the hidden units that each example misses in training; of each layer, in a list.
    batch_norm, layer_norm : bool
        Whether hidden layers are normalized before their activation.
    l1 : float
        L1 penalty; it counts as `alpha` does.
    max_norm : float, optional
        The largest norm that the weights into a unit may have.
    clip_norm : float, optional
        The largest norm that a gradient may have.
    weight_decay : float
        Decoupled decay of ``"adamw"`` and ``"lion"``.
    scoring : str, callable or None
        The score of validation data, the better the greater: a name of scikit-learn's,
        ``scoring(estimator, X, y)``, or ``"loss"``. Whatever X is, a scorer is handed all on the
        host, of a data frame its rows, and weights where it takes ``sample_weight``. Without one,
        the score is measured where X is. Default: R2.
    callbacks : list of Callback
        Of dnn_xp, called after steps and epochs. scikit-learn's are given to `set_callbacks`. A
        log whose file is there already writes one beside it, ``log-2.csv``, and says so: a search
        or a cross-validation has many fits.
    checkpoint : path or Checkpoint, optional
        The folder where `fit` writes down what it needs to go on, a file for each data set and
        each choice of parameters: so those of a search or of a cross-validation stay apart. A fit
        that was killed and is called again ends with the very bits of one that was not; it needs
        a whole number as `random_state`.
    fitted_as_numpy : bool
        Whether ``coefs_`` and ``intercepts_`` are NumPy's whatever X is; any array can then be
        predicted.
    scale_target : bool
        Whether the network learns each target minus its (weighted) mean, divided by its standard
        deviation; predictions are scaled back. It takes targets of any size, such as prices, to
        which the defaults are not made. The loss, its curves and the numbers of a loss (delta) are
        then of scaled targets; scores are of y, or the same for both. A fit that goes on
        (`partial_fit`, ``warm_start``) keeps the scale of the first, whose y should be like the
        others. A saved model, or scikit-learn's, has the scale in its last layer.

    Attributes
    ----------
    coefs_ : list of array, shape (n_inputs, n_units)
        Weights of each layer, in X's library and on its device. They may be set.
    intercepts_ : list of array, shape (n_units,)
        Biases of each layer.
    norms_ : list of dict of str to array
        ``gamma`` and ``beta`` of each normalizing layer, and running statistics.
    loss_ : float
        The last loss, penalties included.
    best_loss_ : float or None
        The lowest; None with early stopping.
    loss_curve_ : list of float
        The loss in each epoch, also of L-BFGS.
    validation_scores_, validation_loss_curve_ : list of float
        Score and loss after each epoch, where there are validation data.
    best_validation_score_ : float or None
        The highest score.
    n_iter_ : int
        Epochs, or iterations, of the last fit.
    t_ : int
        Examples seen in all.
    n_layers_, n_outputs_, n_features_in_ : int
        Layers with that of the inputs; outputs of the last; features.
    feature_names_in_ : ndarray of str
        Where X has names.
    out_activation_ : str
        ``"identity"`` or, of a Poisson loss, ``"exp"``; ``"ordered"`` of several quantiles.
    network_ : Network
        The same in dnn_xp's words, and
    theta_ : array
        its parameters as one vector: ``network_.predict(theta_, X.T)``, of scaled targets where
        they are scaled.
    target_mean_, target_std_ : ndarray, shape (n_targets,)
        What targets are scaled by, where ``scale_target`` was given.

    Notes
    -----
    With the same arguments and ``random_state``, losses and predictions are scikit-learn's within
    rounding: initial parameters, shuffles and splits draw the same numbers.

    X may be of any library, with ``sklearn.set_config(array_api_dispatch=True)``; sparse matrices
    of SciPy are read batch by batch. All of the fit happens where X is. Arrays on Dask are let
    through without that; there ``coefs_`` are of the blocks' library.

    Targets that the dtype of X does not tell apart, such as 1e8 and 1e8 + 1 in float32, are a
    DataConversionWarning: as in scikit-learn, parameters and predictions are of that dtype.

    Where y has a standard deviation far from 1 (outside 1/30 to 30) and `fit` has learnt little of
    it (R2 below 0.3 on the examples trained on), a ConvergenceWarning says so and what helps:
    ``scale_target``. scikit-learn says nothing.

    Another thing is not scikit-learn's: the gradient of L-BFGS for several outputs and a squared
    error. There it is `n_outputs` times that of the loss (scikit-learn issue 8349); here it is its
    own.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp.estimators import MLPRegressor
    >>> X = np.linspace(-3, 3, 200)[:, None]
    >>> y = np.sin(X[:, 0])
    >>> reg = MLPRegressor("squared_error", (16,), "tanh", solver="lbfgs", random_state=0)
    >>> bool(reg.fit(X, y).score(X, y) > 0.999)
    True
    >>> reg.predict([[np.pi / 2]]).round(1)
    array([1.])
    """

    _: KW_ONLY
    scale_target: bool = False

    _numeric_targets = True

    def _encode(self, y: Targets, like: Array | None, *, incremental: bool) -> HostArray:
        return self._encode_known(y)

    def _encode_known(self, y: Targets) -> HostArray:
        Y = y[None, :] if y.ndim == 1 else y.T
        if self.loss == "poisson" and Y.min() < 0:
            raise ValueError("y: found a value below 0, expected counts for loss='poisson'")
        return Y

    def _fit_scale(self, Y: HostArray, weights: HostArray | None, *, first: bool) -> None:
        if first:
            for name in ("target_mean_", "target_std_"):
                self.__dict__.pop(name, None)
            if not self.scale_target:
                return
            cost = find_cost(self.loss)
            if cost.targets != TargetRange():
                raise ValueError(
                    f"scale_target: found True with loss {cost.name!r}, expected False: that loss "
                    "is for targets as they are"
                )
            self.target_mean_, self.target_std_ = fit_scale(Y, weights)
        elif bool(self.scale_target) is not hasattr(self, "target_mean_"):
            raise ValueError(
                f"scale_target: found {self.scale_target}, expected {not self.scale_target} as in "
                "the fit that this one goes on from; with warm_start=False, fit begins anew"
            )

    def _scaled(self, Y: HostArray) -> HostArray:
        if not hasattr(self, "target_mean_"):
            return Y
        return scaled(Y, self.target_mean_, self.target_std_)

    def _warn_of_fit(self, network: Network, data: Any) -> None:
        if self.loss == "squared_error" and not (self.scale_target or self.warm_start):
            warn_of_scale(self, network, data)

    def _decode(self, A: Matrix) -> Array:
        if hasattr(self, "target_mean_"):
            A = unscaled(A, self.target_mean_, self.target_std_)
        return A[0, ...] if A.shape[0] == 1 else namespace(A).matrix_transpose(A)

    def _find_cost(self, n_outputs: int) -> CostSpec:
        if self.loss == "squared_error" and n_outputs > 1:
            return mean_squared_error(descends_the_sum=self.solver != "lbfgs")
        return self.loss

    def _out_activation(self) -> str:
        if quantiles_of(find_cost(self.loss)):
            return "ordered"
        return "exp" if self.loss == "poisson" else "identity"

    def _measure(self, A: Matrix, Y: Matrix, weights: Vector | None) -> Scalar:
        return r2(A[central_outputs(find_cost(self.loss)), :], Y, weights=weights)

    def _logit_gradient(self, Z: Matrix, output: Any) -> Matrix:
        n_outputs, m = Z.shape
        row = 0 if output is None and n_outputs == 1 else output
        if not isinstance(row, Integral) or not 0 <= int(row) < n_outputs:
            raise ValueError(
                f"output: found {output!r}, expected a whole number from 0 to {n_outputs - 1}"
            )
        gradient = one_hot(np.full(m, int(row)), n_outputs, like=Z)
        if hasattr(self, "target_std_"):
            gradient = gradient * float(self.target_std_[row * len(self.target_std_) // n_outputs])
        if levels := quantiles_of(find_cost(self._network.cost)):
            return back_ordered_quantiles(gradient, Z, *levels)
        if self._out_activation() == "identity":
            return gradient
        return back_exponential(gradient, Z, exponential(Z))

    @available_if(is_stochastic)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike = None) -> Self:
        """Go through data once, from where the last call ended.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where a parameter means something only to `fit`, or anything does not fit as in `fit`.
        """
        self._partial_fit(X, y, sample_weight)
        return self

    def input_gradient(self, X: ArrayLike, output: int | None = None) -> Matrix:
        """Return the derivative of a prediction with respect to each feature (a saliency map).

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        output : int, optional
            The column of the prediction, where there are several.

        Returns
        -------
        array, shape (m, n_features)

        Raises
        ------
        ValueError
            Where the output is no column of the prediction, or X does not fit as in `predict`.
        """
        return self._input_gradient(X, output)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike = None) -> float:
        """Return R2, the part of the variance of y that is predicted.

        Of several quantiles it is that of the one nearest to the median.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        """
        y, predicted, weights = map(host_labels, (y, self.predict(X), sample_weight))
        if predicted.ndim == 2:
            predicted = predicted[:, central_outputs(find_cost(self._network.cost))]
        return float(r2_score(y, predicted, sample_weight=weights))
