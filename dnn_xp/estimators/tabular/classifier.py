"""Classifier of tables: calibrated probabilities, averaged over networks."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from dnn_xp.backends import Array, namespace
from dnn_xp.data.scaling import in_double
from dnn_xp.estimators.class_weights import ClassWeight, weights_by_class
from dnn_xp.estimators.data import ArrayLike, HostArray, Targets, host_labels
from dnn_xp.estimators.multioutput import MultioutputLabels, learn_labels, part_of_right
from dnn_xp.estimators.tabular.base import TabularEstimator
from dnn_xp.estimators.tabular.calibration import HeldOut, fit_temperature
from dnn_xp.functions.costs import CostSpec, find_cost

__all__ = ["TabularClassifier"]


@dataclass(eq=False, repr=False, kw_only=True)
class TabularClassifier(ClassifierMixin, TabularEstimator):
    """Classifier of tables: strong without tuning, with calibrated probabilities.

    It takes data frames with texts, categories and missing values as they are, and arrays of any
    library. An encoder makes columns of the features, several networks are trained on them, each of
    which holds out some examples, and their probabilities are averaged.

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
    class_weight : "balanced", dict, list of dict or None
        Weights of the classes, as in `MLPClassifier`.
    label_smoothing : float
        The part of each target that is spread over all classes in training.

    Attributes
    ----------
    classes_ : ndarray, or list of ndarray
        The classes; of each column of targets that has classes of its own.
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
    temperature_ : float
        That logits are divided by, fitted on the examples that were held out (Guo et al. 2017).

    Notes
    -----
    Targets of shape (m,) are of two classes or of many; those of shape (m, k) are k labels, 0 or
    1, that do not exclude each other, or k columns with classes of their own.

    Arrays of other libraries are computed where they are, with
    ``sklearn.set_config(array_api_dispatch=True)``.

    Examples
    --------
    >>> import numpy as np
    >>> from dnn_xp.estimators import TabularClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = np.asarray([[age, color] for age in range(20, 70) for color in ("red", "blue")], object)
    >>> y = np.asarray([(age > 45) != (color == "red") for age, color in X])
    >>> X[::7, 0] = None  # unknown
    >>> model = TabularClassifier(n_members=2, random_state=0).fit(X, y)
    >>> model.predict([[60, "blue"], [60, "red"]]).tolist()
    [True, False]
    """

    class_weight: ClassWeight = None
    label_smoothing: float = 0.05

    _numeric_targets = False

    def _encode(self, y: Targets, weights: HostArray | None, like: Array | None) -> HostArray:
        check_classification_targets(y)
        self._labels = learn_labels(y, like)
        self.classes_ = self._labels.classes
        return self._labels.encode(y)

    def _encode_known(self, y: Targets) -> HostArray:
        if len(unknown := self._labels.unknown(y)):
            raise ValueError(f"y: found {list(unknown)}, expected one of {self.classes_}")
        return self._labels.encode(y)

    def _strata(self, y: Targets) -> HostArray:
        if y.ndim > 1:
            return super()._strata(y)
        return np.unique(y, return_inverse=True)[1]

    @property
    def _label_smoothing(self) -> float:  # type: ignore[override]
        return self.label_smoothing

    def _find_cost(self) -> CostSpec:
        if self._labels.kind == MultioutputLabels.kind:
            sizes = (rows.stop - rows.start for rows, _ in self._labels.choices)
            return cast(CostSpec, ("grouped_softmax_cross_entropy", *sizes))
        exclusive = self._labels.kind.startswith("multiclass")
        return f"{'softmax' if exclusive else 'sigmoid'}_cross_entropy"

    def _example_weights(self, Y: HostArray, weights: HostArray | None) -> HostArray | None:
        by_class = weights_by_class(self.class_weight, self._labels, Y)
        if by_class is None or weights is None:
            return weights if by_class is None else by_class
        return by_class * weights

    def _calibrate(self, held_out: list[HeldOut], *, same: bool) -> None:
        self.temperature_ = fit_temperature(self.network_.cost, held_out, same=same)

    def _output(self, Z: Array) -> Array:
        Z = Z / self.temperature_
        if self._tells_two_apart():  # 1 - sigmoid(Z) is sigmoid(-Z), exact also where it is small
            Z = namespace(Z).concat([-Z, Z], axis=-2)
        return find_cost(self.network_.cost).output(Z)

    def _tells_two_apart(self) -> bool:
        """Return whether one output stands for two classes."""
        return self._labels.kind == "binary"

    # ------------------------------------------------------------------ what a user calls

    def predict(self, X: ArrayLike) -> Array:
        """Predict the class of each example, or its classes, or labels.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m,) or (m, n_outputs)
        """
        A = self._outputs(X, "predict")
        return self._labels.decode(A[1:, :] if self._tells_two_apart() else A)

    def predict_proba(self, X: ArrayLike) -> Array | list[Array]:
        """Predict the calibrated probability of each class.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m, n_classes), or list of array
            In the order of ``classes_``; of labels that do not exclude each other, one by one; a
            list with one array for each column of targets that has classes of its own.
        """
        return self._probabilities(X, "predict_proba")

    def _probabilities(self, X: ArrayLike, method: str) -> Array | list[Array]:
        A = in_double(self._outputs(X, method))
        xp = namespace(A)
        if self._labels.kind.startswith("multilabel"):
            return xp.matrix_transpose(A)
        if not isinstance(self._labels, MultioutputLabels):
            return xp.matrix_transpose(A / xp.sum(A, axis=0))
        choices = [A[rows, :] for rows, _ in self._labels.choices]
        return [xp.matrix_transpose(choice / xp.sum(choice, axis=0)) for choice in choices]

    def predict_log_proba(self, X: ArrayLike) -> Array | list[Array]:
        """Predict the logarithm of each class's probability.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m, n_classes), or list of array
            As from `predict_proba`, at least the logarithm of the smallest number of its dtype.
        """
        found = self._probabilities(X, "predict_log_proba")
        return [*map(_logarithm, found)] if isinstance(found, list) else _logarithm(found)

    def input_gradient(self, X: ArrayLike, output: Any = None) -> Array:
        """Return the derivative of a class's score by each number of X (a saliency map).

        The score is the logit over the temperature, averaged over members. Of two classes, that of
        the first is minus that of the second.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)
        output : label, or (int, label), optional
            One of ``classes_``; a column and one of its classes, where each column has its own.
            Default, where there is one choice: the class that each member predicts.

        Returns
        -------
        array, shape (m, n_features)
            NaN for categories, which have none.

        Raises
        ------
        ValueError
            Where the output is none of the classes.
        """
        check_is_fitted(self)
        return self._input_gradient(
            X, lambda Z: self._labels.logit_gradient(Z, output) / self.temperature_
        )

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike = None) -> float:
        """Return the part of the examples whose class, or classes, or labels, are all predicted.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        """
        y, predicted, weights = map(host_labels, (y, self.predict(X), sample_weight))
        return part_of_right(self._labels, y, predicted, weights)

    def __sklearn_tags__(self) -> Any:
        """Return what it can take: also targets with several labels, or classes."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


def _logarithm(A: Array) -> Array:
    xp = namespace(A)
    return xp.log(xp.maximum(A, float(xp.finfo(A.dtype).smallest_normal)))
