"""MLPClassifier: scikit-learn's, on any array."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from dnn_xp.backends import Array, namespace
from dnn_xp.estimators.base import MultilayerPerceptron, is_stochastic
from dnn_xp.estimators.data import host_labels
from dnn_xp.estimators.labels import Labels
from dnn_xp.functions.activations import log_sigmoid, log_softmax, sigmoid, softmax
from dnn_xp.functions.costs import Cost
from dnn_xp.functions.metrics import accuracy, multilabel_accuracy
from dnn_xp.training import class_weights

__all__ = ["MLPClassifier"]


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """A multilayer perceptron that tells classes apart: scikit-learn's, on any array."""

    class_weight: Any = None
    label_smoothing: float = 0.0

    loss = "log_loss"
    _numeric_targets = False

    # ------------------------------------------------------------------ targets

    def _encode(self, y: Any, like: Array | None, *, incremental: bool) -> np.ndarray[Any, Any]:
        if not hasattr(self, "_labels") or not (self.warm_start or incremental):
            self._labels = Labels(y, like)
            self.classes_ = self._labels.classes
        elif self.warm_start and set(found := unique_labels(y)) != set(self._labels.known):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}"
            )
        return self._encode_known(y)

    def _encode_known(self, y: Any) -> np.ndarray[Any, Any]:
        if len(self._labels.unknown(y)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {unique_labels(y)}."
            )
        return self._labels.encode(y)

    def _decode(self, A: Array) -> Any:
        return self._labels.decode(A)

    def _find_cost(self, n_outputs: int) -> str | tuple[str, float] | Cost:
        return f"{'softmax' if self._labels.exclude_each_other else 'sigmoid'}_cross_entropy"

    def _out_activation(self) -> str:
        return "softmax" if self._labels.exclude_each_other else "logistic"

    def _measure(self, A: Array, Y: Array, weights: Array | None) -> Array:
        several = self._labels.kind.startswith("multilabel")
        return (multilabel_accuracy if several else accuracy)(A, Y, weights=weights)

    def _class_weights(self, Y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, str):
            return class_weights(Y.astype(float), "balanced")
        places = {label: place for place, label in enumerate(self._labels.known.tolist())}
        if unknown := [label for label in self.class_weight if label not in places]:
            raise ValueError(f"class_weight: found {unknown[0]!r}, expected one of {list(places)}")
        by_place = {places[label]: weight for label, weight in self.class_weight.items()}
        return class_weights(Y.astype(float), by_place)

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
        classes : array-like, optional
            All labels that will ever be seen; needed in the first call.

        Returns
        -------
        self
        """
        known = None if classes is None else unique_labels(host_labels(classes))
        if not hasattr(self, "_labels"):
            if known is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            labels = host_labels(y)
            self._labels = Labels(
                labels if type_of_target(labels).startswith("multilabel") else known
            )
            self.classes_ = self._labels.classes
        elif known is not None and not np.array_equal(known, self._labels.known):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        self._partial_fit(X, y, sample_weight)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m, n_classes)
            In the order of ``classes_``; of labels that do not exclude each other, one by one.
        """
        Z = self._logits(X, "predict_proba")
        return namespace(Z).matrix_transpose(self._probabilities(Z))

    def predict_log_proba(self, X: Any) -> Array:
        """Predict the logarithm of each class's probability, finite where that rounds to 0.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m, n_classes)
        """
        Z = self._logits(X, "predict_log_proba")
        xp, A = namespace(Z), self._probabilities(Z)
        Z = _of_each_class(Z)
        logarithm = log_softmax(Z) if self._labels.exclude_each_other else log_sigmoid(Z)
        # The logarithm of what `predict_proba` returns, so that the two have the same order.
        smallest = float(xp.finfo(A.dtype).smallest_normal)
        rounded = xp.log(xp.maximum(A, smallest))
        return xp.matrix_transpose(xp.where(smallest < A, rounded, logarithm))

    def _shares(self, Z: Array, output: Any) -> Array:
        return self._labels.shares(Z, output)

    def input_gradient(self, X: Any, output: Any = None) -> Array:
        """Return the derivative of a class's score with respect to each feature (a saliency map).

        The score is the logit: what softmax or the logistic function makes a probability of. Of
        two classes, that of the first is minus that of the second.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        output : label, optional
            One of ``classes_``. Default: the class that is predicted for each example; of labels
            that do not exclude each other, one has to be named.

        Returns
        -------
        array, shape (m, n_features)
        """
        return self._input_gradient(X, output)

    def _probabilities(self, Z: Array) -> Array:
        """Return the probability of each class, shape (n_classes, m)."""
        return (softmax if self._labels.exclude_each_other else sigmoid)(_of_each_class(Z))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the part of the examples whose class, or all of whose labels, are predicted.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        """
        y, predicted, weights = map(host_labels, (y, self.predict(X), sample_weight))
        return float(accuracy_score(y, predicted, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        """Say that examples may have several labels."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _of_each_class(Z: Array) -> Array:
    """Return logits with one row a class: two, where one row tells two classes apart.

    1 - sigmoid(Z) is sigmoid(-Z), and exact also where it is small.
    """
    return Z if Z.shape[0] > 1 else namespace(Z).concat([-Z, Z])
