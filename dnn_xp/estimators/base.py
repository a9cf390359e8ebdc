"""What the classifier and the regressor share: they validate, translate and call `train`."""

import math
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from dnn_xp.backends import Array, bring, device, empty_array, namespace, to_host
from dnn_xp.data.sources import Source, reference_array
from dnn_xp.estimators.coefficients import AT_ONCE, Weights, by_layer, from_theta, moved, to_theta
from dnn_xp.estimators.data import (
    as_columns,
    check_sample_weight,
    check_X,
    check_X_y,
    keeps_its_library,
)
from dnn_xp.estimators.fitting import Data, fit_by_lbfgs, fit_by_steps, hold_out
from dnn_xp.estimators.initialization import draw_theta
from dnn_xp.estimators.parameters import Parameters, check_parameters
from dnn_xp.estimators.progress_bar import shown
from dnn_xp.estimators.sklearn_callbacks import CallbackSupportMixin, reporters, with_callbacks
from dnn_xp.estimators.translation import describe_network, hidden_activations, hidden_sizes
from dnn_xp.functions.costs import CostSpec, find_cost
from dnn_xp.layers import Arrays
from dnn_xp.network import Network
from dnn_xp.network.propagation import input_gradient, logits
from dnn_xp.training import LBFGSState, Optimizer, Progress

if TYPE_CHECKING:
    from dnn_xp.models.h5 import Model

__all__ = ["MultilayerPerceptron", "is_stochastic"]


def is_stochastic(estimator: Parameters) -> bool:
    """Return True, or say why there is no `partial_fit`."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class MultilayerPerceptron(CallbackSupportMixin, Parameters):
    """A network with scikit-learn's methods; a subclass knows the targets."""

    _numeric_targets: bool

    coefs_: list[Array]
    intercepts_: list[Array]
    norms_: list[Arrays]
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float]
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    _network: Network
    _no_improvement_count: int
    _progress: Progress | None = None
    _last_optimizer: Optimizer | None = None
    _lbfgs_state: LBFGSState | None = None

    def _encode(self, y: Any, like: Array | None, *, incremental: bool) -> np.ndarray[Any, Any]:
        """Return the targets of a network, shape (n_outputs, m), having learnt what they are."""
        raise NotImplementedError

    def _encode_known(self, y: Any) -> np.ndarray[Any, Any]:
        """Return the targets of a network, of a kind that is known."""
        raise NotImplementedError

    def _decode(self, A: Array) -> Any:
        """Return predictions from the network's outputs, shape (n_outputs, m)."""
        raise NotImplementedError

    def _find_cost(self, n_outputs: int) -> CostSpec:
        """Return the cost of the network."""
        raise NotImplementedError

    def _out_activation(self) -> str:
        """Return scikit-learn's name of the activation of the outputs."""
        raise NotImplementedError

    def _measure(self, A: Array, Y: Array, weights: Array | None) -> Array:
        """Return the score of outputs."""
        raise NotImplementedError

    def _logit_gradient(self, Z: Array, output: Any) -> Array:
        """Return how much of each logit, for each example, is the output that is asked for."""
        raise NotImplementedError

    def _class_weights(self, Y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        """Return the weights that examples have by their class."""
        return None

    # ------------------------------------------------------------------ learning

    @with_callbacks
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> "MultilayerPerceptron":
        """Fit the network to data.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        X_val, y_val : array-like, optional
            Data on which each epoch is judged; early stopping then holds out no part of X.

        Returns
        -------
        self
        """
        check_parameters(self)
        if (X_val is None) is not (y_val is None):
            raise ValueError("X_val, y_val: found one of them, expected both or none")
        if X_val is not None and self.solver == "lbfgs":
            raise ValueError("X_val: found with solver 'lbfgs', which judges no iterations")
        rng = check_random_state(self.random_state)
        first = not hasattr(self, "coefs_") or not self.warm_start
        data, network = self._begin(X, y, sample_weight, rng, first=first)
        reported = reporters(self, X, y, sample_weight, partial(self._attributes, network))
        held_out = None
        if X_val is not None:
            X_val, y_val = check_X_y(self, X_val, y_val, numeric=self._numeric_targets, reset=False)
            held_out = Data(X_val, self._encode_known(y_val), None)
        elif self.early_stopping and self.solver != "lbfgs":
            data, held_out = hold_out(self, data, rng)
        with shown(self) as bars:
            callbacks = [*reported, *bars]
            if self.solver == "lbfgs":
                fit_by_lbfgs(self, network, data, callbacks)
            else:
                fit_by_steps(self, network, data, held_out, rng, self.max_iter, callbacks)
        for reporter in reported:
            reporter.on_fit_end()
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Go through data once, from where the last call ended."""
        check_parameters(self)
        rng = check_random_state(self.random_state)
        first = not hasattr(self, "coefs_")
        data, network = self._begin(X, y, sample_weight, rng, first=first, incremental=True)
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.checkpoint is not None:
            raise ValueError("partial_fit does not support checkpoint: save the estimator itself")
        fit_by_steps(self, network, data, None, rng, 1, incremental=True)

    def _begin(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        rng: np.random.RandomState,
        *,
        first: bool,
        incremental: bool = False,
    ) -> tuple[Data, Network]:
        """Return data and network, with parameters and curves as the training finds them."""
        hidden_sizes(self)
        like = y if keeps_its_library(y) and not self.fitted_as_numpy else None
        X, y = check_X_y(self, X, y, numeric=self._numeric_targets, reset=first)
        weights = check_sample_weight(sample_weight, X)
        Y = self._encode(y, like, incremental=incremental)
        self.n_outputs_ = Y.shape[0]
        network = describe_network(self, X.shape[1], Y.shape[0], self._find_cost(Y.shape[0]))
        if first:
            self.n_iter_, self.t_, self._no_improvement_count = 0, 0, 0
            self.n_layers_ = len(hidden_sizes(self)) + 2
            self.out_activation_ = self._out_activation()
            self.loss_curve_, self.best_loss_ = [], None if self.early_stopping else math.inf
            self.validation_scores_ = self.best_validation_score_ = None
            self._progress = self._lbfgs_state = None
            self._set_theta(
                network,
                bring(
                    draw_theta(network, hidden_activations(self), rng),
                    like=reference_array(as_columns(X)),
                ),
            )
        return Data(X, Y, weights), network

    # ------------------------------------------------------------------ parameters

    def _set_theta(self, network: Network, theta: Array) -> None:
        """Keep the parameters as scikit-learn's attributes."""
        self.__dict__ |= self._attributes(network, theta)

    def _attributes(self, network: Network, theta: Array) -> dict[str, Any]:
        """Return the attributes that hold the parameters."""
        weights = from_theta(network, to_host(theta) if self.fitted_as_numpy else theta)
        found = {"_network": network, "coefs_": weights.coefs, "intercepts_": weights.intercepts}
        return found | ({"norms_": weights.norms} if weights.norms else {})

    def _weights(self) -> Weights:
        return Weights(self.coefs_, self.intercepts_, getattr(self, "norms_", []))

    @property
    def network_(self) -> Network:
        """The network, in the library's own words."""
        check_is_fitted(self)
        return self._network

    @property
    def theta_(self) -> Array:
        """All its parameters as one vector, as `network_` takes them."""
        check_is_fitted(self)
        return to_theta(self._network, self._weights())

    def to_model(self) -> "Model":
        """Return the fitted network as `dnn_xp.save_model` writes it and `load_model` reads it."""
        return _interchange().to_model(self)

    @classmethod
    def from_sklearn(cls, fitted: Any) -> Self:
        """Return an estimator that predicts what a fitted one of scikit-learn's predicts.

        Parameters
        ----------
        fitted : estimator
            scikit-learn's of the same name. It stays as it is, and `partial_fit` goes on from its
            parameters, but the state of its optimizer (momenta, the rate reached) is not known.
        """
        return _interchange().from_sklearn(cls, fitted)

    def to_sklearn(self) -> Any:
        """Return scikit-learn's estimator that predicts the same, with arrays of NumPy.

        Arguments that it has not and that only matter in training, such as ``dropout``, are left
        out, or its defaults.

        Raises
        ------
        ValueError
            Naming what it cannot do: normalizing layers, other activations, losses, targets.
        """
        return _interchange().to_sklearn(self)

    def to(self, xp: Any, device: Any = None) -> "MultilayerPerceptron":
        """Move the fitted network to another library or device.

        Parameters
        ----------
        xp : namespace or str
            ``numpy``, ``torch``, ``cupy``, ``jax.numpy``, or one of `dnn_xp.backends.BACKENDS`.
        device : optional
            A device of that library. Default: its own.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        like = empty_array(xp, device)
        self.coefs_, self.intercepts_, norms = moved(self._weights(), like)
        if norms:
            self.norms_ = norms
        self._progress = self._lbfgs_state = None  # where the optimizer was, it is no more
        return self

    # ------------------------------------------------------------------ predicting

    def _placed(self, X: Any, method: str) -> tuple[list[Arrays], Array | Source]:
        """Return the parameters of each layer and the columns of X, in one place and dtype.

        Raises
        ------
        ValueError
            Where X is not where the parameters are: with both places, and the way out.
        """
        check_is_fitted(self)
        X = as_columns(check_X(self, X))
        like, weights = reference_array(X), self._weights()
        xp, mine = namespace(like), weights.coefs[0]
        if self.fitted_as_numpy:
            weights = moved(weights, like)
        elif (xp, device(like)) != (namespace(mine), device(mine)):
            name, found, expected = type(self).__name__, _place(like), _place(mine)
            raise ValueError(
                f"Inputs passed to {name}.{method}() must use the same namespace and the same "
                f"device as those passed to fit(). Found {found}, expected {expected}. Move the "
                f"estimator with {name}.to(xp, device), or move X."
            )
        if (own := weights.coefs[0].dtype) != like.dtype:
            dtype = xp.result_type(like.dtype, own)
            X = X if isinstance(X, Source) else xp.astype(X, dtype)
            weights = moved(weights, like, dtype)
        return by_layer(self._network, weights), X

    def _logits(self, X: Any, method: str) -> Array:
        """Return what the last layer gives, shape (n_outputs, m), to a method."""
        layers, X = self._placed(X, method)
        xp = namespace(reference_array(X))
        return logits(self._network, layers, X, batch_size=AT_ONCE, xp=xp)

    def _outputs(self, X: Any) -> Array:
        """Return the outputs of the network, shape (n_outputs, m)."""
        Z = self._logits(X, "predict")
        return find_cost(self._network.cost).output(Z)

    def predict(self, X: Any) -> Any:
        """Predict the targets of examples.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m,) or (m, n_outputs)
        """
        return self._decode(self._outputs(X))

    def _input_gradient(self, X: Any, output: Any) -> Array:
        """Return the derivative of the outputs' shares with respect to X, shape of X."""
        layers, X = self._placed(X, "input_gradient")
        xp, network = namespace(reference_array(X)), self._network
        Z = logits(network, layers, X, batch_size=AT_ONCE, xp=xp)
        dZ = self._logit_gradient(Z, output)
        return xp.matrix_transpose(
            input_gradient(network, layers, X, dZ, batch_size=AT_ONCE, xp=xp)
        )

    def __sklearn_tags__(self) -> Any:
        """Say what it takes: sparse matrices, and arrays of any library."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


def _interchange() -> Any:
    """Return the module that few fits need: HDF5 and scikit-learn's networks take long to load."""
    return import_module("dnn_xp.estimators.conversion")


def _place(x: Array) -> str:
    """Return the library and the device of an array, in words."""
    return f"{namespace(x).__name__.rpartition('compat.')[2]} on {device(x)}"
