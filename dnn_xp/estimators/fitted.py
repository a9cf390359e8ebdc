"""Fitted state of an estimator: its attributes, and what a subclass has to know of its targets."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from dnn_xp.backends import Array, Matrix, Scalar, Vector, to_host
from dnn_xp.estimators.coefficients import Weights, from_theta, to_theta
from dnn_xp.estimators.data import HostArray, Targets
from dnn_xp.estimators.multioutput import ClassLabels
from dnn_xp.estimators.parameters import Parameters
from dnn_xp.estimators.past import Past
from dnn_xp.functions.costs import CostSpec
from dnn_xp.layers import Arrays
from dnn_xp.network import Network
from dnn_xp.training import LBFGSState, Progress
from dnn_xp.training.optimizers import Update

__all__ = ["FittedNetwork"]


class FittedNetwork(Parameters):
    """Network with the attributes of a fit, as the modules here read and write them.

    Those of the epochs are written by `dnn_xp.estimators.monitoring` alone.
    """

    _numeric_targets: bool
    class_weight: Any

    # The network, and its parameters in scikit-learn's form.
    n_features_in_: int
    n_outputs_: int
    n_layers_: int
    out_activation_: str
    coefs_: list[Array]
    intercepts_: list[Array]
    norms_: list[Arrays]
    _network: Network

    # Of a regressor whose targets are scaled.
    target_mean_: HostArray
    target_std_: HostArray

    # Of a classifier.
    classes_: Any
    _labels: ClassLabels

    # The epochs.
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float]
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    _no_improvement_count: int
    _learning_rate: float = 1.0  # as a part of the initial one

    # From where training can go on.
    _past: Past = Past()
    _progress: Progress | None = None
    _last_optimizer: str | Update | None = None  # its name, or what is one's own
    _lbfgs_state: LBFGSState | None = None

    # ------------------------------------------------------------------ what a subclass knows

    def _encode(self, y: Targets, like: Array | None, *, incremental: bool) -> HostArray:
        """Return the targets of a network, shape (n_outputs, m), having learnt what they are."""
        raise NotImplementedError

    def _encode_known(self, y: Targets) -> HostArray:
        """Return the targets of a network, of a kind that is known."""
        raise NotImplementedError

    def _fit_scale(self, Y: HostArray, weights: HostArray | None, *, first: bool) -> None:
        """Learn what targets are scaled by, where they are; a fit that goes on keeps it."""

    def _scaled(self, Y: HostArray) -> HostArray:
        """Return targets as they are trained on."""
        return Y

    def _warn_of_fit(self, network: Network, data: Any) -> None:
        """Warn where a fit is bad for a reason that is known."""

    def _decode(self, A: Matrix) -> Array:
        """Return predictions from the network's outputs, shape (n_outputs, m)."""
        raise NotImplementedError

    def _find_cost(self, n_outputs: int) -> CostSpec:
        """Return the cost of the network."""
        raise NotImplementedError

    def _out_activation(self) -> str:
        """Return scikit-learn's name of the activation of the outputs."""
        raise NotImplementedError

    def _measure(self, A: Matrix, Y: Matrix, weights: Vector | None) -> Scalar:
        """Return the score of outputs."""
        raise NotImplementedError

    def _logit_gradient(self, Z: Matrix, output: Any) -> Matrix:
        """Return the derivative of the score of an output with respect to each logit."""
        raise NotImplementedError

    def _class_weights(self, Y: HostArray) -> HostArray | None:
        """Return the weights that examples have by their class."""
        return None

    # ------------------------------------------------------------------ parameters

    def _set_theta(self, network: Network, theta: Vector) -> None:
        """Keep the parameters as scikit-learn's attributes."""
        self.__dict__ |= self._parameter_attributes(network, theta)

    def _parameter_attributes(self, network: Network, theta: Vector) -> dict[str, Any]:
        """Return the attributes that hold the network and its parameters."""
        weights = from_theta(network, to_host(theta) if self.fitted_as_numpy else theta)
        attributes = {
            "_network": network,
            "coefs_": weights.coefs,
            "intercepts_": weights.intercepts,
        }
        return attributes | ({"norms_": weights.norms} if weights.norms else {})

    def _weights(self) -> Weights:
        """Return the parameters, layer by layer."""
        return Weights(self.coefs_, self.intercepts_, getattr(self, "norms_", []))

    @property
    def network_(self) -> Network:
        """The network, in the library's own words."""
        check_is_fitted(self)
        return self._network

    @property
    def theta_(self) -> Vector:
        """All its parameters as one vector, as `network_` takes them."""
        check_is_fitted(self)
        return to_theta(self._network, self._weights())
