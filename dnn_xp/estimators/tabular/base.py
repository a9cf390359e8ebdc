"""Base class of the estimators of tables: they encode, train members, and average them."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from dnn_xp.arguments import naming_argument
from dnn_xp.backends import (
    Array,
    Matrix,
    Namespace,
    Vector,
    asarray_like,
    computes_lazily,
    device,
    empty_array,
    namespace,
    prefers_few_calls,
    threads_for,
    to_host,
)
from dnn_xp.data.tables import TableEncoder
from dnn_xp.estimators.checkpoints import check_draws_again
from dnn_xp.estimators.data import (
    ArrayLike,
    HostArray,
    Targets,
    check_sample_weight,
    host_labels,
    keeps_its_library,
    optional_like,
    other_library,
    other_place_found,
    place_of,
)
from dnn_xp.estimators.parameters import TABLE_RULES, check_parameters
from dnn_xp.estimators.tabular.calibration import HeldOut
from dnn_xp.estimators.tabular.checkpoints import open_member_checkpoint
from dnn_xp.estimators.tabular.importances import permutation_importances
from dnn_xp.estimators.tabular.members import (
    Examples,
    Member,
    Recipe,
    run_members,
    take,
    train_member,
)
from dnn_xp.estimators.tabular.parameters import TabularParameters
from dnn_xp.estimators.tabular.recipe import make_recipe, within
from dnn_xp.estimators.tabular.shares import Share, draw_shares
from dnn_xp.estimators.tabular.state import attributes_of, full_state, model_of, plain_state
from dnn_xp.estimators.tabular.together import train_together
from dnn_xp.functions.costs import CostSpec, find_cost
from dnn_xp.models.h5 import Model
from dnn_xp.network import Network
from dnn_xp.training import Callback
from dnn_xp.training.evaluation import AT_ONCE

__all__ = ["TabularEstimator"]

_FEW = 64
"""Rows up to which members predict at once: a loop over them would cost more than the products."""
_LEAST = 1e-9
"""Seconds that are left where time is over: the first step is then the last."""


class Plan(NamedTuple):
    """What all members are trained by, here or in processes of their own.

    Attributes
    ----------
    recipe : Recipe
    examples : Examples
    shares : list of Share
        That of each member, who trains on a copy of it where members are trained one by one.
    validation : Examples, optional
        Of the user's own, for all members.
    seeds : list of int
    end : float or None
        When time is over, on the clock of `time.monotonic`.
    n_jobs : int
        Members that are trained at a time.
    checkpoint : path, Checkpoint or None
    callbacks : sequence of Callback
    """

    recipe: Recipe
    examples: Examples
    shares: list[Share]
    validation: Examples | None
    seeds: list[int]
    end: float | None
    n_jobs: int
    checkpoint: Any
    callbacks: Sequence[Callback]

    def training(self, i: int) -> Examples:
        """Return what a member trains on."""
        places = self.shares[i].training
        whole = len(places) == self.examples.X.shape[1]
        return self.examples if whole else take(self.examples, places)

    def held_out(self, i: int) -> Examples | None:
        """Return what the epoch of a member is chosen by."""
        places = self.shares[i].held_out
        return take(self.examples, places) if len(places) else self.validation


def train_one(plan: Plan, i: int) -> Member | None:
    """Return a member of a plan, or None where there is no time left for another."""
    training, held_out = plan.training(i), plan.held_out(i)
    recipe, limits = plan.recipe, list[Callback]()
    if plan.end is not None:
        rounds = -(-(len(plan.seeds) - i) // plan.n_jobs)
        seconds = (plan.end - time.monotonic()) / rounds
        if seconds <= 0.0 and i:
            return None
        recipe, limits = within(recipe, max(seconds, _LEAST))
    with threads_for(0, like=training.X):  # the number of threads decides the last bits
        written, resume = open_member_checkpoint(
            plan.checkpoint, plan.recipe, training, plan.seeds[i]
        )
        own = (one.apart() for one in plan.callbacks)  # a log for each member
        callbacks = [*own, *limits, *written]
        return train_member(recipe, training, held_out, plan.seeds[i], callbacks, resume)


class TabularEstimator(TabularParameters):
    """Ensemble of networks on tables, with scikit-learn's methods; a subclass knows the targets."""

    _numeric_targets: bool
    _label_smoothing: float = 0.0
    n_features_in_: int

    # ------------------------------------------------------------------ what a subclass knows

    def _encode(self, y: Targets, weights: HostArray | None, like: Array | None) -> HostArray:
        """Return the targets of a network, shape (n_outputs, m), having learnt what they are.

        Parameters
        ----------
        y : ndarray, shape (m,) or (m, n_outputs)
        weights : ndarray, shape (m,), optional
        like : array, optional
            y as it came, where it is of another library than NumPy.
        """
        raise NotImplementedError

    def _encode_known(self, y: Targets) -> HostArray:
        """Return the targets of a network, of a kind that is known."""
        raise NotImplementedError

    def _find_cost(self) -> CostSpec:
        """Return the cost of the network."""
        raise NotImplementedError

    def _strata(self, y: Targets) -> HostArray:
        """Return the class of each example, of which each member holds out its part."""
        return np.zeros(len(y), np.int64)

    def _example_weights(self, Y: HostArray, weights: HostArray | None) -> HostArray | None:
        """Return the weights of examples, those of their classes included."""
        return weights

    def _calibrate(self, held_out: list[HeldOut], *, same: bool) -> None:
        """Learn from what members say of examples that they have not seen.

        Parameters
        ----------
        held_out : list of HeldOut
            Of each member.
        same : bool
            Whether these are the same examples for all.
        """
        raise NotImplementedError

    def _output(self, Z: Array) -> Array:
        """Return what is averaged over members, from logits of shape (..., n_outputs, m)."""
        raise NotImplementedError

    # ------------------------------------------------------------------ learning

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike = None,
        *,
        X_val: ArrayLike = None,
        y_val: ArrayLike = None,
    ) -> Self:
        """Fit the encoder, the members and their calibration.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        X_val, y_val : optional
            Validation data of your own: all members then train on all of X.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where a parameter is not valid (then an `InvalidParameterError`), the data do not fit
            each other or the parameters, or training diverges.
        """
        end = None if self.time_limit is None else time.monotonic() + self.time_limit
        check_parameters(self, TABLE_RULES)
        if (X_val is None) is not (y_val is None):
            raise ValueError("X_val, y_val: found one of them, expected both or none")
        if self.importances and self.validation is None and X_val is None:
            raise ValueError(
                "importances: found True with validation=None, so that nothing is held out which "
                "they could be worked out on; fit with validation=0.2"
            )
        if self.checkpoint is not None:
            check_draws_again(self.random_state)
        rng = check_random_state(self.random_state)
        X = _readable(X)
        self.encoder_ = TableEncoder(categorical_features=self.categorical_features).fit(X)
        validate_data(self, X, skip_check_array=True, reset=True)
        rows = self.encoder_.transform(X)
        like = y if keeps_its_library(y) else None
        y = self._check_y(y, rows)
        given = check_sample_weight(sample_weight, rows)
        Y = self._encode(y, given, like)
        weights = self._example_weights(Y, given)
        validation = None if X_val is None else self._check_validation(X_val, y_val, rows)
        shares = self._draw_shares(y, weights, rng, own=validation is not None)
        cost = self._find_cost()
        recipe = make_recipe(
            self,
            n_columns=rows.shape[1],
            n_numbers=self.encoder_.n_numbers_,
            n_outputs=len(Y) * find_cost(cost).outputs_per_target,
            n_training=len(shares[0].training),
            cost=cost,
            label_smoothing=self._label_smoothing,
        )
        plan = Plan(
            recipe,
            _examples(rows, Y, weights),
            shares,
            validation,
            [int(rng.randint(2**31)) for _ in range(self.n_members)],
            end,
            _effective_jobs(self.n_jobs, self.n_members),
            self.checkpoint,
            self.callbacks,
        )
        members = _train(self, plan)
        self._keep(plan, members, rng)
        return self

    def _check_y(self, y: ArrayLike, rows: Array) -> Targets:
        """Return y on the host with one row an example."""
        if y is None:
            name = type(self).__name__
            raise ValueError(
                f"This {name} estimator requires y to be passed, but the target y is None."
            )
        y = check_array(
            host_labels(y),
            ensure_2d=False,
            dtype="numeric" if self._numeric_targets else None,
            input_name="y",
        )
        check_consistent_length(rows, y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y

    def _check_validation(self, X_val: ArrayLike, y_val: ArrayLike, rows: Array) -> Examples:
        with naming_argument("X_val, y_val"):
            held_rows = asarray_like(self._encoded(X_val), like=rows)
            Y = self._encode_known(self._check_y(y_val, held_rows))
        return _examples(held_rows, Y, None)

    def _draw_shares(
        self, y: Targets, weights: HostArray | None, rng: np.random.RandomState, *, own: bool
    ) -> list[Share]:
        """Return the share of each member; examples of weight 0 are in none."""
        counted = np.arange(len(y)) if weights is None else np.flatnonzero(weights)
        if own or self.validation is None:
            return [Share(counted, counted[:0])] * self.n_members
        drawn = draw_shares(self._strata(y)[counted], self.n_members, self.validation, rng)
        return [Share(counted[share.training], counted[share.held_out]) for share in drawn]

    def _keep(self, plan: Plan, members: list[Member], rng: np.random.RandomState) -> None:
        """Keep what was learnt, and calibrate it."""
        network, xp = plan.recipe.network, namespace(plan.examples.X)
        self.network_ = network
        self.thetas_ = xp.stack([member.theta for member in members])
        self.loss_curves_ = [member.history.get("cost", []) for member in members]
        self.validation_loss_curves_ = [
            member.history.get("validation_cost", []) for member in members
        ]
        self.best_epochs_ = [member.epoch for member in members]
        self.n_iter_ = max(len(curve) for curve in self.loss_curves_)
        if self.time_limit is not None and not all(self.best_epochs_):
            warnings.warn(
                f"time_limit: {self.time_limit} s were over within the first epoch of a member; it "
                "has learnt little",
                ConvergenceWarning,
                stacklevel=3,
            )
        parts = [plan.held_out(i) for i in range(len(members))]
        known = [part for part in parts if part is not None]
        held_out = [
            _say(network, member.theta, part) for member, part in zip(members, known, strict=False)
        ]
        self._calibrate(held_out, same=plan.validation is not None)
        self.__dict__.pop("feature_importances_", None)
        if self.importances:
            found = permutation_importances(
                network,
                [member.theta for member in members],
                known,
                self.encoder_.column_features_,
                self.n_features_in_,
                rng,
            )
            self.feature_importances_, self.feature_importances_std_ = found

    # ------------------------------------------------------------------ keeping

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes in plain types, for pickle, skops and copies."""
        return plain_state(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up such attributes."""
        self.__dict__ |= full_state(state)

    def to_model(self) -> Model:
        """Return what was fitted as `dnn_xp.save_model` writes it and `load_model` reads it."""
        check_is_fitted(self)
        return model_of(self)

    def to(self, xp: Namespace | str, device: Any = None) -> Self:
        """Move the members to another library or device.

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
        self.thetas_ = asarray_like(self.thetas_, like=empty_array(xp, device))
        return self

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """Return an estimator that predicts what the one did that a model was made of.

        Parameters
        ----------
        model : Model
            As `dnn_xp.load_model` reads it.

        Raises
        ------
        ValueError
            Where the model is of another estimator.
        """
        estimator = cls()
        estimator.__dict__ |= attributes_of(cls, model)
        return estimator

    # ------------------------------------------------------------------ predicting

    def _encoded(self, X: ArrayLike) -> Array:
        """Return the encoded rows of X, of the features that the fit knows."""
        check_is_fitted(self)
        X = _readable(X)
        validate_data(self, X, skip_check_array=True, reset=False)
        return self.encoder_.transform(X)

    def _rows_for(self, X: ArrayLike, method: str) -> Array:
        """Return the encoded rows of X, for a method that an error can name.

        Raises
        ------
        ValueError
            Where they are not where the members are: with both places, and the way out.
        """
        rows, thetas = self._encoded(X), self.thetas_
        if (namespace(rows), device(rows)) != (namespace(thetas), device(thetas)):
            raise other_place_found(self, method, place_of(rows), place_of(thetas))
        return rows

    def _outputs(self, X: ArrayLike, method: str) -> Matrix:
        """Return the outputs of the network, shape (n_outputs, m), averaged over members."""
        rows = self._rows_for(X, method)
        columns, network, thetas = rows.T, self.network_, self.thetas_
        k, m = thetas.shape[0], columns.shape[1]
        if m <= _FEW:
            return namespace(rows).mean(self._output(network.forward(thetas, columns)), axis=0)
        total = None
        for i in range(k):
            A = self._output(network.forward(thetas[i, ...], columns, batch_size=AT_ONCE))
            total = A if total is None else total + A
        return total / k

    def _input_gradient(self, X: ArrayLike, back: Callable[[Matrix], Matrix]) -> Array:
        """Return the derivative of a score by each number, averaged over members.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)
        back : callable
            ``back(Z)`` is the derivative of the score by the logits.
        """
        rows, network = self._rows_for(X, "input_gradient"), self.network_
        encoder, thetas, columns, xp = self.encoder_, self.thetas_, rows.T, namespace(rows)
        total = xp.zeros_like(columns)
        for i in range(thetas.shape[0]):
            theta = thetas[i, ...]
            dZ = back(network.forward(theta, columns, batch_size=AT_ONCE))
            total += network.input_gradient(theta, columns, dZ, batch_size=AT_ONCE)
        place_of = {int(j): i for i, j in enumerate(encoder.column_features_[: encoder.n_numbers_])}
        unknown = xp.full_like(rows[:, 0], math.nan)
        derivatives = []
        for j, feature in enumerate(encoder.features_):
            if j not in place_of:
                derivatives.append(unknown if feature.levels is not None else 0.0 * rows[:, 0])
                continue
            encoded = rows[:, place_of[j]]
            slope = (1.0 - (encoded / 3.0) ** 2) ** 1.5 / feature.scale  # of the smooth clip
            derivatives.append(slope * total[place_of[j], :] / thetas.shape[0])
        return xp.stack(derivatives, axis=1)

    def __sklearn_tags__(self) -> Any:
        """Return what it can take: missing values, texts, sparse matrices, any library."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.array_api_support = True
        return tags


def _say(network: Network, theta: Vector, part: Examples) -> HeldOut:
    """Return what a member says of examples, on the host."""
    Z = to_host(network.forward(theta, part.X, batch_size=AT_ONCE)).astype(np.float64)
    weights = np.ones(Z.shape[1]) if part.weights is None else to_host(part.weights)
    return HeldOut(Z, to_host(part.Y).astype(np.float64), weights.astype(np.float64))


def _examples(rows: Array, Y: HostArray, weights: HostArray | None) -> Examples:
    """Return examples in columns, where their rows are."""
    return Examples(rows.T, asarray_like(Y, like=rows), optional_like(weights, rows))


def _readable(X: ArrayLike) -> ArrayLike:
    """Return X where an encoder can read it: an array that is not let through moved to the host.

    Raises
    ------
    ValueError
        For an array on Dask, all of which would be brought here.
    """
    if computes_lazily(X):
        raise ValueError(
            "X: found an array on Dask, of which medians would take all; expected a data frame or "
            "an array that is here: X.compute(), or MLPClassifier or MLPRegressor"
        )
    shape = getattr(X, "shape", (0, 0))
    if len(shape) != 2:
        raise ValueError(
            f"Expected 2D array, got {len(shape)}D array instead. Reshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it "
            "contains a single sample."
        )
    return to_host(X) if other_library(X) and not keeps_its_library(X) else X


def _train(estimator: TabularParameters, plan: Plan) -> list[Member]:
    """Return the members, trained as one network where that is faster and nobody follows each."""
    rows, n_members = plan.examples.X, len(plan.seeds)
    followed = bool(plan.callbacks) or plan.checkpoint is not None
    if prefers_few_calls(rows) and n_members > 1 and not followed:
        with _progress_bar(estimator, "epoch", plan.recipe.epochs) as (_, tell):
            return _train_together(plan, tell)
    shared = not isinstance(rows, np.ndarray)
    counted = "member" if plan.n_jobs > 1 and not shared else None
    with _progress_bar(estimator, counted, n_members) as (bars, tell):
        train_each = partial(train_one, plan._replace(callbacks=[*plan.callbacks, *bars]))
        return run_members(train_each, n_members, plan.n_jobs, shared=shared, tell=tell)


def _train_together(plan: Plan, tell: Callable[[int], None]) -> list[Member]:
    recipe, end = plan.recipe, math.inf
    if plan.end is not None:
        recipe, _ = within(recipe, max(plan.end - time.monotonic(), _LEAST))
        end = plan.end
    with threads_for(0, like=plan.examples.X):
        return train_together(
            recipe, plan.examples, plan.shares, plan.validation, plan.seeds, end=end, tell=tell
        )


def _effective_jobs(n_jobs: int | None, n_members: int) -> int:
    """Return how many members are trained at a time."""
    from joblib import effective_n_jobs

    return min(effective_n_jobs(n_jobs), n_members)


@contextmanager
def _progress_bar(
    estimator: TabularParameters, counted: str | None, total: int
) -> Iterator[tuple[list[Callback], Callable[[int], None]]]:
    """Show bars until the end of a block, where ``verbose`` asks for it.

    One that counts members, trained in other processes, or epochs of all of them; else one for
    each member, by a callback.
    """
    if not estimator.verbose:
        yield [], lambda n_done: None
        return
    from dnn_xp.callbacks.progress_bar import ProgressBar, open_bar

    title = type(estimator).__name__
    with open_bar() as bar:
        if counted is None:
            yield [ProgressBar(f"{title}  epoch", bar=bar)], lambda n_done: None
        else:
            task = bar.add_task(f"{title}  {counted}", total=total, text="")
            yield [], lambda n_done: bar.update(task, completed=n_done)
