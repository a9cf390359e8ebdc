"""Base class of the classifier and the regressor: they validate, translate and train."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from dnn_xp.backends import (
    Array,
    Matrix,
    Namespace,
    as_group,
    asarray_like,
    block_like,
    computes_lazily,
    device,
    dtype_name,
    empty_array,
    map_blocks,
    namespace,
)
from dnn_xp.data.sources import Source, reference_array
from dnn_xp.estimators.coefficients import bring_weights, by_layer
from dnn_xp.estimators.data import (
    DISPATCH,
    ArrayLike,
    Rows,
    as_columns,
    as_dtype,
    check_sample_weight,
    check_X,
    check_X_y,
    finite_when_read,
    keeps_its_library,
    other_library,
    other_place_found,
    place_of,
    warn_of_lost_targets,
)
from dnn_xp.estimators.fitted import FittedNetwork
from dnn_xp.estimators.fitting import FitData, fit_by_lbfgs, fit_by_steps
from dnn_xp.estimators.initialization import draw_theta
from dnn_xp.estimators.monitoring import start_record
from dnn_xp.estimators.parameters import Parameters, check_parameters
from dnn_xp.estimators.past import Past
from dnn_xp.estimators.pickling import full_state, plain_state
from dnn_xp.estimators.sklearn_callbacks import CallbackSupportMixin, reporters, with_callbacks
from dnn_xp.estimators.translation import (
    check_same_layers,
    describe_network,
    drawn_activations,
    hidden_sizes,
)
from dnn_xp.estimators.validation import check_validation_data, split_validation
from dnn_xp.functions.costs import find_cost
from dnn_xp.layers import Arrays
from dnn_xp.network import Network
from dnn_xp.network.propagation import input_gradient, logits
from dnn_xp.training import Callback, Run
from dnn_xp.training.agreement import agreement_over
from dnn_xp.training.evaluation import AT_ONCE

if TYPE_CHECKING:
    from dnn_xp.models.h5 import Model

__all__ = ["MultilayerPerceptron", "is_stochastic"]


def is_stochastic(estimator: Parameters) -> bool:
    """Return True where there is `partial_fit`, as `available_if` asks it.

    Raises
    ------
    AttributeError
        Where there is none: the solver is L-BFGS.
    """
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class MultilayerPerceptron(CallbackSupportMixin, FittedNetwork):
    """Multilayer perceptron with scikit-learn's methods; a subclass knows the targets."""

    # ------------------------------------------------------------------ learning

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike = None,
        *,
        X_val: ArrayLike = None,
        y_val: ArrayLike = None,
        group: Any = None,
    ) -> Self:
        """Fit the network to data.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        X_val, y_val : array-like, optional
            Validation data for each epoch, brought to X's library, dtype and device; early
            stopping then takes none from X.
        group : Group, optional
            The processes that fit together, as in `dnn_xp.train`: each calls this with the same
            data and the same ``random_state``, and all come to the same parameters.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where a parameter is not valid (then an `InvalidParameterError`), the data do not fit
            each other or the parameters, or training diverges.
        GroupError
            Where the processes of a group were told different things, or one is gone.
        """
        group = as_group(group)
        check_parameters(self)
        if (X_val is None) is not (y_val is None):
            raise ValueError("X_val, y_val: found one of them, expected both or none")
        if X_val is not None and self.solver == "lbfgs":
            raise ValueError("X_val: found with solver 'lbfgs', which judges no iterations")
        rng = check_random_state(self.random_state)
        first = not hasattr(self, "coefs_") or not self.warm_start
        begin = partial(self._begin, X, y, sample_weight, rng, first=first)
        agreement = agreement_over(group)
        if agreement is None:
            data, network = begin()
        else:
            data, network = agreement.same("data", begin, self._describe_classes)
        speaks = group is None or group.rank == 0
        attributes_of = partial(self._parameter_attributes, network)
        reported = reporters(self, X, y, sample_weight, attributes_of) if speaks else []
        validation_data = None
        if X_val is not None:
            validation_data = check_validation_data(self, data, X_val, y_val)
        elif self.early_stopping and self.solver != "lbfgs":
            data, validation_data = split_validation(self, data, X, rng)
        with _progress_bar(self, shows=speaks) as bars:
            callbacks = [*reported, *bars]
            if self.solver == "lbfgs":
                fit_by_lbfgs(self, network, data, callbacks, group)
            else:
                fit_by_steps(self, network, data, validation_data, rng, callbacks, group=group)
        if speaks:
            self._warn_of_fit(network, data)
        for reporter in reported:
            reporter.on_fit_end()
        return self

    def _partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike) -> None:
        """Go through data once, from where the last call ended."""
        check_parameters(self)
        rng = check_random_state(self.random_state)
        first = not hasattr(self, "coefs_")
        data, network = self._begin(X, y, sample_weight, rng, first=first, incremental=True)
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.checkpoint is not None:
            raise ValueError("partial_fit does not support checkpoint: save the estimator itself")
        fit_by_steps(self, network, data, None, rng, incremental=True)

    def _describe_classes(self, begun: object) -> dict[str, str]:
        """Return what processes that have encoded the same targets may still differ in."""
        return {"classes_": str(getattr(self, "classes_", None))}

    def _begin(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike,
        rng: np.random.RandomState,
        *,
        first: bool,
        incremental: bool = False,
    ) -> tuple[FitData, Network]:
        """Return data and network; where the fit is the first, with initial parameters."""
        hidden_sizes(self)
        like = block_like(y) if keeps_its_library(y) and not self.fitted_as_numpy else None
        given, (X, y) = X, check_X_y(self, X, y, numeric=self._numeric_targets, reset=first)
        if not first:
            self._check_place(X, given, "partial_fit" if incremental else "fit")
            X = as_dtype(X, dtype_name(self.coefs_[0].dtype))
        weights = check_sample_weight(sample_weight, X)
        Y = self._encode(y, like, incremental=incremental)
        if self._numeric_targets:
            warn_of_lost_targets(Y, X)
        self._fit_scale(Y, weights, first=first)
        Y = self._scaled(Y)
        cost = self._find_cost(Y.shape[0])
        n_outputs = Y.shape[0] * find_cost(cost).outputs_per_target
        network = describe_network(self, X.shape[1], n_outputs, cost)
        if first:
            start_record(self)
            self.n_layers_ = len(hidden_sizes(self)) + 2
            self.out_activation_ = self._out_activation()
            self._progress = self._lbfgs_state = None
            self._past = Past()
            theta = draw_theta(network, drawn_activations(self), rng)
            self._set_theta(network, asarray_like(theta, like=_home(as_columns(X))))
        else:
            check_same_layers(self, network)
        self.n_outputs_ = n_outputs
        return FitData(X, Y, weights), network

    # ------------------------------------------------------------------ converting

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes in plain types, for pickle, skops and copies."""
        return plain_state(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up such attributes."""
        self.__dict__ |= full_state(state)

    def to_model(self) -> "Model":
        """Return the fitted network as `dnn_xp.save_model` writes it and `load_model` reads it."""
        return _conversion().to_model(self)

    @classmethod
    def from_sklearn(cls, fitted: Any) -> Self:
        """Return an estimator that predicts what a fitted one of scikit-learn's predicts.

        Parameters
        ----------
        fitted : estimator
            scikit-learn's of the same name. It stays as it is, and `partial_fit` goes on from its
            parameters, but the state of its optimizer (momenta, the rate reached) is not known.

        Raises
        ------
        TypeError
            For an estimator of another kind.
        """
        return _conversion().from_sklearn(cls, fitted)

    def to_sklearn(self) -> Any:
        """Return scikit-learn's estimator that predicts the same, with arrays of NumPy.

        Parameters that it does not have and that only matter in training, such as ``dropout``, are
        left out, or its defaults.

        Raises
        ------
        ValueError
            Naming what it cannot do: normalizing layers, other activations, losses, targets.
        """
        return _conversion().to_sklearn(self)

    def to(self, xp: Namespace | str, device: Any = None) -> Self:
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
        like = block_like(empty_array(xp, device))
        self.coefs_, self.intercepts_, norms = bring_weights(self._weights(), like)
        if norms:
            self.norms_ = norms
        self._progress = self._lbfgs_state = None  # where the optimizer was, it is no more
        return self

    # ------------------------------------------------------------------ predicting

    def _prepare(self, X: ArrayLike, method: str) -> tuple[list[Arrays], Matrix | Source]:
        """Return the parameters of each layer and the columns of X, in one place and dtype.

        Raises
        ------
        ValueError
            Where X is not where the parameters are: with both places, and the way out.
        """
        check_is_fitted(self)
        given, X = X, check_X(self, X)
        self._check_place(X, given, method)
        X = as_columns(X)
        if computes_lazily(X):
            X = finite_when_read(self, X)
        like, weights = _home(X), self._weights()
        xp = namespace(like)
        if self.fitted_as_numpy:
            weights = bring_weights(weights, like)
        if (dtype := weights.coefs[0].dtype) != like.dtype:
            dtype = xp.result_type(like.dtype, dtype)
            X = X if isinstance(X, Source) else namespace(X).astype(X, dtype)
            weights = bring_weights(weights, like, dtype)
        return by_layer(self._network, weights), X

    def _check_place(self, X: Rows, given: ArrayLike, method: str) -> None:
        """Refuse checked X in another place than the parameters: with both, and the way out."""
        like, coef = _home(as_columns(X)), self.coefs_[0]
        same = (namespace(like), device(like)) == (namespace(coef), device(coef))
        if same or self.fitted_as_numpy:
            return
        found, way_out = place_of(like), ""
        if not keeps_its_library(given) and (library := other_library(given)):
            found = f"an array of {library}, read as NumPy's since array_api_dispatch is off"
            way_out = f"{DISPATCH[0].upper()}{DISPATCH[1:]}."
        raise other_place_found(self, method, found, place_of(coef), way_out)

    def _logits(self, X: ArrayLike, method: str) -> Matrix:
        """Return the logits, shape (n_outputs, m), for a method that an error can name."""
        layers, X = self._prepare(X, method)
        xp = namespace(reference_array(X))
        return logits(self._network, layers, X, batch_size=AT_ONCE, xp=xp)

    def _predictions(self, Z: Matrix) -> Array:
        """Return the predictions that logits stand for."""
        return self._decode(find_cost(self._network.cost).output(Z))

    def predict(self, X: ArrayLike) -> Array:
        """Predict the targets of examples.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m,) or (m, n_outputs)

        Raises
        ------
        ValueError
            Where X has other features than those of the fit, or is in another place.
        """
        Z = self._logits(X, "predict")
        if not computes_lazily(Z):
            return self._predictions(Z)
        labels = map_blocks(partial(_of_block, self._predictions), [], Z)
        return labels if labels.ndim == 1 else labels.T

    def _input_gradient(self, X: ArrayLike, output: Any) -> Matrix:
        """Return the derivative of the score of an output with respect to X, shape of X."""
        layers, X = self._prepare(X, "input_gradient")
        xp, network = namespace(reference_array(X)), self._network
        Z = logits(network, layers, X, batch_size=AT_ONCE, xp=xp)
        dZ = self._logit_gradient(Z, output)
        return xp.matrix_transpose(
            input_gradient(network, layers, X, dZ, batch_size=AT_ONCE, xp=xp)
        )

    def __sklearn_tags__(self) -> Any:
        """Return what it can take: sparse matrices, and arrays of any library."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


@contextmanager
def _progress_bar(estimator: Parameters, *, shows: bool) -> Iterator[list[Callback]]:
    """Show a bar until the end of a block, where ``verbose`` is "bar"; yield what moves it."""
    if estimator.verbose != "bar" or not shows:
        yield []
        return
    # Only here: HDF5, which other callbacks need, takes long to load.
    from dnn_xp.callbacks.progress_bar import ProgressBar, open_bar

    def describe(run: Run) -> str:
        scores = getattr(estimator, "validation_scores_", None)
        score = f"  score {scores[-1]:.4g}" if scores else ""
        return f"loss {run.history['cost'][-1]:.4g}{score}"

    with open_bar() as bar:
        yield [ProgressBar(f"{type(estimator).__name__}  epoch", describe, bar)]


def _home(X: Matrix | Source) -> Array:
    """Return an array that stands where the parameters of a network for X are."""
    return block_like(reference_array(X))


def _of_block(predictions: Callable[[Matrix], Array], parameters: Any, Z: Matrix) -> Array:
    """Return predictions of one block; several targets as rows."""
    labels = predictions(Z)
    return labels if labels.ndim == 1 else labels.T


def _conversion() -> ModuleType:
    """Return the module that few fits need: HDF5 and scikit-learn's networks take long to load."""
    return import_module("dnn_xp.estimators.conversion")
