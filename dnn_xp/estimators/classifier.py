"""MLPClassifier: scikit-learn's, on any array."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, cast

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if

from dnn_xp.backends import Array, namespace
from dnn_xp.estimators.base import MultilayerPerceptron, is_stochastic
from dnn_xp.estimators.data import host_labels
from dnn_xp.estimators.multioutput import labels_of_classes, learn_labels
from dnn_xp.functions.activations import log_sigmoid, log_softmax, sigmoid, softmax
from dnn_xp.functions.costs import CostSpec
from dnn_xp.functions.metrics import accuracy, grouped_accuracy, multilabel_accuracy
from dnn_xp.training import class_weights

__all__ = ["MLPClassifier"]


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """A multilayer perceptron that tells classes apart: scikit-learn's, on any array."""

    _: KW_ONLY
    class_weight: Any = None
    label_smoothing: float = 0.0

    loss = "log_loss"
    _numeric_targets = False

    # ------------------------------------------------------------------ targets

    def _encode(self, y: Any, like: Array | None, *, incremental: bool) -> np.ndarray[Any, Any]:
        if not hasattr(self, "_labels") or not (self.warm_start or incremental):
            self._labels = learn_labels(y, like)
            self.classes_ = self._labels.classes
        elif self.warm_start and len([*self._labels.unknown(y), *self._labels.missing(y)]):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {self._labels.found(y)}"
            )
        return self._encode_known(y)

    def _encode_known(self, y: Any) -> np.ndarray[Any, Any]:
        if len(self._labels.unknown(y)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {self._labels.found(y)}."
            )
        return self._labels.encode(y)

    def _decode(self, A: Array) -> Any:
        return self._labels.decode(A)

    def _find_cost(self, n_outputs: int) -> CostSpec:
        if self._labels.kind == "multiclass-multioutput":
            return cast(CostSpec, ("grouped_softmax_cross_entropy", *self._sizes()))
        return f"{'softmax' if self._exclusive() else 'sigmoid'}_cross_entropy"

    def _exclusive(self) -> bool:
        """Return whether an output stands for a class of which an example has one."""
        return self._labels.kind.startswith("multiclass")

    def _sizes(self) -> tuple[int, ...]:
        """Return how many outputs decide in each choice."""
        return tuple(rows.stop - rows.start for rows, _ in self._labels.choices)

    def _out_activation(self) -> str:
        return "softmax" if self._exclusive() else "logistic"

    def _measure(self, A: Array, Y: Array, weights: Array | None) -> Array:
        kind = self._labels.kind
        if kind == "multiclass-multioutput":
            return grouped_accuracy(A, Y, self._sizes(), weights=weights)
        several = kind.startswith("multilabel")
        return (multilabel_accuracy if several else accuracy)(A, Y, weights=weights)

    def _class_weights(self, Y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        if self.class_weight is None:
            return None
        given, choices = self.class_weight, self._labels.choices
        if isinstance(given, str) or (isinstance(given, dict) and len(choices) == 1):
            given = [given] * len(choices)
        if not isinstance(given, list) or len(given) != len(choices):
            raise ValueError(
                f"class_weight: found {self.class_weight!r}, expected 'balanced' or a list of "
                f"{len(choices)}, one a column of y"
            )
        each = [
            class_weights(Y[rows].astype(float), _by_place(one, known))
            for one, (rows, known) in zip(given, choices, strict=True)
        ]
        return np.prod(each, axis=0)

    # ------------------------------------------------------------------ what a user calls

    @available_if(is_stochastic)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> "MLPClassifier":
        """Go through data once, from where the last call ended.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        classes : array-like, or list of array-like, optional
            All labels that will ever be seen; needed in the first call, unless y has a column of 0
            and 1 for each label. A list with those of each column, where each has its own.

        Returns
        -------
        self
        """
        classes = host_labels(classes)
        if not hasattr(self, "_labels"):
            self._labels = labels_of_classes(classes, host_labels(y))
            self.classes_ = self._labels.classes
        elif classes is not None and not self._labels.are(classes):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        self._partial_fit(X, y, sample_weight)
        return self

    def predict_proba(self, X: Any) -> Any:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m, n_classes), or list of array
            In the order of ``classes_``; of labels that do not exclude each other, one by one; a
            list with one array for each column of targets that has classes of its own.
        """
        return self._by_choice(self._logits(X, "predict_proba"), _probabilities)

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithm of each class's probability, finite where that rounds to 0.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m, n_classes), or list of array
            As from `predict_proba`.
        """
        return self._by_choice(self._logits(X, "predict_log_proba"), _log_probabilities)

    def _by_choice(self, Z: Array, function: Callable[[Array, bool], Array]) -> Any:
        """Return a function of the logits, one class a column; of each choice, where several."""
        transposed, exclusive = namespace(Z).matrix_transpose, self._exclusive()
        if self._labels.kind != "multiclass-multioutput":
            return transposed(function(Z, exclusive))
        return [transposed(function(Z[rows, :], exclusive)) for rows, _ in self._labels.choices]

    def _shares(self, Z: Array, output: Any) -> Array:
        return self._labels.shares(Z, output)

    def input_gradient(self, X: Any, output: Any = None) -> Array:
        """Return the derivative of a class's score with respect to each feature (a saliency map).

        The score is the logit: what softmax or the logistic function makes a probability of. Of
        two classes, that of the first is minus that of the second.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        output : label, or (int, label), optional
            One of ``classes_``; a column and one of its classes, where each column has its own.
            Default, where there is one choice: the class that is predicted for each example.

        Returns
        -------
        array, shape (m, n_features)
        """
        return self._input_gradient(X, output)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the part of the examples whose class, or classes, or labels, are all predicted.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        """
        y, predicted, weights = map(host_labels, (y, self.predict(X), sample_weight))
        if self._labels.kind == "multiclass-multioutput":
            right = np.all(np.asarray(y) == predicted, axis=1)
            return float(np.average(right, weights=weights))
        return float(accuracy_score(y, predicted, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        """Say that examples may have several labels, or classes."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


def _by_place(weights: Any, known: np.ndarray[Any, Any]) -> Literal["balanced"] | dict[int, float]:
    """Return weights of classes by the places of these."""
    if isinstance(weights, str):
        return "balanced"
    places = {label: place for place, label in enumerate(known.tolist())}
    if unknown := [label for label in weights if label not in places]:
        raise ValueError(f"class_weight: found {unknown[0]!r}, expected one of {list(places)}")
    return {places[label]: weight for label, weight in weights.items()}


def _probabilities(Z: Array, exclusive: bool) -> Array:
    """Return the probability of each class, shape (n_classes, m)."""
    return softmax(Z) if exclusive else sigmoid(_of_each_class(Z))


def _log_probabilities(Z: Array, exclusive: bool) -> Array:
    """Return the logarithm of the probability of each class, shape (n_classes, m)."""
    xp, A = namespace(Z), _probabilities(Z, exclusive)
    logarithm = log_softmax(Z) if exclusive else log_sigmoid(_of_each_class(Z))
    # The logarithm of what `_probabilities` returns, so that the two have the same order.
    smallest = float(xp.finfo(A.dtype).smallest_normal)
    rounded = xp.log(xp.maximum(A, smallest))
    return xp.where(smallest < A, rounded, logarithm)


def _of_each_class(Z: Array) -> Array:
    """Return logits with one row a class: two, where one row tells two classes apart.

    1 - sigmoid(Z) is sigmoid(-Z), and exact also where it is small.
    """
    return Z if Z.shape[0] > 1 else namespace(Z).concat([-Z, Z])
